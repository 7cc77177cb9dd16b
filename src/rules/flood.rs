//! `throttle` and `group`: what keeps many events from becoming as many messages.
//!
//! Both work by a key made of values of the event: [`By`]. How long ago a rule has spoken, and
//! which group is open, is remembered elsewhere.

use jiff::SignedDuration;
use serde_json::Value;
use toml::Spanned;

use crate::model::without_download_url;
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
        Value::Array(self.0.iter().map(value).collect()).to_string()
    }
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
