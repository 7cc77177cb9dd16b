//! The functions that an expression may call, with what they take and give.

use crate::problem::nearest;

use super::kind::Kind;

/// One function in one of its forms.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    /// What stands before the dot; `None` where nothing does.
    pub(super) target: Option<&'static [Kind]>,
    /// What each argument may be; an empty list: anything.
    pub(super) takes: &'static [&'static [Kind]],
    /// How many of the last arguments may be left out.
    pub(super) optional: usize,
    pub(super) gives: Kind,
}

/// Looks like a function but is written with names and fields, and read before any call.
const MACROS: [(&str, &str); 9] = [
    ("has", "write has(job.result), with a field"),
    ("all", "write list.all(x, x > 0)"),
    ("exists", "write list.exists(x, x > 0)"),
    ("exists_one", "write list.exists_one(x, x > 0)"),
    ("existsOne", "write list.existsOne(x, x > 0)"),
    ("map", "write list.map(x, x + 1)"),
    ("filter", "write list.filter(x, x > 0)"),
    ("optMap", "write value.optMap(x, x + 1)"),
    ("optFlatMap", "write value.optFlatMap(x, x.?field)"),
];

/// What is used most, for help.
const USUAL: [&str; 12] = [
    "has",
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "exists",
    "all",
    "int",
    "string",
    "timestamp",
    "duration",
];

const TEXT: &[Kind] = &[Kind::Text];
const TIME: &[Kind] = &[Kind::Timestamp];
const TIME_OR_SPAN: &[Kind] = &[Kind::Timestamp, Kind::Duration];
const SIZED: &[Kind] = &[Kind::Text, Kind::Bytes, Kind::List, Kind::Map];
const OPTIONAL: &[Kind] = &[Kind::Optional];
const ANY: &[Kind] = &[];

/// Every function, as the engine has them.
const FUNCTIONS: [Function; 36] = [
    member("contains", TEXT, &[TEXT], 0, Kind::Bool),
    member("startsWith", TEXT, &[TEXT], 0, Kind::Bool),
    member("endsWith", TEXT, &[TEXT], 0, Kind::Bool),
    member("matches", TEXT, &[TEXT], 0, Kind::Bool),
    global("matches", &[TEXT, TEXT], Kind::Bool),
    global("size", &[SIZED], Kind::Int),
    member("size", SIZED, &[], 0, Kind::Int),
    global("bool", &[&[Kind::Bool, Kind::Text]], Kind::Bool),
    global(
        "int",
        &[&[Kind::Int, Kind::Uint, Kind::Double, Kind::Text, Kind::Timestamp]],
        Kind::Int,
    ),
    global("uint", &[&[Kind::Int, Kind::Uint, Kind::Double, Kind::Text]], Kind::Uint),
    global("double", &[&[Kind::Int, Kind::Uint, Kind::Double, Kind::Text]], Kind::Double),
    global("string", &[ANY], Kind::Text),
    global("bytes", &[&[Kind::Text, Kind::Bytes]], Kind::Bytes),
    global("type", &[ANY], Kind::Type),
    global("dyn", &[ANY], Kind::Any),
    global("timestamp", &[&[Kind::Text, Kind::Int, Kind::Timestamp]], Kind::Timestamp),
    global("duration", &[&[Kind::Text, Kind::Duration]], Kind::Duration),
    member("getFullYear", TIME, &[TEXT], 1, Kind::Int),
    member("getMonth", TIME, &[TEXT], 1, Kind::Int),
    member("getDayOfYear", TIME, &[TEXT], 1, Kind::Int),
    member("getDayOfMonth", TIME, &[TEXT], 1, Kind::Int),
    member("getDate", TIME, &[TEXT], 1, Kind::Int),
    member("getDayOfWeek", TIME, &[TEXT], 1, Kind::Int),
    member("getHours", TIME_OR_SPAN, &[TEXT], 1, Kind::Int),
    member("getMinutes", TIME_OR_SPAN, &[TEXT], 1, Kind::Int),
    member("getSeconds", TIME_OR_SPAN, &[TEXT], 1, Kind::Int),
    member("getMilliseconds", TIME_OR_SPAN, &[TEXT], 1, Kind::Int),
    member("value", OPTIONAL, &[], 0, Kind::Any),
    member("hasValue", OPTIONAL, &[], 0, Kind::Bool),
    member("or", OPTIONAL, &[OPTIONAL], 0, Kind::Optional),
    member("orValue", OPTIONAL, &[ANY], 0, Kind::Any),
    global("optional.none", &[], Kind::Optional),
    global("optional.of", &[ANY], Kind::Optional),
    global("optional.ofNonZeroValue", &[ANY], Kind::Optional),
    // What the macros are made of.
    global("@not_strictly_false", &[ANY], Kind::Bool),
    global("@in", &[ANY, &[Kind::List, Kind::Map]], Kind::Bool),
];

/// The forms of a function.
pub(super) fn forms(name: &str) -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().filter(move |function| function.name == name)
}

/// How a macro is written, for one that the parser did not recognise.
pub(super) fn unread_macro(name: &str) -> Option<String> {
    let (_, help) = MACROS.iter().find(|(known, _)| *known == name)?;
    Some((*help).into())
}

/// What to write instead of an unknown function.
pub(super) fn suggestion(name: &str) -> String {
    let functions = FUNCTIONS.iter().map(|function| function.name);
    match nearest(name, functions.chain(MACROS.map(|(name, _)| name))) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("use {}, or others of CEL's standard ones", USUAL.join(", ")),
    }
}

/// How a function is written, for help.
pub(super) fn usage(name: &str) -> String {
    match name {
        "timestamp" => "write timestamp(\"2026-01-31T09:00:00Z\")".into(),
        "duration" => "write duration(\"1h30m\")".into(),
        "@in" => "write x in [1, 2]".into(),
        name => {
            let forms = forms(name).map(|form| {
                let takes = ["x", "y"].get(..form.takes.len()).unwrap_or_default().join(", ");
                match form.target {
                    Some(_) => format!("value.{name}({takes})"),
                    None => format!("{name}({takes})"),
                }
            });
            format!("write {}", forms.collect::<Vec<_>>().join(" or "))
        }
    }
}

const fn global(name: &'static str, takes: &'static [&'static [Kind]], gives: Kind) -> Function {
    Function { name, target: None, takes, optional: 0, gives }
}

const fn member(
    name: &'static str,
    target: &'static [Kind],
    takes: &'static [&'static [Kind]],
    optional: usize,
    gives: Kind,
) -> Function {
    Function { name, target: Some(target), takes, optional, gives }
}
