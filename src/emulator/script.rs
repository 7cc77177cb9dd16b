//! A job that runs by itself: a time line, and what the API shows of it at a moment.
//!
//! Pure: nothing ticks. The document is worked out from the script and `now` whenever somebody
//! asks, so a clock that stands still or jumps is as good as one that runs.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::Profile;
use super::live;
use super::span;

/// When the list begins to show a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Listed {
    /// From its creation.
    #[default]
    Always,
    /// Once it has ended: a job that was faster than anybody looked.
    Ended,
}

/// What a job shows from a moment of its life on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Step {
    /// Counted from the job's creation.
    pub at: SignedDuration,
    pub state: String,
    pub progress: Option<Value>,
    pub result: Option<Value>,
    /// Further fields of the document; they override the common ones.
    pub fields: Map<String, Value>,
}

/// A job with its time line. Before its first step it is queued.
#[derive(Debug, Clone, PartialEq)]
pub struct Script {
    pub job_id: String,
    pub job_type: String,
    pub drive_id: String,
    pub project_id: Option<String>,
    pub created_at: Timestamp,
    /// What the steps are counted from; `None` while uploads are awaited.
    pub runs_from: Option<Timestamp>,
    pub listed: Listed,
    pub fields: Map<String, Value>,
    /// In the order of their time.
    pub steps: Vec<Step>,
}

impl Script {
    /// Whether the list shows the job at `now`.
    pub fn is_listed(&self, now: Timestamp) -> bool {
        self.listed == Listed::Always
            || self.step(now).is_some_and(|step| has_ended(&step.state, step.result.as_ref()))
    }

    /// The job's document at `now`, in the manner of `profile`.
    pub fn document(&self, now: Timestamp, profile: Profile) -> Map<String, Value> {
        let mut document = self.common();
        match self.runs_from {
            None => {
                document.insert("job_state".into(), json!("running"));
                document.insert("progress".into(), waiting(self.created_at, profile));
            }
            Some(start) => {
                if let Some(step) = self.step(now) {
                    let since = start.saturating_add(step.at).unwrap_or(start);
                    apply(&mut document, step, since);
                }
            }
        }
        if profile == Profile::Live {
            live::make_live(&mut document);
        }
        document
    }

    fn step(&self, now: Timestamp) -> Option<&Step> {
        let age = now.duration_since(self.runs_from?);
        self.steps.iter().take_while(|step| step.at <= age).last()
    }

    fn common(&self) -> Map<String, Value> {
        let mut document = Map::new();
        document.insert("job_id".into(), json!(self.job_id));
        document.insert("job_type".into(), json!(self.job_type));
        document.insert("job_state".into(), json!("queued"));
        document.insert("created_at".into(), json!(self.created_at.to_string()));
        document.insert("drive_id".into(), json!(self.drive_id));
        if let Some(project_id) = &self.project_id {
            document.insert("project_id".into(), json!(project_id));
            document.insert("project_url".into(), json!(project_url(project_id)));
        }
        document.extend(self.fields.clone());
        document
    }
}

/// Where a project is opened.
pub(super) fn project_url(project_id: &str) -> String {
    format!("https://web.descript.com/{project_id}")
}

/// Whether a job in this state has ended; an unknown state has when it brings a result.
pub(super) fn has_ended(state: &str, result: Option<&Value>) -> bool {
    match state {
        "stopped" | "cancelled" => true,
        "queued" | "running" => false,
        _ => result.is_some(),
    }
}

fn apply(document: &mut Map<String, Value>, step: &Step, since: Timestamp) {
    document.insert("job_state".into(), json!(step.state));
    if has_ended(&step.state, step.result.as_ref()) {
        document.insert("stopped_at".into(), json!(since.to_string()));
    }
    if let Some(progress) = &step.progress {
        let mut progress = with_times(progress, since);
        if let Some(fields) = progress.as_object_mut() {
            fields.entry("last_update_at").or_insert_with(|| json!(since.to_string()));
        }
        document.insert("progress".into(), progress);
    }
    if let Some(result) = &step.result {
        document.insert("result".into(), with_times(result, since));
    }
    for (name, value) in &step.fields {
        document.insert(name.clone(), with_times(value, since));
    }
}

