//! What is owed stays owed until the other side has it, or a person decides.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::bridge::{Bridge, Setup, rule, webhook};
use crate::support::program::Signal;
use crate::support::sink::{Answer, Close, Sink};

#[tokio::test]
async fn a_service_that_fails_gets_the_message_later_under_the_same_id() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    sink.script([Answer::status(500).body("the cat is on the router"), Answer::status(503)]);
    bridge.run("agent");
    let told = sink.wait_for(3).await;
    program.wait_for_stderr("Sent to hook").await;

    let ids: Vec<_> = told.iter().map(|told| told.header("webhook-id").unwrap()).collect();
    assert_eq!(ids, [ids[0]; 3]);
    assert!(told.iter().all(|told| told.json()["event"]["repeat"] == false));
    let story = bridge.cli(&["deliveries", "show", ids[0], "--json"]).await.succeeded().json();
    let delivery = &story["deliveries"][0];
    assert_eq!([&delivery["state"], &delivery["attempts"]], [&json!("sent"), &json!(3)]);
    assert!(delivery["history"].to_string().contains("the cat is on the router"), "{delivery:#}");
}

#[tokio::test]
async fn a_message_that_may_have_got_through_is_sent_again_and_marked() {
    let sink = Sink::start().await;
    let (bridge, _program) = Setup::everything_to(&sink).start().await;

    sink.script([Answer::ok().closing(Close::AfterReading)]);
    bridge.run("agent");
    let told = sink.wait_for(2).await;

    let repeats: Vec<_> = told.iter().map(|told| told.json()["event"]["repeat"].clone()).collect();
    assert_eq!(repeats, [json!(false), json!(true)]);
    assert_eq!(told[0].header("webhook-id"), told[1].header("webhook-id"));
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_not_waited_for() {
    let sink = Sink::start().await;
    let config = webhook("hook", &sink) + "timeout = \"1s\"\n" + &rule("all", &["any"], &["hook"]);
    let (bridge, _program) = Setup::new(config).start().await;

    sink.script([Answer::ok().after(Duration::from_secs(60))]);
    bridge.run("agent");
    let told = sink.wait_for(2).await;

    assert!(told[1].at - told[0].at < Duration::from_secs(20));
    assert_eq!(told[1].json()["event"]["repeat"], true);
}

#[tokio::test]
async fn what_cannot_be_sent_for_too_long_is_given_up_and_kept() {
    let sink = Sink::start().await;
    let config =
        webhook("hook", &sink) + "retry_for = \"1s\"\n" + &rule("all", &["any"], &["hook"]);
    let (bridge, _program) = Setup::new(config).start().await;

    sink.always(Answer::status(503).body("closed for lunch"));
    bridge.run("agent");
    let dead = &dead(&bridge, 1).await[0];

    assert!(dead["attempts"].as_u64() > Some(1), "{dead:#}");
    assert!(dead["last_error"].as_str().unwrap().contains("closed for lunch"), "{dead:#}");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (sink, elsewhere) = (Sink::start().await, Sink::start().await);
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    sink.always(Answer::status(307).header("location", &elsewhere.url("/other")));
    bridge.run("agent");
    program.wait_for_stderr("307").await;
    bridge.looked().await;

    assert_eq!([sink.count(), elsewhere.count()], [1, 0]);
    assert_ne!(bridge.deliveries().await[0]["state"], "sent");
}

#[tokio::test]
async fn a_service_that_is_not_there_gets_the_message_when_it_is_and_not_as_a_repeat() {
    let sink = Sink::start().await;
    let address = sink.address();
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    drop(sink);
    bridge.run("agent");
    program.wait_for_stderr("Not sent to hook yet").await;
    let sink = Sink::start_at(address).await;
    let told = sink.wait_for(1).await[0].json();

    assert_eq!(told["event"]["repeat"], false);
}

#[tokio::test]
async fn a_connection_that_is_closed_at_once_loses_nothing() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    sink.script([Answer::ok().closing(Close::Before), Answer::ok().closing(Close::MidBody)]);
    bridge.run("agent");
    program.wait_for_stderr("Sent to hook").await;

    let ids: Vec<_> =
        sink.received().iter().map(|told| told.header("webhook-id").map(str::to_owned)).collect();
    assert!(ids.iter().all(|id| id.is_some() && *id == ids[0]), "{ids:?}");
}

#[tokio::test]
async fn a_refused_message_is_dead_and_listed_and_a_retry_sends_it() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    sink.script([Answer::status(400).body("no such field: text")]);
    bridge.run("agent");
    let dead = &dead(&bridge, 1).await[0];
    let id = dead["id"].as_str().unwrap();
    bridge.cli(&["deliveries", "retry", id]).await.succeeded();
    let told = sink.wait_for(2).await;
    program.wait_for_stderr("Sent to hook").await;
    let after = listed(&bridge, "sent", 1).await;

    assert!(dead["last_error"].as_str().unwrap().contains("no such field: text"), "{dead:#}");
    assert_eq!(told[1].header("webhook-id"), Some(id));
    assert_eq!(after[0]["attempts"], 2);
}

