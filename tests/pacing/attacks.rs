//! What could tear a hold: clocks that are set, rules and notifiers that change while messages
//! wait, notifiers that break, and great numbers.

use std::time::Instant;

use descript_notify::model::{DeliveryState, Event, EventKind, Pacing, Verdict};
use descript_notify::store::{
    Broken, Claimed, Deciding, DeliveryFilter, HealthChange, Turn, WalkCommit,
};
use jiff::SignedDuration;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::{Bridge, ended, policy, said};

const GROUP: &str = r#"
[[rules]]
name = "ended"
on = ["finished"]
notify = ["team", "hook"]
group = { wait = "30s", max = 200 }
"#;

const THROTTLE: &str = r#"
[[rules]]
name = "ended"
on = ["finished"]
notify = ["team"]
throttle = { every = "10m" }
"#;

const OFFICE: &str = r#"
[[rules]]
name = "ended"
on = ["finished"]
notify = ["team", "hook"]
active = { from = "09:00", to = "18:00", otherwise = "hold", except = ["failed"] }
"#;

const NOON: &str = "2026-11-20T12:00:00Z";

async fn step(bridge: &Bridge, minutes: i64) {
    let by = SignedDuration::from_mins(minutes);
    bridge.clock.set(bridge.clock.now() + by);
    for notifier in ["team", "hook"] {
        bridge.store.clock_stepped(notifier, by).await.unwrap();
    }
}

async fn in_state(bridge: &Bridge, state: DeliveryState) -> usize {
    let filter = DeliveryFilter { state: Some(state), notifier: None, most: 100_000 };
    bridge.store.deliveries(&filter).await.unwrap().rows.len()
}

#[tokio::test]
async fn a_clock_that_is_set_moves_groups_and_throttles_along() {
    for minutes in [-60, 60] {
        let bridge = Bridge::new(GROUP, NOON).await;
        bridge.ends("a", "p", EventKind::Succeeded).await;

        step(&bridge, minutes).await;
        bridge.ends("b", "p", EventKind::Succeeded).await;
        let early = bridge.says("team").await;
        bridge.wait(30);

        assert_eq!(early, []);
        assert_eq!(bridge.says("team").await, said(&[("a b", 0)]), "{minutes}");
    }
}

#[tokio::test]
async fn a_throttle_says_all_that_it_held_though_the_clock_is_set() {
    for minutes in [-60, 60] {
        let bridge = Bridge::new(THROTTLE, NOON).await;
        for job in ["a", "b"] {
            bridge.ends(job, "p", EventKind::Succeeded).await;
        }
        bridge.says("team").await;

        step(&bridge, minutes).await;
        let early = bridge.says("team").await;
        bridge.wait(600);

        assert_eq!(early, []);
        assert_eq!(bridge.says("team").await, said(&[("b", 1)]), "{minutes}");
    }
}

#[tokio::test]
async fn a_window_and_a_silence_are_times_of_day_and_stay() {
    let bridge = Bridge::new(OFFICE, "2026-11-20T20:00:00Z").await;
    bridge.ends("a", "p", EventKind::Succeeded).await;

    step(&bridge, -60).await;

    assert_eq!(bridge.release().await, "2026-11-21T09:00:00Z".parse().ok());
}

#[tokio::test]
async fn a_group_of_a_clock_that_ran_ahead_goes_out_after_the_start() {
    let bridge = Bridge::new(GROUP, "2036-01-01T00:00:00Z").await;
    bridge.ends("a", "p", EventKind::Succeeded).await;

    bridge.set(NOON);
    let bridge = bridge.restart().await;
    bridge.store.forget_wrong_waits(bridge.clock.now()).await.unwrap();

    assert_eq!(bridge.says("team").await, said(&[("a", 0)]));
}

#[tokio::test]
async fn a_rule_that_is_renamed_or_freed_loses_nothing_that_it_holds() {
    for (rules, changed) in [
        (GROUP, GROUP.replace("\"ended\"", "\"other\"")),
        (GROUP, GROUP.replace("group = { wait = \"30s\", max = 200 }", "")),
        (THROTTLE, THROTTLE.replace("\"ended\"", "\"other\"")),
        (THROTTLE, THROTTLE.replace("throttle = { every = \"10m\" }", "")),
    ] {
        let bridge = Bridge::new(rules, NOON).await;
        for job in ["a", "b"] {
            bridge.ends(job, "p", EventKind::Succeeded).await;
        }
        bridge.policy.replace(policy(&changed));
        bridge.ends("c", "p", EventKind::Succeeded).await;
        let mut told = bridge.says("team").await;
        bridge.wait(600);
        told.extend(bridge.says("team").await);

        let jobs: Vec<&str> = told.iter().flat_map(|(jobs, _)| jobs.split(' ')).collect();
        let mut sorted = jobs.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, ["a", "b", "c"], "{changed}");
    }
}

