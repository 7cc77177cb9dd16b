//! `explain`: what each rule said, what it would say now, and what became of the messages.

use descript_notify::model::{AttemptOutcome, Verdict};
use serde_json::json;

use super::stored::{self, CONFIG, Past};
use super::{folder_with, in_folder};

fn condition_failed() -> Verdict {
    Verdict::ConditionFailed {
        condition: "job.project_name".into(),
        expected: "like \"Client A/*\"".into(),
        met: "\"Client B/Autumn\"".into(),
    }
}

/// A job of client A that failed: the mail is dead, Slack has it, the console waits.
async fn with_a_failure() -> tempfile::TempDir {
    let folder = folder_with(CONFIG);
    let past = [Past::failed("project-agent-edit-1", "Client A/Spring")];
    let verdicts = [("failures", Verdict::Send), ("here", Verdict::Send)];
    let owed =
        [("failures", "mail", "ann@example.com"), ("failures", "team", ""), ("here", "screen", "")];
    let store = stored::write(folder.path(), &past, &verdicts, &owed).await;
    stored::settle(&store, "mail", AttemptOutcome::Refused, "550 no such mailbox").await;
    stored::settle(&store, "team", AttemptOutcome::Sent, "ok").await;
    store.close().await;
    folder
}

#[tokio::test]
async fn every_rule_is_told_with_its_reason_and_every_message_with_its_state() {
    let folder = with_a_failure().await;

    let told = in_folder(folder.path(), &["explain", "project-agent"]).run_to_end().await;

    let told = told.succeeded();
    assert_eq!(told.stderr, "");
    insta::assert_snapshot!(told.stdout, @"
    job      project-agent-edit-1 of main
    type     agent
    project  Client A/Spring
    state    stopped, ended; first seen 2026-11-20 12:00:00Z

    failed at 2026-11-20T12:00:00Z, running → stopped
      failures: matched
        9cb48f7c41 through mail to ann@example.com: dead, 1 attempt
          last error: 550 no such mailbox
          next: nothing, it was given up; `deliveries retry 9cb48f7c41ff7bed789f215f` tries again
        4f0603b0a8 through team: sent, 1 attempt
          next: nothing, it was sent at 2026-11-20 12:00:01Z
      here: matched
        c530811808 through screen: pending, not tried yet
          next: sent as soon as its notifier can
    ");
}

#[tokio::test]
async fn where_the_rules_have_changed_both_answers_stand_there() {
    let folder = folder_with(CONFIG);
    let past = [Past::failed("job-b", "Client B/Autumn")];
    let verdicts =
        [("failures", condition_failed()), ("old", Verdict::Send), ("here", Verdict::Send)];
    let store = stored::write(folder.path(), &past, &verdicts, &[]).await;
    store.close().await;
    let changed = CONFIG.replace("Client A/*", "Client B/*").replace("[\"any\"]", "[\"queued\"]")
        + "[[rules]]\nname = \"new\"\non = [\"finished\"]\nnotify = [\"team\"]\n";
    std::fs::write(folder.path().join("rules.toml"), changed).unwrap();

    let told = in_folder(folder.path(), &["explain", "job-b"]).run_to_end().await.succeeded();
    let document =
        in_folder(folder.path(), &["explain", "job-b", "--json"]).run_to_end().await.json();

    insta::assert_snapshot!(told.stdout, @r#"
    job      job-b of main
    type     agent
    project  Client B/Autumn
    state    stopped, ended; first seen 2026-11-20 12:00:00Z

    failed at 2026-11-20T12:00:00Z, running → stopped
      failures: `job.project_name` should be like "Client A/*", but is "Client B/Autumn"
        now: matched
      here: matched
        now: its `on` does not name this event
        no message is stored: it was forgotten after `keep`, or its notifier is what the event is about
      new: was not tried then, or was not there
        now: matched
      old: matched
        now: the config has no such rule
        no message is stored: it was forgotten after `keep`, or its notifier is what the event is about

    The rules have changed since: `now` is what those of the config say.
    "#);
    let rules = &document["events"][0]["rules"];
    assert_eq!(rules[0]["then"]["verdict"], "condition_failed");
    assert_eq!(rules[0]["now"]["sends"], true);
    assert_eq!(rules[0]["changed"], true);
    assert_eq!(document["jobs"][0]["job_id"], "job-b");
}

#[tokio::test]
async fn unchanged_rules_are_told_once() {
    let folder = folder_with(CONFIG);
    let past = [Past::failed("job-b", "Client B/Autumn")];
    let verdicts = [("failures", condition_failed()), ("here", Verdict::Send)];
    let store = stored::write(folder.path(), &past, &verdicts, &[]).await;
    store.close().await;

    let told = in_folder(folder.path(), &["explain", "job-b"]).run_to_end().await.succeeded();

    assert!(!told.stdout.contains("now"), "{}", told.stdout);
}

#[tokio::test]
async fn an_event_in_a_file_needs_no_store() {
    let folder = folder_with(CONFIG);
    let event = json!({"event": {"kind": "failed"}, "job": {
        "job_id": "x", "job_state": "stopped", "project_name": "Client B/\u{1b}[31m\u{202e}Autumn"}});
    std::fs::write(folder.path().join("event.json"), event.to_string()).unwrap();

    let told = in_folder(folder.path(), &["explain", "--event", "event.json"]).run_to_end().await;

    let told = told.succeeded().stdout;
    let (heading, rules) = told.split_once('\n').unwrap();
    assert!(heading.starts_with("failed at 20") && heading.ends_with(", first seen stopped"));
    insta::assert_snapshot!(rules, @r#"
    failures: `job.project_name` should be like "Client A/*", but is "Client B/\u{1b}[31m\u{202e}Autumn"
    here: matched
    "#);
    assert!(!folder.path().join("state.db").exists());
}

#[tokio::test]
async fn what_cannot_be_explained_is_said_with_what_to_do() {
    let folder = folder_with(CONFIG);
    let past = [
        Past::failed("project-agent-edit-1", "A"),
        Past::failed("project-agent-edit-12", "A"),
        Past::failed("project-agent-edit-2", "A"),
    ];
    stored::write(folder.path(), &past, &[], &[]).await.close().await;
    std::fs::write(folder.path().join("job.json"), "{\"job_id\": \"x\"}").unwrap();
    let ended = async |args: &[&str]| {
        let ended = in_folder(folder.path(), &[&["explain"], args].concat()).run_to_end().await;
        assert_eq!(ended.stdout, "");
        format!("{:?} {}", ended.code.unwrap(), ended.stderr)
    };

    let unknown = ended(&["nobody"]).await;
    let several = ended(&["project-agent"]).await;
    let no_event = ended(&["--event", "job.json"]).await;
    let no_file = ended(&["--event", "nothing.json"]).await;
    let exact = in_folder(folder.path(), &["explain", "project-agent-edit-1"]).run_to_end().await;

    insta::assert_snapshot!(unknown, @"1 error: no job's id begins with `nobody`: see `descript-notify jobs`. A job that is not listed there was never seen, or ended more than 31 days ago");
    insta::assert_snapshot!(several, @"
    1 error: several jobs' ids begin with `project-agent`: give more of it
      project-agent-edit-1
      project-agent-edit-12
      project-agent-edit-2
    ");
    insta::assert_snapshot!(no_event, @r#"2 error: the event file `job.json`: it has no `event`; write {"event": {"kind": "failed"}, "job": {…}}, as `events --json` shows it"#);
    assert!(no_file.starts_with("2 error: the event file `nothing.json` cannot be read"));
    assert!(exact.succeeded().stdout.starts_with("job      project-agent-edit-1 of main\n"));
}

#[tokio::test]
async fn an_event_is_found_by_its_own_id_too() {
    let folder = with_a_failure().await;
    let listed = in_folder(folder.path(), &["events", "--json"]).run_to_end().await.json();
    let id = listed["events"][0]["event"]["id"].as_str().unwrap().to_owned();

    let told = in_folder(folder.path(), &["explain", &id[..9], "--json"]).run_to_end().await.json();

    assert_eq!(told["events"][0]["event"]["id"], id.as_str());
    assert_eq!(told["events"][0]["deliveries"][0]["state"], "dead");
    assert_eq!(told["jobs"], json!([]));
}
