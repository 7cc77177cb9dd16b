//! What the store promises of live messages: where each is, and when it is edited again. The
//! time is handed in.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use descript_notify::model::{
    Attempt, AttemptOutcome, Decided, DeliveryId, Event, EventKey, EventKind, Fingerprint, JobId,
    JobState, KnownJob, NewDelivery, Pacing, Phase, ProjectName,
};
use descript_notify::store::{
    Access, Claim, ClaimFrom, Claimed, Deciding, HealthChange, Settled, Settlement, Store, Turn,
    WalkCommit,
};
use jiff::{SignedDuration, Timestamp};

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
    store: Store,
}

async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Store::open(&path, Access::Service, at(0)).await.unwrap();
    Place { _folder: folder, path, store }
}

fn at(ms: i64) -> Timestamp {
    "2026-11-20T08:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_millis(ms)
}

fn event(job: &str, kind: EventKind, occurrence: &str, now: Timestamp) -> Event {
    Event {
        key: EventKey {
            source: "main".into(),
            subject: job.into(),
            slot: kind.slot(),
            occurrence: occurrence.into(),
        },
        kind,
        from: None,
        to: None,
        detected_at: now,
        late: false,
        job_id: Some(JobId::parse(job).unwrap()),
        project_name: ProjectName::None,
        facts: serde_json::Map::new(),
        job: Some(serde_json::Map::new().into()),
        timer: None,
    }
}

/// A delivery by each of these rules to `team`, which is live.
fn owed(event: &Event, rules: &[&str], now: Timestamp) -> Vec<NewDelivery> {
    let delivery = |rule: &&str| NewDelivery {
        id: DeliveryId::of(event.id().as_str(), rule, "team", ""),
        event_id: event.id(),
        rule: (*rule).into(),
        notifier: "team".into(),
        recipient: String::new(),
        template: "default".into(),
        include_download_url: false,
        source: "main".into(),
        job_id: event.key.subject.clone(),
        kind: event.kind,
        live: true,
        created_at: now,
        held_until: None,
        suppressed: 0,
    };
    rules.iter().map(delivery).collect()
}

async fn commit(store: &Store, event: Event, owed: Vec<NewDelivery>) {
    let now = event.detected_at;
    let commit = WalkCommit { events: vec![event], ..WalkCommit::default() };
    let decide =
        |event: Event, _: &mut Pacing| Decided { owed: owed.clone(), ..Decided::nothing(event) };
    let deciding = Deciding { now, decide: &decide };
    store.begin("main").await.unwrap().commit(&commit, deciding).await.unwrap();
}

async fn happens(store: &Store, kind: EventKind, occurrence: &str, now: Timestamp) {
    let event = event("a", kind, occurrence, now);
    let owed = owed(&event, &["r"], now);
    commit(store, event, owed).await;
}

async fn claim(store: &Store, now: Timestamp) -> Vec<Claimed> {
    turn(store, &[], now).await
}

async fn turn(store: &Store, settlements: &[Settlement], now: Timestamp) -> Vec<Claimed> {
    let until = now + SignedDuration::from_secs(60);
    let claim = Some(Claim { from: ClaimFrom::Due, most: 9, until });
    let turn = Turn { settlements, claim, health: None };
    store.turn("team", &turn, now).await.unwrap().claimed
}

fn settled(claimed: &Claimed, next: Settled, handle: Option<&str>) -> Settlement {
    Settlement {
        id: claimed.delivery.id.clone(),
        fence: claimed.fence,
        source: claimed.delivery.source.clone(),
        job_id: claimed.delivery.job_id.clone(),
        attempt: Attempt {
            number: claimed.delivery.attempts,
            started_at: at(0),
            took_ms: 1,
            outcome: AttemptOutcome::Sent,
            status: Some(200),
            answer: "ok".into(),
        },
        next,
        handle: handle.map(str::to_owned),
    }
}

fn sent(claimed: &Claimed, handle: &str) -> Settlement {
    settled(claimed, Settled::Sent, Some(handle))
}

/// A job's message is posted, and that is written down at `now`.
async fn posted(store: &Store, now: Timestamp) {
    happens(store, EventKind::Started, "", now).await;
    let first = claim(store, now).await;
    turn(store, &[sent(&first[0], "here")], now).await;
}

