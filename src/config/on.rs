//! A rule's `on`, and what other keys it asks for: `after` and `repeat`, which are for jobs
//! that take long.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::Spanned;

use super::length::{self, DAY, Length, SHORTEST, short, signed};
use super::notes::Notes;
use crate::model::{EventKind, KIND_NAMES};
use crate::problem::{Problem, nearest};
use crate::rules::{After, Repeat, parse_on};

/// The events that a rule is about.
pub(super) struct On {
    pub(super) kinds: BTreeSet<EventKind>,
    /// Where the list stands.
    pub(super) place: Range<usize>,
    /// Whether every word of it could be read: else nothing is sure about what it lacks.
    pub(super) is_sound: bool,
}

/// Stands for a word of `on` in the schema.
pub(super) struct EventWord;

/// Stands for `after` in the schema.
pub(super) struct AfterWord;

const USUAL: &str = "usual";

/// A job older than this is not looked at any more.
const AFTER: RangeInclusive<Duration> = SHORTEST..=DAY.saturating_mul(30);
const REPEAT: RangeInclusive<Duration> = SHORTEST..=DAY.saturating_mul(30);

/// How often it is said again where that is not written.
const REPEAT_MAX_DEFAULT: u32 = 3;
const REPEAT_MAX: RangeInclusive<u32> = 1..=1_000;

impl On {
    /// Reads `on`. With an `after`, the word `any` stands for `overdue` and `stalled` too.
    pub(super) fn read(
        words: &Spanned<Vec<Spanned<String>>>,
        has_after: bool,
        notes: &mut Notes<'_>,
    ) -> Self {
        let place = words.span();
        if words.get_ref().is_empty() {
            let help = "name events, like on = [\"finished\"]";
            notes.error_with_help("on", place.clone(), "the list is empty", help);
            return Self { kinds: BTreeSet::new(), place, is_sound: false };
        }
        let problems_before = notes.problems().len();
        let thing = format!("{}, key `on`", notes.thing());
        let mut kinds = parse_on(words.get_ref(), &thing, notes.problems());
        if has_after && words.get_ref().iter().any(|word| word.get_ref() == "any") {
            kinds.extend(EventKind::TIMED);
        }
        Self { kinds, place, is_sound: notes.problems().len() == problems_before }
    }

    /// Whether it names the kind.
    pub(super) fn names(&self, kind: EventKind) -> bool {
        self.kinds.contains(&kind)
    }

    fn timed(&self) -> Option<EventKind> {
        EventKind::TIMED.into_iter().find(|kind| self.names(*kind))
    }
}

/// Reads `after`, which `overdue` and `stalled` need and nothing else has.
pub(super) fn after(
    written: Option<&Spanned<String>>,
    on: Option<&On>,
    notes: &mut Notes<'_>,
) -> Option<After> {
    const KEY: &str = "after";
    let written = written?;
    check_timed(KEY, written.span(), on, notes);
    let text = written.get_ref();
    if text == USUAL {
        return Some(After::Usual);
    }
    if length::parse(text).is_none() && nearest(text, [USUAL]).is_some() {
        let message = format!("`{}` is not a length of time", short(text));
        notes.error_with_help(KEY, written.span(), message, format!("did you mean `{USUAL}`?"));
        return None;
    }
    let length = length::within(Some(written), KEY, *AFTER.start(), AFTER, notes);
    Some(After::Fixed(signed(length)))
}

/// Notes where `on` names what needs an `after` and there is none.
pub(super) fn check_after(on: &On, has_after: bool, notes: &mut Notes<'_>) {
    if let Some(kind) = on.timed().filter(|_| !has_after) {
        let problem = Problem::error(format!("`{kind}` needs `after`")).at(on.place.clone());
        notes.key("on", problem.help("add after = \"30m\", or after = \"usual\""));
    }
}

/// Reads `repeat` and `repeat_max`.
pub(super) fn repeat(
    every: Option<&Spanned<String>>,
    most: Option<&Spanned<u32>>,
    on: Option<&On>,
    notes: &mut Notes<'_>,
) -> Option<Repeat> {
    if let Some(most) = most {
        check_most(most, every.is_some(), notes);
    }
    let every = every?;
    check_timed("repeat", every.span(), on, notes);
    let length = length::within(Some(every), "repeat", *REPEAT.start(), REPEAT, notes);
    let most = most.map_or(REPEAT_MAX_DEFAULT, |most| *most.get_ref());
    Some(Repeat { every: signed(length), most })
}

fn check_timed(key: &str, place: Range<usize>, on: Option<&On>, notes: &mut Notes<'_>) {
    if on.is_some_and(|on| on.is_sound && on.timed().is_none()) {
        let message = format!("`{key}` is for `overdue` and `stalled`, and `on` names neither");
        let help = format!("name one of them in `on`, or take `{key}` out");
        notes.error_with_help(key, place, message, help);
    }
}

fn check_most(most: &Spanned<u32>, repeats: bool, notes: &mut Notes<'_>) {
    const KEY: &str = "repeat_max";
    if !repeats {
        let help = "add repeat = \"1h\", or take `repeat_max` out";
        notes.error_with_help(KEY, most.span(), "`repeat_max` needs `repeat`", help);
    }
    match most.get_ref() {
        0 => {
            let message = "`0` would say nothing again";
            notes.error_with_help(KEY, most.span(), message, "take `repeat` out");
        }
        number if !REPEAT_MAX.contains(number) => {
            let message = format!("`{number}` is too many: use 1 to {}", REPEAT_MAX.end());
            notes.error(KEY, most.span(), message);
        }
        _ => {}
    }
}

impl JsonSchema for EventWord {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Event".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let kinds = KIND_NAMES.iter().map(|(_, name)| *name);
        let words: Vec<&str> = kinds.chain(["finished", "any"]).collect();
        json_schema!({ "type": "string", "enum": words })
    }
}

impl JsonSchema for AfterWord {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "After".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let length = generator.subschema_for::<Length>();
        json_schema!({ "anyOf": [length, { "const": USUAL }] })
    }
}
