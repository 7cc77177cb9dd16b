//! What a job has used of the Drive's allowance, as its result tells.
//!
//! The API gives the figures only for jobs that have ended, and not for every type: absent is
//! not zero. `job.usage` in the event's document is made of them.

use serde_json::{Map, Number, Value, json};

use super::{EventKind, JobState, KnownJob, Phase};

/// What a job has used, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Usage {
    pub media_seconds: Option<f64>,
    pub ai_credits: Option<f64>,
}

const SECONDS_IN_MINUTE: f64 = 60.0;

/// Reads what a job has used from its document, as the API gave it. What is no number, or is
/// less than nothing, is not known.
pub fn usage_of(document: &Map<String, Value>) -> Usage {
    let used = |field: &str| {
        let number = document.get("result")?.get(field)?.as_f64()?;
        (number.is_finite() && number >= 0.0).then_some(number)
    };
    Usage { media_seconds: used("media_seconds_used"), ai_credits: used("ai_credits_used") }
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

impl Usage {
    /// Both together; what is not known of either adds nothing.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one + other),
            (one, other) => one.or(other),
        };
        Self {
            media_seconds: sum(self.media_seconds, other.media_seconds),
            ai_credits: sum(self.ai_credits, other.ai_credits),
        }
    }

    /// The media time in minutes.
    pub fn media_minutes(&self) -> Option<f64> {
        self.media_seconds.map(|seconds| seconds / SECONDS_IN_MINUTE)
    }

    /// What stands in the document as `job.usage`: minutes to two places; null is not known.
    pub fn view(&self) -> Value {
        let to_hundredths = |number: f64| (number * 100.0).round() / 100.0;
        let shown = |number: Option<f64>| number.and_then(number_of).map(Value::Number);
        json!({
            "media_minutes": shown(self.media_minutes().map(to_hundredths)),
            "ai_credits": shown(self.ai_credits),
        })
    }
}

/// A number of JSON, whole where it can be.
pub fn number_of(number: f64) -> Option<Number> {
    /// Beyond it not every whole number is one of the type's.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
        return Some(Number::from(number as i64));
    }
    Number::from_f64(number)
}

/// An amount for people: whole where it is, else with one decimal.
pub fn amount(value: f64) -> String {
    let rounded = format!("{value:.1}");
    rounded.strip_suffix(".0").map_or(rounded.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(result: Value) -> Usage {
        usage_of(json!({ "result": result }).as_object().unwrap())
    }

    #[test]
    fn what_is_absent_or_no_number_is_not_known() {
        let nothing = Usage::default();

        assert_eq!(usage_of(&Map::new()), nothing);
        for result in [
            json!(null),
            json!("x"),
            json!({}),
            json!({"media_seconds_used": "95", "ai_credits_used": null}),
            json!({"media_seconds_used": -1, "ai_credits_used": [9]}),
        ] {
            assert_eq!(usage(result.clone()), nothing, "{result}");
        }
    }

    #[test]
    fn zero_and_fractions_are_known() {
        let used = usage(json!({"media_seconds_used": 18.5, "ai_credits_used": 0}));

        assert_eq!(used, Usage { media_seconds: Some(18.5), ai_credits: Some(0.0) });
    }

    #[test]
    fn the_view_counts_minutes_and_keeps_whole_numbers_whole() {
        let view = |result| usage(result).view().to_string();

        assert_eq!(
            view(json!({"media_seconds_used": 95, "ai_credits_used": 9})),
            r#"{"ai_credits":9,"media_minutes":1.58}"#
        );
        assert_eq!(
            view(json!({"media_seconds_used": 120})),
            r#"{"ai_credits":null,"media_minutes":2}"#
        );
        assert_eq!(
            view(json!({"media_seconds_used": 18.5, "ai_credits_used": 2.5})),
            r#"{"ai_credits":2.5,"media_minutes":0.31}"#
        );
    }

    #[test]
    fn amounts_are_whole_or_have_one_decimal() {
        assert_eq!([0.0, 95.0, 1.58, 0.04].map(amount), ["0", "95", "1.6", "0"]);
    }
}
