//! Single comparisons of a value of the event with what a rule names.
//!
//! Numbers compare by their value, whether whole or not; texts compare letter by letter, also
//! where they are times; values of different kinds are never equal and never ordered.

use std::cmp::Ordering;

use globset::GlobMatcher;
use regex::Regex;
use serde_json::{Number, Value};

use crate::rules::met::{any_of, harmless, quoted};

/// A pattern is shown up to this length.
const MAX_PATTERN_CHARS: usize = 80;

/// What a rule compares with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Text(String),
    Number(Number),
    Bool(bool),
}

/// What `gt`, `gte`, `lt` and `lte` compare with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bound {
    Text(String),
    Number(Number),
}

/// `gt`, `gte`, `lt`, `lte`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    More,
    AtLeast,
    Less,
    AtMost,
}

/// One thing that must hold for a value that is there and not null.
#[derive(Debug, Clone)]
pub(super) enum Comparison {
    /// Equal to one of these texts: kept apart because rules are indexed by it.
    Texts(Vec<String>),
    /// Equal to one of these.
    Equal(Vec<Scalar>),
    /// Equal to none of these.
    NotEqual(Vec<Scalar>),
    Glob(Vec<GlobMatcher>),
    Regex(Vec<Regex>),
    Ordered(Order, Bound),
}

impl Comparison {
    /// Equality with one of `scalars`.
    pub(super) fn equal(scalars: Vec<Scalar>) -> Self {
        let texts: Option<Vec<String>> = scalars
            .iter()
            .map(|scalar| match scalar {
                Scalar::Text(text) => Some(text.clone()),
                _ => None,
            })
            .collect();
        texts.map_or(Self::Equal(scalars), Self::Texts)
    }

    pub(super) fn holds(&self, value: &Value) -> bool {
        match self {
            Self::Texts(texts) => {
                value.as_str().is_some_and(|value| texts.iter().any(|text| text == value))
            }
            Self::Equal(scalars) => scalars.iter().any(|scalar| scalar.equals(value)),
            Self::NotEqual(scalars) => !scalars.iter().any(|scalar| scalar.equals(value)),
            Self::Glob(globs) => {
                value.as_str().is_some_and(|text| globs.iter().any(|glob| glob.is_match(text)))
            }
            Self::Regex(regexes) => {
                value.as_str().is_some_and(|text| regexes.iter().any(|regex| regex.is_match(text)))
            }
            Self::Ordered(order, bound) => {
                bound.compare(value).is_some_and(|ordering| order.allows(ordering))
            }
        }
    }

    /// The texts of which the value must be one.
    pub(super) fn required_texts(&self) -> Option<&[String]> {
        match self {
            Self::Texts(texts) => Some(texts),
            _ => None,
        }
    }

    /// What is expected, to follow "should be".
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Texts(texts) => {
                any_of(&texts.iter().map(|text| quoted(text)).collect::<Vec<_>>())
            }
            Self::Equal(scalars) => any_of(&shown(scalars)),
            Self::NotEqual(scalars) => format!("other than {}", any_of(&shown(scalars))),
            Self::Glob(globs) => {
                let globs: Vec<_> = globs.iter().map(|glob| quoted(glob.glob().glob())).collect();
                format!("like {}", any_of(&globs))
            }
            Self::Regex(regexes) => {
                let pattern =
                    |regex: &Regex| format!("/{}/", harmless(regex.as_str(), MAX_PATTERN_CHARS));
                format!("matching {}", any_of(&regexes.iter().map(pattern).collect::<Vec<_>>()))
            }
            Self::Ordered(order, bound) => format!("{} {}", order.words(), bound.shown()),
        }
    }
}

impl Scalar {
    fn equals(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(text), Value::String(value)) => text == value,
            (Self::Bool(truth), Value::Bool(value)) => truth == value,
            (Self::Number(number), Value::Number(value)) => {
                compare(value, number) == Some(Ordering::Equal)
            }
            _ => false,
        }
    }
}

fn shown(scalars: &[Scalar]) -> Vec<String> {
    scalars
        .iter()
        .map(|scalar| match scalar {
            Scalar::Text(text) => quoted(text),
            Scalar::Number(number) => number.to_string(),
            Scalar::Bool(truth) => truth.to_string(),
        })
        .collect()
}

impl Bound {
    /// How the value stands to the bound; `None` where they are of different kinds.
    fn compare(&self, value: &Value) -> Option<Ordering> {
        match (self, value) {
            (Self::Text(bound), Value::String(value)) => Some(value.as_str().cmp(bound)),
            (Self::Number(bound), Value::Number(value)) => compare(value, bound),
            _ => None,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl Order {
    fn allows(self, ordering: Ordering) -> bool {
        match self {
            Self::More => ordering.is_gt(),
            Self::AtLeast => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::AtMost => ordering.is_le(),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::More => "more than",
            Self::AtLeast => "at least",
            Self::Less => "less than",
            Self::AtMost => "at most",
        }
    }
}

/// Compares by value; exactly where both are whole.
fn compare(left: &Number, right: &Number) -> Option<Ordering> {
    match (whole(left), whole(right)) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}
