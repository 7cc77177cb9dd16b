//! The pace of a notifier where several services send through it: one count for all of them.
//!
//! Kept as the time at which the next message would leave if all left evenly, by the server's
//! clock; read and moved on within a turn, of which a notifier has one at a time. A service that
//! is alone keeps its pace in memory, and asks nobody.

use std::time::Duration;

use super::StoreError;
use super::sql::{Tx, query, query_as, query_scalar};

/// How fast messages may leave through a notifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// One message each `every`, after a first `burst`; zero where there is no limit.
    pub every: Duration,
    pub burst: u32,
    /// The service has asked for a pause, this long from now.
    pub pause: Option<Duration>,
}

/// What the pace lets through now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) count: u32,
    /// Until the next one, where that is fewer than was asked for.
    pub(super) wait: Option<Duration>,
}

/// Beyond this the microseconds would overflow; no burst is larger, no pace slower.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
const LARGEST_BURST: u32 = 10_000;

impl Rhythm {
    fn every_us(&self) -> i64 {
        microseconds(self.every)
    }

    /// By how much messages may leave before their even time.
    fn ahead_us(&self) -> i64 {
        self.every_us() * i64::from(self.burst.clamp(1, LARGEST_BURST) - 1)
    }

    fn allowed(&self, arrival_us: i64, now_us: i64, most: u32) -> Allowed {
        let earliest = arrival_us - self.ahead_us();
        let count = match (now_us - earliest, self.every_us()) {
            (..0, _) => 0,
            (_, 0) => most,
            (since, every) => u32::try_from(since / every + 1).unwrap_or(most).min(most),
        };
        let next = earliest + self.every_us() * i64::from(count) - now_us;
        let wait = (count < most).then(|| Duration::from_micros(u64::try_from(next).unwrap_or(0)));
        Allowed { count, wait }
    }
}

fn microseconds(time: Duration) -> i64 {
    i64::try_from(time.min(LONGEST).as_micros()).unwrap_or(i64::MAX)
}

/// How many of `most` may leave now, after a pause that was asked for.
pub(super) async fn allowed(
    transaction: &mut Tx,
    notifier: &str,
    rhythm: &Rhythm,
    most: u32,
) -> Result<Allowed, StoreError> {
    if matches!(transaction, Tx::Sqlite(_)) {
        return Ok(Allowed { count: most, wait: None });
    }
    let (mut arrival, now) = read(transaction, notifier).await?;
    if let Some(pause) = rhythm.pause {
        // It begins slowly after that: one message, and a burst only after a rest.
        arrival = arrival.max(now + microseconds(pause) + rhythm.ahead_us());
        write(transaction, notifier, arrival).await?;
    }
    Ok(rhythm.allowed(arrival, now, most))
}

/// Counts messages that leave now.
pub(super) async fn spend(
    transaction: &mut Tx,
    notifier: &str,
    rhythm: &Rhythm,
    count: usize,
) -> Result<(), StoreError> {
    if matches!(transaction, Tx::Sqlite(_)) || count == 0 || rhythm.every.is_zero() {
        return Ok(());
    }
    let (arrival, now) = read(transaction, notifier).await?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    write(transaction, notifier, arrival.max(now) + rhythm.every_us().saturating_mul(count)).await
}

/// The even time of the next message, and the server's time; in microseconds.
async fn read(transaction: &mut Tx, notifier: &str) -> Result<(i64, i64), StoreError> {
    let known: Option<(i64, i64)> =
        query_as("SELECT arrival_us, now_us() FROM pace WHERE notifier = $1")
            .bind(notifier)
            .fetch_optional(&mut *transaction)
            .await?;
    Ok(match known {
        Some(known) => known,
        None => {
            let now = query_scalar("SELECT now_us()").fetch_one(transaction).await?;
            (now, now)
        }
    })
}

async fn write(transaction: &mut Tx, notifier: &str, arrival_us: i64) -> Result<(), StoreError> {
    query(
        "INSERT INTO pace (notifier, arrival_us) VALUES ($1, $2)
         ON CONFLICT (notifier) DO UPDATE SET arrival_us = excluded.arrival_us",
    )
    .bind(notifier)
    .bind(arrival_us)
    .execute(transaction)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_US: i64 = 1_000_000;

    fn rhythm(every_ms: u64, burst: u32) -> Rhythm {
        Rhythm { every: Duration::from_millis(every_ms), burst, pause: None }
    }

    #[test]
    fn a_rest_gives_the_burst_back_and_no_more_than_that() {
        let rhythm = rhythm(1_000, 3);
        let seconds = |count, wait| Allowed { count, wait: Some(Duration::from_millis(wait)) };

        assert_eq!(rhythm.allowed(0, 0, 9), seconds(3, 1_000));
        assert_eq!(rhythm.allowed(3 * SECOND_US, 0, 9), seconds(0, 1_000));
        assert_eq!(rhythm.allowed(3 * SECOND_US, SECOND_US / 4, 9), seconds(0, 750));
        assert_eq!(rhythm.allowed(3 * SECOND_US, SECOND_US, 9), seconds(1, 1_000));
        assert_eq!(rhythm.allowed(3 * SECOND_US, SECOND_US, 1), Allowed { count: 1, wait: None });
    }

    #[test]
    fn without_a_limit_only_a_pause_makes_wait() {
        let rhythm = rhythm(0, 1);

        assert_eq!(rhythm.allowed(7, 7, 99), Allowed { count: 99, wait: None });
        let waits = Allowed { count: 0, wait: Some(Duration::from_micros(5)) };
        assert_eq!(rhythm.allowed(12, 7, 99), waits);
    }
}
