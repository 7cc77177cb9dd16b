//! Rows as JSON documents: the same for `--json` on the command line, for the HTTP API and for
//! those who watch.
//!
//! A link to an exported file is never in them: whoever has it can fetch the file.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{DeliveryRow, EventRow, JobRow};
use crate::model::{DeliveryState, Event, Silence, Verdict, without_download_url};

impl JobRow {
    /// Every field that the API gave, with what we know beside it.
    pub fn document(&self) -> Value {
        let job = &self.job;
        let mut fields = job.document.clone().into_map();
        fields.insert("job_id".into(), json!(job.id));
        fields.insert("job_type".into(), json!(job.job_type));
        fields.insert("job_state".into(), json!(job.state.as_str()));
        fields.insert("project_name".into(), json!(self.project_name));
        fields.insert("source".into(), json!(self.source));
        fields.insert("phase".into(), json!(job.phase.as_str()));
        fields.insert("first_seen_at".into(), json!(job.first_seen_at.to_string()));
        fields.insert("ended_at".into(), json!(job.ended_at.map(|at| at.to_string())));
        without_download_url(Value::Object(fields))
    }
}

impl EventRow {
    /// The event's document with the verdicts beside it.
    pub fn document(&self) -> Value {
        event_document(&self.event, &self.verdicts)
    }
}

/// An event's document with the verdicts beside it.
pub fn event_document(event: &Event, verdicts: &[(String, Verdict)]) -> Value {
    let mut document = without_download_url(event.document(None, false));
    document["verdicts"] = verdicts
        .iter()
        .map(|(rule, verdict)| {
            let mut told = json!(verdict);
            told["rule"] = json!(rule);
            told["reason"] = json!(verdict.to_string());
            told
        })
        .collect();
    document
}

/// A silence with its state.
pub fn silence_document(silence: &Silence, now: Timestamp) -> Value {
    let mut fields = json!(silence);
    fields["state"] = silence.state(now).into();
    fields
}

impl DeliveryRow {
    /// What it met last, or what its notifier met.
    pub fn last_error(&self) -> Option<&str> {
        self.delivery.last_error.as_deref().or(self.held_because.as_deref())
    }

    /// What a listing tells of it.
    pub fn document(&self) -> Value {
        let delivery = &self.delivery;
        json!({
            "id": delivery.id,
            "event_id": delivery.event_id,
            "event": delivery.kind.as_str(),
            "rule": delivery.rule,
            "notifier": delivery.notifier,
            "recipient": delivery.recipient,
            "state": delivery.state,
            "source": delivery.source,
            "job_id": delivery.job_id,
            "project_name": self.project_name,
            "template": delivery.template,
            "attempts": delivery.attempts,
            "repeat": delivery.repeat,
            "created_at": delivery.created_at.to_string(),
            "due_at": delivery.due_at.to_string(),
            "hold": delivery.hold.filter(|_| delivery.state == DeliveryState::Held),
            "suppressed": delivery.suppressed,
            "first_attempt_at": delivery.first_attempt_at.map(|at| at.to_string()),
            "sent_at": delivery.sent_at.map(|at| at.to_string()),
            "last_error": self.last_error(),
            "digest": self.digest.as_ref().map(|(id, _)| id),
        })
    }
}
