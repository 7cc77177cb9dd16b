//! One escape for each output syntax: what a value must go through to be only text there.
//!
//! `{{x}}` goes through [`Syntax::escape`]; `{{plain x}}`, `{{url x}}`, `{{json x}}` and
//! `{{lines x n}}` ([`mod@line`]) have a door each. Nothing else writes a value.

mod clean;
mod line;
mod link;
mod markdown;

pub use clean::{Breaks, clean, cut, one_line};
pub use line::units;
pub use link::https_link;

use serde_json::{Map, Value};

/// What a template's text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// Strings in JSON that Slack reads as mrkdwn.
    SlackJson,
    /// Strings in JSON that Discord reads as markdown.
    DiscordJson,
    /// Strings in JSON that nobody reads further.
    Json,
    Html,
    /// Text in a mail or on a terminal.
    Text,
    /// One line of a mail's header.
    Subject,
}

impl Syntax {
    /// What `{{x}}` writes.
    pub fn escape(self, text: &str) -> String {
        match self {
            Self::SlackJson | Self::DiscordJson | Self::Json => in_json(&self.words(text)),
            Self::Html | Self::Text | Self::Subject => self.words(text),
        }
    }

    /// What `{{plain x}}` writes: one line, without the escape for mark-up where a service
    /// reads none.
    pub fn plain(self, text: &str) -> String {
        let line = one_line(text);
        match self {
            Self::SlackJson | Self::DiscordJson | Self::Json => in_json(&line),
            Self::Html => handlebars::html_escape(&line),
            Self::Text => line,
            Self::Subject => break_encoded_words(&line),
        }
    }

    /// What `{{url x}}` writes.
    pub fn url(self, text: &str) -> String {
        let link = https_link(text);
        match self {
            Self::Html => link.replace('&', "&amp;"),
            _ => link,
        }
    }

    /// What `{{json x}}` writes: the value as JSON, its strings harmless in this syntax.
    pub fn json(self, value: &Value) -> String {
        match self {
            Self::SlackJson | Self::DiscordJson => self.json_tree(value).to_string(),
            Self::Json => value.to_string(),
            Self::Html | Self::Text | Self::Subject => self.words(&value.to_string()),
        }
    }

    /// The escape without the layer of JSON.
    fn words(self, text: &str) -> String {
        match self {
            Self::SlackJson => markdown::mrkdwn(&clean(text, Breaks::Keep)),
            Self::DiscordJson => markdown::discord(&clean(text, Breaks::Keep)),
            Self::Json => clean(text, Breaks::Keep),
            Self::Html => handlebars::html_escape(&clean(text, Breaks::Keep)),
            Self::Text => indented(&clean(text, Breaks::Keep)),
            Self::Subject => break_encoded_words(&one_line(text)),
        }
    }

    fn json_tree(self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.words(text)),
            Value::Array(items) => items.iter().map(|item| self.json_tree(item)).collect(),
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(key, field)| (self.words(key), self.json_tree(field)))
                    .collect::<Map<_, _>>(),
            ),
            other => other.clone(),
        }
    }
}

/// The text as the inside of a JSON string.
fn in_json(text: &str) -> String {
    let quoted = Value::String(text.to_owned()).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

/// Line breaks of a value are followed by four spaces, so that no value can begin a line of
/// its own in the first column; empty lines are dropped.
fn indented(text: &str) -> String {
    text.lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n    ")
}

/// `=?` begins an encoded word in a header (RFC 2047).
fn break_encoded_words(text: &str) -> String {
    text.replace("=?", "= ?")
}

/// A mail's subject as it is sent: one line of at most 120 characters.
pub fn subject_line(rendered: &str) -> String {
    /// Longer ones are cut by mail programs.
    const SUBJECT_MAX_CHARS: usize = 120;

    cut(&break_encoded_words(&one_line(rendered)), SUBJECT_MAX_CHARS)
}

#[cfg(test)]
mod tests;
