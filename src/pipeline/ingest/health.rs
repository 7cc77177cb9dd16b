//! Telling that a source cannot be polled, and that it can be again.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Ingest, PollError};
use crate::model::{Event, EventKind, Pacing};
use crate::source::ApiError;
use crate::store::{Deciding, SourceHealth};
use crate::telemetry;

/// Failures shorter than this are not worth a message; a refusal is told at once.
const PATIENCE: SignedDuration = SignedDuration::from_mins(5);

impl Ingest {
    /// Takes note of a poll's end, and tells it where it is news.
    pub(super) async fn note_health(&mut self, failure: Option<&PollError>) {
        let now = self.parts.clock.now();
        let (health, kind) = match failure {
            None => well(&self.health),
            Some(PollError::Api(error)) => failing(&self.health, error, now),
            // Trouble of our own store says nothing about the source.
            Some(PollError::Store(_)) => return,
        };
        if health == self.health {
            return;
        }
        let notices: Vec<Event> =
            kind.map(|kind| self.health_event(kind, &health, now)).into_iter().collect();
        let source = self.parts.settings.name.clone();
        let policy = self.parts.policy.get();
        let decide = |event: Event, pacing: &mut Pacing| policy.decide(event, pacing, now);
        let deciding = Deciding { now, decide: &decide };
        match self.parts.store.set_source_health(&source, &health, &notices, deciding).await {
            Ok(committed) => {
                self.health = health;
                self.parts.nudges.announce(&committed.decided);
            }
            // The next poll tells it.
            Err(problem) => telemetry::store_trouble(
                "noting how polling goes",
                &problem.of(self.parts.store.place()).to_string(),
                self.parts.settings.poll_interval,
            ),
        }
    }

    fn health_event(&self, kind: EventKind, health: &SourceHealth, now: Timestamp) -> Event {
        let source = self.parts.settings.name.clone();
        // What is over is told with the beginning and the cause that were told before.
        let told = if kind == EventKind::SourceUp { &self.health } else { health };
        let since = told.failing_since.or(told.down_since).unwrap_or(now);
        let mut facts = Map::new();
        facts.insert("name".into(), json!(source));
        facts.insert("reason".into(), json!(told.down_reason));
        facts.insert("since".into(), json!(since.to_string()));
        let last = self.memory.marks.last_complete_at.map(|last| last.to_string());
        facts.insert("last_success".into(), last.map_or(Value::Null, Value::String));
        if kind == EventKind::SourceUp {
            facts.insert("down_for_seconds".into(), json!(now.duration_since(since).as_secs()));
        }
        Event::about_itself(kind, &source, &source, since, now, facts)
    }
}

/// After a poll that went well.
fn well(health: &SourceHealth) -> (SourceHealth, Option<EventKind>) {
    (SourceHealth::default(), health.down_since.map(|_| EventKind::SourceUp))
}

/// After a poll that failed: told once, at once when the API refuses us, else when it has
/// lasted.
fn failing(
    health: &SourceHealth,
    error: &ApiError,
    now: Timestamp,
) -> (SourceHealth, Option<EventKind>) {
    // The clock may have been set back meanwhile.
    let since = health.failing_since.unwrap_or(now).min(now);
    let mut health = SourceHealth { failing_since: Some(since), ..health.clone() };
    let lasts = now.duration_since(since) >= PATIENCE;
    let refused = matches!(error, ApiError::Refused { .. });
    if health.down_since.is_some() || !(lasts || refused) {
        return (health, None);
    }
    health.down_since = Some(now);
    health.down_reason = Some(error.to_string());
    (health, Some(EventKind::SourceDown))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn trouble_is_told_once_when_it_has_lasted() {
        let error = ApiError::trouble("no route");

        let (first, silent) = failing(&SourceHealth::default(), &error, at(0));
        let (still, also_silent) = failing(&first, &error, at(299));
        let (down, told) = failing(&still, &error, at(300));
        let (same, not_again) = failing(&down, &error, at(900));

        assert_eq!((silent, also_silent), (None, None));
        assert_eq!(told, Some(EventKind::SourceDown));
        assert_eq!((same.down_since, not_again), (Some(at(300)), None));
        assert_eq!(well(&same), (SourceHealth::default(), Some(EventKind::SourceUp)));
    }

    #[test]
    fn a_refusal_is_told_at_once_and_a_hiccup_never() {
        let refused = ApiError::Refused { status: 401, message: String::new() };
        let hiccup = failing(&SourceHealth::default(), &ApiError::trouble("cut"), at(0)).0;

        let (_, told) = failing(&SourceHealth::default(), &refused, at(0));

        assert_eq!(told, Some(EventKind::SourceDown));
        assert_eq!(well(&hiccup), (SourceHealth::default(), None));
    }
}
