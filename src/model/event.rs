//! Events: what happened, keyed so that the same happening is recorded once.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{EventId, Fields, Hold, JobId, TimerFacts};

/// What happened. The names are the contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EventKind {
    Queued,
    Started,
    Progress,
    Succeeded,
    Partial,
    Failed,
    Cancelled,
    Stopped,
    Changed,
    Overdue,
    Stalled,
    Vanished,
    ProjectIdle,
    NotifierDown,
    NotifierUp,
    SpendCrossed,
    SourceDown,
    SourceUp,
}

/// Every kind with its name in config, documents and listings.
pub const KIND_NAMES: [(EventKind, &str); 18] = [
    (EventKind::Queued, "queued"),
    (EventKind::Started, "started"),
    (EventKind::Progress, "progress"),
    (EventKind::Succeeded, "succeeded"),
    (EventKind::Partial, "partial"),
    (EventKind::Failed, "failed"),
    (EventKind::Cancelled, "cancelled"),
    (EventKind::Stopped, "stopped"),
    (EventKind::Changed, "changed"),
    (EventKind::Overdue, "overdue"),
    (EventKind::Stalled, "stalled"),
    (EventKind::Vanished, "vanished"),
    (EventKind::ProjectIdle, "project_idle"),
    (EventKind::NotifierDown, "notifier_down"),
    (EventKind::NotifierUp, "notifier_up"),
    (EventKind::SpendCrossed, "spend_crossed"),
    (EventKind::SourceDown, "source_down"),
    (EventKind::SourceUp, "source_up"),
];

impl EventKind {
    /// The kinds that `finished` stands for.
    pub const FINISHED: [Self; 5] =
        [Self::Succeeded, Self::Partial, Self::Failed, Self::Cancelled, Self::Stopped];

    /// The kinds about a job that need no timer: what `any` stands for.
    pub const OF_JOBS: [Self; 10] = [
        Self::Queued,
        Self::Started,
        Self::Progress,
        Self::Succeeded,
        Self::Partial,
        Self::Failed,
        Self::Cancelled,
        Self::Stopped,
        Self::Changed,
        Self::Vanished,
    ];

    /// The kinds that come of a rule's `after`.
    pub const TIMED: [Self; 2] = [Self::Overdue, Self::Stalled];

    /// The contract's name.
    pub fn as_str(self) -> &'static str {
        KIND_NAMES[self as usize].1
    }

    /// Whether the job has ended with this event: such a message is never superseded.
    pub fn is_terminal(self) -> bool {
        Self::FINISHED.contains(&self) || self == Self::Vanished
    }

    /// Whether such an event belongs to the rule that made it: no other rule is tried.
    pub fn is_of_one_rule(self) -> bool {
        Self::TIMED.contains(&self) || self == Self::SpendCrossed
    }

    /// The `type` of the document that webhooks and commands get.
    pub fn document_type(self) -> String {
        match self {
            Self::SourceDown => "source.down".into(),
            Self::SourceUp => "source.up".into(),
            Self::NotifierDown => "notifier.down".into(),
            Self::NotifierUp => "notifier.up".into(),
            Self::ProjectIdle => "project.idle".into(),
            Self::SpendCrossed => "spend.crossed".into(),
            kind => format!("job.{}", kind.as_str()),
        }
    }

    /// Under which key the facts of an event about no job stand in its document; `None` for
    /// events about a job.
    pub fn facts_key(self) -> Option<&'static str> {
        match self {
            Self::SourceDown | Self::SourceUp => Some("source"),
            Self::NotifierDown | Self::NotifierUp => Some("notifier"),
            Self::ProjectIdle => Some("project"),
            Self::SpendCrossed => Some("spend"),
            _ => None,
        }
    }

    /// The part of the key that the kind gives: the five outcomes share one slot, so that a
    /// job ends once.
    pub fn slot(self) -> &'static str {
        if Self::FINISHED.contains(&self) { "ended" } else { self.as_str() }
    }
}

impl FromStr for EventKind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        KIND_NAMES
            .iter()
            .find(|(_, name)| *name == word)
            .map(|(kind, _)| *kind)
            .ok_or_else(|| format!("no event is called `{word}`"))
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What makes an event the same event when it is detected again. No part is ever null.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventKey {
    /// The source's name, or empty for events of no source.
    pub source: String,
    /// The job, project, notifier or rule that it is about.
    pub subject: String,
    /// See [`EventKind::slot`].
    pub slot: &'static str,
    /// What tells two events of one slot apart; empty where there can be only one.
    pub occurrence: String,
}

impl EventKey {
    /// The id made from this key.
    pub fn id(&self) -> EventId {
        EventId::of(&self.source, &self.subject, self.slot, &self.occurrence)
    }
}

/// What is known of the name of a job's project.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ProjectName {
    Known(String),
    /// The job has no project, or the project has no name (any more).
    #[default]
    None,
    /// It could not be asked for; a rule that needs it cannot decide.
    Unavailable,
}

