//! Slack's payloads against Slack's rules, written down a second time, and its webhook against
//! a server of our own.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::hook::{HOSTS, checked_url};
use super::payload::fit;
use super::settings::SlackSettings;
use crate::deliver::far_side::{FarSide, Reply, built, envelope, inline, settings};
use crate::deliver::settings::TypeSettings;
use crate::deliver::{FailureKind, Notifier};
use crate::model::Message;

fn fitted(given: &Value) -> Value {
    serde_json::from_str(&fit(&given.to_string())).unwrap()
}

fn units(text: &Value) -> usize {
    text.as_str().unwrap().encode_utf16().count()
}

/// Panics where Slack would answer `invalid_blocks` or worse.
fn assert_valid(payload: &Value) {
    let top = payload.as_object().unwrap();
    assert!(!top.contains_key("link_names") && !top.contains_key("parse"));
    assert_eq!((&top["unfurl_links"], &top["unfurl_media"]), (&json!(false), &json!(false)));
    assert!(["text", "blocks", "attachments"].iter().any(|key| top.contains_key(*key)));
    if let Some(text) = top.get("text") {
        assert!((1..=4000).contains(&units(text)));
    }
    let attachments = top.get("attachments").and_then(Value::as_array);
    assert!(attachments.is_none_or(|all| (1..=20).contains(&all.len())));
    let mut all = top.get("blocks").and_then(Value::as_array).cloned().unwrap_or_default();
    for attachment in attachments.into_iter().flatten() {
        all.extend(attachment.get("blocks").and_then(Value::as_array).cloned().unwrap_or_default());
    }
    assert!(all.len() <= 50);
    all.iter().for_each(assert_valid_block);
    assert_texts(payload);
}

fn assert_valid_block(block: &Value) {
    let elements = |most| {
        let elements = block["elements"].as_array().unwrap();
        assert!((1..=most).contains(&elements.len()));
        elements.clone()
    };
    match block["type"].as_str().unwrap() {
        "divider" => {}
        "header" => {
            assert_eq!(block["text"]["type"], "plain_text");
            assert!(units(&block["text"]["text"]) <= 150);
        }
        "section" => {
            let fields = block.get("fields").map(|fields| fields.as_array().unwrap());
            assert!(fields.is_some() || block.get("text").is_some());
            for field in fields.into_iter().flatten() {
                assert!(units(&field["text"]) <= 2000);
            }
            assert!(fields.is_none_or(|fields| (1..=10).contains(&fields.len())));
        }
        "context" => drop(elements(10)),
        "actions" => {
            for button in elements(25) {
                assert!(units(&button["text"]["text"]) <= 75);
                assert_eq!(button["text"]["type"], "plain_text");
            }
        }
        "image" => assert!((1..=2000).contains(&units(&block["alt_text"]))),
        "markdown" => assert!((1..=12_000).contains(&units(&block["text"]))),
        "rich_text" => drop(elements(usize::MAX)),
        other => panic!("unknown block {other}"),
    }
}

/// What holds for every text object and URL, wherever it stands.
fn assert_texts(value: &Value) {
    if let Some(fields) = value.as_object() {
        match fields.get("type").and_then(Value::as_str) {
            Some("mrkdwn") => assert_eq!(fields["verbatim"], json!(true)),
            Some("plain_text") => assert!(!fields.contains_key("verbatim")),
            _ => {}
        }
        for (key, field) in fields {
            match (key.as_str(), field) {
                ("text", Value::String(text)) => assert!(!text.is_empty()),
                ("url" | "image_url", Value::String(url)) => {
                    assert!(url.starts_with("https://") && units(field) <= 3000);
                }
                _ => {}
            }
            if ["text"].contains(&key.as_str()) && field.is_string() && fields.contains_key("type")
            {
                let most = if fields["type"] == "markdown" { 12_000 } else { 3000 };
                assert!(units(field) <= most);
            }
            assert_texts(field);
        }
    }
    value.as_array().into_iter().flatten().for_each(assert_texts);
}

