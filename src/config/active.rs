//! A rule's `active`: as it is written, and what it means.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::length::short;
use super::notes::Notes;
use super::on::{EventWord, On};
use super::service::zone_called;
use super::table::{Keys, Table};
use crate::model::EventKind;
use crate::problem::{Problem, suggestion};
use crate::rules::{Active, Clock, DAY_NAMES, Otherwise, parse_on};

/// The hours in which a rule speaks.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename = "Active")]
#[schemars(deny_unknown_fields, extend("anyOf" = [
    { "required": ["days"] }, { "required": ["from"] }, { "required": ["to"] },
]))]
pub(super) struct ActiveWritten {
    /// The days on which a window begins: mon, tue, wed, thu, fri, sat, sun. Left out: all.
    #[schemars(with = "Option<Vec<DayWord>>", length(min = 1), extend("examples" = [["mon", "tue", "wed", "thu", "fri"]]))]
    days: Option<Spanned<Vec<Spanned<String>>>>,
    /// When the window opens.
    #[schemars(with = "Option<String>", regex(pattern = CLOCK), extend("default" = "00:00", "examples" = ["09:00"]))]
    from: Option<Spanned<String>>,
    /// When it closes; at or before `from` it is on the next day.
    #[schemars(with = "Option<String>", regex(pattern = CLOCK), extend("default" = "24:00", "examples" = ["18:00"]))]
    to: Option<Spanned<String>>,
    /// What is done with an event while it is closed: it waits, or is dropped.
    #[schemars(extend("default" = "hold", "examples" = ["hold"]))]
    otherwise: Option<OtherwiseWritten>,
    /// Events that it is always open for.
    #[schemars(with = "Option<Vec<EventWord>>", extend("examples" = [["failed"]]))]
    except: Option<Vec<Spanned<String>>>,
    /// The time zone by its IANA name. Left out: the service's.
    #[schemars(with = "Option<String>", extend("examples" = ["Europe/Berlin"]))]
    timezone: Option<Spanned<String>>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum OtherwiseWritten {
    Hold,
    Drop,
}

/// Stands for a word of `days` in the schema.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
#[expect(dead_code, reason = "the schema's words")]
enum DayWord {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

const CLOCK: &str = "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$";

const EXAMPLE: &str = "active = { days = [\"mon\", \"fri\"], from = \"09:00\", to = \"18:00\" }";

/// Takes `active` out of a rule's table. `zone` is the service's.
pub(super) fn take_active(
    table: &mut Table<'_>,
    on: Option<&On>,
    zone: &TimeZone,
    notes: &mut Notes<'_>,
) -> Option<Active> {
    let mut inner = table.take("active", EXAMPLE, notes)?;
    let mut notes = notes.within("active");
    let notes = &mut notes;
    let keys = Keys::of::<ActiveWritten>(&[]);
    let place = inner.place.clone();
    let problems_before = notes.problems().len();
    let keys_before = inner.entries.len();
    inner.check_keys(&keys, notes);
    let is_known = inner.entries.len() == keys_before;
    let says_when = ["days", "from", "to"].iter().any(|key| inner.entries.contains_key(*key));
    let written: ActiveWritten = inner.read(&keys, notes);

    let days = written.days.as_ref().map_or([true; 7], |days| self::days(days, notes));
    let from = written.from.as_ref().map(|from| clock("from", from, notes));
    let to = written.to.as_ref().map(|to| clock("to", to, notes));
    let except = except(written.except.unwrap_or_default(), on, notes);
    let zone = match &written.timezone {
        Some(name) => zone_called(name, notes).map(|(zone, _)| zone)?,
        None => zone.clone(),
    };
    if !says_when && is_known {
        let message = "it names neither `days` nor `from` nor `to`, so it would never close";
        notes.whole(Problem::error(message).at(place.clone()).help(format!("write {EXAMPLE}")));
    }
    let (from, to) = (from.unwrap_or(Some(Clock::MIDNIGHT))?, to.unwrap_or(Some(Clock::DAYS_END))?);
    check_order(from, to, &written.from, &written.to, notes);
    let is_sound = notes.problems().len() == problems_before;
    if is_sound && days == [true; 7] && (from, to) == (Clock::MIDNIGHT, Clock::DAYS_END) {
        let message = "the window is always open, so `active` changes nothing";
        notes.whole(Problem::warning(message).at(place).help("take it out"));
    }
    let otherwise = match written.otherwise {
        Some(OtherwiseWritten::Drop) => Otherwise::Drop,
        Some(OtherwiseWritten::Hold) | None => Otherwise::Hold,
    };
    Some(Active { days, from, to, otherwise, except, zone })
}

fn days(written: &Spanned<Vec<Spanned<String>>>, notes: &mut Notes<'_>) -> [bool; 7] {
    const KEY: &str = "days";
    if written.get_ref().is_empty() {
        let message = "the list is empty, so the window would never open";
        notes.error_with_help(KEY, written.span(), message, "leave it out for every day");
    }
    let mut days = [false; 7];
    for word in written.get_ref() {
        let text = word.get_ref();
        match DAY_NAMES.iter().position(|name| name == text) {
            Some(place) => days[place] = true,
            None => {
                let whole = text.to_lowercase();
                let begun = DAY_NAMES.iter().find(|name| whole.starts_with(**name));
                let help = match begun {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => suggestion(text, &DAY_NAMES),
                };
                let message = format!("`{}` is no day of the week", short(text));
                notes.error_with_help(KEY, word.span(), message, help);
            }
        }
    }
    days
}

fn clock(key: &str, written: &Spanned<String>, notes: &mut Notes<'_>) -> Option<Clock> {
    let text = written.get_ref();
    let Some(clock) = Clock::parse(text) else {
        let padded = format!("0{text}");
        let help = match Clock::parse(&padded) {
            Some(_) => format!("did you mean `{padded}`?"),
            None => "write hours and minutes of 24 hours, like \"09:00\" or \"17:30\"".to_owned(),
        };
        let message = format!("`{}` is not a time of the day", short(text));
        notes.error_with_help(key, written.span(), message, help);
        return None;
    };
    if key == "from" && clock == Clock::DAYS_END {
        notes.error_with_help(key, written.span(), "no window opens at 24:00", "write \"00:00\"");
        return None;
    }
    Some(clock)
}

/// `from` and `to` may be in either order, but not the same.
fn check_order(
    from: Clock,
    to: Clock,
    from_written: &Option<Spanned<String>>,
    to_written: &Option<Spanned<String>>,
    notes: &mut Notes<'_>,
) {
    let Some(place) = to_written.as_ref().or(from_written.as_ref()) else { return };
    if from != to {
        return;
    }
    let help = match to {
        Clock::MIDNIGHT => "the end of the day is \"24:00\"",
        _ => "leave both out for whole days",
    };
    let message = "the window closes when it opens";
    notes.error_with_help("to", place.span(), message, help);
}

fn except(
    written: Vec<Spanned<String>>,
    on: Option<&On>,
    notes: &mut Notes<'_>,
) -> BTreeSet<EventKind> {
    const KEY: &str = "except";
    let (Some(first), Some(last)) = (written.first(), written.last()) else {
        return BTreeSet::new();
    };
    let place = first.span().start..last.span().end;
    let problems_before = notes.problems().len();
    let thing = format!("{}, key `{KEY}`", notes.thing());
    let except = parse_on(&written, &thing, notes.problems());
    let is_sound = notes.problems().len() == problems_before;
    let strangers = on.is_some_and(|on| on.is_sound && on.kinds.is_disjoint(&except));
    if is_sound && strangers {
        let message = "the rule's `on` names none of these, so they change nothing";
        notes.key(KEY, Problem::warning(message).at(place).help("take them out"));
    }
    except
}
