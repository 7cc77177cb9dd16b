//! From the `match` table as written to a [`Condition`], with every mistake reported.

use std::ops::Range;

use serde_json::Number;
use toml::Spanned;

use crate::model::KIND_NAMES;
use crate::problem::{Problem, suggestion};
use crate::rules::fields;
use crate::rules::path::Path;
use crate::rules::pattern::{glob, regex};
use crate::rules::written::{MatchWritten, Table, Written};

use super::comparison::{Bound, Comparison, Order, Scalar};
use super::{Condition, Line, Part};

/// Deeper nests of `any`, `all` and `not` are a mistake.
const MAX_DEPTH: usize = 8;

/// Longer globs and regular expressions are a mistake.
const MAX_PATTERN_BYTES: usize = 1024;

/// Every operator.
const OPERATORS: [&str; 9] = ["eq", "ne", "gt", "gte", "lt", "lte", "glob", "regex", "exists"];

const VALUE_FORMS: &str =
    "write a value, a list of values, or a table of operators like { gte = 600 }";

impl MatchWritten {
    /// Checks the table: `Some` when nothing is wrong with it.
    ///
    /// Every mistake is added to `problems`, with its place; `thing` names the rule for
    /// people, like "rule `nightly`".
    pub fn parse(self, thing: &str, problems: &mut Vec<Problem>) -> Option<Condition> {
        let mut parser = Parser { thing, problems, sound: true };
        let span = self.0.span();
        let condition = parser.table(&self.0.into_inner(), span, 0);
        parser.sound.then_some(condition)
    }
}

struct Parser<'a> {
    thing: &'a str,
    problems: &'a mut Vec<Problem>,
    sound: bool,
}

