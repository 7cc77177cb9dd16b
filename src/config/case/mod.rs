//! `[[test]]`: cases for the rules, as they are written. They stand in the config itself or in
//! files of their own; `trial` plays them.

mod written;

use std::ops::Range;

use jiff::Timestamp;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub(super) use written::TestWritten;
use written::{EventWritten, ExpectWritten};

use super::length::short;
use super::notes::Notes;
use super::table::{Keys, Table, json_of, listed_tables, no_notifier, no_rule};
use crate::model::{EventKind, KIND_NAMES};
use crate::problem::{Problem, Severity, suggestion};

/// Events in, notifications out.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub name: String,
    /// Where it begins in its file, counted from 1.
    pub line: usize,
    /// At least one; each is judged by itself.
    pub events: Vec<CaseEvent>,
    /// Every notification that is to be sent, and no other.
    pub expect: Vec<Expected>,
    /// Only notifications of these rules count.
    pub only: Option<Vec<String>>,
}

/// An event of a case: what is left out is taken from the sample of its kind.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseEvent {
    pub kind: EventKind,
    pub source: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub late: Option<bool>,
    /// When it was detected.
    pub at: Option<Timestamp>,
    pub job: Map<String, Value>,
    /// What an event about no job tells.
    pub facts: Map<String, Value>,
    /// Fields of the job that are not there, by their paths.
    pub without: Vec<String>,
}

/// A notification that a case expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    pub rule: String,
    /// `None`: each notifier of the rule.
    pub notifier: Option<String>,
    /// Pieces that its message holds.
    pub text: Vec<String>,
}

/// What cases may name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) rules: &'a [String],
    pub(super) notifiers: &'a [String],
}

