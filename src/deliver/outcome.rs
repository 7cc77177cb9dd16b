//! How an attempt ends: a receipt, or a failure sorted by what to do next.
//!
//! Every notifier gives one of these; the pipeline writes them into the ledger and decides by
//! [`FailureKind`] alone. Texts here are cut, escaped and free of secrets ([`super::answer`]).

use std::fmt;
use std::time::Duration;

use crate::model::AttemptOutcome;

/// The other side has taken the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The status of HTTP, the reply code of SMTP, the exit status of a command.
    pub status: Option<i32>,
    /// What the other side said.
    pub answer: String,
    /// How long the next message should wait, where the service said that this was the last
    /// one for now.
    pub pause: Option<Duration>,
    /// Where the job's live message is from now on; `None`: where it was.
    pub handle: Option<String>,
}

/// The attempt failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    pub kind: FailureKind,
    /// As in [`Receipt::status`]; `None` where nothing was answered.
    pub status: Option<i32>,
    /// One sentence for people, with the other side's words.
    pub reason: String,
    /// As in [`Receipt::pause`]: for the messages after this one, whatever becomes of it.
    pub pause: Option<Duration>,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Try the same message again.
    Later {
        /// How long to wait at least, where that is known.
        wait: Option<Duration>,
        /// Whether the back-off grows with it: a wait that the service named is not a failed
        /// attempt.
        counts: bool,
    },
    /// This message will never be taken; others may be.
    Refused,
    /// The service refuses us: hold the notifier, keep what is owed.
    Broken,
    /// It may have been taken: try again, marked as a possible repeat.
    Unsure,
}

impl FailureKind {
    /// Later, by our own back-off.
    pub const LATER: Self = Self::Later { wait: None, counts: true };

    /// Later: after the wait that the service named, or else by our own back-off.
    pub fn after(named: Option<Duration>) -> Self {
        Self::Later { wait: named, counts: named.is_none() }
    }

    /// The word in the ledger.
    pub fn outcome(self) -> AttemptOutcome {
        match self {
            Self::Later { .. } => AttemptOutcome::Later,
            Self::Refused => AttemptOutcome::Refused,
            Self::Broken => AttemptOutcome::Broken,
            Self::Unsure => AttemptOutcome::Unsure,
        }
    }
}

impl Failure {
    /// A failure without a status.
    pub fn new(kind: FailureKind, reason: impl Into<String>) -> Self {
        Self { kind, status: None, reason: reason.into(), pause: None }
    }

    /// The same for a request that can be made again without being doubled: that it may have
    /// been taken does not matter.
    #[must_use]
    pub(super) fn of_what_repeats(self) -> Self {
        match self.kind {
            FailureKind::Unsure => Self { kind: FailureKind::LATER, ..self },
            _ => self,
        }
    }

    /// A message in a form that the notifier's type cannot send.
    pub(super) fn wrong_form(wanted: &str) -> Self {
        Self::new(
            FailureKind::Refused,
            format!("the message is not {wanted}, so it cannot be sent"),
        )
    }
}

/// What one answer of a service means: how it was sorted, and the remedy where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sorted {
    pub kind: FailureKind,
    /// What it means, for people; may be empty.
    pub hint: &'static str,
}

impl Sorted {
    pub(super) const fn new(kind: FailureKind, hint: &'static str) -> Self {
        Self { kind, hint }
    }
}

/// Why a notifier cannot be built from its settings. Never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    pub notifier: String,
    /// The key of the notifier's table.
    pub key: String,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub help: String,
}

/// What is wrong with one key; the notifier's name is added on the way out.
pub(super) struct BadKey {
    key: String,
    problem: String,
    help: String,
}

impl BadKey {
    pub(super) fn new(
        key: impl Into<String>,
        problem: impl fmt::Display,
        help: impl Into<String>,
    ) -> Self {
        Self { key: key.into(), problem: problem.to_string(), help: help.into() }
    }

    pub(super) fn of(self, notifier: &str) -> BuildError {
        BuildError {
            notifier: notifier.to_owned(),
            key: self.key,
            problem: self.problem,
            help: self.help,
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { notifier, key, problem, help } = self;
        write!(f, "notifier `{notifier}`, key `{key}`: {problem}; {help}")
    }
}

impl std::error::Error for BuildError {}
