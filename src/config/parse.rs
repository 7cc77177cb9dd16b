//! From the text to the [`Config`], noting every mistake on the way.
//!
//! The text is parsed once, with all its syntax errors; what could be read of it is then
//! checked table by table. A line that could not be read may have held what seems to be
//! missing, so nothing is said about that then.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::notes::Notes;
use super::rule::Shared;
use super::secrecy::is_secret_key;
use super::table::{Table, is_about_absence, not_yet, presentable};
use super::{Config, Defaults, Parsed, elsewhere, notifier, rule, service, source};
use crate::problem::{Problem, Severity, suggestion};

/// The tables of the file.
const SECTIONS: [&str; 4] = ["service", "sources", "notifiers", "rules"];

/// Reads a config. `folder` is what relative paths in it are relative to. Pure.
pub fn parse(text: &str, folder: &Path, defaults: &Defaults) -> Parsed {
    let (root, errors) = DeTable::parse_recoverable(text);
    let syntax: Vec<Problem> =
        errors.iter().map(|error| syntax_problem(error.message(), error.span(), text)).collect();
    let root = root.into_inner();
    let has_inline_secrets = root.iter().any(|(key, value)| holds_secret(key.get_ref(), value));

    let mut problems = Vec::new();
    let config = read(root, text, folder, defaults, &mut problems);
    let syntax_is_right = syntax.is_empty();
    if !syntax_is_right {
        keep_what_is_sure(&mut problems, &syntax, text);
        problems.extend(syntax);
    }
    let config = config.filter(|_| syntax_is_right);
    Parsed { config, problems, has_inline_secrets }
}

fn read(
    mut root: DeTable<'_>,
    text: &str,
    folder: &Path,
    defaults: &Defaults,
    problems: &mut Vec<Problem>,
) -> Option<Config> {
    let service = root.remove_entry("service").and_then(|(key, value)| match value.into_inner() {
        DeValue::Table(entries) => Some(Table { place: key.span(), entries }),
        _ => {
            problems.push(Problem::error("`service` is a table: [service]").at(key.span()));
            None
        }
    });
    let service = service.unwrap_or(Table { place: 0..0, entries: DeTable::new() });
    let service = service::read(service, folder, defaults, &mut Notes::new("service", problems));

    let mut sources = Vec::new();
    for (name, table) in named(&mut root, "sources", "[sources.main]", problems) {
        let thing = format!("source `{}`", name_shown(&name));
        sources.extend(source::read(&name, table, &mut Notes::new(thing, problems)));
    }

    let mut notifiers = Vec::new();
    let mut names: Vec<(String, Range<usize>)> = Vec::new();
    for (name, table) in named(&mut root, "notifiers", "[notifiers.team]", problems) {
        let thing = format!("notifier `{}`", name_shown(&name));
        names.push((name.clone(), table.place.clone()));
        notifiers.extend(notifier::read(&name, table, &mut Notes::new(thing, problems)));
    }

    let known: Vec<String> = names.iter().map(|(name, _)| name.clone()).collect();
    let mut shared =
        Shared { text, notifiers: &known, names: Vec::new(), notified: BTreeSet::new() };
    let mut rules = Vec::new();
    let tables = rule_tables(&mut root, problems);
    let any_rule = !tables.is_empty();
    for (index, table) in tables.into_iter().enumerate() {
        rules.extend(rule::read(index + 1, table, &mut shared, problems));
    }

    check_other_sections(&root, problems);
    // A mistake elsewhere may be the reason for what these would complain about.
    let refused = problems.iter().any(|problem| problem.severity == Severity::Error);
    if refused {
        return None;
    }
    if sources.is_empty() {
        let warning = Problem::warning("no source is named, so nothing is watched");
        problems.push(warning.help("add [sources.main] with the API token of a Drive"));
    }
    if any_rule {
        for (name, place) in names.iter().filter(|(name, _)| !shared.notified.contains(name)) {
            let message = format!("notifier `{}` is used by no rule", name_shown(name));
            problems.push(Problem::warning(message).at(place.clone()));
        }
    } else {
        let warning = Problem::warning("there is no rule, so nothing is ever said");
        problems.push(warning.help("add [[rules]] with a name, `on` and `notify`"));
    }
    Some(Config { service: service?, sources, notifiers, rules })
}

