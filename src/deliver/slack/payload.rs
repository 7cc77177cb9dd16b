//! Makes a rendered message a valid Slack payload. Pure.
//!
//! Whatever comes in, what goes out is taken by Slack: every limit kept by cutting, what is
//! empty or unknown left out, and the keys forced that keep job text from pinging people
//! (`verbatim`) or fetching pages (unfurling). Escaping has happened before, in `render`.
//! Limits: <https://docs.slack.dev/reference/block-kit/blocks>

use serde_json::{Map, Value, json};

use super::blocks::{Fitter, SECTION_TEXT_MAX};
use crate::deliver::cut::{Markup, cut, words_of};

/// Longer texts are split or cut by Slack itself.
/// <https://docs.slack.dev/reference/methods/chat.postMessage>
pub const TEXT_MAX: usize = 4_000;

/// More make a message slow to show; Slack's own limit is 100.
pub const ATTACHMENTS_MAX: usize = 20;

/// In an attachment of the old kind; Slack names no limits for those.
const LEGACY_TEXT_MAX: usize = 3_000;
const LEGACY_FIELDS_MAX: usize = 10;

/// Settings of a message that are passed on where they are texts.
const PASSED_TEXTS: [&str; 5] = ["thread_ts", "channel", "username", "icon_emoji", "icon_url"];

/// The payload that is sent for a rendered one.
pub fn fit(rendered: &str) -> String {
    Value::Object(fitted(rendered)).to_string()
}

/// What `chat.postMessage` is sent for a rendered message.
pub fn post(rendered: &str, channel: &str) -> Map<String, Value> {
    let mut call = with_text(fitted(rendered));
    call.insert("channel".into(), channel.into());
    call
}

/// What `chat.postMessage` is sent for a message that is to be edited later: it stands in the
/// channel itself, since replies to it may follow.
pub fn post_live(rendered: &str, channel: &str) -> Map<String, Value> {
    let mut call = post(rendered, channel);
    call.remove("thread_ts");
    call
}

/// What `chat.update` is sent to turn a message into the rendered one.
pub fn edit(rendered: &str, channel: &str, ts: &str) -> Map<String, Value> {
    let mut new = post(rendered, channel);
    let mut call = Map::new();
    // Attachments that are not named would stay.
    for key in ["blocks", "attachments"] {
        call.insert(key.into(), new.remove(key).unwrap_or_else(|| json!([])));
    }
    for key in ["channel", "text", "unfurl_links", "unfurl_media"] {
        call.extend(new.remove_entry(key));
    }
    call.insert("ts".into(), ts.into());
    // Unlike with a new message, bare names and links would come to life without it.
    call.insert("parse".into(), "none".into());
    call
}

/// What `chat.postMessage` is sent to say in a message's thread what the rendered one says in
/// short. Without a thread it goes to the channel.
pub fn reply(rendered: &str, channel: &str, thread_ts: Option<&str>) -> Map<String, Value> {
    let full = post(rendered, channel);
    let text = full.get("text").and_then(Value::as_str).unwrap_or_default();
    let text = cut(text, SECTION_TEXT_MAX, Markup::Slack);
    let block = json!({
        "type": "section", "text": { "type": "mrkdwn", "verbatim": true, "text": text },
    });
    let mut call = Map::new();
    call.insert("channel".into(), channel.into());
    call.insert("text".into(), text.into());
    call.insert("blocks".into(), json!([block]));
    if let Some(ts) = thread_ts {
        call.insert("thread_ts".into(), ts.into());
    }
    quiet(call)
}

/// The same with the text that notifications are made of, which an attachment alone has not.
/// Escaped again, since nothing is known of where its words stood.
fn with_text(mut payload: Map<String, Value>) -> Map<String, Value> {
    if !payload.contains_key("text") {
        let words = words_of(&Value::Object(payload.clone()));
        payload.insert("text".into(), cut(&escape(&words), TEXT_MAX, Markup::Slack).into());
    }
    payload
}

fn fitted(rendered: &str) -> Map<String, Value> {
    match serde_json::from_str(rendered) {
        Ok(Value::Object(given)) => fit_object(&given),
        Ok(other) => rescue(&other),
        Err(_) => rescue(&Value::String(rendered.to_owned())),
    }
}

