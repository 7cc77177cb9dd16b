//! Discord: nobody is pinged, and every character that could format stands behind a backslash.

use descript_notify::deliver::Notifier;
use descript_notify::model::NotifierKind;
use serde_json::{Value, json};

use super::families::{MARK, huge, texts};
use super::lengths::assert_valid_discord;
use super::support::sink::{Answer, Sink};
use super::{
    Reach, assert_our_link, assert_still_shown, assert_visible, envelope_to, full, harmless,
    notifier, poison, poisoned,
};
use super::{rendered, shape, strings};

async fn far_side() -> (Sink, Notifier) {
    let sink = Sink::start().await;
    sink.always(Answer::status(200).body("{\"id\":\"1\"}"));
    let url = sink.url("/api/webhooks/1/x");
    (sink, notifier(&format!("type = 'discord'\nwebhook_url = '{url}'")))
}

async fn arrives(sink: &Sink, discord: &Notifier, template: &str, document: &Value) -> Value {
    let message = rendered(NotifierKind::Discord, template, document);
    discord.send(&envelope_to(""), &message).await.unwrap();
    sink.received().last().unwrap().json()
}

/// What markdown reads as more than text, in its order.
fn active(text: &str) -> String {
    let mut active = String::new();
    for line in text.lines() {
        let mut rest = line.trim_start().chars().peekable();
        // A list, or a small line.
        let number: String = line.trim_start().chars().take_while(char::is_ascii_digit).collect();
        if matches!(rest.peek(), Some('-' | '+'))
            || (!number.is_empty() && line.trim_start()[number.len()..].starts_with('.'))
        {
            active.push('-');
        }
        while let Some(c) = rest.next() {
            match c {
                '\\' => drop(rest.next()),
                '*' | '_' | '~' | '`' | '|' | '<' | '>' | '[' | ']' | '#' | '@' => active.push(c),
                ':' if rest.clone().take(2).eq("//".chars()) => active.push_str("://"),
                _ => {}
            }
        }
    }
    active
}

/// The same of all that is read as markdown.
fn active_in(payload: &Value) -> Vec<String> {
    let mut texts = vec![payload["content"].as_str().unwrap_or_default()];
    for embed in payload["embeds"].as_array().into_iter().flatten() {
        texts.extend(["title", "description"].map(|key| embed[key].as_str().unwrap_or_default()));
        texts.extend(strings(&embed["fields"]));
        if let Some(url) = embed["url"].as_str() {
            assert_our_link(url);
        }
    }
    for text in &texts {
        for (_, link) in text.match_indices("](").map(|(at, _)| text.split_at(at + 2)) {
            assert_our_link(link.split(')').next().unwrap());
        }
    }
    texts.into_iter().map(active).collect()
}

#[tokio::test]
async fn a_hostile_text_is_only_text() {
    let (sink, discord) = far_side().await;
    for reach in [Reach::Words, Reach::Everything] {
        let mut expected = Vec::new();
        for document in &harmless(reach) {
            expected.push(arrives(&sink, &discord, "default", document).await);
        }
        for (turn, (family, text)) in texts().enumerate() {
            for (number, document) in &poisoned(&text, reach, turn) {
                let payload = arrives(&sink, &discord, "default", document).await;

                assert_eq!(payload["allowed_mentions"], json!({ "parse": [] }));
                assert_eq!(shape(&payload), shape(&expected[*number]), "{family}: {text:?}");
                assert_eq!(
                    active_in(&payload),
                    active_in(&expected[*number]),
                    "{family}: {text:?}"
                );
                strings(&payload).into_iter().for_each(assert_visible);
                let shown = |value: &Value| strings(value).concat();
                assert_still_shown(&text, &shown(&payload), &shown(&expected[*number]));
                assert_valid_discord(&payload);
            }
        }
    }
}

#[tokio::test]
async fn a_megabyte_in_every_field_is_cut_to_a_valid_message() {
    let (sink, discord) = far_side().await;
    for text in huge() {
        for template in ["default", "failure"] {
            let mut document = full("failed");
            poison(&mut document, &text, Reach::Words);

            let payload = arrives(&sink, &discord, template, &document).await;

            assert_valid_discord(&payload);
            active_in(&payload);
            assert!(strings(&payload).concat().contains(MARK), "{payload}");
        }
    }
}

#[test]
fn this_test_would_see_mark_up() {
    for text in ["@everyone", "[x](y)", "# x", "- x", "1. x", "https://x", "\\\\@here", "```"] {
        assert_ne!(active(text), "", "{text}");
    }
    assert_eq!(active("\\@everyone a-b 3\\. 4:5"), "");
}