/// The events, each as its kind and occurrence.
fn told(claimed: &[Claimed]) -> Vec<String> {
    let told = |event: &Event| format!("{} {}", event.kind, event.key.occurrence);
    claimed.iter().map(|claimed| told(&claimed.events[0]).trim().to_owned()).collect()
}

#[tokio::test]
async fn a_handle_is_kept_with_its_attempt_and_given_to_the_next_over_a_restart() {
    let place = place().await;
    happens(&place.store, EventKind::Queued, "", at(0)).await;
    let first = claim(&place.store, at(0)).await;
    turn(&place.store, &[sent(&first[0], "here")], at(10)).await;
    let Place { store, path, _folder } = place;
    store.close().await;
    drop(store);

    let store = Store::open(&path, Access::Service, at(20)).await.unwrap();
    happens(&store, EventKind::Started, "", at(20)).await;
    let second = claim(&store, at(20)).await;
    let unchanged = settled(&second[0], Settled::Sent, None);
    turn(&store, &[unchanged], at(30)).await;
    happens(&store, EventKind::Failed, "", at(40)).await;
    let third = claim(&store, at(40)).await;

    assert_eq!(first[0].handle, None);
    assert_eq!(second[0].handle.as_deref(), Some("here"));
    assert_eq!(third[0].handle.as_deref(), Some("here"));
}

#[tokio::test]
async fn a_message_is_one_for_all_rules_and_not_for_another_job_notifier_or_recipient() {
    let place = place().await;
    posted(&place.store, at(0)).await;

    let ended = event("a", EventKind::Failed, "", at(5_000));
    let mut all = owed(&ended, &["r", "other rule"], at(5_000));
    let mut elsewhere = owed(&ended, &["r"], at(5_000)).remove(0);
    elsewhere.recipient = "ann@example.com".into();
    elsewhere.id = DeliveryId::of(ended.id().as_str(), "r", "team", "ann@example.com");
    all.push(elsewhere);
    commit(&place.store, ended, all).await;
    let other = event("b", EventKind::Failed, "", at(5_000));
    let owed = owed(&other, &["r"], at(5_000));
    commit(&place.store, other, owed).await;

    let mut handles = Vec::new();
    let mut now = 5_000;
    loop {
        let claimed = claim(&place.store, at(now)).await;
        if claimed.is_empty() {
            break;
        }
        now += 1;
        let done: Vec<_> = claimed
            .iter()
            .map(|claimed| {
                let delivery = &claimed.delivery;
                let whose = (delivery.rule.clone(), delivery.job_id.clone());
                handles.push((whose, delivery.recipient.clone(), claimed.handle.is_some()));
                settled(claimed, Settled::Sent, None)
            })
            .collect();
        turn_without_claim(&place.store, &done, at(now)).await;
    }

    handles.sort();
    let row = |rule: &str, job: &str, recipient: &str, known| {
        ((rule.to_owned(), job.to_owned()), recipient.to_owned(), known)
    };
    assert_eq!(
        handles,
        [
            row("other rule", "a", "", true),
            row("r", "a", "", true),
            row("r", "a", "ann@example.com", false),
            row("r", "b", "", false),
        ]
    );
}

async fn turn_without_claim(store: &Store, settlements: &[Settlement], now: Timestamp) {
    let turn = Turn { settlements, ..Turn::default() };
    store.turn("team", &turn, now).await.unwrap();
}

#[tokio::test]
async fn progress_that_comes_soon_after_an_edit_waits_until_three_seconds_have_passed() {
    let place = place().await;
    posted(&place.store, at(0)).await;

    happens(&place.store, EventKind::Progress, "1", at(1_000)).await;
    let early = claim(&place.store, at(2_999)).await;
    let outlook = place.store.outlook("team", at(1_000), 9).await.unwrap();
    let due = claim(&place.store, at(3_000)).await;

    assert_eq!(told(&early), [""; 0]);
    assert_eq!(outlook, (0, Some(at(3_000))));
    assert_eq!(told(&due), ["progress 1"]);
}

