//! What of the text is TOML at all, and what may still be said where some of it is not.
//!
//! The parser goes on after most mistakes. Where it would give up, the line is blanked and the
//! text is read again; where a list is never closed, everything behind it is one mistake and
//! not one for each word.

use std::ops::{Range, RangeInclusive};

use toml::de::{DeTable, Error};

use super::scan::unclosed;
use super::table::is_about_absence;
use crate::problem::Problem;

/// A text with its syntax errors.
pub(super) struct Syntax {
    /// The text with blanks for what stopped the parser, every byte at its place.
    readable: String,
    problems: Vec<Problem>,
    /// Lines of which something could not be read, counted from 0.
    unread: Vec<RangeInclusive<usize>>,
    /// Below a header that could not be read, keys belong to another table than it seems.
    header_lost: bool,
    /// Where a list begins that is never closed.
    lost_from: Option<usize>,
}

/// The parser's words for a key or a table that stands twice; nothing is lost then.
const DUPLICATE: &str = "duplicate key";

/// The parser's words for a line without `=`, after which it stops.
const NO_VALUE: &str = "key with no value";

/// So often is a text read again.
const ROUNDS_MAX: usize = 50;

impl Syntax {
    /// Finds every syntax error.
    pub(super) fn of(text: &str) -> Self {
        let mut readable = text.to_owned();
        let mut problems = Vec::new();
        let mut errors = errors_of(&readable);
        for _ in 0..ROUNDS_MAX {
            let Some(stop) = errors.iter().find(|error| error.message().starts_with(NO_VALUE))
            else {
                break;
            };
            let span = span_of(stop, text);
            problems.push(problem(stop.message(), span.clone()));
            blank_line(&mut readable, span.start);
            errors = errors_of(&readable);
        }
        let lost_from = errors
            .iter()
            .any(|error| error.message().starts_with("unclosed"))
            .then(|| unclosed(&readable))
            .flatten();
        for error in &errors {
            let span = span_of(error, text);
            if lost_from.is_none_or(|from| span.start < from) {
                problems.push(problem(error.message(), span));
            }
        }
        if let Some(from) = lost_from {
            let what = if text[from..].starts_with('[') { "list" } else { "table" };
            let message = format!("this {what} is never closed");
            let close = if what == "list" { "]" } else { "}" };
            let help = format!("close it with `{close}`");
            problems.push(Problem::error(message).at(from..from + 1).help(help));
        }
        let real = problems.iter().filter(|problem| !problem.message.starts_with(DUPLICATE));
        let unread: Vec<_> =
            real.filter_map(|problem| Some(lines_of(problem.span.as_ref()?, text))).collect();
        let header_lost = unread.iter().any(|lines| {
            let count = lines.clone().count();
            let mut broken = text.split('\n').skip(*lines.start()).take(count);
            broken.any(|line| line.trim_start().starts_with('['))
        });
        Self { readable, problems, unread, header_lost, lost_from }
    }

    /// What the tables are read from.
    pub(super) fn readable(&self) -> &str {
        &self.readable
    }

    pub(super) fn is_right(&self) -> bool {
        self.problems.is_empty()
    }

    /// Whether a problem of what could be read is one whatever the rest says.
    pub(super) fn is_sure(&self, problem: &Problem) -> bool {
        if self.unread.is_empty() {
            return true;
        }
        let Some(span) = &problem.span else { return false };
        let lines = lines_of(span, &self.readable);
        let touches =
            |bad: &RangeInclusive<usize>| bad.start() <= lines.end() && lines.start() <= bad.end();
        !self.header_lost
            && !self.unread.iter().any(touches)
            && self.lost_from.is_none_or(|from| span.end <= from)
            && !is_about_absence(problem)
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

fn errors_of(text: &str) -> Vec<Error> {
    DeTable::parse_recoverable(text).1
}

fn span_of(error: &Error, text: &str) -> Range<usize> {
    error.span().unwrap_or(text.len()..text.len())
}

fn blank_line(text: &mut String, at: usize) {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[at..].find('\n').map_or(text.len(), |width| at + width);
    text.replace_range(start..end, &" ".repeat(end - start));
}

/// The lines that a place touches, counted from 0.
fn lines_of(span: &Range<usize>, text: &str) -> RangeInclusive<usize> {
    let before = |at: usize| &text.as_bytes()[..at.min(text.len())];
    let line = |at: usize| before(at).iter().filter(|byte| **byte == b'\n').count();
    line(span.start)..=line(span.end)
}

fn problem(message: &str, span: Range<usize>) -> Problem {
    let problem = Problem::error(message).at(span);
    let help = if message.starts_with(DUPLICATE) {
        "a key stands once in its table, and a table once in the file"
    } else if message.starts_with(NO_VALUE) {
        "write key = value"
    } else if message.starts_with("string values must be quoted") {
        "put it between quotes"
    } else if message.starts_with("invalid basic string, expected `\"`")
        || message.starts_with("invalid literal string")
    {
        "close the quote on the same line"
    } else {
        return problem;
    };
    problem.help(help)
}
