//! One table of the file, read so that every mistake in it is told and not only the first.
//!
//! What a table may hold is taken from the JSON Schema of the type that mirrors it: keys of
//! later versions and unknown keys are noted and put aside, missing ones are noted, and what
//! is left is deserialized again and again, each time without the entry that failed.
//! Messages never quote a value: it may be a secret.

use std::ops::Range;

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, ValueDeserializer};

use super::elsewhere;
use super::length::short;
use super::notes::Notes;
use crate::problem::{Problem, nearest, suggestion};

/// A table with where it stands.
pub(super) struct Table<'i> {
    /// Where the table's name or header stands.
    pub(super) place: Range<usize>,
    pub(super) entries: DeTable<'i>,
}

/// So many entries of one table are read again without the one that failed.
const MISTAKES_MAX: usize = 100;

/// The keys that a type takes, by its schema.
#[derive(Default)]
pub(super) struct Keys {
    known: Map<String, Value>,
    required: Vec<String>,
    /// Keys of the contract that this version does not have yet.
    later: Vec<&'static str>,
}

impl Keys {
    /// The keys of a type, and those that come with a later version.
    pub(super) fn of<T: JsonSchema>(later: &'static [&'static str]) -> Self {
        let schema = T::json_schema(&mut SchemaGenerator::default());
        let known = schema.get("properties").and_then(Value::as_object).cloned();
        let required = schema.get("required").and_then(Value::as_array).cloned();
        let names = required.unwrap_or_default();
        Self {
            known: known.unwrap_or_default(),
            required: names.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            later: later.to_vec(),
        }
    }

    /// The same keys, of which these must be there as well.
    pub(super) fn requiring(mut self, names: &[&str]) -> Self {
        self.required.extend(names.iter().map(|name| (*name).to_owned()));
        self
    }

    /// The keys of two types that share a table.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.known.extend(other.known);
        self.required.extend(other.required);
        self.later.extend(other.later);
        self
    }

    /// The same keys, none of which must be there.
    pub(super) fn optional(mut self) -> Self {
        self.required.clear();
        self
    }

    /// Their names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }

    /// How the key may be written, from the schema's first example.
    fn example(&self, key: &str) -> Option<String> {
        let example = self.known.get(key)?.get("examples")?.get(0)?;
        Some(format!("{key} = {}", as_toml(example)))
    }
}

fn as_toml(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let pairs: Vec<_> =
                fields.iter().map(|(k, v)| format!("{k} = {}", as_toml(v))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        Value::Array(items) => {
            format!("[{}]", items.iter().map(as_toml).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) if text.contains('"') => format!("'{text}'"),
        other => other.to_string(),
    }
}

impl<'i> Table<'i> {
    /// Takes a table out of the table; notes where it is something else.
    pub(super) fn take(
        &mut self,
        key: &str,
        example: &str,
        notes: &mut Notes<'_>,
    ) -> Option<Table<'i>> {
        let (name, value) = self.entries.remove_entry(key)?;
        let span = value.span();
        match value.into_inner() {
            // A table with a header of its own spans only the header.
            DeValue::Table(entries) => Some(Table { place: name.span(), entries }),
            _ => {
                let help = format!("write {example}");
                notes.error_with_help(key, span, "this is a table", help);
                None
            }
        }
    }

    /// Notes keys that are unknown, of a later version or missing, and puts the first two
    /// aside.
    pub(super) fn check_keys(&mut self, keys: &Keys, notes: &mut Notes<'_>) {
        let mut meant: Vec<String> = Vec::new();
        let (kept, put_aside): (Vec<_>, Vec<_>) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|(key, _)| keys.known.contains_key(key.get_ref().as_ref()));
        self.entries = kept.into_iter().collect();
        for (key, _) in put_aside {
            let name: &str = key.get_ref();
            if keys.later.contains(&name) {
                notes.whole(not_yet(&format!("`{name}`"), key.span()));
                continue;
            }
            let near = nearest(name, keys.names());
            meant.extend(near.map(str::to_owned));
            let help = elsewhere::home_of(name)
                .or_else(|| near.map(|near| format!("did you mean `{near}`?")))
                .unwrap_or_else(|| {
                    format!("use one of {}", keys.names().collect::<Vec<_>>().join(", "))
                });
            let message = match presentable(name) {
                true => format!("unknown key `{name}`"),
                false => "unknown key".to_owned(),
            };
            notes.whole(Problem::error(message).at(key.span()).help(help));
        }
        for name in &keys.required {
            if !self.entries.contains_key(name.as_str()) && !meant.contains(name) {
                let problem = missing(name).at(self.place.clone());
                notes.whole(match keys.example(name) {
                    Some(example) => problem.help(format!("add {example}")),
                    None => problem,
                });
            }
        }
    }

    /// Deserializes the table, noting and leaving out every entry that does not fit. Keys
    /// that the type does not have are passed over.
    pub(super) fn read<T: DeserializeOwned + Default>(
        &mut self,
        keys: &Keys,
        notes: &mut Notes<'_>,
    ) -> T {
        for _ in 0..MISTAKES_MAX {
            let table = Spanned::new(self.place.clone(), DeValue::Table(self.entries.clone()));
            let cause = match T::deserialize(ValueDeserializer::from(table)) {
                Ok(read) => return read,
                Err(cause) => cause,
            };
            let at = cause.span().unwrap_or_else(|| self.place.clone());
            let Some(cut) = cut(&mut self.entries, &at) else {
                notes.whole(Problem::error(cause.message()).at(at));
                return T::default();
            };
            let problem = explained(cause.message(), cut.found).at(at);
            let help = keys.example(&cut.key).filter(|_| problem.help.is_none());
            notes.key(
                &cut.key,
                match help {
                    Some(example) => problem.help(format!("write it like {example}")),
                    None => problem,
                },
            );
        }
        notes.whole(Problem::error("there may be more mistakes").at(self.place.clone()));
        T::default()
    }
}

