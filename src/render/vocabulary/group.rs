//! Words about a group of events: what it is called, how many of what, which come first.
//!
//! A document holds at most so many of a group's events; what it leaves out is still counted:
//! `events_total`, and by kind `events_counts`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Call;
use super::event::{PROJECT_MAX_CHARS, kind, project, text_at};
use super::look::severity;
use crate::model::EventKind;
use crate::render::escape::cut;

/// What is counted, the worst first: one of it, several of it.
const COUNTED: [(EventKind, &str, &str); 18] = [
    (EventKind::Failed, "failed", "failed"),
    (EventKind::Partial, "partial", "partial"),
    (EventKind::Succeeded, "succeeded", "succeeded"),
    (EventKind::Cancelled, "cancelled", "cancelled"),
    (EventKind::Stopped, "stopped", "stopped"),
    (EventKind::Vanished, "vanished", "vanished"),
    (EventKind::Changed, "changed", "changed"),
    (EventKind::Overdue, "overdue", "overdue"),
    (EventKind::Stalled, "stalled", "stalled"),
    (EventKind::Started, "started", "started"),
    (EventKind::Queued, "queued", "queued"),
    (EventKind::Progress, "in progress", "in progress"),
    (EventKind::ProjectIdle, "project idle", "projects idle"),
    (EventKind::SpendCrossed, "budget reached", "budgets reached"),
    (EventKind::SourceDown, "source down", "sources down"),
    (EventKind::SourceUp, "source up again", "sources up again"),
    (EventKind::NotifierDown, "notifier down", "notifiers down"),
    (EventKind::NotifierUp, "notifier up again", "notifiers up again"),
];

/// `counts`
pub fn counts(call: &Call<'_>) -> Value {
    counts_of(call.document()).into()
}

/// `3 failed, 8 succeeded, 1 cancelled`: the events of a group by their kind.
pub fn counts_of(document: &Value) -> String {
    let kinds = kinds_of(document);
    let of = |kind: EventKind| kinds.get(kind.as_str()).and_then(Value::as_u64).unwrap_or_default();
    let mut counted: Vec<String> = COUNTED
        .iter()
        .filter_map(|(kind, one, many)| match of(*kind) {
            0 => None,
            1 => Some(format!("1 {one}")),
            several => Some(format!("{several} {many}")),
        })
        .collect();
    let named: u64 = COUNTED.iter().map(|(kind, ..)| of(*kind)).sum();
    match (total_of(document) as u64).saturating_sub(named) {
        0 => {}
        rest => counted.push(format!("{rest} more")),
    }
    counted.join(", ")
}

/// How many events there are of each kind.
pub fn kind_counts(events: &[Value]) -> Map<String, Value> {
    let mut counts: HashMap<&'static str, u64> = HashMap::new();
    for kind in events.iter().filter_map(kind) {
        *counts.entry(kind.as_str()).or_default() += 1;
    }
    counts.into_iter().map(|(kind, count)| (kind.to_owned(), count.into())).collect()
}

/// What a group is called: `12 jobs ended`, after the project where there is only one; `None`
/// where the document is no group.
pub fn title_of(document: &Value) -> Option<String> {
    let total = total_of(document);
    if total == 0 {
        return None;
    }
    let kinds = kinds_of(document);
    let ended = |name: &String| name.parse().is_ok_and(EventKind::is_terminal);
    let counted: u64 = kinds.values().filter_map(Value::as_u64).sum();
    let what = match (total, kinds.keys().all(ended) && counted == total as u64) {
        (1, true) => "1 job ended".to_owned(),
        (total, true) => format!("{total} jobs ended"),
        (1, false) => "1 thing happened".to_owned(),
        (total, false) => format!("{total} things happened"),
    };
    Some(match only_project(document) {
        Some(project) => format!("{}: {what}", cut(&project, PROJECT_MAX_CHARS)),
        None => what,
    })
}

/// `events_left 40`
pub fn events_left(call: &Call<'_>) -> Value {
    let shown = call.length(0, usize::MAX);
    total_of(call.root).saturating_sub(shown).into()
}

/// `listed events 40`
pub fn listed(call: &Call<'_>) -> Value {
    let list = call.arg(0).as_array().map(Vec::as_slice).unwrap_or_default();
    let most = call.length(1, list.len());
    let chosen: Vec<&Value> = match list.len() <= most {
        true => list.iter().collect(),
        false => worst_first(list).into_iter().take(most).collect(),
    };
    let chosen = match is_by_project(call.root) {
        true => by_project(chosen),
        false => chosen,
    };
    chosen.into_iter().cloned().collect()
}

/// `chunks list 8 [40]`
pub fn chunks(call: &Call<'_>) -> Value {
    let Value::Array(list) = call.arg(0) else { return Value::Array(Vec::new()) };
    let size = call.length(1, list.len()).max(1);
    let most = call.length(2, list.len()).min(list.len());
    list[..most].chunks(size).map(|chunk| Value::Array(chunk.to_vec())).collect()
}

/// The events with the worst before the others, else in their order.
pub fn worst_first(events: &[Value]) -> Vec<&Value> {
    let mut worst: Vec<&Value> = events.iter().collect();
    worst.sort_by_cached_key(|event| std::cmp::Reverse(severity(event)));
    worst
}

/// The events with those of a project together, else in their order.
pub fn by_project(events: Vec<&Value>) -> Vec<&Value> {
    let mut places = HashMap::new();
    for event in &events {
        let next = places.len();
        places.entry(project_of(event)).or_insert(next);
    }
    let mut together = events;
    together.sort_by_cached_key(|event| places.get(&project_of(event)).copied());
    together
}

/// Whether a group reads better with its lines below their projects: where these have two or
/// more each, in the middle.
pub fn is_by_project(document: &Value) -> bool {
    let mut projects: Vec<_> = events_of(document).iter().filter_map(project_of).collect();
    let of_projects = projects.len();
    projects.sort_unstable();
    projects.dedup();
    of_projects > 0 && of_projects >= 2 * projects.len()
}

/// What tells the project of an event from others; `None` where it is about none.
pub fn project_of(document: &Value) -> Option<(String, String)> {
    let is_project = kind(document) == Some(EventKind::ProjectIdle);
    if !is_project && !document.get("job").is_some_and(Value::is_object) {
        return None;
    }
    let ids = ["/job/project_id", "/project/id"].map(|place| text_at(document, place));
    Some((ids.into_iter().find(|id| !id.is_empty()).unwrap_or_default(), project(document)))
}

/// The events of a group, oldest first; none where it is none.
pub fn events_of(document: &Value) -> &[Value] {
    document.get("events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// How many there were before the document was bounded.
fn total_of(document: &Value) -> usize {
    let total = document.get("events_total").and_then(Value::as_u64);
    total.map_or(events_of(document).len(), |total| total as usize)
}

/// How many there were of each kind before the document was bounded.
fn kinds_of(document: &Value) -> Map<String, Value> {
    match document.get("events_counts") {
        Some(Value::Object(counts)) => counts.clone(),
        _ => kind_counts(events_of(document)),
    }
}

/// The project that all events of a group are about, where all are known.
fn only_project(document: &Value) -> Option<String> {
    let events = events_of(document);
    let first = events.first()?;
    let only = project_of(first)?;
    let all = events.len() == total_of(document);
    let same = all && events.iter().all(|event| project_of(event).as_ref() == Some(&only));
    same.then(|| project(first))
}
