//! A rule's `throttle` and `group`: as they are written, and what they mean.
//!
//! Both are tables within the rule's, taken out of it before the rest is read.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::length::{self, DAY, Length, SHORTEST, signed};
use super::notes::Notes;
use super::table::{Keys, Table};
use crate::rules::{By, Group, Throttle, parse_by};

/// At most one message in a time; the rest are counted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename = "Throttle")]
#[schemars(deny_unknown_fields)]
pub(super) struct ThrottleWritten {
    /// The time, counted from when a message was owed: 10ms to 30d.
    #[schemars(with = "Length", extend("examples" = ["10m"]))]
    every: Option<Spanned<String>>,
    /// Paths into the event: each value there has a time of its own. Left out: one for all.
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["job.project_id"]]))]
    by: Option<Vec<Spanned<String>>>,
}

/// Events that become one message.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename = "Group")]
#[schemars(deny_unknown_fields)]
pub(super) struct GroupWritten {
    /// How long the first event waits for others: 10ms to 7d.
    #[schemars(with = "Length", extend("examples" = ["30s"]))]
    wait: Option<Spanned<String>>,
    /// So many go out without waiting longer.
    #[schemars(with = "Option<u32>", range(min = 2, max = 200), extend("default" = 20, "examples" = [20]))]
    max: Option<Spanned<u32>>,
    /// Paths into the event: each value there has a group of its own. Left out: one for all.
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["job.project_id"]]))]
    by: Option<Vec<Spanned<String>>>,
}

const EVERY: RangeInclusive<Duration> = SHORTEST..=DAY.saturating_mul(30);
const WAIT: RangeInclusive<Duration> = SHORTEST..=DAY.saturating_mul(7);

/// Takes `throttle` out of a rule's table.
pub(super) fn take_throttle(table: &mut Table<'_>, notes: &mut Notes<'_>) -> Option<Throttle> {
    const EXAMPLE: &str = "throttle = { every = \"10m\", by = [\"job.project_id\"] }";
    let mut inner = table.take("throttle", EXAMPLE, notes)?;
    let mut notes = notes.within("throttle");
    let keys = Keys::of::<ThrottleWritten>(&[]);
    inner.check_keys(&keys, &mut notes);
    let written: ThrottleWritten = inner.read(&keys, &mut notes);
    let every = length_of(written.every.as_ref(), "every", EVERY, &mut notes);
    let by = by(written.by.as_deref(), &mut notes);
    Some(Throttle { every: every?, by })
}

/// Takes `group` out of a rule's table.
pub(super) fn take_group(table: &mut Table<'_>, notes: &mut Notes<'_>) -> Option<Group> {
    const EXAMPLE: &str = "group = { wait = \"30s\", max = 20, by = [\"job.project_id\"] }";
    let mut inner = table.take("group", EXAMPLE, notes)?;
    let mut notes = notes.within("group");
    let keys = Keys::of::<GroupWritten>(&[]);
    inner.check_keys(&keys, &mut notes);
    let written: GroupWritten = inner.read(&keys, &mut notes);
    let wait = length_of(written.wait.as_ref(), "wait", WAIT, &mut notes);
    let by = by(written.by.as_deref(), &mut notes);
    let max = written.max.as_ref().map_or(Group::MAX_DEFAULT, |max| self::max(max, &mut notes));
    Some(Group { wait: wait?, max, by })
}

fn length_of(
    written: Option<&Spanned<String>>,
    key: &str,
    allowed: RangeInclusive<Duration>,
    notes: &mut Notes<'_>,
) -> Option<SignedDuration> {
    let written = written?;
    let default = *allowed.start();
    Some(signed(length::within(Some(written), key, default, allowed, notes)))
}

fn max(written: &Spanned<u32>, notes: &mut Notes<'_>) -> u32 {
    let max = *written.get_ref();
    if !Group::MAX.contains(&max) {
        let (least, most) = (Group::MAX.start(), Group::MAX.end());
        let message = format!("`{max}` is not a size of group: use {least} to {most}");
        match max {
            0 | 1 => notes.error_with_help(
                "max",
                written.span(),
                message,
                "take `group` out to get each event in a message of its own",
            ),
            _ => notes.error("max", written.span(), message),
        }
    }
    max
}

fn by(written: Option<&[Spanned<String>]>, notes: &mut Notes<'_>) -> By {
    let thing = format!("{}, key `by`", notes.thing());
    parse_by(written.unwrap_or_default(), &thing, notes.problems())
}
