//! What is found wrong with one thing of the file, written down as it is found.
//!
//! Every check of this room takes a [`Notes`] and goes on after a mistake. Nothing is decided
//! here; `parse` looks at the end whether anything was an error.

use std::ops::Range;

use crate::problem::Problem;

/// The pad for one thing: "source `main`".
pub(super) struct Notes<'p> {
    thing: String,
    problems: &'p mut Vec<Problem>,
}

impl<'p> Notes<'p> {
    pub(super) fn new(thing: impl Into<String>, problems: &'p mut Vec<Problem>) -> Self {
        Self { thing: thing.into(), problems }
    }

    /// What the notes are about.
    pub(super) fn thing(&self) -> &str {
        &self.thing
    }

    /// The pad for a table within the thing.
    pub(super) fn within(&mut self, table: &str) -> Notes<'_> {
        Notes { thing: format!("{}, table `{table}`", self.thing), problems: self.problems }
    }

    /// For parsers of other rooms, which add their own.
    pub(super) fn problems(&mut self) -> &mut Vec<Problem> {
        self.problems
    }

    /// Notes a problem of the thing as a whole.
    pub(super) fn whole(&mut self, problem: Problem) {
        self.problems.push(problem.about(self.thing.clone()));
    }

    /// Notes a problem of one key.
    pub(super) fn key(&mut self, key: &str, problem: Problem) {
        self.problems.push(problem.about(format!("{}, key `{key}`", self.thing)));
    }

    /// Notes an error of one key at a place.
    pub(super) fn error(&mut self, key: &str, span: Range<usize>, message: impl Into<String>) {
        self.key(key, Problem::error(message).at(span));
    }

    /// Notes an error of one key at a place, with a remedy.
    pub(super) fn error_with_help(
        &mut self,
        key: &str,
        span: Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.key(key, Problem::error(message).at(span).help(help));
    }
}
