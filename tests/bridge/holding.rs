//! A service that refuses us: what is owed waits, others are told, everything is caught up.

use serde_json::Value;

use crate::support::bridge::{Bridge, Setup, rule, webhook};
use crate::support::eventually;
use crate::support::program::Signal;
use crate::support::sink::{Answer, Sink};

/// `team` gets every end, `watch` what happens to the bridge itself.
fn team_and_watch(team: &str, watch: &Sink) -> Setup {
    Setup::new(format!(
        "{team}{}{}{}",
        webhook("watch", watch),
        rule("ends", &["finished"], &["team"]),
        rule(
            "itself",
            &["notifier_down", "notifier_up", "source_down", "source_up"],
            &["watch", "team"]
        ),
    ))
}

fn slack(sink: &Sink) -> String {
    let url = sink.url("/services/T0/B0/abcdefghijklmnopqrstuvwx");
    format!("\n[notifiers.team]\ntype = \"slack\"\nwebhook_url = \"{url}\"\nrate = \"unlimited\"\n")
}

async fn finish_jobs(bridge: &Bridge, count: usize) {
    let jobs: Vec<String> = (0..count).map(|_| bridge.run("agent")).collect();
    bridge.looked().await;
    jobs.iter().for_each(|job| bridge.succeed(job));
}

/// The ids of the deliveries of `team` in a state, once there are `count`.
async fn in_state(bridge: &Bridge, state: &str, count: usize) -> Vec<String> {
    for _ in 0..200 {
        let ids: Vec<String> = bridge
            .deliveries()
            .await
            .iter()
            .filter(|row| row["state"] == state && row["notifier"] == "team")
            .map(|row| row["id"].as_str().unwrap().to_owned())
            .collect();
        if ids.len() == count {
            return ids;
        }
        bridge.looked().await;
    }
    panic!("never {count} in state {state}: {:#?}", bridge.deliveries().await);
}

#[tokio::test]
async fn a_deleted_webhook_is_held_told_of_once_and_caught_up() {
    let team = Sink::start().await;
    let watch = Sink::start().await;
    team.always(Answer::status(404));
    let (bridge, _program) = team_and_watch(&webhook("team", &team), &watch).start().await;

    finish_jobs(&bridge, 3).await;
    let held = in_state(&bridge, "held", 3).await;
    let down = watch.wait_for(1).await[0].json();
    let tries = team.count();
    bridge.looked().await;

    assert_eq!(down["type"], "notifier.down");
    assert_eq!(down["job"], Value::Null);
    assert_eq!(down["notifier"]["name"], "team");
    assert!(down["notifier"]["reason"].as_str().unwrap().contains("404"), "{down}");
    assert!((1..=3).contains(&tries), "{tries}");
    assert_eq!(team.count(), tries, "a held notifier is left alone");

    team.always(Answer::ok());
    bridge.cli(&["deliveries", "retry", &held[0]]).await.succeeded();
    let up = watch.wait_for(2).await[1].json();
    in_state(&bridge, "sent", 3).await;

    assert_eq!(up["type"], "notifier.up");
    assert_eq!(up["event"]["kind"], "notifier_up");
    assert!(up["notifier"]["waiting"].as_u64().unwrap() >= 2, "{up}");
    let told: Vec<String> = team.received()[tries..].iter().map(|told| told.kind()).collect();
    assert_eq!(told, ["succeeded", "succeeded", "succeeded"]);
    assert_eq!(watch.count(), 2, "nothing about team goes to team, nothing is told twice");
}

#[tokio::test]
async fn a_long_catch_up_comes_as_a_digest_that_names_every_event() {
    let team = Sink::start().await;
    let watch = Sink::start().await;
    team.always(Answer::status(403).body("invalid_token"));
    let (bridge, _program) = team_and_watch(&slack(&team), &watch).start().await;

    finish_jobs(&bridge, 25).await;
    let held = in_state(&bridge, "held", 25).await;
    let tries = team.count();
    team.always(Answer::ok().body("ok"));
    bridge.cli(&["deliveries", "retry", &held[0]]).await.succeeded();
    // The probe, and one digest of the other 24: a delivery of its own.
    in_state(&bridge, "sent", 26).await;

    let after = team.received().split_off(tries);
    assert_eq!(after.len(), 2, "{after:#?}");
    let digest = after[1].text();
    assert!(digest.contains("24 "), "{digest}");
    assert_eq!(digest.matches("AI edit").count(), 24, "{digest}");
}

#[tokio::test]
async fn a_hold_lasts_over_a_restart() {
    let team = Sink::start().await;
    let watch = Sink::start().await;
    team.always(Answer::status(410));
    let (bridge, program) = team_and_watch(&webhook("team", &team), &watch).start().await;
    finish_jobs(&bridge, 2).await;
    let held = in_state(&bridge, "held", 2).await;
    watch.wait_for(1).await;
    program.signal(Signal::Term).await;
    program.end(std::time::Duration::from_secs(20)).await;
    let tries = team.count();

    let _again = bridge.start().await;
    bridge.looked().await;
    let still = in_state(&bridge, "held", 2).await;
    team.always(Answer::ok());
    bridge.cli(&["deliveries", "retry", &held[0]]).await.succeeded();
    in_state(&bridge, "sent", 2).await;

    assert_eq!(still.len(), 2);
    assert_eq!(team.count(), tries + 2);
    assert_eq!(watch.wait_for(2).await[1].json()["type"], "notifier.up");
}

#[tokio::test]
async fn a_revoked_token_is_told_at_once_with_its_cause() {
    let team = Sink::start().await;
    let watch = Sink::start().await;
    let (bridge, program) = team_and_watch(&webhook("team", &team), &watch).start().await;

    bridge.fault("401:on=list");
    let down = watch.wait_for(1).await[0].json();
    team.wait_for(1).await;
    program.signal(Signal::Term).await;
    program.end(std::time::Duration::from_secs(20)).await;
    // A restart polls at once.
    let _again = bridge.start().await;
    let up = watch.wait_for(2).await[1].json();

    assert_eq!(down["type"], "source.down");
    assert_eq!(down["source"]["name"], "main");
    assert!(down["source"]["reason"].as_str().unwrap().contains("401"), "{down}");
    assert_eq!(up["type"], "source.up");
    assert!(up["source"]["down_for_seconds"].is_number(), "{up}");
    eventually("team is told of both", || (team.count() == 2).then_some(())).await;
}
