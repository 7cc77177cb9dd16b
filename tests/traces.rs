//! Traces for a collector that speaks OTLP over HTTP, a build feature of its own: what arrives
//! there, what is never in it, and what is said where there is none.
//!
//! `cargo test --features otlp --test traces` runs the larger half.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

use std::time::Duration;

use support::bridge::{Setup, TOKEN};
use support::program::Signal;
use support::sink::Sink;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

#[cfg(feature = "otlp")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn polls_and_deliveries_are_told_to_the_collector_without_a_secret() {
    let (sink, collector) = (Sink::start().await, Sink::start().await);
    let setup = Setup::everything_to(&sink)
        .var(ENDPOINT, &collector.url(""))
        .var("OTEL_BSP_SCHEDULE_DELAY", "100");
    let (bridge, program) = setup.start().await;

    let id = bridge.run("agent");
    bridge.looked().await;
    bridge.succeed(&id);
    sink.wait_for(2).await;
    let told = |what: &'static str| {
        move |all: &[support::sink::Received]| all.iter().any(|one| one.text().contains(what))
    };
    collector.wait_until("a span of a poll", told("poll")).await;
    let spans = collector.wait_until("a span of a delivery", told("delivery_id")).await;
    program.signal(Signal::Term).await;
    let ended = program.end(Duration::from_secs(20)).await;

    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(spans.iter().all(|span| span.path == "/v1/traces"));
    let all: String = collector.received().iter().map(support::sink::Received::text).collect();
    assert!(all.contains("descript-notify") && all.contains("hook") && all.contains("main"));
    assert!(!all.contains(TOKEN) && !all.contains(&sink.url("")), "a secret is in a trace");
}

#[cfg(feature = "otlp")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_not_there_holds_nothing_up_and_is_told_once() {
    let sink = Sink::start().await;
    // Nobody listens at port 9, which stands for a collector that is down.
    let setup = Setup::everything_to(&sink)
        .var(ENDPOINT, "http://ann:S3CR3T@127.0.0.1:9")
        .var("OTEL_BSP_SCHEDULE_DELAY", "50");
    let (bridge, program) = setup.start().await;

    bridge.run("agent");
    sink.wait_for(1).await;
    program.wait_for_stderr("Traces are dropped").await;
    for _ in 0..3 {
        bridge.looked().await;
    }
    program.signal(Signal::Term).await;
    let ended = program.end(Duration::from_secs(20)).await;

    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("Traces are dropped").count(), 1, "{}", ended.stderr);
    assert!(!ended.stderr.contains("S3CR3T"), "{}", ended.stderr);
}

#[cfg(not(feature = "otlp"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_was_built_without_traces_says_that_it_sends_none() {
    let (sink, collector) = (Sink::start().await, Sink::start().await);
    let setup = Setup::everything_to(&sink).var(ENDPOINT, &collector.url(""));
    let (bridge, program) = setup.start().await;

    bridge.run("agent");
    sink.wait_for(1).await;
    program.wait_for_stderr("built without traces").await;
    program.signal(Signal::Term).await;
    let ended = program.end(Duration::from_secs(20)).await;

    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains(TOKEN), "{}", ended.stderr);
    assert_eq!(collector.count(), 0);
}
