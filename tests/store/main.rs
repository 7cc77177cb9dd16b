//! What every store promises, on a real file.
//!
//! Here: walks, claims, holding, opening. What people decide of single deliveries stands in
//! [`attending`], what is forgotten and when in [`forgetting`], and what is left when a row or
//! a transaction is no good in [`damage`].
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod attending;
mod damage;
mod forgetting;

use std::collections::HashSet;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use descript_notify::model::{
    Attempt, AttemptOutcome, Decided, DeliveryId, DeliveryState, Event, EventKey, EventKind,
    Fingerprint, JobId, JobState, KnownJob, NewDelivery, Pacing, Phase, ProjectName, Verdict,
};
use descript_notify::store::{
    Access, Broken, Claim, ClaimFrom, Claimed, Committed, Deciding, DeliveryFilter, EventFilter,
    HealthChange, JobFilter, Marks, Settled, Settlement, Store, StoreError, Turn, WalkCommit,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
    store: Store,
}

async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/state.db");
    let store = Store::open(&path, Access::Service, at(0)).await.unwrap();
    Place { _folder: folder, path, store }
}

fn at(seconds: i64) -> Timestamp {
    "2026-11-20T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn id(text: &str) -> JobId {
    JobId::parse(text).unwrap()
}

fn job(name: &str, phase: Phase) -> KnownJob {
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

fn event(name: &str, kind: EventKind, occurrence: &str) -> Event {
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

fn owed(event: &Event, rule: &str, notifier: &str) -> NewDelivery {
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
async fn owe(store: &Store, events: &[Event]) {
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
async fn commit(store: &Store, walk: WalkCommit, decided: Vec<Decided>) -> Committed {
    let events = decided.iter().map(|decided| decided.event.clone()).collect();
    let decide = |event: Event, _: &mut Pacing| {
        decided.iter().find(|decided| decided.event.id() == event.id()).unwrap().clone()
    };
    let deciding = Deciding { now: at(5), decide: &decide };
    let begun = store.begin("main").await.unwrap();
    begun.commit(&WalkCommit { events, ..walk }, deciding).await.unwrap()
}

fn due(most: u32, until: Timestamp) -> Option<Claim> {
    Some(Claim { from: ClaimFrom::Due, most, until })
}

fn recorded(settlements: &[Settlement], claim: Option<Claim>) -> Turn<'_> {
    Turn { settlements, claim, health: None }
}

async fn claim(store: &Store, most: u32, now: Timestamp) -> Vec<Claimed> {
    let until = now + SignedDuration::from_secs(60);
    store
        .turn("team", &Turn { claim: due(most, until), ..Turn::default() }, now)
        .await
        .unwrap()
        .claimed
}

fn settled(claimed: &Claimed, next: Settled) -> Settlement {
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

fn later(due: Timestamp) -> Settled {
    Settled::Again { due_at: due, why: "busy".into(), counted: true, unsure: false }
}

fn kinds(claimed: &[Claimed]) -> Vec<EventKind> {
    claimed.iter().map(|claimed| claimed.events[0].kind).collect()
}

async fn state_of(store: &Store, id: &DeliveryId) -> DeliveryState {
    store.find_delivery(id.as_str()).await.unwrap()[0].delivery.state
}

#[tokio::test]
async fn what_a_walk_brings_is_read_back_as_it_was() {
    let place = place().await;
    let ended = event("a", EventKind::Failed, "");
    let marks = Marks {
        baseline_at: Some(at(1)),
        watermark: None,
        last_walk: Some(at(2)),
        last_complete_at: Some(at(3)),
        project: Some(Fingerprint::of(b"p1")),
    };
    let walk = WalkCommit {
        jobs: vec![job("a", Phase::Ended), job("b", Phase::Open)],
        events: vec![],
        outdated: vec![],
        reads: vec![(id("b"), at(9), true)],
        marks: Some(marks),
    };

    let decided = Decided {
        verdicts: vec![("r".into(), Verdict::Send), ("s".into(), Verdict::NotThisEvent)],
        owed: vec![owed(&ended, "r", "team")],
        ..Decided::nothing(ended.clone())
    };

    let committed = commit(&place.store, walk, vec![decided]).await;

    assert_eq!((committed.decided.len(), committed.deliveries), (1, 1));
    let memory = place.store.remember("main").await.unwrap();
    assert_eq!(memory.marks, marks);
    assert_eq!(memory.ended, HashSet::from([Fingerprint::of(b"a")]));
    assert_eq!(memory.open[0].last_read_at, Some(at(9)));
    assert!(memory.open[0].forbidden);
    let mut walk = place.store.begin("main").await.unwrap();
    let known = walk.known(&[&id("a"), &id("b"), &id("c")]).await.unwrap();
    assert_eq!(known[&id("a")], job("a", Phase::Ended));
    assert_eq!(known.len(), 2);
    drop(walk);
    let events =
        place.store.events(&EventFilter { most: 9, ..EventFilter::default() }).await.unwrap();
    assert_eq!(events.rows[0].event, ended);
    assert_eq!(events.rows[0].verdicts, committed.decided[0].verdicts);
    let claimed = claim(&place.store, 5, at(6)).await;
    assert_eq!(claimed[0].events, [ended]);
    assert_eq!(claimed[0].delivery.attempts, 1);
}

#[tokio::test]
async fn a_listing_keeps_to_all_of_its_filters() {
    let place = place().await;
    let old = Event { detected_at: at(-500), ..event("a", EventKind::Started, "") };
    owe(&place.store, &[old, event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")])
        .await;
    let jobs = vec![job("a", Phase::Ended), job("b", Phase::Open)];
    let commit = WalkCommit { jobs, ..WalkCommit::default() };
    crate::commit(&place.store, commit, vec![]).await;
    place.store.keep_project_name("main", "p1", Some("Film"), at(1)).await.unwrap();

    let (failed, recent, about) = (Some(EventKind::Failed), Some(at(0)), Some("a".to_owned()));
    let mut listed = Vec::new();
    for (kind, since, job_id) in [
        (None, None, None),
        (failed, None, None),
        (None, recent, None),
        (None, None, about.clone()),
        (failed, recent, about.clone()),
        (Some(EventKind::Queued), recent, about),
    ] {
        let events = place.store.events(&EventFilter { kind, since, job_id, most: 9 }).await;
        let rows = events.unwrap().rows;
        listed.push(rows.iter().map(|row| row.event.key.subject.clone()).collect::<String>());
    }
    let mut found = Vec::new();
    for (state, project) in
        [(None, None), (Some("running"), None), (None, Some("Film")), (None, Some("x"))]
    {
        let (state, project) = (state.map(str::to_owned), project.map(str::to_owned));
        let jobs = place.store.jobs(&JobFilter { state, project, most: 9 }).await.unwrap();
        found.push(jobs.rows.iter().map(|row| row.job.id.to_string()).collect::<String>());
    }

    assert_eq!(listed, ["baa", "ba", "ba", "aa", "a", ""]);
    assert_eq!(found, ["ab", "b", "ab", ""]);
}

#[tokio::test]
async fn an_event_that_is_known_adds_nothing_nor_do_its_deliveries() {
    let place = place().await;
    let failed = event("a", EventKind::Failed, "");
    owe(&place.store, &[failed]).await;
    // The outcome's slot is taken, whatever the outcome; and a new rule changes nothing.
    let succeeded = event("a", EventKind::Succeeded, "");
    let again =
        Decided { owed: vec![owed(&succeeded, "new rule", "team")], ..Decided::nothing(succeeded) };

    let committed = commit(&place.store, WalkCommit::default(), vec![again]).await;

    assert_eq!(committed, Committed::default());
    assert_eq!(claim(&place.store, 9, at(6)).await.len(), 1);
}

#[tokio::test]
async fn messages_about_one_job_leave_in_order_and_other_jobs_do_not_wait() {
    let place = place().await;
    owe(
        &place.store,
        &[
            event("a", EventKind::Queued, ""),
            event("a", EventKind::Started, ""),
            event("b", EventKind::Started, ""),
            event("a", EventKind::Succeeded, ""),
        ],
    )
    .await;

    let first = claim(&place.store, 9, at(6)).await;
    let second = claim(&place.store, 9, at(6)).await;
    let done: Vec<_> = first.iter().map(|claimed| settled(claimed, Settled::Sent)).collect();
    let until = at(60);
    let third =
        place.store.turn("team", &recorded(&done, due(9, until)), at(7)).await.unwrap().claimed;

    assert_eq!(kinds(&first), [EventKind::Queued, EventKind::Started]);
    assert_eq!(kinds(&second), []);
    assert_eq!(kinds(&third), [EventKind::Started]);
}

#[tokio::test]
async fn a_back_off_holds_followers_but_the_end_overtakes() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Queued, ""), event("a", EventKind::Started, "")])
        .await;
    let first = claim(&place.store, 9, at(6)).await;
    let busy = settled(&first[0], later(at(100)));
    place.store.turn("team", &recorded(&[busy], None), at(7)).await.unwrap();

    let held_back = claim(&place.store, 9, at(8)).await;
    owe(&place.store, &[event("a", EventKind::Succeeded, "")]).await;
    let overtaking = claim(&place.store, 9, at(9)).await;

    assert_eq!(kinds(&held_back), []);
    assert_eq!(kinds(&overtaking), [EventKind::Succeeded]);
}

#[tokio::test]
async fn progress_waits_for_everything_else() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Progress, "1"), event("b", EventKind::Failed, "")])
        .await;

    assert_eq!(kinds(&claim(&place.store, 1, at(6)).await), [EventKind::Failed]);
}

