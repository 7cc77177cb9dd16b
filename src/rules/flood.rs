//! `throttle` and `group`: what keeps many events from becoming as many messages.
//!
//! Both work by a key made of values of the event: [`By`]. How long ago a rule has spoken, and
//! which group is open, is remembered elsewhere.

use jiff::SignedDuration;
use serde_json::Value;
use toml::Spanned;

use crate::model::{Fingerprint, without_download_url};
use crate::problem::Problem;

use super::path::{NEVER_SHOWN, Path};
use super::{Facts, fields};

/// At most one message for each key in that time; the rest are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttle {
    pub every: SignedDuration,
    pub by: By,
}

/// Events of one key that become one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// How long the first one waits for others.
    pub wait: SignedDuration,
    /// So many go out without waiting longer; one of [`Group::MAX`].
    pub max: u32,
    pub by: By,
}

impl Group {
    /// How many events a group may have.
    pub const MAX: std::ops::RangeInclusive<u32> = 2..=200;

    /// How many where nothing is written.
    pub const MAX_DEFAULT: u32 = 20;
}

/// In bytes; a database's index takes no more than 2,700.
const LONGEST_KEY: usize = 1_000;

/// The paths whose values tell one key from another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct By(Vec<Path>);

impl By {
    /// The key of an event: the JSON text of a list of the values at the paths, null where
    /// there is none; empty where no path is named. Links to exported files are left out.
    pub fn key(&self, facts: &Facts) -> String {
        if self.0.is_empty() {
            return String::new();
        }
        let value = |path: &Path| match path.find_one(facts.document()) {
            Some(value @ (Value::Object(_) | Value::Array(_))) => {
                without_download_url(value.clone())
            }
            Some(value) => value.clone(),
            None => Value::Null,
        };
        short(Value::Array(self.0.iter().map(value).collect()).to_string())
    }
}

/// A key that is longer than an index takes is told by its beginning and its hash.
fn short(key: String) -> String {
    if key.len() <= LONGEST_KEY {
        return key;
    }
    let beginning = key.get(..key.floor_char_boundary(LONGEST_KEY)).unwrap_or_default();
    format!("{beginning}… {}", Fingerprint::of(key.as_bytes()))
}

/// Reads `by`, a list of paths into the event.
///
/// Reports every path that is wrong; `thing` names the place for people, like "rule `a`,
/// table `group`, key `by`". What remains of the list is given back.
pub fn parse_by(words: &[Spanned<String>], thing: &str, problems: &mut Vec<Problem>) -> By {
    let mut paths: Vec<Path> = Vec::new();
    for word in words {
        let mut note = |problem: Problem| problems.push(problem.at(word.span()).about(thing));
        match path_of(word.get_ref()) {
            Err((message, help)) => note(Problem::error(message).help(help)),
            Ok(path) => {
                if let Some((message, help)) = fields::doubt(&path) {
                    note(Problem::warning(message).help(help));
                }
                if !paths.contains(&path) {
                    paths.push(path);
                }
            }
        }
    }
    By(paths)
}

