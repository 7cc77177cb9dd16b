//! Words about texts and numbers, and the three that have a door of their own.

use serde_json::Value;

use super::{Call, as_text};
use crate::render::escape::{Syntax, cut, https_link, one_line};

/// `default x "fallback"`
pub fn default(call: &Call<'_>) -> Value {
    let given = call.arg(0);
    let empty = given.is_null() || given.as_str().is_some_and(|text| text.trim().is_empty());
    if empty { call.arg(1).clone() } else { given.clone() }
}

/// `truncate x 80`
pub fn truncate(call: &Call<'_>) -> Value {
    let max_chars = call.length(1, usize::MAX);
    cut(&call.text(0), max_chars).into()
}

/// `upper x`
pub fn upper(call: &Call<'_>) -> Value {
    call.text(0).to_uppercase().into()
}

/// `lower x`
pub fn lower(call: &Call<'_>) -> Value {
    call.text(0).to_lowercase().into()
}

/// `plural n "file" ["files"]`
pub fn plural(call: &Call<'_>) -> Value {
    let one = call.text(1);
    let many = match call.arg(2) {
        Value::Null => format!("{one}s"),
        many => as_text(many),
    };
    let name = if call.number(0) == Some(1.0) { one } else { many };
    format!("{} {name}", call.text(0)).into()
}

/// `bytes n`: decimal units, one digit behind the point.
pub fn bytes(call: &Call<'_>) -> Value {
    let Some(mut size) = call.number(0).filter(|size| *size >= 0.0) else {
        return call.text(0).into();
    };
    if size < 1000.0 {
        return format!("{size:.0} B").into();
    }
    for unit in ["kB", "MB", "GB"] {
        size /= 1000.0;
        if size < 999.95 {
            return format!("{size:.1} {unit}").into();
        }
    }
    format!("{:.1} TB", size / 1000.0).into()
}

/// `len x`
pub fn len(call: &Call<'_>) -> Value {
    match call.arg(0) {
        Value::Array(items) => items.len(),
        Value::Object(fields) => fields.len(),
        Value::Null => 0,
        other => as_text(other).chars().count(),
    }
    .into()
}

/// `url x`, written.
pub fn write_url(syntax: Syntax, value: &Value) -> String {
    syntax.url(value.as_str().unwrap_or_default())
}

/// `(url x)`
pub fn url(value: &Value) -> Value {
    https_link(value.as_str().unwrap_or_default()).into()
}

/// `plain x`, written.
pub fn write_plain(syntax: Syntax, value: &Value) -> String {
    syntax.plain(&as_text(value))
}

/// `(plain x)`
pub fn plain(value: &Value) -> Value {
    one_line(&as_text(value)).into()
}

/// `json x`, written.
pub fn write_json(syntax: Syntax, value: &Value) -> String {
    syntax.json(value)
}

/// `(json x)`
pub fn json(value: &Value) -> Value {
    value.to_string().into()
}
