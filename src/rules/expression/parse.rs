//! From a text to an [`Expression`], or to what is wrong with it, in words for people.
//!
//! The parser recurses and takes much stack (in a debug build about 170 KiB for a pair of
//! brackets), and running out of it aborts the process. So the text's length is bounded and
//! the parser runs on a thread with a stack of its own.

use std::sync::Arc;
use std::thread;

use cel::{IdedExpr, ParseError};

use crate::rules::met::harmless;

use super::{Expression, ExpressionProblem, arithmetic, bindings, check};

/// In bytes.
const MAX_TEXT_BYTES: usize = 4096;

/// Several times what the longest text can make the parser use.
const STACK_BYTES: usize = 64 << 20;

/// A piece of the text is quoted up to this length.
const MAX_QUOTED_CHARS: usize = 40;

impl Expression {
    /// Reads and checks an expression.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, ExpressionProblem> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(ExpressionProblem {
                message: format!("an expression has at most {MAX_TEXT_BYTES} bytes"),
                offset: 0,
                help: Some("split the rule, or move what is plain into `match`".into()),
            });
        }
        let parsed = thread::scope(|scope| {
            let parser = thread::Builder::new().name("expression parser".into());
            let parser = parser.stack_size(STACK_BYTES).spawn_scoped(scope, || parse(text));
            parser.ok().and_then(|parser| parser.join().ok())
        });
        let (root, may_swallow_failures) = parsed.unwrap_or_else(|| {
            Err(ExpressionProblem {
                message: "the expression cannot be read".into(),
                offset: 0,
                help: Some("write it more simply".into()),
            })
        })?;
        Ok(Self { text: text.into(), root: Arc::new(root), may_swallow_failures })
    }
}

fn parse(text: &str) -> Result<(IdedExpr, bool), ExpressionProblem> {
    let parser = bindings::shared_env().parser();
    let (mut root, source) = parser.parse_with_source_info(text).map_err(|errors| {
        errors.errors.first().map_or_else(
            || problem("the expression cannot be read".into(), 0, None),
            |error| in_words(text, error),
        )
    })?;
    let checked = check::check(text, &source, &root)?;
    arithmetic::redirect(&mut root);
    Ok((root, checked.may_swallow_failures))
}

/// Says a syntax error in other words than the parser's, which are about its grammar.
fn in_words(text: &str, error: &ParseError) -> ExpressionProblem {
    let offset = offset(text, error.pos);
    let said = error.msg.trim_start_matches("Syntax error: ");
    if said.contains("Recursion limit") {
        return check::too_deep(offset);
    }
    let near = said.split_once('\'').and_then(|(_, rest)| {
        let rest = rest.split("' expecting").next()?;
        Some(rest.strip_suffix('\'').unwrap_or(rest))
    });
    match near {
        Some("<EOF>") if text.trim().is_empty() => {
            let help = "leave `when` out, or write what must hold, like job.job_type == \"agent\"";
            problem("the expression is empty".into(), offset, Some(help))
        }
        Some("<EOF>") => problem("the expression ends too early".into(), offset, None),
        Some(near) if is_about_input(said) => {
            let help = match near.trim() {
                "and" => Some("write &&"),
                "or" => Some("write ||"),
                "not" => Some("write !"),
                near if near.starts_with('=') => Some("write == to compare"),
                near if near.starts_with(['"', '\'']) => Some("close the quote"),
                _ => None,
            };
            let near = harmless(near.trim(), MAX_QUOTED_CHARS);
            problem(format!("`{near}` cannot stand here"), offset, help)
        }
        _ if said.contains("has()") => {
            problem("`has` takes a field".into(), offset, Some("write has(job.result)"))
        }
        _ => problem(harmless(said, 2 * MAX_QUOTED_CHARS), offset, None),
    }
}

fn is_about_input(said: &str) -> bool {
    ["mismatched input", "extraneous input", "token recognition error", "no viable alternative"]
        .iter()
        .any(|start| said.starts_with(start))
}

fn problem(message: String, offset: usize, help: Option<&str>) -> ExpressionProblem {
    ExpressionProblem { message, offset, help: help.map(Into::into) }
}

/// The byte at a line and a column, both counted from 1, columns in characters.
fn offset(text: &str, (line, column): (isize, isize)) -> usize {
    let line = usize::try_from(line - 1).unwrap_or(0);
    let column = usize::try_from(column - 1).unwrap_or(0);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let rest = &text[before..];
    before + rest.char_indices().nth(column).map_or(rest.len(), |(byte, _)| byte)
}
