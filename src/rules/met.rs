//! How a value that a condition met is shown to people: short, on one line, harmless.
//!
//! Used for verdicts, which end up in logs, terminals and pages. Values come from outside,
//! so control characters, marks that turn the direction of text and invisible ones are
//! written as escapes.

use serde_json::Value;

/// Longer texts are cut; enough for an id of the API.
const MAX_CHARS: usize = 80;

/// Shows a value: a text in quotes, a number or a word as it is, anything bigger by its size.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Object(fields) => format!("a table of {}", fields.len()),
    }
}

/// Shows a text in quotes, cut and escaped.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text, MAX_CHARS, &['"', '\\']))
}

/// Cuts a text to `max_chars` and escapes what could do harm.
pub(super) fn harmless(text: &str, max_chars: usize) -> String {
    escaped(text, max_chars, &[])
}

fn escaped(text: &str, max_chars: usize, with_backslash: &[char]) -> String {
    let mut shown = String::with_capacity(text.len().min(max_chars * 2));
    let mut chars = text.chars();
    for letter in chars.by_ref().take(max_chars) {
        match letter {
            letter if with_backslash.contains(&letter) => shown.extend(['\\', letter]),
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            letter if letter.is_control() || is_invisible(letter) => {
                shown.extend(letter.escape_unicode());
            }
            letter => shown.push(letter),
        }
    }
    if chars.next().is_some() {
        shown.push('…');
    }
    shown
}

/// Joins words as people do: "a, b or c".
pub(super) fn any_of(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

fn is_invisible(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_could_steer_a_terminal_or_forge_a_line_is_escaped() {
        let hostile = json!("a\u{1b}[31m\u{9b}\n\u{202e}b\u{200b}\"c\\");

        assert_eq!(shown(&hostile), r#""a\u{1b}[31m\u{9b}\n\u{202e}b\u{200b}\"c\\""#);
    }

    #[test]
    fn long_texts_are_cut_and_big_values_counted() {
        assert_eq!(shown(&json!("ä".repeat(81))), format!("\"{}…\"", "ä".repeat(80)));
        assert_eq!(shown(&json!([1, 2])), "a list of 2");
        assert_eq!(shown(&json!({"a": 1})), "a table of 1");
        assert_eq!(shown(&json!(9.5)), "9.5");
    }
}
