//! Words about what many jobs come to, and about time that has passed: a project's batch, a
//! budget, a timer, messages that were held back.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Call;
use super::event::text_at;
use super::group::events_of;
use super::time::in_words;
use crate::model::Hold;
use crate::render::escape::cut;

/// How a project's batch of jobs went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// What was not called off succeeded.
    Good,
    /// Something is to be looked at.
    Doubtful,
    /// Something failed.
    Bad,
    /// Nothing was done, or it is not known.
    Nothing,
}

/// The outcomes that a batch counts, the worst first.
const OUTCOMES: [&str; 6] = ["failed", "partial", "succeeded", "cancelled", "stopped", "vanished"];

/// `waiting_since`
pub fn waiting_since(call: &Call<'_>) -> Value {
    since(call.document()).map_or(String::new(), |since| since.to_string()).into()
}

/// `held_back`
pub fn held_back_word(call: &Call<'_>) -> Value {
    held_back(call.document()).into()
}

/// How the batch of a `project_idle` event went.
pub fn batch_of(document: &Value) -> Batch {
    let some = |outcomes: &[&str]| outcomes.iter().any(|outcome| count(document, outcome) > 0);
    if some(&["failed"]) {
        Batch::Bad
    } else if some(&["partial", "stopped", "vanished"]) {
        Batch::Doubtful
    } else if some(&["succeeded"]) {
        Batch::Good
    } else {
        Batch::Nothing
    }
}

/// `All 12 jobs have ended: 1 failed, 11 succeeded`
pub fn batch_headline(document: &Value) -> String {
    let jobs = count(document, "jobs");
    let outcomes = OUTCOMES.map(|outcome| (count(document, outcome), outcome));
    let mut known: Vec<(u64, &str)> = outcomes.into_iter().filter(|(jobs, _)| *jobs > 0).collect();
    let sum = known.iter().fold(0, |sum: u64, (jobs, _)| sum.saturating_add(*jobs));
    if jobs > sum {
        known.push((jobs - sum, "with another outcome"));
    }
    match (jobs, known.as_slice()) {
        (0, _) => "The last job of the project has ended".into(),
        (1, [(_, outcome)]) => format!("Its only job has ended: {outcome}"),
        (jobs, [(_, outcome)]) => format!("All {jobs} jobs have ended: all {outcome}"),
        (jobs, known) => {
            let counted: Vec<String> =
                known.iter().map(|(jobs, outcome)| format!("{jobs} {outcome}")).collect();
            format!("All {jobs} jobs have ended: {}", counted.join(", "))
        }
    }
}

/// `Budget reached: 512 AI credits used, the limit is 500 per day`
pub fn budget_headline(document: &Value) -> String {
    /// More than any number or word of ours has.
    const PART_MAX_CHARS: usize = 24;

    let part = |field: &str| cut(&text_at(document, &format!("/spend/{field}")), PART_MAX_CHARS);
    let [used, amount, per] = ["used", "amount", "per"].map(part);
    if [&used, &amount, &per].iter().any(|part| part.is_empty()) {
        return "A budget is used up".into();
    }
    let unit = match (part("unit").as_str(), used.as_str()) {
        ("credits", "1") => "AI credit".to_owned(),
        ("credits", _) => "AI credits".to_owned(),
        ("minutes", "1") => "minute of media".to_owned(),
        ("minutes", _) => "minutes of media".to_owned(),
        (other, _) => other.to_owned(),
    };
    format!("Budget reached: {used} {unit} used, the limit is {amount} per {per}")
}

/// How long a job has taken, or has not moved.
pub fn waited(document: &Value) -> Option<String> {
    let seconds = document.pointer("/event/waited_seconds")?.as_f64()?;
    (seconds >= 1.0).then(|| in_words(seconds as i64))
}

/// Where a job stands: `Rendering, 60 %`; empty where it does not say.
pub fn progress(document: &Value) -> String {
    let percent = document.pointer("/job/progress/percent").filter(|percent| percent.is_number());
    let percent = percent.map(|percent| format!("{percent} %"));
    let label = Some(text_at(document, "/job/progress/label")).filter(|label| !label.is_empty());
    label.into_iter().chain(percent).collect::<Vec<_>>().join(", ")
}

/// What the reader must know about messages that were held back, on one line; empty where
/// there is nothing to know.
pub fn held_back(document: &Value) -> String {
    let suppressed =
        document.pointer("/rule/suppressed").and_then(Value::as_u64).unwrap_or_default();
    let messages = match suppressed {
        1 => "1 message".to_owned(),
        many => format!("{many} messages"),
    };
    // A message about one event that was held back by itself is that message.
    let held = match (suppressed, events_of(document).is_empty()) {
        (0, _) | (1, true) => "held back".to_owned(),
        _ => format!("{messages} held back"),
    };
    let more = |told: &str| match suppressed {
        0 => told.to_owned(),
        _ => format!("{told} · {messages} held back by its rule"),
    };
    match Hold::parse(&text_at(document, "/rule/held")) {
        Some(Hold::Throttle) => format!("{held} by the throttle of its rule until now"),
        Some(Hold::Silence) => format!("{held} by a silence that is over now"),
        Some(Hold::Window) => more("kept until the hours of its rule began"),
        Some(Hold::Notifier | Hold::Digest) => more("kept while messages could not be sent"),
        Some(Hold::Group) | None => match suppressed {
            0 => String::new(),
            _ => format!("{messages} dropped before this one, outside of the hours of its rule"),
        },
    }
}

fn count(document: &Value, field: &str) -> u64 {
    document.pointer(&format!("/project/{field}")).and_then(Value::as_u64).unwrap_or_default()
}

fn since(document: &Value) -> Option<Timestamp> {
    let waited = document.pointer("/event/waited_seconds")?.as_f64()?;
    let detected_at: Timestamp = text_at(document, "/event/detected_at").parse().ok()?;
    detected_at.checked_sub(SignedDuration::from_secs(waited as i64)).ok()
}