/// Replaces each string of the form `@+24h` by the time that lies so far from `since`.
fn with_times(value: &Value, since: Timestamp) -> Value {
    match value {
        Value::String(text) => match time_mark(text, since) {
            Some(time) => json!(time.to_string()),
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(|item| with_times(item, since)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), with_times(value, since))).collect()
        }
        _ => value.clone(),
    }
}

fn time_mark(text: &str, since: Timestamp) -> Option<Timestamp> {
    let offset = text.strip_prefix('@')?;
    let offset = span::signed(offset.strip_prefix('+').unwrap_or(offset)).ok()?;
    since.checked_add(offset).ok()
}

fn waiting(since: Timestamp, profile: Profile) -> Value {
    let mut progress =
        json!({"label": "Processing", "percent": 0, "last_update_at": since.to_string()});
    if profile == Profile::Live {
        progress["waiting_for_uploads"] = json!(true);
    }
    progress
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn script() -> Script {
        let step = |secs, state: &str, progress, result| Step {
            at: SignedDuration::from_secs(secs),
            state: state.into(),
            progress,
            result,
            fields: Map::new(),
        };
        let created_at = start();
        Script {
            job_id: "job-1".into(),
            job_type: "publish".into(),
            drive_id: "drive".into(),
            project_id: Some("p1".into()),
            created_at,
            runs_from: Some(created_at),
            listed: Listed::Always,
            fields: Map::new(),
            steps: vec![
                step(2, "running", Some(json!({"label": "Rendering", "percent": 5})), None),
                step(6, "stopped", None, Some(json!({"status": "success", "until": "@+24h"}))),
            ],
        }
    }

    fn start() -> Timestamp {
        "2026-11-20T08:00:00Z".parse().unwrap()
    }

    fn at(secs: i64) -> Timestamp {
        start() + SignedDuration::from_secs(secs)
    }

    #[test]
    fn a_job_is_queued_then_runs_then_has_stopped_at_its_steps_time() {
        let script = script();

        let shown = |secs| Value::Object(script.document(at(secs), Profile::Spec));

        assert_eq!(shown(1)["job_state"], "queued");
        assert_eq!(shown(1).get("progress"), None);
        assert_eq!(
            shown(3)["progress"],
            json!({"label": "Rendering", "percent": 5, "last_update_at": "2026-11-20T08:00:02Z"})
        );
        assert_eq!(
            shown(60),
            json!({"job_id": "job-1", "job_type": "publish", "job_state": "stopped",
                "created_at": "2026-11-20T08:00:00Z", "stopped_at": "2026-11-20T08:00:06Z",
                "drive_id": "drive", "project_id": "p1",
                "project_url": "https://web.descript.com/p1",
                "result": {"status": "success", "until": "2026-11-21T08:00:06Z"}})
        );
    }

    #[test]
    fn a_job_that_waits_for_uploads_does_not_move_and_only_live_says_why() {
        let script = Script { runs_from: None, ..script() };

        let spec = script.document(at(3_600), Profile::Spec);
        let live = script.document(at(3_600), Profile::Live);

        assert_eq!(spec["job_state"], "running");
        assert_eq!(spec["progress"].get("waiting_for_uploads"), None);
        assert_eq!(live["progress"]["waiting_for_uploads"], true);
    }

    #[test]
    fn a_fast_job_is_listed_only_once_it_has_ended() {
        let script = Script { listed: Listed::Ended, ..script() };

        assert!(!script.is_listed(at(5)));
        assert!(script.is_listed(at(6)));
    }

    proptest! {
        #[test]
        fn a_job_never_leaves_its_end(first in 0i64..100, later in 0i64..100) {
            let ended = |secs| {
                let document = script().document(at(secs), Profile::Spec);
                document["job_state"] == "stopped"
            };

            prop_assert!(!ended(first) || ended(first + later));
        }
    }
}
