//! What a service gets of a message: cut to its limits, with the keys that are forced. Pure.
//!
//! For looking at messages without sending them. What surrounds the message on its way (URLs,
//! headers, signatures) is no part of it.

use super::{discord, email, slack};
use crate::model::{Message, NotifierKind};

/// The message as a notifier of this type hands it over.
pub fn fitted(kind: NotifierKind, message: Message) -> Message {
    match (kind, message) {
        (NotifierKind::Slack, Message::Json(rendered)) => {
            Message::Json(slack::payload::fit(&rendered))
        }
        (NotifierKind::Discord, Message::Json(rendered)) => {
            Message::Json(discord::payload::fit(&rendered))
        }
        (NotifierKind::Email, Message::Mail { subject, text, html }) => Message::Mail {
            subject: email::payload::subject_line(&subject),
            text: email::payload::body(&text),
            html: email::payload::body(&html),
        },
        (NotifierKind::Console, Message::Text(text)) => Message::Text(text.trim_end().to_owned()),
        (_, message) => message,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn json_of(kind: NotifierKind, rendered: &Value) -> Value {
        match fitted(kind, Message::Json(rendered.to_string())) {
            Message::Json(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_payload_has_the_keys_that_are_forced() {
        let rendered = json!({"text": "hello", "content": "hello", "embeds": []});

        let slack = json_of(NotifierKind::Slack, &rendered);
        let discord = json_of(NotifierKind::Discord, &rendered);
        let webhook = json_of(NotifierKind::Webhook, &rendered);

        assert_eq!(slack["unfurl_links"], false);
        assert_eq!(discord["allowed_mentions"], json!({"parse": []}));
        assert_eq!(webhook, rendered);
    }

    #[test]
    fn a_mail_has_the_subject_that_leaves() {
        let mail = Message::Mail {
            subject: format!("one\r\nBcc: two {}", "x".repeat(200)),
            text: "a\rb".into(),
            html: "<p>a</p>".into(),
        };

        let Message::Mail { subject, text, .. } = fitted(NotifierKind::Email, mail) else {
            panic!("no mail");
        };

        assert!(subject.starts_with("one Bcc: two x") && subject.ends_with('…'), "{subject}");
        assert_eq!(subject.chars().count(), 120);
        assert_eq!(text, "a\nb");
    }
}
