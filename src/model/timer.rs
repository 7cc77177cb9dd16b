//! What an `overdue` or `stalled` event tells about the timer that made it.
//!
//! The store keeps it as JSON text beside the event; in the event's document its parts stand
//! in `event`, in seconds.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use super::{Event, EventKind, JobId, number_of};

/// The timer of a rule, as it ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimerFacts {
    /// The time after which the rule speaks: its own, or what such jobs usually take.
    pub after: SignedDuration,
    /// How long the job had taken, or its progress not moved.
    pub waited: SignedDuration,
    /// 0 for the first saying, then the number of the repeat.
    pub number: u32,
}

impl TimerFacts {
    /// The fields of `event` that only such events have.
    pub const FIELDS: [&str; 3] = ["after_seconds", "waited_seconds", "number"];

    /// The text that the store keeps.
    pub fn to_stored(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the text that the store keeps; `None` where it is none.
    pub fn from_stored(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    pub(super) fn put_into(&self, event: &mut Map<String, Value>) {
        let [after, waited, number] = Self::FIELDS;
        event.insert(after.into(), seconds(self.after));
        event.insert(waited.into(), seconds(self.waited));
        event.insert(number.into(), self.number.into());
    }
}

impl Event {
    /// An event about a job that a rule's timer has made. `progress` tells two sayings about
    /// different standstills apart. The job itself is put in where it is needed.
    pub fn of_timer(
        kind: EventKind,
        rule: &str,
        timer: TimerFacts,
        progress: &str,
        source: &str,
        job: &JobId,
        detected_at: Timestamp,
    ) -> Self {
        let (subject, at) = (job.as_str(), detected_at);
        let mut event = Self::about_itself(kind, source, subject, at, at, Map::new());
        event.key.occurrence = format!("{}/{progress}/{rule}", timer.number);
        event.job_id = Some(job.clone());
        event.timer = Some(timer);
        event
    }

    /// The rule that has made this event, where one has: only that one is asked about it.
    pub fn made_by(&self) -> Option<&str> {
        match self.kind {
            EventKind::Overdue | EventKind::Stalled => self.key.occurrence.splitn(3, '/').nth(2),
            EventKind::SpendCrossed => Some(&self.key.subject),
            _ => None,
        }
    }
}

/// Whole seconds as a whole number, others to the millisecond.
fn seconds(length: SignedDuration) -> Value {
    const MS_IN_SECOND: f64 = 1_000.0;
    let ms = length.as_millis() as f64;
    number_of(ms / MS_IN_SECOND).map_or(Value::Null, Number::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_store_gets_back_what_it_kept() {
        let facts = TimerFacts {
            after: SignedDuration::from_mins(30),
            waited: SignedDuration::new(5_400, 250_000_000),
            number: 1,
        };

        assert_eq!(TimerFacts::from_stored(&facts.to_stored()), Some(facts));
        assert_eq!(TimerFacts::from_stored("{}"), None);
    }

    #[test]
    fn seconds_are_whole_where_they_can_be() {
        assert_eq!(seconds(SignedDuration::from_mins(30)).to_string(), "1800");
        assert_eq!(seconds(SignedDuration::from_millis(1_250)).to_string(), "1.25");
    }
}
