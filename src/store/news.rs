//! News: what has just been committed, for those who watch.
//!
//! Told by the store after each commit, so that nobody needs to ask it over and over. Nothing is
//! made where nobody listens. A listener who is too slow loses the oldest news and is told so;
//! the store has all of it.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::{Settled, Settlement, Store, event_document};
use crate::model::{Decided, DeliveryState, KnownJob};

/// How many pieces of news wait for a slow listener.
const MOST_WAITING: usize = 256;

/// A commit with more than this is told as one piece of news.
const MOST_OF_A_COMMIT: usize = 100;

/// One piece of news.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// What it is about: `event`, `delivery`, `jobs`, `source`, `notifier` or `changed`.
    pub topic: &'static str,
    /// A JSON document.
    pub document: Arc<str>,
}

/// Where news is told.
#[derive(Debug, Clone)]
pub(super) struct Newsroom(broadcast::Sender<News>);

impl Default for Newsroom {
    fn default() -> Self {
        Self(broadcast::Sender::new(MOST_WAITING))
    }
}

impl Store {
    /// Everything that is committed through this store from now on.
    pub fn watch(&self) -> broadcast::Receiver<News> {
        self.news.0.subscribe()
    }

    /// Tells those who watch that another process has written.
    pub fn tell_change(&self) {
        self.news.tell("changed", || json!({}));
    }
}

impl Newsroom {
    /// Jobs look different; what happened to them is told as events.
    pub(super) fn tell_jobs(&self, source: &str, jobs: &[KnownJob]) {
        if !jobs.is_empty() {
            self.tell("jobs", || json!({ "source": source, "changed": jobs.len() }));
        }
    }

    pub(super) fn tell_events(&self, decided: &[Decided]) {
        if decided.len() > MOST_OF_A_COMMIT {
            return self.tell("changed", || json!({ "events": decided.len() }));
        }
        for Decided { event, verdicts, .. } in decided {
            self.tell("event", || event_document(event, verdicts));
        }
    }

    /// What became of attempts.
    pub(super) fn tell_settlements(&self, notifier: &str, settlements: &[Settlement]) {
        for settlement in settlements {
            self.tell("delivery", || {
                json!({
                    "id": settlement.id,
                    "notifier": notifier,
                    "state": state_of(&settlement.next),
                    "source": settlement.source,
                    "job_id": settlement.job_id,
                    "attempts": settlement.attempt.number,
                    "outcome": settlement.attempt.outcome,
                })
            });
        }
    }

    /// What a person has decided about deliveries.
    pub(super) fn tell_decision(&self, state: &str, ids: &[String]) {
        if ids.len() > MOST_OF_A_COMMIT {
            return self.tell("changed", || json!({ "deliveries": ids.len() }));
        }
        for id in ids {
            self.tell("delivery", || json!({ "id": id, "state": state }));
        }
    }

    /// A source's health has changed.
    pub(super) fn tell_source(&self, name: &str) {
        self.tell("source", || json!({ "name": name }));
    }

    /// A notifier's health has changed.
    pub(super) fn tell_notifier(&self, name: &str) {
        self.tell("notifier", || json!({ "name": name }));
    }

    fn tell(&self, topic: &'static str, document: impl FnOnce() -> Value) {
        if self.0.receiver_count() > 0 {
            // The last listener may just have left.
            let _ = self.0.send(News { topic, document: document().to_string().into() });
        }
    }
}

fn state_of(next: &Settled) -> DeliveryState {
    match next {
        Settled::Sent => DeliveryState::Sent,
        Settled::Dead { .. } => DeliveryState::Dead,
        Settled::Again { .. } => DeliveryState::Pending,
        Settled::Held { .. } => DeliveryState::Held,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_for_nobody_and_a_listener_gets_what_comes_after() {
        let room = Newsroom::default();
        room.tell("jobs", || unreachable!("nobody listens"));
        let mut listener = room.0.subscribe();

        room.tell_source("main");

        let news = listener.try_recv().unwrap();
        assert_eq!((news.topic, &*news.document), ("source", r#"{"name":"main"}"#));
        assert!(listener.try_recv().is_err());
    }

    #[test]
    fn a_large_commit_is_one_piece_of_news() {
        let room = Newsroom::default();
        let mut listener = room.0.subscribe();

        room.tell_decision("discarded", &vec!["a".to_owned(); MOST_OF_A_COMMIT + 1]);

        assert_eq!(listener.try_recv().unwrap().topic, "changed");
        assert!(listener.try_recv().is_err());
    }
}
