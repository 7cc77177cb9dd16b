//! Discord's payloads against Discord's rules, written down a second time, and its webhook
//! against a server of our own.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::endpoints;
use super::payload::fit;
use super::settings::DiscordSettings;
use crate::deliver::far_side::{FarSide, Reply, built, envelope, inline, settings};
use crate::deliver::settings::TypeSettings;
use crate::deliver::{FailureKind, Notifier};
use crate::model::{Envelope, EventKind, Live, Message};

fn fitted(given: &Value) -> Value {
    serde_json::from_str(&fit(&given.to_string())).unwrap()
}

/// Panics where the text is missing, empty, untrimmed or too long; gives its length.
fn text(value: &Value, most: usize) -> usize {
    let text = value.as_str().unwrap();
    let units = text.encode_utf16().count();
    assert!(!text.is_empty() && text.trim() == text && units <= most, "{units} of {most}");
    units
}

/// Panics where Discord would answer 50035 or 50006.
fn assert_valid(payload: &Value) {
    assert_eq!(payload["allowed_mentions"], json!({ "parse": [] }));
    assert!(payload.get("content").is_some() || payload.get("embeds").is_some());
    for (key, most) in [("content", 2000), ("username", 80), ("thread_name", 100)] {
        if let Some(value) = payload.get(key) {
            text(value, most);
        }
    }
    let Some(embeds) = payload.get("embeds") else { return };
    let embeds = embeds.as_array().unwrap();
    assert!((1..=10).contains(&embeds.len()));
    assert!(embeds.iter().map(assert_valid_embed).sum::<usize>() <= 6000);
}

fn assert_valid_embed(embed: &Value) -> usize {
    let embed = embed.as_object().unwrap();
    let shown = ["title", "description", "fields", "author", "footer", "image", "thumbnail"];
    assert!(shown.iter().any(|key| embed.contains_key(*key)));
    let mut total = 0;
    for (key, value) in embed {
        total += match key.as_str() {
            "title" => text(value, 256),
            "description" => text(value, 4096),
            "author" => text(&value["name"], 256),
            "footer" => text(&value["text"], 2048),
            "fields" => {
                let fields = value.as_array().unwrap();
                assert!((1..=25).contains(&fields.len()));
                fields.iter().map(|it| text(&it["name"], 256) + text(&it["value"], 1024)).sum()
            }
            "color" => {
                assert!(value.as_u64().unwrap() <= 0xFF_FFFF);
                0
            }
            "url" => {
                assert!(value.as_str().unwrap().starts_with("https://"));
                assert!(text(value, 2048) > 0);
                0
            }
            "image" | "thumbnail" => {
                assert!(text(&value["url"], 2048) > 0);
                0
            }
            "timestamp" => value.as_str().unwrap().parse::<jiff::Timestamp>().map(|_| 0).unwrap(),
            other => panic!("unknown key {other}"),
        };
    }
    total
}

