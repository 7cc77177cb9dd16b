//! From the text to the [`Config`], noting every mistake on the way.
//!
//! What could be read of the text is checked table by table, also where some of it could not
//! be; `syntax` then says which of the mistakes are sure.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use jiff::tz::TimeZone;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::case::{self, Known};
use super::live;
use super::notes::Notes;
use super::rule::Shared;
use super::secrecy::is_secret_key;
use super::syntax::Syntax;
use super::table::{Table, listed_tables, presentable};
use super::{
    Case, Config, Defaults, Parsed, ParsedCases, elsewhere, notifier, rule, service, source,
};
use crate::problem::{Problem, Severity, suggestion};

/// The tables of the file.
const SECTIONS: [&str; 5] = ["service", "sources", "notifiers", "rules", "test"];

/// Reads a config. `folder` is what relative paths in it are relative to. Pure.
pub fn parse(text: &str, folder: &Path, defaults: &Defaults) -> Parsed {
    let syntax = Syntax::of(text);
    let (root, _) = DeTable::parse_recoverable(syntax.readable());
    let root = root.into_inner();
    let has_inline_secrets = root.iter().any(|(key, value)| holds_secret(key.get_ref(), value));

    let mut problems = Vec::new();
    let config = read(root, text, folder, defaults, &mut problems);
    let config = config.filter(|_| syntax.is_right());
    problems.retain(|problem| syntax.is_sure(problem));
    problems.extend(syntax.into_problems());
    Parsed { config, problems, has_inline_secrets }
}

/// Reads a file that holds nothing but `[[test]]` tables, for the rules of a config. Pure.
pub fn parse_cases(text: &str, config: &Config) -> ParsedCases {
    let syntax = Syntax::of(text);
    let (root, _) = DeTable::parse_recoverable(syntax.readable());
    let mut root = root.into_inner();
    let rules: Vec<String> = config.rules.iter().map(|rule| rule.name.clone()).collect();
    let notifiers: Vec<String> =
        config.notifiers.iter().map(|notifier| notifier.name.clone()).collect();
    let mut problems = Vec::new();
    let known = Known { rules: &rules, notifiers: &notifiers };
    let cases = case::read(&mut root, text, known, &mut problems);
    for key in root.keys() {
        let message = format!("{} is not a part of a test file", key_shown(key));
        let help = "a test file holds [[test]] tables; rules and notifiers are those of the config";
        problems.push(Problem::error(message).at(key.span()).help(help));
    }
    if cases.is_empty() && problems.is_empty() && syntax.is_right() {
        let help = "add [[test]] with a name, `events` and `expect`";
        problems.push(Problem::error("there is no test in it").help(help));
    }
    problems.retain(|problem| syntax.is_sure(problem));
    problems.extend(syntax.into_problems());
    let refused = problems.iter().any(|problem| problem.severity == Severity::Error);
    let cases: Option<Vec<Case>> = (!refused).then_some(cases);
    ParsedCases { cases, problems }
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
    let zone = service.as_ref().map_or(TimeZone::UTC, |service| service.timezone.clone());
    let live = live::names(&notifiers);
    let mut shared = Shared {
        text,
        zone,
        notifiers: &known,
        live: &live,
        names: Vec::new(),
        notified: BTreeSet::new(),
    };
    let mut rules = Vec::new();
    let tables = rule_tables(&mut root, problems);
    let any_rule = !tables.is_empty();
    for (index, table) in tables.into_iter().enumerate() {
        rules.extend(rule::read(index + 1, table, &mut shared, problems));
    }

    let named = Known { rules: &shared.names, notifiers: &known };
    let tests = case::read(&mut root, text, named, problems);

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
    if service.as_ref().is_some_and(|service| service.listen.is_none()) {
        for source in sources.iter().filter(|source| source.callback_key.is_some()) {
            let warning = Problem::warning("nothing listens, so no callback can come");
            let warning = warning.about(format!("source `{}`, key `callback_key`", source.name));
            problems.push(warning.help("add listen = \"127.0.0.1:8750\" to [service]"));
        }
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
    Some(Config { service: service?, sources, notifiers, rules, tests })
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
    let message = "rules are a list: each begins with [[rules]]";
    listed_tables(key.span(), value, message, |problem| problems.push(problem))
}

fn check_other_sections(root: &DeTable<'_>, problems: &mut Vec<Problem>) {
    for key in root.keys() {
        let name: &str = key.get_ref();
        let message = format!("{} is not a part of the config", key_shown(key));
        let help = elsewhere::home_of(name);
        let help = help.unwrap_or_else(|| suggestion(name, &SECTIONS));
        problems.push(Problem::error(message).at(key.span()).help(help));
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
