//! Which fields the document has, as far as that is known, and what to say about others.
//!
//! `event` is ours, so its fields are a closed set. A job's fields are whatever the API
//! gives: a name near a documented one is only doubted. Events about no job have what they are
//! about under another name.

use crate::model::TimerFacts;
use crate::problem::nearest;

use super::path::{Path, Segment};

/// The fields of `event`; the set is closed.
pub(super) const EVENT_FIELDS: [&str; 11] = {
    let [after, waited, number] = TimerFacts::FIELDS;
    ["id", "kind", "source", "from", "to", "detected_at", "late", "repeat", after, waited, number]
};

/// The documented fields of a job, and ours; the API may give others at any time.
pub(super) const JOB_FIELDS: [&str; 12] = [
    "job_id",
    "job_type",
    "job_state",
    "created_at",
    "stopped_at",
    "drive_id",
    "project_id",
    "project_name",
    "project_url",
    "progress",
    "result",
    "usage",
];

/// What stands in the place of a job in events about none: see `EventKind::facts_key`.
pub(super) const OTHER_SUBJECTS: [&str; 4] = ["project", "source", "notifier", "spend"];

/// Checks where a path starts, and what it says of `event`.
///
/// # Errors
/// What is wrong and what to do.
pub(super) fn check(written: &str, path: &Path) -> Result<(), (String, String)> {
    let unrooted = |help: String| Err((format!("`{written}` is no path into the event"), help));
    let (root, rest) = match path.segments() {
        [Segment::Key(root), rest @ ..] => (root.as_str(), rest),
        _ => return unrooted("a path starts with `event.` or `job.`".into()),
    };
    match root {
        "job" => Ok(()),
        "event" => check_event(rest),
        other if OTHER_SUBJECTS.contains(&other) && !rest.is_empty() => Ok(()),
        field if JOB_FIELDS.contains(&field) => unrooted(format!("did you mean `job.{written}`?")),
        field if EVENT_FIELDS.contains(&field) => {
            unrooted(format!("did you mean `event.{written}`?"))
        }
        root => unrooted(match nearest(root, ["event", "job", "any", "all", "not"]) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "a path starts with `event.` or `job.`".into(),
        }),
    }
}

/// What to say about a field of a job that looks like a slip.
pub(super) fn doubt(path: &Path) -> Option<(String, String)> {
    let [Segment::Key(root), Segment::Key(field), ..] = path.segments() else { return None };
    if root != "job" || JOB_FIELDS.contains(&field.as_str()) {
        return None;
    }
    let near = nearest(field, JOB_FIELDS)?;
    Some((format!("no field `job.{field}` is documented"), format!("did you mean `job.{near}`?")))
}

/// What to do about a field that `event` does not have.
pub(super) fn event_help(field: &str) -> String {
    match nearest(field, EVENT_FIELDS) {
        Some(near) => format!("did you mean `event.{near}`?"),
        None => {
            format!("use one of {}", EVENT_FIELDS.map(|name| format!("event.{name}")).join(", "))
        }
    }
}

fn check_event(rest: &[Segment]) -> Result<(), (String, String)> {
    match rest {
        [] => Err(("`event` alone says nothing".into(), event_help(""))),
        [Segment::Each, ..] => Err(("`*` does not reach into `event`".into(), event_help(""))),
        [Segment::Key(field), more @ ..] if EVENT_FIELDS.contains(&field.as_str()) => match more {
            [] => Ok(()),
            _ => Err((
                format!("`event.{field}` has no fields"),
                format!("use `event.{field}` itself"),
            )),
        },
        [Segment::Key(field), ..] => {
            Err((format!("an event has no field `{field}`"), event_help(field)))
        }
    }
}
