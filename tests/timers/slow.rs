//! `overdue` and `stalled`: said once for each job, rule and number, across restarts.

use descript_notify::model::{Event, EventKind};
use jiff::SignedDuration;
use serde_json::json;

use crate::{Stage, look};

const OVERDUE: &str = r#"
[[rules]]
name = "slow"
on = ["overdue"]
notify = ["screen"]
after = "30m"
repeat = "1h"
repeat_max = 2
"#;

const STALLED: &str = r#"
[[rules]]
name = "stuck"
on = ["stalled"]
notify = ["screen"]
after = "10m"
"#;

const USUAL: &str = r#"
[[rules]]
name = "slower"
on = ["overdue"]
notify = ["screen"]
after = "usual"
"#;

/// Which saying about which job, and after how many minutes.
fn told(events: &[Event]) -> Vec<(&str, u32, i64)> {
    let told = |event: &Event| event.timer.map(|timer| (timer.number, timer.waited.as_mins()));
    events
        .iter()
        .filter_map(|event| {
            told(event).map(|(number, waited)| (event.key.subject.as_str(), number, waited))
        })
        .collect()
}

#[tokio::test]
async fn a_job_that_takes_long_is_said_once_and_again_as_often_as_the_rule_wants() {
    let stage = Stage::prepare(OVERDUE).await;
    let mut ingest = stage.start().await;
    stage.run("a", "p");
    look(&mut ingest).await;
    stage.pass(29);
    look(&mut ingest).await;
    let early = stage.made().await.len();

    for minutes in [1, 0, 59, 1, 60, 600] {
        stage.pass(minutes);
        look(&mut ingest).await;
    }

    assert_eq!(early, 0);
    let made = stage.made().await;
    assert_eq!(told(&made), [("a", 0, 30), ("a", 1, 90), ("a", 2, 150)]);
    assert_eq!(stage.owed().await, 3);
    let event = made[0].document(None, false)["event"].clone();
    assert_eq!(
        (&event["from"], &event["to"], &event["after_seconds"], &event["late"]),
        (&json!("running"), &json!("running"), &json!(1_800), &json!(false))
    );
}

