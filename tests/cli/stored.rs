//! A store with a past, written by the store itself: what the commands that look back have to
//! tell.

use std::path::Path;

use descript_notify::model::{
    Attempt, AttemptOutcome, Decided, DeliveryId, Event, EventKey, EventKind, Fingerprint, JobId,
    JobState, KnownJob, NewDelivery, Pacing, Phase, ProjectName, Verdict,
};
use descript_notify::store::{
    Access, Claim, ClaimFrom, Deciding, Settled, Settlement, Store, Turn, WalkCommit,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Rules of which the first is the one of the stored verdicts.
pub const CONFIG: &str = r#"
[service]
store = "sqlite://state.db"
timezone = "Europe/Berlin"
[sources.main]
token = { env = "DESCRIPT_API_TOKEN" }
[notifiers.mail]
type = "email"
host = "smtp.example.com"
from = "notify@example.com"
to = ["ann@example.com"]
[notifiers.team]
type = "slack"
webhook_url = { env = "SLACK_WEBHOOK_URL" }
[notifiers.screen]
type = "console"
[[rules]]
name = "failures"
on = ["failed"]
notify = ["mail", "team"]
template = "failure"
[rules.match]
"job.project_name" = { glob = "Client A/*" }
[[rules]]
name = "here"
on = ["any"]
notify = ["screen"]
"#;

/// A job of the past.
pub struct Past {
    pub id: &'static str,
    pub project: &'static str,
    pub job_type: &'static str,
    pub kind: EventKind,
    /// When it ended.
    pub at: Timestamp,
    pub result: Value,
}

/// When the past begins.
pub fn noon() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

impl Past {
    pub fn failed(id: &'static str, project: &'static str) -> Self {
        Self {
            id,
            project,
            job_type: "agent",
            kind: EventKind::Failed,
            at: noon(),
            result: json!({"status": "error", "error_message": "the model stopped"}),
        }
    }

    pub fn succeeded(id: &'static str, project: &'static str, result: Value) -> Self {
        let mut result = result;
        result["status"] = json!("success");
        Self { kind: EventKind::Succeeded, result, ..Self::failed(id, project) }
    }

    pub fn of_type(self, job_type: &'static str) -> Self {
        Self { job_type, ..self }
    }

    pub fn ending(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    fn document(&self) -> serde_json::Map<String, Value> {
        let created = self.at - SignedDuration::from_secs(60);
        let document = json!({
            "job_id": self.id, "job_type": self.job_type, "job_state": "stopped",
            "created_at": created.to_string(), "stopped_at": self.at.to_string(),
            "project_id": format!("id of {}", self.project),
            "project_url": "https://web.descript.com/p", "result": self.result,
        });
        document.as_object().unwrap().clone()
    }

    fn job(&self) -> KnownJob {
        KnownJob {
            id: JobId::parse(self.id).unwrap(),
            job_type: self.job_type.into(),
            state: JobState::Stopped,
            phase: Phase::Ended,
            fingerprint: Fingerprint::of(self.id.as_bytes()),
            progress: None,
            progress_since: self.at,
            changes: 1,
            created_at: Some(self.at - SignedDuration::from_secs(60)),
            stopped_at: Some(self.at),
            first_seen_at: self.at,
            ended_at: Some(self.at),
            project_id: Some(format!("id of {}", self.project)),
            resultless_since: None,
            document: self.document().into(),
        }
    }

    fn event(&self) -> Event {
        Event {
            key: EventKey {
                source: "main".into(),
                subject: self.id.into(),
                slot: self.kind.slot(),
                occurrence: String::new(),
            },
            kind: self.kind,
            from: Some("running".into()),
            to: Some("stopped".into()),
            detected_at: self.at,
            late: false,
            job_id: JobId::parse(self.id).ok(),
            project_name: ProjectName::Known(self.project.into()),
            facts: serde_json::Map::new(),
            job: Some(self.document().into()),
            timer: None,
        }
    }
}

/// Writes jobs into a new store in `folder`, each with its end, what the rules said about it,
/// and what is owed: by the rule of each verdict that sends, to these notifiers.
pub async fn write(
    folder: &Path,
    past: &[Past],
    verdicts: &[(&str, Verdict)],
    owed: &[(&str, &str, &str)],
) -> Store {
    let path = folder.join("state.db");
    let store = Store::open(&path, Access::Service, noon()).await.unwrap();
    let events = past.iter().map(|past| {
        let event = past.event();
        let owed = owed.iter().map(|(rule, notifier, recipient)| NewDelivery {
            id: DeliveryId::of(event.id().as_str(), rule, notifier, recipient),
            event_id: event.id(),
            rule: (*rule).into(),
            notifier: (*notifier).into(),
            recipient: (*recipient).into(),
            template: "default".into(),
            include_download_url: false,
            source: "main".into(),
            job_id: past.id.into(),
            kind: past.kind,
            live: false,
            created_at: past.at,
            held_until: None,
            suppressed: 0,
        });
        let verdicts = verdicts.iter().map(|(rule, said)| ((*rule).to_owned(), said.clone()));
        Decided { owed: owed.collect(), verdicts: verdicts.collect(), ..Decided::nothing(event) }
    });
    let decided: Vec<Decided> = events.collect();
    let walk = store.begin("main").await.unwrap();
    let commit = WalkCommit {
        jobs: past.iter().map(Past::job).collect(),
        events: decided.iter().map(|decided| decided.event.clone()).collect(),
        ..WalkCommit::default()
    };
    let decide = |event: Event, _: &mut Pacing| {
        decided.iter().find(|decided| decided.event.key == event.key).unwrap().clone()
    };
    walk.commit(&commit, Deciding { now: noon(), decide: &decide }).await.unwrap();
    for project in past.iter().map(|past| past.project) {
        let id = format!("id of {project}");
        store.keep_project_name("main", &id, Some(project), noon()).await.unwrap();
    }
    store
}

/// Settles everything that is owed through a notifier, after one attempt.
pub async fn settle(store: &Store, notifier: &str, outcome: AttemptOutcome, answer: &str) {
    let at = noon() + SignedDuration::from_secs(1);
    let claim =
        Claim { from: ClaimFrom::Due, most: 100, until: at + SignedDuration::from_hours(1) };
    let turn = Turn { settlements: &[], health: None, claim: Some(claim) };
    let claimed = store.turn(notifier, &turn, at).await.unwrap().claimed;
    let settled: Vec<Settlement> = claimed
        .iter()
        .map(|claimed| Settlement {
            id: claimed.delivery.id.clone(),
            fence: claimed.fence,
            source: claimed.delivery.source.clone(),
            job_id: claimed.delivery.job_id.clone(),
            attempt: Attempt {
                number: 1,
                started_at: at,
                took_ms: 80,
                outcome,
                status: Some(if outcome == AttemptOutcome::Sent { 200 } else { 400 }),
                answer: answer.into(),
            },
            next: match outcome {
                AttemptOutcome::Sent => Settled::Sent,
                _ => Settled::Dead { why: answer.into() },
            },
            handle: None,
        })
        .collect();
    let turn = Turn { settlements: &settled, health: None, claim: None };
    store.turn(notifier, &turn, at).await.unwrap();
}
