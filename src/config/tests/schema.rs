//! The schema says what the parser does.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{EXAMPLE, parsed};
use crate::config::{
    schema,
    secrecy::{FREE_IN_TESTS, HARMLESS, IN_TESTS, SECRET},
};

/// What is wrong with a value by a schema: enough of the vocabulary for ours, and anything
/// else is a failure.
fn faults(value: &toml::Value, schema: &Value, root: &Value, at: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let Some(rules) = schema.as_object() else { return vec![format!("{at}: no schema")] };
    for (word, rule) in rules {
        match word.as_str() {
            "$ref" => {
                let path = rule.as_str().unwrap().trim_start_matches('#');
                faults.extend(self::faults(value, root.pointer(path).unwrap(), root, at));
            }
            "type" => {
                let kinds = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if !kinds.iter().any(|kind| is_of(value, kind.as_str().unwrap())) {
                    faults.push(format!("{at}: not {rule}"));
                }
            }
            "const" if Some(value.as_str().unwrap_or_default()) != rule.as_str() => {
                faults.push(format!("{at}: not {rule}"));
            }
            "enum"
                if !rule.as_array().unwrap().iter().any(|one| one.as_str() == value.as_str()) =>
            {
                faults.push(format!("{at}: not one of {rule}"));
            }
            "oneOf" | "anyOf" => {
                let forms = rule.as_array().unwrap();
                let fits =
                    forms.iter().filter(|form| self::faults(value, form, root, at).is_empty());
                let fits = fits.count();
                if fits == 0 || (word == "oneOf" && fits > 1) {
                    faults.push(format!("{at}: fits {fits} of {word}"));
                }
            }
            "required" => {
                let missing = rule.as_array().unwrap().iter().filter_map(Value::as_str);
                let missing = missing.filter(|key| value.get(*key).is_none());
                faults.extend(missing.map(|key| format!("{at}: {key} is missing")));
            }
            "items" => {
                for item in value.as_array().into_iter().flatten() {
                    faults.extend(self::faults(item, rule, root, at));
                }
            }
            "properties" => {
                for (key, inner) in value.as_table().into_iter().flatten() {
                    if let Some(rule) = rule.get(key) {
                        faults.extend(self::faults(inner, rule, root, &format!("{at}.{key}")));
                    }
                }
            }
            "additionalProperties" => {
                let known = schema.get("properties").and_then(Value::as_object);
                for (key, inner) in value.as_table().into_iter().flatten() {
                    let known = known.is_some_and(|known| known.contains_key(key));
                    match rule {
                        _ if known => {}
                        Value::Bool(false) => faults.push(format!("{at}: unknown key {key}")),
                        rule => {
                            faults.extend(self::faults(inner, rule, root, &format!("{at}.{key}")))
                        }
                    }
                }
            }
            // Of strings, numbers and lengths; the parser's own tests see to these.
            "pattern" | "minLength" | "maxLength" | "minItems" | "minProperties" | "minimum"
            | "exclusiveMinimum" | "maximum" | "format" | "propertyNames" => {}
            "const" | "enum" | "$schema" | "$defs" | "title" | "description" | "default"
            | "examples" => {}
            other => faults.push(format!("{at}: this test does not know `{other}`")),
        }
    }
    faults
}

fn is_of(value: &toml::Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_table(),
        "array" => value.is_array(),
        "string" => value.is_str(),
        "boolean" => value.is_bool(),
        "integer" => value.is_integer(),
        "number" => value.is_integer() || value.is_float(),
        _ => false,
    }
}

fn faults_of(text: &str) -> Vec<String> {
    let schema = schema();
    faults(&toml::Value::Table(text.parse().unwrap()), &schema, &schema, "")
}

#[test]
fn the_example_conforms() {
    assert_eq!(faults_of(EXAMPLE), Vec::<String>::new());
}

