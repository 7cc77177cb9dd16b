//! Writes previews down, for people and for programs. Pure.

use serde_json::{Value, json};

use super::{Origin, Preview};
use crate::cli::table::shown;
use crate::model::Message;

/// What people read: a heading for each message, and the message.
pub(super) fn text(previews: &[Preview<'_>], colour: bool) -> String {
    let mut pieces = Vec::new();
    for preview in previews {
        let heading = heading(preview);
        let mut piece = match colour {
            true => format!("\u{1b}[1m{heading}\u{1b}[0m\n"),
            false => format!("{heading}\n"),
        };
        if !preview.verdict.sends() && !matches!(preview.occasion.origin, Origin::Sample(_)) {
            let verdict = preview.verdict.to_string();
            piece.push_str(&format!("(the rule would not send this: {})\n", shown(&verdict)));
        }
        if let Some(reason) = &preview.made.fell_back {
            piece.push_str(&format!("(the template failed: {})\n", shown(reason)));
        }
        piece.push('\n');
        piece.push_str(&body(&preview.made.message));
        pieces.push(piece);
    }
    pieces.join("\n\n")
}

/// "--- failures to mail (email to ann@example.com): failed, sample "import failed"".
fn heading(preview: &Preview<'_>) -> String {
    let notifier = preview.notifier;
    let recipients: Vec<String> =
        notifier.recipients().into_iter().filter(|address| !address.is_empty()).collect();
    let recipients = match recipients.is_empty() {
        true => String::new(),
        false => format!(" to {}", recipients.join(", ")),
    };
    let about = match &preview.occasion.origin {
        Origin::Sample(name) => format!("sample \"{name}\""),
        Origin::File => "from the file".into(),
        Origin::Stored => {
            let document = preview.occasion.facts.document();
            let at = document["event"]["detected_at"].as_str().unwrap_or_default();
            let job = document["job"]["job_id"].as_str();
            job.map_or(format!("of {at}"), |job| format!("of {at}, job {job}"))
        }
    };
    let heading = format!(
        "--- {} to {} ({}{recipients}): {}, {about}",
        preview.rule.name,
        notifier.name,
        notifier.kind(),
        preview.occasion.kind,
    );
    shown(&heading).into_owned()
}

fn body(message: &Message) -> String {
    match message {
        Message::Text(text) => lines(text),
        Message::Mail { subject, text, .. } => {
            format!("Subject: {}\n\n{}", shown(subject), lines(text))
        }
        Message::Json(body) => match serde_json::from_str::<Value>(body) {
            Ok(value) => escaped_json(&format!("{value:#}")),
            Err(_) => lines(body),
        },
    }
}

/// A text whose lines stay, and that cannot steer a terminal.
fn lines(text: &str) -> String {
    text.lines().map(shown).collect::<Vec<_>>().join("\n")
}

/// The same for JSON, which stays JSON.
fn escaped_json(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        let harmless = letter == '\n'
            || matches!(shown(letter.encode_utf8(&mut [0; 4])), std::borrow::Cow::Borrowed(_));
        if harmless {
            escaped.push(letter);
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    escaped
}

/// What programs read.
pub(super) fn document(previews: &[Preview<'_>]) -> Value {
    let previews: Vec<Value> = previews.iter().map(preview_document).collect();
    json!({ "previews": previews })
}

fn preview_document(preview: &Preview<'_>) -> Value {
    let document = preview.occasion.facts.document();
    let (origin, sample) = match preview.occasion.origin {
        Origin::Stored => ("stored", None),
        Origin::File => ("file", None),
        Origin::Sample(name) => ("sample", Some(name)),
    };
    let message = match &preview.made.message {
        Message::Text(text) => json!({ "text": text }),
        Message::Mail { subject, text, html } => {
            json!({ "subject": subject, "text": text, "html": html })
        }
        Message::Json(body) => serde_json::from_str(body).unwrap_or_else(|_| json!(body)),
    };
    let recipients: Vec<String> =
        preview.notifier.recipients().into_iter().filter(|address| !address.is_empty()).collect();
    json!({
        "rule": preview.rule.name,
        "notifier": preview.notifier.name,
        "type": preview.notifier.kind().as_str(),
        "recipients": recipients,
        "template": preview.rule.template,
        "event": document["event"],
        "job_id": document["job"]["job_id"],
        "from": origin,
        "sample": sample,
        "sends": preview.verdict.sends(),
        "reason": preview.verdict.to_string(),
        "template_failed": preview.made.fell_back,
        "message": message,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_steer_a_terminal_is_escaped_and_json_stays_json() {
        let hostile = json!({"text": "a\u{1b}[31m\u{202e}b\u{9b}\u{e0001}c ü 😀"});

        let told = body(&Message::Json(hostile.to_string()));

        insta::assert_snapshot!(told, @r#"
        {
          "text": "a\u001b[31m\u202eb\u009b\udb40\udc01c ü 😀"
        }
        "#);
        assert_eq!(serde_json::from_str::<Value>(&told).unwrap(), hostile);
    }
}
