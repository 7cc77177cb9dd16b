//! `backtest`: what other rules would have made of what happened.

use descript_notify::clock::Clock;
use jiff::SignedDuration;
use serde_json::json;

use super::stored::{self, CONFIG, Past};
use super::{folder_with, in_folder};
use crate::support::program::Output;

async fn with_jobs() -> tempfile::TempDir {
    let folder = folder_with(CONFIG);
    let hours = |hours| Clock::System.now() - SignedDuration::from_hours(hours);
    let past = [
        Past::failed("old", "Client A/Winter").ending(hours(24 * 9)),
        Past::failed("a", "Client A/Spring").ending(hours(3)),
        Past::failed("b", "Client B/Autumn").ending(hours(2)),
        Past::succeeded("c", "Client A/Spring", json!({})).ending(hours(1)),
    ];
    stored::write(folder.path(), &past, &[], &[]).await.close().await;
    folder
}

async fn backtest(folder: &tempfile::TempDir, new: &str, args: &[&str]) -> Output {
    std::fs::write(folder.path().join("new.toml"), new).unwrap();
    in_folder(folder.path(), &[&["backtest", "new.toml"], args].concat()).run_to_end().await
}

#[tokio::test]
async fn what_comes_and_what_goes_is_shown_with_examples() {
    let folder = with_jobs().await;
    let new = CONFIG.replace("Client A/*", "Client B/*").replace("\"any\"", "\"failed\"");

    let told = backtest(&folder, &new, &[]).await.succeeded();

    // The times are those of this test's run.
    let plain: Vec<String> = told
        .stdout
        .lines()
        .map(|line| match line.starts_with("  ") {
            true => format!("  {}", line.get(17..).unwrap_or_default()),
            false => line.to_owned(),
        })
        .collect();
    insta::assert_snapshot!(plain.join("\n"), @r#"
    RULE      NOTIFIER  NOW  NEW  NO LONGER  ADDITIONALLY  MESSAGES
    failures  mail      1    1    1          1             1 → 1
    failures  team      1    1    1          1             1 → 1
    here      screen    3    2    1          0             3 → 2

    no longer: failures to mail, 1 message, like
      failed of Client A/Spring, a; the new rules say: `job.project_name` should be like "Client B/*", but is "Client A/Spring"
    additionally: failures to mail, 1 message, like
      failed of Client B/Autumn, b; the present rules say: `job.project_name` should be like "Client A/*", but is "Client B/Autumn"
    no longer: failures to team, 1 message, like
      failed of Client A/Spring, a; the new rules say: `job.project_name` should be like "Client B/*", but is "Client A/Spring"
    additionally: failures to team, 1 message, like
      failed of Client B/Autumn, b; the present rules say: `job.project_name` should be like "Client A/*", but is "Client B/Autumn"
    no longer: here to screen, 1 message, like
      succeeded of Client A/Spring, c; the new rules say: its `on` does not name this event
    "#);
    assert!(
        told.stderr
            .ends_with("`new.toml` sends 3 messages no longer and 2 messages additionally.\n"),
        "{}",
        told.stderr
    );
}

#[tokio::test]
async fn counts_are_there_as_json_and_reach_as_far_back_as_they_are_asked_to() {
    let folder = with_jobs().await;
    let new = CONFIG.replace("Client A/*", "Client B/*");

    let week = backtest(&folder, &new, &["--json"]).await.succeeded().json();
    let month = backtest(&folder, &new, &["--since", "30d", "--json"]).await.succeeded().json();

    assert_eq!([&week["events"], &month["events"]], [&json!(3), &json!(4)]);
    let mail = &week["rules"][0];
    assert_eq!([&mail["rule"], &mail["notifier"]], ["failures", "mail"]);
    assert_eq!([&mail["before"], &mail["after"]], [&json!(1), &json!(1)]);
    assert_eq!(mail["no_longer"]["count"], 1);
    assert_eq!(mail["no_longer"]["examples"][0]["job_id"], "a");
    assert_eq!(mail["no_longer"]["examples"][0]["course"], "sent");
    assert_eq!(mail["additionally"]["examples"][0]["project_name"], "Client B/Autumn");
    assert_eq!(month["rules"][0]["no_longer"]["count"], 2);
}

#[tokio::test]
async fn the_same_rules_say_the_same_and_nothing_is_written() {
    let folder = with_jobs().await;
    let state = || std::fs::read(folder.path().join("state.db")).unwrap();
    let before = state();

    let told = backtest(&folder, CONFIG, &[]).await.succeeded();

    assert!(
        told.stderr.starts_with("`new.toml` says the same about the 3 events since 20"),
        "{}",
        told.stderr
    );
    assert!(!told.stdout.contains("no longer:"), "{}", told.stdout);
    assert_eq!(state(), before);
}

#[tokio::test]
async fn new_rules_with_a_mistake_are_refused_with_its_place() {
    let folder = with_jobs().await;

    let told = backtest(&folder, &CONFIG.replace("\"any\"", "\"anny\""), &[]).await;

    assert_eq!(told.code, Some(2), "{told:#?}");
    assert!(told.stderr.contains("new.toml:26:7"), "{}", told.stderr);
    assert!(told.stderr.contains("did you mean `any`?"), "{}", told.stderr);
}