#[tokio::test]
async fn a_window_that_is_taken_out_of_the_rule_frees_what_it_held_when_it_would_have_opened() {
    let bridge = Bridge::new(OFFICE, "2026-11-20T20:00:00Z").await;
    bridge.ends("a", "p", EventKind::Succeeded).await;

    let line = "active = { from = \"09:00\", to = \"18:00\", otherwise = \"hold\", except = [\"failed\"] }";
    bridge.policy.replace(policy(&OFFICE.replace(line, "")));
    let now = bridge.ends("b", "p", EventKind::Succeeded).await;
    let at_once = bridge.says("team").await;
    bridge.set("2026-11-21T09:00:00Z");

    assert_eq!(now, Verdict::Send);
    assert_eq!(at_once, said(&[("b", 0)]));
    assert_eq!(bridge.says("team").await, said(&[("a", 0)]));
}

#[tokio::test]
async fn a_notifier_that_is_removed_keeps_its_group_to_be_shown() {
    let bridge = Bridge::new(GROUP, NOON).await;
    bridge.ends("a", "p", EventKind::Succeeded).await;

    bridge.policy.replace(policy(&GROUP.replace(", \"hook\"", "")));
    bridge.ends("b", "p", EventKind::Succeeded).await;
    bridge.wait(30);

    assert_eq!(bridge.says("team").await, said(&[("a b", 0)]));
    assert_eq!(in_state(&bridge, DeliveryState::Pending).await, 1);
}

#[tokio::test]
async fn a_window_that_opens_while_the_notifier_is_broken_leaves_its_digest_to_the_catch_up() {
    let bridge = Bridge::new(OFFICE, "2026-11-20T20:00:00Z").await;
    for job in ["a", "b", "c"] {
        bridge.ends(job, "p", EventKind::Succeeded).await;
    }
    let now = bridge.clock.now();
    let broken =
        Broken { since: now, reason: "404".into(), probes: 1, probe_due: bridge.clock.now() };
    let down = HealthChange::Broken { broken: &broken, news: None };
    let turn = Turn { health: Some(down), ..Turn::default() };
    bridge.store.turn("team", &turn, now).await.unwrap();

    bridge.set("2026-11-21T09:00:00Z");
    let while_broken = bridge.says("team").await;
    let bridge = bridge.restart().await;
    let up = HealthChange::Well { gather: None, news: None };
    let turn = Turn { health: Some(up), ..Turn::default() };
    bridge.store.turn("team", &turn, bridge.clock.now()).await.unwrap();

    assert_eq!(while_broken, []);
    assert_eq!(bridge.says("team").await, said(&[("a b c", 0)]));
    assert_eq!(in_state(&bridge, DeliveryState::Held).await, 0);
}

#[tokio::test]
async fn a_group_with_an_event_that_passes_the_window_does_not_wait_for_it() {
    let both = format!("{OFFICE}group = {{ wait = \"30s\" }}\n");
    let bridge = Bridge::new(&both, "2026-11-20T17:59:50Z").await;
    bridge.ends("failed", "p", EventKind::Failed).await;
    bridge.ends("newer", "p", EventKind::Succeeded).await;

    bridge.wait(30);

    assert_eq!(bridge.says("team").await, said(&[("failed newer", 0)]));
}

#[tokio::test]
async fn what_a_throttle_counted_is_told_though_it_waited_for_a_window_or_a_person() {
    let rules = format!("{THROTTLE}active = {{ from = \"09:00\", to = \"18:00\" }}\n");
    let bridge = Bridge::new(&rules, "2026-11-20T17:59:00Z").await;
    for job in ["a", "b", "c"] {
        bridge.ends(job, "p", EventKind::Succeeded).await;
    }
    let open = bridge.says("team").await;
    bridge.wait(600);
    let closed = bridge.says("team").await;
    bridge.set("2026-11-21T09:00:00Z");
    let opened = bridge.says("team").await;
    bridge.ends("d", "p", EventKind::Succeeded).await;
    bridge.says("team").await;
    bridge.ends("e", "p", EventKind::Succeeded).await;
    let filter = DeliveryFilter { state: Some(DeliveryState::Held), notifier: None, most: 9 };
    let held = bridge.store.deliveries(&filter).await.unwrap().rows;
    bridge.store.retry(&[held[0].delivery.id.clone()], bridge.clock.now()).await.unwrap();

    assert_eq!((open, closed), (said(&[("a", 0)]), vec![]));
    assert_eq!(opened, said(&[("b c", 2)]));
    assert_eq!(bridge.says("team").await, said(&[("e", 1)]));
}

