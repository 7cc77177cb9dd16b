//! The document as templates see it: bounded in every direction, with `now` and `notice`.
//!
//! A name of a megabyte or a list of a hundred thousand files must neither make a message
//! fail nor take long. What is left out of `media_status` is still counted, and files that
//! failed are left out last.

use handlebars::Context;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::escape::cut;
use super::vocabulary::is_failed;

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

/// The context for a rendering: the document, bounded.
///
/// `now` is the time of the rendering; `notice` is what the reader must know about the
/// message itself, where there is something.
pub fn context_of(document: &Value, now: Timestamp, notice: Option<&str>) -> Context {
    let mut left = Left { bytes: TEXTS_MAX_BYTES, values: VALUES_MAX };
    let mut bounded = left.bound(document);
    if let Value::Object(fields) = &mut bounded {
        fields.insert("now".into(), now.to_string().into());
        if let Some(notice) = notice {
            fields.insert("notice".into(), notice.into());
        }
    }
    Context::from(bounded)
}

/// What may still be used.
struct Left {
    bytes: usize,
    values: usize,
}

impl Left {
    fn bound(&mut self, value: &Value) -> Value {
        if self.values == 0 {
            return Value::Null;
        }
        self.values -= 1;
        match value {
            Value::String(text) => self.text(text).into(),
            Value::Array(items) => {
                items.iter().take(LIST_MAX).map(|item| self.bound(item)).collect()
            }
            Value::Object(fields) => self.fields(fields).into(),
            other => other.clone(),
        }
    }

    fn text(&mut self, text: &str) -> String {
        if text.len() <= SHORT_CHARS {
            return text.to_owned();
        }
        let max_chars = if self.bytes > 0 { TEXT_MAX_CHARS } else { SHORT_CHARS };
        let kept = cut(text, max_chars);
        self.bytes = self.bytes.saturating_sub(kept.len());
        kept
    }

    fn fields(&mut self, fields: &Map<String, Value>) -> Map<String, Value> {
        let mut bounded: Map<String, Value> = Map::new();
        for (key, field) in fields.iter().take(LIST_MAX) {
            let field = match (key.as_str(), field) {
                ("media_status", Value::Object(files)) if files.len() > LIST_MAX => {
                    bounded.insert("media_total".into(), files.len().into());
                    let failed = files.values().filter(|entry| is_failed(entry)).count();
                    bounded.insert("media_failed".into(), failed.into());
                    self.fields(&failed_first(files)).into()
                }
                (_, field) => self.bound(field),
            };
            bounded.insert(cut(key, SHORT_CHARS), field);
        }
        bounded
    }
}

fn failed_first(files: &Map<String, Value>) -> Map<String, Value> {
    let of = |failed: bool| files.iter().filter(move |(_, entry)| is_failed(entry) == failed);
    of(true)
        .chain(of(false))
        .take(LIST_MAX)
        .map(|(name, entry)| (name.clone(), entry.clone()))
        .collect()
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
    fn a_document_full_of_long_texts_stays_small() {
        let row = vec!["x".repeat(10_000); 80];

        let bounded = bounded(json!({"rows": vec![row; 80]}));

        assert!(bounded.to_string().len() < 8 * 1024 * 1024);
    }
}