#[tokio::test]
async fn unsent_progress_is_replaced_by_newer_and_dropped_at_the_end_of_its_job() {
    let place = place().await;
    let progress = |at: &str| event("a", EventKind::Progress, at);
    owe(&place.store, &[progress("1"), progress("2")]).await;

    let newest = claim(&place.store, 9, at(6)).await;
    owe(&place.store, &[progress("3")]).await;
    let ended = event("a", EventKind::Failed, "");
    commit(&place.store, WalkCommit::default(), vec![Decided::nothing(ended)]).await;
    let busy = settled(&newest[0], later(at(8)));
    place.store.turn("team", &recorded(&[busy], None), at(7)).await.unwrap();

    assert_eq!(newest.len(), 1);
    assert_eq!(newest[0].events[0].key.occurrence, "2");
    assert_eq!(kinds(&claim(&place.store, 9, at(99)).await), []);
    let filter = DeliveryFilter { state: Some(DeliveryState::Discarded), most: 9, notifier: None };
    let dropped = place.store.deliveries(&filter).await.unwrap().rows;
    let why: Vec<_> = dropped.iter().filter_map(|row| row.delivery.last_error.clone()).collect();
    assert_eq!(why.len(), 3);
    assert!(why.iter().all(|why| why.starts_with("superseded")), "{why:?}");
}

