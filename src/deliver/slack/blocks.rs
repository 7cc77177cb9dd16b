//! Makes blocks valid for Slack, one by one. Pure; `payload` is its only user.
//!
//! Each kind of block is built anew from the parts that are known and fit. A part that would
//! be empty, or links anywhere but to https, is left out; a block left without its needed
//! parts is left out as well. Limits: <https://docs.slack.dev/reference/block-kit/blocks>

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use url::Url;

use super::payload::list;
use crate::deliver::cut::{Markup, cut, length, shorten};

pub const BLOCKS_MAX: usize = 50;
pub const SECTION_TEXT_MAX: usize = 3_000;
pub const FIELD_MAX: usize = 2_000;
pub const FIELDS_MAX: usize = 10;
pub const HEADER_MAX: usize = 150;
pub const CONTEXT_ELEMENTS_MAX: usize = 10;
pub const ACTIONS_MAX: usize = 25;
pub const BUTTON_TEXT_MAX: usize = 75;
pub const BUTTON_VALUE_MAX: usize = 2_000;
pub const ALT_TEXT_MAX: usize = 2_000;
pub const URL_MAX: usize = 3_000;
pub const ID_MAX: usize = 255;
/// How far a rich text list may be indented.
pub const INDENT_MAX: u64 = 8;

/// For all blocks of a message: the published limit of markdown blocks. Of the others it is
/// only known that there is one, a little above:
/// <https://github.com/slackapi/bolt-js/issues/2509>
pub const ALL_TEXT_MAX: usize = 12_000;

/// What the blocks of one message share.
#[derive(Debug)]
pub(super) struct Fitter {
    text_left: usize,
    blocks_left: usize,
    ids: HashSet<String>,
}

impl Default for Fitter {
    fn default() -> Self {
        Self { text_left: ALL_TEXT_MAX, blocks_left: BLOCKS_MAX, ids: HashSet::new() }
    }
}

impl Fitter {
    pub(super) fn blocks(&mut self, given: Option<&Value>) -> Vec<Value> {
        let mut fitted = Vec::new();
        for block in list(given) {
            if self.blocks_left == 0 {
                break;
            }
            if let Some(block) = self.block(block) {
                self.blocks_left -= 1;
                fitted.push(block);
            }
        }
        fitted
    }

    fn block(&mut self, given: &Value) -> Option<Value> {
        let mut block = match given.get("type")?.as_str()? {
            "divider" => json!({ "type": "divider" }),
            "header" => {
                json!({ "type": "header", "text": self.plain(given.get("text"), HEADER_MAX)? })
            }
            "section" => self.section(given)?,
            "context" => {
                let elements = self.some_of(given, CONTEXT_ELEMENTS_MAX, Self::context_element)?;
                json!({ "type": "context", "elements": elements })
            }
            "actions" => {
                let elements = self.some_of(given, ACTIONS_MAX, Self::button)?;
                json!({ "type": "actions", "elements": elements })
            }
            "image" => {
                let mut image = self.image(given)?;
                if let Some(title) = self.plain(given.get("title"), ALT_TEXT_MAX) {
                    image["title"] = title;
                }
                image
            }
            "markdown" => {
                let text = self.take(given.get("text")?.as_str()?, ALL_TEXT_MAX, Markup::Plain)?;
                json!({ "type": "markdown", "text": text })
            }
            "rich_text" => {
                let elements = self.some_of(given, usize::MAX, Self::rich_part)?;
                json!({ "type": "rich_text", "elements": elements })
            }
            _ => return None,
        };
        self.keep_id("block_id", given, &mut block);
        Some(block)
    }

    fn section(&mut self, given: &Value) -> Option<Value> {
        let mut section = Map::new();
        section.insert("type".into(), "section".into());
        if let Some(text) = self.text(given.get("text"), SECTION_TEXT_MAX) {
            section.insert("text".into(), text);
        }
        let fields: Vec<Value> = list(given.get("fields"))
            .filter_map(|field| self.text(Some(field), FIELD_MAX))
            .take(FIELDS_MAX)
            .collect();
        if !fields.is_empty() {
            section.insert("fields".into(), fields.into());
        }
        if section.len() == 1 {
            return None;
        }
        let accessory = given.get("accessory");
        if let Some(accessory) = accessory.and_then(|it| self.button(it).or_else(|| self.image(it)))
        {
            section.insert("accessory".into(), accessory);
        }
        if let Some(expand) = given.get("expand").and_then(Value::as_bool) {
            section.insert("expand".into(), expand.into());
        }
        Some(Value::Object(section))
    }

    fn context_element(&mut self, given: &Value) -> Option<Value> {
        match given.get("type").and_then(Value::as_str) {
            Some("image") => self.image(given),
            _ => self.text(Some(given), SECTION_TEXT_MAX),
        }
    }

    fn button(&mut self, given: &Value) -> Option<Value> {
        if given.get("type")?.as_str()? != "button" {
            return None;
        }
        let url = match given.get("url") {
            Some(url) => Some(https(Some(url))?),
            None => None,
        };
        let text = self.plain(given.get("text"), BUTTON_TEXT_MAX)?;
        let mut button = json!({ "type": "button", "text": text });
        if let Some(url) = url {
            button["url"] = url;
        }
        let value = given.get("value").and_then(Value::as_str);
        if let Some(value) = value.filter(|value| length(value) <= BUTTON_VALUE_MAX) {
            button["value"] = value.into();
        }
        if let Some(style @ ("primary" | "danger")) = given.get("style").and_then(Value::as_str) {
            button["style"] = style.into();
        }
        self.keep_id("action_id", given, &mut button);
        Some(button)
    }

