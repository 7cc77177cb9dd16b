//! Callbacks: a hint that makes a message arrive at once, and never a message of their own.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::Stage;
use crate::support::bridge::Setup;
use crate::support::eventually;
use crate::support::program::Signal;
use crate::support::sink::Sink;

const KEY: &str = "callback-key-0123456789";

/// Callbacks are all that moves: the next poll is far away.
const RARELY: &str = "poll_interval = \"1h\"\nidle_interval = \"1h\"";

fn setup(sink: &Sink) -> Setup {
    Setup::everything_to(sink).source("callback_key = { env = \"KEY\" }").var("KEY", KEY)
}

/// Polls once, and then rests.
async fn resting(setup: Setup) -> Stage {
    let bridge = setup.intervals(RARELY).service("listen = \"127.0.0.1:0\"").prepare().await;
    let program = bridge.spawn();
    program.wait_for_stderr("The first complete look at main is done").await;
    let address = super::address_of(&program).unwrap();
    descript_notify::deliver::http::install_crypto();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    Stage { bridge, program, address, http }
}

async fn call(stage: &Stage, body: &Value) -> u16 {
    let path = format!("/callback/main?key={KEY}");
    let request = stage.request(Method::POST, &path).body(body.to_string());
    request.send().await.unwrap().status().as_u16()
}

/// How many times a job was read by its id.
fn reads(stage: &Stage, id: &str) -> usize {
    let path = format!("/v1/jobs/{id}");
    stage.bridge.world.requests().iter().filter(|request| request.path == path).count()
}

/// How many times any job was read by its id.
fn all_reads(stage: &Stage) -> usize {
    let requests = stage.bridge.world.requests();
    requests.iter().filter(|request| request.path.starts_with("/v1/jobs/")).count()
}

#[tokio::test]
#[expect(clippy::print_stdout, reason = "the figure that is asked for")]
async fn a_called_job_is_told_within_a_fraction_of_a_second() {
    let sink = Sink::start().await;
    let stage = resting(setup(&sink)).await;

    let mut took = Vec::new();
    for round in 1..=11 {
        let job = stage.bridge.run("agent");
        stage.bridge.succeed(&job);
        let called = Instant::now();
        assert_eq!(call(&stage, &json!({"job_id": job, "job_state": "stopped"})).await, 202);
        let told = sink.wait_for(round).await;
        took.push(told.last().unwrap().at - called);
        assert_eq!(told.last().unwrap().job_id(), job);
    }

    took.sort();
    println!("callback to message: median {:?}, longest {:?}", took[5], took[10]);
    // 100 ms is meant; the machine may be busy with other tests.
    assert!(took[5] < Duration::from_millis(500), "{took:?}");
}

#[tokio::test]
async fn a_reload_that_leaves_the_source_alone_leaves_its_door_open_and_asks_for_no_poll() {
    let sink = Sink::start().await;
    let stage = resting(setup(&sink)).await;
    let walks = stage.bridge.walks();

    stage.program.signal(Signal::Hup).await;
    stage.program.wait_for_stderr("read again and is in force").await;
    let job = stage.bridge.run("agent");
    stage.bridge.succeed(&job);
    assert_eq!(call(&stage, &json!({"job_id": job})).await, 202);
    let told = sink.wait_for(1).await;

    assert_eq!(told[0].job_id(), job);
    assert_eq!(stage.bridge.walks(), walks);
}

