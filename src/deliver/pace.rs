//! How fast messages may leave through one notifier.
//!
//! `pipeline` keeps one [`Pacer`] a notifier and asks before each send; where it must wait it
//! puts the delivery back instead of holding a worker. The time comes in as a value. In memory
//! only: several processes do not know of each other's pace.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use governor::Quota;
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, RateLimiter, StateStore};

use super::settings::Pace;
use crate::model::NotifierKind;

/// The pace of a notifier whose table names none: within what its service publishes.
pub const fn default_pace(kind: NotifierKind) -> Pace {
    match kind {
        // One message a second for each webhook, short bursts allowed.
        // <https://docs.slack.dev/apis/web-api/rate-limits>
        NotifierKind::Slack => Pace::Limited { every: Duration::from_secs(1), burst: 3 },
        // Five in two seconds by the headers, and about thirty a minute for a channel, seen in
        // practice: a burst of 5 and 25 more make thirty in the first minute.
        // <https://github.com/discord/discord-api-docs/issues/6753>
        NotifierKind::Discord => Pace::Limited { every: Duration::from_millis(2400), burst: 5 },
        // Providers differ; one a second is what Amazon SES starts everybody with.
        // <https://docs.aws.amazon.com/ses/latest/dg/quotas.html>
        NotifierKind::Email => Pace::Limited { every: Duration::from_secs(1), burst: 10 },
        NotifierKind::Webhook => Pace::Limited { every: Duration::from_millis(100), burst: 20 },
        NotifierKind::Command | NotifierKind::Console => Pace::Unlimited,
    }
}

/// The pace of a Slack bot that edits its messages: at least fifty edits a minute are allowed in
/// all of a workspace, and this makes fifty in the first. Replies come beside them, which count
/// by themselves. <https://docs.slack.dev/apis/web-api/rate-limits>
pub const EDITING_PACE: Pace = Pace::Limited { every: Duration::from_millis(1250), burst: 2 };

/// Lets messages through at a pace.
#[derive(Debug)]
pub struct Pacer {
    /// The first time that was handed in; all others count from it.
    origin: OnceLock<Instant>,
    inner: Inner,
}

#[derive(Debug)]
enum Inner {
    Limited {
        limiter: RateLimiter<NotKeyed, Arrival, Watch, NoOpMiddleware<Nanos>>,
        arrival: Arrival,
        /// What one message costs, in nanoseconds.
        interval_ns: u64,
        /// From an empty bucket to a full one, in nanoseconds: what a hold must add so that it
        /// ends with one message and not with a burst.
        refill_ns: u64,
    },
    Unlimited {
        not_before_ns: AtomicU64,
    },
}

/// No message waits longer than this for the one before it, and no burst is larger: beyond
/// them the limiter's nanoseconds would overflow.
const LONGEST_PACE: Duration = Duration::from_secs(24 * 60 * 60);
const LARGEST_BURST: u32 = 10_000;

impl Pacer {
    /// A pacer whose burst is unused.
    pub fn new(pace: Pace) -> Self {
        let quota = match pace {
            Pace::Limited { every, burst } => Quota::with_period(every.min(LONGEST_PACE)).zip(
                // A burst of none would never let a message through.
                NonZeroU32::new(burst.clamp(1, LARGEST_BURST)),
            ),
            Pace::Unlimited => None,
        };
        let inner = match quota {
            Some((quota, burst)) => {
                let quota = quota.allow_burst(burst);
                let arrival = Arrival::default();
                let limiter = RateLimiter::new(quota, arrival.clone(), Watch::default());
                let interval_ns = nanos(quota.replenish_interval());
                let refill_ns = interval_ns * u64::from(burst.get() - 1);
                Inner::Limited { limiter, arrival, interval_ns, refill_ns }
            }
            None => Inner::Unlimited { not_before_ns: AtomicU64::new(0) },
        };
        Self { origin: OnceLock::new(), inner }
    }

    /// Takes the right to send one message.
    ///
    /// # Errors
    /// How long to wait before asking again.
    pub fn try_take(&self, now: Instant) -> Result<(), Duration> {
        let now_ns = self.since_origin(now);
        match &self.inner {
            Inner::Limited { limiter, .. } => {
                limiter.clock().0.fetch_max(now_ns, Ordering::AcqRel);
                limiter.check().map_err(|not_until| not_until.wait_time_from(Nanos::new(now_ns)))
            }
            Inner::Unlimited { not_before_ns } => {
                match not_before_ns.load(Ordering::Acquire).saturating_sub(now_ns) {
                    0 => Ok(()),
                    wait_ns => Err(Duration::from_nanos(wait_ns)),
                }
            }
        }
    }

    /// Gives back the right to send so many messages that was just taken and not used.
    pub fn give_back(&self, unused: u32) {
        if let Inner::Limited { arrival, interval_ns, .. } = &self.inner {
            let back_ns = interval_ns.saturating_mul(u64::from(unused));
            let less = |arrival: u64| Some(arrival.saturating_sub(back_ns));
            // It always gives a new value, so it always succeeds.
            let _ = arrival.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        }
    }

