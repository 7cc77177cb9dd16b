//! Words about a group of events: how many of what, and a line for each.
//!
//! A digest must tell of every event within a service's limit, whatever the names and the
//! reasons are. So `lines` measures what it writes after the escape, and gives up detail for
//! all lines alike until they fit together: long names first, then links and the day.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::event::{cause, emoji_of, headline, kind, outcome_of, project, text_at, type_in_words};
use super::{Call, Moment, time};
use crate::model::EventKind;
use crate::render::escape::{Syntax, https_link, units};

/// How much a line tells, in UTF-16 units after the escape.
struct Detail {
    name: usize,
    job_type: usize,
    cause: usize,
    /// Longer links are left out.
    url: usize,
    time: &'static str,
}

/// From the most to the least. At the last, a line has at most 107 units.
const DETAILS: [Detail; 5] = [
    Detail { name: 80, job_type: 40, cause: 160, url: 200, time: "%-d %b %H:%M" },
    Detail { name: 60, job_type: 30, cause: 80, url: 110, time: "%-d %b %H:%M" },
    Detail { name: 40, job_type: 20, cause: 40, url: 80, time: "%-d %b %H:%M" },
    Detail { name: 30, job_type: 16, cause: 30, url: 70, time: "%H:%M" },
    Detail { name: 26, job_type: 14, cause: 24, url: 0, time: "%H:%M" },
];

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
    (EventKind::SpendCrossed, "spending limit reached", "spending limits reached"),
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
    let events = events_of(document);
    let kinds: Vec<Option<EventKind>> = events.iter().map(kind).collect();
    let mut counted: Vec<String> = COUNTED
        .iter()
        .filter_map(|(kind, one, many)| {
            match kinds.iter().filter(|other| **other == Some(*kind)).count() {
                0 => None,
                1 => Some(format!("1 {one}")),
                several => Some(format!("{several} {many}")),
            }
        })
        .collect();
    let named = kinds.iter().filter(|kind| kind.is_some()).count();
    match total_of(document).saturating_sub(named) {
        0 => {}
        rest => counted.push(format!("{rest} more")),
    }
    counted.join(", ")
}

/// `events_left 40`
pub fn events_left(call: &Call<'_>) -> Value {
    let shown = call.length(0, usize::MAX);
    total_of(call.root).saturating_sub(shown).into()
}

/// `chunks list 8 [40]`
pub fn chunks(call: &Call<'_>) -> Value {
    let Value::Array(list) = call.arg(0) else { return Value::Array(Vec::new()) };
    let size = call.length(1, list.len()).max(1);
    let most = call.length(2, list.len()).min(list.len());
    list[..most].chunks(size).map(|chunk| Value::Array(chunk.to_vec())).collect()
}

/// `lines list 2500`, written.
pub fn write_lines(syntax: Syntax, call: &Call<'_>, moment: &Moment) -> String {
    let list = call.arg(0).as_array().map(Vec::as_slice).unwrap_or_default();
    syntax.seal(&lines_of(list, call.length(1, usize::MAX), syntax, &moment.zone))
}

/// `(lines list 2500)`
pub fn lines(call: &Call<'_>, moment: &Moment) -> Value {
    let list = call.arg(0).as_array().map(Vec::as_slice).unwrap_or_default();
    lines_of(list, call.length(1, usize::MAX), Syntax::Json, &moment.zone).into()
}

/// One line for each document, at most `room` UTF-16 units together, escaped for the syntax
/// but for its layer of JSON. Where not even the shortest lines fit, the rest are counted.
pub fn lines_of(list: &[Value], room: usize, syntax: Syntax, zone: &TimeZone) -> String {
    let separator = syntax.line_break();
    let mut lines = Vec::new();
    for detail in &DETAILS {
        lines = list.iter().map(|document| line(document, detail, syntax, zone)).collect();
        let all = lines.join(separator);
        if units(&all) <= room {
            return all;
        }
    }
    while !lines.is_empty() {
        lines.pop();
        let mut shown = lines.clone();
        shown.push(format!("… and {} more", list.len() - lines.len()));
        let all = shown.join(separator);
        if units(&all) <= room {
            return all;
        }
    }
    String::new()
}

fn line(document: &Value, detail: &Detail, syntax: Syntax, zone: &TimeZone) -> String {
    let mut line = format!("{} ", emoji_of(document));
    let mut link = String::new();
    let before_cause = if document.get("job").is_some_and(Value::is_object) {
        link = https_link(&text_at(document, "/job/project_url"));
        if link.len() > detail.url {
            link.clear();
        }
        line.push_str(&syntax.link(&link, &syntax.fit(&project(document), detail.name)));
        let job_type = type_in_words(&text_at(document, "/job/job_type"));
        let job_type = syntax.fit(&job_type, detail.job_type);
        line.push_str(&format!(" · {job_type} {}", outcome_of(document)));
        ": "
    } else {
        line.push_str(&syntax.fit(&headline(document), detail.name + detail.job_type));
        " · "
    };
    let cause = syntax.fit(&cause(document), detail.cause);
    if !cause.is_empty() {
        line.push_str(&format!("{before_cause}{cause}"));
    }
    let at = ["/job/stopped_at", "/event/detected_at"]
        .map(|place| text_at(document, place))
        .into_iter()
        .find(|at| !at.is_empty())
        .unwrap_or_default();
    let at = syntax.fit(&time::local(&at, detail.time, zone), detail.time.len() + 2);
    if !at.is_empty() {
        line.push_str(&format!(" · {at}"));
    }
    if document.pointer("/event/late") == Some(&Value::Bool(true)) {
        line.push_str(" · seen late");
    }
    if !link.is_empty() && !syntax.has_links() {
        line.push_str(&format!(" · {link}"));
    }
    line
}

/// The events of a group, oldest first; none where it is none.
pub fn events_of(document: &Value) -> &[Value] {
    document.get("events").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// How many there were before the document was bounded.
pub fn total_of(document: &Value) -> usize {
    let total = document.get("events_total").and_then(Value::as_u64);
    total.map_or(events_of(document).len(), |total| total as usize)
}
