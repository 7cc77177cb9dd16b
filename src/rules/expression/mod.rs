//! Expressions: a rule's `when`, in CEL over `event` and `job`.
//!
//! [`Expression::parse`] refuses what can be seen to be wrong without an event: syntax,
//! names, functions, kinds, patterns, and what could cost too much to evaluate.
//! Evaluating never fails: an outcome that hangs on a missing field does not hold, any other
//! failure is undecided.
//!
//! Numbers mix freely, whether JSON has them whole or not; that goes beyond CEL, which
//! refuses to divide 9.5 by 60.

mod arithmetic;
mod bindings;
mod check;
mod functions;
mod kind;
mod outcome;
mod parse;
#[cfg(test)]
mod tests;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::{IdedExpr, Value};

use super::facts::{Facts, NAME_UNAVAILABLE};
use super::met::harmless;

pub(super) use bindings::Bindings;

/// An expression is shown up to this length.
const MAX_SHOWN_CHARS: usize = 160;

/// A `when`, parsed and checked.
#[derive(Debug, Clone)]
pub struct Expression {
    text: Arc<str>,
    root: Arc<IdedExpr>,
    /// It may turn a failure into "nothing", with `.?` or `[?…]`.
    may_swallow_failures: bool,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpressionProblem {
    /// Lower case, no period.
    pub message: String,
    /// The byte of the text that it is about.
    pub offset: usize,
    /// What to do, where that is known.
    pub help: Option<String>,
}

/// What evaluating an expression came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Holds,
    /// It is false, or ended in a field that is missing or null.
    DoesNotHold {
        reason: String,
    },
    Undecided {
        reason: String,
    },
}

impl Expression {
    /// The text as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text as verdicts show it: on one line, cut.
    pub fn shown(&self) -> String {
        let words: Vec<&str> = self.text.split_whitespace().collect();
        harmless(&words.join(" "), MAX_SHOWN_CHARS)
    }

    /// Evaluates it over the facts.
    pub fn evaluate(&self, facts: &Facts) -> Answer {
        let bindings = facts.bindings();
        bindings.forget();
        // The engine is young: a fault in it must not take the bridge down.
        let result = catch_unwind(AssertUnwindSafe(|| {
            Value::resolve_val(&self.root, bindings.context())
                .map_err(|error| outcome::of_error(&error))
                .map_or_else(|answer| (answer, false), |value| (outcome::of_value(&*value), true))
        }));
        let Ok((answer, has_value)) = result else {
            return Answer::Undecided { reason: "the expression's engine failed".into() };
        };
        // With a name asked for in vain, only a value that `&&` or `||` came to all the same
        // is sure.
        if bindings.name_was_needed() && (!has_value || self.may_swallow_failures) {
            return Answer::Undecided { reason: NAME_UNAVAILABLE.into() };
        }
        answer
    }
}
