//! A webhook's `ok` and `retry_after`: how its answers are read.
//!
//! Both are tables within the notifier's, taken out of it before the rest is read, so that
//! a mistake in them is told like one in any other table.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, IgnoredAny, Visitor};
use serde_json::{Number, Value};
use toml::Spanned;

use super::address::is_http_token;
use super::length::short;
use super::notes::Notes;
use super::table::{Keys, Table};
use crate::deliver::webhook::settings::{Success, WaitFrom, WaitUnit, Wanted};
use crate::problem::Problem;

/// What counts as taken.
#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(rename = "Ok")]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub(super) struct OkWritten {
    /// The statuses that count; without it any 2xx.
    #[schemars(with = "Option<Vec<u16>>", length(min = 1), inner(range(min = 100, max = 599)), extend("examples" = [[200, 202]]))]
    status: Option<Spanned<Vec<Spanned<u16>>>>,
    /// A value that the answer's body must hold as well.
    #[serde(rename = "json")]
    #[schemars(with = "Option<WantedWritten>", extend("examples" = [{ "pointer": "/ok", "equals": true }]))]
    _json: Option<IgnoredAny>,
}

/// A value in a JSON body.
#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(rename = "JsonEquals")]
#[schemars(deny_unknown_fields)]
struct WantedWritten {
    /// Where it stands: a JSON pointer (RFC 6901).
    #[schemars(with = "String", extend("examples" = ["/ok"]))]
    pointer: Option<Spanned<String>>,
    /// What it must be.
    #[schemars(with = "Scalar", extend("examples" = [true]))]
    equals: Option<Scalar>,
}

/// Where an answer names the time to wait.
#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(rename = "RetryAfter")]
#[schemars(deny_unknown_fields, extend("oneOf" = [{ "required": ["header"] }, { "required": ["json"] }]))]
pub(super) struct WaitWritten {
    /// A header of the answer.
    #[schemars(with = "Option<String>", extend("examples" = ["X-Retry-In"]))]
    header: Option<Spanned<String>>,
    /// A place in its JSON body: a JSON pointer (RFC 6901).
    #[schemars(with = "Option<String>", extend("examples" = ["/parameters/retry_after"]))]
    json: Option<Spanned<String>>,
    /// What the number there counts.
    #[schemars(with = "Option<UnitWritten>", extend("default" = "s", "examples" = ["s"]))]
    unit: Option<UnitWritten>,
}

#[derive(Debug, Clone, Copy, serde::Deserialize, JsonSchema)]
#[serde(rename = "WaitUnit")]
#[schemars(inline)]
enum UnitWritten {
    #[serde(rename = "s")]
    Seconds,
    #[serde(rename = "ms")]
    Milliseconds,
}

const HOW_TO_POINT: &str = "a JSON pointer begins with a slash, like \"/parameters/retry_after\"";

/// Takes `ok` out of a webhook's table.
pub(super) fn take_ok(table: &mut Table<'_>, notes: &mut Notes<'_>) -> Success {
    const EXAMPLE: &str =
        "ok = { status = [200, 202], json = { pointer = \"/ok\", equals = true } }";
    let thing = format!("{}, table `ok`", notes.thing());
    let Some(mut inner) = table.take("ok", EXAMPLE, notes) else { return Success::default() };
    let mut notes = Notes::new(thing, notes.problems());
    let keys = Keys::of::<OkWritten>(&[]);
    inner.check_keys(&keys, &mut notes);
    if inner.entries.is_empty() {
        let problem = Problem::error("it names neither `status` nor `json`");
        notes.whole(problem.at(inner.place.clone()).help(format!("write {EXAMPLE}")));
    }
    let json = take_wanted(&mut inner, &mut notes);
    let written: OkWritten = inner.read(&keys, &mut notes);
    let mut statuses = Vec::new();
    if let Some(list) = &written.status {
        if list.get_ref().is_empty() {
            let message = "the list is empty, so nothing would count as taken";
            notes.error_with_help("status", list.span(), message, "leave it out for any 2xx");
        }
        for status in list.get_ref() {
            if !(100..=599).contains(status.get_ref()) {
                let message = format!("`{}` is no status of HTTP", status.get_ref());
                notes.error_with_help("status", status.span(), message, "use 100 to 599");
            }
            statuses.push(*status.get_ref());
        }
    }
    Success { statuses, json }
}

