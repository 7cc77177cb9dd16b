//! `project_idle`: once for each batch of a project's jobs, when the last of them has ended.

use descript_notify::model::EventKind;
use serde_json::{Value, json};

use crate::{Stage, look};

const RULE: &str = r#"
[[rules]]
name = "done"
on = ["project_idle"]
notify = ["screen"]
"#;

/// How many jobs each batch had: all, succeeded, failed, vanished.
async fn batches(stage: &Stage) -> Vec<[u64; 4]> {
    let made = stage.made().await;
    let count = |facts: &serde_json::Map<String, Value>, key: &str| facts[key].as_u64().unwrap();
    made.iter()
        .map(|event| {
            ["jobs", "succeeded", "failed", "vanished"].map(|key| count(&event.facts, key))
        })
        .collect()
}

fn success() -> Value {
    json!({"status": "success"})
}

#[tokio::test]
async fn a_project_is_idle_when_its_last_job_has_ended_with_the_totals_of_the_batch() {
    let stage = Stage::prepare(RULE).await;
    stage.world().project("p", "Spring");
    let mut ingest = stage.start().await;
    look(&mut ingest).await;
    for job in ["a", "b"] {
        stage.run(job, "p");
    }
    stage.run("elsewhere", "q");
    look(&mut ingest).await;
    stage.pass(5);
    stage.finish("a", json!({"status": "success", "media_seconds_used": 90}));
    look(&mut ingest).await;
    let while_one_is_open = stage.made().await.len();

    stage.pass(5);
    let files = json!({"x": {"status": "failed"}, "y": {"status": "success"}});
    stage.finish("b", json!({"status": "error", "ai_credits_used": 7, "media_status": files}));
    look(&mut ingest).await;
    look(&mut ingest).await;
    let mut again = stage.start().await;
    look(&mut again).await;

    assert_eq!(while_one_is_open, 0);
    let made = stage.made().await;
    assert_eq!((made.len(), stage.owed().await), (1, 1));
    insta::assert_json_snapshot!(made[0].document(None, false)["project"], @r#"
    {
      "began_at": "2026-11-20T08:00:00Z",
      "cancelled": 0,
      "ended_at": "2026-11-20T08:10:00Z",
      "failed": 1,
      "failed_files": 1,
      "id": "p",
      "jobs": 2,
      "name": "Spring",
      "partial": 0,
      "stopped": 0,
      "succeeded": 1,
      "url": "https://web.descript.com/p",
      "usage": {
        "ai_credits": 7,
        "media_minutes": 1.5
      },
      "vanished": 0
    }
    "#);
}

#[tokio::test]
async fn the_next_batch_counts_its_own_jobs_though_the_clock_was_set_back() {
    let stage = Stage::prepare(RULE).await;
    let mut ingest = stage.start().await;
    look(&mut ingest).await;
    for (job, pause) in [("a", 5), ("b", -60), ("c", 0)] {
        stage.run(job, "p");
        look(&mut ingest).await;
        stage.pass(pause);
        stage.finish(job, success());
        look(&mut ingest).await;
    }

    assert_eq!(batches(&stage).await, [[1, 1, 0, 0]; 3]);
}

#[tokio::test]
async fn an_end_whose_process_died_before_the_decision_is_decided_by_the_next_one() {
    let stage = Stage::prepare(RULE).await;
    let mut ingest = stage.start().await;
    stage.run("a", "p");
    look(&mut ingest).await;
    stage.finish("a", success());
    stage.refuse(Some(EventKind::ProjectIdle)).await;
    assert!(ingest.poll().await.result.is_err());
    drop(ingest);

    stage.refuse(None).await;
    stage.pass(10 * 60);
    let in_vain = stage.made().await.len();
    let mut next = stage.start().await;
    look(&mut next).await;
    look(&mut next).await;

    assert_eq!(in_vain, 0);
    assert_eq!(batches(&stage).await, [[1, 1, 0, 0]]);
    assert!(stage.made().await[0].late);
}

#[tokio::test]
async fn what_could_not_be_written_down_is_said_at_the_next_look() {
    let stage = Stage::prepare(RULE).await;
    let mut ingest = stage.start().await;
    stage.run("a", "p");
    look(&mut ingest).await;
    stage.finish("a", success());

    stage.refuse(Some(EventKind::ProjectIdle)).await;
    assert!(ingest.poll().await.result.is_err());
    stage.refuse(None).await;
    look(&mut ingest).await;

    assert_eq!(batches(&stage).await, [[1, 1, 0, 0]]);
}

#[tokio::test]
async fn jobs_that_had_ended_before_anybody_watched_do_not_count() {
    let stage = Stage::prepare(RULE).await;
    stage.run("before", "p");
    stage.finish("before", success());
    let mut ingest = stage.start().await;
    look(&mut ingest).await;
    look(&mut ingest).await;
    let at_first = stage.made().await.len();

    stage.run("a", "p");
    look(&mut ingest).await;
    stage.pass(1);
    stage.finish("a", success());
    look(&mut ingest).await;

    assert_eq!(at_first, 0);
    assert_eq!(batches(&stage).await, [[1, 1, 0, 0]]);
}

#[tokio::test]
async fn a_job_that_vanishes_ends_the_batch_and_may_come_back_in_another() {
    let stage = Stage::prepare(RULE).await;
    let mut ingest = stage.start().await;
    stage.run("a", "p");
    look(&mut ingest).await;
    stage.world().remove("a");
    stage.pass(1);
    look(&mut ingest).await;
    let gone = batches(&stage).await;

    stage.run("a", "p");
    look(&mut ingest).await;
    stage.pass(1);
    stage.finish("a", success());
    look(&mut ingest).await;

    assert_eq!(gone, [[1, 0, 0, 1]]);
    assert_eq!(batches(&stage).await, [[1, 0, 0, 1], [1, 1, 0, 0]]);
}

#[tokio::test]
async fn a_look_at_a_part_of_the_list_is_kept_and_decides_nothing() {
    let stage = Stage::prepare(RULE).await;
    let mut ingest = stage.start().await;
    for number in 0..100 {
        stage.run(&format!("other {number:02}"), "q");
    }
    stage.pass(1);
    stage.run("a", "p");
    look(&mut ingest).await;
    stage.pass(1);
    stage.finish("a", success());

    stage.fault("500:on=list:from=2:times=1");
    assert!(ingest.poll().await.result.is_err());
    let ended = stage.store.remember("main").await.unwrap().ended.len();
    let in_part = stage.made().await.len();
    look(&mut ingest).await;

    assert_eq!((ended, in_part), (1, 0));
    assert_eq!(batches(&stage).await, [[1, 1, 0, 0]]);
}
