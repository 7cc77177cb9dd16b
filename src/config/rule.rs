//! A `[[rules]]` table: as it is written, and what it means.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::active::{ActiveWritten, take_active};
use super::flood::{GroupWritten, ThrottleWritten, take_group, take_throttle};
use super::length::{Length, short};
use super::live;
use super::notes::Notes;
use super::on::{AfterWord, EventWord, On, after, check_after, repeat};
use super::spend::{SpendWritten, check_alone, take_spend};
use super::table::{Keys, Table, no_notifier};
use crate::problem::{Problem, suggestion};
use crate::rules::{Expression, Rule, written::MatchWritten};

/// `[[rules]]` as it is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct RuleWritten {
    /// Names the rule; no two rules share a name.
    #[schemars(with = "String", length(min = 1, max = 100), extend("examples" = ["failures"]))]
    name: Option<Spanned<String>>,
    /// The events that it is about. "finished" stands for succeeded, partial, failed,
    /// cancelled and stopped; "any" for all events about a job, `overdue` and `stalled`
    /// only with `after`.
    #[schemars(with = "Vec<EventWord>", length(min = 1), extend("examples" = [["failed", "partial"]]))]
    on: Option<Spanned<Vec<Spanned<String>>>>,
    /// The notifiers that a message goes to.
    #[schemars(with = "Vec<String>", length(min = 1), extend("examples" = [["team"]]))]
    notify: Option<Spanned<Vec<Spanned<String>>>>,
    /// The template's name.
    #[schemars(with = "Option<String>", regex(pattern = "^[a-z0-9_-]+$"), extend("default" = "default", "examples" = ["default"]))]
    template: Option<Spanned<String>>,
    /// Whether no later rule is tried for an event that this one matched.
    #[serde(rename = "final")]
    #[schemars(extend("default" = false, "examples" = [true]))]
    is_final: Option<bool>,
    /// Whether messages may hold the link to the exported file: whoever has it can fetch it.
    #[schemars(extend("default" = false, "examples" = [true]))]
    include_download_url: Option<bool>,
    /// Conditions, all of which must hold; the keys are paths into the event.
    #[serde(rename = "match")]
    conditions: Option<MatchWritten>,
    /// A CEL expression over `event` and `job`.
    #[schemars(with = "Option<String>", extend("examples" = ["job.job_type == \"agent\""]))]
    when: Option<Spanned<String>>,
    /// Sends at most one message in a time; the rest are counted.
    #[serde(rename = "throttle")]
    #[schemars(with = "Option<ThrottleWritten>", extend("examples" = [{ "every": "10m" }]))]
    _throttle: Option<IgnoredAny>,
    /// Gathers events into one message.
    #[serde(rename = "group")]
    #[schemars(with = "Option<GroupWritten>", extend("examples" = [{ "wait": "30s" }]))]
    _group: Option<IgnoredAny>,
    /// The hours in which it speaks.
    #[serde(rename = "active")]
    #[schemars(with = "Option<ActiveWritten>", extend("examples" = [{ "from": "09:00", "to": "18:00" }]))]
    _active: Option<IgnoredAny>,
    /// For `overdue` and `stalled`: how long; "usual" is longer than the 95th percentile of
    /// this job type's successful runs.
    #[schemars(with = "Option<AfterWord>", extend("examples" = ["30m"]))]
    after: Option<Spanned<String>>,
    /// For `overdue` and `stalled`: says it again each time that this has passed.
    #[schemars(with = "Option<Length>", extend("examples" = ["1h"]))]
    repeat: Option<Spanned<String>>,
    /// How often it is said again.
    #[schemars(with = "Option<u32>", range(min = 1, max = 1000), extend("default" = 3, "examples" = [3]))]
    repeat_max: Option<Spanned<u32>>,
    /// For `spend_crossed`: how much.
    #[serde(rename = "spend")]
    #[schemars(with = "Option<SpendWritten>", extend("examples" = [{ "credits": 500, "per": "day" }]))]
    _spend: Option<IgnoredAny>,
}

/// What rules share while they are read.
pub(super) struct Shared<'a> {
    pub(super) text: &'a str,
    /// The service's time zone.
    pub(super) zone: TimeZone,
    /// Every notifier's name, those with mistakes too.
    pub(super) notifiers: &'a [String],
    /// The names of those that are live.
    pub(super) live: &'a [String],
    /// The names of the rules so far.
    pub(super) names: Vec<String>,
    /// The notifiers named so far.
    pub(super) notified: BTreeSet<String>,
}