#[test]
fn what_the_parser_refuses_the_schema_refuses_too() {
    for text in [
        "[service]\nkeeep = '1d'\n",
        "[sources.main]\n",
        "[notifiers.a]\ntype = 'slak'\n",
        "[notifiers.a]\ntype = 'console'\nwebhook_url = 'x'\n",
        "[notifiers.a]\ntype = 'slack'\nwebhook_url = { enw = 'x' }\n",
        "[notifiers.a]\ntype = 'slack'\n",
        "[notifiers.a]\ntype = 'slack'\ntoken = { env = 'T' }\n",
        "[notifiers.a]\ntype = 'slack'\nwebhook_url = { env = 'U' }\ntoken = { env = 'T' }\nchannel = 'C1'\n",
        "[notifiers.a]\ntype = 'console'\nlive = true\n",
        "[notifiers.a]\ntype = 'webhook'\nurl = 'https://h/'\nok = { jsn = 1 }\n",
        "[notifiers.a]\ntype = 'webhook'\nurl = 'https://h/'\nok = { json = { pointer = '/a' } }\n",
        "[notifiers.a]\ntype = 'webhook'\nurl = 'https://h/'\nok = { status = 200 }\n",
        "[notifiers.a]\ntype = 'webhook'\nurl = 'https://h/'\nretry_after = { unit = 's' }\n",
        "[[rules]]\nname = 'a'\non = ['stald']\nnotify = ['a']\n",
        "[[rules]]\nname = 'a'\non = ['failed']\nnotify = ['a']\nthrottle = {}\n",
        "[[rules]]\nname = 'a'\non = ['failed']\nnotify = ['a']\ngroup = { wait = 30 }\n",
        "[[rules]]\nname = 'a'\non = ['failed']\nnotify = ['a']\nactive = { otherwise = 'hold' }\n",
        "[[rules]]\nname = 'a'\non = ['failed']\nnotify = ['a']\nactive = { days = ['monday'] }\n",
        "[[rules]]\nname = 'a'\non = ['stalled']\nnotify = ['a']\nafter = 30\n",
        "[[rules]]\nname = 'a'\non = ['spend_crossed']\nnotify = ['a']\nspend = { per = 'day' }\n",
        "[[rules]]\nname = 'a'\non = ['failed']\nnotify = 'a'\n",
        "[[test]]\nx = 1\n",
    ] {
        assert!(!faults_of(text).is_empty(), "{text}");
        assert!(parsed(text).config.is_none(), "{text}");
    }
}

/// Every property of the schema with its name, outside of the two tables whose keys are free.
fn properties(schema: &Value, found: &mut Vec<(String, Value)>) {
    if let Some(known) = schema.get("properties").and_then(Value::as_object) {
        found.extend(known.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    match schema {
        Value::Object(fields) => fields.values().for_each(|inner| properties(inner, found)),
        Value::Array(items) => items.iter().for_each(|inner| properties(inner, found)),
        _ => {}
    }
}

fn of_the_file() -> Vec<(String, Value)> {
    let mut schema = schema();
    schema.as_object_mut().unwrap().remove("$defs");
    let mut found = Vec::new();
    properties(&schema, &mut found);
    found
}

#[test]
fn every_key_is_described_and_known_to_be_secret_or_harmless() {
    for (key, schema) in of_the_file() {
        let is_section =
            ["service", "sources", "notifiers", "rules", "test"].contains(&key.as_str());
        let in_tests = IN_TESTS.contains(&key.as_str()) || FREE_IN_TESTS.contains(&key.as_str());
        let lists = in_tests || SECRET.contains(&key.as_str()) != HARMLESS.contains(&key.as_str());
        assert!(is_section || lists, "{key} must stand in one of the two lists");
        let described = schema["description"].is_string() || schema["const"].is_string();
        assert!(described, "{key} has no description");
        if schema.to_string().contains("#/$defs/Secret") && !is_section {
            assert!(SECRET.contains(&key.as_str()), "{key} takes a secret");
        }
    }
}

#[test]
fn the_example_shows_every_key() {
    let keys: BTreeSet<String> = of_the_file().into_iter().map(|(key, _)| key).collect();

    let missing: Vec<&String> = keys
        .iter()
        .filter(|key| {
            let shown = |line: &str| {
                line.starts_with(&format!("{key} ="))
                    || line.contains(&format!("[{key}"))
                    || line.contains(&format!(".{key}]"))
            };
            !EXAMPLE.lines().any(shown)
        })
        .collect();

    assert_eq!(missing, Vec::<&String>::new());
}

#[test]
fn nothing_in_it_may_be_null_and_no_table_takes_unknown_keys() {
    fn walk(schema: &Value, at: &str) {
        assert_ne!(schema["type"], "null", "{at}");
        assert!(!schema["type"].as_array().is_some_and(|kinds| kinds.contains(&"null".into())));
        if schema.get("properties").is_some() {
            assert!(schema.get("additionalProperties").is_some(), "{at}");
        }
        match schema {
            Value::Object(fields) => {
                fields.iter().for_each(|(key, inner)| walk(inner, &format!("{at}/{key}")));
            }
            Value::Array(items) => items.iter().for_each(|inner| walk(inner, at)),
            _ => {}
        }
    }

    walk(&schema(), "");
}