/// Any JSON made of the words that Slack knows, with texts of any length.
fn any_payload() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just(String::new()),
        Just("  \n".to_owned()),
        "(&amp;|<!channel>|😀|a){1,30}",
        (1usize..5000).prop_map(|n| "é&lt;".repeat(n)),
        Just("https://example.com/x".to_owned()),
        Just("http://example.com/".to_owned()),
        Just(format!("https://example.com/{}", "x".repeat(3000))),
    ];
    let kind = prop::sample::select(vec![
        "header",
        "section",
        "context",
        "actions",
        "image",
        "markdown",
        "rich_text",
        "divider",
        "button",
        "mrkdwn",
        "plain_text",
        "rich_text_section",
        "rich_text_list",
        "text",
        "link",
        "emoji",
        "table",
    ]);
    let leaf = prop_oneof![
        3 => text.prop_map(Value::from),
        3 => kind.prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i32>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    let key = prop::sample::select(vec![
        "type",
        "text",
        "blocks",
        "elements",
        "fields",
        "accessory",
        "url",
        "image_url",
        "alt_text",
        "verbatim",
        "block_id",
        "action_id",
        "attachments",
        "title",
        "value",
        "fallback",
        "color",
        "link_names",
        "parse",
        "unfurl_links",
        "style",
        "name",
        "channel",
    ]);
    leaf.prop_recursive(5, 80, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(key, it)| (key.to_owned(), it)).collect())
            }),
        ]
    })
}

