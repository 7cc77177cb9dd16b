//! `throttle`: one message for each key in a time, the rest counted and told at its end.

use descript_notify::model::{EventKind, Verdict};
use descript_notify::store::Settled;

use crate::{Bridge, ended, said};

const RULE: &str = r#"
[[rules]]
name = "ended"
on = ["finished"]
notify = ["team", "hook"]
throttle = { every = "10m", by = ["job.project_id"] }
"#;

const NOW: &str = "2026-11-20T08:00:00Z";

#[tokio::test]
async fn the_first_of_each_key_is_said_at_once_and_the_rest_at_the_end_of_the_time() {
    let bridge = Bridge::new(RULE, NOW).await;
    bridge.ends("a", "p", EventKind::Failed).await;
    bridge.wait(60);
    let throttled = bridge.ends("b", "p", EventKind::Failed).await;
    bridge.ends("c", "p", EventKind::Succeeded).await;
    bridge.ends("d", "q", EventKind::Failed).await;

    let at_once = bridge.says("team").await;
    bridge.wait(8 * 60);
    let nothing = bridge.says("team").await;
    bridge.wait(60);
    let at_the_end = bridge.says("team").await;

    assert_eq!(throttled, Verdict::Throttled { until: "2026-11-20T08:10:00Z".parse().unwrap() });
    assert_eq!(at_once, said(&[("a", 0), ("d", 0)]));
    assert_eq!(nothing, []);
    assert_eq!(at_the_end, said(&[("b c", 2)]));
    assert_eq!(bridge.says("hook").await, said(&[("a", 0), ("b c", 2), ("d", 0)]));
}

#[tokio::test]
async fn what_is_told_at_the_end_is_a_message_too_and_closes_the_throttle_again() {
    let bridge = Bridge::new(RULE, NOW).await;
    for job in ["a", "b"] {
        bridge.ends(job, "p", EventKind::Failed).await;
    }
    bridge.wait(600);
    bridge.says("team").await;
    bridge.wait(10);

    let next = bridge.ends("c", "p", EventKind::Failed).await;
    bridge.wait(600);
    let end = bridge.says("team").await;
    bridge.wait(601);
    let fresh = bridge.ends("d", "p", EventKind::Failed).await;

    assert_eq!(next, Verdict::Throttled { until: "2026-11-20T08:20:00Z".parse().unwrap() });
    assert_eq!(end, said(&[("c", 1)]));
    assert_eq!(fresh, Verdict::Send);
}

#[tokio::test]
async fn a_message_that_dies_opens_its_throttle_again() {
    let bridge = Bridge::new(RULE, NOW).await;
    bridge.ends("a", "p", EventKind::Failed).await;
    bridge.ends("b", "p", EventKind::Failed).await;
    let claimed = bridge.claim("team").await;

    bridge.settle("team", &claimed, Settled::Dead { why: "refused".into() }).await;

    assert_eq!(bridge.says("team").await, said(&[("b", 1)]));
}

#[tokio::test]
async fn a_throttle_that_a_wrong_clock_has_closed_is_not_believed() {
    let bridge = Bridge::new(RULE, "2036-01-01T00:00:00Z").await;
    bridge.ends("a", "p", EventKind::Failed).await;

    bridge.set(NOW);

    assert_eq!(bridge.ends("b", "p", EventKind::Failed).await, Verdict::Send);
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let bridge = Bridge::new(RULE, NOW).await;
    bridge.ends("a", "p", EventKind::Failed).await;
    bridge.says("team").await;
    bridge.ends("b", "p", EventKind::Failed).await;

    let bridge = bridge.restart().await;
    let still = bridge.ends("c", "p", EventKind::Failed).await;
    let nothing = bridge.says("team").await;
    bridge.wait(600);

    assert!(matches!(still, Verdict::Throttled { .. }));
    assert_eq!(nothing, []);
    assert_eq!(bridge.says("team").await, said(&[("b c", 2)]));
}

#[tokio::test]
async fn what_is_not_sent_as_it_is_counts_as_suppressed_for_each_notifier() {
    let bridge = Bridge::new(RULE, NOW).await;
    let ends = |job| ended(job, "p", EventKind::Failed, bridge.clock.now());

    let sent = bridge.happens(ends("a")).await;
    let throttled = bridge.happens(ends("b")).await;

    assert_eq!(sent.suppressed, Vec::<String>::new());
    assert_eq!(throttled.suppressed, ["team", "hook"]);
}
