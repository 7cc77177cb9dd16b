//! A token's budget of requests, so that long walks and many single reads do not hammer.
//!
//! Some may leave at once, then they leave evenly. The published advice for this API names no
//! number for the list; single reads are said to be allowed 20 a second, of which a token that
//! other tools share should not take much.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How many requests may leave at once after a rest: a poll with its single reads.
const BURST: u32 = 20;

/// The pace after that: two a second.
const INTERVAL: Duration = Duration::from_millis(500);

/// Lets requests pass at a pace.
#[derive(Debug)]
pub(super) enum Budget {
    /// For an API on this machine.
    Unlimited,
    Paced(Mutex<Pace>),
}

/// When the next request would be due if all had left evenly.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    due: Option<Instant>,
}

impl Budget {
    pub(super) fn paced() -> Self {
        Self::Paced(Mutex::default())
    }

    /// Waits until one more request may leave.
    pub(super) async fn spend(&self) {
        let wait = match self {
            Self::Unlimited => Duration::ZERO,
            Self::Paced(pace) => {
                pace.lock().unwrap_or_else(PoisonError::into_inner).reserve(Instant::now())
            }
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }
}

impl Pace {
    /// Takes the next place and says how long it is until then.
    fn reserve(&mut self, now: Instant) -> Duration {
        let due = self.due.map_or(now, |due| due.max(now)) + INTERVAL;
        self.due = Some(due);
        due.saturating_duration_since(now + INTERVAL * BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_leaves_at_once_and_the_rest_evenly() {
        let start = Instant::now();
        let mut pace = Pace::default();

        let waits: Vec<_> = (0..23).map(|_| pace.reserve(start).as_millis()).collect();
        let after_a_rest = pace.reserve(start + Duration::from_secs(60));

        assert!(waits[..20].iter().all(|wait| *wait == 0), "{waits:?}");
        assert_eq!(waits[20..], [500, 1_000, 1_500]);
        assert_eq!(after_a_rest, Duration::ZERO);
    }
}
