//! What a message says its events have waited for: a gathering knows, a message of its own has
//! nothing to know.

use descript_notify::model::{EventKind, Hold};

use crate::Bridge;

const NOW: &str = "2026-11-20T08:00:00Z";

fn rule(keys: &str) -> String {
    format!("[[rules]]\nname = \"ended\"\non = [\"finished\"]\nnotify = [\"team\"]\n{keys}\n")
}

/// Of what is due after that time, what each message has waited for.
async fn reasons(keys: &str, seconds: i64) -> Vec<Option<Hold>> {
    let bridge = Bridge::new(&rule(keys), NOW).await;
    for job in ["a", "b", "c"] {
        bridge.ends(job, "p", EventKind::Failed).await;
    }
    bridge.wait(seconds);
    bridge.release().await;
    bridge.claim("team").await.iter().map(|claimed| claimed.gathered_by).collect()
}

#[tokio::test]
async fn every_gathering_knows_what_it_has_waited_for() {
    let grouped = reasons("group = { wait = \"30s\" }", 60).await;
    let throttled = reasons("throttle = { every = \"10m\" }", 600).await;
    let windowed = reasons("active = { from = \"12:00\", to = \"18:00\" }", 6 * 3_600).await;
    let at_once = reasons("", 0).await;

    assert_eq!(grouped, [Some(Hold::Group)]);
    assert_eq!(throttled, [None, Some(Hold::Throttle)]);
    assert_eq!(windowed, [Some(Hold::Window)]);
    assert_eq!(at_once, [None; 3]);
}
