//! The document as templates see it: bounded in every direction, with `now` and `notice`.
//!
//! A name of a megabyte or a list of a hundred thousand files must neither make a message
//! fail nor take long. What is left out of `media_status` and of `events` is still counted,
//! and what failed is left out last. Each of a group's events has bounds of its own, so
//! that a large one takes nothing from those after it.

use handlebars::Context;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::escape::cut;
use super::vocabulary::{is_failed, kind_counts, worst_first};

/// Loops in templates are as long as lists are.
pub const LIST_MAX: usize = 200;

/// Enough for an agent's answer; more than any service shows.
const TEXT_MAX_CHARS: usize = 8_000;

/// Of all texts together; what comes after is cut shorter.
const TEXTS_MAX_BYTES: usize = 128 * 1024;

/// Texts up to this length are left alone.
const SHORT_CHARS: usize = 250;

/// Of all values together; what comes after is null.
const VALUES_MAX: usize = 20_000;

/// Of each event of a group.
const EVENT: Bounds = Bounds { bytes: 4 * 1024, values: 300, list: 10, text_chars: 1_000 };

/// Of the rest of the document.
const DOCUMENT: Bounds = Bounds {
    bytes: TEXTS_MAX_BYTES,
    values: VALUES_MAX,
    list: LIST_MAX,
    text_chars: TEXT_MAX_CHARS,
};

/// The context for a rendering: the document, bounded.
///
/// `now` is the time of the rendering; `notice` is what the reader must know about the
/// message itself, where there is something.
pub fn context_of(document: &Value, now: Timestamp, notice: Option<&str>) -> Context {
    let mut bounded = DOCUMENT.start().root(document);
    if let Value::Object(fields) = &mut bounded {
        fields.insert("now".into(), now.to_string().into());
        if let Some(notice) = notice {
            fields.insert("notice".into(), notice.into());
        }
    }
    Context::from(bounded)
}

/// What may be used: bytes of all texts, values, entries of a list, characters of a text.
#[derive(Clone, Copy)]
struct Bounds {
    bytes: usize,
    values: usize,
    list: usize,
    text_chars: usize,
}

impl Bounds {
    fn start(self) -> Left {
        Left { bytes: self.bytes, values: self.values, bounds: self }
    }
}

/// What may still be used.
struct Left {
    bytes: usize,
    values: usize,
    bounds: Bounds,
}

impl Left {
    fn root(&mut self, document: &Value) -> Value {
        let Some(fields) = document.as_object() else { return self.bound(document) };
        let events = fields.get("events").and_then(Value::as_array);
        let is_group = |key: &str| key == "events" && events.is_some();
        let mut bounded = self.fields(fields.iter().filter(|(key, _)| !is_group(key)));
        if let Some(events) = events {
            let chosen = match events.len() > LIST_MAX {
                true => worst_first(events),
                false => events.iter().collect(),
            };
            let kept = chosen.into_iter().take(LIST_MAX).map(|event| EVENT.start().bound(event));
            bounded.insert("events".into(), kept.collect());
            if events.len() > LIST_MAX {
                bounded.insert("events_total".into(), events.len().into());
                bounded.insert("events_counts".into(), kind_counts(events).into());
            }
        }
        bounded.into()
    }

    fn bound(&mut self, value: &Value) -> Value {
        if self.values == 0 {
            return Value::Null;
        }
        self.values -= 1;
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(items) => {
                items.iter().take(self.bounds.list).map(|item| self.bound(item)).collect()
            }
            Value::Object(fields) => self.fields(fields.iter()).into(),
            other => other.clone(),
        }
    }

    fn text(&mut self, text: &str) -> String {
        if text.len() <= SHORT_CHARS {
            return text.to_owned();
        }
        let max_chars = if self.bytes > 0 { self.bounds.text_chars } else { SHORT_CHARS };
        let kept = cut(text, max_chars);
        self.bytes = self.bytes.saturating_sub(kept.len());
        kept
    }

    fn fields<'a>(
        &mut self,
        fields: impl Iterator<Item = (&'a String, &'a Value)>,
    ) -> Map<String, Value> {
        let mut bounded: Map<String, Value> = Map::new();
        for (key, field) in fields.take(LIST_MAX) {
            let field = match (key.as_str(), field) {
                ("media_status", Value::Object(files)) if files.len() > self.bounds.list => {
                    bounded.insert("media_total".into(), files.len().into());
                    let failed = files.values().filter(|entry| is_failed(entry)).count();
                    bounded.insert("media_failed".into(), failed.into());
                    self.fields(failed_first(files, self.bounds.list).into_iter()).into()
                }
                (_, field) => self.bound(field),
            };
            bounded.insert(cut(key, SHORT_CHARS), field);
        }
        bounded
    }
}

fn failed_first(files: &Map<String, Value>, most: usize) -> Vec<(&String, &Value)> {
    let of = |failed: bool| files.iter().filter(move |(_, entry)| is_failed(entry) == failed);
    of(true).chain(of(false)).take(most).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn bounded(document: Value) -> Value {
        context_of(&document, Timestamp::UNIX_EPOCH, None).data().clone()
    }

    #[test]
    fn a_long_text_is_cut_and_an_ordinary_one_is_not() {
        let document = json!({"long": "ä".repeat(1_000_000), "name": "Episode 12"});

        let bounded = bounded(document);

        assert_eq!(bounded["long"].as_str().map(|text| text.chars().count()), Some(8_000));
        assert_eq!(bounded["name"], "Episode 12");
    }

    #[test]
    fn of_many_files_those_that_failed_are_kept_and_all_are_counted() {
        let mut files: Map<String, Value> =
            (0..5_000).map(|n| (format!("a{n:05}"), json!({"status": "success"}))).collect();
        files.insert("z.wav".into(), json!({"status": "failed"}));

        let bounded = bounded(json!({"job": {"result": {"media_status": files}}}));

        let result = &bounded["job"]["result"];
        assert_eq!(result["media_status"].as_object().map(Map::len), Some(LIST_MAX));
        assert_eq!(result["media_status"]["z.wav"]["status"], "failed");
        assert_eq!((&result["media_total"], &result["media_failed"]), (&json!(5_001), &json!(1)));
    }

    #[test]
    fn every_event_of_a_group_is_kept_whatever_the_first_ones_hold() {
        let files: Map<String, Value> = (0..5_000)
            .map(|n| (format!("a{n:05}"), json!({"status": "failed", "error_message": "x"})))
            .collect();
        let large = json!({"job": {"result": {"media_status": files}, "stopped_at": "then",
            "answer": "x".repeat(100_000)}});

        let bounded = bounded(json!({"events": vec![large; 201], "job": {"events": [1]}}));

        let events = bounded["events"].as_array().unwrap();
        assert_eq!((events.len(), &bounded["events_total"]), (LIST_MAX, &json!(201)));
        for event in events {
            assert_eq!(event["job"]["stopped_at"], "then");
            assert_eq!(event["job"]["result"]["media_failed"], 5_000);
            assert_eq!(event["job"]["result"]["media_status"].as_object().map(Map::len), Some(10));
        }
        assert_eq!(bounded["job"]["events"], json!([1]));
        assert!(bounded.to_string().len() < 1024 * 1024);
    }

    #[test]
    fn a_document_full_of_long_texts_stays_small() {
        let row = vec!["x".repeat(10_000); 80];

        let bounded = bounded(json!({"rows": vec![row; 80]}));

        assert!(bounded.to_string().len() < 8 * 1024 * 1024);
    }
}
