//! What becomes of a delivery after an attempt. Pure.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::deliver::retry::{Backoff, is_given_up};
use crate::deliver::{Failure, FailureKind, Receipt};
use crate::store::{Claimed, Settled};

/// The next state of `claimed`, whose attempt ended `now` with `result`. `jitter` is a number
/// from 0 to 1.
pub(super) fn settle(
    claimed: &Claimed,
    result: &Result<Receipt, Failure>,
    now: Timestamp,
    retry_for: Duration,
    backoff: &Backoff,
    jitter: f64,
) -> Settled {
    let failure = match result {
        Ok(_) => return Settled::Sent,
        Err(failure) => failure,
    };
    let why = failure.reason.clone();
    let (named, counted, unsure) = match failure.kind {
        FailureKind::Refused => return Settled::Dead { why },
        // The notifier is held as a whole; this one is first when it is tried again.
        FailureKind::Broken => {
            return Settled::Again { due_at: now, why, counted: false, unsure: false };
        }
        FailureKind::Later { wait, counts } => (wait, counts, false),
        FailureKind::Unsure => (None, true, true),
    };
    let first = claimed.delivery.first_attempt_at.unwrap_or(now);
    let held = SignedDuration::from_millis(claimed.held_total_ms);
    let counted_from = first.checked_add(held).unwrap_or(first);
    if is_given_up(counted_from, now, retry_for) {
        return Settled::Dead {
            why: format!("given up after {} attempts: {why}", claimed.delivery.attempts),
        };
    }
    let failures = claimed.delivery.failures + u32::from(counted);
    let wait = backoff.wait(failures, named, jitter);
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    Settled::Again { due_at: now.checked_add(wait).unwrap_or(Timestamp::MAX), why, counted, unsure }
}
