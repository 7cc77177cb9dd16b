//! The judge of messages that tell several events: every event is in exactly one message of a
//! rule, somebody has taken that message, and it is the same however often it comes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::story::{Fate, Story, text};
use crate::support::sink::Received;

/// What came to a notifier whose rule holds messages back.
#[derive(Debug, Clone)]
pub struct Gathered {
    pub notifier: &'static str,
    /// What its rule is about.
    pub kinds: &'static [&'static str],
    /// Everything that came, as it came.
    pub messages: Vec<Message>,
}

/// A message by what it tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub delivery: String,
    /// The ids of the events.
    pub events: Vec<String>,
    /// How many messages it says were held back before it.
    pub suppressed: u64,
}

/// A message as it came to a webhook.
pub fn gathered_at(told: &Received) -> Message {
    let body = told.json();
    let event = |told: &Value| text(&told["event"], "id").to_owned();
    let events = match body["events"].as_array() {
        Some(events) => events.iter().map(event).collect(),
        None => vec![event(&body)],
    };
    Message {
        delivery: told.header("webhook-id").unwrap().to_owned(),
        events,
        suppressed: body["rule"]["suppressed"].as_u64().unwrap(),
    }
}

impl Gathered {
    /// Everything that breaks the promise.
    pub fn faults(&self, story: &Story) -> Vec<String> {
        let notifier = self.notifier;
        let mut faults = Vec::new();
        let mut messages: BTreeMap<&str, &Message> = BTreeMap::new();
        for message in &self.messages {
            let first = *messages.entry(&message.delivery).or_insert(message);
            if first != message {
                faults.push(format!("{notifier} got two of one name: {first:?}, {message:?}"));
            }
        }
        let taken: BTreeSet<&str> = story
            .arrivals
            .iter()
            .filter(|arrival| arrival.notifier == notifier && arrival.fate == Fate::Taken)
            .map(|arrival| arrival.delivery.as_str())
            .collect();
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for message in messages.values().filter(|it| taken.contains(it.delivery.as_str())) {
            message.events.iter().for_each(|event| *told.entry(event).or_default() += 1);
        }
        for event in &story.events {
            let (id, kind) = (text(&event["event"], "id"), text(&event["event"], "kind"));
            let wanted = usize::from(self.kinds.contains(&kind));
            let found = told.remove(id).unwrap_or(0);
            if found != wanted {
                faults.push(format!("{notifier} was told {found} times, not {wanted}: {event}"));
            }
        }
        faults.extend(told.keys().map(|event| format!("{notifier} was told of {event}: what?")));
        faults
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;
    use crate::story::Arrival;

    fn message(delivery: &str, events: &[&str]) -> Message {
        let events = events.iter().map(|event| (*event).to_owned()).collect();
        Message { delivery: delivery.into(), events, suppressed: 0 }
    }

    /// What is wrong when these came, each with what became of it; `a` and `b` had to.
    fn wrong(messages: &[(Message, Fate)]) -> usize {
        let kinds = &["failed"];
        let all = messages.iter().map(|(message, _)| message.clone()).collect();
        let gathered = Gathered { notifier: "pack", kinds, messages: all };
        let arrivals = messages.iter().map(|(message, fate)| Arrival {
            notifier: "pack".into(),
            delivery: message.delivery.clone(),
            marked: false,
            fate: *fate,
            at: Instant::now(),
        });
        let event = |id, kind| json!({"event": {"id": id, "kind": kind}, "job": {"job_id": id}});
        let events = vec![event("a", "failed"), event("b", "failed"), event("c", "queued")];
        gathered.faults(&Story { arrivals: arrivals.collect(), events, ..Story::default() }).len()
    }

    #[test]
    fn every_event_is_in_one_message_that_was_taken() {
        let both = || message("d", &["a", "b"]);
        let one = |delivery, event| (message(delivery, &[event]), Fate::Taken);

        assert_eq!(wrong(&[(both(), Fate::Taken)]), 0);
        assert_eq!(wrong(&[(both(), Fate::Refused), (both(), Fate::Taken)]), 0);
        assert_eq!(wrong(&[one("d", "a"), one("e", "b")]), 0);
        assert_eq!(wrong(&[(both(), Fate::Refused)]), 2);
        assert_eq!(wrong(&[one("d", "a")]), 1);
        assert_eq!(wrong(&[(both(), Fate::Taken), one("e", "b")]), 1);
        assert_eq!(wrong(&[(both(), Fate::Taken), one("e", "c")]), 1);
        assert_eq!(wrong(&[(both(), Fate::Taken), one("e", "z")]), 1);
        assert_eq!(wrong(&[(message("d", &["a", "a", "b"]), Fate::Taken)]), 1);
        assert_eq!(wrong(&[one("d", "a"), (both(), Fate::Taken)]), 2);
    }
}
