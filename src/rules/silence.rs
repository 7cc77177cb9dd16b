//! What a silence is about: `path=pattern` and `path!=pattern`, as they are written on the
//! command line.
//!
//! A pattern is a text in which `*` and `?` stand for any characters, as in a rule's `glob`. A
//! value that is no text is compared as JSON writes it; one that is missing or null is empty.

use globset::GlobMatcher;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Facts;
use super::path::Path;
use super::pattern::glob;
use crate::model::{DeliveryId, Silence};

/// One line of a silence.
#[derive(Debug, Clone)]
pub struct Matcher {
    path: Path,
    is: bool,
    pattern: GlobMatcher,
}

impl Matcher {
    /// Reads `path=pattern` or `path!=pattern`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shape = "write it as path=pattern, like job.project_name=Client A*";
        let (path, pattern) =
            text.split_once('=').ok_or_else(|| format!("`{text}` has no equals sign: {shape}"))?;
        let (path, is) = match path.strip_suffix('!') {
            Some(path) => (path, false),
            None => (path, true),
        };
        let root = path.split('.').next().unwrap_or_default();
        if !ROOTS.contains(&root) {
            return Err(format!(
                "`{path}` does not begin with one of {}: {shape}",
                ROOTS.join(", ")
            ));
        }
        let named = path;
        let path = Path::parse(path).map_err(|cause| format!("`{path}` is not a path: {cause}"))?;
        if root == RULE && path.keys() != Some(vec![RULE, "name"]) {
            return Err(format!("`{named}`: of a rule only rule.name can be asked for"));
        }
        let pattern = glob(pattern).map_err(|cause| format!("`{pattern}`: {cause}"))?;
        Ok(Self { path, is, pattern })
    }

    /// Whether the facts, and the name of the rule that would speak, are what this line says.
    pub fn holds(&self, facts: &Facts, rule: &str) -> bool {
        let is_about_rule = self.path.keys().is_some_and(|keys| keys.first() == Some(&RULE));
        let of_rule = is_about_rule.then(|| json!({ (RULE): { "name": rule } }));
        let found = self.path.find(of_rule.as_ref().unwrap_or(facts.document()));
        let met = match found.is_empty() {
            true => self.pattern.is_match(""),
            false => found.iter().any(|found| match found.value {
                Value::Null => self.pattern.is_match(""),
                Value::String(text) => self.pattern.is_match(text),
                other => self.pattern.is_match(other.to_string()),
            }),
        };
        met == self.is
    }
}

/// A pattern that fits this text: for a silence about one project or job. What cannot stand in
/// a line as people write it is left to a `*`.
pub fn exactly(text: &str) -> String {
    let inner = text.trim().len();
    let begins = text.len() - text.trim_start().len();
    let mut pattern = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        let at_an_end = at < begins || at >= begins + inner;
        if at_an_end || letter.is_control() {
            pattern.push('*');
        } else {
            if "*?[]{}!\\,".contains(letter) {
                pattern.push('\\');
            }
            pattern.push(letter);
        }
    }
    pattern
}

/// A silence that somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    pub matchers: Vec<String>,
    pub length: SignedDuration,
    pub comment: String,
    pub author: String,
    pub summarise: bool,
}

impl Wish {
    /// Longer than any maintenance; a rule can be taken out of the config.
    const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);

    const MOST_MATCHERS: usize = 50;

    const MAX_TEXT_CHARS: usize = 500;

    /// The silence from `now` on; `salt` tells two of the same moment apart.
    ///
    /// # Errors
    /// What is wrong with the wish, named as the command line does.
    pub fn grant(self, now: Timestamp, salt: u64) -> Result<Silence, String> {
        if self.matchers.len() > Self::MOST_MATCHERS {
            return Err(format!("match: at most {} lines", Self::MOST_MATCHERS));
        }
        for matcher in &self.matchers {
            Matcher::parse(matcher).map_err(|cause| format!("match: {cause}"))?;
        }
        if !self.length.is_positive() || self.length > Self::LONGEST {
            return Err("for: a silence lasts longer than nothing and at most 366 days".into());
        }
        for (name, text) in [("comment", &self.comment), ("author", &self.author)] {
            if text.chars().count() > Self::MAX_TEXT_CHARS || text.chars().any(char::is_control) {
                return Err(format!(
                    "{name}: at most {} characters, on one line and without control characters",
                    Self::MAX_TEXT_CHARS
                ));
            }
        }
        if self.comment.trim().is_empty() {
            return Err("comment: say why, for those who wonder where their messages are".into());
        }
        let id = DeliveryId::of("silence", &format!("{now} {salt}"), &self.comment, &self.author);
        Ok(Silence {
            id: id.as_str().chars().take(8).collect(),
            matchers: self.matchers,
            comment: self.comment,
            author: self.author,
            created_at: now,
            expires_at: now.checked_add(self.length).map_err(|cause| cause.to_string())?,
            summarise: self.summarise,
            silenced: 0,
        })
    }
}

/// What a document has at its top.
const ROOTS: [&str; 7] = ["event", "job", RULE, "project", "source", "notifier", "spend"];

/// What no event knows: each rule is asked by its own name.
const RULE: &str = "rule";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(matcher: &str) -> bool {
        let document = json!({"event": {"kind": "failed", "late": false},
            "job": {"project_name": "Client A/Spring", "project_id": null, "n": 3}});
        Matcher::parse(matcher).unwrap().holds(&Facts::of_document(document), "failures")
    }

    #[test]
    fn a_pattern_fits_the_whole_value_and_what_is_missing_is_empty() {
        assert!(holds("event.kind=failed") && !holds("event.kind=fail"));
        assert!(holds("job.project_name=Client A*") && !holds("job.project_name=Client B*"));
        assert!(holds("job.n=3") && holds("event.late=false"));
        assert!(holds("job.project_id=") && holds("job.nothing=") && !holds("job.n="));
        assert!(holds("event.kind!=succeeded") && !holds("event.kind!=failed"));
    }

    #[test]
    fn an_exact_pattern_fits_any_text_and_no_other() {
        for text in ["a*b", "[x]", "{a,b}", "a\\b", "!", "?", "ü=1", "a/b", "", "a\nb", " a "] {
            let matcher = format!("job.project_name={}", exactly(text));
            let matcher = Matcher::parse(&matcher).unwrap();
            let fits = |name: &str| {
                let document = json!({"job": {"project_name": name}});
                matcher.holds(&Facts::of_document(document), "r")
            };
            assert!(fits(text), "{text}");
            assert!(!fits("zzz"), "{text}");
            assert!(text.trim() != text || text.contains('\n') || !fits(&format!("{text}x")));
        }
    }

    #[test]
    fn a_rule_is_known_by_its_name() {
        assert!(holds("rule.name=fail*") && !holds("rule.name=ends"));
        assert!(holds("rule.name!=ends") && !holds("rule.name!=failures"));
    }

    #[test]
    fn what_is_not_a_matcher_says_what_it_should_look_like() {
        let error = |text: &str| Matcher::parse(text).unwrap_err();

        insta::assert_snapshot!(
            [error("job.project_id"), error("project_name=x"), error("rule.final=true"), error("job.a=[")]
                .join("\n"),
            @r"
        `job.project_id` has no equals sign: write it as path=pattern, like job.project_name=Client A*
        `project_name` does not begin with one of event, job, rule, project, source, notifier, spend: write it as path=pattern, like job.project_name=Client A*
        `rule.final`: of a rule only rule.name can be asked for
        `[`: unclosed character class; missing ']'
        "
        );
    }
}
