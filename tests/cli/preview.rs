//! `preview`: the message as it would leave, of stored events, of samples, of a file.

use descript_notify::model::Verdict;
use serde_json::{Value, json};

use super::stored::{self, CONFIG, Past};
use super::{folder_with, in_folder};
use crate::support::program::Output;

async fn preview(folder: &tempfile::TempDir, args: &[&str]) -> Output {
    in_folder(folder.path(), &[&["preview"], args].concat()).run_to_end().await
}

async fn previews(folder: &tempfile::TempDir, args: &[&str]) -> Vec<Value> {
    let document = preview(folder, &[args, &["--json"]].concat()).await.succeeded().json();
    document["previews"].as_array().unwrap().clone()
}

async fn with_a_failure() -> tempfile::TempDir {
    let folder = folder_with(CONFIG);
    let past = [
        Past::failed("job-a", "Client A/Spring"),
        Past::failed("job-b", "Client B/Autumn")
            .ending(stored::noon() + jiff::SignedDuration::from_secs(9)),
    ];
    let verdicts = [("here", Verdict::Send)];
    stored::write(folder.path(), &past, &verdicts, &[]).await.close().await;
    folder
}

#[tokio::test]
async fn without_a_store_each_rule_is_shown_with_samples_of_its_events() {
    let folder = folder_with(CONFIG);

    let failures = preview(&folder, &["--rule", "failures"]).await.succeeded();
    let here = previews(&folder, &["--rule", "here"]).await;

    insta::assert_snapshot!(failures.stdout, @r#"
    --- failures to mail (email to ann@example.com): failed, sample "import failed"

    Subject: Client A/Episode 12: Import failed

    Import failed

    Error (import_failed):
        nothing could be read

    Project:  Client A/Episode 12
    Job:      Import
    Outcome:  failed
    Job id:   project-media-import-1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    Open:     https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11

    --
    2026-11-20 09:03 CET · took 3m 10s

    --- failures to team (slack): failed, sample "import failed"

    {
      "blocks": [
        {
          "text": {
            "emoji": false,
            "text": "❌ Client A/Episode 12: Import failed",
            "type": "plain_text"
          },
          "type": "header"
        },
        {
          "text": {
            "text": "*Error* (import_failed)\n```nothing could be read```",
            "type": "mrkdwn",
            "verbatim": true
          },
          "type": "section"
        },
        {
          "text": {
            "text": "<https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11|Open Client A/Episode 12> · Import · failed · job project-media-import-1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11",
            "type": "mrkdwn",
            "verbatim": true
          },
          "type": "section"
        },
        {
          "elements": [
            {
              "text": "2026-11-20 09:03 CET · took 3m 10s",
              "type": "mrkdwn",
              "verbatim": true
            }
          ],
          "type": "context"
        }
      ],
      "text": "❌ Client A/Episode 12: Import failed: nothing could be read",
      "unfurl_links": false,
      "unfurl_media": false
    }
    "#);
    let kinds: Vec<&str> =
        here.iter().map(|preview| preview["event"]["kind"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "queued",
            "started",
            "progress",
            "succeeded",
            "partial",
            "failed",
            "cancelled",
            "stopped",
            "changed",
            "vanished"
        ]
    );
    assert!(!folder.path().join("state.db").exists());
}

#[tokio::test]
async fn a_rule_speaks_about_the_newest_stored_event_that_it_matches() {
    let folder = with_a_failure().await;

    let found = previews(&folder, &[]).await;

    let told: Vec<_> = found
        .iter()
        .map(|one| format!("{} {} {} {}", one["rule"], one["notifier"], one["job_id"], one["from"]))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "failures" "mail" "job-a" "stored"
    "failures" "team" "job-a" "stored"
    "here" "screen" "job-b" "stored"
    "#);
    assert_eq!(found[1]["message"]["unfurl_links"], false);
    assert_eq!(found[0]["recipients"], json!(["ann@example.com"]));
    let samples = previews(&folder, &["--samples", "--rule", "failures"]).await;
    assert_eq!(samples[0]["sample"], "import failed");
}

#[tokio::test]
async fn a_job_and_a_file_are_told_by_the_rules_that_match_them() {
    let folder = with_a_failure().await;
    let event = json!({"event": {"kind": "failed"}, "job": {"job_id": "x", "job_type": "agent",
        "job_state": "stopped", "created_at": "2026-11-20T08:00:00Z", "project_name": "Client A/x",
        "result": {"status": "error", "error_message": "no"}}});
    std::fs::write(folder.path().join("event.json"), event.to_string()).unwrap();
    let notifiers = async |args: &[&str]| {
        let found = previews(&folder, args).await;
        found.iter().map(|one| one["notifier"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };

    assert_eq!(notifiers(&["--job", "job-a"]).await, ["mail", "team", "screen"]);
    assert_eq!(notifiers(&["--job", "job-b"]).await, ["screen"]);
    assert_eq!(notifiers(&["--event", "event.json"]).await, ["mail", "team", "screen"]);
    assert_eq!(notifiers(&["--event", "event.json", "--notifier", "team"]).await, ["team"]);
    let forced =
        preview(&folder, &["--job", "job-b", "--rule", "failures", "--notifier", "screen"]);
    insta::assert_snapshot!(forced.await.succeeded().stdout, @r#"
    --- failures to screen (console): failed, of 2026-11-20T12:00:09Z, job job-b
    (the rule would not send this: `job.project_name` should be like "Client A/*", but is "Client B/Autumn")

    13:00:09 ❌ Client B/Autumn: AI edit failed (1m)
        error: the model stopped
        https://web.descript.com/p
        job job-b
    "#);
}

#[tokio::test]
async fn the_page_of_a_mail_is_written_to_a_file() {
    let folder = folder_with(CONFIG);

    let written =
        preview(&folder, &["--rule", "failures", "--html", "mail.html"]).await.succeeded();
    let no_mail = preview(&folder, &["--rule", "here", "--html", "other.html"]).await;

    assert_eq!(written.stderr, "Wrote the mail of rule `failures` to mail.html.\n");
    let page = std::fs::read_to_string(folder.path().join("mail.html")).unwrap();
    assert!(page.starts_with("<!doctype html>") || page.starts_with("<!DOCTYPE html>"), "{page}");
    assert!(page.contains("nothing could be read"), "{page}");
    assert_eq!(no_mail.code, Some(2), "{no_mail:#?}");
    assert!(!folder.path().join("other.html").exists());
}

#[tokio::test]
async fn unknown_names_are_told_with_a_suggestion() {
    let folder = with_a_failure().await;

    let rule = preview(&folder, &["--rule", "failurs"]).await;
    let notifier = preview(&folder, &["--notifier", "mial"]).await;
    let job = preview(&folder, &["--job", "nobody"]).await;
    let kind = preview(&folder, &["--job", "job-a", "--kind", "queued"]).await;

    assert_eq!(rule.stderr, "error: no rule is called `failurs`: did you mean `failures`?\n");
    assert_eq!(notifier.stderr, "error: no notifier is called `mial`: did you mean `mail`?\n");
    assert_eq!(
        [rule.code, notifier.code, job.code, kind.code],
        [Some(2), Some(2), Some(1), Some(1)]
    );
    assert!(job.stderr.contains("descript-notify jobs"), "{}", job.stderr);
    assert!(kind.stderr.contains("no event `queued` of this job is stored"), "{}", kind.stderr);
}

#[tokio::test]
async fn what_no_rule_tells_is_no_failure() {
    let silent = CONFIG.split("[[rules]]\nname = \"here\"").next().unwrap();
    let folder = folder_with(silent);
    let event = json!({"event": {"kind": "queued"}, "job": {}});
    std::fs::write(folder.path().join("event.json"), event.to_string()).unwrap();

    let told = preview(&folder, &["--event", "event.json"]).await.succeeded();

    assert_eq!(told.stdout, "");
    assert!(told.stderr.contains("--rule NAME"), "{}", told.stderr);
}

#[tokio::test]
async fn a_template_that_fails_is_told_and_the_message_is_the_one_that_would_go_out() {
    let config = CONFIG.replace("timezone", "templates = \"templates\"\ntimezone");
    let folder = folder_with(&config);
    let templates = folder.path().join("templates/console");
    std::fs::create_dir_all(&templates).unwrap();
    std::fs::write(templates.join("default.text.hbs"), "{{job.colour}}").unwrap();

    let shown = preview(&folder, &["--rule", "here", "--kind", "queued"]).await.succeeded();

    assert!(shown.stdout.contains("(the template failed: "), "{}", shown.stdout);
    assert!(shown.stdout.contains("so this is the built-in message."), "{}", shown.stdout);
}
