//! When to poll a source again. Pure.
//!
//! Ingest owns one [`Schedule`] per source and tells it how each poll went. The intervals of
//! the config are kept exactly; after a failure the wait grows, and a wait that the server
//! named is never shortened. Jitter comes in as a number, so that tests choose it.

use std::time::Duration;

use super::error::ApiError;

/// The wait after a 429 that names none; it doubles.
const LIMITED_FIRST: Duration = Duration::from_secs(30);
const LIMITED_LONGEST: Duration = Duration::from_secs(15 * 60);

/// The wait after a fault of the API or of the way to it; it doubles.
const TROUBLE_FIRST: Duration = Duration::from_secs(5);
const TROUBLE_LONGEST: Duration = Duration::from_secs(5 * 60);

/// The wait after the API has refused the token: only a person can mend that.
const REFUSED: Duration = Duration::from_secs(5 * 60);

/// A server that names no wait at all, or an absurd one, is not taken at its word.
const NAMED_SHORTEST: Duration = Duration::from_secs(1);
const NAMED_LONGEST: Duration = Duration::from_secs(60 * 60);

/// How a poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The walk was complete, and jobs are open.
    Busy,
    /// The walk was complete, and no job is open.
    Idle,
    Failed(&'a ApiError),
}

/// One source's pace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    poll_interval: Duration,
    idle_interval: Duration,
    /// How many polls in a row were limited, or met trouble, since the last that went well.
    limited: u32,
    trouble: u32,
}

impl Schedule {
    /// A schedule whose first poll is due at once.
    pub fn new(poll_interval: Duration, idle_interval: Duration) -> Self {
        Self { poll_interval, idle_interval, limited: 0, trouble: 0 }
    }

    /// Takes a poll's end into account and says how long to wait from now until the next one.
    ///
    /// `took` is how long the poll took: intervals are counted from start to start. `jitter` is
    /// a random number from 0 to 1; it shortens our own waits after a failure by half at most,
    /// and lengthens a wait that the server named by a tenth at most.
    pub fn after(&mut self, outcome: Outcome<'_>, took: Duration, jitter: f64) -> Duration {
        let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
        match outcome {
            Outcome::Busy => self.on_time(self.poll_interval, took),
            Outcome::Idle => self.on_time(self.idle_interval, took),
            Outcome::Failed(ApiError::Limited { wait }) => {
                let own = doubled(LIMITED_FIRST, self.limited, LIMITED_LONGEST);
                self.limited = self.limited.saturating_add(1);
                match wait {
                    Some(wait) => named(*wait, jitter).max(self.poll_interval),
                    None => shortened(own, jitter),
                }
            }
            Outcome::Failed(ApiError::Refused { .. }) => shortened(REFUSED, jitter),
            Outcome::Failed(ApiError::Invalid { .. } | ApiError::TooLarge { .. }) => {
                self.troubled(None, jitter)
            }
            Outcome::Failed(ApiError::Trouble { wait, .. }) => self.troubled(*wait, jitter),
        }
    }

    fn on_time(&mut self, interval: Duration, took: Duration) -> Duration {
        (self.limited, self.trouble) = (0, 0);
        interval.saturating_sub(took)
    }

    fn troubled(&mut self, wait: Option<Duration>, jitter: f64) -> Duration {
        let own = doubled(TROUBLE_FIRST, self.trouble, TROUBLE_LONGEST);
        self.trouble = self.trouble.saturating_add(1);
        let own = shortened(own, jitter);
        wait.map_or(own, |wait| own.max(named(wait, jitter)))
    }
}

fn doubled(first: Duration, times: u32, longest: Duration) -> Duration {
    first.saturating_mul(2_u32.saturating_pow(times)).min(longest)
}

fn shortened(wait: Duration, jitter: f64) -> Duration {
    wait - wait.mul_f64(jitter / 2.0)
}

