//! Sample events about no job: what happens to the bridge itself.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::DETECTED_AT;
use crate::model::{Event, EventKind};

/// 1234 seconds before the events.
const SINCE: Timestamp = Timestamp::constant(1_795_160_566, 0);

/// A source and a notifier, down and up.
pub fn events() -> Vec<(&'static str, Event)> {
    use EventKind::{NotifierDown, NotifierUp, SourceDown, SourceUp};

    let refused = json!(
        "the API refuses the token (401): it was revoked; make a new one in Settings > API tokens"
    );
    let source = |kind, last_success, more: &[(&str, Value)]| {
        let mut facts = vec![("reason", refused.clone()), ("last_success", last_success)];
        facts.extend_from_slice(more);
        about(kind, "main", facts)
    };
    let notifier = |kind, reason, waiting: u32| {
        let facts = vec![("type", json!("slack")), ("reason", reason), ("waiting", json!(waiting))];
        about(kind, "team", facts)
    };
    let last_success = || json!("2026-11-20T07:42:31Z");
    vec![
        ("source down", source(SourceDown, last_success(), &[])),
        ("source down before its first poll", source(SourceDown, Value::Null, &[])),
        ("source up", source(SourceUp, last_success(), &[("down_for_seconds", json!(1234))])),
        (
            "notifier down",
            notifier(NotifierDown, json!("the webhook was deleted (404 no_service)"), 1),
        ),
        ("notifier up", notifier(NotifierUp, Value::Null, 12)),
    ]
}

fn about(kind: EventKind, name: &str, facts: Vec<(&str, Value)>) -> Event {
    let source = if kind.facts_key() == Some("source") { name } else { "" };
    let mut all: Map<String, Value> =
        facts.into_iter().map(|(fact, value)| (fact.to_owned(), value)).collect();
    all.insert("name".into(), name.into());
    all.insert("since".into(), SINCE.to_string().into());
    Event::about_itself(kind, source, name, SINCE, DETECTED_AT, all)
}