#[tokio::test]
async fn every_dead_message_can_be_retried_at_once_and_a_discarded_one_stays_unsent() {
    let sink = Sink::start().await;
    let (bridge, _program) = Setup::everything_to(&sink).start().await;

    sink.script([Answer::status(400), Answer::status(400), Answer::status(400)]);
    (0..3).for_each(|_| drop(bridge.run("agent")));
    sink.wait_for(3).await;
    let dead = dead(&bridge, 3).await;
    let given_up = dead[0]["id"].as_str().unwrap();
    bridge.cli(&["deliveries", "discard", given_up]).await.succeeded();
    bridge.cli(&["deliveries", "retry", "--all-dead"]).await.succeeded();
    let told = sink.wait_for(5).await.split_off(3);
    bridge.looked().await;

    assert_eq!(sink.count(), 5);
    assert!(told.iter().all(|told| told.header("webhook-id") != Some(given_up)));
    let states = bridge.deliveries().await;
    assert!(states.iter().any(|row| row["state"] == "discarded" && row["id"] == given_up));
}

#[tokio::test]
async fn a_wait_that_a_service_names_is_kept_for_all_its_messages() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    sink.script([Answer::status(429).header("retry-after", "2")]);
    bridge.run("agent");
    let refused = sink.wait_for(1).await[0].at;
    program.wait_for_stderr("Not sent to hook yet").await;
    bridge.run("publish");
    let told = sink.wait_for(3).await;

    assert!(told[1..].iter().all(|told| told.at - refused >= Duration::from_secs(2)));
}

#[tokio::test]
async fn a_service_that_refuses_us_keeps_its_messages_owed_and_a_retry_asks_it_at_once() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    sink.always(Answer::status(404).body("no such hook"));
    bridge.run("agent");
    program.wait_for_stderr("hook refuses us").await;
    bridge.run("publish");
    bridge.looked().await;
    let owed = bridge.deliveries().await;
    sink.always(Answer::ok());
    let id = owed[0]["id"].as_str().unwrap();
    bridge.cli(&["deliveries", "retry", id]).await.succeeded();
    program.wait_for_stderr("hook takes messages again").await;
    sink.wait_until("message about each job", |all| {
        all.iter().any(|told| told.json()["job"]["job_type"] == "publish")
    })
    .await;

    assert_eq!(owed.len(), 2);
    let waiting = |row: &Value| row["state"] == "pending" || row["state"] == "held";
    assert!(owed.iter().all(waiting), "{owed:#?}");
}

#[tokio::test]
async fn a_slow_service_does_not_delay_another() {
    let (slow, quick) = (Sink::start().await, Sink::start().await);
    slow.always(Answer::ok().after(Duration::from_secs(8)));
    let config = [webhook("slow", &slow), webhook("quick", &quick)].concat();
    let both = rule("all", &["any"], &["slow", "quick"]);
    let (bridge, _program) = Setup::new(config + &both).start().await;

    let job = bridge.run("agent");
    quick.wait_for(1).await;
    slow.wait_for(1).await;
    let flipped = Instant::now();
    bridge.succeed(&job);
    let told = quick.wait_for(2).await;

    assert!(told[1].at - flipped < Duration::from_secs(4));
    assert_eq!(slow.count(), 1);
}

#[tokio::test]
async fn the_pace_of_the_config_is_kept() {
    let sink = Sink::start().await;
    let paced = webhook("hook", &sink).replace("\"unlimited\"", "\"2/s\"\nburst = 1");
    let (bridge, _program) = Setup::new(paced + &rule("all", &["any"], &["hook"])).start().await;

    (0..4).for_each(|_| drop(bridge.run("agent")));
    let told = sink.wait_for(4).await;

    // Three gaps of half a second; what is measured is when a request came, not when it left.
    assert!(told[3].at - told[0].at > Duration::from_millis(1_300));
}

#[tokio::test]
async fn what_is_in_flight_at_the_stop_is_finished_and_not_sent_again() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    sink.always(Answer::ok().after(Duration::from_millis(1_500)));
    bridge.run("agent");
    sink.wait_for(1).await;
    program.signal(Signal::Term).await;
    let ended = program.end(Duration::from_secs(20)).await;
    let owed = bridge.deliveries().await;
    let _again = bridge.start().await;
    bridge.looked().await;

    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(owed[0]["state"], "sent");
    assert_eq!(sink.count(), 1);
}

/// Waits until so many messages were given up, as `deliveries list` tells it.
async fn dead(bridge: &Bridge, count: usize) -> Vec<Value> {
    listed(bridge, "dead", count).await
}

/// Waits until so many messages are in a state, as `deliveries list` tells it.
async fn listed(bridge: &Bridge, state: &str, count: usize) -> Vec<Value> {
    let listed = tokio::time::timeout(PATIENCE, async {
        loop {
            let args = ["deliveries", "list", "--state", state, "--json"];
            let listed = bridge.cli(&args).await.succeeded().json();
            let rows = listed["deliveries"].as_array().unwrap();
            if rows.len() >= count {
                return rows.clone();
            }
        }
    });
    listed.await.unwrap_or_else(|_| panic!("fewer than {count} messages are {state}"))
}
