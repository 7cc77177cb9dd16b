//! Slack: no mention, no link but ours, no mark-up that was not there before.

use descript_notify::deliver::Notifier;
use descript_notify::model::NotifierKind;
use serde_json::{Value, json};

use super::families::{MARK, huge, texts};
use super::lengths::assert_valid_slack;
use super::support::sink::Sink;
use super::{
    Reach, assert_our_link, assert_still_shown, assert_visible, envelope_to, full, harmless,
    notifier, poison, poisoned,
};
use super::{rendered, shape, strings};

fn slack(sink: &Sink) -> Notifier {
    notifier(&format!("type = 'slack'\nwebhook_url = '{}'", sink.url("/services/T/B/x")))
}

/// What arrives at Slack.
async fn arrives(sink: &Sink, slack: &Notifier, template: &str, document: &Value) -> Value {
    let message = rendered(NotifierKind::Slack, template, document);
    slack.send(&envelope_to(""), &message).await.unwrap();
    sink.received().last().unwrap().json()
}

/// Every text object of the type.
fn of_type<'v>(value: &'v Value, kind: &str) -> Vec<&'v Value> {
    let inner: Vec<&Value> = match value {
        Value::Array(items) => items.iter().flat_map(|item| of_type(item, kind)).collect(),
        Value::Object(fields) => fields.values().flat_map(|item| of_type(item, kind)).collect(),
        _ => Vec::new(),
    };
    let own = (value["type"] == kind).then_some(value);
    own.into_iter().chain(inner).collect()
}

/// What mrkdwn reads as more than text, in its order: tokens and code. Panics where a token is
/// anything but a link of ours, or an ampersand is no entity.
fn active(text: &str) -> String {
    let mut active = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['<', '>', '&', '`']) {
        rest = &rest[at..];
        let taken = match &rest[..1] {
            "<" => {
                let (token, _) = rest[1..].split_once('>').unwrap();
                let (url, label) = token.split_once('|').unwrap();
                assert!(!label.contains(['<', '\n']), "{text}");
                assert_our_link(url);
                active.push_str(&format!("<{url}>"));
                token.len() + 2
            }
            "&" => {
                let entity = ["&amp;", "&lt;", "&gt;"].into_iter().find(|it| rest.starts_with(it));
                entity.unwrap_or_else(|| panic!("a bare ampersand: {text}")).len()
            }
            // What the template itself quotes with stands at the beginning.
            ">" => {
                assert!(text.starts_with(">>> ") && text.len() - rest.len() < 3, "{text}");
                1
            }
            tick => {
                active.push_str(tick);
                1
            }
        };
        rest = &rest[taken..];
    }
    active
}

fn active_in(payload: &Value) -> Vec<String> {
    let mut active_texts: Vec<String> = of_type(payload, "mrkdwn")
        .into_iter()
        .map(|object| {
            assert_eq!(object["verbatim"], true, "bare @here and URLs would come to life");
            active(object["text"].as_str().unwrap())
        })
        .collect();
    active_texts.push(active(payload["text"].as_str().unwrap()));
    active_texts
}

#[tokio::test]
async fn a_hostile_text_is_only_text() {
    let sink = Sink::start().await;
    let slack = slack(&sink);
    for reach in [Reach::Words, Reach::Everything] {
        let mut expected = Vec::new();
        for document in &harmless(reach) {
            expected.push(arrives(&sink, &slack, "default", document).await);
        }
        for (turn, (family, text)) in texts().enumerate() {
            for (number, document) in &poisoned(&text, reach, turn) {
                let payload = arrives(&sink, &slack, "default", document).await;

                assert_eq!(shape(&payload), shape(&expected[*number]), "{family}: {text:?}");
                assert_eq!(
                    active_in(&payload),
                    active_in(&expected[*number]),
                    "{family}: {text:?}"
                );
                assert_eq!(payload["unfurl_links"], false);
                assert!(payload.get("link_names").is_none() && payload.get("parse").is_none());
                for object in of_type(&payload, "plain_text") {
                    assert_eq!(object["emoji"], false);
                }
                strings(&payload).into_iter().for_each(assert_visible);
                let shown = |value: &Value| strings(value).concat();
                assert_still_shown(&text, &shown(&payload), &shown(&expected[*number]));
                assert_valid_slack(&payload);
            }
        }
    }
}

#[tokio::test]
async fn a_megabyte_in_every_field_is_cut_to_a_valid_message() {
    let sink = Sink::start().await;
    let slack = slack(&sink);
    for text in huge() {
        for template in ["default", "failure"] {
            let mut document = full("failed");
            poison(&mut document, &text, Reach::Words);

            let payload = arrives(&sink, &slack, template, &document).await;

            assert_valid_slack(&payload);
            active_in(&payload);
            assert!(payload["text"].as_str().unwrap().contains(MARK), "{payload}");
        }
    }
}

#[test]
fn this_test_would_see_a_mention() {
    let mention = json!({ "text": "x", "blocks": [{ "type": "section",
        "text": { "type": "mrkdwn", "verbatim": true, "text": "<!here>" } }] });

    for text in ["<!here>", "<https://evil.example|x>", "a & b", "a > b"] {
        assert!(std::panic::catch_unwind(|| active(text)).is_err(), "{text}");
    }
    assert!(std::panic::catch_unwind(|| active_in(&mention)).is_err());
}

/// Whether the text stands in a `plain_text` object, where nothing is escaped.
pub fn is_plain(payload: &Value, text: &str) -> bool {
    of_type(payload, "plain_text").into_iter().any(|object| object["text"] == text)
}
