//! The JSON Schema of the whole file, put together from the types that the file is read into.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::case::TestWritten;
use super::notifier::{self, CommonWritten};
use super::rule::RuleWritten;
use super::service::ServiceWritten;
use super::source::SourceWritten;
use crate::model::NotifierKind;

/// The schema, in the dialect of 2020-12, for editors and for checks outside of this program.
pub fn schema() -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let service = ServiceWritten::json_schema(&mut generator).to_value();
    let source = SourceWritten::json_schema(&mut generator).to_value();
    let rule = RuleWritten::json_schema(&mut generator).to_value();
    let test = TestWritten::json_schema(&mut generator).to_value();
    let notifiers: Vec<Value> =
        NotifierKind::ALL.into_iter().map(|kind| notifier_of(kind, &mut generator)).collect();
    let names = json!({ "pattern": "^[A-Za-z0-9_-]{1,64}$" });
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "descript-notify",
        "description": "Tells people what happened to their Descript jobs.",
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "service": service,
            "sources": {
                "description": "Where jobs come from: one table for each Descript Drive.",
                "type": "object",
                "propertyNames": names,
                "additionalProperties": source,
            },
            "notifiers": {
                "description": "Where messages go.",
                "type": "object",
                "propertyNames": names,
                "additionalProperties": { "type": "object", "oneOf": notifiers },
            },
            "rules": {
                "description": "What is said about which events; tried in the file's order.",
                "type": "array",
                "items": rule,
            },
            "test": {
                "description": "Cases for the rules: `check` plays them.",
                "type": "array",
                "items": test,
            },
        },
    });
    schema["$defs"] = Value::Object(generator.take_definitions(true));
    strip_null(&mut schema);
    schema
}

/// One type's own keys and the common ones, told apart by `type`.
fn notifier_of(kind: NotifierKind, generator: &mut SchemaGenerator) -> Value {
    let mut schema = notifier::own_schema(kind, generator).to_value();
    let common = CommonWritten::json_schema(generator).to_value();
    let mut properties = Map::new();
    properties.insert("type".into(), json!({ "const": kind.as_str() }));
    let mut required = vec![json!("type")];
    for part in [&schema, &common] {
        if let Some(own) = part["properties"].as_object() {
            properties.extend(own.clone());
        }
        required.extend(part["required"].as_array().into_iter().flatten().cloned());
    }
    schema["title"] = json!(kind.as_str());
    schema["properties"] = Value::Object(properties);
    schema["required"] = Value::Array(required);
    schema["additionalProperties"] = json!(false);
    schema
}

/// Takes out `null`, which an optional field may be in JSON; TOML has none.
fn strip_null(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip_null),
        Value::Object(fields) => {
            if let Some(Value::Array(types)) = fields.get_mut("type") {
                types.retain(|kind| kind != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    fields.insert("type".into(), only);
                }
            }
            if let Some(Value::Array(values)) = fields.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            if let Some(Value::Array(forms)) = fields.get_mut("anyOf") {
                forms.retain(|form| form["type"] != "null");
                if let [Value::Object(only)] = forms.as_slice() {
                    let only = only.clone();
                    fields.remove("anyOf");
                    for (key, value) in only {
                        fields.entry(key).or_insert(value);
                    }
                }
            }
            fields.values_mut().for_each(strip_null);
        }
        _ => {}
    }
}