#[tokio::test]
async fn a_start_says_nothing_twice_and_what_fell_due_meanwhile_once() {
    let stage = Stage::prepare(OVERDUE).await;
    let mut ingest = stage.start().await;
    stage.run("a", "p");
    look(&mut ingest).await;
    stage.pass(30);
    look(&mut ingest).await;

    let mut again = stage.start().await;
    look(&mut again).await;
    let after_a_start = stage.made().await.len();
    stage.pass(180);
    let mut late = stage.start().await;
    look(&mut late).await;
    look(&mut late).await;

    assert_eq!(after_a_start, 1);
    let made = stage.made().await;
    assert_eq!(told(&made), [("a", 0, 30), ("a", 2, 210)]);
    assert_eq!(made.iter().map(|event| event.late).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn a_rule_that_does_not_match_says_nothing_until_it_does() {
    let stage = Stage::prepare(&format!(
        "{OVERDUE}[rules.match]\n\"job.progress.label\" = \"Publishing\"\n"
    ))
    .await;
    let mut ingest = stage.start().await;
    stage.run("a", "p");
    look(&mut ingest).await;
    stage.pass(40);
    look(&mut ingest).await;
    let before = stage.made().await.len();

    stage.world().set_progress("a", json!({"label": "Publishing"}));
    stage.pass(5);
    look(&mut ingest).await;
    look(&mut ingest).await;

    assert_eq!(before, 0);
    assert_eq!(told(&stage.made().await), [("a", 0, 45)]);
}

#[tokio::test]
async fn each_rule_has_its_own_time_and_only_it_is_asked() {
    let two = OVERDUE.replace("slow", "slower").replace("30m", "45m");
    let stage = Stage::prepare(&format!("{OVERDUE}{two}")).await;
    let mut ingest = stage.start().await;
    stage.run("a", "p");
    look(&mut ingest).await;

    stage.pass(50);
    look(&mut ingest).await;

    let made = stage.made().await;
    assert_eq!(made.iter().filter_map(Event::made_by).collect::<Vec<_>>(), ["slow", "slower"]);
    assert_eq!(stage.owed().await, 2);
}

#[tokio::test]
async fn a_job_that_ends_or_waits_in_the_queue_is_not_stuck_and_a_moving_one_begins_anew() {
    let stage = Stage::prepare(STALLED).await;
    let mut ingest = stage.start().await;
    stage.run("a", "p");
    stage.run("ends", "p");
    stage.world().put_job(json!({"job_id": "waits"}));
    look(&mut ingest).await;
    for percent in [1, 2] {
        stage.pass(9);
        stage.world().set_progress("a", json!({"percent": percent}));
        stage.world().set_progress("ends", json!({"percent": percent}));
        look(&mut ingest).await;
    }
    stage.finish("ends", json!({"status": "success"}));
    stage.pass(9);
    look(&mut ingest).await;
    let moving = stage.made().await.len();

    stage.pass(1);
    look(&mut ingest).await;
    stage.pass(30);
    look(&mut ingest).await;
    stage.world().set_progress("a", json!({"percent": 3}));
    look(&mut ingest).await;
    stage.pass(9);
    look(&mut ingest).await;
    let once = stage.made().await.len();
    stage.pass(1);
    look(&mut ingest).await;

    assert_eq!((moving, once), (0, 1));
    assert_eq!(told(&stage.made().await), [("a", 0, 10), ("a", 0, 10)]);
}

#[tokio::test]
async fn what_is_usual_is_known_from_twenty_runs_of_the_type_on() {
    let stage = Stage::prepare(USUAL).await;
    let run = |id: String, job_type: &str, minutes: i64| {
        let stopped = stage.clock.now();
        let created = stopped - SignedDuration::from_mins(minutes);
        stage.world().put_job(json!({"job_id": id, "job_type": job_type,
            "job_state": "stopped", "created_at": created.to_string(),
            "stopped_at": stopped.to_string(), "result": {"status": "success"}}));
    };
    for number in 0..19 {
        run(format!("publish {number}"), "publish", 10);
        run(format!("import {number}"), "import/project_media", 10);
    }
    for job_type in ["publish", "import/project_media"] {
        stage.world().put_job(json!({"job_id": format!("slow {job_type}"),
            "job_type": job_type, "job_state": "running"}));
    }
    let mut ingest = stage.start().await;
    look(&mut ingest).await;
    stage.pass(30);
    look(&mut ingest).await;
    let of_nineteen = stage.made().await.len();

    // The 95th of 100: one that took far longer changes nothing.
    run("publish 19".into(), "publish", 29);
    look(&mut ingest).await;

    assert_eq!(of_nineteen, 0);
    let made = stage.made().await;
    assert_eq!(told(&made), [("slow publish", 0, 30)]);
    assert_eq!(made[0].timer.unwrap().after.as_mins(), 10);
}

#[tokio::test]
async fn only_a_look_at_the_whole_list_decides() {
    let stage = Stage::prepare(OVERDUE).await;
    let mut ingest = stage.start().await;
    stage.run("a", "p");
    look(&mut ingest).await;
    stage.pass(30);

    stage.fault("500:on=list");
    assert!(ingest.poll().await.result.is_err());
    let in_vain = stage.made().await.len();
    look(&mut ingest).await;

    assert_eq!(in_vain, 0);
    assert_eq!(told(&stage.made().await), [("a", 0, 30)]);
}

#[tokio::test]
async fn what_could_not_be_written_down_is_said_at_the_next_look() {
    let stage = Stage::prepare(OVERDUE).await;
    let mut ingest = stage.start().await;
    stage.run("a", "p");
    look(&mut ingest).await;
    stage.pass(30);

    stage.refuse(Some(EventKind::Overdue)).await;
    assert!(ingest.poll().await.result.is_err());
    stage.refuse(None).await;
    let in_vain = stage.made().await.len();
    look(&mut ingest).await;

    assert_eq!(in_vain, 0);
    assert_eq!(told(&stage.made().await), [("a", 0, 30)]);
    assert_eq!(stage.owed().await, 1);
}