fn broken() -> Broken {
    Broken { since: at(7), reason: "revoked".into(), probes: 1, probe_due: at(60) }
}

/// Has `team` refuse the one message that is claimed, as of `at(7)`.
async fn break_down(store: &Store) {
    let claimed = claim(store, 1, at(6)).await;
    let refused = [settled(&claimed[0], Settled::Held { why: "revoked".into() })];
    let health = Some(HealthChange::Broken { broken: &broken(), news: None });
    let turn = Turn { settlements: &refused, health, claim: None };
    store.turn("team", &turn, at(7)).await.unwrap();
}

#[tokio::test]
async fn what_is_owed_to_a_broken_notifier_is_held_also_when_it_comes_later() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")])
        .await;

    break_down(&place.store).await;
    owe(&place.store, &[event("c", EventKind::Failed, "")]).await;

    assert_eq!(place.store.broken("team").await.unwrap(), Some(broken()));
    assert_eq!(claim(&place.store, 9, at(8)).await, []);
    let filter = DeliveryFilter { state: Some(DeliveryState::Held), most: 9, notifier: None };
    assert_eq!(place.store.deliveries(&filter).await.unwrap().rows.len(), 3);
    assert_eq!(place.store.waiting("team").await.unwrap(), 3);
}

#[tokio::test]
async fn a_probe_is_the_oldest_held_message_and_time_held_does_not_count() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")])
        .await;
    break_down(&place.store).await;

    let claim = Some(Claim { from: ClaimFrom::Held, most: 1, until: at(99) });
    let probe = place.store.turn("team", &recorded(&[], claim), at(67)).await.unwrap().claimed;
    let sent = [settled(&probe[0], Settled::Sent)];
    let health = Some(HealthChange::Well { gather: None, news: None });
    let turn = Turn { settlements: &sent, health, claim: due(9, at(99)) };
    let rest = place.store.turn("team", &turn, at(68)).await.unwrap().claimed;

    assert_eq!(probe[0].delivery.job_id, "a");
    assert_eq!(probe[0].held_total_ms, 60_000);
    assert_eq!(rest[0].delivery.job_id, "b");
    // Its time for retries begins with its first attempt, which is this one.
    assert_eq!(rest[0].held_total_ms, 0);
    assert_eq!(place.store.broken("team").await.unwrap(), None);
}

#[tokio::test]
async fn a_dead_or_held_message_does_not_hold_back_others() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Started, ""), event("a", EventKind::Progress, "1")])
        .await;
    let first = claim(&place.store, 1, at(6)).await;
    let dead = settled(&first[0], Settled::Dead { why: "no_text".into() });

    let until = at(60);
    let next = place.store.turn("team", &recorded(&[dead], due(1, until)), at(7)).await;

    assert_eq!(kinds(&next.unwrap().claimed), [EventKind::Progress]);
}

