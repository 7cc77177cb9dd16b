//! Notices when the time of day steps: somebody sets it, or the machine slept.
//!
//! What is owed has its due time written down by the time of day, and waits are meant as
//! lengths; so after a step all of them are moved by it.

use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// What a clock is corrected by in the ordinary way is less.
const STEP: SignedDuration = SignedDuration::from_secs(10);

/// The time of day beside a clock that only goes forward.
#[derive(Debug)]
pub(super) struct Steps {
    clock: Clock,
    wall: Timestamp,
    steady: Instant,
}

impl Steps {
    pub(super) fn new(clock: Clock) -> Self {
        let wall = clock.now();
        Self { clock, wall, steady: Instant::now() }
    }

    /// By how much the time of day has stepped since this was last asked; mostly zero.
    pub(super) fn since_last(&mut self) -> SignedDuration {
        let (wall, steady) = (self.clock.now(), Instant::now());
        let step = step(self.wall, wall, steady.duration_since(self.steady));
        if !step.is_zero() {
            (self.wall, self.steady) = (wall, steady);
        }
        step
    }
}

/// What `now` is off from `before` and the time that has really passed, if that is much.
fn step(before: Timestamp, now: Timestamp, passed: std::time::Duration) -> SignedDuration {
    let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
    let step = now.duration_since(before).saturating_sub(passed);
    if step.abs() < STEP { SignedDuration::ZERO } else { step }
}

/// A time of before a step as it is called after it.
pub(super) fn moved(at: Timestamp, step: SignedDuration) -> Timestamp {
    let end = if step.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    at.checked_add(step).unwrap_or(end)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_is_no_ordinary_correction_is_a_step() {
        let noon = Timestamp::UNIX_EPOCH;
        let after = |seconds, passed| {
            let now = noon + SignedDuration::from_secs(seconds);
            step(noon, now, Duration::from_secs(passed)).as_secs()
        };

        assert_eq!([after(60, 60), after(60, 55), after(50, 59)], [0, 0, 0]);
        assert_eq!(after(3_660, 60), 3_600);
        assert_eq!(after(-3_540, 60), -3_600);
    }
}
