//! From the job list to events: the first look, changes, restarts.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::bridge::Setup;
use crate::support::program::Signal;
use crate::support::sink::Sink;

const EXAMPLE: &str = include_str!("../data/list-jobs-example.json");

#[tokio::test]
async fn a_job_that_ends_is_at_the_sink_within_a_poll_interval() {
    let sink = Sink::start().await;
    let interval = "poll_interval = \"400ms\"\nidle_interval = \"400ms\"";
    let setup = Setup::everything_to(&sink).intervals(interval);
    let (bridge, _program) = setup.start().await;

    let mut took = Vec::new();
    for round in 1..=3 {
        let job = bridge.run("agent");
        sink.wait_for(round * 2 - 1).await;
        let flipped = Instant::now();
        bridge.succeed(&job);
        let received = sink.wait_for(round * 2).await;
        took.push(received.last().unwrap().at - flipped);
    }

    // Twice the interval, because the machine may be busy with other tests.
    took.sort();
    assert!(took[1] < Duration::from_millis(800), "{took:?}");
}

#[tokio::test]
async fn over_the_published_page_an_agent_job_that_stops_succeeds_exactly_once() {
    let sink = Sink::start().await;
    let pages = tempfile::tempdir().unwrap();
    let page = pages.path().join("jobs.json");
    std::fs::write(&page, EXAMPLE).unwrap();
    let setup = Setup::everything_to(&sink).emulator(|options| {
        options.jobs_file = Some(page.clone());
    });
    let (bridge, program) = setup.start().await;
    assert_eq!(bridge.deliveries().await, Vec::<Value>::new());

    replace(&page, &agent_job_stopped());
    sink.wait_for(1).await;
    bridge.looked().await;
    program.signal(Signal::Term).await;
    program.end(Duration::from_secs(20)).await;
    let _again = bridge.start().await;
    bridge.looked().await;

    assert_eq!(bridge.deliveries().await.len(), 1);
    let told = sink.bodies();
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["type"], "job.succeeded");
    assert_eq!(told[0]["event"]["from"], "running");
    assert_eq!(told[0]["event"]["late"], false);
    assert_eq!(told[0]["job"]["job_id"], "a1b2c3d4-5678-90ab-cdef-1234567890ab");
}

#[tokio::test]
async fn the_first_look_is_silent_and_a_change_of_what_it_saw_is_told() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;
    let ended = bridge.run("agent");
    bridge.succeed(&ended);
    let running = bridge.run("publish");
    bridge.queue("agent");

    let _program = bridge.start().await;
    assert_eq!(bridge.deliveries().await, Vec::<Value>::new());
    bridge.succeed(&running);
    let told = sink.wait_for(1).await[0].json();
    bridge.looked().await;

    assert_eq!(sink.count(), 1);
    assert_eq!(told["event"]["kind"], "succeeded");
    assert_eq!(told["job"]["job_id"], json!(running));
    assert_eq!(told["event"]["late"], false);
}

#[tokio::test]
async fn a_first_run_that_notifies_announces_what_is_there() {
    let sink = Sink::start().await;
    let setup = Setup::everything_to(&sink).source("first_run = \"notify\"");
    let bridge = setup.prepare().await;
    let ended = bridge.run("agent");
    bridge.succeed(&ended);
    bridge.run("publish");
    bridge.queue("agent");

    let _program = bridge.start().await;
    sink.wait_for(3).await;
    bridge.looked().await;

    let mut kinds = sink.kinds();
    kinds.sort();
    assert_eq!(kinds, ["queued", "started", "succeeded"]);
    assert!(sink.bodies().iter().all(|told| told["event"]["from"].is_null()));
}

#[tokio::test]
async fn what_ended_while_the_program_was_down_is_told_once_and_marked_late() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;
    let watched = bridge.run("publish");
    sink.wait_for(1).await;
    program.signal(Signal::Term).await;
    program.end(Duration::from_secs(20)).await;

    bridge.succeed(&watched);
    let unseen = bridge.run("agent");
    bridge.world.finish(&unseen, json!({"status": "error", "error_message": "no"}));
    let program = bridge.start().await;
    sink.wait_for(3).await;
    bridge.looked().await;
    program.signal(Signal::Term).await;
    program.end(Duration::from_secs(20)).await;
    let _again = bridge.start().await;
    bridge.looked().await;

    let told = sink.bodies();
    assert_eq!(told.len(), 3, "{told:#?}");
    let about = |job: &str| told[1..].iter().find(|told| told["job"]["job_id"] == job).unwrap();
    let of = |told: &Value| {
        let event = &told["event"];
        [event["kind"].clone(), event["from"].clone(), event["late"].clone()]
    };
    assert_eq!(of(about(&watched)), [json!("succeeded"), json!("running"), json!(true)]);
    assert_eq!(of(about(&unseen)), [json!("failed"), json!(null), json!(true)]);
    assert_eq!(of(&told[0]), [json!("started"), json!(null), json!(false)]);
}

#[tokio::test]
async fn the_name_of_a_jobs_project_is_asked_for_once() {
    let sink = Sink::start().await;
    let (bridge, _program) = Setup::everything_to(&sink).start().await;
    bridge.world.project("p-1", "Spring launch");

    let job = bridge.world.put_job(json!({"project_id": "p-1", "job_state": "running"}));
    sink.wait_for(1).await;
    bridge.succeed(&job);
    let told = sink.wait_for(2).await;

    assert!(told.iter().all(|told| told.json()["job"]["project_name"] == "Spring launch"));
    let asked = bridge.world.requests();
    assert_eq!(asked.iter().filter(|request| request.path == "/v1/projects/p-1").count(), 1);
}

#[tokio::test]
async fn a_poll_that_finds_nothing_new_is_one_request() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;
    for _ in 0..20 {
        let ended = bridge.run("agent");
        bridge.succeed(&ended);
    }
    bridge.run("publish");
    let _program = bridge.start().await;

    bridge.world.forget_requests();
    for _ in 0..3 {
        bridge.looked().await;
    }

    let requests = bridge.world.requests();
    assert_eq!(requests.len(), bridge.walks(), "{requests:#?}");
    assert!(requests.iter().all(|request| {
        request.query.as_deref().is_some_and(|query| query.contains("created_after="))
    }));
}

/// The published page with its running job ended.
fn agent_job_stopped() -> String {
    let mut page: Value = serde_json::from_str(EXAMPLE).unwrap();
    let job = page["data"][1].as_object_mut().unwrap();
    job.remove("progress");
    job.insert("job_state".into(), json!("stopped"));
    job.insert("stopped_at".into(), json!("2025-11-18T11:04:00Z"));
    let result = json!({"status": "success", "agent_response": "Done.", "project_changed": true,
        "media_seconds_used": 0, "ai_credits_used": 5});
    job.insert("result".into(), result);
    page.to_string()
}

/// Puts a file in the place of another at once.
fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    std::fs::write(&beside, text).unwrap();
    std::fs::rename(beside, path).unwrap();
}