    fn image(&mut self, given: &Value) -> Option<Value> {
        if given.get("type")?.as_str()? != "image" {
            return None;
        }
        let url = https(given.get("image_url"))?;
        let alt = given.get("alt_text").and_then(Value::as_str).unwrap_or_default();
        let alt = cut(alt, ALT_TEXT_MAX, Markup::Plain);
        let alt = if alt.is_empty() { "image".to_owned() } else { alt };
        Some(json!({ "type": "image", "image_url": url, "alt_text": alt }))
    }

    fn rich_part(&mut self, given: &Value) -> Option<Value> {
        match given.get("type")?.as_str()? {
            kind @ ("rich_text_section" | "rich_text_preformatted" | "rich_text_quote") => {
                let elements = self.some_of(given, usize::MAX, Self::rich_leaf)?;
                Some(json!({ "type": kind, "elements": elements }))
            }
            "rich_text_list" => {
                let elements = self.some_of(given, usize::MAX, |fitter, item| {
                    let section = item.get("type")?.as_str()? == "rich_text_section";
                    section.then(|| fitter.rich_part(item)).flatten()
                })?;
                let ordered = given.get("style").and_then(Value::as_str) == Some("ordered");
                let style = if ordered { "ordered" } else { "bullet" };
                let indent = given.get("indent").and_then(Value::as_u64).unwrap_or(0);
                let indent = indent.min(INDENT_MAX);
                Some(json!({
                    "type": "rich_text_list", "style": style, "indent": indent, "elements": elements
                }))
            }
            _ => None,
        }
    }

    fn rich_leaf(&mut self, given: &Value) -> Option<Value> {
        let text = given.get("text").and_then(Value::as_str).unwrap_or_default();
        let mut leaf = match given.get("type")?.as_str()? {
            "text" => {
                json!({ "type": "text", "text": self.piece(text)? })
            }
            "link" => {
                let url = https(given.get("url"))?;
                match self.piece(text) {
                    Some(text) => json!({ "type": "link", "url": url, "text": text }),
                    None => json!({ "type": "link", "url": url }),
                }
            }
            "emoji" => {
                let name = given.get("name")?.as_str().filter(|name| is_emoji_name(name))?;
                return Some(json!({ "type": "emoji", "name": name }));
            }
            _ => return None,
        };
        let styles: Map<String, Value> = ["bold", "italic", "strike", "code"]
            .into_iter()
            .filter(|style| given.pointer(&format!("/style/{style}")) == Some(&Value::Bool(true)))
            .map(|style| (style.to_owned(), Value::Bool(true)))
            .collect();
        if !styles.is_empty() {
            leaf["style"] = Value::Object(styles);
        }
        Some(leaf)
    }

    /// A text object of either type. A bare string is taken as plain: the safe reading.
    fn text(&mut self, given: Option<&Value>, limit: usize) -> Option<Value> {
        let given = given?;
        if given.get("type").and_then(Value::as_str) != Some("mrkdwn") {
            return self.plain(Some(given), limit);
        }
        let text = self.take(given.get("text")?.as_str()?, limit, Markup::Slack)?;
        // Without `verbatim` a bare `@here`, `#channel` or URL in job text comes to life.
        Some(json!({ "type": "mrkdwn", "text": text, "verbatim": true }))
    }

    fn plain(&mut self, given: Option<&Value>, limit: usize) -> Option<Value> {
        let given = given?;
        let text = given.as_str().or_else(|| given.get("text")?.as_str())?;
        let text = self.take(text, limit, Markup::Plain)?;
        let emoji = given.get("emoji").and_then(Value::as_bool).unwrap_or(false);
        Some(json!({ "type": "plain_text", "text": text, "emoji": emoji }))
    }

    /// A whole text, within its own limit and what the message has left.
    fn take(&mut self, text: &str, limit: usize, markup: Markup) -> Option<String> {
        self.spend(cut(text, limit.min(self.text_left), markup))
    }

    /// A piece of a line, whose spaces count.
    fn piece(&mut self, text: &str) -> Option<String> {
        self.spend(shorten(text, SECTION_TEXT_MAX.min(self.text_left), Markup::Plain))
    }

    fn spend(&mut self, text: String) -> Option<String> {
        self.text_left -= length(&text);
        (!text.is_empty()).then_some(text)
    }

    /// The elements that fit; `None` where there is not one.
    fn some_of(
        &mut self,
        given: &Value,
        most: usize,
        fit: impl Fn(&mut Self, &Value) -> Option<Value>,
    ) -> Option<Vec<Value>> {
        let fitted: Vec<Value> = list(given.get("elements"))
            .filter_map(|element| fit(self, element))
            .take(most)
            .collect();
        (!fitted.is_empty()).then_some(fitted)
    }

    /// Keeps an id that is short enough and not used before in this message.
    fn keep_id(&mut self, key: &str, given: &Value, fitted: &mut Value) {
        let id = given.get(key).and_then(Value::as_str).unwrap_or_default();
        if !id.is_empty() && length(id) <= ID_MAX && self.ids.insert(format!("{key}/{id}")) {
            fitted[key] = id.into();
        }
    }
}

/// The URL if Slack would take it: https, and not too long.
pub(super) fn https(given: Option<&Value>) -> Option<Value> {
    let url = Url::parse(given?.as_str()?).ok()?;
    (url.scheme() == "https" && length(url.as_str()) <= URL_MAX).then(|| url.as_str().into())
}

fn is_emoji_name(name: &str) -> bool {
    !name.is_empty()
        && length(name) <= 100
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-+".contains(&byte))
}
