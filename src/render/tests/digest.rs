//! What the built-in templates say about a group of events.

use super::*;

const OF_THREE: &str = "a group that ends with a failure";
const OF_FORTY: &str = "a group of forty";

fn mail(name: &str) -> (String, String, String) {
    match builtin_message(NotifierKind::Email, "default", &sample(name)) {
        Message::Mail { subject, text, html } => (subject, text, html),
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_built_in_templates_say_a_group_alike() {
    for (name, document) in samples::grouped() {
        for kind in [NotifierKind::Slack, NotifierKind::Discord, NotifierKind::Console] {
            let of = |template| builtin_message(kind, template, &document);

            assert_eq!(of("default"), of("failure"), "{name}");
        }
    }
}

#[test]
fn slack_gets_a_digest() {
    insta::assert_snapshot!(pretty(&builtin_message(NotifierKind::Slack, "default", &sample(OF_THREE))), @r#"
    {
      "blocks": [
        {
          "text": {
            "emoji": false,
            "text": "❌ Client A/Episode 12: 3 jobs ended",
            "type": "plain_text"
          },
          "type": "header"
        },
        {
          "text": {
            "text": "1 failed, 1 succeeded, 1 cancelled",
            "type": "mrkdwn",
            "verbatim": true
          },
          "type": "section"
        },
        {
          "text": {
            "text": "*<https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11|Client A/Episode 12>*\n✅ Import succeeded · 09:03\n🚫 AI edit cancelled · 09:01\n❌ Import failed: nothing could be read · 09:03",
            "type": "mrkdwn",
            "verbatim": true
          },
          "type": "section"
        },
        {
          "elements": [
            {
              "text": "2026-11-20 09:03 CET",
              "type": "mrkdwn",
              "verbatim": true
            }
          ],
          "type": "context"
        }
      ],
      "text": "❌ Client A/Episode 12: 3 jobs ended (1 failed, 1 succeeded, 1 cancelled)"
    }
    "#);
}

#[test]
fn discord_gets_a_digest() {
    insta::assert_snapshot!(pretty(&builtin_message(NotifierKind::Discord, "default", &sample(OF_THREE))), @r#"
    {
      "embeds": [
        {
          "color": 14038607,
          "description": "**1 failed, 1 succeeded, 1 cancelled**\n\n**[Client A/Episode 12](https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11)**\n✅ Import succeeded · 09\\:03\n🚫 AI edit cancelled · 09\\:01\n❌ Import failed: nothing could be read · 09\\:03",
          "footer": {
            "text": "2026-11-20 09:03 CET"
          },
          "timestamp": "2026-11-20T08:03:20Z",
          "title": "❌ Client A/Episode 12\\: 3 jobs ended"
        }
      ]
    }
    "#);
}

#[test]
fn a_mail_is_a_digest() {
    let (subject, text, html) = mail(OF_THREE);

    insta::assert_snapshot!(format!("Subject: {subject}\n\n{text}"), @r#"
    Subject: Client A/Episode 12: 3 jobs ended (1 failed, 1 succeeded, 1 cancelled)

    Client A/Episode 12: 3 jobs ended (1 failed, 1 succeeded, 1 cancelled)

        Client A/Episode 12  https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
          ✅ Import succeeded · 09:03
          🚫 AI edit cancelled · 09:01
          ❌ Import failed: nothing could be read · 09:03

    --
    2026-11-20 09:03 CET
    "#);
    insta::assert_snapshot!(shown(&html), @r#"
    ❌ Client A/Episode 12: 3 jobs ended
    1 failed, 1 succeeded, 1 cancelled
    Client A/Episode 12
    ✅ Import succeeded · 09:03
    🚫 AI edit cancelled · 09:01
    ❌ Import failed: nothing could be read · 09:03
    2026-11-20 09:03 CET · sent by the rule “sample”
    "#);
    let link = "<a href=\"https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11\">";
    assert_eq!(html.matches(link).count(), 1);
}

#[test]
fn the_console_gets_a_digest() {
    let of = |name| whole(&builtin_message(NotifierKind::Console, "default", &sample(name)));

    insta::assert_snapshot!(of(OF_THREE), @r#"
    09:03:20 ❌ Client A/Episode 12: 3 jobs ended (1 failed, 1 succeeded, 1 cancelled)
        Client A/Episode 12  https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
          ✅ Import succeeded · 09:03
          🚫 AI edit cancelled · 09:01
          ❌ Import failed: nothing could be read · 09:03
    "#);
    insta::assert_snapshot!(of("a group that ends with a success"), @r#"
    09:03:20 ⚠️ Client A/Episode 12: 2 jobs ended (1 partial, 1 succeeded)
        Client A/Episode 12  https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
          ⚠️ Import partial: 1 of 2 files failed: Day 1/guest.wav (the link answered 403) · 09:03
          ✅ Publish succeeded · 09:03
    "#);
    insta::assert_snapshot!(of("a group about the bridge"), @r#"
    09:03:20 ❌ 6 things happened (1 failed, 1 project idle, 1 source down, 1 source up again, 1 notifier down, 1 notifier up again) · kept while messages could not be sent
        ❌ Descript cannot be polled: main · the API refuses the token (401): it was revoked; make a new one in Settings > API tokens · 09:03
        ❌ Notifier team refuses messages · the webhook was deleted (404 no_service) · 09:03
        ✅ Notifier team takes messages again, 12 are being caught up · 09:03
        ❌ no project · AI edit failed · 09:03
        ❌ Client A/Episode 12 · All 12 jobs have ended: 1 failed, 1 partial, 10 succeeded · 09:03 · https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
        ✅ Descript is polled again: main · 09:03
    "#);
}

#[test]
fn forty_events_are_forty_lines_in_slack() {
    let body = builtin_message(NotifierKind::Slack, "default", &sample(OF_FORTY));

    let shown = texts(&body);
    assert_eq!(shown.matches(" · 09:03").count(), 40);
    let (start, end) = (shown.lines().take(6), shown.lines().rev().take(3));
    insta::assert_snapshot!(start.chain(end).collect::<Vec<_>>().join("\n"), @r#"
    ❌ Client A/Episode 12: 40 jobs ended
    10 failed, 30 succeeded
    *<https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11|Client A/Episode 12>*
    ✅ Import succeeded · 09:03
    ✅ AI edit succeeded · 09:03
    ❌ Publish failed: render broke · 09:03
    ❌ Client A/Episode 12: 40 jobs ended (10 failed, 30 succeeded)
    2026-11-20 09:03 CET
    ✅ Publish succeeded · 09:03
    "#);
    let blocks = &json_of(&body)["blocks"];
    assert_eq!(blocks.as_array().unwrap().len(), 8);
}

#[test]
fn forty_events_are_forty_lines_in_discord() {
    let body = builtin_message(NotifierKind::Discord, "default", &sample(OF_FORTY));

    let shown = texts(&body);
    assert_eq!(shown.matches(" · 09\\:03").count(), 40);
    let (start, end) = (shown.lines().take(6), shown.lines().rev().take(3));
    insta::assert_snapshot!(start.chain(end).collect::<Vec<_>>().join("\n"), @r#"
    **10 failed, 30 succeeded**

    **[Client A/Episode 12](https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11)**
    ✅ Import succeeded · 09\:03
    ✅ AI edit succeeded · 09\:03
    ❌ Publish failed: render broke · 09\:03
    2026-11-20 09:03 CET
    ✅ Publish succeeded · 09\:03
    ❌ Publish failed: render broke · 09\:03
    "#);
    assert_eq!(json_of(&body)["embeds"].as_array().unwrap().len(), 2);
}

#[test]
fn forty_events_are_forty_lines_in_mail_and_console() {
    let (subject, text, html) = mail(OF_FORTY);
    let console = whole(&builtin_message(NotifierKind::Console, "default", &sample(OF_FORTY)));

    assert_eq!(subject, "Client A/Episode 12: 40 jobs ended (10 failed, 30 succeeded)");
    for shown in [text, html, console] {
        assert_eq!(shown.matches(" · 09:03").count(), 40, "{shown}");
    }
}

#[test]
fn a_webhook_gets_the_newest_with_all_events() {
    let document = sample(OF_THREE);

    for kind in [NotifierKind::Webhook, NotifierKind::Command] {
        let body = json_of(&builtin_message(kind, "default", &document));

        assert_eq!(body["type"], "job.failed");
        assert_eq!(body["timestamp"], document["event"]["detected_at"]);
        assert_eq!(body["events"], document["events"]);
        assert_eq!(body["events"][0]["event"]["kind"], "succeeded");
    }
}

#[test]
fn an_event_of_a_digest_that_was_seen_late_is_marked_in_its_line() {
    let mut document = sample(OF_THREE);
    document["events"][1]["event"]["late"] = true.into();

    let marked =
        [NotifierKind::Slack, NotifierKind::Discord, NotifierKind::Email, NotifierKind::Console]
            .map(|kind| {
                let all = match builtin_message(kind, "default", &document) {
                    Message::Mail { text, html, .. } => format!("{text}\n{}", shown(&html)),
                    Message::Text(text) => text,
                    json => texts(&json),
                };
                let marked = all.lines().filter(|line| line.contains("late")).map(str::trim);
                format!("{kind}: {}", marked.collect::<Vec<_>>().join(" / "))
            });

    insta::assert_snapshot!(marked.join("\n"), @r"
    slack: 🚫 AI edit cancelled · 09:01 · seen late
    discord: 🚫 AI edit cancelled · 09\:01 · seen late
    email: 🚫 AI edit cancelled · 09:01 · seen late / 🚫 AI edit cancelled · 09:01 · seen late
    console: 🚫 AI edit cancelled · 09:01 · seen late
    ");
}

#[test]
fn a_template_that_knows_no_groups_gives_way_to_the_built_in_one() {
    let slack = |text: &str| with_file("slack/default.json.hbs", text);
    let document = sample(OF_THREE);
    let message = |templates: &Templates, document: &Value| {
        whole(&render_with(templates, NotifierKind::Slack, "default", document).unwrap())
    };

    let single = slack("{\"text\": \"mine: {{title}}\"}");
    let both = slack("{\"text\": \"{{#if events}}mine: {{lines events 500}}{{/if}}\"}");

    assert!(message(&single, &sample("import failed")).contains("mine: "));
    assert_eq!(message(&single, &document), message(&Templates::builtin(), &document));
    assert!(message(&both, &document).starts_with("{\"text\":\"mine: *<https://"));
}

#[test]
fn each_part_of_a_mail_gives_way_by_itself_and_a_partial_may_tell_of_groups() {
    let (templates, problems) = Templates::with_overrides(vec![
        file("email/mine.subject.hbs", "Mine: {{headline}}"),
        file("email/mine.text.hbs", "Mine: {{> rows}}"),
        file("email/_rows.text.hbs", "{{#each events}}{{title this}}; {{/each}}"),
        file("email/default.html.hbs", "<p>{{headline}}</p>"),
    ]);
    assert_eq!(problems, []);

    let message = render_with(&templates, NotifierKind::Email, "mine", &sample(OF_THREE)).unwrap();

    let Message::Mail { subject, text, html } = message else { panic!("{message:?}") };
    assert_eq!(subject, mail(OF_THREE).0);
    assert_eq!(
        text,
        "Mine: Client A/Episode 12: Import succeeded; Client A/Episode 12: AI edit cancelled; \
         Client A/Episode 12: Import failed;"
    );
    assert_eq!(html, mail(OF_THREE).2);
}

#[test]
fn a_template_of_groups_that_fails_is_replaced_by_the_built_in_digest() {
    let templates = with_file("slack/mine.json.hbs", "{{#each events}}{{job.nothing}}{{/each}}");

    let rendered = safely(&templates, NotifierKind::Slack, "mine", &sample(OF_THREE));

    let all = whole(&rendered.message);
    assert!(all.contains("slack/mine.json.hbs failed"));
    assert!(all.contains("3 jobs ended") && all.contains("AI edit cancelled"), "{all}");
    assert!(rendered.fell_back.unwrap().contains("there is no field `job.nothing`"));
}

#[test]
fn the_last_resort_tells_of_every_event_too() {
    let zone = TimeZone::UTC;
    for kind in NotifierKind::ALL {
        let document = sample(OF_THREE);
        let request =
            RenderRequest { kind, template: "x", document: &document, now: now(), zone: &zone };

        let all = whole(&last_resort::last_resort(&request, "Sorry."));

        for said in ["3 jobs ended", "AI edit cancelled", "nothing could be read", "Sorry."] {
            assert!(all.contains(said), "{said} in {all}");
        }
    }
}