/// Any JSON made of the words that Discord knows, with texts of any length.
fn any_payload() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just(String::new()),
        Just(" \n ".to_owned()),
        r"(\\\*|@everyone|😀| |a){1,30}",
        (1usize..5000).prop_map(|n| r"\_é".repeat(n)),
        Just("https://example.com/x".to_owned()),
        Just("http://example.com/".to_owned()),
        Just("2026-11-23T15:13:00Z".to_owned()),
        Just("Discord".to_owned()),
    ];
    let leaf = prop_oneof![
        5 => text.prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    let key = prop::sample::select(vec![
        "content",
        "embeds",
        "title",
        "description",
        "fields",
        "name",
        "value",
        "inline",
        "footer",
        "text",
        "author",
        "url",
        "icon_url",
        "image",
        "thumbnail",
        "color",
        "timestamp",
        "username",
        "avatar_url",
        "tts",
        "flags",
        "allowed_mentions",
        "thread_name",
        "components",
        "poll",
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

/// A well-formed message with text of any length in every place.
fn long_message() -> impl Strategy<Value = Value> {
    let text = || {
        prop_oneof![
            (0usize..1500).prop_map(|n| r"\\\*".repeat(n)),
            (0usize..1500).prop_map(|n| "😀 ".repeat(n)),
            "(?s).{0,40}",
        ]
    };
    let embed = (text(), text(), text(), 0usize..28).prop_map(|(one, two, three, many)| {
        let field = json!({ "name": one, "value": two });
        json!({
            "title": three, "description": two, "url": "https://example.com/same",
            "author": { "name": one }, "footer": { "text": three }, "fields": vec![field; many],
        })
    });
    (text(), prop::collection::vec(embed, 0..14))
        .prop_map(|(content, embeds)| json!({ "content": content, "embeds": embeds }))
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
        "content": "@everyone", "allowed_mentions": { "parse": ["everyone"] }, "flags": 64 | 4096,
        "username": "My Discord", "components": [1],
        "embeds": [{
            "title": "Export failed", "url": "http://plain.example/", "color": 15_548_997,
            "timestamp": "2026-11-23T15:13:00+00:00",
            "fields": [{ "name": "a", "value": "" }, { "name": "b", "value": "c", "inline": true }],
            "footer": { "text": "main", "icon_url": "javascript:x" },
        }, { "color": 3 }],
    });

    insta::assert_json_snapshot!(fitted(&given), @r#"
    {
      "allowed_mentions": {
        "parse": []
      },
      "content": "@everyone",
      "embeds": [
        {
          "color": 15548997,
          "fields": [
            {
              "inline": true,
              "name": "b",
              "value": "c"
            }
          ],
          "footer": {
            "text": "main"
          },
          "timestamp": "2026-11-23T15:13:00Z",
          "title": "Export failed"
        }
      ],
      "flags": 4096
    }
    "#);
}

#[test]
fn a_payload_beyond_repair_still_says_what_it_held_as_code() {
    let given = json!({ "embeds": [{ "titel": { "text": "[x](https://evil.example) ```" } }] });

    assert_eq!(fitted(&given)["content"], "```\n[x](https://evil.example) '''\n```");
    assert_eq!(fitted(&json!({}))["content"], "```\nA message without any text.\n```");
}

#[test]
fn the_url_is_rewritten_to_the_version_whose_waits_are_seconds() {
    let urls = |text: &str| {
        let (webhook, execute) = endpoints(text).unwrap();
        format!("{webhook} {execute}")
    };

    for path in ["api", "api/v6", "api/v10"] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(urls(&format!("https://discord.com/{path}/webhooks/12/to-ken")), @"https://discord.com/api/v10/webhooks/12/to-ken https://discord.com/api/v10/webhooks/12/to-ken?wait=true");
        }
    }
    insta::assert_snapshot!(
        urls("https://ptb.discord.com/api/webhooks/12/t?thread_id=99&wait=false"), @"https://ptb.discord.com/api/v10/webhooks/12/t https://ptb.discord.com/api/v10/webhooks/12/t?wait=true&thread_id=99"
    );
}

#[test]
fn only_urls_of_webhooks_are_taken() {
    let why = |url: &str| endpoints(url).map(drop).unwrap_err().0;

    insta::assert_snapshot!(why("https://hooks.slack.com/services/x"), @"the host `hooks.slack.com` is not Discord's");
    insta::assert_snapshot!(why("https://discord.com/channels/1/2"), @"it is not the URL of a webhook");
    insta::assert_snapshot!(why("https://discord.com/api/webhooks/12/token/slack"), @"its end makes Discord expect another service's messages");
    insta::assert_snapshot!(why("http://discord.com/api/webhooks/12/token"), @"it is not https, and its host is not this machine");
}

fn discord(far_side: &FarSide) -> Notifier {
    let webhook_url = inline(far_side.url("/api/webhooks/12/abcdefghijklmnopqrstuvwx"));
    built(&settings(TypeSettings::Discord(DiscordSettings { webhook_url, live: true })))
}

fn hello() -> Message {
    Message::Json(json!({ "content": "hello" }).to_string())
}

