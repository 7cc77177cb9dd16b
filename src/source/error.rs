//! Why the API did not give what was asked for, sorted by what to do next. Pure.
//!
//! Made by [`client`](super::client) and [`walk`](super::walk), read by
//! [`schedule`](super::schedule) and by whoever tells a person. Holds words for people; never
//! the token, never a query.

use std::time::Duration;

use serde_json::Value;

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Too many requests: come again later, no sooner than `wait` if the API named one.
    #[error("the API asks for fewer requests (429)")]
    Limited { wait: Option<Duration> },
    /// The API refuses us: the token is wrong, revoked, or may not do this.
    #[error("the API refuses the token ({status}{}): check the source's `token`", told(message))]
    Refused { status: u16, message: String },
    /// The API does not understand a parameter: ask without it.
    #[error("the API does not accept the request (400{})", told(message))]
    Invalid { message: String },
    /// The answer is larger than what is read: ask for less.
    #[error("the answer is larger than {kib} KiB")]
    TooLarge { kib: usize },
    /// The API, or the way to it, has a fault: come again later, no sooner than `wait` if it
    /// named one.
    #[error("{reason}")]
    Trouble { reason: String, wait: Option<Duration> },
}

impl ApiError {
    /// A fault for which no wait was named.
    pub fn trouble(reason: impl Into<String>) -> Self {
        Self::Trouble { reason: reason.into(), wait: None }
    }
}

/// The most characters kept of what the API says.
const MESSAGE_MAX_CHARS: usize = 300;

/// What the body of an error says, as it came; empty where it says nothing that we understand.
pub(super) fn message_of(body: &[u8]) -> String {
    let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(body) else {
        return String::new();
    };
    let text = |key: &str| body.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    text("message").or_else(|| text("error")).unwrap_or("").to_owned()
}

/// A text from outside as it may stand in a line of a log: cut, without control characters.
pub(super) fn quotable(text: &str) -> String {
    let mut quoted = String::new();
    for (count, letter) in text.chars().enumerate() {
        if count == MESSAGE_MAX_CHARS {
            quoted.push('…');
            break;
        }
        if letter.is_control()
            || matches!(letter, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            quoted.extend(letter.escape_default());
        } else {
            quoted.push(letter);
        }
    }
    quoted
}

/// The message as it follows a status, with what parts them; nothing where there is none.
pub(super) fn told(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(", \"{message}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_from_outside_becomes_one_short_line() {
        assert_eq!(quotable("a\nb\u{1b}[31m\u{202e}"), "a\\nb\\u{1b}[31m\\u{202e}");
        assert_eq!(quotable(&"ü".repeat(500)), format!("{}…", "ü".repeat(300)));
        assert_eq!(quotable(&"ü".repeat(300)), "ü".repeat(300));
    }

    #[test]
    fn an_error_s_message_is_found_where_the_api_puts_it() {
        assert_eq!(message_of(br#"{"error":"e","message":"a\nb"}"#), "a\nb");
        assert_eq!(message_of(br#"{"error":"unauthorized"}"#), "unauthorized");
        assert_eq!(message_of(b"<html>"), "");
        assert_eq!(message_of(br#"{"message":5}"#), "");
    }

    #[test]
    fn an_error_tells_what_is_wrong_and_what_to_do() {
        let refused =
            ApiError::Refused { status: 401, message: "Could not find token".into() }.to_string();
        let silent = ApiError::Refused { status: 403, message: String::new() }.to_string();

        insta::assert_snapshot!(refused, @r#"the API refuses the token (401, "Could not find token"): check the source's `token`"#);
        insta::assert_snapshot!(silent, @"the API refuses the token (403): check the source's `token`");
    }
}
