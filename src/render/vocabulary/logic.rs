//! Conditions. A missing field counts as null, as for `#if`.

use std::cmp::Ordering;

use handlebars::JsonTruthy;
use serde_json::Value;

use super::Call;

/// `eq a b`: equal values; numbers by their size, so that 1 and 1.0 are equal.
pub fn eq(call: &Call<'_>) -> Value {
    equal(call).into()
}

/// `ne a b`
pub fn ne(call: &Call<'_>) -> Value {
    (!equal(call)).into()
}

/// `gt a b`
pub fn gt(call: &Call<'_>) -> Value {
    order(call).is_some_and(Ordering::is_gt).into()
}

/// `gte a b`
pub fn gte(call: &Call<'_>) -> Value {
    order(call).is_some_and(Ordering::is_ge).into()
}

/// `lt a b`
pub fn lt(call: &Call<'_>) -> Value {
    order(call).is_some_and(Ordering::is_lt).into()
}

/// `lte a b`
pub fn lte(call: &Call<'_>) -> Value {
    order(call).is_some_and(Ordering::is_le).into()
}

/// `and a b …`
pub fn and(call: &Call<'_>) -> Value {
    (0..call.args.len()).all(|index| call.arg(index).is_truthy(false)).into()
}

/// `or a b …`
pub fn or(call: &Call<'_>) -> Value {
    (0..call.args.len()).any(|index| call.arg(index).is_truthy(false)).into()
}

/// `not a`
pub fn not(call: &Call<'_>) -> Value {
    (!call.arg(0).is_truthy(false)).into()
}

fn equal(call: &Call<'_>) -> bool {
    match (call.arg(0), call.arg(1)) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (left, right) => left == right,
    }
}

fn order(call: &Call<'_>) -> Option<Ordering> {
    match (call.number(0), call.number(1)) {
        (Some(left), Some(right)) => left.partial_cmp(&right),
        _ => call.arg(0).as_str()?.partial_cmp(call.arg(1).as_str()?),
    }
}