/// Reads the rule at `position` (counted from 1); `None` where what is written is not
/// enough, which has been noted then.
pub(super) fn read(
    position: usize,
    mut table: Table<'_>,
    shared: &mut Shared<'_>,
    problems: &mut Vec<Problem>,
) -> Option<Rule> {
    let thing = match table.entries.get("name").and_then(|name| name.get_ref().as_str()) {
        Some(name) if !name.trim().is_empty() => format!("rule `{}`", short(name)),
        _ => format!("rule {position}"),
    };
    let notes = &mut Notes::new(thing, problems);
    let keys = Keys::of::<RuleWritten>(&[]);
    table.check_keys(&keys, notes);
    let places: BTreeMap<String, Range<usize>> =
        table.entries.keys().map(|key| (key.get_ref().to_string(), key.span())).collect();
    let written: RuleWritten = table.read(&keys, notes);

    if let Some(name) = &written.name {
        check_name(name, &mut shared.names, notes);
    }
    let on = written.on.map(|words| On::read(&words, places.contains_key("after"), notes));
    let throttle = take_throttle(&mut table, notes);
    let group = take_group(&mut table, notes);
    let active = take_active(&mut table, on.as_ref(), &shared.zone, notes);
    let after = after(written.after.as_ref(), on.as_ref(), notes);
    let repeat = repeat(written.repeat.as_ref(), written.repeat_max.as_ref(), on.as_ref(), notes);
    let spend = take_spend(&mut table, &shared.zone, notes);
    if let Some(on) = &on {
        check_after(on, places.contains_key("after"), notes);
        check_alone(on, |key| places.get(key).cloned(), notes);
    }
    let notify = written.notify.map(|names| notify(&names, shared, notes));
    for key in ["throttle", "group"] {
        if let (Some(place), Some(notify)) = (places.get(key), &notify) {
            live::check_rule(key, place, notify, shared.live, notes);
        }
    }
    let template = written.template.as_ref().map_or("default", |name| template(name, notes));
    let thing = format!("{}, key `match`", notes.thing());
    let condition = written.conditions.map(|written| written.parse(&thing, notes.problems()));
    let when = written.when.map(|text| expression(&text, shared.text, notes));
    Some(Rule {
        name: written.name?.into_inner(),
        on: on?.kinds,
        // A condition that could not be read must not turn into a rule without one.
        condition: match condition {
            Some(condition) => Some(condition?),
            None => None,
        },
        when: match when {
            Some(when) => Some(when?),
            None => None,
        },
        is_final: written.is_final.unwrap_or(false),
        notify: notify?,
        template: template.to_owned(),
        include_download_url: written.include_download_url.unwrap_or(false),
        after,
        repeat,
        throttle,
        group,
        active,
        spend,
    })
}

fn check_name(name: &Spanned<String>, names: &mut Vec<String>, notes: &mut Notes<'_>) {
    const KEY: &str = "name";
    const MAX_CHARS: usize = 100;
    let text = name.get_ref();
    if text.trim().is_empty() {
        notes.error(KEY, name.span(), "a rule's name must not be empty");
    } else if text.chars().any(char::is_control) {
        notes.error(KEY, name.span(), "a rule's name must not hold control characters");
    } else if text.chars().count() > MAX_CHARS {
        let message = format!("a rule's name has at most {MAX_CHARS} characters");
        notes.error(KEY, name.span(), message);
    }
    if names.contains(text) {
        let help = "what is owed is remembered by the rule's name, so each needs its own";
        notes.error_with_help(KEY, name.span(), "an earlier rule has this name", help);
    } else {
        names.push(text.clone());
    }
}

fn notify(
    names: &Spanned<Vec<Spanned<String>>>,
    shared: &mut Shared<'_>,
    notes: &mut Notes<'_>,
) -> Vec<String> {
    const KEY: &str = "notify";
    if names.get_ref().is_empty() {
        notes.error_with_help(KEY, names.span(), "the list is empty", "name a notifier");
    }
    let known: Vec<&str> = shared.notifiers.iter().map(String::as_str).collect();
    let mut notify: Vec<String> = Vec::new();
    for name in names.get_ref() {
        let text = name.get_ref();
        if !known.contains(&text.as_str()) {
            let problem = no_notifier(text).at(name.span());
            notes.key(KEY, problem.help(suggestion(text, &known)));
        } else if notify.contains(text) {
            let message = format!("`{}` is named twice and gets one message", short(text));
            notes.key(KEY, Problem::warning(message).at(name.span()));
        } else {
            notify.push(text.clone());
        }
    }
    shared.notified.extend(notify.iter().cloned());
    notify
}

fn template<'a>(name: &'a Spanned<String>, notes: &mut Notes<'_>) -> &'a str {
    let text = name.get_ref();
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    if text.is_empty() || !text.bytes().all(fits) {
        let message = format!("`{}` cannot be the name of a template", short(text));
        let help = "use small letters, digits, `_` and `-`: a name, not a path";
        notes.error_with_help("template", name.span(), message, help);
    }
    text
}

fn expression(written: &Spanned<String>, text: &str, notes: &mut Notes<'_>) -> Option<Expression> {
    match Expression::parse(written.get_ref()) {
        Ok(expression) => Some(expression),
        Err(cause) => {
            let span = place_within(written, cause.offset, text);
            let problem = Problem::error(cause.message).at(span);
            notes.key(
                "when",
                match cause.help {
                    Some(help) => problem.help(help),
                    None => problem,
                },
            );
            None
        }
    }
}

/// The place of an offset into a string's value; the whole string where escapes have moved it.
fn place_within(written: &Spanned<String>, offset: usize, text: &str) -> Range<usize> {
    let span = written.span();
    let value = written.get_ref();
    let exact = text.get(span.clone()).and_then(|raw| raw.find(value.as_str()));
    match exact {
        Some(quote) if offset < value.len() && value.is_char_boundary(offset) => {
            let at = span.start + quote + offset;
            let width = value[offset..].chars().next().map_or(1, char::len_utf8);
            at..at + width
        }
        _ => span,
    }
}
