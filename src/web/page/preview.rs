//! A message about a job as a person would read it. Pure.
//!
//! Made of what is recorded and of the templates as they are now. A link to an exported file is
//! never shown, whoever may have it.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::model::{
    DeliveryState, Event, Hold, NotifierKind, RuleView, grouped_document, without_download_url,
};
use crate::render::RenderRequest;
use crate::render::words::{Breaks, clean, cut, one_line};
use crate::store::DeliveryRow;
use crate::web::{Shown, WebParts};

const TEXT_MOST_CHARS: usize = 4_000;
const SUBJECT_MOST_CHARS: usize = 200;

/// What stands for the link to an exported file in a message that holds one.
const LINK_LEFT_OUT: &str = "https://left-out-of-previews.invalid/";

/// What a message tells of.
#[derive(Debug)]
pub(super) struct About {
    /// Oldest first.
    pub(super) events: Vec<Event>,
    /// How many there are.
    pub(super) count: u64,
    /// What they have waited for together.
    pub(super) held: Option<Hold>,
}

/// How a message looks; what is missing where that cannot be told.
pub(super) fn preview(row: &DeliveryRow, about: &About, parts: &WebParts, shown: &Shown) -> Value {
    use DeliveryState::{Dead, Discarded, Held, Pending, Sending, Sent};
    let delivery = &row.delivery;
    let title = match delivery.state {
        Sent => "How it looked",
        Sending => "What is being sent",
        Held | Pending => "What would be sent now",
        Dead => "What a retry would send",
        Discarded => "How it would have looked",
    };
    let view = |subject: Option<String>, text: Option<String>, missing: &str, fell_back: bool| {
        json!({
            "title": title,
            "subject": subject.map(|subject| cut(&one_line(&subject), SUBJECT_MOST_CHARS)),
            "text": text.map(|text| cut(clean(&text, Breaks::Keep).trim_end(), TEXT_MOST_CHARS)),
            "missing": missing,
            "fell_back": fell_back,
            "sent": delivery.state == Sent,
        })
    };
    let Some(kind) = kind_of(&delivery.notifier, shown) else {
        return view(None, None, "Its notifier has left the config.", false);
    };
    let rule = RuleView {
        name: delivery.rule.clone(),
        suppressed: match delivery.hold {
            // They are counted when that ends.
            Some(Hold::Throttle | Hold::Silence) => delivery.suppressed + about.count,
            _ => delivery.suppressed,
        },
        held: about.held,
    };
    let document = match about.events.as_slice() {
        [event] => Some(event.document(Some(&rule), delivery.repeat)),
        events => grouped_document(events, Some(&rule), delivery.repeat),
    };
    let Some(document) = document else {
        return view(None, None, "What it tells of is not stored any more.", false);
    };
    let document = match delivery.include_download_url {
        true => with_links_hidden(document),
        false => without_download_url(document),
    };
    let rendered = shown.templates.render(&RenderRequest {
        kind,
        template: &delivery.template,
        document: &document,
        now: time_of(row, parts.clock.now()),
        zone: &shown.zone,
    });
    let read = (parts.read)(kind, rendered.message);
    view(read.subject, Some(read.text), "", rendered.fell_back.is_some())
}

fn kind_of(notifier: &str, shown: &Shown) -> Option<NotifierKind> {
    shown.notifiers.iter().find(|(name, _)| name == notifier).map(|(_, kind)| *kind)
}

/// When it was sent, for what messages say of times; else now.
fn time_of(row: &DeliveryRow, now: Timestamp) -> Timestamp {
    row.delivery.sent_at.unwrap_or(now)
}

/// Puts another link in the place of each that leads to an exported file.
fn with_links_hidden(mut document: Value) -> Value {
    fn hide(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    match field {
                        Value::Null => {}
                        link if name == "download_url" => *link = LINK_LEFT_OUT.into(),
                        field => hide(field),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(hide),
            _ => {}
        }
    }
    hide(&mut document);
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_an_exported_file_is_hidden_at_any_depth() {
        let document = json!({"job": {"result": {"download_url": "https://x.example/secret"}},
            "events": [{"job": {"result": {"download_url": {"url": "https://x.example/secret"}}}},
                {"job": {"result": {"download_url": null}}}]});

        let hidden = with_links_hidden(document);

        assert!(!hidden.to_string().contains("secret"), "{hidden}");
        assert_eq!(hidden["job"]["result"]["download_url"], LINK_LEFT_OUT);
        assert_eq!(hidden["events"][1]["job"]["result"]["download_url"], Value::Null);
    }
}
