//! Rows as a page shows them: words, links, times. Pure.
//!
//! Text from outside is put on one line, freed of what cannot be seen, and cut; the templates
//! escape it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::silence;
use crate::model::{Attempt, AttemptOutcome, DeliveryState, EventKind, Hold, Phase};
use crate::render::words::{cause, cut, headline, https_link, one_line, type_in_words};
use crate::store::{DeliveryRow, EventRow, JobRow};

/// A running job whose progress has not moved for this long stands out.
const STUCK_AFTER: SignedDuration = SignedDuration::from_mins(30);

const NAME_MOST_CHARS: usize = 80;
const REASON_MOST_CHARS: usize = 300;

/// A text from outside, short enough for a row.
pub(super) fn name(text: &str) -> String {
    cut(&one_line(text), NAME_MOST_CHARS)
}

/// A text from outside that tells why.
pub(super) fn reason(text: &str) -> String {
    cut(&one_line(text), REASON_MOST_CHARS)
}

/// A time for a machine and for a reader without scripts.
pub(super) fn when(at: Timestamp) -> Value {
    json!({ "iso": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(), "text": at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string() })
}

/// Where a job's page is.
pub(super) fn job_link(base: &str, source: &str, job_id: &str) -> String {
    format!("{base}/jobs/{}/{}", encoded(source), encoded(job_id))
}

/// A job that has not ended.
pub(super) fn running(row: &JobRow, base: &str, now: Timestamp) -> Value {
    let job = &row.job;
    let progress = job.document.get("progress");
    let label = progress.and_then(|progress| progress.get("label")).and_then(Value::as_str);
    let percent = progress.and_then(|progress| progress.get("percent")).and_then(Value::as_f64);
    let is_running = job.state.as_str() == "running";
    let stuck = is_running && now.duration_since(job.progress_since) >= STUCK_AFTER;
    json!({
        "type": type_in_words(&job.job_type),
        "project": project(row),
        "source": row.source,
        "link": job_link(base, &row.source, job.id.as_str()),
        "state": name(job.state.as_str()),
        "label": label.map(name),
        "percent": percent.map(|percent| percent.clamp(0.0, 100.0).round() as u8),
        "bar": is_running,
        "stuck": stuck,
        "moved": when(job.progress_since),
        "since": when(job.created_at.unwrap_or(job.first_seen_at)),
    })
}

/// The name of a job's project, its id where there is no name.
pub(super) fn project(row: &JobRow) -> String {
    let project = row.project_name.as_deref().or(row.job.project_id.as_deref());
    project.map_or_else(|| "no project".to_owned(), name)
}

/// An event, with the rules that matched it.
pub(super) fn event(row: &EventRow, base: &str) -> Value {
    let event = &row.event;
    let document = event.document(None, false);
    let job = &document["job"];
    let project = [&job["project_name"], &job["project_id"]].into_iter().find_map(Value::as_str);
    let link = event.job_id.as_ref().map(|id| job_link(base, &event.key.source, id.as_str()));
    let matched: Vec<&str> = row
        .verdicts
        .iter()
        .filter(|(_, verdict)| verdict.sends() || verdict.matched())
        .map(|(rule, _)| rule.as_str())
        .collect();
    json!({
        "kind": event.kind.as_str(),
        "tone": tone(event.kind),
        "type": type_in_words(job["job_type"].as_str().unwrap_or_default()),
        "words": headline(&document),
        "cause": reason(&cause(&document)),
        "project": project.map(name),
        "source": event.key.source,
        "link": link,
        "at": when(event.detected_at),
        "late": event.late,
        "from": event.from.as_deref().map(name),
        "to": event.to.as_deref().map(name),
        "matched": name(&matched.join(", ")),
        "verdicts": row.verdicts.iter().map(|(rule, verdict)| json!({
            "rule": name(rule),
            "tone": match (verdict.sends(), verdict.matched()) {
                (true, _) => "good",
                (false, true) => "warn",
                (false, false) => "plain",
            },
            "reason": reason(&verdict.to_string()),
        })).collect::<Vec<_>>(),
    })
}

