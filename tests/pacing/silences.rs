//! Silences: what they are about, what they summarise, how they end.

use descript_notify::model::{EventKind, Silence, Verdict};
use jiff::SignedDuration;

use crate::{Bridge, said};

const RULE: &str = r#"
[[rules]]
name = "ended"
on = ["finished"]
notify = ["team"]
"#;

async fn silence(bridge: &Bridge, matchers: &[&str], summarise: bool) {
    let now = bridge.clock.now();
    let silence = Silence {
        id: "0badcafe".into(),
        matchers: matchers.iter().map(|matcher| (*matcher).to_owned()).collect(),
        comment: "moving house".into(),
        author: "ada".into(),
        created_at: now,
        expires_at: now + SignedDuration::from_hours(2),
        summarise,
        silenced: 0,
    };
    bridge.store.add_silence(&silence).await.unwrap();
}

#[tokio::test]
async fn what_fits_is_silenced_and_counted_and_the_rest_is_said() {
    let bridge = Bridge::new(RULE, "2026-11-20T10:00:00Z").await;
    silence(&bridge, &["job.project_id=p*", "event.kind!=failed"], false).await;

    let silenced = bridge.ends("a", "p1", EventKind::Succeeded).await;
    bridge.ends("b", "p1", EventKind::Failed).await;
    bridge.ends("c", "q", EventKind::Succeeded).await;
    let during = bridge.says("team").await;
    bridge.wait(2 * 3_600);
    let after = bridge.ends("d", "p1", EventKind::Succeeded).await;

    assert_eq!(silenced, Verdict::Silenced { silence: "0badcafe".into() });
    assert_eq!(during, said(&[("b", 0), ("c", 0)]));
    assert_eq!(after, Verdict::Send);
    assert_eq!(bridge.store.silences(bridge.clock.now()).await.unwrap()[0].silenced, 1);
}

#[tokio::test]
async fn a_silence_that_summarises_tells_at_its_end_what_it_silenced() {
    let bridge = Bridge::new(RULE, "2026-11-20T10:00:00Z").await;
    silence(&bridge, &[], true).await;
    bridge.ends("a", "p", EventKind::Succeeded).await;
    let bridge = bridge.restart().await;
    bridge.ends("b", "q", EventKind::Failed).await;

    let during = bridge.says("team").await;
    bridge.wait(2 * 3_600);

    assert_eq!(during, []);
    assert_eq!(bridge.says("team").await, said(&[("a b", 2)]));
}

#[tokio::test]
async fn a_silence_that_is_ended_early_lets_its_summary_go() {
    let bridge = Bridge::new(RULE, "2026-11-20T10:00:00Z").await;
    silence(&bridge, &[], true).await;
    bridge.ends("a", "p", EventKind::Succeeded).await;

    bridge.wait(60);
    let ended = bridge.store.expire_silence("0bad", bridge.clock.now()).await.unwrap();
    let again = bridge.store.expire_silence("0bad", bridge.clock.now()).await.unwrap();

    assert_eq!((ended, again), (vec!["0badcafe".to_owned()], vec![]));
    assert_eq!(bridge.says("team").await, said(&[("a", 1)]));
    assert_eq!(bridge.ends("b", "p", EventKind::Succeeded).await, Verdict::Send);
}
