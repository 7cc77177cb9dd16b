//! A notifier or a source that refuses us: told once through the others, and told when over.

use serde_json::{Value, json};

use crate::support::bridge::{Bridge, Setup, rule, webhook};
use crate::support::program::{Program, Signal};
use crate::support::sink::{Answer, Sink};
use crate::support::{PATIENCE, eventually};

#[tokio::test]
async fn a_broken_notifier_is_told_of_once_through_the_other_and_again_when_it_is_well() {
    let (crew, ops) = (Sink::start().await, Sink::start().await);
    let (bridge, _program) = watched(&crew, &ops).await;

    crew.always(Answer::status(410).body("gone"));
    bridge.run("agent");
    let down = ops.wait_for(1).await[0].json();
    bridge.run("publish");
    bridge.looked().await;
    let held = bridge.cli(&["deliveries", "list", "--state", "held", "--json"]).await.json();
    crew.always(Answer::ok());
    let id = held["deliveries"][0]["id"].as_str().unwrap();
    bridge.cli(&["deliveries", "retry", id]).await.succeeded();
    let told = ops.wait_for(2).await;
    crew.wait_until("message about each job", |all| {
        let types = all.iter().map(|told| told.json()["job"]["job_type"].clone());
        types.filter(|job_type| job_type == "publish").count() == 1
    })
    .await;
    bridge.looked().await;

    assert_eq!(down["type"], "notifier.down");
    assert_eq!(down["job"], Value::Null);
    assert!(down.to_string().contains("crew"), "{down:#}");
    assert_eq!(told[1].json()["type"], "notifier.up");
    assert_eq!(held["deliveries"].as_array().unwrap().len(), 2);
    assert_eq!(ops.count(), 2);
    let about_health = |told: &Value| told["type"].as_str().unwrap().starts_with("notifier");
    assert!(!crew.bodies().iter().any(about_health));
}

#[tokio::test]
async fn a_notifier_that_is_held_stays_held_over_a_restart() {
    let (crew, ops) = (Sink::start().await, Sink::start().await);
    let (bridge, program) = watched(&crew, &ops).await;
    crew.always(Answer::status(404));
    bridge.run("agent");
    ops.wait_for(1).await;
    let refused = crew.count();

    program.signal(Signal::Term).await;
    program.end(PATIENCE).await;
    let _again = bridge.start().await;
    bridge.run("publish");
    bridge.looked().await;

    assert_eq!([crew.count(), ops.count()], [refused, 1]);
    let states: Vec<Value> = bridge
        .deliveries()
        .await
        .iter()
        .filter(|row| row["notifier"] == "crew")
        .map(|row| row["state"].clone())
        .collect();
    assert_eq!(states, [json!("held"), json!("held")]);
}

#[tokio::test]
async fn a_source_that_refuses_the_token_is_told_of_at_once_and_again_when_it_is_well() {
    let (crew, ops) = (Sink::start().await, Sink::start().await);
    let (bridge, program) = watched(&crew, &ops).await;

    bridge.fault("401:on=list:times=always");
    let down = ops.wait_for(1).await[0].json();
    program.signal(Signal::Term).await;
    program.end(PATIENCE).await;
    // The next poll would be minutes away, but a start looks at once.
    let program = bridge.spawn();
    program.wait_for_stderr("Polling main failed").await;
    program.signal(Signal::Term).await;
    program.end(PATIENCE).await;
    bridge.world.clear_faults();
    let _program = bridge.start().await;
    let told = ops.wait_for(2).await;
    bridge.looked().await;

    assert_eq!(down["type"], "source.down");
    assert_eq!([&down["event"]["source"], &down["job"]], [&json!("main"), &Value::Null]);
    assert_eq!(told[1].json()["type"], "source.up");
    assert_eq!([ops.count(), crew.count()], [2, 0]);
}

#[tokio::test]
async fn a_retry_asks_a_held_notifier_whether_the_service_runs_or_not() {
    let (crew, ops) = (Sink::start().await, Sink::start().await);
    let (bridge, program) = watched(&crew, &ops).await;
    crew.always(Answer::status(404));
    bridge.run("agent");
    ops.wait_for(1).await;
    program.signal(Signal::Term).await;
    program.end(PATIENCE).await;

    crew.always(Answer::ok());
    let held = bridge.cli(&["deliveries", "list", "--state", "held", "--json"]).await.json();
    let id = held["deliveries"][0]["id"].as_str().unwrap();
    bridge.cli(&["deliveries", "retry", id]).await.succeeded();
    let _again = bridge.start().await;
    let taken = || crew.bodies().iter().any(|told| told["event"]["kind"] == "started");

    eventually("message after the retry", || (crew.count() == 2 && taken()).then_some(())).await;
}

/// Job events to `crew`, news about notifiers and sources to `ops` and `crew`.
async fn watched(crew: &Sink, ops: &Sink) -> (Bridge, Program) {
    let health = ["notifier_down", "notifier_up", "source_down", "source_up"];
    let config = [
        webhook("crew", crew),
        webhook("ops", ops),
        rule("jobs", &["any"], &["crew"]),
        rule("health", &health[..2], &["ops", "crew"]),
        rule("sources", &health[2..], &["ops"]),
    ];
    Setup::new(config.concat()).start().await
}
