//! Sending beside other services that share the store: one pace for all, and one view of whether
//! the notifier is held. A service that is alone has both in its memory.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Dispatch;
use super::hold::within_reason;
use crate::deliver::settings::Pace;
use crate::store::{Rhythm, StoreError};

/// How much longer than its time-out a claim holds; where others would take it over, they need
/// not wait long.
const CLAIM_SLACK: Duration = Duration::from_secs(30);
const SHARED_CLAIM_SLACK: Duration = Duration::from_secs(15);

impl Dispatch {
    /// Takes the right to send for up to `due` messages, and the wait for the next one where
    /// the pace allows fewer.
    pub(super) fn take_permits(&self, due: u32) -> (u32, Option<Duration>) {
        for taken in 0..due {
            if let Err(wait) = self.pacer.try_take(Instant::now()) {
                return (taken, Some(wait));
            }
        }
        (due, None)
    }

    /// How much longer than its time-out a claim holds.
    pub(super) fn slack(&self) -> Duration {
        match self.parts.store.is_shared() {
            true => SHARED_CLAIM_SLACK,
            false => CLAIM_SLACK,
        }
    }

    /// Whether a message that was claimed then could still be under way when another service
    /// takes it over.
    pub(super) fn is_too_late(&self, asked: Instant) -> bool {
        self.parts.store.is_shared() && asked.elapsed() >= self.slack()
    }

    /// The notifier's pace, and the pause that its service has asked us for.
    pub(super) fn rhythm(&self) -> Rhythm {
        let left = |until: Instant| until.saturating_duration_since(Instant::now());
        let pause = self.untold_pause.map(left).filter(|pause| !pause.is_zero());
        match self.parts.settings.pace {
            Pace::Limited { every, burst } => Rhythm { every, burst, pause },
            Pace::Unlimited => Rhythm { every: Duration::ZERO, burst: 1, pause },
        }
    }

    /// What others have met is true for us too: that the notifier refuses, or that it takes
    /// messages again. What we have met ourselves is written down first.
    pub(super) async fn heed_others(&mut self, now: Timestamp) -> Result<(), StoreError> {
        if !self.parts.store.is_shared() || self.change.is_some() {
            return Ok(());
        }
        let known = self.parts.store.broken(&self.parts.settings.name).await?;
        let known = known.map(|broken| within_reason(broken, now));
        let asked =
            self.broken.as_ref().is_some_and(|ours| ours.probe_due == Timestamp::UNIX_EPOCH);
        if self.broken.is_none() && known.is_some() {
            self.broken_at = Instant::now();
            self.let_go();
        }
        self.broken = known;
        if asked {
            // A person has, and nobody has tried since.
            self.probe_now();
        }
        Ok(())
    }
}
