//! What an ended job came to, and what it has used: read from the API's own fields.

use serde_json::{Map, Value};

use super::{EventKind, JobState, KnownJob, Phase};

/// What a job has used; `None` where the API does not tell, which is not nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    pub media_seconds: Option<f64>,
    pub ai_credits: Option<f64>,
}

/// Reads what a job has used from its document: `result.media_seconds_used` and
/// `result.ai_credits_used`. A value that is no amount counts as not told.
pub fn usage_of(document: &Map<String, Value>) -> Usage {
    let result = document.get("result");
    let amount = |field: &str| {
        let told = result.and_then(|result| result.get(field)).and_then(Value::as_f64);
        told.filter(|amount| amount.is_finite() && *amount >= 0.0)
    };
    Usage { media_seconds: amount("media_seconds_used"), ai_credits: amount("ai_credits_used") }
}

/// How a job has ended, by the name of the event that tells it; `None` while it has not, and
/// for one that is gone.
pub fn outcome_of(job: &KnownJob) -> Option<EventKind> {
    if job.phase != Phase::Ended {
        return None;
    }
    let status = job.document.get("result").and_then(|result| result.get("status"));
    Some(match (&job.state, status.and_then(Value::as_str)) {
        (JobState::Cancelled, _) => EventKind::Cancelled,
        (JobState::Stopped, Some("success")) => EventKind::Succeeded,
        (JobState::Stopped, Some("partial")) => EventKind::Partial,
        (JobState::Stopped, Some("error")) => EventKind::Failed,
        (JobState::Stopped, _) => EventKind::Stopped,
        _ => EventKind::Changed,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn used(document: Value) -> (Option<f64>, Option<f64>) {
        let usage = usage_of(document.as_object().unwrap());
        (usage.media_seconds, usage.ai_credits)
    }

    #[test]
    fn amounts_are_read_whole_or_not_and_what_is_missing_is_not_nothing() {
        let whole = json!({"result": {"media_seconds_used": 95, "ai_credits_used": 9}});
        let part = json!({"result": {"media_seconds_used": 94.5}});
        let zero = json!({"result": {"media_seconds_used": 0, "ai_credits_used": null}});

        assert_eq!(used(whole), (Some(95.0), Some(9.0)));
        assert_eq!(used(part), (Some(94.5), None));
        assert_eq!(used(zero), (Some(0.0), None));
    }

    #[test]
    fn what_is_no_amount_counts_as_not_told() {
        let odd = json!({"result": {"media_seconds_used": "95", "ai_credits_used": -1}});

        assert_eq!(used(odd), (None, None));
        assert_eq!(used(json!({"result": [1]})), (None, None));
        assert_eq!(used(json!({"media_seconds_used": 5})), (None, None));
    }
}
