//! An API that misbehaves: it is logged, polling goes on, nothing is lost.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::bridge::Setup;
use crate::support::eventually;
use crate::support::sink::Sink;

#[tokio::test]
async fn an_answer_that_is_no_list_is_logged_and_the_next_one_is_read() {
    let faults = [
        "429:on=list:retry-after=1s",
        "500:on=list",
        "html:on=list",
        "html=200:on=list",
        "cut:on=list",
        "not-json:on=list",
        "not-object:on=list",
        // With any number of jobs on a page.
        "huge=20:on=list:times=7",
    ];

    let mut stages = JoinSet::new();
    for fault in faults {
        stages.spawn(a_job_ends_during(fault));
    }

    // A stage that fails makes the test fail in its own words.
    while let Some(stage) = stages.join_next().await {
        if let Err(failed) = stage {
            std::panic::resume_unwind(failed.into_panic());
        }
    }
}

async fn a_job_ends_during(fault: &str) {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;
    let job = bridge.run("agent");
    sink.wait_for(1).await;

    bridge.fault(fault);
    program.wait_for_stderr("Polling main failed").await;
    bridge.succeed(&job);
    sink.wait_for(2).await;
    bridge.looked().await;

    assert_eq!(sink.kinds(), ["started", "succeeded"], "{fault}");
    assert_eq!(sink.bodies()[1]["event"]["late"], false, "{fault}");
}

#[tokio::test]
async fn a_wait_that_the_api_names_is_kept() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    bridge.fault("429:on=list:retry-after=2s");
    program.wait_for_stderr("Polling main failed").await;
    let refused = bridge.world.requests().len();
    bridge.looked().await;

    let requests = bridge.world.requests();
    let wait = requests[refused].at.duration_since(requests[refused - 1].at);
    assert!(wait.as_secs() >= 2, "{wait}");
}

#[tokio::test]
async fn an_odd_element_is_skipped_and_the_jobs_around_it_are_read() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    bridge.fault("odd-element:on=list");
    bridge.world.put_job(json!(["no", "job"]));
    bridge.world.put_job(json!({"job_id": "", "job_state": "running"}));
    let job = bridge.run("agent");
    sink.wait_for(1).await;
    bridge.succeed(&job);
    sink.wait_for(2).await;
    bridge.looked().await;

    assert_eq!(sink.kinds(), ["started", "succeeded"]);
    assert!(program.stderr().contains("Skipped an odd element"), "{}", program.stderr());
}

#[tokio::test]
async fn pages_that_shift_and_an_endless_cursor_lose_no_job() {
    let sink = Sink::start().await;
    let setup = Setup::everything_to(&sink).source("first_run = \"notify\"");
    let bridge = setup.prepare().await;
    let mut jobs: Vec<String> = (0..250).map(|_| bridge.run("agent")).collect();
    jobs.iter().for_each(|job| bridge.succeed(job));
    bridge.fault("repeat-cursor:on=list:times=3");
    bridge.fault("shift=3:on=list:from=4:times=6");

    let _program = bridge.start().await;
    let told = sink.wait_for(250).await;

    let mut seen: Vec<String> = told.iter().map(|told| told.job_id()).collect();
    seen.sort();
    jobs.sort();
    assert_eq!(seen, jobs);
}

#[tokio::test]
async fn a_refused_token_is_said_and_what_is_owed_still_leaves() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;
    sink.script([crate::support::sink::Answer::status(503)]);

    bridge.run("agent");
    sink.wait_for(1).await;
    bridge.fault("401:on=list:times=always");
    program.wait_for_stderr("Polling main failed").await;
    let told = sink.wait_for(2).await;

    assert_eq!(told[0].header("webhook-id"), told[1].header("webhook-id"));
    assert!(program.stderr().contains("401"), "{}", program.stderr());
}

#[tokio::test]
async fn a_name_that_cannot_be_had_holds_no_message_back() {
    let sink = Sink::start().await;
    let (bridge, _program) = Setup::everything_to(&sink).start().await;
    bridge.world.project("p-1", "Spring launch");

    bridge.fault("500:on=project:times=always");
    bridge.world.put_job(json!({"project_id": "p-1", "job_state": "running"}));
    let told = sink.wait_for(1).await[0].json();

    assert_eq!(told["job"]["project_name"], Value::Null);
    assert_eq!(told["job"]["project_id"], "p-1");
}

#[tokio::test]
async fn a_slow_api_does_not_delay_what_is_owed() {
    let sink = Sink::start().await;
    let (bridge, _program) = Setup::everything_to(&sink).start().await;
    sink.script([crate::support::sink::Answer::status(503)]);

    bridge.run("agent");
    let first = sink.wait_for(1).await[0].at;
    bridge.fault("wait=30s:on=list");
    let walks = bridge.walks();
    eventually("look that hangs", || (bridge.walks() > walks).then_some(())).await;
    let second = sink.wait_for(2).await[1].at;

    assert!(second - first < Duration::from_secs(20));
}
