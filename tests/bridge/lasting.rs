//! Starts, stops, kills: nothing lost, nothing said twice without a mark.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::bridge::{Bridge, Setup, rule, webhook};
use crate::support::program::Signal;
use crate::support::sink::{Answer, Sink};

const JOBS: usize = 30;
const KILLS: usize = 12;

#[tokio::test]
async fn killed_at_any_time_it_loses_nothing_and_marks_what_it_repeats() {
    let seed = fastrand::u64(..);
    let sink = Sink::start().await;
    // Answers take a moment, so that kills meet messages in flight.
    sink.always(Answer::ok().after(Duration::from_millis(30)));
    let (bridge, program) = Setup::everything_to(&sink).start().await;
    program.kill().await;

    let (jobs, ()) = tokio::join!(a_busy_day(&bridge, seed), kills(&bridge, seed));
    let _program = bridge.start().await;
    let told = sink
        .wait_until("end of every job", |all| {
            let ended: BTreeSet<String> =
                all.iter().filter(|told| told.kind() == "succeeded").map(|t| t.job_id()).collect();
            ended.len() == jobs.len()
        })
        .await;
    bridge.looked().await;

    let mut unmarked: BTreeMap<String, usize> = BTreeMap::new();
    for told in &told {
        let id = told.header("webhook-id").unwrap().to_owned();
        *unmarked.entry(id).or_default() += usize::from(told.json()["event"]["repeat"] == false);
    }
    let doubled: Vec<_> = unmarked.iter().filter(|(_, times)| **times > 1).collect();
    assert!(doubled.is_empty(), "said twice without a mark (seed {seed}): {doubled:?}");
    let owed = bridge.deliveries().await;
    let ends = owed.iter().filter(|row| row["event"] == "succeeded").count();
    assert_eq!(ends, JOBS, "seed {seed}");
    let ids: BTreeSet<&str> = owed.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert!(unmarked.keys().all(|id| ids.contains(id.as_str())), "seed {seed}");
}

/// Thirty jobs, each queued, started and ended, over a few seconds.
async fn a_busy_day(bridge: &Bridge, seed: u64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(seed);
    let jobs: Vec<String> = (0..JOBS).map(|_| bridge.queue("agent")).collect();
    for job in &jobs {
        bridge.world.set_state(job, "running");
        tokio::time::sleep(Duration::from_millis(random.u64(0..180))).await;
        bridge.succeed(job);
        tokio::time::sleep(Duration::from_millis(random.u64(0..100))).await;
    }
    jobs
}

async fn kills(bridge: &Bridge, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed.wrapping_add(1));
    for _ in 0..KILLS {
        let program = bridge.spawn();
        tokio::time::sleep(Duration::from_millis(random.u64(20..700))).await;
        program.kill().await;
    }
}

#[tokio::test]
async fn a_message_in_flight_at_a_kill_is_sent_again_under_its_id_and_marked() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    sink.script([Answer::ok().after(Duration::from_secs(60))]);
    bridge.run("agent");
    sink.wait_for(1).await;
    program.kill().await;
    let again = bridge.start().await;
    let told = sink.wait_for(2).await;
    again.wait_for_stderr("Sent to hook").await;

    assert_eq!(told[0].header("webhook-id"), told[1].header("webhook-id"));
    let repeats: Vec<Value> =
        told.iter().map(|told| told.json()["event"]["repeat"].clone()).collect();
    assert_eq!(repeats, [json!(false), json!(true)]);
}

#[tokio::test]
async fn what_does_not_end_within_the_grace_is_owed_again_and_marked() {
    let sink = Sink::start().await;
    let config = webhook("hook", &sink) + "timeout = \"50s\"\n" + &rule("all", &["any"], &["hook"]);
    let (bridge, program) = Setup::new(config).start().await;

    sink.script([Answer::ok().after(Duration::from_secs(60))]);
    bridge.run("agent");
    sink.wait_for(1).await;
    let told = Instant::now();
    program.signal(Signal::Term).await;
    let ended = program.end(PATIENCE).await;
    let took = told.elapsed();
    let owed = bridge.deliveries().await;
    let _again = bridge.start().await;
    let told = sink.wait_for(2).await;

    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(took > Duration::from_secs(9) && took < Duration::from_secs(15), "{took:?}");
    assert_eq!([&owed[0]["state"], &owed[0]["repeat"]], [&json!("pending"), &json!(true)]);
    assert_eq!(told[1].json()["event"]["repeat"], true);
}

