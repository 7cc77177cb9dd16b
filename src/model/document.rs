//! Documents of more than one event, and what is taken out of documents before they are told.
//!
//! Who reads a message wants to know how things stand: of a job's progress only the newest,
//! and none once the job has ended. Programs get every event.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{Event, EventKind, RuleView};

/// The document of a grouped message: `events`, oldest first, beside the newest `event` and
/// `job`. `None` where there is no event.
pub fn grouped_document(events: &[Event], rule: Option<&RuleView>, repeat: bool) -> Option<Value> {
    let mut document = events.last()?.document(rule, repeat);
    document["events"] = events.iter().map(|event| event.document(None, repeat)).collect();
    Some(document)
}

/// Takes `download_url` and its expiry out of a document, at any depth: whoever has the link
/// can fetch the file, so it goes only where a rule asks for it.
pub fn without_download_url(mut document: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("download_url");
                fields.remove("download_url_expires_at");
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut document);
    document
}

/// A grouped document as people are told it: without the progress of jobs that have moved on
/// or ended within the group. Where a single event is left, its document.
pub fn without_overtaken(document: &Value) -> Cow<'_, Value> {
    let Value::Object(fields) = document else { return Cow::Borrowed(document) };
    let Some(events) = fields.get("events").and_then(Value::as_array) else {
        return Cow::Borrowed(document);
    };
    let told = still_new(events);
    if told.len() == events.len() {
        return Cow::Borrowed(document);
    }
    let mut left: Map<String, Value> = Map::new();
    left.extend(fields.iter().filter(|(key, _)| *key != "events").map(owned));
    let newest = told.last().and_then(|newest| newest.as_object());
    left.extend(newest.into_iter().flatten().map(owned));
    if told.len() > 1 {
        left.insert("events".into(), told.into_iter().cloned().collect());
    }
    Cow::Owned(left.into())
}

fn owned((key, field): (&String, &Value)) -> (String, Value) {
    (key.clone(), field.clone())
}

/// The events that no other one makes old.
fn still_new(events: &[Value]) -> Vec<&Value> {
    let kinds: Vec<Option<EventKind>> = events.iter().map(kind_of).collect();
    let is_progress = |kind: &Option<EventKind>| *kind == Some(EventKind::Progress);
    if !kinds.iter().any(is_progress) {
        return events.iter().collect();
    }
    let mut ended = HashSet::new();
    let mut newest = HashMap::new();
    for (position, (event, kind)) in events.iter().zip(&kinds).enumerate() {
        let Some(job) = job_of(event) else { continue };
        if is_progress(kind) {
            newest.insert(job, position);
        } else if kind.is_some_and(EventKind::is_terminal) {
            ended.insert(job);
        }
    }
    let numbered = events.iter().zip(&kinds).enumerate();
    let told = numbered.filter(|(position, (event, kind))| match job_of(event) {
        Some(job) if is_progress(kind) => {
            !ended.contains(&job) && newest.get(&job) == Some(position)
        }
        _ => true,
    });
    told.map(|(_, (event, _))| event).collect()
}

fn kind_of(document: &Value) -> Option<EventKind> {
    document.pointer("/event/kind")?.as_str()?.parse().ok()
}

/// Source and id.
fn job_of(document: &Value) -> Option<(&str, &str)> {
    let source = document.pointer("/event/source").and_then(Value::as_str).unwrap_or_default();
    Some((source, document.pointer("/job/job_id")?.as_str()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(kind: &str, job: &str, percent: u32) -> Value {
        json!({"event": {"kind": kind, "source": "main"},
            "job": {"job_id": job, "progress": {"percent": percent}}})
    }

    fn group(events: &[Value]) -> Value {
        let mut document = events.last().unwrap().clone();
        document["rule"] = json!({"name": "r", "suppressed": 2});
        document["events"] = events.into();
        document
    }

    fn told(document: &Value) -> Vec<String> {
        let told = without_overtaken(document);
        let told = told["events"].as_array().unwrap().iter();
        told.map(|event| {
            let (event, job) = (&event["event"], &event["job"]);
            format!("{} {} {}", event["kind"], job["job_id"], job["progress"]["percent"])
        })
        .map(|told| told.replace('"', ""))
        .collect()
    }

    #[test]
    fn of_progress_the_newest_of_each_job_is_told_and_none_once_it_has_ended() {
        let events = [
            event("started", "a", 0),
            event("progress", "a", 1),
            event("progress", "b", 1),
            event("progress", "a", 2),
            event("failed", "b", 2),
            event("progress", "c", 5),
            event("stalled", "c", 5),
        ];

        assert_eq!(
            told(&group(&events)),
            ["started a 0", "progress a 2", "failed b 2", "progress c 5", "stalled c 5"]
        );
    }

    #[test]
    fn jobs_of_two_sources_are_two() {
        let mut other = event("vanished", "a", 1);
        other["event"]["source"] = "other".into();

        assert_eq!(told(&group(&[event("progress", "a", 1), other])).len(), 2);
    }

    #[test]
    fn where_one_event_is_left_it_is_told_alone() {
        let document = group(&[event("progress", "a", 1), event("succeeded", "a", 2)]);
        let mixed_up = group(&[event("succeeded", "a", 2), event("progress", "a", 1)]);

        for document in [document, mixed_up] {
            let told = without_overtaken(&document);

            let mut expected = event("succeeded", "a", 2);
            expected["rule"] = json!({"name": "r", "suppressed": 2});
            assert_eq!(*told, expected);
        }
    }

    #[test]
    fn what_has_no_progress_is_left_as_it_is() {
        let documents = [
            group(&[event("failed", "a", 1), event("failed", "b", 1)]),
            event("progress", "a", 1),
            json!({"events": [1, {"event": {"kind": "progress"}, "job": null}]}),
            json!([1]),
        ];

        for document in documents {
            assert!(matches!(without_overtaken(&document), Cow::Borrowed(_)), "{document}");
        }
    }

    #[test]
    fn a_download_link_is_taken_out_wherever_it_stands() {
        let document = json!({"job": {"result": {"download_url": "https://x", "share_url": "s",
            "download_url_expires_at": "t"}}, "events": [{"job": {"download_url": "y"}}]});

        let stripped = without_download_url(document);

        assert_eq!(
            stripped,
            json!({"job": {"result": {"share_url": "s"}}, "events": [{"job": {}}]})
        );
    }
}
