//! Reads the documents of events from a file, as `events --json`, a webhook or a person wrote
//! them, for the commands that look at one without a store.

use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::table::shown;
use super::{Stop, settings};
use crate::model::{EventKind, KIND_NAMES};
use crate::problem::suggestion;

/// Far more than any job has; a file that was named by mistake is not read to its end.
const SIZE_MAX_BYTES: u64 = 32 << 20;

/// What stands beside `event` and `job` in other forms of the document, and is no part of it.
const ASIDE: [&str; 5] = ["rule", "rules", "verdicts", "type", "timestamp"];

/// One event of a file.
#[derive(Debug, Clone)]
pub(super) struct FileEvent {
    pub(super) kind: EventKind,
    /// In the form of [`Event::document`](crate::model::Event::document).
    pub(super) document: Value,
}

/// Reads the events of a file; `-` is standard input.
pub(super) fn read(path: &Path) -> Result<Vec<FileEvent>, Stop> {
    let name = path.display();
    let text = text_of(path)
        .map_err(|cause| Stop::usage(format!("the event file `{name}` cannot be read: {cause}")))?;
    let value: Value = serde_json::from_str(&text)
        .map_err(|cause| Stop::usage(format!("the event file `{name}` is not JSON: {cause}")))?;
    events_of(value).map_err(|why| Stop::usage(format!("the event file `{name}`: {why}")))
}

fn text_of(path: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(SIZE_MAX_BYTES).read_to_string(&mut text)?;
    } else {
        std::fs::File::open(path)?.take(SIZE_MAX_BYTES).read_to_string(&mut text)?;
    }
    Ok(text)
}

/// One document, or the list that `events --json` prints.
fn events_of(mut value: Value) -> Result<Vec<FileEvent>, String> {
    match value.get_mut("events").map(Value::take) {
        Some(Value::Array(events)) if value.get("event").is_none() => {
            if events.is_empty() {
                return Err("there is no event in it".into());
            }
            events.into_iter().map(event_of).collect()
        }
        _ => Ok(vec![event_of(value)?]),
    }
}

fn event_of(value: Value) -> Result<FileEvent, String> {
    const FORM: &str =
        "write {\"event\": {\"kind\": \"failed\"}, \"job\": {…}}, as `events --json` shows it";
    let Value::Object(mut document) = value else {
        return Err(format!("an event is a JSON object; {FORM}"));
    };
    let Some(Value::Object(mut event)) = document.remove("event") else {
        return Err(format!("it has no `event`; {FORM}"));
    };
    let word = event.get("kind").and_then(Value::as_str).unwrap_or_default();
    let kind = word.parse::<EventKind>().map_err(|_| {
        let names = KIND_NAMES.map(|(_, name)| name);
        format!("no event is called `{}`: {}", shown(word), suggestion(word, &names))
    })?;
    for key in ASIDE {
        document.remove(key);
    }
    let mut job = document.remove("job").unwrap_or_default();
    match (&mut job, kind.facts_key()) {
        (Value::Object(job), None) => {
            job.entry("project_name").or_insert(Value::Null);
        }
        (_, None) => return Err(format!("an event `{kind}` has a `job`; {FORM}")),
        (_, Some(_)) => job = Value::Null,
    }
    complete(&mut event, &job);
    document.insert("event".into(), Value::Object(event));
    document.insert("job".into(), job);
    Ok(FileEvent { kind, document: Value::Object(document) })
}

/// Puts in what every event has, where a person left it out.
fn complete(event: &mut Map<String, Value>, job: &Value) {
    let usual = [
        ("id", json!("0".repeat(24))),
        ("source", json!("")),
        ("from", Value::Null),
        ("to", job.get("job_state").cloned().unwrap_or_default()),
        ("detected_at", json!(settings::now().to_string())),
        ("late", json!(false)),
        ("repeat", json!(false)),
    ];
    for (key, value) in usual {
        event.entry(key).or_insert(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_may_be_as_short_as_its_kind_and_its_job() {
        let short = json!({"event": {"kind": "failed"}, "job": {"job_state": "stopped"}});

        let events = events_of(short).unwrap();

        let document = &events[0].document;
        assert_eq!(events[0].kind, EventKind::Failed);
        assert_eq!(document["event"]["to"], "stopped");
        assert_eq!(document["event"]["late"], false);
        assert_eq!(document["job"]["project_name"], Value::Null);
    }

    #[test]
    fn a_listing_is_all_of_its_events() {
        let event = json!({"event": {"kind": "failed"}, "job": {}, "verdicts": []});

        let events = events_of(json!({"events": [event, event]})).unwrap();

        assert_eq!(events.len(), 2);
        assert!(events[1].document.get("verdicts").is_none());
    }

    #[test]
    fn what_is_not_an_event_is_told_with_the_form() {
        let told = |value| events_of(value).unwrap_err();

        insta::assert_snapshot!(told(json!([])), @r#"an event is a JSON object; write {"event": {"kind": "failed"}, "job": {…}}, as `events --json` shows it"#);
        insta::assert_snapshot!(told(json!({"job_id": "x"})), @r#"it has no `event`; write {"event": {"kind": "failed"}, "job": {…}}, as `events --json` shows it"#);
        insta::assert_snapshot!(told(json!({"event": {"kind": "faild"}})), @"no event is called `faild`: did you mean `failed`?");
        insta::assert_snapshot!(told(json!({"event": {"kind": "failed"}})), @r#"an event `failed` has a `job`; write {"event": {"kind": "failed"}, "job": {…}}, as `events --json` shows it"#);
        insta::assert_snapshot!(told(json!({"events": []})), @"there is no event in it");
    }
}
