//! From what the engine says to an [`Answer`], in words that hold no value of the event.
//!
//! The engine's own words are not passed on: they may quote whole values, and a job has some
//! that must not show.

use cel::ExecutionError;
use cel::common::types::{CelBool, CelNull};
use cel::common::value::Val;

use crate::rules::met::harmless;

use super::Answer;

/// CEL's name for the type of null.
pub(super) const NULL: &str = "null_type";

/// A key is shown up to this length.
const MAX_KEY_CHARS: usize = 60;

/// The answer that a value is.
pub(super) fn of_value(value: &dyn Val) -> Answer {
    if let Some(truth) = value.downcast_ref::<CelBool>() {
        return match *truth.inner() {
            true => Answer::Holds,
            false => Answer::DoesNotHold { reason: "it is false".into() },
        };
    }
    if value.downcast_ref::<CelNull>().is_some() {
        return Answer::DoesNotHold { reason: "it is null".into() };
    }
    let kind = kind(value.get_type().name());
    Answer::Undecided { reason: format!("it came to {kind}, not to true or false") }
}

/// The answer that a failure is.
pub(super) fn of_error(error: &ExecutionError) -> Answer {
    match missing(error) {
        Some(reason) => Answer::DoesNotHold { reason },
        None => Answer::Undecided { reason: failure(error) },
    }
}

/// What was missing or null, where that is the cause.
fn missing(error: &ExecutionError) -> Option<String> {
    match error {
        ExecutionError::NoSuchKey(key) => {
            Some(format!("`{}` is missing", harmless(key, MAX_KEY_CHARS)))
        }
        ExecutionError::NoSuchOverload(overload)
            if overload.argument_types().iter().any(|kind| kind == NULL) =>
        {
            Some(match overload.function() {
                "_._" | "_[_]" => "it asks for a field of null".into(),
                function => format!("{} meets null", operator(function)),
            })
        }
        ExecutionError::UnexpectedType { got, want } if got == NULL => {
            Some(format!("null stands where {} is wanted", kind(want)))
        }
        _ => None,
    }
}

fn failure(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchOverload(overload) => {
            let kinds: Vec<String> =
                overload.argument_types().iter().map(|name| kind(name)).collect();
            format!("{} cannot be used with {}", operator(overload.function()), kinds.join(" and "))
        }
        ExecutionError::UnexpectedType { got, want } => {
            format!("{} stands where {} is wanted", kind(got), kind(want))
        }
        ExecutionError::FunctionError { function, .. } => {
            format!("`{function}` cannot make anything of what it was given")
        }
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "it divides by zero".into()
        }
        ExecutionError::Overflow(..) => "a number in it grew too big".into(),
        ExecutionError::IndexOutOfBounds(_) => "a list has no element of that number".into(),
        ExecutionError::DuplicateKey(_) => "a map names a key twice".into(),
        ExecutionError::UndeclaredReference(name) => {
            format!("nothing is called `{}`", harmless(name, MAX_KEY_CHARS))
        }
        _ => "it cannot be evaluated".into(),
    }
}

/// An operator or function as it is written.
pub(super) fn operator(name: &str) -> String {
    let written = match name {
        "_[_]" | "_[?_]" => "[…]",
        "_?_:_" => "? :",
        "_._" | "_?._" => ".",
        "@in" => "in",
        name => name.trim_matches(['_', '@']),
    };
    format!("`{written}`")
}

fn kind(name: &str) -> String {
    match name {
        "bool" => "true or false".into(),
        "int" | "uint" | "double" => "a number".into(),
        "string" => "a string".into(),
        "bytes" => "bytes".into(),
        "list" => "a list".into(),
        "map" => "a map".into(),
        NULL => "null".into(),
        "google.protobuf.Timestamp" => "a timestamp".into(),
        "google.protobuf.Duration" => "a duration".into(),
        "optional_type" => "an optional value".into(),
        "iterable" => "a list or a map".into(),
        other => format!("a {other}"),
    }
}