#[tokio::test]
async fn a_job_is_told_once_whether_called_or_polled_first() {
    let sink = Sink::start().await;
    let stage = Stage::start(setup(&sink)).await;

    let called_first = stage.bridge.run("agent");
    stage.bridge.succeed(&called_first);
    for _ in 0..3 {
        call(&stage, &json!({"job_id": called_first})).await;
    }
    let polled_first = stage.bridge.run("publish");
    stage.bridge.succeed(&polled_first);
    sink.wait_for(2).await;
    for _ in 0..3 {
        call(&stage, &json!({"job_id": polled_first})).await;
        stage.bridge.looked().await;
    }

    let mut told: Vec<String> = sink.received().iter().map(|told| told.job_id()).collect();
    told.sort();
    let mut expected = [called_first, polled_first];
    expected.sort();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_forged_early_or_unknown_callback_changes_nothing() {
    let sink = Sink::start().await;
    let stage = resting(setup(&sink)).await;
    let running = stage.bridge.run("agent");
    let forged = json!({"job_id": running, "job_state": "stopped",
        "result": {"status": "error", "error_message": "forged"}});

    assert_eq!(call(&stage, &forged).await, 202);
    sink.wait_for(1).await;
    for unknown in ["no-such-job", "another"] {
        assert_eq!(call(&stage, &json!({"job_id": unknown})).await, 202);
    }
    let asked =
        || (reads(&stage, "no-such-job") == 1 && reads(&stage, "another") == 1).then_some(());
    eventually("read of the unknown jobs", asked).await;
    stage.bridge.succeed(&running);
    assert_eq!(call(&stage, &json!({"job_id": running})).await, 202);
    sink.wait_for(2).await;

    assert_eq!(sink.kinds(), ["started", "succeeded"]);
    assert!(!sink.received()[0].text().contains("forged"));
    let jobs = stage.json("/api/v1/jobs").await;
    assert_eq!(jobs["jobs"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_job_older_than_what_was_walked_over_is_not_news() {
    let sink = Sink::start().await;
    let bridge = setup(&sink).intervals(RARELY).service("listen = \"127.0.0.1:0\"").prepare().await;
    let old = bridge.world.put_job(json!({"job_state": "stopped",
        "created_at": "2020-01-01T00:00:00Z", "result": {"status": "success"}}));
    let program = bridge.spawn();
    program.wait_for_stderr("The first complete look at main is done").await;
    let address = super::address_of(&program).unwrap();
    descript_notify::deliver::http::install_crypto();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let stage = Stage { bridge, program, address, http };

    call(&stage, &json!({"job_id": old})).await;
    eventually("read of the old job", || (reads(&stage, &old) == 1).then_some(())).await;
    let fresh = stage.bridge.run("agent");
    call(&stage, &json!({"job_id": fresh})).await;
    sink.wait_for(1).await;

    assert_eq!(sink.received()[0].job_id(), fresh);
    assert_eq!(sink.count(), 1);
}

#[tokio::test]
async fn a_flood_costs_a_bounded_number_of_reads() {
    let sink = Sink::start().await;
    let stage = resting(setup(&sink)).await;
    let started = Instant::now();

    for round in 0..400 {
        assert_eq!(call(&stage, &json!({"job_id": format!("forged-{}", round % 200)})).await, 202);
    }
    let wrong = stage.post("/callback/main?key=wrong").await;
    let reads = all_reads(&stage);

    // A burst, and two a second.
    let most = 22 + usize::try_from(started.elapsed().as_millis() / 500).unwrap();
    assert!(reads <= most, "{reads} reads in {:?}", started.elapsed());
    assert_eq!(wrong.status(), 401);
    assert_eq!(stage.bridge.walks(), 1);
    assert_eq!(sink.count(), 0);
}

#[tokio::test]
async fn while_the_api_limits_us_callbacks_ask_nothing() {
    let sink = Sink::start().await;
    let stage = resting(setup(&sink)).await;
    stage.bridge.fault("429:retry-after=60s:on=get:times=1");

    call(&stage, &json!({"job_id": "first"})).await;
    eventually("read of the first", || (reads(&stage, "first") == 1).then_some(())).await;
    for round in 0..20 {
        call(&stage, &json!({"job_id": format!("later-{round}")})).await;
    }
    stage.program.wait_for_stderr("could not be read").await;

    assert_eq!(all_reads(&stage), 1);
}

#[tokio::test]
async fn a_wrong_key_and_a_source_without_a_door_look_alike() {
    let sink = Sink::start().await;
    let stage = Stage::start(setup(&sink)).await;
    let mut told = Vec::new();

    for path in ["/callback/main?key=wrong", "/callback/main", "/callback/other?key=wrong"] {
        let answer = stage.request(Method::POST, path).body("{}").send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
        told.push(answer.text().await.unwrap());
    }
    let other = format!("/callback/other?key={KEY}");
    told.push(stage.post(&other).await.text().await.unwrap());

    assert!(told.iter().all(|text| *text == told[0]), "{told:?}");
    assert_eq!(all_reads(&stage), 0);
    assert_eq!(stage.get(&format!("/callback/main?key={KEY}")).await.status(), 405);
}
