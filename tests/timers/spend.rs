//! `spend_crossed`: once in a period, whichever source's job has reached the limit.

use descript_notify::pipeline::Current;
use serde_json::{Value, json};

use crate::{Stage, look};

const RULE: &str = r#"
[[rules]]
name = "budget"
on = ["spend_crossed"]
notify = ["screen"]
spend = { credits = 100, per = "day" }
"#;

fn used(credits: u64) -> Value {
    json!({"status": "success", "ai_credits_used": credits})
}

/// Of each crossing the period's beginning, and what was used.
async fn crossed(stage: &Stage) -> Vec<(String, u64)> {
    let made = stage.made().await;
    made.iter()
        .map(|event| {
            let from = event.facts["from"].as_str().unwrap().to_owned();
            (from, event.facts["used"].as_u64().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_limit_is_crossed_once_in_a_period_and_again_in_the_next() {
    let stage = Stage::prepare(RULE).await;
    let mut ingest = stage.start().await;
    look(&mut ingest).await;
    let mut counts = Vec::new();
    for (place, (credits, hours)) in
        [(60, 1), (50, 1), (90, 20), (40, 1), (60, 1)].iter().enumerate()
    {
        let job = format!("job {place}");
        stage.run(&job, "p");
        look(&mut ingest).await;
        stage.pass(hours * 60);
        stage.finish(&job, used(*credits));
        look(&mut ingest).await;
        counts.push(stage.made().await.len());
    }
    let mut again = stage.start().await;
    look(&mut again).await;

    // The third job ended on the next day.
    assert_eq!(counts, [0, 1, 1, 2, 2]);
    assert_eq!(
        crossed(&stage).await,
        [("2026-11-20T00:00:00Z".to_owned(), 110), ("2026-11-21T00:00:00Z".to_owned(), 130)]
    );
    assert_eq!(stage.owed().await, 2);
}

#[tokio::test]
async fn all_sources_count_together() {
    let stage = Stage::prepare(RULE).await;
    let mut main = stage.start().await;
    let mut other = stage.start_source(1).await;
    look(&mut main).await;
    look(&mut other).await;

    stage.run("here", "p");
    stage.finish("here", used(60));
    let there = stage.other.handle();
    there.put_job(json!({"job_id": "there", "job_state": "stopped", "result": used(60)}));
    look(&mut main).await;
    let one = stage.made().await.len();
    look(&mut other).await;
    look(&mut main).await;

    assert_eq!(one, 0);
    assert_eq!(crossed(&stage).await, [("2026-11-20T00:00:00Z".to_owned(), 120)]);
}

#[tokio::test]
async fn an_end_just_before_midnight_that_is_seen_after_it_counts_for_its_own_day() {
    let stage = Stage::prepare(RULE).await;
    let mut ingest = stage.start().await;
    stage.run("a", "p");
    look(&mut ingest).await;
    stage.set("2026-11-20T23:59:50Z");
    stage.finish("a", used(100));

    stage.set("2026-11-21T00:00:05Z");
    look(&mut ingest).await;
    look(&mut ingest).await;

    assert_eq!(crossed(&stage).await, [("2026-11-20T00:00:00Z".to_owned(), 100)]);
}

#[tokio::test]
async fn what_was_used_before_anybody_watched_is_told_for_the_running_period_alone() {
    let stage = Stage::prepare(RULE).await;
    stage.run("yesterday", "p");
    stage.finish("yesterday", used(500));
    stage.set("2026-11-21T00:10:00Z");
    stage.run("today", "p");
    stage.finish("today", used(100));

    let mut ingest = stage.start().await;
    look(&mut ingest).await;

    assert_eq!(crossed(&stage).await, [("2026-11-21T00:00:00Z".to_owned(), 100)]);
}

#[tokio::test]
async fn an_amount_that_a_reload_lowers_is_reached_at_the_next_look() {
    let stage = Stage::prepare(RULE).await;
    let policy = Current::new(stage.policy(RULE));
    let mut ingest = stage.start_with(0, &policy).await;
    stage.run("a", "p");
    look(&mut ingest).await;
    stage.finish("a", used(60));
    look(&mut ingest).await;
    let before = stage.made().await.len();

    policy.replace(stage.policy(&RULE.replace("credits = 100", "credits = 50")));
    look(&mut ingest).await;
    look(&mut ingest).await;

    assert_eq!(before, 0);
    assert_eq!(crossed(&stage).await, [("2026-11-20T00:00:00Z".to_owned(), 60)]);
}