/// The problem of something that the contract has and this version has not.
pub(super) fn not_yet(what: &str, span: Range<usize>) -> Problem {
    Problem::error(format!("{what} is not supported yet"))
        .at(span)
        .help("take it out: this version would not act on it")
}

const MISSING: &str = "is missing";
const NO_NOTIFIER: &str = "no notifier is called";
const NO_RULE: &str = "no rule is called";

/// The problem of a key that must be there.
pub(super) fn missing(key: &str) -> Problem {
    Problem::error(format!("`{key}` {MISSING}"))
}

/// The problem of a rule that names a notifier which is not there.
pub(super) fn no_notifier(name: &str) -> Problem {
    Problem::error(format!("{NO_NOTIFIER} `{}`", short(name)))
}

/// The problem of a test that names a rule which is not there.
pub(super) fn no_rule(name: &str) -> Problem {
    Problem::error(format!("{NO_RULE} `{}`", short(name)))
}

/// Whether a problem is about something that is not there, which a line that could not be
/// read may have held.
pub(super) fn is_about_absence(problem: &Problem) -> bool {
    problem.message.ends_with(MISSING)
        || [NO_NOTIFIER, NO_RULE].iter().any(|start| problem.message.starts_with(start))
}

/// Whether a key looks like one, and not like a value that slipped.
pub(super) fn presentable(key: &str) -> bool {
    const MAX_BYTES: usize = 40;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=MAX_BYTES).contains(&key.len()) && key.bytes().all(fits)
}

/// A value as JSON; `None` where it holds a date or a number that JSON does not have.
pub(super) fn json_of(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok()?.into()
        }
        DeValue::Float(number) => {
            Value::Number(serde_json::Number::from_f64(number.as_str().parse().ok()?)?)
        }
        DeValue::Datetime(_) => return None,
        DeValue::Array(items) => {
            let items: Option<Vec<Value>> =
                items.iter().map(|item| json_of(item.get_ref())).collect();
            Value::Array(items?)
        }
        DeValue::Table(entries) => {
            let fields: Option<Map<String, Value>> = entries
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), json_of(value.get_ref())?)))
                .collect();
            Value::Object(fields?)
        }
    })
}

struct Cut {
    /// The table's key under which the mistake stood.
    key: String,
    /// What stood at the place of the mistake.
    found: &'static str,
}

