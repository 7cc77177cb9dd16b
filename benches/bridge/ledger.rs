//! A store that knows many jobs, made by the crate itself: to poll them in would take hours.

use std::path::Path;

use descript_notify::model::{
    Decided, Event, Fingerprint, JobId, JobState, KnownJob, Pacing, Phase,
};
use descript_notify::store::{Access, Deciding, Marks, Store, WalkCommit};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::service::SOURCE;

/// Jobs of one transaction.
const PIECE: usize = 2_000;

/// Before this the list reaches no more, and until 31 days they are kept.
const OLDEST: SignedDuration = SignedDuration::from_hours(29 * 24);

/// Fills a new store at `path` with `jobs` that ended over the last 29 days, as complete walks up
/// to `now` would leave it.
pub async fn fill(path: &Path, jobs: usize, now: Timestamp) {
    let store = Store::open(path, Access::Service, now).await.expect("a store");
    let decide = |event: Event, _: &mut Pacing| Decided::nothing(event);
    let marks = Marks {
        baseline_at: Some(now - OLDEST),
        watermark: Some(now),
        last_walk: Some(now),
        last_complete_at: Some(now),
        project: None,
    };
    let numbers: Vec<usize> = (0..jobs).collect();
    for piece in numbers.chunks(PIECE) {
        let jobs = piece.iter().map(|number| ended(*number, jobs, now)).collect();
        let commit = WalkCommit { jobs, marks: Some(marks), ..WalkCommit::default() };
        let walk = store.begin(SOURCE).await.expect("a transaction");
        walk.commit(&commit, Deciding { now, decide: &decide }).await.expect("a commit");
    }
    store.close().await;
}

/// One of `jobs`, spread evenly over the time, the youngest an hour old.
fn ended(number: usize, jobs: usize, now: Timestamp) -> KnownJob {
    let hour = SignedDuration::from_hours(1);
    let span_ms = (OLDEST - hour).as_millis() as f64;
    let back_ms = span_ms * (number as f64 / jobs as f64);
    let at = now - hour - SignedDuration::from_millis(back_ms as i64);
    let id = format!("5ab1e6d2-0b7c-4e0a-8d55-{number:012}");
    let project = format!("9f36ee32-5a2c-47e7-b1a3-{:012}", number % 1_000);
    let document = json!({
        "job_id": id, "job_type": "import/project_media", "job_state": "stopped",
        "created_at": at.to_string(), "stopped_at": at.to_string(),
        "drive_id": "c9c5c47e-158a-49f7-846b-4f6ee2a229a2", "project_id": project,
        "project_url": format!("https://web.descript.com/{project}"),
        "result": {"status": "success", "media_seconds_used": 11, "media_status": {
            "Misc/intro.mp4": {"status": "success", "duration_seconds": 10.5}}},
    });
    let Value::Object(document) = document else { unreachable!("it is an object") };
    KnownJob {
        fingerprint: Fingerprint::of(id.as_bytes()),
        id: JobId::parse(&id).expect("an id"),
        job_type: "import/project_media".into(),
        state: JobState::Stopped,
        phase: Phase::Ended,
        progress: None,
        progress_since: at,
        changes: 1,
        created_at: Some(at),
        stopped_at: Some(at),
        first_seen_at: at,
        ended_at: Some(at),
        project_id: Some(project),
        resultless_since: None,
        document: document.into(),
    }
}
