//! Alive, ready, and in numbers.

use std::collections::BTreeMap;
use std::net::TcpListener;

use prometheus_parse::{Scrape, Value as Sample};
use serde_json::{Value, json};

use super::{Stage, with_one_dead_delivery};
use crate::support::PATIENCE;
use crate::support::bridge::Setup;
use crate::support::program::Signal;
use crate::support::sink::Sink;

#[tokio::test]
async fn a_service_is_ready_when_it_has_polled_and_not_when_the_token_is_refused() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let ready = stage.json("/readyz").await;

    stage.bridge.fault("401:on=list:times=always");
    stage.program.wait_for_stderr("Polling main failed").await;
    let refused = loop {
        let answer = stage.get("/readyz").await;
        if answer.status() == 503 {
            break answer.json::<Value>().await.unwrap();
        }
    };

    assert_eq!(ready["ready"], true);
    assert_eq!(ready["sources"][0]["name"], "main");
    assert_eq!(refused["ready"], false);
    assert_eq!(refused["store"]["ready"], true);
    assert_eq!(refused["sources"][0]["reason"], "polling fails");
    assert_eq!(stage.get("/healthz").await.text().await.unwrap(), "ok\n");
}

#[tokio::test]
async fn before_the_first_poll_has_ended_the_service_lives_and_is_not_ready() {
    let sink = Sink::start().await;
    let setup = Setup::everything_to(&sink).service("listen = \"127.0.0.1:0\"");
    let bridge = setup.prepare().await;
    bridge.fault("503:on=list:times=always");
    let program = bridge.spawn();
    program.wait_for_stderr("Polling main failed").await;
    let address = super::address_of(&program).unwrap();
    descript_notify::deliver::http::install_crypto();
    let get = async |path: &str| reqwest::get(format!("http://{address}{path}")).await.unwrap();

    assert_eq!(get("/healthz").await.status(), 200);
    let ready = get("/readyz").await;

    assert_eq!(ready.status(), 503);
    let document: Value = ready.json().await.unwrap();
    assert_eq!(document["sources"][0]["reason"], "no poll has ended yet");
}

#[tokio::test]
async fn metrics_are_what_a_parser_understands_and_count_what_happened() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    stage.post(&format!("/api/v1/deliveries/{id}/retry")).await;
    stage.program.wait_for_stderr("Sent to hook").await;
    stage.bridge.run("agent");
    // The API may send any word; a label is one of few.
    stage.bridge.world.put_job(json!({"job_state": "made\"} 1\nup"}));
    sink.wait_for(4).await;
    stage.bridge.looked().await;

    let answer = stage.get("/metrics").await;
    let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
    let text = answer.text().await.unwrap();

    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let types = families(&text);
    let expected = [
        ("polls_total", "counter"),
        ("poll_seconds", "histogram"),
        ("jobs", "gauge"),
        ("events_total", "counter"),
        ("deliveries_total", "counter"),
        ("delivery_seconds", "histogram"),
        ("outbox", "gauge"),
        ("last_poll_success_timestamp_seconds", "gauge"),
    ];
    let expected = expected.map(|(name, kind)| (format!("descript_notify_{name}"), kind.into()));
    assert_eq!(types, BTreeMap::from(expected));
    let scrape = Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap();
    let value = |name: &str, labels: &[(&str, &str)]| {
        let name = format!("descript_notify_{name}");
        let fits = |sample: &&prometheus_parse::Sample| {
            sample.metric == name
                && sample.labels.len() == labels.len()
                && labels.iter().all(|(key, value)| sample.labels.get(key) == Some(value))
        };
        match scrape.samples.iter().find(fits).unwrap_or_else(|| panic!("{name}\n{text}")).value {
            Sample::Counter(value) | Sample::Gauge(value) | Sample::Untyped(value) => value,
            ref other => panic!("{name}: {other:?}"),
        }
    };
    assert!(value("polls_total", &[("source", "main"), ("outcome", "ok")]) >= 2.0);
    assert_eq!(value("polls_total", &[("source", "main"), ("outcome", "failed")]), 0.0);
    assert_eq!(value("jobs", &[("source", "main"), ("state", "stopped")]), 1.0);
    assert_eq!(value("jobs", &[("source", "main"), ("state", "running")]), 1.0);
    assert_eq!(value("jobs", &[("source", "main"), ("state", "other")]), 1.0);
    assert_eq!(value("events_total", &[("source", "main"), ("kind", "failed")]), 1.0);
    let outcome =
        |outcome: &str| value("deliveries_total", &[("notifier", "hook"), ("outcome", outcome)]);
    assert_eq!(["sent", "retried", "dead", "suppressed"].map(outcome), [3.0, 0.0, 1.0, 0.0]);
    assert_eq!(value("outbox", &[("notifier", "hook"), ("state", "dead")]), 0.0);
    let age = jiff_now() - value("last_poll_success_timestamp_seconds", &[("source", "main")]);
    assert!((-1.0..60.0).contains(&age), "{age}");
    for (name, least) in [("poll_seconds", 2.0), ("delivery_seconds", 2.0)] {
        histogram_adds_up(&text, name, least);
    }
}