/// A delivery with what can be done about it.
pub(super) fn delivery(row: &DeliveryRow, base: &str) -> Value {
    use DeliveryState::{Dead, Discarded, Held, Pending, Sending, Sent};
    let delivery = &row.delivery;
    let owed_since = ("owed since", delivery.created_at);
    let (tone, (at_word, at)) = match delivery.state {
        Pending => ("wait", ("due", delivery.due_at)),
        Sending => ("run", ("since", delivery.first_attempt_at.unwrap_or(delivery.created_at))),
        Held => ("warn", owed_since),
        Dead => ("bad", owed_since),
        Sent => ("good", ("", delivery.sent_at.unwrap_or(delivery.created_at))),
        Discarded => ("plain", owed_since),
    };
    let held = delivery.hold.filter(|_| delivery.state == Held);
    let waits = held.and_then(held_for);
    let is_about = row.project_name.is_some() || !delivery.job_id.is_empty();
    let silenceable = is_about && matches!(delivery.state, Dead | Held);
    let link =
        (!delivery.job_id.is_empty()).then(|| job_link(base, &delivery.source, &delivery.job_id));
    json!({
        "id": delivery.id,
        "state": delivery.state,
        "tone": tone,
        "event": delivery.kind.as_str(),
        "project": row.project_name.as_deref().map(name),
        "link": link,
        "notifier": delivery.notifier,
        "recipient": name(&delivery.recipient),
        "rule": name(&delivery.rule),
        "tries": delivery.attempts,
        "repeat": delivery.repeat,
        "waits": waits,
        "until": waits.map(|_| when(delivery.due_at)),
        "error": row.last_error().filter(|_| waits.is_none()).map(reason),
        "at_word": at_word,
        "at": when(at),
        "can_decide": can_decide(row),
        "silence": silenceable.then(|| format!("{base}/silences/new?delivery={}", delivery.id)),
        "retry": format!("{base}/deliveries/{}/retry", delivery.id),
        "discard": format!("{base}/deliveries/{}/discard", delivery.id),
    })
}

/// What holds it back on purpose, until it is due.
fn held_for(hold: Hold) -> Option<&'static str> {
    match hold {
        Hold::Window => Some("waits for its rule's hours"),
        Hold::Group => Some("gathers with others"),
        Hold::Throttle => Some("held back by its rule's throttle"),
        Hold::Silence => Some("silenced, to be told at the end"),
        Hold::Notifier | Hold::Digest => None,
    }
}

/// Whether a person can retry or discard it. What was gathered into a digest ends as that does.
pub(super) fn can_decide(row: &DeliveryRow) -> bool {
    use DeliveryState::{Dead, Held, Pending};
    match row.delivery.state {
        Held => row.delivery.hold != Some(Hold::Digest),
        state => matches!(state, Pending | Dead),
    }
}

/// One try at a delivery.
pub(super) fn attempt(attempt: &Attempt) -> Value {
    json!({
        "number": attempt.number,
        "at": when(attempt.started_at),
        "took_ms": attempt.took_ms,
        "outcome": attempt.outcome,
        "failed": attempt.outcome != AttemptOutcome::Sent,
        "status": attempt.status,
        "answer": reason(&attempt.answer),
    })
}

/// The facts at the head of a job's page.
pub(super) fn job(row: &JobRow, now: Timestamp, base: &str) -> Value {
    let job = &row.job;
    let mut view = running(row, base, now);
    let url = job.document.get("project_url").and_then(Value::as_str).map(https_link);
    let result = job.document.get("result");
    let status = result.and_then(|result| result.get("status")).and_then(Value::as_str);
    view["id"] = json!(name(job.id.as_str()));
    view["silence_job"] = json!(silence::link(&[("job.job_id", job.id.as_str())], base));
    let project = job.project_id.as_deref();
    view["silence_project"] =
        json!(project.map(|project| silence::link(&[("job.project_id", project)], base)));
    view["url"] = json!(url.filter(|url| !url.is_empty()));
    view["result"] = json!(status.map(name));
    view["ended"] = json!(job.ended_at.map(when));
    view["first_seen"] = when(job.first_seen_at);
    view["is_open"] = json!(job.phase == Phase::Open);
    view["phase"] = json!(job.phase.as_str());
    view
}

/// The colour that goes with an event.
fn tone(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Succeeded | EventKind::NotifierUp | EventKind::SourceUp => "good",
        EventKind::Failed | EventKind::NotifierDown | EventKind::SourceDown => "bad",
        EventKind::Partial
        | EventKind::Stopped
        | EventKind::Changed
        | EventKind::Vanished
        | EventKind::Overdue
        | EventKind::Stalled
        | EventKind::SpendCrossed => "warn",
        EventKind::Queued | EventKind::Cancelled | EventKind::ProjectIdle => "plain",
        EventKind::Started | EventKind::Progress => "run",
    }
}

/// Percent-encodes all but the characters that never need it.
pub(super) fn encoded(part: &str) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_says_what_it_shows() {
        assert_eq!(name("a\nb\u{202e}c"), "a bc");
        assert_eq!(name(&"x".repeat(200)).chars().count(), NAME_MOST_CHARS);
    }

    #[test]
    fn a_link_holds_any_id() {
        assert_eq!(job_link("/n", "main", "a/b?c\"ü"), "/n/jobs/main/a%2Fb%3Fc%22%C3%BC");
    }
}
