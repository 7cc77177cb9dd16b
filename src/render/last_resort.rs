//! The message that goes out when even the built-in template cannot be rendered.
//!
//! Made without templates from what nearly every document has, so that nothing is lost.

use serde_json::{Value, json};

use super::RenderRequest;
use super::escape::{Syntax, https_link, subject_line};
use super::vocabulary::{Place, counts_of, events_of, lines_of, title};
use crate::model::{Message, NotifierKind};

/// For the lines of a group: with title and notice within every service's limit.
const LINES_MAX_UNITS: usize = 1_500;

/// A plain message: what happened, to which project, the link, and the notice. Of a group, a
/// line for each event.
pub fn last_resort(request: &RenderRequest<'_>, notice: &str) -> Message {
    let document = request.document;
    let events = events_of(document);
    let mut title = title(document);
    if !events.is_empty() {
        title = format!("{title} ({})", counts_of(document));
    }
    let link = ["/job/project_url", "/project/url"]
        .iter()
        .find_map(|place| document.pointer(place).and_then(Value::as_str))
        .map(https_link);
    let lines = |syntax: Syntax, escaped: &dyn Fn(&str) -> String| {
        let about = match events {
            [] => link.clone().unwrap_or_default(),
            events => lines_of(events, LINES_MAX_UNITS, &Place::of(document, syntax, request.zone)),
        };
        let text = [escaped(&title), about, escaped(notice)];
        text.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
    };
    let in_json = |syntax: Syntax| lines(syntax, &words_in_json(syntax));
    let in_text = |syntax: Syntax| lines(syntax, &|text| syntax.escape(text));
    match request.kind {
        NotifierKind::Slack => {
            Message::Json(json!({"text": in_json(Syntax::SlackJson)}).to_string())
        }
        NotifierKind::Discord => {
            Message::Json(json!({"content": in_json(Syntax::DiscordJson)}).to_string())
        }
        NotifierKind::Webhook | NotifierKind::Command => Message::Json(
            json!({"text": lines(Syntax::Json, &str::to_owned), "notice": notice}).to_string(),
        ),
        NotifierKind::Email => Message::Mail {
            subject: subject_line(&title),
            text: in_text(Syntax::Text),
            html: format!("<p>{}</p>", in_text(Syntax::Html).replace('\n', "<br>")),
        },
        NotifierKind::Console => Message::Text(in_text(Syntax::Text)),
    }
}

/// The escape for mark-up alone: the JSON is written by serde.
fn words_in_json(syntax: Syntax) -> impl Fn(&str) -> String {
    move |text| match syntax.json(&Value::String(text.to_owned())) {
        json if json.len() >= 2 => serde_json::from_str(&json).unwrap_or_default(),
        _ => String::new(),
    }
}
