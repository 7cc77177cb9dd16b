//! Why a template could not be rendered, told so that its author can mend it.
//!
//! The message and the place hold nothing from the data; the help may name fields.

use std::fmt;
use std::io::ErrorKind;
use std::ops::Range;

use handlebars::{RenderError, RenderErrorReason};

use super::fields::{fields_of, known_part, nearest_field};
use super::load::{Shelf, Shelves, known_fields, offset_of};
use crate::problem::{Problem, Severity, nearest};

/// A template that could not be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFailure {
    /// Its path below the folder of templates; of the partial, where the mistake is there.
    pub path: String,
    /// Counted from 1.
    pub line: Option<u32>,
    pub column: Option<u32>,
    /// The bytes of its text that it is about.
    pub span: Option<Range<usize>>,
    /// Lower case, no period, nothing from the data.
    pub message: String,
    pub help: Option<String>,
    /// A warning where the field is one that other events have: then the template only wants a
    /// condition around it.
    pub severity: Severity,
}

impl TemplateFailure {
    /// A failure of a whole template.
    pub fn of(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line: None,
            column: None,
            span: None,
            message: message.into(),
            help: None,
            severity: Severity::Error,
        }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// As a problem of the template's file.
    pub fn problem(&self) -> Problem {
        let mut problem = Problem::error(self.message.clone());
        problem.span = self.span.clone();
        problem.help = self.help.clone();
        problem.severity = self.severity;
        if problem.span.is_none() {
            // Without a line to show, the report would not name the file.
            problem.thing = Some(self.path.clone());
        }
        problem
    }
}

impl fmt::Display for TemplateFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for TemplateFailure {}

/// Puts the engine's error into words.
pub fn failure_of(
    error: &RenderError,
    path: &str,
    shelf: &Shelf,
    shelves: &Shelves,
    document: &serde_json::Value,
) -> TemplateFailure {
    let path = error
        .template_name
        .as_deref()
        .map_or(path.to_owned(), |name| shelf.path_of_registered(name));
    let (message, help, word) = words_of(error.reason(), document);
    let mut failure = TemplateFailure::of(path, message);
    failure.help = help;
    if let RenderErrorReason::MissingVariable(Some(field)) = error.reason()
        && known_fields().iter().any(|known| known == whole(field))
    {
        failure.severity = Severity::Warning;
    }
    failure.line = error.line_no.and_then(|line| line.try_into().ok());
    failure.column = error.column_no.and_then(|column| column.try_into().ok());
    if let (Some(source), Some(line), Some(column)) =
        (shelves.source(&failure.path), error.line_no, error.column_no)
    {
        failure.span = Some(span_of(source, offset_of(source, line, column), &word));
    }
    failure
}

/// The message, the help and the word of the template that it is about.
fn words_of(
    reason: &RenderErrorReason,
    document: &serde_json::Value,
) -> (String, Option<String>, String) {
    match reason {
        RenderErrorReason::MissingVariable(Some(path)) => (
            format!("there is no field `{path}`"),
            Some(missing_help(path, document)),
            path.clone(),
        ),
        RenderErrorReason::MissingVariable(None) => (
            "there is nothing of that name or number to look up".into(),
            Some("ask with {{#if}} first".into()),
            "lookup".into(),
        ),
        RenderErrorReason::InvalidJsonIndex(index) => (
            "a list is used as if it had fields".into(),
            Some("go through it with {{#each}}, or name an element by its number".into()),
            index.clone(),
        ),
        RenderErrorReason::IOError(error) if error.kind() == ErrorKind::FileTooLarge => {
            (error.to_string(), Some("shorten long fields with `truncate`".into()), String::new())
        }
        RenderErrorReason::PartialNotFound(name) => {
            (format!("there is no partial `{name}`"), None, name.clone())
        }
        RenderErrorReason::HelperNotFound(name) => {
            (format!("no word is called `{name}`"), None, name.clone())
        }
        _ => ("it could not be rendered".into(), None, String::new()),
    }
}

fn missing_help(path: &str, document: &serde_json::Value) -> String {
    let whole = whole(path);
    let known = known_fields();
    if known.iter().any(|field| field == whole) {
        return format!(
            "not every event has it: write {{{{#if {path}}}}}…{{{{/if}}}} around it, or {{{{default {path} \"…\"}}}}"
        );
    }
    let here = fields_of(document);
    if let Some(near) = nearest_field(whole, &here).or_else(|| nearest_field(whole, &known)) {
        return format!("did you mean `{near}`?");
    }
    let ending = format!(".{whole}");
    if let Some(full) = here.iter().find(|field| field.ends_with(&ending)) {
        return format!("did you mean `{full}`?");
    }
    // Within a block the name is relative to what the block is about.
    let last_piece = |field: &String| field.rsplit('.').next().map(str::to_owned);
    let pieces: Vec<String> = known.iter().filter_map(last_piece).collect();
    if let Some(near) = nearest(whole, pieces.iter().map(String::as_str)) {
        return format!("did you mean `{near}`?");
    }
    match known_part(whole, &here) {
        ("", fields) => format!("the document has {}", fields.join(", ")),
        (above, fields) => format!("`{above}` has {}", fields.join(", ")),
    }
}

/// The field's name from the root, where it is written so.
fn whole(path: &str) -> &str {
    let path = path.trim_start_matches("../").trim_start_matches("this.");
    path.strip_prefix("@root.").unwrap_or(path)
}

fn span_of(source: &str, start: usize, word: &str) -> Range<usize> {
    let rest = source.get(start..).unwrap_or_default();
    let end = rest.find("}}").map_or(rest.len(), |offset| offset + 2);
    match rest[..end].find(word).filter(|_| !word.is_empty()) {
        Some(offset) => start + offset..start + offset + word.len(),
        None => start..start + end,
    }
}
