//! What is known, as tables and as JSON, beside a service or without one.

use serde_json::{Value, json};

use super::{SMALL, folder_with, in_folder};
use crate::support::bridge::{Bridge, Setup};
use crate::support::program::Program;
use crate::support::sink::{Answer, Sink};

const LISTINGS: [(&str, &[&str]); 3] =
    [("jobs", &["jobs"]), ("events", &["events"]), ("deliveries", &["deliveries", "list"])];

#[tokio::test]
async fn a_fresh_store_lists_nothing() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;
    bridge.cli(&["run", "--once"]).await.succeeded();

    for (key, args) in LISTINGS {
        let table = bridge.cli(args).await.succeeded();
        let document = bridge.cli(&[args, &["--json"]].concat()).await.succeeded();

        assert_eq!(table.stdout, "");
        assert_eq!(table.stderr, format!("No {key} to list.\n"));
        assert_eq!(document.json(), json!({ (key): [] }));
        assert_eq!(document.stderr, "");
    }
}

#[tokio::test]
async fn without_a_store_a_listing_says_what_to_do() {
    let folder = folder_with(SMALL);

    for (key, args) in LISTINGS {
        let listed = in_folder(folder.path(), &[args, &["--json"]].concat()).run_to_end().await;

        assert_eq!(listed.code, Some(1), "{key}: {listed:#?}");
        assert_eq!(listed.stdout, "");
        assert!(listed.stderr.contains("descript-notify run"), "{key}: {}", listed.stderr);
    }
    assert!(!folder.path().join("state.db").exists());
}

#[tokio::test]
async fn beside_a_service_everything_is_listed() {
    let sink = Sink::start().await;
    let (bridge, _program) = with_one_dead_delivery(&sink).await;
    let list = async |args: &[&str]| bridge.cli(args).await.succeeded().json();

    let jobs = list(&["jobs", "--json"]).await;
    let events = list(&["events", "--json"]).await;
    let deliveries = list(&["deliveries", "list", "--json"]).await;

    let delivery = &deliveries["deliveries"][0];
    for key in [
        "id",
        "rule",
        "notifier",
        "state",
        "recipient",
        "event",
        "job_id",
        "attempts",
        "due_at",
        "last_error",
    ] {
        assert!(delivery.get(key).is_some(), "{key}: {delivery:#}");
    }
    assert_eq!(delivery["event"], "failed");
    assert_eq!(delivery["state"], "dead");
    assert_eq!(events["events"][0]["event"]["kind"], "failed");
    assert_eq!(events["events"][0]["job"]["project_name"], "Spring launch");
    assert_eq!(jobs["jobs"][0]["job_id"], delivery["job_id"]);
    assert_eq!(jobs["jobs"][0]["project_name"], "Spring launch");
}

#[tokio::test]
async fn a_listing_can_be_narrowed() {
    let sink = Sink::start().await;
    let (bridge, _program) = with_one_dead_delivery(&sink).await;
    let count = async |args: &[&str]| {
        let document = bridge.cli(&[args, &["--json"]].concat()).await.succeeded().json();
        document.as_object().unwrap().values().next().unwrap().as_array().unwrap().len()
    };

    assert_eq!(count(&["jobs", "--state", "stopped"]).await, 1);
    assert_eq!(count(&["jobs", "--state", "running"]).await, 0);
    assert_eq!(count(&["jobs", "--project", "Spring launch"]).await, 1);
    assert_eq!(count(&["jobs", "--project", "p-1"]).await, 1);
    assert_eq!(count(&["jobs", "--project", "Autumn"]).await, 0);
    assert_eq!(count(&["events", "--kind", "failed", "--since", "1h"]).await, 1);
    assert_eq!(count(&["events", "--kind", "succeeded"]).await, 0);
    assert_eq!(count(&["deliveries", "list", "--state", "dead"]).await, 1);
    assert_eq!(count(&["deliveries", "list", "--state", "sent"]).await, 0);
    assert_eq!(count(&["deliveries", "list", "--notifier", "hook"]).await, 1);
    assert_eq!(count(&["deliveries", "list", "--notifier", "other"]).await, 0);
}

#[tokio::test]
async fn tables_in_a_pipe_are_plain_and_whole() {
    let sink = Sink::start().await;
    let (bridge, _program) = with_one_dead_delivery(&sink).await;

    for (key, args) in LISTINGS {
        let plain = bridge.cli(args).await.succeeded();
        let no_colour = bridge.launch(args).var("NO_COLOR", "1").run_to_end().await.succeeded();

        assert_eq!(plain.stdout, no_colour.stdout);
        assert!(!plain.stdout.contains('\u{1b}'), "{key}: {:?}", plain.stdout);
        assert!(plain.stdout.contains("Spring launch"), "{key}: {}", plain.stdout);
        assert_eq!(plain.stdout.lines().count(), 2, "{key}: {}", plain.stdout);
    }
}

#[tokio::test]
async fn the_story_of_a_delivery_tells_each_attempt_and_what_comes_next() {
    let sink = Sink::start().await;
    let (bridge, _program) = with_one_dead_delivery(&sink).await;
    let id = bridge.deliveries().await[0]["id"].as_str().unwrap().to_owned();

    let story = bridge.cli(&["deliveries", "show", &id[..8]]).await.succeeded().stdout;

    for told in [&id, "dead", "Spring launch", "refused 400", "no such field", "deliveries retry"] {
        assert!(story.contains(told), "{told}: {story}");
    }
}

#[tokio::test]
async fn what_cannot_be_retried_or_found_is_said() {
    let sink = Sink::start().await;
    let (bridge, _program) = with_one_dead_delivery(&sink).await;
    let id = bridge.deliveries().await[0]["id"].as_str().unwrap().to_owned();
    bridge.cli(&["deliveries", "discard", &id]).await.succeeded();

    let unknown = bridge.cli(&["deliveries", "show", "0123456789"]).await;
    let no_id = bridge.cli(&["deliveries", "show", "latest"]).await;
    let again = bridge.cli(&["deliveries", "discard", &id, "--json"]).await;

    assert_eq!(unknown.code, Some(1), "{unknown:#?}");
    assert_eq!(no_id.code, Some(2), "{no_id:#?}");
    assert_eq!(again.code, Some(1), "{again:#?}");
    assert_eq!(again.json()["unchanged"], json!([id]));
}

async fn with_one_dead_delivery(sink: &Sink) -> (Bridge, Program) {
    let (bridge, program) = Setup::everything_to(sink).start().await;
    bridge.world.project("p-1", "Spring launch");
    sink.script([Answer::status(400).body("no such field")]);
    let result: Value = json!({"status": "error", "error_message": "no"});
    let job = json!({"job_state": "stopped", "project_id": "p-1", "result": result});
    bridge.world.put_job(job);
    program.wait_for_stderr("Gave up a message to hook").await;
    // It is logged before it is written down.
    while bridge.deliveries().await[0]["state"] != "dead" {}
    (bridge, program)
}
