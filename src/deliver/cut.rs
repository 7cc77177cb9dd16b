//! Cuts text to a service's limit, on a border that breaks nothing. Pure.
//!
//! Lengths are UTF-16 units: no service says exactly what it counts, and a text that is short
//! enough in these is short enough in code points as well. The text comes in escaped for its
//! service, so a border may not divide what the escape has joined.

use serde_json::Value;

/// What a cut text ends in.
pub const ELLIPSIS: char = '…';

/// Whose escapes the text holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// `&amp;`, `&lt;`, `&gt;`, and `<…>` for links and mentions.
    Slack,
    /// A backslash before what would be mark-up.
    Discord,
    Plain,
}

/// The length of a text in UTF-16 units.
pub fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The text if it is at most `limit` long, else its beginning with an ellipsis; trimmed, since
/// services trim before they count. Empty where nothing fits.
pub fn cut(text: &str, limit: usize, markup: Markup) -> String {
    shorten(text.trim(), limit, markup)
}

/// As [`cut`], for a piece of a line: the spaces at its ends are part of it.
pub fn shorten(text: &str, limit: usize, markup: Markup) -> String {
    if length(text) <= limit {
        return text.to_owned();
    }
    let Some(room) = limit.checked_sub(ELLIPSIS.len_utf16()) else {
        return String::new();
    };
    let mut units = 0;
    let end = text
        .char_indices()
        .find(|(_, c)| {
            units += c.len_utf16();
            units > room
        })
        .map_or(text.len(), |(at, _)| at);
    let kept = whole(text, end, markup).trim_end();
    format!("{kept}{ELLIPSIS}")
}

/// Every text in a JSON value that a person was meant to read, one to a line: what is left to
/// say when a payload cannot be saved.
pub fn words_of(value: &Value) -> String {
    const READABLE: [&str; 9] = [
        "text",
        "content",
        "title",
        "description",
        "name",
        "value",
        "fallback",
        "pretext",
        "footer",
    ];
    fn gather(value: &Value, readable: bool, words: &mut Vec<String>) {
        match value {
            Value::String(text) if readable && !text.trim().is_empty() => {
                words.push(text.trim().to_owned());
            }
            Value::Array(items) => items.iter().for_each(|item| gather(item, readable, words)),
            Value::Object(fields) => fields
                .iter()
                .for_each(|(key, value)| gather(value, READABLE.contains(&key.as_str()), words)),
            _ => {}
        }
    }
    let mut words = Vec::new();
    gather(value, true, &mut words);
    words.join("\n")
}

/// `text` up to `end`, or to before what `end` would divide.
fn whole(text: &str, end: usize, markup: Markup) -> &str {
    let head = &text[..end];
    match markup {
        Markup::Plain => head,
        Markup::Slack => {
            let head = match head.rfind('<') {
                Some(open) if !head[open..].contains('>') => &head[..open],
                _ => head,
            };
            match head.rfind('&') {
                Some(and)
                    if ["amp", "lt", "gt"]
                        .iter()
                        .any(|name| name.starts_with(&head[and + 1..])) =>
                {
                    &head[..and]
                }
                _ => head,
            }
        }
        Markup::Discord => {
            let slashes = head.bytes().rev().take_while(|byte| *byte == b'\\').count();
            &head[..end - slashes % 2]
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_cut_divides_no_character_entity_link_or_escape() {
        assert_eq!(cut("abcdef", 4, Markup::Plain), "abc…");
        assert_eq!(cut("ab😀def", 4, Markup::Plain), "ab…");
        assert_eq!(cut("a &amp;&amp; b", 10, Markup::Slack), "a &amp;…");
        assert_eq!(cut("see <https://a.example|b> now", 12, Markup::Slack), "see…");
        assert_eq!(cut(r"abc\\\*def", 7, Markup::Discord), r"abc\\…");
        assert_eq!(cut(r"abc\\def", 6, Markup::Discord), r"abc\\…");
        assert_eq!(cut("  abc  ", 3, Markup::Plain), "abc");
        assert_eq!(cut("abc", 0, Markup::Plain), "");
    }

    proptest! {
        #[test]
        fn a_cut_text_fits_and_cutting_again_changes_nothing(
            text in "(a|&amp;|&lt;|<x>|\\\\\\\\|\\\\\\*|😀| ){0,40}",
            limit in 0usize..60,
        ) {
            for markup in [Markup::Slack, Markup::Discord, Markup::Plain] {
                let once = cut(&text, limit, markup);

                prop_assert!(length(&once) <= limit);
                prop_assert_eq!(cut(&once, limit, markup), once.clone());
                prop_assert!(text.trim().starts_with(once.trim_end_matches(ELLIPSIS)));
            }
        }

        #[test]
        fn what_is_left_of_escaped_text_is_still_escaped(
            text in "(a|&amp;|&lt;|&gt;){0,40}",
            limit in 0usize..60,
        ) {
            let left = cut(&text, limit, Markup::Slack);

            let bare = left.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
            prop_assert!(!bare.contains('&'), "{left}");
        }
    }
}