/// A well-formed message with text of any length and kind in every place.
fn long_message() -> impl Strategy<Value = Value> {
    let text = || {
        prop_oneof![
            (0usize..900).prop_map(|n| "&amp;".repeat(n)),
            (0usize..1700).prop_map(|n| "😀".repeat(n)),
            "(?s).{0,40}",
        ]
    };
    prop::collection::vec((text(), text(), 0usize..13), 0..20).prop_map(|parts| {
        let blocks: Vec<Value> = parts
            .into_iter()
            .flat_map(|(one, two, many)| {
                let mrkdwn = json!({ "type": "mrkdwn", "text": one });
                let plain = json!({ "type": "plain_text", "text": two });
                [
                    json!({ "type": "header", "text": plain, "block_id": "same" }),
                    json!({ "type": "section", "text": mrkdwn, "fields": vec![mrkdwn.clone(); many] }),
                    json!({ "type": "context", "elements": vec![mrkdwn; many] }),
                ]
            })
            .collect();
        json!({ "text": "short", "blocks": blocks })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_is_rendered_becomes_a_valid_payload(given in any_payload()) {
        let once = fitted(&given);

        assert_valid(&once);
        prop_assert_eq!(fitted(&once), once);
    }

    #[test]
    fn long_and_hostile_text_leaves_a_valid_payload(given in long_message()) {
        let once = fitted(&given);

        assert_valid(&once);
        prop_assert_eq!(fitted(&once), once);
    }

    #[test]
    fn not_even_json_is_needed(given in "(?s).{0,60}") {
        assert_valid(&serde_json::from_str(&fit(&given)).unwrap());
    }
}

#[test]
fn a_message_comes_through_with_its_forced_keys() {
    let given = json!({
        "text": "Export failed", "link_names": true, "parse": "full", "unfurl_links": true,
        "blocks": [
            { "type": "header", "text": { "type": "plain_text", "text": "Export failed" } },
            { "type": "section", "text": { "type": "mrkdwn", "text": "*Why:* @here", "verbatim": false },
              "fields": [{ "type": "mrkdwn", "text": " " }, { "type": "mrkdwn", "text": "a" }] },
            { "type": "context", "elements": [{ "type": "mrkdwn", "text": "" }] },
            { "type": "actions", "elements": [
                { "type": "button", "text": { "type": "plain_text", "text": "Open" }, "url": "https://web.descript.com/1" },
                { "type": "button", "text": { "type": "plain_text", "text": "Bad" }, "url": "javascript:x" } ] },
        ],
    });

    insta::assert_json_snapshot!(fitted(&given), @r#"
    {
      "blocks": [
        {
          "text": {
            "emoji": false,
            "text": "Export failed",
            "type": "plain_text"
          },
          "type": "header"
        },
        {
          "fields": [
            {
              "text": "a",
              "type": "mrkdwn",
              "verbatim": true
            }
          ],
          "text": {
            "text": "*Why:* @here",
            "type": "mrkdwn",
            "verbatim": true
          },
          "type": "section"
        },
        {
          "elements": [
            {
              "text": {
                "emoji": false,
                "text": "Open",
                "type": "plain_text"
              },
              "type": "button",
              "url": "https://web.descript.com/1"
            }
          ],
          "type": "actions"
        }
      ],
      "text": "Export failed",
      "unfurl_links": false,
      "unfurl_media": false
    }
    "#);
}

#[test]
fn a_payload_beyond_repair_still_says_what_it_held_and_brings_nothing_to_life() {
    let given =
        json!({ "blocks": [{ "type": "section2", "text": { "text": "<!channel> & co" } }] });

    insta::assert_json_snapshot!(fitted(&given), @r#"
    {
      "text": "&lt;!channel&gt; &amp; co",
      "unfurl_links": false,
      "unfurl_media": false
    }
    "#);
    assert_eq!(fitted(&json!({}))["text"], "A message without any text.");
}

#[test]
fn plain_text_is_escaped_where_it_stands_in_for_the_missing_text() {
    let header = json!({ "type": "header", "text": { "type": "plain_text", "text": "<!here>" } });

    assert_eq!(fitted(&json!({ "blocks": [header] }))["text"], "&lt;!here&gt;");
}

#[test]
fn only_urls_of_incoming_webhooks_are_taken() {
    let why = |url: &str| checked_url(url).map(drop).map_err(|(problem, _)| problem);

    for host in HOSTS {
        assert_eq!(why(&format!("https://{host}/services/T0/B0/xyz")), Ok(()));
    }
    assert_eq!(why("http://127.0.0.1:9/anything"), Ok(()));
    insta::assert_snapshot!(why("https://discord.com/api/webhooks/1/x").unwrap_err(), @"the host `discord.com` is not Slack's");
    insta::assert_snapshot!(why("https://hooks.slack.com/workflows/x").unwrap_err(), @"it is not the URL of an incoming webhook");
    insta::assert_snapshot!(why("http://hooks.slack.com/services/x").unwrap_err(), @"it is not https, and its host is not this machine");
}

fn slack(far_side: &FarSide) -> Notifier {
    let webhook_url = inline(far_side.url("/services/T0/B0/abcdefghijklmnopqrstuvwx"));
    built(&settings(TypeSettings::Slack(SlackSettings::Webhook { webhook_url })))
}

fn hello() -> Message {
    Message::Json(json!({ "text": "hello" }).to_string())
}

#[tokio::test]
async fn a_message_is_posted_once_as_json() {
    let far_side = FarSide::answering(200, "ok").await;

    let receipt = slack(&far_side).send(&envelope(), &hello()).await.unwrap();

    assert_eq!((receipt.status, receipt.answer.as_str()), (Some(200), "ok"));
    let [seen] = far_side.seen().try_into().unwrap();
    assert_eq!(seen.line, "POST /services/T0/B0/abcdefghijklmnopqrstuvwx");
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert!(seen.header("user-agent").unwrap().starts_with("descript-notify/"));
    assert_eq!(seen.json()["text"], "hello");
}

#[tokio::test]
async fn a_service_that_names_its_wait_is_obeyed() {
    let reply = Reply::with_headers(429, &[("retry-after", "30")], b"rate_limited");
    let far_side = FarSide::start(vec![reply]).await;

    let failure = slack(&far_side).send(&envelope(), &hello()).await.unwrap_err();

    let wait = Some(std::time::Duration::from_secs(30));
    assert_eq!(failure.kind, FailureKind::Later { wait, counts: false });
    insta::assert_snapshot!(failure, @"Slack answered 429: too many messages: rate_limited");
}

#[tokio::test]
async fn a_probe_posts_nothing_that_could_be_shown() {
    let alive = FarSide::answering(400, "no_text").await;
    let gone = FarSide::answering(404, "no_service").await;

    assert!(slack(&alive).probe().await.is_ok());
    assert_eq!(alive.seen()[0].body, "{}");
    assert_eq!(slack(&gone).probe().await.unwrap_err().kind, FailureKind::Broken);
}
