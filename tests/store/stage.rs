//! What the tests of every store are made with: jobs, events, and what becomes of them.

pub use std::collections::HashSet;

pub use descript_notify::model::{
    Attempt, AttemptOutcome, Decided, DeliveryId, DeliveryState, Event, EventKey, EventKind,
    Fingerprint, JobId, JobState, KnownJob, NewDelivery, Pacing, Phase, ProjectName, Verdict,
};
pub use descript_notify::store::{
    Access, Broken, Claim, ClaimFrom, Claimed, Committed, Deciding, DeliveryFilter, EventFilter,
    HealthChange, JobFilter, Marks, Settled, Settlement, Store, StoreError, Turn, WalkCommit,
};
pub use jiff::{SignedDuration, Timestamp};
pub use serde_json::json;

pub fn at(seconds: i64) -> Timestamp {
    "2026-11-20T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

pub fn id(text: &str) -> JobId {
    JobId::parse(text).unwrap()
}

pub fn job(name: &str, phase: Phase) -> KnownJob {
    KnownJob {
        id: id(name),
        job_type: "agent".into(),
        state: if phase == Phase::Open { JobState::Running } else { JobState::Stopped },
        phase,
        fingerprint: Fingerprint::of(name.as_bytes()),
        progress: Some(Fingerprint(-7)),
        progress_since: at(1),
        changes: 3,
        created_at: Some(at(0)),
        stopped_at: None,
        first_seen_at: at(1),
        ended_at: (phase != Phase::Open).then(|| at(5)),
        project_id: Some("p1".into()),
        resultless_since: None,
        document: json!({"job_id": name, "title": "\u{1F3AC} \"q\" \n"})
            .as_object()
            .unwrap()
            .clone()
            .into(),
    }
}

pub fn event(name: &str, kind: EventKind, occurrence: &str) -> Event {
    Event {
        key: EventKey {
            source: "main".into(),
            subject: name.into(),
            slot: kind.slot(),
            occurrence: occurrence.into(),
        },
        kind,
        from: Some("running".into()),
        to: Some("stopped".into()),
        detected_at: at(5),
        late: true,
        job_id: Some(id(name)),
        project_name: ProjectName::Known("Film".into()),
        facts: serde_json::Map::new(),
        timer: None,
        job: Some(job(name, Phase::Ended).document),
    }
}

pub fn owed(event: &Event, rule: &str, notifier: &str) -> NewDelivery {
    NewDelivery {
        id: DeliveryId::of(event.id().as_str(), rule, notifier, ""),
        event_id: event.id(),
        rule: rule.into(),
        notifier: notifier.into(),
        recipient: String::new(),
        template: "default".into(),
        include_download_url: false,
        source: "main".into(),
        job_id: event.key.subject.clone(),
        kind: event.kind,
        live: false,
        created_at: at(5),
        held_until: None,
        suppressed: 0,
    }
}

/// Commits one event each, owed to `team`, in this order.
pub async fn owe(store: &Store, events: &[Event]) {
    let decided = events
        .iter()
        .map(|event| Decided {
            verdicts: vec![("r".into(), Verdict::Send)],
            owed: vec![owed(event, "r", "team")],
            ..Decided::nothing(event.clone())
        })
        .collect();
    commit(store, WalkCommit::default(), decided).await;
}

/// Commits a walk whose events have been decided like this.
pub async fn commit(store: &Store, walk: WalkCommit, decided: Vec<Decided>) -> Committed {
    let events = decided.iter().map(|decided| decided.event.clone()).collect();
    let decide = |event: Event, _: &mut Pacing| {
        decided.iter().find(|decided| decided.event.id() == event.id()).unwrap().clone()
    };
    let deciding = Deciding { now: at(5), decide: &decide };
    let begun = store.begin("main").await.unwrap();
    begun.commit(&WalkCommit { events, ..walk }, deciding).await.unwrap()
}

pub fn due(most: u32, until: Timestamp) -> Option<Claim> {
    Some(Claim { from: ClaimFrom::Due, most, until })
}

pub fn recorded(settlements: &[Settlement], claim: Option<Claim>) -> Turn<'_> {
    Turn { settlements, claim, health: None }
}

pub async fn claim(store: &Store, most: u32, now: Timestamp) -> Vec<Claimed> {
    let until = now + SignedDuration::from_secs(60);
    store
        .turn("team", &Turn { claim: due(most, until), ..Turn::default() }, now)
        .await
        .unwrap()
        .claimed
}

pub fn settled(claimed: &Claimed, next: Settled) -> Settlement {
    let outcome = match next {
        Settled::Sent => AttemptOutcome::Sent,
        Settled::Dead { .. } => AttemptOutcome::Refused,
        Settled::Again { .. } => AttemptOutcome::Later,
        Settled::Held { .. } => AttemptOutcome::Broken,
    };
    Settlement {
        id: claimed.delivery.id.clone(),
        fence: claimed.fence,
        source: claimed.delivery.source.clone(),
        job_id: claimed.delivery.job_id.clone(),
        attempt: Attempt {
            number: claimed.delivery.attempts,
            started_at: at(10),
            took_ms: 12,
            outcome,
            status: Some(200),
            answer: "ok".into(),
        },
        next,
        handle: None,
    }
}

pub fn later(due: Timestamp) -> Settled {
    Settled::Again { due_at: due, why: "busy".into(), counted: true, unsure: false }
}

pub fn kinds(claimed: &[Claimed]) -> Vec<EventKind> {
    claimed.iter().map(|claimed| claimed.events[0].kind).collect()
}

pub async fn state_of(store: &Store, id: &DeliveryId) -> DeliveryState {
    store.find_delivery(id.as_str()).await.unwrap()[0].delivery.state
}

pub fn broken() -> Broken {
    Broken { since: at(7), reason: "revoked".into(), probes: 1, probe_due: at(60) }
}

/// Has `team` refuse the one message that is claimed, as of `at(7)`.
pub async fn break_down(store: &Store) {
    let claimed = claim(store, 1, at(6)).await;
    let refused = [settled(&claimed[0], Settled::Held { why: "revoked".into() })];
    let health = Some(HealthChange::Broken { broken: &broken(), news: None });
    let turn = Turn { settlements: &refused, health, claim: None };
    store.turn("team", &turn, at(7)).await.unwrap();
}
