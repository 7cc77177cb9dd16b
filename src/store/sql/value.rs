//! What statements are given: whole numbers, fractions and texts, each of which may be null.

use std::borrow::Cow;

/// A value for a statement. Truths are whole numbers, times are milliseconds, documents texts:
/// both databases keep them so.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) enum Value {
    Int(Option<i64>),
    Real(Option<f64>),
    Text(Option<String>),
}

/// PostgreSQL keeps no zero bytes, neither in texts nor in the JSON that it takes apart, and
/// would refuse a whole walk for one name that holds one. They become U+FFFD.
pub(super) fn without_zero_bytes(text: String) -> String {
    const ESCAPED: &str = "\\u0000";
    // Lists are taken apart; what is a text for PostgreSQL may hold the escape.
    let is_list = text.starts_with('[');
    let holds_any = text.contains('\0') || (is_list && text.contains(ESCAPED));
    if !holds_any {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find(['\0', '\\']) {
        let (before, found) = rest.split_at(at);
        clean.push_str(before);
        let taken = match found {
            zero if zero.starts_with('\0') => 1,
            escaped if is_list && escaped.starts_with(ESCAPED) => ESCAPED.len(),
            // Whatever it escapes, a backslash among them, begins no escape of its own.
            other => {
                let pair: String = other.chars().take(2).collect();
                clean.push_str(&pair);
                rest = other.get(pair.len()..).unwrap_or_default();
                continue;
            }
        };
        clean.push('\u{fffd}');
        rest = found.get(taken..).unwrap_or_default();
    }
    clean.push_str(rest);
    clean
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(Some(value.into()))
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(Some(value.into()))
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(Some(value))
    }
}

impl From<Option<f64>> for Value {
    fn from(value: Option<f64>) -> Self {
        Self::Real(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(Some(value.clone()))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(value: Cow<'_, str>) -> Self {
        Self::Text(Some(value.into_owned()))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Self {
        Self::Text(value.map(str::to_owned))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

impl From<&Option<String>> for Value {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_bytes_are_replaced_bare_and_escaped_and_nothing_else_is() {
        let replaced = |text: &str| without_zero_bytes(text.to_owned());

        assert_eq!(replaced("plain \\ text"), "plain \\ text");
        assert_eq!(replaced("a\0b"), "a\u{fffd}b");
        assert_eq!(replaced(r#"["a\u0000b"]"#), "[\"a\u{fffd}b\"]");
        // A document within a document: the escape is text there.
        assert_eq!(replaced(r#"["{\"a\":\"\\u0000\"}"]"#), r#"["{\"a\":\"\\u0000\"}"]"#);
        assert_eq!(replaced(r#"["\\\u0000"]"#), "[\"\\\\\u{fffd}\"]");
        assert_eq!(replaced("[\\u0000\\"), "[\u{fffd}\\");
        // Not taken apart: it is a document, kept as a text.
        assert_eq!(replaced(r#"{"a":"\u0000"}"#), r#"{"a":"\u0000"}"#);
    }
}
