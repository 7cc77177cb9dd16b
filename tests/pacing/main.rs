//! Throttles, groups, windows and silences: from a config's text through the ledger to what a
//! notifier is given, at times that the test sets.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod attacks;
mod forgetting;
mod holding;
mod night;
mod reasons;
mod silences;
mod throttles;

use std::path::Path;

use descript_notify::clock::Clock;
use descript_notify::config::{Defaults, parse};
use descript_notify::model::{
    AttemptOutcome, Decided, Event, EventKey, EventKind, JobId, Pacing, ProjectName, Verdict,
};
use descript_notify::pipeline::{Current, Keeper, Nudges, Policy, Route, Routes};
use descript_notify::render::Templates;
use descript_notify::rules::RuleSet;
use descript_notify::store::{
    Access, Claim, ClaimFrom, Claimed, Deciding, Settled, Settlement, Store, Turn, WalkCommit,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// One bridge without its ends: what happens is told to it, what is due is taken from it.
struct Bridge {
    folder: tempfile::TempDir,
    store: Store,
    policy: Current,
    clock: Clock,
}

const NOTIFIERS: &str = r#"
[service]
store = "sqlite://state.db"
[sources.main]
token = "x"
[notifiers.team]
type = "console"
[notifiers.hook]
type = "webhook"
url = "https://example.com/hook"
"#;

/// The policy of a config with these rules.
fn policy(rules: &str) -> Policy {
    let text = format!("{NOTIFIERS}{rules}");
    let parsed = parse(&text, Path::new(""), &Defaults::default());
    let config = parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.problems));
    let routes = config.notifiers.iter();
    Policy {
        routes: Routes::new(routes.map(|settings| (settings.name.clone(), Route::of(settings)))),
        rules: RuleSet::new(config.rules),
        templates: Templates::builtin(),
        zone: config.service.timezone,
    }
}

impl Bridge {
    async fn new(rules: &str, now: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(now.parse().unwrap());
        let path = folder.path().join("state.db");
        let store = Store::open(&path, Access::Service, clock.now()).await.unwrap();
        Self { folder, store, policy: Current::new(policy(rules)), clock }
    }

    /// The process ends and another one begins.
    async fn restart(self) -> Self {
        let Self { folder, store, policy, clock } = self;
        store.close().await;
        drop(store);
        let path = folder.path().join("state.db");
        let store = Store::open(&path, Access::Service, clock.now()).await.unwrap();
        store.recover(clock.now()).await.unwrap();
        Self { folder, store, policy, clock }
    }

    fn wait(&self, seconds: i64) {
        self.clock.set(self.clock.now() + SignedDuration::from_secs(seconds));
    }

    fn set(&self, now: &str) {
        self.clock.set(now.parse().unwrap());
    }

    /// Records an event and returns what was decided about it.
    async fn happens(&self, event: Event) -> Decided {
        let now = self.clock.now();
        let policy = self.policy.get();
        let decide = |event: Event, pacing: &mut Pacing| policy.decide(event, pacing, now);
        let commit = WalkCommit { events: vec![event], ..WalkCommit::default() };
        let walk = self.store.begin("main").await.unwrap();
        let committed = walk.commit(&commit, Deciding { now, decide: &decide }).await.unwrap();
        committed.decided.into_iter().next().unwrap()
    }

    /// A job of a project ends, and this is what the first rule that was tried said.
    async fn ends(&self, job: &str, project: &str, kind: EventKind) -> Verdict {
        let event = ended(job, project, kind, self.clock.now());
        self.happens(event).await.verdicts.swap_remove(0).1
    }

    /// Releases what is due; says when the next one will be.
    async fn release(&self) -> Option<Timestamp> {
        let keeper = Keeper {
            store: self.store.clone(),
            policy: self.policy.clone(),
            nudges: Nudges::default(),
            clock: self.clock.clone(),
        };
        keeper.step().await.unwrap()
    }

    /// Takes what a notifier has to send now.
    async fn claim(&self, notifier: &str) -> Vec<Claimed> {
        let now = self.clock.now();
        let until = now + SignedDuration::from_secs(60);
        let claim = Some(Claim { from: ClaimFrom::Due, most: 1_000, until });
        self.store.turn(notifier, &Turn { claim, ..Turn::default() }, now).await.unwrap().claimed
    }

    /// Releases, takes what a notifier has to send, and settles it as sent: each message by the
    /// jobs that it tells of, and how many were held back before it.
    async fn says(&self, notifier: &str) -> Vec<(String, u64)> {
        self.release().await;
        let claimed = self.claim(notifier).await;
        self.settle(notifier, &claimed, Settled::Sent).await;
        claimed
            .iter()
            .map(|claimed| {
                let jobs = claimed.events.iter().map(|event| event.key.subject.as_str());
                (jobs.collect::<Vec<_>>().join(" "), claimed.delivery.suppressed)
            })
            .collect()
    }

    async fn settle(&self, notifier: &str, claimed: &[Claimed], next: Settled) {
        let now = self.clock.now();
        let settlements: Vec<Settlement> = claimed
            .iter()
            .map(|claimed| Settlement {
                id: claimed.delivery.id.clone(),
                fence: claimed.fence,
                source: claimed.delivery.source.clone(),
                job_id: claimed.delivery.job_id.clone(),
                attempt: descript_notify::model::Attempt {
                    number: claimed.delivery.attempts,
                    started_at: now,
                    took_ms: 1,
                    outcome: match next {
                        Settled::Sent => AttemptOutcome::Sent,
                        _ => AttemptOutcome::Refused,
                    },
                    status: None,
                    answer: String::new(),
                },
                next: next.clone(),
                handle: None,
            })
            .collect();
        let turn = Turn { settlements: &settlements, ..Turn::default() };
        self.store.turn(notifier, &turn, now).await.unwrap();
    }
}

/// The end of a job.
fn ended(job: &str, project: &str, kind: EventKind, at: Timestamp) -> Event {
    let document = json!({"job_id": job, "job_type": "import/project_media",
        "job_state": "stopped", "project_id": project});
    Event {
        key: EventKey {
            source: "main".into(),
            subject: job.into(),
            slot: kind.slot(),
            occurrence: String::new(),
        },
        kind,
        from: Some("running".into()),
        to: Some("stopped".into()),
        detected_at: at,
        late: false,
        job_id: Some(JobId::parse(job).unwrap()),
        project_name: ProjectName::Known(project.into()),
        job: Some(document.as_object().unwrap().clone().into()),
        facts: serde_json::Map::new(),
        timer: None,
    }
}

fn said(messages: &[(&str, u64)]) -> Vec<(String, u64)> {
    messages.iter().map(|(jobs, suppressed)| ((*jobs).to_owned(), *suppressed)).collect()
}
