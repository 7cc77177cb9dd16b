//! Makes a rendered message a valid payload of a Discord webhook. Pure.
//!
//! Whatever comes in, what goes out is taken by Discord: every limit kept by cutting, what is
//! empty or unknown left out, and mentions never parsed. Escaping has happened before, in
//! `render`. Limits: <https://discord.com/developers/docs/resources/message#embed-object-embed-limits>

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use url::Url;

use crate::deliver::cut::{Markup, cut, length, words_of};

pub const CONTENT_MAX: usize = 2_000;
pub const EMBEDS_MAX: usize = 10;
/// Over the titles, descriptions, fields, footers and authors of all embeds.
pub const ALL_EMBEDS_MAX: usize = 6_000;
pub const TITLE_MAX: usize = 256;
pub const DESCRIPTION_MAX: usize = 4_096;
pub const FIELDS_MAX: usize = 25;
pub const FIELD_NAME_MAX: usize = 256;
pub const FIELD_VALUE_MAX: usize = 1_024;
pub const FOOTER_MAX: usize = 2_048;
pub const AUTHOR_MAX: usize = 256;
pub const URL_MAX: usize = 2_048;
pub const USERNAME_MAX: usize = 80;
pub const THREAD_NAME_MAX: usize = 100;
pub const COLOR_MAX: u64 = 0xFF_FFFF;

/// The flags that may be set: no previews of links, which would hide our own embeds as well,
/// and no sound. <https://discord.com/developers/docs/resources/message#message-object-message-flags>
const SUPPRESS_EMBEDS: u64 = 4;
const SUPPRESS_NOTIFICATIONS: u64 = 4096;

/// Names that Discord keeps for itself.
const FORBIDDEN_IN_NAMES: [&str; 2] = ["clyde", "discord"];

/// The payload that is sent for a rendered one.
pub fn fit(rendered: &str) -> String {
    Value::Object(fitted(rendered)).to_string()
}

/// What turns a message into the rendered one: what it does not name would stay.
pub fn edit(rendered: &str) -> String {
    let mut new = fitted(rendered);
    let mut edit = Map::new();
    edit.insert("content".into(), new.remove("content").unwrap_or_default());
    edit.insert("embeds".into(), new.remove("embeds").unwrap_or_else(|| json!([])));
    let flags = new.get("flags").and_then(Value::as_u64).map(|flags| flags & SUPPRESS_EMBEDS);
    insert(&mut edit, "flags", flags.filter(|flags| *flags != 0));
    Value::Object(quiet(edit)).to_string()
}

/// Whether a payload opens a thread of its own, as it must in a forum.
pub fn opens_thread(payload: &str) -> bool {
    let payload: Value = serde_json::from_str(payload).unwrap_or_default();
    payload.get("thread_name").is_some()
}

fn fitted(rendered: &str) -> Map<String, Value> {
    match serde_json::from_str(rendered) {
        Ok(Value::Object(given)) => fit_object(&given),
        Ok(other) => rescue(&other),
        Err(_) => rescue(&Value::String(rendered.to_owned())),
    }
}

fn fit_object(given: &Map<String, Value>) -> Map<String, Value> {
    let mut payload = Map::new();
    let content = text(given.get("content"), CONTENT_MAX, Markup::Discord);
    let embeds = EmbedFitter::default().embeds(given.get("embeds"));
    if content.is_none() && embeds.is_empty() {
        return rescue(&Value::Object(given.clone()));
    }
    insert(&mut payload, "content", content);
    let mut flags_allowed = SUPPRESS_NOTIFICATIONS;
    if embeds.is_empty() {
        flags_allowed |= SUPPRESS_EMBEDS;
    } else {
        payload.insert("embeds".into(), embeds.into());
    }
    let name = text(given.get("username"), USERNAME_MAX, Markup::Plain).filter(|name| {
        let name = name.to_lowercase();
        !FORBIDDEN_IN_NAMES.iter().any(|forbidden| name.contains(forbidden))
    });
    insert(&mut payload, "username", name);
    insert(&mut payload, "avatar_url", https(given.get("avatar_url")));
    insert(
        &mut payload,
        "thread_name",
        text(given.get("thread_name"), THREAD_NAME_MAX, Markup::Plain),
    );
    insert(&mut payload, "tts", given.get("tts").and_then(Value::as_bool));
    let flags = given.get("flags").and_then(Value::as_u64).map(|flags| flags & flags_allowed);
    insert(&mut payload, "flags", flags.filter(|flags| *flags != 0));
    quiet(payload)
}