#[tokio::test]
async fn of_much_progress_only_the_newest_is_told_and_at_most_one_each_three_seconds() {
    let place = place().await;
    posted(&place.store, at(0)).await;

    let mut edits = Vec::new();
    let mut done = Vec::new();
    for step in 1..=100 {
        let now = at(step * 100);
        happens(&place.store, EventKind::Progress, &step.to_string(), now).await;
        let claimed = turn(&place.store, &done, now).await;
        edits.extend(told(&claimed).into_iter().map(|told| format!("{told} at {}", step * 100)));
        done = claimed.iter().map(|claimed| sent(claimed, "here")).collect();
    }

    // Each is written down a tenth of a second after it was sent off.
    assert_eq!(edits, ["progress 30 at 3000", "progress 61 at 6100", "progress 92 at 9200"]);
}

#[tokio::test]
async fn progress_that_waits_while_an_edit_is_under_way_is_put_off_with_its_end() {
    let place = place().await;
    posted(&place.store, at(0)).await;
    happens(&place.store, EventKind::Progress, "1", at(4_000)).await;
    let flying = claim(&place.store, at(4_000)).await;

    happens(&place.store, EventKind::Progress, "2", at(4_500)).await;
    let at_once = turn(&place.store, &[sent(&flying[0], "here")], at(5_000)).await;

    assert_eq!(told(&at_once), [""; 0]);
    assert_eq!(told(&claim(&place.store, at(7_999)).await), [""; 0]);
    assert_eq!(told(&claim(&place.store, at(8_000)).await), ["progress 2"]);
}

#[tokio::test]
async fn an_edit_of_unknown_fate_counts_as_one() {
    let place = place().await;
    posted(&place.store, at(0)).await;
    happens(&place.store, EventKind::Progress, "1", at(4_000)).await;
    let flying = claim(&place.store, at(4_000)).await;

    let again = Settled::Again { due_at: at(4_500), why: "?".into(), counted: true, unsure: false };
    turn_without_claim(&place.store, &[settled(&flying[0], again, None)], at(4_100)).await;
    happens(&place.store, EventKind::Progress, "2", at(4_200)).await;

    assert_eq!(told(&claim(&place.store, at(7_099)).await), [""; 0]);
    assert_eq!(told(&claim(&place.store, at(7_100)).await), ["progress 2"]);
}

#[tokio::test]
async fn an_edit_that_a_kill_cut_short_counts_as_one() {
    let place = place().await;
    posted(&place.store, at(0)).await;
    happens(&place.store, EventKind::Progress, "1", at(4_000)).await;
    claim(&place.store, at(4_000)).await;

    place.store.recover(at(4_200)).await.unwrap();

    assert_eq!(told(&claim(&place.store, at(7_199)).await), [""; 0]);
    assert_eq!(told(&claim(&place.store, at(7_200)).await), ["progress 1"]);
}

#[tokio::test]
async fn what_is_no_progress_is_told_at_once() {
    let place = place().await;
    posted(&place.store, at(0)).await;
    happens(&place.store, EventKind::Progress, "1", at(1_000)).await;

    happens(&place.store, EventKind::Succeeded, "", at(1_100)).await;

    assert_eq!(told(&claim(&place.store, at(1_100)).await), ["succeeded"]);
}

#[tokio::test]
async fn progress_of_a_notifier_that_does_not_edit_does_not_wait() {
    let place = place().await;
    posted(&place.store, at(0)).await;

    let progress = event("a", EventKind::Progress, "1", at(1_000));
    let mut owed = owed(&progress, &["r"], at(1_000));
    owed[0].live = false;
    commit(&place.store, progress, owed).await;

    assert_eq!(claim(&place.store, at(1_000)).await.len(), 1);
}

#[tokio::test]
async fn of_the_same_progress_by_two_rules_one_edit_is_enough() {
    let place = place().await;
    posted(&place.store, at(0)).await;

    let progress = event("a", EventKind::Progress, "1", at(4_000));
    let owed = owed(&progress, &["r", "other rule"], at(4_000));
    commit(&place.store, progress, owed).await;
    let claimed = claim(&place.store, at(4_000)).await;

    assert_eq!(claimed.len(), 1);
    assert_eq!(claimed[0].delivery.rule, "other rule");
    let rest = turn(&place.store, &[sent(&claimed[0], "here")], at(9_000)).await;
    assert_eq!(rest, []);
}

