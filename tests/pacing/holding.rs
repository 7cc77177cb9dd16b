//! `group` and `active`: what is gathered, what waits for a window, what a window drops.

use descript_notify::model::{DeliveryState, EventKind, Verdict};
use descript_notify::store::DeliveryFilter;
use jiff::Timestamp;

use crate::{Bridge, policy, said};

const GROUP: &str = r#"
[[rules]]
name = "ended"
on = ["finished"]
notify = ["team", "hook"]
group = { wait = "30s", max = 3, by = ["job.project_id"] }
"#;

const OFFICE: &str = r#"
[[rules]]
name = "ended"
on = ["finished"]
notify = ["team", "hook"]
active = { from = "09:00", to = "18:00", otherwise = "hold", except = ["failed"] }
"#;

const EVENING: &str = "2026-11-20T20:00:00Z";
const MORNING: &str = "2026-11-21T09:00:00Z";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_group_goes_out_when_its_first_has_waited_and_each_key_has_its_own() {
    let bridge = Bridge::new(GROUP, "2026-11-20T10:00:00Z").await;
    let verdict = bridge.ends("a", "p", EventKind::Succeeded).await;
    bridge.wait(20);
    bridge.ends("b", "p", EventKind::Succeeded).await;
    bridge.ends("c", "q", EventKind::Succeeded).await;

    let early = bridge.says("team").await;
    bridge.wait(10);
    let first = bridge.says("team").await;
    bridge.wait(20);
    let second = bridge.says("team").await;

    assert_eq!(verdict, Verdict::Gathered { until: time("2026-11-20T10:00:30Z") });
    assert_eq!(early, []);
    assert_eq!(first, said(&[("a b", 0)]));
    assert_eq!(second, said(&[("c", 0)]));
    // A rule that groups does so for programs too.
    assert_eq!(bridge.says("hook").await, said(&[("a b", 0), ("c", 0)]));
}

#[tokio::test]
async fn a_full_group_goes_out_at_once_and_the_next_event_opens_another() {
    let bridge = Bridge::new(GROUP, "2026-11-20T10:00:00Z").await;
    for job in ["a", "b", "c", "d"] {
        bridge.ends(job, "p", EventKind::Succeeded).await;
    }

    let full = bridge.says("team").await;
    bridge.wait(30);

    assert_eq!(full, said(&[("a b c", 0)]));
    assert_eq!(bridge.says("team").await, said(&[("d", 0)]));
}

#[tokio::test]
async fn a_group_that_a_person_sends_early_takes_in_no_more() {
    let bridge = Bridge::new(GROUP, "2026-11-20T10:00:00Z").await;
    bridge.ends("a", "p", EventKind::Succeeded).await;
    let filter = DeliveryFilter { state: Some(DeliveryState::Held), most: 9, notifier: None };
    let held = bridge.store.deliveries(&filter).await.unwrap().rows;
    let ids: Vec<_> = held.into_iter().map(|row| row.delivery.id).collect();

    bridge.store.retry(&ids, bridge.clock.now()).await.unwrap();
    bridge.ends("b", "p", EventKind::Succeeded).await;
    let early = bridge.says("team").await;
    bridge.wait(30);

    assert_eq!(early, said(&[("a", 0)]));
    assert_eq!(bridge.says("team").await, said(&[("b", 0)]));
}

#[tokio::test]
async fn a_closed_window_holds_and_opens_with_one_digest_while_exceptions_pass() {
    let bridge = Bridge::new(OFFICE, EVENING).await;
    let held = bridge.ends("a", "p", EventKind::Succeeded).await;
    bridge.ends("b", "q", EventKind::Partial).await;
    let passed = bridge.ends("c", "p", EventKind::Failed).await;

    let at_once = bridge.says("team").await;
    bridge.set("2026-11-21T08:59:59Z");
    let early = bridge.says("team").await;
    bridge.set(MORNING);
    let opened = bridge.says("team").await;

    assert_eq!(held, Verdict::Held { until: time(MORNING) });
    assert_eq!(passed, Verdict::Send);
    assert_eq!(at_once, said(&[("c", 0)]));
    assert_eq!(early, []);
    assert_eq!(opened, said(&[("a b", 0)]));
    // A receiver that is a program gets every event.
    assert_eq!(bridge.says("hook").await, said(&[("a", 0), ("b", 0), ("c", 0)]));
}

#[tokio::test]
async fn a_window_that_drops_counts_and_the_next_message_says_how_many() {
    let dropping = OFFICE.replace("\"hold\"", "\"drop\"");
    let bridge = Bridge::new(&dropping, EVENING).await;
    let dropped = bridge.ends("a", "p", EventKind::Succeeded).await;
    bridge.ends("b", "p", EventKind::Succeeded).await;

    bridge.set("2026-11-21T10:00:00Z");
    let nothing = bridge.says("team").await;
    bridge.ends("c", "p", EventKind::Succeeded).await;
    bridge.ends("d", "p", EventKind::Succeeded).await;

    assert_eq!(dropped, Verdict::Dropped { until: time(MORNING) });
    assert_eq!(nothing, []);
    assert_eq!(bridge.says("team").await, said(&[("c", 2), ("d", 0)]));
}

#[tokio::test]
async fn groups_that_close_after_hours_come_with_the_rest_in_one_digest() {
    let both = format!("{GROUP}active = {{ from = \"09:00\", to = \"18:00\" }}\n");
    let bridge = Bridge::new(&both, "2026-11-20T17:59:50Z").await;
    bridge.ends("a", "p", EventKind::Succeeded).await;
    bridge.ends("b", "p", EventKind::Succeeded).await;
    bridge.wait(30);
    let closed = bridge.says("team").await;
    bridge.ends("c", "q", EventKind::Succeeded).await;

    bridge.set(MORNING);

    assert_eq!(closed, []);
    assert_eq!(bridge.says("team").await, said(&[("a b c", 0)]));
    assert_eq!(bridge.says("hook").await, said(&[("a b", 0), ("c", 0)]));
}

#[tokio::test]
async fn what_a_rule_held_is_owed_when_its_time_comes_though_the_rule_is_gone() {
    let bridge = Bridge::new(OFFICE, EVENING).await;
    bridge.ends("a", "p", EventKind::Succeeded).await;

    bridge.policy.replace(policy(""));
    bridge.set(MORNING);

    assert_eq!(bridge.says("team").await, said(&[("a", 0)]));
}

#[tokio::test]
async fn messages_held_for_a_window_are_shown_with_the_reason() {
    let bridge = Bridge::new(OFFICE, EVENING).await;
    bridge.ends("a", "p", EventKind::Succeeded).await;

    let filter = DeliveryFilter { state: Some(DeliveryState::Held), most: 9, notifier: None };
    let rows = bridge.store.deliveries(&filter).await.unwrap().rows;

    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.delivery.hold.map(|hold| hold.as_str()), row.delivery.due_at))
        .collect();
    assert_eq!(told, [(Some("window"), time(MORNING)), (Some("window"), time(MORNING))]);
}
