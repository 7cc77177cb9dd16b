//! Holding a notifier whose service refuses us, and probing it.
//!
//! The first refusal holds everything that is owed through the notifier and is told through
//! the others. One message at a time is then the probe, after growing pauses; when one gets
//! through, the rest follows, gathered into digests where it is much.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, json};

use super::Dispatch;
use crate::deliver::retry::Backoff;
use crate::model::{Event, EventKind};
use crate::pipeline::route::Route;
use crate::store::{Broken, Gather, HealthChange, Notice, StoreError};
use crate::telemetry;

/// Pauses between probes: 1 minute, doubling to 15.
const PROBES: Backoff =
    Backoff { first: Duration::from_secs(60), longest: Duration::from_secs(15 * 60) };

/// More owed messages than this are gathered when a notifier is well again.
const DIGEST_MORE_THAN: usize = 20;

/// So many lines fit every service's limits.
const DIGEST_MOST: usize = 40;

/// Notice of the notifier's health that is not written down yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// It refuses us: told.
    Down,
    /// A probe failed: not told again.
    StillDown,
    /// It takes messages again, after being held since then: told.
    Up { since: Timestamp },
}

/// A probe that waits for longer than any was written down by a clock that was wrong.
pub(super) fn within_reason(broken: Broken, now: Timestamp) -> Broken {
    let latest = SignedDuration::try_from(PROBES.longest).ok();
    let latest = latest.and_then(|pause| now.checked_add(pause).ok()).unwrap_or(now);
    Broken { probe_due: broken.probe_due.min(latest), ..broken }
}

impl Dispatch {
    /// The service has refused us.
    pub(super) fn is_broken(&mut self, reason: &str, begun: Instant, now: Timestamp) {
        let (broken, change) = match self.broken.take() {
            // An answer to what was under way when the first refusal came is no probe.
            Some(broken) if begun <= self.broken_at => {
                self.broken = Some(broken);
                return;
            }
            Some(broken) => (Broken { probes: broken.probes + 1, ..broken }, Change::StillDown),
            None => {
                let reason = reason.to_owned();
                self.broken_at = Instant::now();
                (Broken { since: now, reason, probes: 1, probe_due: now }, Change::Down)
            }
        };
        let wait = PROBES.wait(broken.probes, None, fastrand::f64());
        let pause = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        let probe_due = now.checked_add(pause).unwrap_or(now);
        telemetry::notifier_broken(&self.parts.settings.name, reason, wait);
        self.broken = Some(Broken { probe_due, ..broken });
        // A change that could not be written yet keeps its news.
        self.change = Some(if self.change == Some(Change::Down) { Change::Down } else { change });
    }

    /// The service has answered an attempt, begun then, as one that talks to us.
    pub(super) fn is_well(&mut self, begun: Instant) {
        // What was under way when the first refusal came proves nothing.
        if begun > self.broken_at
            && let Some(broken) = self.broken.take()
        {
            telemetry::notifier_back(&self.parts.settings.name);
            self.change = Some(Change::Up { since: broken.since });
        }
    }

    /// Whether one of the held messages is to be tried now.
    pub(super) fn probe_is_due(&self, now: Timestamp) -> bool {
        self.flights.is_empty()
            && self.change.is_none()
            && self.broken.as_ref().is_some_and(|broken| broken.probe_due <= now)
    }

    /// A person asks: the pause is over.
    pub(super) fn probe_now(&mut self) {
        if let Some(broken) = &mut self.broken {
            broken.probe_due = Timestamp::UNIX_EPOCH;
        }
    }

    /// What is to be told of the change, through the other notifiers.
    pub(super) async fn news(&self, now: Timestamp) -> Result<Option<Event>, StoreError> {
        let (kind, since) = match (self.change, &self.broken) {
            (Some(Change::Down), Some(broken)) => (EventKind::NotifierDown, broken.since),
            (Some(Change::Up { since }), _) => (EventKind::NotifierUp, since),
            _ => return Ok(None),
        };
        let waiting = self.parts.store.waiting(&self.parts.settings.name).await?;
        Ok(Some(self.health_event(kind, since, waiting, now)))
    }

    /// Digests are for people; a receiver that is a program gets every event, and a live
    /// message must come to its end.
    pub(super) fn gather(&self) -> Option<Gather> {
        Route::of(&self.parts.settings)
            .digests
            .then_some(Gather { more_than: DIGEST_MORE_THAN, most: DIGEST_MOST })
    }

    fn health_event(
        &self,
        kind: EventKind,
        since: Timestamp,
        waiting: u64,
        now: Timestamp,
    ) -> Event {
        let name = self.parts.settings.name.clone();
        let mut facts = Map::new();
        facts.insert("name".into(), json!(name));
        facts.insert("type".into(), json!(self.parts.settings.kind().as_str()));
        facts.insert("since".into(), json!(since.to_string()));
        facts.insert("waiting".into(), json!(waiting));
        let reason = self.broken.as_ref().map(|broken| broken.reason.as_str());
        facts.insert("reason".into(), json!(reason));
        Event::about_itself(kind, "", &name, since, now, facts)
    }
}

/// The change as the store takes it.
pub(super) fn health_change<'a>(
    change: Option<Change>,
    broken: Option<&'a Broken>,
    gather: Option<Gather>,
    news: Option<Notice<'a>>,
) -> Option<HealthChange<'a>> {
    match (change?, broken) {
        (Change::Down | Change::StillDown, Some(broken)) => {
            Some(HealthChange::Broken { broken, news })
        }
        _ => Some(HealthChange::Well { gather, news }),
    }
}
