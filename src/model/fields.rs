//! The fields of a JSON object: a text that is taken apart once somebody looks into it.
//!
//! A job's document comes from the list as text and goes into the ledger as text, once for the
//! job and once for what happened to it; most are never looked into again. Clones share it.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::de::IgnoredAny;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// A JSON object; of the text and its fields one is there from the beginning.
#[derive(Clone, Default)]
pub struct Fields(Arc<Inner>);

#[derive(Default)]
struct Inner {
    text: OnceLock<Box<str>>,
    fields: OnceLock<Map<String, Value>>,
}

impl Fields {
    /// Reads a text, and keeps it as it is.
    ///
    /// # Errors
    /// Where it is no JSON object.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let fields: Map<String, Value> = serde_json::from_str(text)?;
        Ok(Self(Arc::new(Inner { text: OnceLock::from(Box::from(text)), fields: fields.into() })))
    }

    /// Takes a text that was read before, without taking it apart.
    ///
    /// # Errors
    /// Where it is no JSON object.
    pub fn stored(text: &str) -> Result<Self, serde_json::Error> {
        if !text.starts_with('{') {
            return Self::parse(text);
        }
        let _: IgnoredAny = serde_json::from_str(text)?;
        Ok(Self(Arc::new(Inner { text: OnceLock::from(Box::from(text)), fields: OnceLock::new() })))
    }

    /// The object as text: where it was read from one, that one.
    pub fn text(&self) -> &str {
        let text = || serde_json::to_string(&**self).unwrap_or_default().into();
        self.0.text.get_or_init(text)
    }

    /// Changes the fields; the text is then another.
    pub fn edit(&mut self, change: impl FnOnce(&mut Map<String, Value>)) {
        let mut fields = std::mem::take(self).into_map();
        change(&mut fields);
        *self = fields.into();
    }

    /// The fields by themselves.
    pub fn into_map(self) -> Map<String, Value> {
        let _ = &*self;
        match Arc::try_unwrap(self.0) {
            Ok(inner) => inner.fields.into_inner().unwrap_or_default(),
            Err(shared) => shared.fields.get().cloned().unwrap_or_default(),
        }
    }
}

impl Deref for Fields {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        let Inner { text, fields } = &*self.0;
        fields.get_or_init(|| {
            text.get().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
        })
    }
}

impl From<Map<String, Value>> for Fields {
    fn from(fields: Map<String, Value>) -> Self {
        Self(Arc::new(Inner { text: OnceLock::new(), fields: fields.into() }))
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || **self == **other
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Serialize::serialize(&**self, serializer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_kept_as_it_is_and_read_when_it_is_looked_into() {
        let text = r#"{ "b": 1.0, "a": null }"#;

        for fields in [Fields::parse(text).unwrap(), Fields::stored(text).unwrap()] {
            assert_eq!(fields.text(), text);
            assert_eq!(fields["b"], json!(1.0));
            assert_eq!(fields.clone().into_map(), fields.into_map());
        }
    }

    #[test]
    fn what_is_no_object_is_not_taken() {
        for text in ["", "[]", "{", "{\"a\"}", "null", "{} x"] {
            assert!(Fields::parse(text).is_err(), "{text}");
            assert!(Fields::stored(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fields_without_a_text_get_one() {
        let fields = Fields::from(Map::from_iter([("a".to_owned(), json!("é"))]));

        assert_eq!(fields.text(), r#"{"a":"é"}"#);
        assert_eq!(Fields::default().text(), "{}");
        assert_eq!(fields, Fields::parse(fields.text()).unwrap());
    }
}
