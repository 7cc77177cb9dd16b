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
        // The notifier is held as a whole, and this one with it.
        FailureKind::Broken => return Settled::Held { why },
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

/// How long nothing more may leave after an attempt: the service said that this was the last
/// message for now, or named a wait, which holds for every message to it.
pub(super) fn pause_after(
    result: &Result<Receipt, Failure>,
    next: &Settled,
    now: Timestamp,
) -> Option<Duration> {
    let failure = match result {
        Ok(receipt) => return receipt.pause,
        Err(failure) => failure,
    };
    let named = match (failure.kind, next) {
        // The same wait, a little stretched.
        (FailureKind::Later { wait: Some(_), .. }, Settled::Again { due_at, .. }) => {
            Duration::try_from(due_at.duration_since(now)).ok()
        }
        (FailureKind::Later { wait, .. }, _) => wait,
        _ => None,
    };
    named.max(failure.pause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_wait_and_an_empty_bucket_hold_everything_and_nothing_else_does() {
        let now = Timestamp::UNIX_EPOCH;
        let minute = Duration::from_secs(60);
        let again = Settled::Again {
            due_at: now + SignedDuration::from_secs(66),
            why: String::new(),
            counted: true,
            unsure: false,
        };
        let dead = Settled::Dead { why: String::new() };
        let taken =
            |pause| Ok(Receipt { status: None, answer: String::new(), pause, handle: None });
        let failed = |kind| Err(Failure::new(kind, ""));
        let named = |counts| failed(FailureKind::Later { wait: Some(minute), counts });
        let stretched = Some(Duration::from_secs(66));

        assert_eq!(pause_after(&taken(Some(minute)), &Settled::Sent, now), Some(minute));
        assert_eq!(pause_after(&taken(None), &Settled::Sent, now), None);
        assert_eq!(pause_after(&named(false), &again, now), stretched);
        // A ban: to go on asking would lengthen it.
        assert_eq!(pause_after(&named(true), &again, now), stretched);
        assert_eq!(pause_after(&named(false), &dead, now), Some(minute));
        assert_eq!(pause_after(&failed(FailureKind::LATER), &again, now), None);
        assert_eq!(pause_after(&failed(FailureKind::Unsure), &again, now), None);
    }

    #[test]
    fn an_empty_bucket_holds_the_next_also_when_the_message_was_not_taken() {
        let now = Timestamp::UNIX_EPOCH;
        let minute = Some(Duration::from_secs(60));
        let dead = Settled::Dead { why: String::new() };
        let emptied = |kind, pause| Err(Failure { pause, ..Failure::new(kind, "") });
        let later = |secs| FailureKind::after(Some(Duration::from_secs(secs)));

        assert_eq!(pause_after(&emptied(FailureKind::Refused, minute), &dead, now), minute);
        assert_eq!(pause_after(&emptied(FailureKind::Unsure, minute), &dead, now), minute);
        assert_eq!(pause_after(&emptied(later(9), minute), &dead, now), minute);
        let longer = Some(Duration::from_secs(90));
        assert_eq!(pause_after(&emptied(later(90), minute), &dead, now), longer);
    }
}