#[tokio::test]
async fn a_message_is_posted_and_waited_for() {
    let far_side = FarSide::answering(200, r#"{"id":"77"}"#).await;

    let receipt = discord(&far_side).send(&envelope(), &hello()).await.unwrap();

    assert_eq!(receipt.answer, r#"{"id":"77"}"#);
    let [seen] = far_side.seen().try_into().unwrap();
    assert_eq!(seen.line, "POST /api/v10/webhooks/12/abcdefghijklmnopqrstuvwx?wait=true");
    assert!(seen.header("user-agent").unwrap().starts_with("DiscordBot ("));
    assert_eq!(seen.json()["allowed_mentions"], json!({ "parse": [] }));
}

#[tokio::test]
async fn a_wait_with_a_fraction_is_obeyed() {
    let body = br#"{"message":"slow down","retry_after":1.5,"global":false}"#;
    let far_side = FarSide::start(vec![Reply::with_headers(429, &[], body)]).await;

    let failure = discord(&far_side).send(&envelope(), &hello()).await.unwrap_err();

    let wait = Some(std::time::Duration::from_millis(1500));
    assert_eq!(failure.kind, FailureKind::Later { wait, counts: false });
}

#[tokio::test]
async fn a_probe_reads_the_webhook_and_posts_nothing() {
    let alive = FarSide::answering(200, r#"{"name":"crew"}"#).await;
    let gone = FarSide::answering(404, r#"{"code":10015,"message":"Unknown Webhook"}"#).await;

    assert_eq!(discord(&alive).probe().await.unwrap(), "Discord knows the webhook (crew)");
    assert_eq!(alive.seen()[0].line, "GET /api/v10/webhooks/12/abcdefghijklmnopqrstuvwx");
    let failure = discord(&gone).probe().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Broken);
    insta::assert_snapshot!(failure, @r#"Discord answered 404: the webhook does not exist (any more): make a new one and put in its URL: {"code":10015,"message":"Unknown Webhook"}"#);
}

/// What is said about a job whose message has this handle.
fn about(kind: EventKind, handle: Option<&str>) -> Envelope {
    let handle = handle.map(str::to_owned);
    let live = Live { handle, terminal: kind.is_terminal(), about: "Film: Import".into() };
    Envelope { kind, live: Some(live), ..envelope() }
}

const KNOWN: &str = r#"{"at":{"message":"77"},"ended":false}"#;

fn lines(far_side: &FarSide) -> Vec<String> {
    let short = |line: &str| line.replace("/api/v10/webhooks/12/abcdefghijklmnopqrstuvwx", "…");
    far_side.seen().iter().map(|seen| short(&seen.line)).collect()
}

#[tokio::test]
async fn a_live_message_is_posted_once_and_edited_from_then_on() {
    let far_side = FarSide::answering(200, r#"{"id":"77","channel_id":"5"}"#).await;
    let discord = discord(&far_side);
    let rich = json!({ "content": "hello", "flags": 4096, "username": "me" }).to_string();

    let posted = discord.send(&about(EventKind::Queued, None), &hello()).await.unwrap();
    let known = about(EventKind::Succeeded, posted.handle.as_deref());
    let edited = discord.send(&known, &Message::Json(rich)).await.unwrap();

    assert_eq!(posted.handle.as_deref(), Some(KNOWN));
    assert_eq!(edited.handle.as_deref(), Some(r#"{"at":{"message":"77"},"ended":true}"#));
    assert_eq!(lines(&far_side), ["POST …?wait=true", "PATCH …/messages/77"]);
    assert_eq!(
        far_side.seen()[1].json(),
        json!({ "allowed_mentions": { "parse": [] }, "content": "hello", "embeds": [] })
    );
}

#[tokio::test]
async fn a_message_that_was_deleted_is_posted_anew_and_a_webhook_that_was_is_broken() {
    let gone = |code: u32| Reply::status(404, &format!(r#"{{"code":{code}}}"#));
    let deleted = FarSide::start(vec![gone(10_008), Reply::status(200, r#"{"id":"78"}"#)]).await;
    let foreign = FarSide::start(vec![gone(50_005), Reply::status(200, r#"{"id":"78"}"#)]).await;
    let unknown = FarSide::start(vec![gone(10_015)]).await;
    let edit = about(EventKind::Started, Some(KNOWN));

    for far_side in [deleted, foreign] {
        let receipt = discord(&far_side).send(&edit, &hello()).await.unwrap();
        assert!(receipt.handle.unwrap().contains("78"));
        assert_eq!(lines(&far_side), ["PATCH …/messages/77", "POST …?wait=true"]);
    }
    let failure = discord(&unknown).send(&edit, &hello()).await.unwrap_err();
    assert_eq!((failure.kind, unknown.seen().len()), (FailureKind::Broken, 1));
}

#[tokio::test]
async fn an_edit_of_unknown_fate_is_made_again_and_what_is_late_is_not_made_at_all() {
    let far_side = FarSide::answering(500, "").await;
    let discord = discord(&far_side);
    let ended = about(EventKind::Progress, Some(r#"{"at":{"message":"77"},"ended":true}"#));

    let edited = discord.send(&about(EventKind::Started, Some(KNOWN)), &hello()).await.unwrap_err();
    let posted = discord.send(&about(EventKind::Started, None), &hello()).await.unwrap_err();
    let late = discord.send(&ended, &hello()).await.unwrap();

    assert_eq!((edited.kind, posted.kind), (FailureKind::LATER, FailureKind::Unsure));
    assert_eq!((late.status, far_side.seen().len()), (None, 2));
}

#[tokio::test]
async fn a_message_in_a_thread_is_edited_in_its_thread() {
    let far_side = FarSide::answering(200, r#"{"id":"77","channel_id":"99"}"#).await;
    let url = inline(far_side.url("/api/webhooks/12/abcdefghijklmnopqrstuvwx?thread_id=5"));
    let settled = DiscordSettings { webhook_url: url, live: true };
    let in_thread = built(&settings(TypeSettings::Discord(settled)));
    let opening = Message::Json(json!({ "content": "x", "thread_name": "Film" }).to_string());

    in_thread.send(&about(EventKind::Started, Some(KNOWN)), &hello()).await.unwrap();
    let discord = discord(&far_side);
    let opened = discord.send(&about(EventKind::Queued, None), &opening).await.unwrap();
    discord.send(&about(EventKind::Started, opened.handle.as_deref()), &opening).await.unwrap();

    assert_eq!(
        lines(&far_side),
        ["PATCH …/messages/77?thread_id=5", "POST …?wait=true", "PATCH …/messages/77?thread_id=99"]
    );
    assert_eq!(far_side.seen()[2].json().get("thread_name"), None);
}
