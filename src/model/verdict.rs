//! What a rule said about an event, with its reason.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A rule's answer to an event. The log, `explain`, the dashboard and the tests read the
/// same value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// The rule matched: a message is owed to each of its notifiers.
    Send,
    /// The rule's `on` does not name this event.
    NotThisEvent,
    /// The first line of `match` that did not hold.
    ConditionFailed { condition: String, expected: String, met: String },
    /// `when` was false, or ended in a missing field.
    ExpressionFalse { expression: String, reason: String },
    /// A condition could not be decided. The message is sent all the same: better one too
    /// many than a lost failure.
    Undecided { condition: String, reason: String },
    /// An earlier rule with `final = true` had matched.
    AfterFinal { rule: String },
}

impl Verdict {
    /// Whether this verdict makes messages owed.
    pub fn sends(&self) -> bool {
        matches!(self, Self::Send | Self::Undecided { .. })
    }

    /// Whether this verdict counts as a match for `final`.
    pub fn matched(&self) -> bool {
        matches!(self, Self::Send)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send => write!(f, "matched"),
            Self::NotThisEvent => write!(f, "its `on` does not name this event"),
            Self::ConditionFailed { condition, expected, met } => {
                write!(f, "`{condition}` should be {expected}, but is {met}")
            }
            Self::ExpressionFalse { expression, reason } => {
                write!(f, "`{expression}` does not hold: {reason}")
            }
            Self::Undecided { condition, reason } => {
                write!(f, "`{condition}` could not be decided ({reason}), so it is sent")
            }
            Self::AfterFinal { rule } => write!(f, "rule `{rule}` before it is final"),
        }
    }
}