#[tokio::test]
async fn what_was_being_sent_when_the_program_died_is_owed_again_as_a_repeat() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, "")]).await;
    let claimed = claim(&place.store, 1, at(6)).await;
    let Place { store, path, _folder } = place;
    store.close().await;
    drop(store);

    let store = Store::open(&path, Access::Service, at(7)).await.unwrap();
    let back = store.recover(at(7)).await.unwrap();
    let again = claim(&store, 1, at(8)).await;

    assert_eq!(back, 1);
    assert_eq!(again[0].delivery.id, claimed[0].delivery.id);
    assert!(again[0].delivery.repeat);
    let attempts = store.attempts(&claimed[0].delivery.id).await.unwrap();
    assert_eq!(attempts[0].outcome, AttemptOutcome::Unsure);
}

#[tokio::test]
async fn a_claim_that_its_owner_does_not_know_of_is_undone() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")])
        .await;
    let claimed = claim(&place.store, 2, at(6)).await;

    let back = place.store.take_back("team", &[&claimed[0].delivery.id]).await.unwrap();
    let again = claim(&place.store, 2, at(6)).await;

    assert_eq!(back, 1);
    assert_eq!(again.len(), 1);
    assert_eq!(again[0].delivery.id, claimed[1].delivery.id);
    assert_eq!((again[0].delivery.attempts, again[0].delivery.repeat), (1, false));
}

#[tokio::test]
async fn an_answer_that_comes_after_the_claim_was_lost_changes_nothing() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, "")]).await;
    let stale = claim(&place.store, 1, at(6)).await;
    place.store.recover(at(7)).await.unwrap();
    let fresh = claim(&place.store, 1, at(8)).await;

    let late = settled(&stale[0], Settled::Dead { why: "late".into() });
    place.store.turn("team", &recorded(&[late], None), at(9)).await.unwrap();

    assert_eq!(state_of(&place.store, &fresh[0].delivery.id).await, DeliveryState::Sending);
}

#[tokio::test]
async fn the_outlook_tells_what_is_due_and_when_the_next_is() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")])
        .await;
    let claimed = claim(&place.store, 1, at(6)).await;
    place
        .store
        .turn("team", &recorded(&[settled(&claimed[0], later(at(50)))], None), at(7))
        .await
        .unwrap();

    assert_eq!(place.store.outlook("team", at(7), 9).await.unwrap(), (1, Some(at(50))));
    assert_eq!(place.store.outlook("other", at(7), 9).await.unwrap(), (0, None));
}

#[tokio::test]
async fn a_second_service_is_told_who_holds_the_store() {
    let place = place().await;

    let second = Store::open(&place.path, Access::Service, at(1)).await.unwrap_err();

    let told = second.to_string();
    assert!(matches!(second, StoreError::InUse { .. }));
    assert!(
        told.contains(&format!("process {} since 2026-11-20T08:00:00Z", std::process::id())),
        "{told}"
    );
    assert!(Store::open(&place.path, Access::Beside, at(1)).await.is_ok());
}

#[tokio::test]
async fn a_store_of_a_newer_version_or_of_another_program_is_refused() {
    let place = place().await;
    let Place { store, path, _folder } = place;
    store.close().await;
    drop(store);
    let set = |pragma: &'static str| {
        let path = path.clone();
        async move {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
            sqlx::raw_sql(pragma).execute(&pool).await.unwrap();
            pool.close().await;
        }
    };

    set("PRAGMA user_version = 999").await;
    let newer = Store::open(&path, Access::Service, at(1)).await.unwrap_err();
    set("PRAGMA application_id = 7").await;
    let foreign = Store::open(&path, Access::Service, at(1)).await.unwrap_err();

    assert!(newer.to_string().contains("its schema is 999, this program knows 1"), "{newer}");
    assert!(matches!(foreign, StoreError::NotOurs(_)), "{foreign}");
}

#[tokio::test]
async fn a_command_does_not_make_a_store_and_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.db");

    let missing = Store::open(&path, Access::Beside, at(0)).await.unwrap_err();

    assert!(missing.to_string().contains("none.db`: has `descript-notify run` been started"));
    assert!(!path.exists());
}

#[tokio::test]
async fn the_files_are_for_their_owner_only_and_the_engine_is_sound() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, "")]).await;
    let folder = place.path.parent().unwrap();

    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
    assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    // Before 3.51.3 SQLite could corrupt a database in WAL mode.
    // <https://sqlite.org/wal.html#walresetbug>
    let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.unwrap();
    let version: String =
        sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&pool).await.unwrap();
    let numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(numbers >= vec![3, 51, 3], "{version}");
}