/// Something happened, once.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub key: EventKey,
    pub kind: EventKind,
    /// The job's state before; `None` for a job first seen.
    pub from: Option<String>,
    pub to: Option<String>,
    pub detected_at: Timestamp,
    /// It happened while the bridge was not watching.
    pub late: bool,
    pub job_id: Option<JobId>,
    pub project_name: ProjectName,
    /// Every field of the job that the API gave; `None` for events about no job.
    pub job: Option<Fields>,
    /// What an event about no job tells: see [`EventKind::facts_key`]. Empty for jobs.
    pub facts: Map<String, Value>,
    /// The timer that made it; only for [`EventKind::TIMED`].
    pub timer: Option<TimerFacts>,
}

/// The part of the document that says which rule speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleView {
    pub name: String,
    /// How many messages were held back: the ones that this one tells of where `held` says so,
    /// else ones before it.
    pub suppressed: u64,
    /// What the events of this message waited for together; a message of its own has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<Hold>,
}

impl Event {
    /// An event about the bridge itself: `subject` is the source or the notifier, `since` the
    /// beginning of what it tells, which there is only one of.
    pub fn about_itself(
        kind: EventKind,
        source: &str,
        subject: &str,
        since: Timestamp,
        detected_at: Timestamp,
        facts: Map<String, Value>,
    ) -> Self {
        Self {
            key: EventKey {
                source: source.to_owned(),
                subject: subject.to_owned(),
                slot: kind.slot(),
                occurrence: since.as_millisecond().to_string(),
            },
            kind,
            from: None,
            to: None,
            detected_at,
            late: false,
            job_id: None,
            project_name: ProjectName::None,
            job: None,
            facts,
            timer: None,
        }
    }

    /// The id made from the key.
    pub fn id(&self) -> EventId {
        self.key.id()
    }

    /// The document that rules, templates and `--json` see: `event`, `job` and, where a rule
    /// speaks, `rule`. `project_name` is null where there is none.
    pub fn document(&self, rule: Option<&RuleView>, repeat: bool) -> Value {
        self.clone().into_document(rule, repeat)
    }

    /// The same of an event that is needed no more.
    pub fn into_document(mut self, rule: Option<&RuleView>, repeat: bool) -> Value {
        let job = self.job.take().map(|job| {
            let mut job = job.into_map();
            match &self.project_name {
                ProjectName::Known(name) => {
                    job.insert("project_name".into(), Value::String(name.clone()));
                }
                ProjectName::None | ProjectName::Unavailable => {
                    job.entry("project_name").or_insert(Value::Null);
                }
            }
            Value::Object(job)
        });
        let mut document = json!({
            "event": {
                "id": self.id(),
                "kind": self.kind.as_str(),
                "source": self.key.source,
                "from": self.from,
                "to": self.to,
                "detected_at": self.detected_at.to_string(),
                "late": self.late,
                "repeat": repeat,
            },
            "job": job,
        });
        if let (Some(timer), Value::Object(event)) = (&self.timer, &mut document["event"]) {
            timer.put_into(event);
        }
        if let Some(key) = self.kind.facts_key() {
            document[key] = Value::Object(std::mem::take(&mut self.facts));
        }
        if let Some(rule) = rule {
            document["rule"] = json!(rule);
        }
        document
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn the_names_stand_in_the_order_of_the_kinds() {
        for (kind, name) in KIND_NAMES {
            assert_eq!(kind.as_str(), name);
            assert_eq!(name.parse(), Ok(kind));
        }
    }

    #[test]
    fn a_job_ends_in_one_slot_whatever_its_outcome() {
        assert_eq!(EventKind::Failed.slot(), EventKind::Succeeded.slot());
        assert_ne!(EventKind::Vanished.slot(), EventKind::Succeeded.slot());
    }

    fn about_a_job(job: Value) -> Event {
        let about = |kind| {
            Event::about_itself(kind, "main", "j", Timestamp::MIN, Timestamp::MIN, Map::new())
        };
        Event { job: job.as_object().cloned().map(Into::into), ..about(EventKind::Stalled) }
    }

    #[test]
    fn only_an_event_of_a_timer_tells_about_one() {
        let plain = about_a_job(json!({}));
        let (after, waited) = (SignedDuration::from_mins(30), SignedDuration::from_millis(90_500));
        let timer = Some(TimerFacts { after, waited, number: 2 });
        let timed = Event { timer, ..plain.clone() };

        let event = timed.document(None, false)["event"].clone();

        let told = TimerFacts::FIELDS.map(|field| event[field].clone());
        assert_eq!(told, [json!(1800), json!(90.5), json!(2)]);
        for field in TimerFacts::FIELDS {
            assert_eq!(plain.document(None, false)["event"].get(field), None);
        }
    }
}