    /// Lets nothing through before `until`, and then begins slowly: one message, and a burst
    /// only after a rest. For a service that named a wait.
    pub fn hold_until(&self, until: Instant) {
        let until_ns = self.since_origin(until);
        match &self.inner {
            Inner::Limited { arrival, refill_ns, .. } => {
                arrival.0.fetch_max(until_ns.saturating_add(*refill_ns), Ordering::AcqRel);
            }
            Inner::Unlimited { not_before_ns } => {
                not_before_ns.fetch_max(until_ns, Ordering::AcqRel);
            }
        }
    }

    fn since_origin(&self, now: Instant) -> u64 {
        nanos(now.saturating_duration_since(*self.origin.get_or_init(|| now)))
    }
}

fn nanos(duration: Duration) -> u64 {
    // Half of the range (292 years) is left for what the limiter adds.
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).min(u64::MAX / 2)
}

/// A clock that shows the latest time handed in, in nanoseconds since the origin.
#[derive(Debug, Default)]
struct Watch(AtomicU64);

impl Clock for Watch {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.load(Ordering::Acquire))
    }
}

/// When the next message would arrive if all came evenly: the limiter's whole state, shared so
/// that a hold can push it on.
#[derive(Debug, Clone, Default)]
struct Arrival(Arc<AtomicU64>);

impl StateStore for Arrival {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut seen = self.0.load(Ordering::Acquire);
        loop {
            let (taken, next) = decide((seen != 0).then(|| Nanos::new(seen)))?;
            let next = next.as_u64();
            match self.0.compare_exchange_weak(seen, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(taken),
                Err(changed) => seen = changed,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn limited(burst: u32) -> Pacer {
        Pacer::new(Pace::Limited { every: SECOND, burst })
    }

    #[test]
    fn after_its_burst_a_pacer_lets_one_through_each_interval() {
        let pacer = limited(3);
        let start = Instant::now();

        let taken: Vec<_> = (0..4).map(|_| pacer.try_take(start)).collect();

        assert_eq!(taken, [Ok(()), Ok(()), Ok(()), Err(SECOND)]);
        assert_eq!(pacer.try_take(start + SECOND / 4), Err(SECOND * 3 / 4));
        assert_eq!(pacer.try_take(start + SECOND), Ok(()));
        assert_eq!(pacer.try_take(start + SECOND), Err(SECOND));
    }

    #[test]
    fn what_was_taken_and_not_used_can_be_taken_again() {
        let pacer = limited(3);
        let start = Instant::now();
        (0..3).for_each(|_| pacer.try_take(start).unwrap());

        pacer.give_back(2);
        let taken: Vec<_> = (0..3).map(|_| pacer.try_take(start)).collect();

        assert_eq!(taken, [Ok(()), Ok(()), Err(SECOND)]);
    }

    #[test]
    fn a_held_pacer_begins_slowly_and_has_its_burst_back_after_a_rest() {
        let pacer = limited(3);
        let start = Instant::now();
        pacer.try_take(start).unwrap();

        pacer.hold_until(start + 60 * SECOND);

        assert_eq!(pacer.try_take(start), Err(60 * SECOND));
        assert_eq!(pacer.try_take(start + 59 * SECOND), Err(SECOND));
        assert_eq!(pacer.try_take(start + 60 * SECOND), Ok(()));
        assert_eq!(pacer.try_take(start + 60 * SECOND), Err(SECOND));
        let rested = start + 70 * SECOND;
        let taken: Vec<_> = (0..4).map(|_| pacer.try_take(rested).is_ok()).collect();
        assert_eq!(taken, [true, true, true, false]);
    }

    #[test]
    fn an_earlier_hold_does_not_shorten_a_later_one() {
        let pacer = limited(1);
        let start = Instant::now();
        pacer.try_take(start).unwrap();

        pacer.hold_until(start + 9 * SECOND);
        pacer.hold_until(start + 4 * SECOND);

        assert_eq!(pacer.try_take(start), Err(9 * SECOND));
    }

    #[test]
    fn without_a_pace_only_a_hold_makes_wait() {
        let pacer = Pacer::new(Pace::Unlimited);
        let start = Instant::now();

        assert!((0..1000).all(|_| pacer.try_take(start).is_ok()));
        pacer.hold_until(start + SECOND);

        assert_eq!(pacer.try_take(start), Err(SECOND));
        assert_eq!(pacer.try_take(start + SECOND), Ok(()));
    }

    #[test]
    fn an_absurd_pace_neither_panics_nor_blocks_the_first_message() {
        let start = Instant::now();
        for (every, burst) in [(Duration::MAX, u32::MAX), (Duration::ZERO, 0), (SECOND, 0)] {
            let pacer = Pacer::new(Pace::Limited { every, burst });

            assert_eq!(pacer.try_take(start), Ok(()), "{every:?} {burst}");
        }
    }

    #[test]
    fn a_live_bot_makes_at_most_fifty_edits_in_its_first_minute() {
        let pacer = Pacer::new(EDITING_PACE);
        let start = Instant::now();

        let taken =
            (0..60_000).filter(|ms| pacer.try_take(start + Duration::from_millis(*ms)).is_ok());

        assert!(taken.count() <= 50);
    }

    #[test]
    fn discord_gets_at_most_thirty_messages_in_its_first_minute() {
        let pacer = Pacer::new(default_pace(NotifierKind::Discord));
        let start = Instant::now();

        let taken =
            (0..60_000).filter(|ms| pacer.try_take(start + Duration::from_millis(*ms)).is_ok());

        assert!(taken.count() <= 30);
    }
}
