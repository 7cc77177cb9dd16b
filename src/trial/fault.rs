//! How a case of `[[test]]` can fail, in words. Pure.

use std::fmt;

use crate::model::EventKind;

/// A message that should have come and did not, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No message is what an `expect` asks for.
    Missing {
        rule: String,
        notifier: String,
        /// The pieces that the message should hold.
        text: Vec<String>,
        /// Why not, for each event.
        why: Vec<Missed>,
    },
    /// A message that no `expect` asks for.
    Unexpected {
        /// Counted from 1.
        event: usize,
        kind: EventKind,
        rule: String,
        notifier: String,
        /// What it says, for people.
        says: String,
    },
}

/// Why an event did not bring the message that was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// The rule does not send, with its verdict in words.
    NotSaid { event: usize, kind: EventKind, reason: String },
    /// The rule notifies others.
    NotNotified { notifies: Vec<String> },
    /// The event is about the notifier itself.
    AboutItself { event: usize, kind: EventKind },
    /// The message is there, but lacks a piece of text.
    Lacks { event: usize, kind: EventKind, piece: String, says: String },
    /// The message is there, and another `expect` has it.
    Taken { event: usize, kind: EventKind },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { rule, notifier, text, .. } => {
                write!(f, "expected, but not sent: rule `{rule}` to {notifier}")?;
                let pieces: Vec<String> = text.iter().map(|piece| format!("{piece:?}")).collect();
                match pieces.is_empty() {
                    true => Ok(()),
                    false => write!(f, ", with {}", pieces.join(" and ")),
                }
            }
            Self::Unexpected { event, kind, rule, notifier, .. } => {
                write!(
                    f,
                    "sent, but not expected: rule `{rule}` to {notifier}, about event {event} \
                     ({kind})"
                )
            }
        }
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSaid { event, kind, reason } => {
                write!(f, "about event {event} ({kind}) the rule says: {reason}")
            }
            Self::NotNotified { notifies } => {
                write!(f, "the rule notifies {} only", notifies.join(", "))
            }
            Self::AboutItself { event, kind } => {
                write!(f, "event {event} ({kind}) is about the notifier itself")
            }
            Self::Lacks { event, kind, piece, .. } => {
                write!(f, "the message about event {event} ({kind}) does not hold {piece:?}")
            }
            Self::Taken { event, kind } => {
                write!(f, "the message about event {event} ({kind}) is what another `expect` has")
            }
        }
    }
}
