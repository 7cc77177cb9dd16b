//! Conditions: a rule's `match`, checked against an event's document.
//!
//! Every line of a table must hold. A comparison with a field that the event does not have,
//! or that is null, is false, and `not` turns it. A line about the project's name can be
//! undecided; then three-valued logic holds: in `any` one true line decides, in a table and
//! in `all` one false line does.

mod comparison;
mod parse;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::rules::facts::{Facts, NAME_PATH, NAME_UNAVAILABLE};
use crate::rules::met::shown;
use crate::rules::path::{Found, Path};

use comparison::Comparison;

/// How many values are shown where several were met.
const MAX_SHOWN: usize = 3;

/// A `match` table, checked. All of its parts must hold.
#[derive(Debug, Clone)]
pub struct Condition(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Line(Line),
    Any(Vec<Condition>),
    All(Vec<Condition>),
    Not(Condition),
}

/// One path and what must hold for a value there: every comparison, for the same value.
#[derive(Debug, Clone)]
struct Line {
    /// The path as it is written.
    written: String,
    path: Path,
    comparisons: Vec<Comparison>,
    /// `exists`
    exists: Option<bool>,
}

/// What checking a condition found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    Holds,
    /// The first part, in the file's order, that did not hold.
    Fails {
        condition: String,
        expected: String,
        met: String,
    },
    Undecided {
        condition: String,
        reason: String,
    },
}

impl Condition {
    /// Checks the facts.
    pub fn check(&self, facts: &Facts) -> Finding {
        all(self.0.iter().map(|part| part.check(facts)))
    }

    /// The paths and texts of which the document must have one for the condition to hold:
    /// what an index of rules can be made of.
    pub(super) fn required_texts(&self) -> impl Iterator<Item = (Vec<&str>, &[String])> {
        self.0.iter().filter_map(|part| match part {
            Part::Line(line) => {
                let texts = line.comparisons.iter().find_map(Comparison::required_texts)?;
                Some((line.path.keys()?, texts))
            }
            _ => None,
        })
    }
}

impl Part {
    fn check(&self, facts: &Facts) -> Finding {
        match self {
            Self::Line(line) => line.check(facts),
            Self::All(conditions) => all(conditions.iter().map(|one| one.check(facts))),
            Self::Any(conditions) => any(conditions, facts),
            Self::Not(condition) => match condition.check(facts) {
                Finding::Holds => Finding::Fails {
                    condition: "not".into(),
                    expected: "a table that does not hold".into(),
                    met: format!("one that does ({})", condition.met(facts)),
                },
                Finding::Fails { .. } => Finding::Holds,
                undecided @ Finding::Undecided { .. } => undecided,
            },
        }
    }
}

/// The first failure decides, also after something undecided.
fn all(findings: impl Iterator<Item = Finding>) -> Finding {
    let mut all = Finding::Holds;
    for finding in findings {
        match finding {
            Finding::Holds => {}
            Finding::Fails { .. } => return finding,
            Finding::Undecided { .. } if all == Finding::Holds => all = finding,
            Finding::Undecided { .. } => {}
        }
    }
    all
}

fn any(conditions: &[Condition], facts: &Facts) -> Finding {
    let mut undecided = None;
    let mut failed = Vec::new();
    for condition in conditions {
        match condition.check(facts) {
            Finding::Holds => return Finding::Holds,
            Finding::Undecided { .. } if undecided.is_some() => {}
            finding @ Finding::Undecided { .. } => undecided = Some(finding),
            Finding::Fails { condition, met, .. } => failed.push(format!("`{condition}` is {met}")),
        }
    }
    undecided.unwrap_or_else(|| Finding::Fails {
        condition: "any".into(),
        expected: "at least one table that holds".into(),
        met: format!("{} that do not ({})", failed.len(), some_of(failed)),
    })
}

impl Condition {
    /// What the lines met, for `not`.
    fn met(&self, facts: &Facts) -> String {
        let met = self.0.iter().map(|part| match part {
            Part::Line(line) => format!("`{}` is {}", line.written, line.met(facts)),
            Part::Any(_) => "`any` holds".into(),
            Part::All(_) => "`all` holds".into(),
            Part::Not(_) => "`not` holds".into(),
        });
        some_of(met.collect())
    }
}

impl Line {
    fn check(&self, facts: &Facts) -> Finding {
        let (holds, only_value) = match self.path.keys() {
            Some(_) => (self.holds_for(self.path.find_one(facts.document()).into_iter()), true),
            None => {
                let found = self.path.find(facts.document());
                (self.holds_for(found.iter().map(|at| at.value)), false)
            }
        };
        // One entry that holds is enough for a `*`, whatever the name would have been.
        let decided = holds && !only_value && self.exists != Some(false);
        if !decided && self.needs_name(facts) {
            return Finding::Undecided {
                condition: self.written.clone(),
                reason: NAME_UNAVAILABLE.into(),
            };
        }
        if holds {
            return Finding::Holds;
        }
        Finding::Fails {
            condition: self.written.clone(),
            expected: self.expected(),
            met: self.met(facts),
        }
    }

    fn holds_for<'a>(&self, values: impl Iterator<Item = &'a Value>) -> bool {
        let mut there = values.filter(|value| !value.is_null());
        if self.exists == Some(false) {
            return there.next().is_none();
        }
        there.any(|value| self.comparisons.iter().all(|comparison| comparison.holds(value)))
    }

    fn needs_name(&self, facts: &Facts) -> bool {
        facts.name_is_unavailable()
            && self.path.keys().is_none_or(|keys| keys == NAME_PATH)
            && self.path.find(facts.document()).iter().any(|found| {
                let [job, name] = NAME_PATH;
                std::ptr::eq(found.value, &facts.document()[job][name])
            })
    }

    fn expected(&self) -> String {
        let exists = self.exists.map(|exists| match exists {
            true => "there".to_owned(),
            false => "missing".to_owned(),
        });
        let all: Vec<String> =
            exists.into_iter().chain(self.comparisons.iter().map(Comparison::expected)).collect();
        all.join(" and ")
    }

    fn met(&self, facts: &Facts) -> String {
        let met: Vec<String> = self
            .path
            .find(facts.document())
            .into_iter()
            .map(|Found { value, may_be_shown }| match may_be_shown || value.is_null() {
                true => shown(value),
                false => "a value that is never shown".into(),
            })
            .collect();
        if met.is_empty() { "missing".into() } else { some_of(met) }
    }
}

/// The first few of them, and how many more there are.
fn some_of(mut words: Vec<String>) -> String {
    let more = words.len().saturating_sub(MAX_SHOWN);
    words.truncate(MAX_SHOWN);
    match more {
        0 => words.join(", "),
        more => format!("{} and {more} more", words.join(", ")),
    }
}
