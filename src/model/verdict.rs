//! What a rule said about an event, with its reason.

use std::fmt;

use jiff::Timestamp;
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
    /// The rule matched, but has spoken less than its `throttle` ago; it is counted.
    Throttled { until: Timestamp },
    /// The rule matched, and the event is in a group that goes out by then.
    Gathered { until: Timestamp },
    /// The rule matched outside of its `active` window; it goes out when that opens.
    Held { until: Timestamp },
    /// The rule matched outside of its `active` window, which drops what falls there.
    Dropped { until: Timestamp },
    /// The rule matched, but a person has silenced such events.
    Silenced { silence: String },
}

impl Verdict {
    /// Whether this verdict makes messages owed at once.
    pub fn sends(&self) -> bool {
        matches!(self, Self::Send | Self::Undecided { .. })
    }

    /// Whether this verdict counts as a match for `final`.
    pub fn matched(&self) -> bool {
        match self {
            Self::Send
            | Self::Throttled { .. }
            | Self::Gathered { .. }
            | Self::Held { .. }
            | Self::Dropped { .. }
            | Self::Silenced { .. } => true,
            Self::NotThisEvent
            | Self::ConditionFailed { .. }
            | Self::ExpressionFalse { .. }
            | Self::Undecided { .. }
            | Self::AfterFinal { .. } => false,
        }
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
            Self::Throttled { until } => {
                write!(f, "matched, but it is throttled until {until}: it is counted")
            }
            Self::Gathered { until } => {
                write!(f, "matched, and goes out with its group by {until}")
            }
            Self::Held { until } => {
                write!(f, "matched, but its `active` window is closed: held until {until}")
            }
            Self::Dropped { until } => {
                write!(f, "matched, but its `active` window is closed until {until}: dropped")
            }
            Self::Silenced { silence } => write!(f, "matched, but silence `{silence}` is on"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn until() -> Timestamp {
        "2026-11-23T08:00:00Z".parse().unwrap()
    }

    fn after_a_match() -> [Verdict; 5] {
        let until = until();
        [
            Verdict::Throttled { until },
            Verdict::Gathered { until },
            Verdict::Held { until },
            Verdict::Dropped { until },
            Verdict::Silenced { silence: "3f2a".into() },
        ]
    }

    #[test]
    fn what_is_not_sent_at_once_says_why_and_until_when() {
        let lines: Vec<String> = after_a_match().iter().map(ToString::to_string).collect();

        insta::assert_snapshot!(lines.join("\n"), @r"
        matched, but it is throttled until 2026-11-23T08:00:00Z: it is counted
        matched, and goes out with its group by 2026-11-23T08:00:00Z
        matched, but its `active` window is closed: held until 2026-11-23T08:00:00Z
        matched, but its `active` window is closed until 2026-11-23T08:00:00Z: dropped
        matched, but silence `3f2a` is on
        ");
    }

    #[test]
    fn it_counts_for_final_and_sends_nothing() {
        for verdict in after_a_match() {
            assert!(verdict.matched() && !verdict.sends(), "{verdict}");
        }
    }

    #[test]
    fn a_verdict_is_kept_as_it_is_named() {
        let held = Verdict::Held { until: until() };

        let kept = serde_json::to_value(&held).unwrap();

        assert_eq!(kept, json!({"verdict": "held", "until": "2026-11-23T08:00:00Z"}));
        assert_eq!(serde_json::from_value::<Verdict>(kept).unwrap(), held);
    }
}