/// Takes out the smallest entry that is sure to hold the mistake at `at`.
fn cut(entries: &mut DeTable<'_>, at: &Range<usize>) -> Option<Cut> {
    let holder = entries.iter().find(|(key, value)| covers(&key.span(), at) || holds(value, at));
    let key = holder?.0.get_ref().to_string();
    let value = entries.get_mut(key.as_str())?;
    let found = deepest(value, at);
    let emptied = match value.get_mut() {
        DeValue::Array(items) => {
            let kept: DeArray<'_> = items.iter().filter(|item| !holds(item, at)).cloned().collect();
            let gone = kept.len() < items.len();
            *items = kept;
            !gone || items.is_empty()
        }
        // These hold entries of their own, each of which can be wrong.
        DeValue::Table(inner) if key == "match" || key == "headers" => {
            let before = inner.len();
            *inner = std::mem::take(inner)
                .into_iter()
                .filter(|(key, value)| !covers(&key.span(), at) && !holds(value, at))
                .collect();
            inner.len() == before || inner.is_empty()
        }
        _ => true,
    };
    if emptied {
        entries.remove(key.as_str());
    }
    Some(Cut { key, found })
}

fn covers(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// Whether a place lies in a value. A table with a header of its own spans only the header,
/// so its entries are asked as well.
fn holds(value: &Spanned<DeValue<'_>>, at: &Range<usize>) -> bool {
    covers(&value.span(), at)
        || match value.get_ref() {
            DeValue::Array(items) => items.iter().any(|item| holds(item, at)),
            DeValue::Table(entries) => {
                entries.iter().any(|(key, value)| covers(&key.span(), at) || holds(value, at))
            }
            _ => false,
        }
}

/// The kind of value that stands exactly at a place.
fn deepest(value: &Spanned<DeValue<'_>>, at: &Range<usize>) -> &'static str {
    let inner = match value.get_ref() {
        DeValue::Array(items) => items.iter().find(|item| holds(item, at)),
        DeValue::Table(entries) => entries.values().find(|value| holds(value, at)),
        _ => None,
    };
    match (inner, value.get_ref()) {
        (Some(inner), _) => deepest(inner, at),
        (None, DeValue::String(_)) => "a string",
        (None, DeValue::Integer(_)) => "a whole number",
        (None, DeValue::Float(_)) => "a number",
        (None, DeValue::Boolean(_)) => "true or false",
        (None, DeValue::Datetime(_)) => "a date",
        (None, DeValue::Array(_)) => "a list",
        (None, DeValue::Table(_)) => "a table",
    }
}

/// serde's words made ours, without the value that they quote.
fn explained(message: &str, found: &str) -> Problem {
    if let Some((variant, expected)) =
        message.strip_prefix("unknown variant `").and_then(|rest| rest.split_once("`, expected "))
    {
        let words: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let message = match presentable(variant) {
            true => format!("`{variant}` is not one of the words that go here"),
            false => "this is not one of the words that go here".to_owned(),
        };
        return Problem::error(message).help(suggestion(variant, &words));
    }
    // The mark by which the parser hands a date to serde.
    if message.contains("$__toml_private_datetime") {
        return Problem::error("a date does not go here");
    }
    let quotes_a_value =
        message.starts_with("invalid type") || message.starts_with("invalid value");
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if quotes_a_value => {
            let expected = match expected {
                "a sequence" => "a list",
                "a boolean" => "true or false",
                "u16" => "a whole number from 0 to 65535",
                "u32" => "a whole number from 0 to 4294967295",
                "f64" => "a number",
                "a map" => "a table",
                other => other,
            };
            let found = if message.starts_with("invalid value") { "another" } else { found };
            Problem::error(format!("expected {expected}, found {found}"))
        }
        _ if quotes_a_value => Problem::error(format!("{found} does not go here")),
        _ => Problem::error(message),
    }
}

/// The tables of a list; notes with `message` where it is something else.
pub(super) fn listed_tables<'i>(
    key: Range<usize>,
    value: Spanned<DeValue<'i>>,
    message: &str,
    mut note: impl FnMut(Problem),
) -> Vec<Table<'i>> {
    let wrong = |span| Problem::error(message).at(span);
    let DeValue::Array(items) = value.into_inner() else {
        note(wrong(key).help("write the brackets twice"));
        return Vec::new();
    };
    let mut tables = Vec::new();
    for item in items {
        let place = item.span();
        match item.into_inner() {
            DeValue::Table(entries) => tables.push(Table { place, entries }),
            _ => note(wrong(place)),
        }
    }
    tables
}
