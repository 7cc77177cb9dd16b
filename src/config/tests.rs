//! The whole room from the outside, by what is looked at.

mod live;
mod masking;
mod meaning;
mod mistakes;
mod report;
mod rules;
mod schema;

use std::path::Path;

use super::{Defaults, Parsed, masked, parse};
use crate::problem::{Colour, report};

/// The file that shows every key.
const EXAMPLE: &str = include_str!("../../rules.example.toml");

fn parsed(text: &str) -> Parsed {
    parse(text, Path::new("/etc/app"), &Defaults { state_folder: Some("/state".into()) })
}

/// The problems as a person sees them.
fn reported(text: &str) -> String {
    report("rules.toml", &masked(text), &parsed(text).problems, Colour::Never)
}

/// The problems in short: a line each, with the piece of text it is about.
fn told(text: &str) -> String {
    let mut problems = parsed(text).problems;
    problems.sort_by_key(|problem| problem.span.as_ref().map_or(usize::MAX, |span| span.start));
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| {
            let piece = problem.span.clone().map_or("", |span| &text[span]);
            let help = problem.help.as_deref().unwrap_or("-");
            format!("[{piece}] {problem}; {help}")
        })
        .collect();
    lines.join("\n")
}
