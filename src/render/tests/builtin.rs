//! What the built-in templates say about each sample.

use super::*;

const BY_TEMPLATE: [NotifierKind; 4] =
    [NotifierKind::Slack, NotifierKind::Discord, NotifierKind::Email, NotifierKind::Console];

#[test]
fn every_message_says_what_happened_to_which_project() {
    for (name, document) in samples::documents() {
        let job = &document["job"];
        if job.is_null() {
            continue;
        }
        let project = match (job["project_name"].as_str(), job["project_id"].as_str()) {
            (Some(project), _) | (None, Some(project)) => project,
            (None, None) => "no project",
        };
        for kind in BY_TEMPLATE {
            for template in ["default", "failure"] {
                let message = builtin_message(kind, template, &document);

                let all = whole(&message).replace('\\', "");
                let about = format!("{name}, {kind}, {template}: {all}");
                assert!(all.contains(project), "{about}");
                assert!(all.contains(&vocabulary::title(&document)), "{about}");
                if let Some(url) = job["project_url"].as_str() {
                    assert!(all.contains(url), "{about}");
                }
                for bad in ["undefined", "[object]", "null", "{{", "}}\n"] {
                    assert!(kind == NotifierKind::Email || !all.contains(bad), "{bad} in {about}");
                }
            }
        }
    }
}

#[test]
fn a_partial_import_names_each_failed_file_and_its_reason() {
    let document = sample("import partial");

    for kind in BY_TEMPLATE {
        for template in ["default", "failure"] {
            let all = whole(&builtin_message(kind, template, &document));
            assert!(
                all.contains("Day 1/guest.wav") && all.contains("the link answered 403"),
                "{all}"
            );
            assert!(!all.contains("host.wav"), "{all}");
        }
    }
}

#[test]
fn of_many_failed_files_the_first_are_named_and_the_rest_counted() {
    let mut document = sample("import partial");
    document["job"]["result"]["media_status"] = (0..5_000)
        .map(|n| (format!("take{n:04}.wav"), json!({"status": "failed", "error_message": "gone"})))
        .collect::<serde_json::Map<_, _>>()
        .into();

    for kind in BY_TEMPLATE {
        let all = whole(&builtin_message(kind, "default", &document));
        assert!(all.contains("take0009.wav") && !all.contains("take0010.wav"), "{all}");
        assert!(
            all.contains("… and 4990 more") && all.contains("5000 of 5000 files failed"),
            "{all}"
        );
    }
}

#[test]
fn a_download_link_shows_only_where_the_document_has_one() {
    let document = sample("publish succeeded");
    let without = crate::model::without_download_url(document.clone());

    for kind in BY_TEMPLATE {
        let with = whole(&builtin_message(kind, "default", &document));
        let without = whole(&builtin_message(kind, "default", &without));
        assert!(with.contains("https://storage.example.invalid/o.mp4?sig=FAKE&"), "{with}");
        assert!(!without.to_lowercase().contains("download"), "{without}");
        assert!(without.contains("https://share.descript.com/view/AbCdEf12345"), "{without}");
    }
}

#[test]
fn the_marks_of_a_message_are_said_in_every_type() {
    let mut document = sample("import failed");
    document["event"]["late"] = true.into();

    for kind in BY_TEMPLATE {
        let all = whole(&builtin_message(kind, "default", &document));
        for mark in ["seen late", "3 messages dropped before this one"] {
            assert!(all.contains(mark), "{mark} in {all}");
        }
        assert!(all.contains("got this before") || all.contains("possibly a repeat"), "{all}");
    }
}