/// The tables of `[section.name]`, in the file's order.
fn named<'i>(
    root: &mut DeTable<'i>,
    section: &str,
    example: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(String, Table<'i>)> {
    let Some((key, value)) = root.remove_entry(section) else { return Vec::new() };
    let help = format!("each has a table with a name of its own, like {example}");
    let DeValue::Table(entries) = value.into_inner() else {
        let message = format!("`{section}` is a table of tables");
        problems.push(Problem::error(message).at(key.span()).help(help));
        return Vec::new();
    };
    let mut tables = Vec::new();
    for (name, value) in entries {
        let place = name.span();
        match value.into_inner() {
            DeValue::Table(entries) => {
                tables.push((name.into_inner().into_owned(), Table { place, entries }));
            }
            _ => {
                let message = format!("{} does not stand in [{section}] itself", key_shown(&name));
                problems.push(Problem::error(message).at(place).help(help.clone()));
            }
        }
    }
    tables.sort_by_key(|(_, table)| table.place.start);
    tables
}

fn rule_tables<'i>(root: &mut DeTable<'i>, problems: &mut Vec<Problem>) -> Vec<Table<'i>> {
    let Some((key, value)) = root.remove_entry("rules") else { return Vec::new() };
    let wrong = |span| Problem::error("rules are a list: each begins with [[rules]]").at(span);
    let DeValue::Array(items) = value.into_inner() else {
        problems.push(wrong(key.span()).help("write the brackets twice"));
        return Vec::new();
    };
    let mut tables = Vec::new();
    for item in items {
        let place = item.span();
        match item.into_inner() {
            DeValue::Table(entries) => tables.push(Table { place, entries }),
            _ => problems.push(wrong(place)),
        }
    }
    tables
}

fn check_other_sections(root: &DeTable<'_>, problems: &mut Vec<Problem>) {
    for key in root.keys() {
        let name: &str = key.get_ref();
        problems.push(if name == "test" {
            not_yet("`[[test]]`", key.span())
        } else {
            let message = format!("{} is not a part of the config", key_shown(key));
            let help = elsewhere::home_of(name);
            let help = help.unwrap_or_else(|| suggestion(name, &SECTIONS));
            Problem::error(message).at(key.span()).help(help)
        });
    }
}

fn name_shown(name: &str) -> &str {
    if presentable(name) { name } else { "?" }
}

fn key_shown(key: &Spanned<Cow<'_, str>>) -> String {
    if presentable(key.get_ref()) { format!("`{}`", key.get_ref()) } else { "this key".into() }
}

/// Whether a secret stands in a value itself, not as a reference.
fn holds_secret(key: &str, value: &Spanned<DeValue<'_>>) -> bool {
    let secret = is_secret_key(key);
    match value.get_ref() {
        DeValue::String(_) => secret,
        DeValue::Array(items) => items.iter().any(|item| holds_secret(key, item)),
        DeValue::Table(entries) => entries.iter().any(|(inner, value)| {
            let header = key == "headers" && matches!(value.get_ref(), DeValue::String(_));
            header || holds_secret(inner.get_ref(), value)
        }),
        _ => false,
    }
}

fn syntax_problem(message: &str, span: Option<Range<usize>>, text: &str) -> Problem {
    let span = span.unwrap_or(text.len()..text.len());
    let help = match message {
        message if message.starts_with(DUPLICATE) => Some("a key stands once in its table"),
        message if message.starts_with("string values must be quoted") => None,
        message if message.contains("basic string") => Some("close the quote on the same line"),
        _ => None,
    };
    let problem = Problem::error(message).at(span);
    match help {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// The parser's word for a key or a table that stands twice.
const DUPLICATE: &str = "duplicate key";

/// Drops what may be said only because some of the text could not be read.
fn keep_what_is_sure(problems: &mut Vec<Problem>, syntax: &[Problem], text: &str) {
    let lines_of = |span: &Range<usize>| {
        let line = |at: usize| {
            text.as_bytes()[..at.min(text.len())].iter().filter(|b| **b == b'\n').count()
        };
        line(span.start)..=line(span.end)
    };
    let unread: Vec<_> = syntax
        .iter()
        .filter(|problem| !problem.message.starts_with(DUPLICATE))
        .filter_map(|problem| problem.span.as_ref().map(lines_of))
        .collect();
    // Below a header that could not be read, keys belong to another table than it seems.
    let header_lost = unread.iter().any(|lines| {
        let mut broken = text.split('\n').skip(*lines.start()).take(lines.clone().count());
        broken.any(|line| line.trim_start().starts_with('['))
    });
    problems.retain(|problem| {
        let Some(span) = &problem.span else { return unread.is_empty() };
        let lines = lines_of(span);
        let touched =
            unread.iter().any(|bad| bad.start() <= lines.end() && lines.start() <= bad.end());
        unread.is_empty() || !(header_lost || touched || is_about_absence(problem))
    });
}