/// Says with plain text what a payload beyond repair would have said: as code, since nothing
/// is known of how the words were escaped.
fn rescue(given: &Value) -> Map<String, Value> {
    const FENCES: usize = 2 * "```\n".len();
    let words = words_of(given).replace('`', "'");
    let words = if words.is_empty() { "A message without any text." } else { words.as_str() };
    let words = cut(words, CONTENT_MAX - FENCES, Markup::Plain);
    let mut payload = Map::new();
    payload.insert("content".into(), format!("```\n{words}\n```").into());
    quiet(payload)
}

/// Keeps every mention from ringing, whoever wrote it.
fn quiet(mut payload: Map<String, Value>) -> Map<String, Value> {
    payload.insert("allowed_mentions".into(), json!({ "parse": [] }));
    payload
}

/// What the embeds of one message share.
#[derive(Debug)]
struct EmbedFitter {
    text_left: usize,
    urls: HashSet<String>,
}

impl Default for EmbedFitter {
    fn default() -> Self {
        Self { text_left: ALL_EMBEDS_MAX, urls: HashSet::new() }
    }
}

impl EmbedFitter {
    fn embeds(&mut self, given: Option<&Value>) -> Vec<Value> {
        let given = given.and_then(Value::as_array).into_iter().flatten();
        given.filter_map(|embed| self.embed(embed.as_object()?)).take(EMBEDS_MAX).collect()
    }

    fn embed(&mut self, given: &Map<String, Value>) -> Option<Value> {
        let mut embed = Map::new();
        insert(&mut embed, "title", self.take(given.get("title"), TITLE_MAX, Markup::Discord));
        let description = given.get("description");
        insert(&mut embed, "description", self.take(description, DESCRIPTION_MAX, Markup::Discord));
        let fields: Vec<Value> = given
            .get("fields")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|field| self.field(field))
            .take(FIELDS_MAX)
            .collect();
        insert(&mut embed, "fields", (!fields.is_empty()).then_some(fields));
        insert(&mut embed, "author", self.signed(given.get("author"), "name", AUTHOR_MAX));
        insert(&mut embed, "footer", self.signed(given.get("footer"), "text", FOOTER_MAX));
        for key in ["image", "thumbnail"] {
            let url = given.get(key).and_then(|image| https(image.get("url")));
            insert(&mut embed, key, url.map(|url| json!({ "url": url })));
        }
        if embed.is_empty() {
            return None;
        }
        // Embeds with one URL are shown as one.
        let url = https(given.get("url")).filter(|url| self.urls.insert(url.clone()));
        insert(&mut embed, "url", url);
        let color = given.get("color").and_then(Value::as_u64).filter(|color| *color <= COLOR_MAX);
        insert(&mut embed, "color", color);
        let timestamp = given.get("timestamp").and_then(Value::as_str);
        let timestamp = timestamp.and_then(|text| text.parse::<Timestamp>().ok());
        insert(&mut embed, "timestamp", timestamp.map(|timestamp| timestamp.to_string()));
        Some(Value::Object(embed))
    }

    /// A field has a name and a value, or it is none.
    fn field(&mut self, given: &Value) -> Option<Value> {
        let before = self.text_left;
        let name = self.take(given.get("name"), FIELD_NAME_MAX, Markup::Discord);
        let value = self.take(given.get("value"), FIELD_VALUE_MAX, Markup::Discord);
        let (Some(name), Some(value)) = (name, value) else {
            self.text_left = before;
            return None;
        };
        let inline = given.get("inline").and_then(Value::as_bool).unwrap_or(false);
        Some(json!({ "name": name, "value": value, "inline": inline }))
    }

    /// An author or a footer: a line without mark-up, an icon, and for an author a link.
    fn signed(&mut self, given: Option<&Value>, key: &str, limit: usize) -> Option<Value> {
        let given = given?;
        let mut signed = Map::new();
        signed.insert(key.into(), self.take(given.get(key), limit, Markup::Plain)?.into());
        insert(&mut signed, "icon_url", https(given.get("icon_url")));
        if key == "name" {
            insert(&mut signed, "url", https(given.get("url")));
        }
        Some(Value::Object(signed))
    }

    /// A text within its own limit and what the message has left.
    fn take(&mut self, given: Option<&Value>, limit: usize, markup: Markup) -> Option<String> {
        let text = text(given, limit.min(self.text_left), markup)?;
        self.text_left -= length(&text);
        Some(text)
    }
}

/// The text, cut; `None` where nothing is left of it.
fn text(given: Option<&Value>, limit: usize, markup: Markup) -> Option<String> {
    Some(cut(given?.as_str()?, limit, markup)).filter(|text| !text.is_empty())
}

/// The URL if it is https and not too long.
fn https(given: Option<&Value>) -> Option<String> {
    let url = Url::parse(given?.as_str()?).ok()?;
    (url.scheme() == "https" && length(url.as_str()) <= URL_MAX).then(|| url.into())
}

fn insert(object: &mut Map<String, Value>, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}
