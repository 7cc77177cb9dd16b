//! Catching up with a service that had refused us: everything is told, in few messages.

use crate::support::bridge::{Bridge, Setup, rule, webhook};
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
async fn a_gathered_message_names_the_digest_to_retry_or_discard_in_its_place() {
    let team = Sink::start().await;
    let watch = Sink::start().await;
    team.always(Answer::status(403).body("invalid_token"));
    let (bridge, _program) = team_and_watch(&slack(&team), &watch).start().await;
    finish_jobs(&bridge, 25).await;
    let held = in_state(&bridge, "held", 25).await;
    team.always(Answer::status(400).body("invalid_blocks"));
    bridge.cli(&["deliveries", "retry", &held[0]]).await.succeeded();
    let digest = &in_state(&bridge, "dead", 2).await[1];

    let story = bridge.cli(&["deliveries", "show", &held[1]]).await.succeeded().stdout;
    let shown = bridge.cli(&["deliveries", "show", &held[1], "--json"]).await.json();
    let retried = bridge.cli(&["deliveries", "retry", &held[1]]).await;
    let discarded = bridge.cli(&["deliveries", "discard", &held[1], "--json"]).await;
    bridge.cli(&["deliveries", "discard", digest]).await.succeeded();

    assert!(story.contains(&format!("digest     {digest} (dead)")), "{story}");
    assert!(story.contains(&format!("`deliveries retry {digest}` tries again")), "{story}");
    assert_eq!(shown["deliveries"][0]["digest"], digest.as_str());
    let member = &held[1];
    for (output, done, verb) in [(retried, "retried", "retry"), (discarded, "discarded", "discard")]
    {
        let said = format!(
            "{member} was not {done}: it was gathered into the digest {digest}: {verb} that one"
        );
        assert_eq!(output.code, Some(1), "{output:#?}");
        assert!(output.stderr.contains(&said), "{output:#?}");
    }
    in_state(&bridge, "discarded", 25).await;
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