#[tokio::test]
async fn what_a_window_dropped_is_told_by_the_next_group_once() {
    let rules =
        format!("{GROUP}active = {{ from = \"09:00\", to = \"18:00\", otherwise = \"drop\" }}\n");
    let bridge = Bridge::new(&rules, "2026-11-20T20:00:00Z").await;
    for job in ["a", "b"] {
        bridge.ends(job, "p", EventKind::Succeeded).await;
    }

    bridge.set("2026-11-21T10:00:00Z");
    bridge.ends("c", "p", EventKind::Succeeded).await;
    bridge.wait(30);
    let first = bridge.says("team").await;
    bridge.ends("d", "p", EventKind::Succeeded).await;
    bridge.wait(30);

    assert_eq!(first, said(&[("c", 2)]));
    assert_eq!(bridge.says("hook").await, said(&[("c", 2), ("d", 0)]));
    assert_eq!(bridge.says("team").await, said(&[("d", 0)]));
}

#[tokio::test]
async fn a_flood_that_a_throttle_held_is_one_message_with_the_newest_of_it_and_the_count() {
    let bridge = Bridge::new(THROTTLE, NOON).await;
    many(&bridge, 0, 1_001).await;
    bridge.says("team").await;

    bridge.wait(600);
    bridge.release().await;
    let claimed = bridge.claim("team").await;

    assert_eq!((claimed.len(), claimed[0].delivery.suppressed), (1, 1_000));
    let jobs: Vec<&str> =
        claimed[0].events.iter().map(|event| event.key.subject.as_str()).collect();
    assert_eq!((jobs.len(), jobs[0], jobs[199]), (200, "job 801", "job 1000"));
}

/// Writes down many ends at once; returns how long that took, in milliseconds.
async fn many(bridge: &Bridge, from: usize, count: usize) -> u128 {
    let now = bridge.clock.now();
    let job = |number: usize| ended(&format!("job {number}"), "p", EventKind::Succeeded, now);
    let events: Vec<Event> = (from..from + count).map(job).collect();
    let policy = bridge.policy.get();
    let decide = |event: Event, pacing: &mut Pacing| policy.decide(event, pacing, now);
    let commit = WalkCommit { events, ..WalkCommit::default() };
    let begun = Instant::now();
    let walk = bridge.store.begin("main").await.unwrap();
    walk.commit(&commit, Deciding { now, decide: &decide }).await.unwrap();
    begun.elapsed().as_millis()
}

#[tokio::test]
async fn ten_thousand_events_of_one_group_are_fifty_messages_with_each_of_them_once() {
    let bridge = Bridge::new(GROUP, NOON).await;
    let first = many(&bridge, 0, 1_000).await;
    for from in 1..9 {
        many(&bridge, from * 1_000, 1_000).await;
    }
    let last = many(&bridge, 9_000, 1_000).await;

    bridge.wait(30);
    bridge.release().await;
    let claimed: Vec<Claimed> = bridge.claim("team").await;

    let sizes: Vec<usize> = claimed.iter().map(|claimed| claimed.events.len()).collect();
    assert_eq!(sizes, [200; 50]);
    // The last thousand joins as quickly as the first, but for what else the machine does.
    assert!(last < first * 5 + 1_000, "{first} ms, then {last} ms");
}

#[tokio::test]
async fn a_hundred_thousand_closed_throttles_cost_nothing_that_they_are_not_asked_for() {
    let by_project = THROTTLE.replace("\"10m\"", "\"30d\", by = [\"job.project_id\"]");
    let bridge = Bridge::new(&by_project, NOON).await;
    let file = bridge.folder.path().join("state.db");
    let mut file = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let until = bridge.clock.now() + SignedDuration::from_hours(24);
    sqlx::query(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
         INSERT INTO throttle (rule, throttle_key, until_ms, about)
         SELECT 'ended', '[\"project ' || i || '\"]', $1, 'event ' || i FROM n",
    )
    .bind(until.as_millisecond())
    .execute(&mut file)
    .await
    .unwrap();
    file.close().await.unwrap();

    let mut quickest = u128::MAX;
    for job in ["a", "b", "c", "d", "e"] {
        let begun = Instant::now();
        let fresh = bridge.ends(job, job, EventKind::Succeeded).await;
        quickest = quickest.min(begun.elapsed().as_millis());
        assert_eq!(fresh, Verdict::Send);
    }

    assert_eq!(
        bridge.ends("f", "project 77777", EventKind::Succeeded).await,
        Verdict::Throttled { until }
    );
    // To read them all takes longer at each of five times, also where nothing else runs.
    assert!(quickest < 200, "{quickest} ms");
}