#[tokio::test]
async fn a_clock_that_was_far_ahead_holds_back_nothing() {
    let place = place().await;
    let hour = 3_600_000;
    posted(&place.store, at(hour)).await;

    happens(&place.store, EventKind::Progress, "1", at(1_000)).await;

    assert_eq!(claim(&place.store, at(1_000)).await.len(), 1);
}

#[tokio::test]
async fn an_answer_that_comes_after_the_claim_was_lost_moves_no_message() {
    let place = place().await;
    happens(&place.store, EventKind::Started, "", at(0)).await;
    let stale = claim(&place.store, at(0)).await;
    place.store.recover(at(10)).await.unwrap();
    let fresh = claim(&place.store, at(20)).await;
    turn(&place.store, &[sent(&fresh[0], "here")], at(30)).await;

    turn(&place.store, &[sent(&stale[0], "nowhere")], at(40)).await;
    happens(&place.store, EventKind::Failed, "", at(50)).await;

    assert_eq!(claim(&place.store, at(50)).await[0].handle.as_deref(), Some("here"));
}

#[tokio::test]
async fn what_was_held_edits_its_message_when_the_notifier_is_well() {
    let place = place().await;
    posted(&place.store, at(0)).await;
    happens(&place.store, EventKind::Progress, "1", at(4_000)).await;
    let refused = claim(&place.store, at(4_000)).await;
    let broken = descript_notify::store::Broken {
        since: at(4_100),
        reason: "revoked".into(),
        probes: 1,
        probe_due: at(60_000),
    };
    let held = settled(&refused[0], Settled::Held { why: "revoked".into() }, None);
    let health = Some(HealthChange::Broken { broken: &broken, news: None });
    let turn = Turn { settlements: &[held], health, claim: None };
    place.store.turn("team", &turn, at(4_100)).await.unwrap();
    happens(&place.store, EventKind::Failed, "", at(5_000)).await;

    let health = Some(HealthChange::Well { gather: None, news: None });
    let until = at(99_000);
    let claim = Some(Claim { from: ClaimFrom::Due, most: 9, until });
    let turn = Turn { settlements: &[], health, claim };
    let released = place.store.turn("team", &turn, at(61_000)).await.unwrap().claimed;

    assert_eq!(told(&released), ["failed"]);
    assert_eq!(released[0].handle.as_deref(), Some("here"));
}

fn job(name: &str, phase: Phase) -> KnownJob {
    KnownJob {
        id: JobId::parse(name).unwrap(),
        job_type: "agent".into(),
        state: JobState::Running,
        phase,
        fingerprint: Fingerprint::of(name.as_bytes()),
        progress: None,
        progress_since: at(0),
        changes: 0,
        created_at: Some(at(0)),
        stopped_at: None,
        first_seen_at: at(0),
        ended_at: (phase != Phase::Open).then(|| at(0)),
        project_id: None,
        resultless_since: None,
        document: serde_json::Map::new().into(),
    }
}

#[tokio::test]
async fn a_message_is_forgotten_with_the_deliveries_of_a_job_that_is_over() {
    for (phase, known_after) in [(Phase::Ended, false), (Phase::Open, true)] {
        let place = place().await;
        let commit = WalkCommit { jobs: vec![job("a", phase)], ..WalkCommit::default() };
        let decide = |event: Event, _: &mut Pacing| Decided::nothing(event);
        let deciding = Deciding { now: at(0), decide: &decide };
        place.store.begin("main").await.unwrap().commit(&commit, deciding).await.unwrap();
        posted(&place.store, at(0)).await;
        let (keep, none) = (Duration::from_secs(24 * 3_600), HashSet::new());
        let days = |days: i64| at(days * 24 * 3_600_000);
        let handle = async |kind, now| {
            happens(&place.store, kind, "", now).await;
            let claimed = claim(&place.store, now).await;
            let done = settled(&claimed[0], Settled::Sent, None);
            turn_without_claim(&place.store, &[done], now).await;
            claimed[0].handle.is_some()
        };

        place.store.prune("main", keep, &none, at(3_600_000)).await.unwrap();
        let early = handle(EventKind::Changed, at(3_600_000)).await;
        let pruned = place.store.prune("main", keep, &none, days(3)).await.unwrap();
        let late = handle(EventKind::Failed, days(3)).await;

        assert_eq!((early, pruned.deliveries, late), (true, 2, known_after), "{phase:?}");
    }
}
