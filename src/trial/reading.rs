//! What a person reads in a message: the text in which `[[test]]` looks for its pieces.
//!
//! A payload's texts are taken out of their JSON, and the escapes of the service's mark-up are
//! undone, so that a test names what stands in a channel and not how it was written. Pure.

use serde_json::Value;

use crate::deliver::{cut, fitted};
use crate::model::{Message, NotifierKind, Readable};

/// A message as its service would show it, in plain text; a document, which programs read, as it
/// is.
pub fn readable(kind: NotifierKind, message: Message) -> Readable {
    match fitted(kind, message) {
        Message::Mail { subject, text, .. } => Readable { subject: Some(subject), text },
        Message::Json(body) if matches!(kind, NotifierKind::Webhook | NotifierKind::Command) => {
            let value = serde_json::from_str::<Value>(&body);
            Readable { subject: None, text: value.map_or(body, |value| format!("{value:#}")) }
        }
        Message::Json(body) => {
            let value = serde_json::from_str::<Value>(&body);
            Readable { subject: None, text: value.map_or(body, |value| chat(kind, value)) }
        }
        Message::Text(text) => Readable { subject: None, text },
    }
}

/// A payload as a channel shows it, from above to below.
fn chat(kind: NotifierKind, mut payload: Value) -> String {
    if kind == NotifierKind::Slack {
        let is_told = |key: &str| payload[key].as_array().is_some_and(|parts| !parts.is_empty());
        if is_told("blocks") || is_told("attachments") {
            // It stands in notifications alone.
            payload["text"] = Value::Null;
        }
        return plain(kind, &with_links(&cut::words_of(&payload)));
    }
    let mut lines = vec![text_of(&payload, "/content")];
    for embed in payload["embeds"].as_array().into_iter().flatten() {
        lines.extend(
            ["/author/name", "/title", "/url", "/description"].map(|at| text_of(embed, at)),
        );
        for field in embed["fields"].as_array().into_iter().flatten() {
            lines.push(format!("{}: {}", text_of(field, "/name"), text_of(field, "/value")));
        }
        lines.push(text_of(embed, "/footer/text"));
    }
    lines.retain(|line| !line.is_empty());
    plain(kind, &lines.join("\n"))
}

fn text_of(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().trim().to_owned()
}

/// Slack's links as their words with the address behind them.
fn with_links(text: &str) -> String {
    let mut parts = text.split("<http");
    let mut told = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        // Every other `<` of a text is escaped.
        let Some((link, rest)) = part.split_once('>') else {
            told.push_str(&format!("<http{part}"));
            continue;
        };
        match link.split_once('|') {
            Some((address, words)) => told.push_str(&format!("{words} (http{address})")),
            None => told.push_str(&format!("http{link}")),
        }
        told.push_str(rest);
    }
    told
}

/// The words of a message, one text to a line; of a mail its subject and text. Links of a
/// Slack or Discord payload come after its texts.
pub fn words_of(kind: NotifierKind, message: &Message) -> String {
    let body = match message {
        Message::Text(text) => return text.clone(),
        Message::Mail { subject, text, .. } => return format!("{subject}\n{text}"),
        Message::Json(body) => body,
    };
    let Ok(value) = serde_json::from_str::<Value>(body) else { return body.clone() };
    let mut all = Vec::new();
    gather(&value, &mut all);
    match kind {
        NotifierKind::Slack | NotifierKind::Discord => {
            all.retain(|text| text.starts_with("https://"));
            all.dedup();
            all.insert(0, plain(kind, &cut::words_of(&value)));
            all.join("\n")
        }
        _ => all.join("\n"),
    }
}

fn gather(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::String(text) => words.push(text.clone()),
        Value::Bool(_) | Value::Number(_) => words.push(value.to_string()),
        Value::Array(items) => items.iter().for_each(|item| gather(item, words)),
        Value::Object(fields) => fields.values().for_each(|field| gather(field, words)),
    }
}

/// The text without the escapes of the service's mark-up.
fn plain(kind: NotifierKind, text: &str) -> String {
    if kind == NotifierKind::Slack {
        return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    }
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let escapes = letter == '\\' && letters.peek().is_some_and(char::is_ascii_punctuation);
        plain.extend(if escapes { letters.next() } else { Some(letter) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: NotifierKind, body: &str) -> String {
        words_of(kind, &Message::Json(body.into()))
    }

    #[test]
    fn the_escapes_of_a_service_are_undone() {
        let slack = read(NotifierKind::Slack, r#"{"text": "A &amp;lt; &lt;b&gt;\n\"c\""}"#);
        let discord = read(NotifierKind::Discord, r#"{"content": "my\\_file \\\\ C:\\x"}"#);

        assert_eq!(slack, "A &lt; <b>\n\"c\"");
        assert_eq!(discord, "my_file \\ C:\\x");
    }

    #[test]
    fn a_message_is_read_from_above_to_below_and_a_document_as_it_is() {
        let mail = Message::Mail {
            subject: "Import failed".into(),
            text: "Spring".into(),
            html: "<p>Spring</p>".into(),
        };
        let document = Message::Json(r#"{"a":1}"#.into());
        let slack = Message::Json(
            r#"{"text": "again", "blocks": [{"type": "section", "text": {"type": "mrkdwn",
                "text": "A &amp; &lt;http <https://a.example/x|B>"}}]}"#
                .into(),
        );
        let discord = Message::Json(
            r#"{"embeds": [{"description": "second", "title": "fi\\_rst",
                "fields": [{"name": "Took", "value": "5s"}], "footer": {"text": "last"}}]}"#
                .into(),
        );

        let mail = readable(NotifierKind::Email, mail);
        let document = readable(NotifierKind::Webhook, document);
        let slack = readable(NotifierKind::Slack, slack);
        let discord = readable(NotifierKind::Discord, discord);

        assert_eq!((mail.subject.as_deref(), mail.text.trim()), (Some("Import failed"), "Spring"));
        assert_eq!(document.text, "{\n  \"a\": 1\n}");
        assert_eq!(slack.text, "A & <http B (https://a.example/x)");
        assert_eq!(discord.text, "fi_rst\nsecond\nTook: 5s\nlast");
    }

    #[test]
    fn of_a_payload_texts_and_links_are_read_and_of_a_document_everything() {
        let body = r#"{"blocks": [{"type": "section", "text": "one", "url": "https://a/b"}], "n": 2.5, "ok": true, "no": null}"#;

        assert_eq!(read(NotifierKind::Slack, body), "one\nhttps://a/b");
        assert_eq!(read(NotifierKind::Webhook, body), "one\nsection\nhttps://a/b\n2.5\ntrue");
    }
}
