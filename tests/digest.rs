//! Digests within every service's limits: what `render` writes of forty events, or of two
//! hundred, `deliver` has nothing to cut from, whatever people have called their projects.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use descript_notify::deliver::{discord, slack};
use descript_notify::model::{KIND_NAMES, Message, NotifierKind, without_overtaken};
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

/// Cards of chat services list so many events.
const LISTED_MAX: usize = 40;

/// So many events with the text in every place that people fill, in turn of every kind; of one
/// project, or of one each.
fn many(many: usize, text: &str, link: &str, projects: usize) -> Value {
    let mut document = group("a group of forty");
    let long = text.repeat(3_000 / text.len());
    let events = document["events"].as_array().unwrap().iter().cycle().take(many);
    let events: Vec<Value> = events
        .zip(KIND_NAMES.iter().cycle())
        .enumerate()
        .map(|(number, (event, (kind, _)))| {
            let mut event = hostile(event.clone(), kind.as_str(), &long, link);
            event["event"]["source"] = number.to_string().into();
            if event["job"].is_object() {
                event["job"]["project_id"] = (number % projects).into();
            }
            event
        })
        .collect();
    let newest = events.last().unwrap().clone();
    document["events"] = events.into();
    document["event"] = newest["event"].clone();
    document["event"]["repeat"] = true.into();
    document["job"] = newest["job"].clone();
    document["rule"] = json!({"name": long, "suppressed": u64::MAX, "held": "notifier"});
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
    if kind == "project_idle" || kind == "spend_crossed" {
        event["job"] = Value::Null;
        event["project"] = json!({"id": text, "name": text, "url": link, "jobs": u64::MAX,
            "failed": u64::MAX, "succeeded": u64::MAX});
        event["spend"] = json!({"unit": text, "used": text, "amount": text, "per": text});
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
    let hostile = HOSTILE.iter().enumerate().flat_map(|(number, text)| {
        let other = LINKS[1 + number % 3];
        [many(40, text, LINKS[0], 3 + 37 * (number % 2)), many(40, text, other, 40)]
    });
    let of_nights = [(1, 7), (2, 200), (6, 1)]
        .map(|(text, projects)| many(200, HOSTILE[text], LINKS[0], projects));
    let plain = samples::grouped().into_iter().map(|(_, document)| document);
    hostile.chain(of_nights).chain(plain)
}

/// How many events of a document people are told of, one with another left out.
fn told(document: &Value) -> usize {
    without_overtaken(document)["events"].as_array().unwrap().len()
}

/// Whether a line tells of an event, and is no heading.
fn is_of_event(line: &&str) -> bool {
    line.contains(" · ")
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
            let (mut lines, mut all) = (0, 0);
            for block in rendered["blocks"].as_array().unwrap() {
                let text = block["text"]["text"].as_str().unwrap_or_default();
                assert!(units(text) <= 3_000);
                lines += text.lines().filter(is_of_event).count();
                all += units(text);
            }
            assert!(all <= 12_000, "{all}");
            assert_eq!(lines, told(&document).min(LISTED_MAX));
            let left = told(&document).saturating_sub(LISTED_MAX);
            let shown = rendered.to_string();
            assert_eq!(shown.contains(&format!("… and {left} more")), left > 0, "{shown}");
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
                lines += description.lines().filter(is_of_event).count();
            }
            assert!(all <= 6_000, "{all}");
            assert_eq!(lines, told(&document).min(LISTED_MAX));
        }
    }
}

#[test]
fn links_are_left_out_last_of_what_people_do_not_need() {
    let mut document = group("a group of forty");
    for (number, event) in document["events"].as_array_mut().unwrap().iter_mut().enumerate() {
        event["job"]["project_id"] = number.into();
    }

    let slack = json_of(message(&Templates::builtin(), NotifierKind::Slack, &document));
    let discord = json_of(message(&Templates::builtin(), NotifierKind::Discord, &document));

    assert_eq!(slack.to_string().matches("<https://web.descript.com/").count(), 40);
    assert_eq!(discord.to_string().matches("](https://web.descript.com/").count(), 40);
}

#[test]
fn a_mail_and_a_terminal_get_a_line_for_each_event() {
    for document in documents() {
        let events = told(&document);
        let of = |kind| message(&Templates::builtin(), kind, &document);

        let Message::Mail { subject, text, html } = of(NotifierKind::Email) else {
            panic!("a mail was asked for");
        };
        let Message::Text(shown) = of(NotifierKind::Console) else {
            panic!("a text was asked for");
        };

        assert!(subject.chars().count() <= 120 && !subject.contains('\n'));
        for lines in [text, shown] {
            let of_events = |line: &&str| line.starts_with("    ") && is_of_event(line);
            assert_eq!(lines.lines().filter(of_events).count(), events, "{lines}");
        }
        let page = html.split("<br>").filter(is_of_event).count();
        assert!((events..=events + 1).contains(&page), "{page} of {events}: {html}");
        assert!(!html.contains("<script"));
    }
}
