//! A rule's `match` table as it is written: nothing is checked yet, every place is kept.
//!
//! The config room deserializes [`MatchWritten`] (with the `toml` crate's deserializers: the
//! places come from there) and hands it to [`MatchWritten::parse`], which is in `condition`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

/// The `[rules.match]` table.
#[derive(Debug, Clone)]
pub struct MatchWritten(pub(super) Spanned<Table>);

/// A table's entries in the file's order.
#[derive(Debug, Clone, Default)]
pub(super) struct Table(pub(super) Vec<(Spanned<String>, Spanned<Written>)>);

/// Any value that TOML has.
#[derive(Debug, Clone)]
pub(super) enum Written {
    Text(String),
    Whole(i64),
    Real(f64),
    Bool(bool),
    /// A date or time without quotes.
    Date,
    List(Vec<Spanned<Written>>),
    Table(Table),
}

impl Written {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Whole(_) | Self::Real(_) => "a number",
            Self::Bool(_) => "true or false",
            Self::Date => "a date without quotes",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }
}

impl<'de> Deserialize<'de> for MatchWritten {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor)
    }
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = Table;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of conditions")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Table, A::Error> {
        let mut entries: Vec<(Spanned<String>, Spanned<Written>)> = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        // The parser sorts by name.
        entries.sort_by_key(|(key, _)| key.span().start);
        Ok(Table(entries))
    }
}

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WrittenVisitor)
    }
}

struct WrittenVisitor;

impl<'de> Visitor<'de> for WrittenVisitor {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number, true, false, a list or a table")
    }

    fn visit_str<E>(self, value: &str) -> Result<Written, E> {
        Ok(Written::Text(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Written, E> {
        Ok(Written::Text(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Written, E> {
        Ok(Written::Whole(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Written, E> {
        Ok(Written::Real(value))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Written, E> {
        Ok(Written::Bool(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Written, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Written::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
        let mut entries: Vec<(Spanned<String>, Spanned<Written>)> = Vec::new();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::OfDate => {
                    map.next_value::<String>()?;
                    return Ok(Written::Date);
                }
                Key::Plain(key) => entries.push((key, map.next_value()?)),
            }
        }
        entries.sort_by_key(|(key, _)| key.span().start);
        Ok(Written::Table(Table(entries)))
    }
}

enum Key {
    Plain(Spanned<String>),
    /// How the `toml` crate hands a date to serde.
    OfDate,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A key of a table always has a place; the marker of a date has none.
        Ok(Spanned::deserialize(deserializer).map_or(Self::OfDate, Self::Plain))
    }
}

impl JsonSchema for MatchWritten {
    fn schema_name() -> Cow<'static, str> {
        "Match".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<Self>();
        let scalar = serde_json::json!({ "type": ["string", "number", "boolean"] });
        let scalars = serde_json::json!({ "type": "array", "minItems": 1, "items": scalar });
        let number = serde_json::json!({ "type": ["number", "string"] });
        let texts = serde_json::json!({ "anyOf": [
            { "type": "string" },
            { "type": "array", "minItems": 1, "items": { "type": "string" } },
        ]});
        let operators = serde_json::json!({
            "type": "object", "minProperties": 1, "additionalProperties": false,
            "properties": {
                "eq": { "anyOf": [scalar, scalars] }, "ne": { "anyOf": [scalar, scalars] },
                "glob": texts, "regex": texts,
                "gt": number, "gte": number, "lt": number, "lte": number,
                "exists": { "type": "boolean" },
            },
        });
        json_schema!({
            "type": "object", "minProperties": 1,
            "description": "Every line must hold. Keys are paths into the event, like job.job_type or event.to.",
            "properties": {
                "any": { "type": "array", "minItems": 1, "items": table },
                "all": { "type": "array", "minItems": 1, "items": table },
                "not": table,
            },
            "additionalProperties": { "anyOf": [scalar, scalars, operators] },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Rule {
        r#match: MatchWritten,
    }

    #[test]
    fn every_key_and_value_knows_its_bytes_and_the_order_is_the_files() {
        let source = "[match]\n\"job.z\" = 1\n\"job.a\" = { gt = 2.5 }\n\"job.d\" = 2026-01-01\n";

        let written = toml::from_str::<Rule>(source).unwrap().r#match;

        let pieces: Vec<(&str, &str)> = written
            .0
            .get_ref()
            .0
            .iter()
            .map(|(key, value)| (&source[key.span()], &source[value.span()]))
            .collect();
        assert_eq!(
            pieces,
            [("\"job.z\"", "1"), ("\"job.a\"", "{ gt = 2.5 }"), ("\"job.d\"", "2026-01-01")]
        );
        assert!(matches!(written.0.get_ref().0[2].1.get_ref(), Written::Date));
    }

    #[test]
    fn the_schema_refers_to_itself_for_what_nests() {
        let schema = schemars::schema_for!(MatchWritten);

        assert_eq!(schema.pointer("/properties/not/$ref"), Some(&serde_json::json!("#")));
        assert_eq!(schema.pointer("/properties/any/items/$ref"), Some(&serde_json::json!("#")));
    }
}
