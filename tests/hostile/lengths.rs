//! Payloads are valid at every length: texts whose length is a step below, at and above each
//! limit of a service, made of characters that count differently before and after an escape.
//!
//! The limits are the services', written down here a second time.

use std::sync::LazyLock;

use descript_notify::deliver::{discord, slack};
use descript_notify::model::{Message, NotifierKind};
use descript_notify::render::{RenderRequest, TemplateFile, Templates};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Templates that cut nothing: the text in every place that has a limit.
const SLACK: &str = r#"{ "text": "{{job.result.agent_response}}", "blocks": [
    { "type": "header", "text": { "type": "plain_text", "text": "{{plain job.result.agent_response}}" } },
    { "type": "section", "text": { "type": "mrkdwn", "text": "*Why:* {{job.result.agent_response}}" },
      "fields": [{ "type": "mrkdwn", "text": "{{job.result.agent_response}}" }, { "type": "plain_text", "text": "{{plain job.result.agent_response}}" }] },
    { "type": "actions", "elements": [{ "type": "button", "text": { "type": "plain_text", "text": "{{plain job.result.agent_response}}" }, "url": "https://web.descript.com/" }] },
    { "type": "context", "elements": [{ "type": "mrkdwn", "text": "<https://web.descript.com/|{{job.result.agent_response}}>" }] } ] }"#;
const DISCORD: &str = r#"{ "content": "{{job.result.agent_response}}", "username": "{{plain job.result.agent_response}}",
    "embeds": [{ "title": "{{job.result.agent_response}}", "description": "**{{job.result.agent_response}}**",
      "author": { "name": "{{plain job.result.agent_response}}" }, "footer": { "text": "{{plain job.result.agent_response}}" },
      "fields": [{ "name": "{{job.result.agent_response}}", "value": "{{job.result.agent_response}}" }, { "name": "x", "value": "{{job.result.agent_response}}" }] },
      { "description": "{{job.result.agent_response}}" }] }"#;

static TEMPLATES: LazyLock<Templates> = LazyLock::new(|| {
    let file = |kind: &str, text: &str| TemplateFile {
        path: format!("{kind}/long.json.hbs"),
        text: text.into(),
    };
    let files = vec![file("slack", SLACK), file("discord", DISCORD)];
    let (templates, problems) = Templates::with_overrides(files);
    assert!(problems.is_empty(), "{problems:?}");
    templates
});

/// Every limit of a text of both services, and of all embeds together.
const LIMITS: [usize; 12] =
    [75, 80, 150, 256, 1_000, 1_024, 2_000, 2_048, 3_000, 4_000, 4_096, 6_000];

/// Each counts differently: in UTF-16, in bytes, or after an escape.
const UNITS: [&str; 12] =
    ["a", "é", "😀", "&", "<", "\\", "*", "@", " a", "\n", "e\u{301}", "👩\u{200d}💻"];

fn text_around_a_limit() -> impl Strategy<Value = String> {
    let part =
        || (prop::sample::select(UNITS.to_vec()), prop::sample::select(LIMITS.to_vec()), 1usize..8);
    // One unit up to a limit once escaped, then a few characters across it.
    (part(), 0usize..12, prop::collection::vec(prop::sample::select(UNITS.to_vec()), 0..6))
        .prop_map(|((unit, limit, grows_by), back, tail)| {
            let filled =
                unit.repeat((limit / grows_by).saturating_sub(back) / unit.chars().count());
            format!("{filled}{}", tail.concat())
        })
}

fn rendered(kind: NotifierKind, text: &str) -> String {
    let mut document = super::full("failed");
    document["job"]["result"]["agent_response"] = text.into();
    let request = RenderRequest {
        kind,
        template: "long",
        document: &document,
        now: Timestamp::UNIX_EPOCH,
        zone: &TimeZone::UTC,
    };
    match TEMPLATES.render_strict(&request) {
        Ok(Message::Json(body)) => body,
        other => panic!("{other:?}"),
    }
}

fn units(text: &Value) -> usize {
    text.as_str().unwrap_or_else(|| panic!("no text: {text}")).encode_utf16().count()
}

fn assert_between(text: &Value, most: usize) {
    assert!((1..=most).contains(&units(text)), "{} of {most}: {text}", units(text));
}