fn named(wait: Duration, jitter: f64) -> Duration {
    let wait = wait.clamp(NAMED_SHORTEST, NAMED_LONGEST);
    (wait + wait.mul_f64(jitter / 10.0)).min(NAMED_LONGEST)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn schedule() -> Schedule {
        Schedule::new(secs(15), secs(60))
    }

    fn limited(wait: Option<u64>) -> ApiError {
        ApiError::Limited { wait: wait.map(secs) }
    }

    fn refused() -> ApiError {
        ApiError::Refused { status: 401, message: String::new() }
    }

    /// The waits after the same failure so many times in a row.
    fn waits(error: &ApiError, times: usize, jitter: f64) -> Vec<u64> {
        let mut schedule = schedule();
        (0..times)
            .map(|_| schedule.after(Outcome::Failed(error), secs(3), jitter).as_secs())
            .collect()
    }

    #[test]
    fn polls_keep_their_interval_from_start_to_start() {
        let mut schedule = schedule();

        assert_eq!(schedule.after(Outcome::Busy, secs(2), 1.0), secs(13));
        assert_eq!(schedule.after(Outcome::Idle, secs(2), 1.0), secs(58));
        assert_eq!(schedule.after(Outcome::Busy, secs(20), 0.0), secs(0));
    }

    #[test]
    fn waits_of_our_own_double_up_to_a_limit() {
        let trouble = ApiError::trouble("x");

        assert_eq!(waits(&trouble, 8, 0.0), [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(waits(&limited(None), 7, 0.0), [30, 60, 120, 240, 480, 900, 900]);
        assert_eq!(waits(&refused(), 2, 0.0), [300, 300]);
        assert_eq!(waits(&ApiError::Invalid { message: String::new() }, 2, 0.0), [5, 10]);
        assert_eq!(waits(&ApiError::TooLarge { kib: 1 }, 2, 0.0), [5, 10]);
    }

    #[test]
    fn jitter_halves_our_own_waits_at_most() {
        assert_eq!(waits(&limited(None), 3, 1.0), [15, 30, 60]);
        assert_eq!(waits(&refused(), 1, 1.0), [150]);
        assert_eq!(waits(&refused(), 1, f64::NAN), [300]);
    }

    #[test]
    fn a_wait_that_the_server_named_is_kept_or_lengthened() {
        assert_eq!(waits(&limited(Some(100)), 3, 0.0), [100, 100, 100]);
        assert_eq!(waits(&limited(Some(100)), 1, 1.0), [110]);
        assert_eq!(waits(&limited(Some(3_600)), 1, 1.0), [3_600]);
        assert_eq!(waits(&limited(Some(999_999_999)), 1, 0.0), [3_600]);
        assert_eq!(waits(&limited(Some(0)), 1, 0.0), [15]);
        let busy = ApiError::Trouble { reason: "x".into(), wait: Some(secs(9)) };
        assert_eq!(waits(&busy, 3, 0.0), [9, 10, 20]);
    }

    #[test]
    fn a_poll_that_goes_well_ends_the_doubling() {
        let trouble = ApiError::trouble("x");
        let mut schedule = schedule();
        let fail = |schedule: &mut Schedule| {
            schedule.after(Outcome::Failed(&trouble), secs(0), 0.0).as_secs()
        };

        let before = (fail(&mut schedule), fail(&mut schedule));
        schedule.after(Outcome::Idle, secs(0), 0.0);

        assert_eq!((before, fail(&mut schedule)), ((5, 10), 5));
    }

    proptest! {
        #[test]
        fn no_failure_leads_to_hammering_nor_to_waiting_for_ever(
            failures in prop::collection::vec((0..5u8, prop::option::of(any::<u64>())), 1..200),
            jitter in any::<f64>(),
        ) {
            let mut schedule = schedule();
            for (kind, wait) in failures {
                let error = match kind {
                    0 => limited(wait),
                    1 => refused(),
                    2 => ApiError::Invalid { message: String::new() },
                    3 => ApiError::TooLarge { kib: 1 },
                    _ => ApiError::Trouble { reason: String::new(), wait: wait.map(secs) },
                };

                let next = schedule.after(Outcome::Failed(&error), secs(1), jitter);

                prop_assert!(next >= Duration::from_millis(2_500), "{error:?}: {next:?}");
                prop_assert!(next <= secs(3_600), "{error:?}: {next:?}");
                if let ApiError::Limited { wait: Some(wait) } = error {
                    prop_assert!(next >= wait.min(secs(3_600)));
                }
            }
        }
    }
}