fn fit_object(given: &Map<String, Value>) -> Map<String, Value> {
    let mut fitter = Fitter::default();
    let mut payload = Map::new();
    for key in PASSED_TEXTS {
        if let Some(text) = given.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()) {
            payload.insert(key.into(), text.into());
        }
    }
    if let Some(mrkdwn) = given.get("mrkdwn").and_then(Value::as_bool) {
        payload.insert("mrkdwn".into(), mrkdwn.into());
    }
    let blocks = fitter.blocks(given.get("blocks"));
    let attachments: Vec<Value> = list(given.get("attachments"))
        .filter_map(|attachment| fit_attachment(&mut fitter, attachment))
        .take(ATTACHMENTS_MAX)
        .collect();
    let text = given.get("text").and_then(Value::as_str).unwrap_or_default();
    let text = cut(text, TEXT_MAX, Markup::Slack);
    let text =
        if text.is_empty() { cut(&first_text(&blocks), TEXT_MAX, Markup::Slack) } else { text };
    if text.is_empty() && blocks.is_empty() && attachments.is_empty() {
        return rescue(&Value::Object(given.clone()));
    }
    // Notifications and screen readers take it from here, also where there are blocks.
    if !text.is_empty() {
        payload.insert("text".into(), text.into());
    }
    if !blocks.is_empty() {
        payload.insert("blocks".into(), blocks.into());
    }
    if !attachments.is_empty() {
        payload.insert("attachments".into(), attachments.into());
    }
    quiet(payload)
}

/// Says with plain text what a payload beyond repair would have said. Escaped again, since
/// nothing is known of where the words stood.
fn rescue(given: &Value) -> Map<String, Value> {
    let words = words_of(given);
    let words = if words.is_empty() { "A message without any text." } else { words.as_str() };
    let mut payload = Map::new();
    payload.insert("text".into(), cut(&escape(words), TEXT_MAX, Markup::Slack).into());
    quiet(payload)
}

/// Keeps Slack from fetching what job text links to. `link_names` and `parse`, which would
/// bring bare `@names` to life, have no way in.
fn quiet(mut payload: Map<String, Value>) -> Map<String, Value> {
    payload.insert("unfurl_links".into(), false.into());
    payload.insert("unfurl_media".into(), false.into());
    payload
}

fn fit_attachment(fitter: &mut Fitter, given: &Value) -> Option<Value> {
    let given = given.as_object()?;
    let mut fitted = Map::new();
    let mut says_something = false;
    let blocks = fitter.blocks(given.get("blocks"));
    // With blocks Slack takes nothing else but these two.
    let texts: &[&str] = if blocks.is_empty() {
        &["fallback", "pretext", "author_name", "title", "text", "footer"]
    } else {
        fitted.insert("blocks".into(), blocks.into());
        says_something = true;
        &["fallback"]
    };
    for key in texts {
        let text = given.get(*key).and_then(Value::as_str).unwrap_or_default();
        let text = cut(text, LEGACY_TEXT_MAX, Markup::Slack);
        if !text.is_empty() {
            says_something |= *key != "footer";
            fitted.insert((*key).into(), text.into());
        }
    }
    if !fitted.contains_key("blocks") {
        let fields: Vec<Value> = list(given.get("fields"))
            .filter_map(fit_legacy_field)
            .take(LEGACY_FIELDS_MAX)
            .collect();
        if !fields.is_empty() {
            says_something = true;
            fitted.insert("fields".into(), fields.into());
        }
        if let Some(url) = super::blocks::https(given.get("title_link")) {
            fitted.insert("title_link".into(), url);
        }
    }
    if let Some(color) = given.get("color").and_then(Value::as_str).filter(|text| is_color(text)) {
        fitted.insert("color".into(), color.into());
    }
    says_something.then_some(Value::Object(fitted))
}

fn fit_legacy_field(given: &Value) -> Option<Value> {
    let text = |key: &str| {
        let text = given.get(key).and_then(Value::as_str).unwrap_or_default();
        let text = cut(text, LEGACY_TEXT_MAX, Markup::Slack);
        (!text.is_empty()).then_some(text)
    };
    let short = given.get("short").and_then(Value::as_bool).unwrap_or(false);
    Some(json!({ "title": text("title")?, "value": text("value")?, "short": short }))
}

/// The first thing that the blocks say, as it may stand in `text`: what was plain is escaped.
fn first_text(blocks: &[Value]) -> String {
    fn find(value: &Value) -> Option<String> {
        match value {
            Value::Object(fields) => match (fields.get("type")?.as_str()?, fields.get("text")) {
                ("plain_text" | "text" | "link", Some(Value::String(text))) => Some(escape(text)),
                (_, Some(Value::String(text))) => Some(text.clone()),
                (_, Some(inner)) => find(inner),
                (_, None) => fields.values().find_map(find),
            },
            Value::Array(items) => items.iter().find_map(find),
            _ => None,
        }
    }
    blocks.iter().find_map(find).unwrap_or_default()
}

/// `#rrggbb`, or one of the three names.
fn is_color(text: &str) -> bool {
    ["good", "warning", "danger"].contains(&text)
        || text.strip_prefix('#').is_some_and(|digits| {
            digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The items of a list; none where it is not one.
pub(super) fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}