/// Panics where Slack would refuse the payload.
pub fn assert_valid_slack(payload: &Value) {
    assert_between(&payload["text"], 4_000);
    let blocks = payload["blocks"].as_array().map_or(&[][..], Vec::as_slice);
    assert!(blocks.len() <= 50);
    let object = |object: &Value, most| {
        assert_between(&object["text"], most);
        assert!(object["type"] == "mrkdwn" || object["type"] == "plain_text", "{object}");
        assert_eq!(object["type"] == "mrkdwn", object["verbatim"] == true, "{object}");
    };
    for block in blocks {
        let elements = || block["elements"].as_array().unwrap().iter();
        match block["type"].as_str().unwrap() {
            "header" => object(&block["text"], 150),
            "section" => {
                if block.get("text").is_some() {
                    object(&block["text"], 3_000);
                }
                let fields = block["fields"].as_array().map_or(&[][..], Vec::as_slice);
                assert!(fields.len() <= 10 && (block.get("text").is_some() || !fields.is_empty()));
                fields.iter().for_each(|field| object(field, 2_000));
            }
            "context" => {
                assert!((1..=10).contains(&elements().count()));
                elements().for_each(|element| object(element, 3_000));
            }
            "actions" => elements().for_each(|button| object(&button["text"], 75)),
            "divider" => {}
            other => panic!("a block that nobody asked for: {other}"),
        }
    }
}

/// Panics where Discord would refuse the payload.
pub fn assert_valid_discord(payload: &Value) {
    assert_eq!(payload["allowed_mentions"], json!({ "parse": [] }));
    let embeds = payload["embeds"].as_array().map_or(&[][..], Vec::as_slice);
    assert!(embeds.len() <= 10 && (payload.get("content").is_some() || !embeds.is_empty()));
    for (key, most) in [("content", 2_000), ("username", 80)] {
        if payload.get(key).is_some() {
            assert_between(&payload[key], most);
        }
    }
    let mut together = 0;
    for embed in embeds {
        let mut texts = vec![
            (embed.get("title"), 256),
            (embed.get("description"), 4_096),
            (embed.pointer("/author/name"), 256),
            (embed.pointer("/footer/text"), 2_048),
        ];
        let fields = embed["fields"].as_array().map_or(&[][..], Vec::as_slice);
        assert!(fields.len() <= 25);
        for field in fields {
            // Both must be there.
            texts.extend([(Some(&field["name"]), 256), (Some(&field["value"]), 1_024)]);
        }
        for (text, most) in texts {
            if let Some(text) = text {
                assert_between(text, most);
                assert_eq!(text.as_str().unwrap().trim(), text.as_str().unwrap());
                together += units(text);
            }
        }
    }
    assert!(together <= 6_000, "{together}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_slack_payload_is_valid_at_every_length(text in text_around_a_limit()) {
        let payload: Value = serde_json::from_str(&slack::payload::fit(&rendered(NotifierKind::Slack, &text))).unwrap();

        assert_valid_slack(&payload);
        for shown in super::strings(&payload) {
            // No entity and no link is cut in two.
            let bare = shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
            let plain = shown.contains(['&', '<']) && super::slack::is_plain(&payload, shown);
            prop_assert!(plain || !bare.contains('&'), "{}", shown);
            prop_assert!(plain || shown.matches('<').count() == shown.matches('>').count(), "{}", shown);
        }
    }

    #[test]
    fn a_discord_payload_is_valid_at_every_length(text in text_around_a_limit()) {
        let payload: Value = serde_json::from_str(&discord::payload::fit(&rendered(NotifierKind::Discord, &text))).unwrap();

        assert_valid_discord(&payload);
        let embeds = payload["embeds"].as_array().into_iter().flatten();
        for shown in embeds.filter_map(|embed| embed["description"].as_str()) {
            // No escape is cut in two: what would follow it in a list of embeds is not escaped.
            let kept = shown.trim_end_matches('…').trim_end_matches("**");
            let slashes = kept.bytes().rev().take_while(|byte| *byte == b'\\').count();
            prop_assert_eq!(slashes % 2, 0, "{}", shown);
        }
    }
}