#[tokio::test]
async fn an_idle_service_ends_within_a_second_and_well() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;

    let mut took = Vec::new();
    for signal in [Signal::Term, Signal::Int, Signal::Term] {
        let program = bridge.start().await;
        let told = Instant::now();
        program.signal(signal).await;
        let ended = program.end(PATIENCE).await;
        took.push(told.elapsed());
        assert_eq!(ended.code, Some(0), "{ended:#?}");
    }

    // The median, because the machine may be busy with something else once.
    took.sort();
    assert!(took[1] < Duration::from_secs(1), "{took:?}");
}

#[tokio::test]
async fn a_service_that_waits_for_the_api_ends_within_a_second_too() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    bridge.fault("500:on=list:times=always");
    program.wait_for_stderr("Polling main failed").await;
    let told = Instant::now();
    program.signal(Signal::Term).await;
    let ended = program.end(PATIENCE).await;

    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
}

#[tokio::test]
async fn sighup_is_taken_note_of_and_the_service_goes_on() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    program.signal(Signal::Hup).await;
    program.wait_for_stderr("SIGHUP").await;
    bridge.run("agent");

    sink.wait_for(1).await;
}

#[tokio::test]
async fn a_second_service_on_the_same_store_is_told_who_holds_it() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    let second = bridge.cli(&["run"]).await;
    let once = bridge.cli(&["run", "--once"]).await;

    for refused in [second, once] {
        assert_eq!(refused.code, Some(1), "{refused:#?}");
        assert!(refused.stderr.contains(&program.pid().to_string()), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn a_store_is_for_its_owner_only() {
    let sink = Sink::start().await;
    let (bridge, _program) = Setup::everything_to(&sink).start().await;
    bridge.run("agent");
    sink.wait_for(1).await;

    let files: Vec<_> = std::fs::read_dir(bridge.folder()).unwrap().map(Result::unwrap).collect();
    let modes: Vec<(String, u32)> = files
        .iter()
        .map(|file| {
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            (file.file_name().into_string().unwrap(), mode)
        })
        .filter(|(name, _)| name.starts_with("state.db"))
        .collect();

    assert!(modes.iter().any(|(name, _)| name == "state.db"), "{modes:?}");
    assert!(modes.iter().all(|(_, mode)| mode & 0o077 == 0), "{modes:?}");
}

#[tokio::test]
async fn one_round_ends_well_only_when_all_of_it_went_well() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;
    let once = async || bridge.cli(&["run", "--once"]).await;
    let states = async || -> Vec<Value> {
        bridge.deliveries().await.iter().map(|row| row["state"].clone()).collect()
    };

    assert_eq!(once().await.code, Some(0));
    bridge.fault("500:on=list");
    assert_eq!(once().await.code, Some(1), "the API failed");
    bridge.run("agent");
    sink.script([Answer::status(503)]);
    assert_eq!(once().await.code, Some(1), "the service failed");
    assert_eq!(states().await, [json!("pending")]);
    let id = bridge.deliveries().await[0]["id"].as_str().unwrap().to_owned();
    bridge.cli(&["deliveries", "retry", &id]).await.succeeded();
    assert_eq!(once().await.code, Some(0));

    assert_eq!(states().await, [json!("sent")]);
    let told = sink.received();
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|told| told.json()["event"]["late"] == false));
}

#[tokio::test]
async fn one_round_does_not_sit_out_an_hour_that_a_service_asks_for() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;
    bridge.cli(&["run", "--once"]).await.succeeded();
    sink.always(Answer::status(429).header("retry-after", "3600"));
    // More than are sent side by side.
    (0..20).for_each(|_| drop(bridge.run("agent")));

    let begun = Instant::now();
    let once = bridge.cli(&["run", "--once"]).await;

    assert_eq!(once.code, Some(1), "{once:#?}");
    assert!(begun.elapsed() < PATIENCE);
    assert!(bridge.deliveries().await.iter().all(|row| row["state"] == "pending"));
}