#[tokio::test]
async fn an_address_in_use_is_said_and_ends_the_program() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let sink = Sink::start().await;
    let setup = Setup::everything_to(&sink).service(&format!("listen = \"{address}\""));
    let bridge = setup.prepare().await;

    let ended = bridge.cli(&["run"]).await;

    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stderr.contains(&format!("nothing can listen on {address}")), "{ended:#?}");
    assert!(bridge.world.requests().is_empty());
    bridge.cli(&["run", "--once"]).await.succeeded();
}

#[tokio::test]
async fn check_tells_of_an_address_that_others_reach_without_a_token() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).service("listen = \"0.0.0.0:8750\"").prepare().await;

    let checked = bridge.cli(&["check"]).await;

    assert_eq!(checked.code, Some(2), "{checked:#?}");
    assert!(checked.stderr.contains("needs a token"), "{}", checked.stderr);
}

#[tokio::test]
async fn a_stop_ends_idle_connections_and_streams_within_a_second_or_so() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let _idle = tokio::net::TcpStream::connect(&stage.address).await.unwrap();
    let mut stream = stage.get("/api/v1/stream").await;
    stream.chunk().await.unwrap().unwrap();

    let begun = std::time::Instant::now();
    stage.program.signal(Signal::Term).await;
    let ended = stage.program.end(PATIENCE).await;

    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(begun.elapsed().as_secs() < 5, "{:?}", begun.elapsed());
    while let Ok(Some(_)) = stream.chunk().await {}
}

#[expect(clippy::disallowed_methods, reason = "the program tells the system's time")]
fn jiff_now() -> f64 {
    jiff::Timestamp::now().as_millisecond() as f64 / 1_000.0
}

/// The families with their types; each has its help before it.
fn families(text: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some((name, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' '))
        else {
            continue;
        };
        assert!(lines[at - 1].starts_with(&format!("# HELP {name} ")), "{line}");
        assert_eq!(found.insert(name.to_owned(), kind.to_owned()), None, "{name} twice");
    }
    found
}

/// Buckets only grow, the last one is the count, and the sum is there.
fn histogram_adds_up(text: &str, name: &str, least: f64) {
    let numbers = |suffix: &str| -> Vec<f64> {
        let start = format!("descript_notify_{name}_{suffix}");
        let lines = text.lines().filter(|line| line.starts_with(&start));
        lines.map(|line| line.rsplit(' ').next().unwrap().parse().unwrap()).collect()
    };
    let buckets = numbers("bucket");
    let count = numbers("count");
    assert!(buckets.is_sorted(), "{buckets:?}");
    assert_eq!(buckets.last(), count.first());
    assert!(count[0] >= least, "{name}: {count:?}");
    assert!(text.contains(&format!("descript_notify_{name}_bucket{{le=\"+Inf\"}}")));
    assert!(numbers("sum")[0] > 0.0);
}