/// Takes the `[[test]]` tables out of a file and reads them. One with a mistake is left out.
pub(super) fn read(
    root: &mut DeTable<'_>,
    text: &str,
    known: Known<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Case> {
    let Some((key, value)) = root.remove_entry("test") else { return Vec::new() };
    let mut notes = Notes::new("test", problems);
    let tables = tables(key.span(), value, "[[test]]", &mut notes);
    let mut cases = Vec::new();
    for (index, table) in tables.into_iter().enumerate() {
        let thing = match table.entries.get("name").and_then(|name| name.get_ref().as_str()) {
            Some(name) if !name.trim().is_empty() => format!("test `{}`", short(name)),
            _ => format!("test {}", index + 1),
        };
        let before = problems.len();
        let line = 1 + text[..table.place.start].bytes().filter(|byte| *byte == b'\n').count();
        let case = case(table, line, known, &mut Notes::new(thing, problems));
        let sound = !problems[before..].iter().any(|problem| problem.severity == Severity::Error);
        cases.extend(case.filter(|_| sound));
    }
    cases
}

fn case(
    mut table: Table<'_>,
    line: usize,
    known: Known<'_>,
    notes: &mut Notes<'_>,
) -> Option<Case> {
    const KEY: &str = "name";
    let keys = Keys::of::<TestWritten>(&[]);
    table.check_keys(&keys, notes);
    let events = table.entries.remove_entry("events");
    let expect = table.entries.remove_entry("expect");
    let written: TestWritten = table.read(&keys, notes);
    if let Some(name) = &written.name {
        if name.get_ref().trim().is_empty() {
            notes.error(KEY, name.span(), "a test's name must not be empty");
        } else if name.get_ref().chars().any(char::is_control) {
            notes.error(KEY, name.span(), "a test's name must not hold control characters");
        }
    }
    let events = events.map(|(key, value)| {
        let tables = tables(key.span(), value, "[[test.events]]", notes);
        if tables.is_empty() {
            notes.error_with_help(
                "events",
                key.span(),
                "there is no event",
                "name one: events = [{ kind = \"failed\" }]",
            );
        }
        each(tables, "event", notes, event)
    });
    let expect = expect.map(|(key, value)| {
        let tables = tables(key.span(), value, "[[test.expect]]", notes);
        each(tables, "expect", notes, |table, notes| expected(table, known, notes))
    });
    let only = written.only.map(|names| {
        if names.get_ref().is_empty() {
            notes.error_with_help(
                "only",
                names.span(),
                "the list is empty, so nothing is tested",
                "take it out, or name rules",
            );
        }
        for name in names.get_ref() {
            check_rule("only", name, known, notes);
        }
        names.into_inner().into_iter().map(Spanned::into_inner).collect()
    });
    Some(Case { name: written.name?.into_inner(), line, events: events?, expect: expect?, only })
}

fn event(mut table: Table<'_>, notes: &mut Notes<'_>) -> Option<CaseEvent> {
    let keys = Keys::of::<EventWritten>(&[]);
    table.check_keys(&keys, notes);
    let job = free(&mut table, "job", notes);
    let facts = free(&mut table, "facts", notes);
    let place = table.place.clone();
    let written: EventWritten = table.read(&keys, notes);
    let kind = kind(&written.kind?, notes)?;
    let (named, other) = match kind.facts_key() {
        Some(_) => (&job, ("job", "facts")),
        None => (&facts, ("facts", "job")),
    };
    if !named.is_empty() {
        let message = format!("an event `{kind}` has no `{}`", other.0);
        let help = format!("what it tells stands under `{}`", other.1);
        notes.error_with_help(other.0, place, message, help);
    }
    Some(CaseEvent {
        kind,
        source: written.source,
        from: written.from,
        to: written.to,
        late: written.late,
        at: written.at.and_then(|at| time(&at, notes)),
        job,
        facts,
        without: written.without.unwrap_or_default(),
    })
}

fn expected(mut table: Table<'_>, known: Known<'_>, notes: &mut Notes<'_>) -> Option<Expected> {
    let keys = Keys::of::<ExpectWritten>(&[]);
    table.check_keys(&keys, notes);
    let written: ExpectWritten = table.read(&keys, notes);
    if let Some(rule) = &written.rule {
        check_rule("rule", rule, known, notes);
    }
    if let Some(notifier) = &written.notifier
        && !known.notifiers.contains(notifier.get_ref())
    {
        let names: Vec<&str> = known.notifiers.iter().map(String::as_str).collect();
        let help = suggestion(notifier.get_ref(), &names);
        notes.key("notifier", no_notifier(notifier.get_ref()).at(notifier.span()).help(help));
    }
    Some(Expected {
        rule: written.rule?.into_inner(),
        notifier: written.notifier.map(Spanned::into_inner),
        text: written.text.unwrap_or_default(),
    })
}

fn check_rule(key: &str, name: &Spanned<String>, known: Known<'_>, notes: &mut Notes<'_>) {
    if !known.rules.contains(name.get_ref()) {
        let names: Vec<&str> = known.rules.iter().map(String::as_str).collect();
        let help = suggestion(name.get_ref(), &names);
        notes.key(key, no_rule(name.get_ref()).at(name.span()).help(help));
    }
}

fn kind(word: &Spanned<String>, notes: &mut Notes<'_>) -> Option<EventKind> {
    let names = KIND_NAMES.map(|(_, name)| name);
    let kind = word.get_ref().parse::<EventKind>();
    kind.map_err(|message| {
        notes.error_with_help("kind", word.span(), message, suggestion(word.get_ref(), &names));
    })
    .ok()
}

fn time(text: &Spanned<String>, notes: &mut Notes<'_>) -> Option<Timestamp> {
    let at = text.get_ref().parse().ok();
    if at.is_none() {
        let message = format!("`{}` is not a time", short(text.get_ref()));
        notes.error_with_help("at", text.span(), message, "write it like \"2026-11-20T08:00:00Z\"");
    }
    at
}

/// Reads each of the tables of a list, as "test `a`, event 2".
fn each<T>(
    tables: Vec<Table<'_>>,
    word: &str,
    notes: &mut Notes<'_>,
    mut read: impl FnMut(Table<'_>, &mut Notes<'_>) -> Option<T>,
) -> Vec<T> {
    let thing = notes.thing().to_owned();
    let mut all = Vec::new();
    for (index, table) in tables.into_iter().enumerate() {
        let mut notes = Notes::new(format!("{thing}, {word} {}", index + 1), notes.problems());
        all.extend(read(table, &mut notes));
    }
    all
}

/// The tables of a list; notes where it is something else.
fn tables<'i>(
    key: Range<usize>,
    value: Spanned<DeValue<'i>>,
    header: &str,
    notes: &mut Notes<'_>,
) -> Vec<Table<'i>> {
    let message = format!("this is a list of tables: each begins with {header}");
    listed_tables(key, value, &message, |problem| notes.whole(problem))
}

/// Takes a table out whose keys are free.
fn free(table: &mut Table<'_>, key: &str, notes: &mut Notes<'_>) -> Map<String, Value> {
    let Some((name, value)) = table.entries.remove_entry(key) else { return Map::new() };
    let place = match value.get_ref() {
        DeValue::Table(_) => name.span(),
        _ => value.span(),
    };
    match json_of(value.get_ref()) {
        Some(Value::Object(fields)) => fields,
        Some(_) => {
            let help = format!("write {key} = {{ job_type = \"agent\" }}");
            notes.error_with_help(key, place, "this is a table", help);
            Map::new()
        }
        None => {
            let message = "it holds something that JSON does not have";
            notes.error_with_help(
                key,
                place,
                message,
                "put dates between quotes; `nan` and `inf` do not go here",
            );
            Map::new()
        }
    }
}
