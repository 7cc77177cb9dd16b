//! What is over is forgotten after `keep`; what is in force, or waits, is not.

use std::collections::HashSet;
use std::time::Duration;

use descript_notify::model::{EventKind, Fingerprint, JobId, JobState, KnownJob, Phase, Silence};
use descript_notify::store::WalkCommit;
use descript_notify::store::{Deciding, Pruned};
use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};

use crate::{Bridge, ended, said};

const RULES: &str = r#"
[[rules]]
name = "throttled"
on = ["finished"]
notify = ["team"]
throttle = { every = "10m", by = ["job.job_id"] }
[[rules]]
name = "grouped"
on = ["finished"]
notify = ["team"]
group = { wait = "30s" }
"#;

const KEEP: Duration = Duration::from_secs(24 * 3_600);

async fn prune(bridge: &Bridge) -> Pruned {
    let now = bridge.clock.now();
    bridge.store.prune("main", KEEP, &HashSet::new(), now).await.unwrap()
}

async fn count(bridge: &Bridge, what: &'static str) -> i64 {
    let file = bridge.folder.path().join("state.db");
    let mut file = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    let count = sqlx::query_scalar(what).fetch_one(&mut file).await.unwrap();
    file.close().await.unwrap();
    count
}

async fn silence(bridge: &Bridge, id: &str, matcher: &str, hours: i64) {
    let now = bridge.clock.now();
    let silence = Silence {
        id: id.into(),
        matchers: vec![matcher.into()],
        comment: "x".into(),
        author: String::new(),
        created_at: now,
        expires_at: now + SignedDuration::from_hours(hours),
        summarise: true,
        silenced: 0,
    };
    bridge.store.add_silence(&silence).await.unwrap();
}

#[tokio::test]
async fn silences_are_kept_while_they_hold_and_for_a_time_after() {
    let bridge = Bridge::new(RULES, "2026-11-20T10:00:00Z").await;
    silence(&bridge, "aaaaaaaa", "job.job_id=x", 1).await;
    silence(&bridge, "bbbbbbbb", "job.job_id=x", 48).await;
    silence(&bridge, "cccccccc", "job.job_id=x", 24 * 60).await;
    let left = async |hours: i64| {
        bridge.wait(hours * 3_600);
        prune(&bridge).await;
        let left = bridge.store.silences(bridge.clock.now()).await.unwrap();
        let mut ids: Vec<String> = left.iter().map(|silence| silence.id[..1].to_owned()).collect();
        ids.sort_unstable();
        ids.concat()
    };

    assert_eq!(left(24).await, "abc");
    assert_eq!(left(2).await, "bc");
    assert_eq!(left(24 * 40).await, "c");
}

#[tokio::test]
async fn throttles_that_are_over_and_groups_that_are_told_are_forgotten() {
    let bridge = Bridge::new(RULES, "2026-11-20T10:00:00Z").await;
    bridge.ends("a", "p", EventKind::Succeeded).await;
    bridge.wait(300);
    bridge.ends("b", "p", EventKind::Succeeded).await;
    let counts = async || {
        (
            count(&bridge, "SELECT count(*) FROM throttle").await,
            count(&bridge, "SELECT count(*) FROM message_group").await,
            count(&bridge, "SELECT count(*) FROM group_member").await,
        )
    };

    bridge.wait(300);
    prune(&bridge).await;
    let one_over = counts().await;
    bridge.says("team").await;
    bridge.wait(26 * 3_600);
    let pruned = prune(&bridge).await;

    assert_eq!(one_over, (1, 1, 2));
    assert_eq!(counts().await, (0, 0, 0));
    assert_eq!((pruned.events, pruned.deliveries), (2, 3));
}

#[tokio::test]
async fn what_waits_for_a_silence_keeps_its_events_and_jobs_however_long() {
    let bridge = Bridge::new(RULES, "2026-11-20T10:00:00Z").await;
    silence(&bridge, "cccccccc", "job.project_id=p", 24 * 60).await;
    let now = bridge.clock.now();
    let policy = bridge.policy.get();
    let decide = |event, pacing: &mut _| policy.decide(event, pacing, now);
    let events = ["a", "b"]
        .map(|job| ended(job, if job == "a" { "p" } else { "q" }, EventKind::Failed, now));
    let jobs = ["a", "b"].map(|id| job(id, now));
    let commit = WalkCommit { events: events.into(), jobs: jobs.into(), ..WalkCommit::default() };
    let walk = bridge.store.begin("main").await.unwrap();
    walk.commit(&commit, Deciding { now, decide: &decide }).await.unwrap();
    bridge.wait(60);
    bridge.says("team").await;

    bridge.wait(24 * 40 * 3_600);
    let pruned = prune(&bridge).await;
    bridge.wait(24 * 21 * 3_600);

    assert_eq!((pruned.events, pruned.jobs), (1, 1));
    assert_eq!(bridge.says("team").await, said(&[("a", 1), ("a", 1)]));
}

fn job(id: &str, at: Timestamp) -> KnownJob {
    KnownJob {
        id: JobId::parse(id).unwrap(),
        job_type: "agent".into(),
        state: JobState::Stopped,
        phase: Phase::Ended,
        fingerprint: Fingerprint::of(id.as_bytes()),
        progress: None,
        progress_since: at,
        changes: 1,
        created_at: Some(at),
        stopped_at: Some(at),
        first_seen_at: at,
        ended_at: Some(at),
        project_id: None,
        resultless_since: None,
        document: serde_json::Map::new().into(),
    }
}