impl Parser<'_> {
    fn wrong(&mut self, span: Range<usize>, message: String, help: impl Into<String>) {
        self.sound = false;
        self.problems.push(Problem::error(message).at(span).about(self.thing).help(help));
    }

    fn table(&mut self, table: &Table, span: Range<usize>, depth: usize) -> Condition {
        if table.0.is_empty() {
            let help = "write at least one line, like \"job.job_type\" = \"agent\"";
            self.wrong(span.clone(), "the table has no condition".into(), help);
        }
        if depth > MAX_DEPTH {
            let help = "a `when` expression may say it more simply";
            self.wrong(span, format!("conditions nest at most {MAX_DEPTH} deep"), help);
            return Condition(Vec::new());
        }
        let parts = table.0.iter().filter_map(|(key, value)| match key.get_ref().as_str() {
            "any" => self.tables("any", value, depth).map(Part::Any),
            "all" => self.tables("all", value, depth).map(Part::All),
            "not" => self.negated(value, depth),
            _ => self.line(key, value).map(Part::Line),
        });
        Condition(parts.collect())
    }

    fn tables(
        &mut self,
        key: &str,
        value: &Spanned<Written>,
        depth: usize,
    ) -> Option<Vec<Condition>> {
        let help =
            format!("write a list of tables, like {key} = [{{ \"event.from\" = \"running\" }}]");
        let items = match value.get_ref() {
            Written::List(items) if items.is_empty() => {
                self.wrong(value.span(), format!("`{key}` is an empty list"), help);
                return None;
            }
            Written::List(items) => items,
            other => {
                let message = format!("`{key}` takes a list of tables, not {}", other.kind());
                self.wrong(value.span(), message, help);
                return None;
            }
        };
        let tables = items.iter().filter_map(|item| match item.get_ref() {
            Written::Table(table) => Some(self.table(table, item.span(), depth + 1)),
            other => {
                let message = format!("`{key}` takes tables, not {}", other.kind());
                self.wrong(item.span(), message, help.clone());
                None
            }
        });
        Some(tables.collect())
    }

    fn negated(&mut self, value: &Spanned<Written>, depth: usize) -> Option<Part> {
        if let Written::Table(table) = value.get_ref() {
            return Some(Part::Not(self.table(table, value.span(), depth + 1)));
        }
        let message = format!("`not` takes a table, not {}", value.get_ref().kind());
        self.wrong(value.span(), message, "write not = { \"job.job_type\" = \"agent\" }");
        None
    }

    fn line(&mut self, key: &Spanned<String>, value: &Spanned<Written>) -> Option<Line> {
        let written = key.get_ref();
        if let Some(help) = unquoted(written, value.get_ref()) {
            self.wrong(key.span(), format!("`{written}` is not a path into it"), help);
            return None;
        }
        let path = self.path(key);
        let (comparisons, exists) = match value.get_ref() {
            Written::Table(table) => self.operators(written, table, value.span()),
            _ => (self.equality(value, Comparison::equal).into_iter().collect(), None),
        };
        let line = Line { written: written.clone(), path: path?, comparisons, exists };
        self.check_kinds(&line, value.span());
        Some(line)
    }

    fn path(&mut self, key: &Spanned<String>) -> Option<Path> {
        let written = key.get_ref();
        let path = match Path::parse(written) {
            Ok(path) => path,
            Err(message) => {
                let help = "a path is like job.result.status; quote a part that holds a dot: \
                            'job.result.media_status.\"intro.mp4\".status'";
                self.wrong(key.span(), format!("`{written}` is not a path: {message}"), help);
                return None;
            }
        };
        if let Err((message, help)) = fields::check(written, &path) {
            self.wrong(key.span(), message, help);
            return None;
        }
        if let Some((message, help)) = fields::doubt(&path) {
            let warning = Problem::warning(message).at(key.span()).about(self.thing).help(help);
            self.problems.push(warning);
        }
        Some(path)
    }

    fn operators(
        &mut self,
        path: &str,
        table: &Table,
        span: Range<usize>,
    ) -> (Vec<Comparison>, Option<bool>) {
        let mut comparisons = Vec::new();
        let mut exists = None;
        if table.0.is_empty() {
            let help = format!("use one of {}", OPERATORS.join(", "));
            self.wrong(span.clone(), format!("`{path}` has no operator"), help);
        }
        for (key, value) in &table.0 {
            let operator = key.get_ref().as_str();
            let comparison = match operator {
                "eq" => self.equality(value, Comparison::equal),
                "ne" => self.equality(value, Comparison::NotEqual),
                "gt" => self.bound(operator, value, Order::More),
                "gte" => self.bound(operator, value, Order::AtLeast),
                "lt" => self.bound(operator, value, Order::Less),
                "lte" => self.bound(operator, value, Order::AtMost),
                "glob" => self.patterns(operator, value, glob).map(Comparison::Glob),
                "regex" => self.patterns(operator, value, regex).map(Comparison::Regex),
                "exists" => {
                    exists = self.existence(value);
                    None
                }
                unknown => {
                    let help = suggestion(unknown, &OPERATORS);
                    self.wrong(key.span(), format!("unknown operator `{unknown}`"), help);
                    None
                }
            };
            comparisons.extend(comparison);
        }
        if exists == Some(false) && table.0.len() > 1 {
            let message = "what is missing cannot be compared, so this never holds".to_owned();
            self.wrong(span, message, "leave out either `exists = false` or the rest");
        }
        (comparisons, exists)
    }

    fn equality(
        &mut self,
        value: &Spanned<Written>,
        make: fn(Vec<Scalar>) -> Comparison,
    ) -> Option<Comparison> {
        let scalars = self.each(value, |parser, one| parser.scalar(one))?;
        Some(make(scalars))
    }

    fn scalar(&mut self, value: &Spanned<Written>) -> Option<Scalar> {
        match value.get_ref() {
            Written::Text(text) => Some(Scalar::Text(text.clone())),
            Written::Bool(truth) => Some(Scalar::Bool(*truth)),
            Written::Whole(_) | Written::Real(_) => self.number(value).map(Scalar::Number),
            other => {
                let help = match other {
                    Written::Date => "put it in quotes: times are compared as texts",
                    _ => VALUE_FORMS,
                };
                self.wrong(value.span(), format!("a value cannot be {}", other.kind()), help);
                None
            }
        }
    }

    fn number(&mut self, value: &Spanned<Written>) -> Option<Number> {
        let number = match value.get_ref() {
            Written::Whole(number) => Some(Number::from(*number)),
            Written::Real(number) => Number::from_f64(*number),
            _ => None,
        };
        if number.is_none() {
            self.wrong(
                value.span(),
                "nothing compares with this number".into(),
                "use a finite one",
            );
        }
        number
    }

    fn bound(
        &mut self,
        operator: &str,
        value: &Spanned<Written>,
        order: Order,
    ) -> Option<Comparison> {
        let bound = match value.get_ref() {
            Written::Text(text) => Bound::Text(text.clone()),
            Written::Whole(_) | Written::Real(_) => Bound::Number(self.number(value)?),
            other => {
                let message =
                    format!("`{operator}` takes a number or a string, not {}", other.kind());
                let help = format!("write {operator} = 600, or a time in quotes");
                self.wrong(value.span(), message, help);
                return None;
            }
        };
        Some(Comparison::Ordered(order, bound))
    }

    fn existence(&mut self, value: &Spanned<Written>) -> Option<bool> {
        if let Written::Bool(exists) = value.get_ref() {
            return Some(*exists);
        }
        let message = format!("`exists` takes true or false, not {}", value.get_ref().kind());
        self.wrong(value.span(), message, "write exists = true or exists = false");
        None
    }

    fn patterns<P>(
        &mut self,
        operator: &str,
        value: &Spanned<Written>,
        compile: fn(&str) -> Result<P, String>,
    ) -> Option<Vec<P>> {
        self.each(value, |parser, one| {
            let (message, help) = match one.get_ref() {
                Written::Text(text) if text.len() > MAX_PATTERN_BYTES => {
                    let message = format!("a {operator} has at most {MAX_PATTERN_BYTES} bytes");
                    (message, "make it shorter, or write a list".to_owned())
                }
                Written::Text(text) => match compile(text) {
                    Ok(pattern) => return Some(pattern),
                    Err(cause) => {
                        (format!("`{text}` is not a {operator}: {cause}"), help_for(operator))
                    }
                },
                other => {
                    let message = format!("`{operator}` takes strings, not {}", other.kind());
                    (message, help_for(operator))
                }
            };
            parser.wrong(one.span(), message, help);
            None
        })
    }

    /// Reads one value or a list of them; `None` when any is wrong.
    fn each<T>(
        &mut self,
        value: &Spanned<Written>,
        mut read: impl FnMut(&mut Self, &Spanned<Written>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Written::List(items) = value.get_ref() else {
            return read(self, value).map(|one| vec![one]);
        };
        if items.is_empty() {
            let help = "write at least one value, or leave the line out";
            self.wrong(value.span(), "an empty list never holds".into(), help);
            return None;
        }
        let read: Vec<Option<T>> = items.iter().map(|item| read(self, item)).collect();
        read.into_iter().collect()
    }

    /// `event.kind` takes only kinds: the set is closed, and a slip would never match.
    fn check_kinds(&mut self, line: &Line, span: Range<usize>) {
        if line.path.keys().is_none_or(|keys| keys != ["event", "kind"]) {
            return;
        }
        let known = KIND_NAMES.map(|(_, name)| name);
        for text in line.comparisons.iter().filter_map(Comparison::required_texts).flatten() {
            if !known.contains(&text.as_str()) {
                let help = suggestion(text, &known);
                self.wrong(span.clone(), format!("no event is called `{text}`"), help);
            }
        }
    }
}

/// What to do about `job = { job_type = "agent" }` and `job.job_type = "agent"`, which TOML
/// reads as the same.
fn unquoted(root: &str, value: &Written) -> Option<String> {
    let (inner, _) = match value {
        Written::Table(table) if matches!(root, "job" | "event") => table.0.first()?,
        _ => return None,
    };
    let inner = inner.get_ref();
    (!OPERATORS.contains(&inner.as_str()))
        .then(|| format!("put the whole path in quotes: \"{root}.{inner}\" = …"))
}

fn help_for(operator: &str) -> String {
    match operator {
        "glob" => {
            "`*` stands for anything, `?` for one character, [ab] for one of them; \
                   a backslash takes their meaning away"
        }
        _ => "write it in single quotes, so that TOML leaves its backslashes alone",
    }
    .into()
}