fn path_of(written: &str) -> Result<Path, (String, String)> {
    const HELP: &str = "name a field, like \"job.project_id\"";
    let wrong = |message: String| Err((message, HELP.to_owned()));
    let path = match Path::parse(written) {
        Ok(path) => path,
        Err(cause) => return wrong(format!("`{written}` is not a path: {cause}")),
    };
    fields::check(written, &path)?;
    let Some(keys) = path.keys() else {
        return wrong("`*` stands for several values, and a key is made of single ones".into());
    };
    match keys[..] {
        [_] => wrong(format!("`{written}` alone is different for every event")),
        [.., last] if NEVER_SHOWN.contains(&last) => {
            wrong(format!("`{last}` is different for every event"))
        }
        _ => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(paths: &[&str]) -> (By, String) {
        let words: Vec<Spanned<String>> =
            paths.iter().map(|path| Spanned::new(0..1, (*path).to_owned())).collect();
        let mut problems = Vec::new();
        let by = parse_by(&words, "key `by`", &mut problems);
        let lines: Vec<String> = problems
            .iter()
            .map(|problem| format!("{problem}; {}", problem.help.as_deref().unwrap_or_default()))
            .collect();
        (by, lines.join("\n"))
    }

    fn key(paths: &[&str]) -> String {
        let (by, problems) = parse(paths);
        assert_eq!(problems, "");
        by.key(&Facts::of_document(json!({
            "event": {"kind": "failed", "late": false},
            "job": {"project_id": "p\"1", "job_type": null, "usage": {"ai_credits": 9},
                "result": {"z": 1, "a": [2], "download_url": "https://secret"}},
        })))
    }

    #[test]
    fn a_key_is_the_values_in_the_order_of_the_paths() {
        for (paths, expected) in [
            (&[][..], ""),
            (&["job.project_id"], r#"["p\"1"]"#),
            (&["event.kind", "job.project_id"], r#"["failed","p\"1"]"#),
            (&["job.project_id", "event.kind"], r#"["p\"1","failed"]"#),
            (&["job.project_id", "job.project_id"], r#"["p\"1"]"#),
            (&["event.late", "job.usage.ai_credits"], "[false,9]"),
        ] {
            assert_eq!(key(paths), expected, "{paths:?}");
        }
    }

    #[test]
    fn a_long_key_is_cut_and_still_tells_values_apart() {
        let of = |end: &str| {
            let (by, _) = parse(&["job.a"]);
            let long = format!("{}{end}", "\u{e9}".repeat(5_000));
            by.key(&Facts::of_document(json!({"event": {}, "job": {"a": long}})))
        };

        assert!(of("x").len() < 1_100);
        assert_eq!(of("x"), of("x"));
        assert_ne!(of("x"), of("y"));
    }

    #[test]
    fn what_is_missing_or_null_is_null_and_still_a_key() {
        assert_eq!(key(&["job.job_type"]), "[null]");
        assert_eq!(key(&["job.colour", "job.a.b"]), "[null,null]");
        assert_eq!(key(&["project.id"]), "[null]");
    }

    #[test]
    fn a_table_is_written_in_one_order_and_without_the_link_to_the_file() {
        assert_eq!(key(&["job.result"]), r#"[{"a":[2],"z":1}]"#);
    }

    #[test]
    fn two_values_never_make_the_same_key_as_one() {
        let of = |job: Value| {
            let (by, _) = parse(&["job.a", "job.b"]);
            by.key(&Facts::of_document(json!({"event": {}, "job": job})))
        };

        assert_ne!(of(json!({"a": "x,y", "b": ""})), of(json!({"a": "x", "b": "y,"})));
        assert_ne!(of(json!({"a": "1"})), of(json!({"a": 1})));
        assert_ne!(of(json!({"a": "null"})), of(json!({})));
    }

    #[test]
    fn every_path_that_is_no_field_is_told() {
        let (by, problems) = parse(&[
            "job.project_idd",
            "project_id",
            "evnt.kind",
            "event.knid",
            "job..x",
            "job.*",
            "job",
            "event",
            "job.result.download_url",
            "job.project_id",
        ]);

        assert_eq!(by.0.len(), 2);
        insta::assert_snapshot!(problems, @r#"
        key `by`: no field `job.project_idd` is documented; did you mean `job.project_id`?
        key `by`: `project_id` is no path into the event; did you mean `job.project_id`?
        key `by`: `evnt.kind` is no path into the event; did you mean `event`?
        key `by`: an event has no field `knid`; did you mean `event.kind`?
        key `by`: `job..x` is not a path: a part between two dots is empty; name a field, like "job.project_id"
        key `by`: `*` stands for several values, and a key is made of single ones; name a field, like "job.project_id"
        key `by`: `job` alone is different for every event; name a field, like "job.project_id"
        key `by`: `event` alone says nothing; use one of event.id, event.kind, event.source, event.from, event.to, event.detected_at, event.late, event.repeat, event.after_seconds, event.waited_seconds, event.number
        key `by`: `download_url` is different for every event; name a field, like "job.project_id"
        "#);
    }
}