/// Takes `retry_after` out of a webhook's table.
pub(super) fn take_wait(table: &mut Table<'_>, notes: &mut Notes<'_>) -> WaitFrom {
    const EXAMPLE: &str = "retry_after = { json = \"/parameters/retry_after\", unit = \"s\" }";
    let thing = format!("{}, table `retry_after`", notes.thing());
    let Some(mut inner) = table.take("retry_after", EXAMPLE, notes) else {
        return WaitFrom::default();
    };
    let mut notes = Notes::new(thing, notes.problems());
    let keys = Keys::of::<WaitWritten>(&[]);
    let place = inner.place.clone();
    inner.check_keys(&keys, &mut notes);
    let named = ["header", "json"].iter().filter(|key| inner.entries.contains_key(**key)).count();
    let written: WaitWritten = inner.read(&keys, &mut notes);
    if named != 1 {
        let problem = Problem::error("it names one place: either `header` or `json`");
        notes.whole(problem.at(place).help(format!("write {EXAMPLE}")));
    }
    let unit = match written.unit {
        None | Some(UnitWritten::Seconds) => WaitUnit::Seconds,
        Some(UnitWritten::Milliseconds) => WaitUnit::Milliseconds,
    };
    if let Some(pointer) = &written.json {
        check_pointer("json", pointer, &mut notes);
        return WaitFrom::Json { pointer: pointer.get_ref().clone(), unit };
    }
    let Some(name) = written.header else { return WaitFrom::default() };
    if !is_http_token(name.get_ref()) {
        let message = format!("`{}` cannot be the name of a header", short(name.get_ref()));
        notes.error_with_help("header", name.span(), message, "use letters, digits and hyphens");
    }
    WaitFrom::Header { name: name.get_ref().to_ascii_lowercase(), unit }
}

fn take_wanted(ok: &mut Table<'_>, notes: &mut Notes<'_>) -> Option<Wanted> {
    const EXAMPLE: &str = "json = { pointer = \"/ok\", equals = true }";
    let thing = format!("{}.json", notes.thing().trim_end_matches('`')) + "`";
    let mut inner = ok.take("json", EXAMPLE, notes)?;
    let mut notes = Notes::new(thing, notes.problems());
    let keys = Keys::of::<WantedWritten>(&[]);
    inner.check_keys(&keys, &mut notes);
    let written: WantedWritten = inner.read(&keys, &mut notes);
    let pointer = written.pointer?;
    check_pointer("pointer", &pointer, &mut notes);
    Some(Wanted { pointer: pointer.into_inner(), equals: written.equals?.0 })
}

fn check_pointer(key: &str, written: &Spanned<String>, notes: &mut Notes<'_>) {
    let pointer = written.get_ref();
    let tildes =
        pointer.match_indices('~').all(|(at, _)| pointer[at + 1..].starts_with(['0', '1']));
    let slash = pointer.is_empty() || pointer.starts_with('/');
    let help = match (slash, tildes) {
        (true, true) => return,
        (true, false) => "write ~0 for a tilde in a name, and ~1 for a slash".to_owned(),
        (false, _) => {
            let parts = pointer.trim_start_matches('$').split('.').filter(|part| !part.is_empty());
            let guess: String = parts.map(|part| format!("/{part}")).collect();
            match guess.as_str() {
                "" => HOW_TO_POINT.to_owned(),
                guess => format!("did you mean `{}`?", short(guess)),
            }
        }
    };
    let message = format!("`{}` is not a JSON pointer", short(pointer));
    notes.error_with_help(key, written.span(), message, help);
}

/// A string, a number or a boolean.
#[derive(Debug)]
struct Scalar(Value);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl Visitor<'_> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number, true or false")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar(value.into()))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Scalar, E> {
        let number = Number::from_f64(value);
        number
            .map(|number| Scalar(number.into()))
            .ok_or_else(|| E::custom("JSON has no such number"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar(value.into()))
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}
