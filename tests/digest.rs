//! Digests within every service's limits: what `render` writes of forty events, `deliver` has
//! nothing to cut from, whatever people have called their projects.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use descript_notify::deliver::{discord, slack};
use descript_notify::model::{KIND_NAMES, Message, NotifierKind};
use descript_notify::render::{RenderRequest, TemplateFile, Templates, samples};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// Long, and longer still when they are escaped.
const HOSTILE: [&str; 10] = [
    "x",
    "&<>",
    "*_~`|[]()#:@\\",
    "_a",
    "12. 😀",
    "\"'",
    "<!channel> @everyone [x](https://evil.example)\n- item\n",
    "e\u{301}\u{202e}\u{200d}",
    "</td><script>alert(1)</script>",
    "👩\u{200d}💻\u{fe0f}",
];

const LINKS: [&str; 4] = [
    "https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11",
    "https://web.descript.com/&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&",
    "https://web.descript.com/?a|>)]",
    "javascript:alert(1)",
];

/// Forty events with the text in every place that people fill, in turn of every kind.
fn forty(text: &str, link: &str) -> Value {
    let mut document = group("a group of forty");
    let long = text.repeat(3_000 / text.len());
    let events = document["events"].as_array_mut().unwrap();
    for (event, (kind, _)) in events.iter_mut().zip(KIND_NAMES.iter().cycle()) {
        *event = hostile(event.take(), kind.as_str(), &long, link);
    }
    let newest = events.last().unwrap().clone();
    document["event"] = newest["event"].clone();
    document["event"]["repeat"] = true.into();
    document["job"] = newest["job"].clone();
    document["rule"] = json!({"name": long, "suppressed": 4_000_000_000_u32});
    document
}

fn hostile(mut event: Value, kind: &str, text: &str, link: &str) -> Value {
    event["event"]["kind"] = kind.into();
    event["event"]["late"] = true.into();
    event["event"]["to"] = text.into();
    if kind.starts_with("source") || kind.starts_with("notifier") {
        event["job"] = Value::Null;
        let facts = json!({"name": text, "reason": text, "waiting": u64::MAX, "since": text});
        event["source"] = facts.clone();
        event["notifier"] = facts;
        return event;
    }
    for field in ["project_name", "project_id", "job_id", "job_type"] {
        event["job"][field] = text.into();
    }
    event["job"]["project_url"] = link.into();
    event["job"]["result"] = json!({"error_message": text, "error_code": text,
        "media_status": {text: {"status": "failed", "error_message": text}}});
    event
}

fn group(name: &str) -> Value {
    samples::grouped().into_iter().find(|(known, _)| *known == name).unwrap().1
}

fn message(templates: &Templates, kind: NotifierKind, document: &Value) -> Message {
    let zone = TimeZone::get("America/Argentina/ComodRivadavia").unwrap();
    let now = Timestamp::UNIX_EPOCH;
    templates.render(&RenderRequest { kind, template: "mine", document, now, zone: &zone }).message
}

/// A template that fails, so that the message has a notice as well.
fn failing() -> Templates {
    let files = ["slack", "discord"].map(|kind| TemplateFile {
        path: format!("{kind}/mine.json.hbs"),
        text: "{{#each events}}{{nothing}}{{/each}}".into(),
    });
    Templates::with_overrides(files.into()).0
}

fn json_of(message: Message) -> Value {
    let Message::Json(body) = message else { panic!("{message:?}") };
    serde_json::from_str(&body).unwrap()
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Every text, with a link as Descript has them and with another; and the plain samples.
fn documents() -> impl Iterator<Item = Value> {
    let hostile = HOSTILE
        .iter()
        .enumerate()
        .flat_map(|(number, text)| [LINKS[0], LINKS[1 + number % 3]].map(|link| forty(text, link)));
    hostile.chain(samples::grouped().into_iter().map(|(_, document)| document))
}

#[test]
fn slack_takes_a_digest_as_it_is() {
    for templates in [Templates::builtin(), failing()] {
        for document in documents() {
            let rendered = json_of(message(&templates, NotifierKind::Slack, &document));
            let fitted: Value =
                serde_json::from_str(&slack::payload::fit(&rendered.to_string())).unwrap();

            assert_eq!(fitted["blocks"], rendered["blocks"]);
            assert_eq!(fitted["text"], rendered["text"]);
            let mut lines = 0;
            for block in rendered["blocks"].as_array().unwrap() {
                let text = block["text"]["text"].as_str().unwrap_or_default();
                assert!(units(text) <= 3_000);
                if text.contains(" · ") {
                    lines += text.lines().count();
                }
            }
            assert_eq!(lines, document["events"].as_array().unwrap().len());
        }
    }
}

#[test]
fn discord_takes_a_digest_as_it_is() {
    for templates in [Templates::builtin(), failing()] {
        for document in documents() {
            let rendered = json_of(message(&templates, NotifierKind::Discord, &document));
            let fitted: Value =
                serde_json::from_str(&discord::payload::fit(&rendered.to_string())).unwrap();

            let (mut lines, mut all) = (0, 0);
            let embeds = rendered["embeds"].as_array().unwrap();
            assert_eq!(fitted["embeds"].as_array().unwrap().len(), embeds.len());
            for (embed, fitted) in embeds.iter().zip(fitted["embeds"].as_array().unwrap()) {
                for part in ["/title", "/description", "/footer/text"] {
                    assert_eq!(fitted.pointer(part), embed.pointer(part));
                    all += embed.pointer(part).and_then(Value::as_str).map_or(0, units);
                }
                let description = embed["description"].as_str().unwrap();
                assert!(units(description) <= 4_096);
                lines += description.lines().filter(|line| line.contains(" · ")).count();
            }
            assert!(all <= 6_000, "{all}");
            assert_eq!(lines, document["events"].as_array().unwrap().len());
        }
    }
}

#[test]
fn links_are_left_out_last_of_what_people_do_not_need() {
    let document = group("a group of forty");

    let slack = json_of(message(&Templates::builtin(), NotifierKind::Slack, &document));
    let discord = json_of(message(&Templates::builtin(), NotifierKind::Discord, &document));

    assert_eq!(slack.to_string().matches("<https://web.descript.com/").count(), 40);
    assert_eq!(discord.to_string().matches("](https://web.descript.com/").count(), 40);
}

#[test]
fn a_mail_and_a_terminal_get_a_line_for_each_event() {
    for document in documents() {
        let events = document["events"].as_array().unwrap().len();
        let of = |kind| message(&Templates::builtin(), kind, &document);

        let Message::Mail { subject, text, html } = of(NotifierKind::Email) else {
            panic!("a mail was asked for");
        };
        let Message::Text(shown) = of(NotifierKind::Console) else {
            panic!("a text was asked for");
        };

        assert!(subject.chars().count() <= 120 && !subject.contains('\n'));
        for lines in [text, shown] {
            let of_events = |line: &&str| line.starts_with("    ") && line.contains(" · ");
            assert_eq!(lines.lines().filter(of_events).count(), events, "{lines}");
        }
        assert_eq!(html.matches("<br>").count(), events - 1, "{html}");
        assert!(!html.contains("<script"));
    }
}