#[test]
fn a_subject_says_project_type_and_outcome() {
    let subjects: Vec<String> = samples::documents()
        .iter()
        .map(|(name, document)| match builtin_message(NotifierKind::Email, "default", document) {
            Message::Mail { subject, .. } => format!("{name}: {subject}"),
            other => panic!("{other:?}"),
        })
        .collect();

    insta::assert_snapshot!(subjects.join("\n"), @r#"
    import queued: Client A/Episode 12: Import queued
    agent started: Client A/Episode 12: AI edit started
    agent in progress: Client A/Episode 12: AI edit is running
    import waiting for uploads: Client A/Episode 12: Import is running
    publish in progress: Client A/Episode 12: Publish is running
    import succeeded: Client A/Episode 12: Import succeeded
    import partial: Client A/Episode 12: Import finished partially, 1 of 2 files failed
    import failed: Client A/Episode 12: Import failed
    agent succeeded: Client A/Episode 12: AI edit succeeded
    agent changed nothing: Client A/Episode 12: AI edit finished, but nothing was changed
    agent failed: Client A/Episode 12: AI edit failed
    publish succeeded: Client A/Episode 12: Publish succeeded
    publish failed: Client A/Episode 12: Publish failed
    timeline export succeeded: Client A/Episode 12: Timeline export succeeded
    agent cancelled: Client A/Episode 12: AI edit cancelled
    an unknown type, seen late: Client A/Episode 12: Drive: clean up succeeded
    an unknown status: Client A/Episode 12: Publish stopped, its outcome is not known
    an unknown state: Client A/Episode 12: Publish is now “paused”, a state not known here
    vanished, without a project name: 1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11: Drive import is gone from Descript, its end was not seen
    failed, nothing else known: no project: AI edit failed
    partial, nothing else known: no project: AI edit finished partially
    succeeded, nothing else known: no project: AI edit succeeded
    stopped without a result: no project: AI edit stopped, its outcome is not known
    overdue: Client A/Episode 12: Import has not ended after 30m
    stalled, said again: Client A/Episode 12: Publish has not moved for 1h 35m
    project idle: Client A/Episode 12: All 12 jobs have ended: 1 failed, 1 partial, 10 succeeded
    project idle, all well: Client A/Episode 12: All 12 jobs have ended: all succeeded
    project idle after one job: Client A/Episode 12: Its only job has ended: partial
    spend crossed: Budget reached: 512 AI credits used, the limit is 500 per day
    source down: Descript cannot be polled: main
    source down before its first poll: Descript cannot be polled: main
    source up: Descript is polled again: main
    notifier down: Notifier team refuses messages
    notifier up: Notifier team takes messages again, 12 are being caught up
    "#);
}

#[test]
fn slack_shows_a_card() {
    insta::assert_snapshot!(pretty(&builtin_message(NotifierKind::Slack, "default", &sample("import partial"))), @r#"
    {
      "blocks": [
        {
          "text": {
            "emoji": false,
            "text": "⚠️ Client A/Episode 12: Import finished partially, 1 of 2 files failed",
            "type": "plain_text"
          },
          "type": "header"
        },
        {
          "text": {
            "text": "*Failed files*\n• Day 1/guest.wav: the link answered 403",
            "type": "mrkdwn",
            "verbatim": true
          },
          "type": "section"
        },
        {
          "text": {
            "text": "<https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11|Client A/Episode 12> · Import · partial",
            "type": "mrkdwn",
            "verbatim": true
          },
          "type": "section"
        },
        {
          "elements": [
            {
              "text": "2026-11-20 09:03 CET · took 3m 10s · 1m 35s of media used",
              "type": "mrkdwn",
              "verbatim": true
            }
          ],
          "type": "context"
        }
      ],
      "text": "⚠️ Client A/Episode 12: Import finished partially, 1 of 2 files failed"
    }
    "#);
}

#[test]
fn slack_shows_a_failure_with_its_cause_first() {
    let message = builtin_message(NotifierKind::Slack, "failure", &sample("import failed"));

    insta::assert_snapshot!(strings(&json_of(&message)["blocks"]).join("\n"), @r#"
    ❌ Client A/Episode 12: Import failed
    plain_text
    header
    *Error* (import_failed)
    ```nothing could be read```
    mrkdwn
    section
    <https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11|Open Client A/Episode 12> · Import · failed · job project-media-import-1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    mrkdwn
    section
    2026-11-20 09:03 CET · took 3m 10s · you may have got this before · 3 messages dropped before this one, outside of the hours of its rule
    mrkdwn
    context
    "#);
}

#[test]
fn discord_shows_an_embed() {
    insta::assert_snapshot!(pretty(&builtin_message(NotifierKind::Discord, "default", &sample("agent succeeded"))), @r#"
    {
      "embeds": [
        {
          "color": 3061373,
          "description": ">>> Removed 41 filler words.\nThe intro is 12 seconds shorter.\n\n",
          "fields": [
            {
              "inline": true,
              "name": "Project",
              "value": "Client A/Episode 12"
            },
            {
              "inline": true,
              "name": "Job",
              "value": "AI edit"
            },
            {
              "inline": true,
              "name": "Outcome",
              "value": "succeeded"
            },
            {
              "inline": true,
              "name": "Took",
              "value": "3m 10s"
            },
            {
              "inline": true,
              "name": "AI credits",
              "value": "9"
            }
          ],
          "footer": {
            "text": "2026-11-20 09:03 CET"
          },
          "timestamp": "2026-11-20T08:03:20Z",
          "title": "✅ Client A/Episode 12: AI edit succeeded",
          "url": "https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11"
        }
      ]
    }
    "#);
}

#[test]
fn a_mail_reads_well_as_plain_text() {
    let text = |name: &str, template: &str| match builtin_message(
        NotifierKind::Email,
        template,
        &sample(name),
    ) {
        Message::Mail { text, .. } => text,
        other => panic!("{other:?}"),
    };

    insta::assert_snapshot!(text("publish succeeded", "default"), @r#"
    Publish succeeded

    Project:  Client A/Episode 12
    Job:      Publish
    Outcome:  succeeded
    Open:     https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11

    Watch it: https://share.descript.com/view/AbCdEf12345

    Download: https://storage.example.invalid/o.mp4?sig=FAKE&part=1 (until 2026-11-21 10:12 CET)

    --
    2026-11-20 09:03 CET · took 3m 10s
    "#);
    insta::assert_snapshot!(text("import partial", "failure"), @r#"
    Import finished partially, 1 of 2 files failed

    Failed files:
      - Day 1/guest.wav: the link answered 403

    Project:  Client A/Episode 12
    Job:      Import
    Outcome:  partial
    Job id:   project-media-import-1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    Open:     https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11

    --
    2026-11-20 09:03 CET · took 3m 10s · 1m 35s of media used
    "#);
    insta::assert_snapshot!(text("agent in progress", "default"), @r#"
    AI edit is running

    Project:  Client A/Episode 12
    Job:      AI edit
    Outcome:  running
    Open:     https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11

    Progress: Reading scenes, 15 %

    --
    2026-11-20 09:03 CET
    "#);
}

#[test]
fn a_mail_has_everything_in_html_as_well() {
    let Message::Mail { html, .. } =
        builtin_message(NotifierKind::Email, "default", &sample("import failed"))
    else {
        panic!("a mail was asked for");
    };

    insta::assert_snapshot!(shown(&html), @r#"
    ❌ Import failed
    Client A/Episode 12
    Error (import_failed)
    nothing could be read
    Job
    Import
    Outcome
    failed
    Took
    3m 10s
    Open the project
    2026-11-20 09:03 CET · you may have got this before · 3 messages dropped before this one, outside of the hours of its rule · sent by the rule “sample”
    "#);
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>"));
    assert!(
        html.contains("href=\"https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11\"")
    );
    assert!(!html.contains("<img") && !html.contains("<script") && !html.contains("src="));
}

#[test]
fn the_console_gets_a_few_lines() {
    let shown: Vec<String> =
        ["import partial", "agent succeeded", "publish in progress", "an unknown state"]
            .map(|name| whole(&builtin_message(NotifierKind::Console, "default", &sample(name))))
            .into();

    insta::assert_snapshot!(shown.join("\n"), @r#"
    09:03:20 ⚠️ Client A/Episode 12: Import finished partially, 1 of 2 files failed (3m 10s)
        Day 1/guest.wav: the link answered 403
        https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    09:03:20 ✅ Client A/Episode 12: AI edit succeeded (3m 10s)
        Removed 41 filler words.
        The intro is 12 seconds shorter. (9 AI credits)
        https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    09:03:20 ⏳ Client A/Episode 12: Publish is running
        Rendering
        https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    09:03:20 ❔ Client A/Episode 12: Publish is now “paused”, a state not known here
        https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    "#);
}

#[test]
fn a_command_and_a_webhook_without_a_template_get_the_document() {
    let document = sample("import failed");

    for kind in [NotifierKind::Command, NotifierKind::Webhook] {
        for template in ["default", "failure", "mine"] {
            let mut body = json_of(&builtin_message(kind, template, &document));

            assert_eq!(body["type"], "job.failed");
            assert_eq!(body["timestamp"], document["event"]["detected_at"]);
            body.as_object_mut().unwrap().retain(|key, _| key != "type" && key != "timestamp");
            assert_eq!(body, document);
        }
    }
}
