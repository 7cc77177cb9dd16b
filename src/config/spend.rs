//! A rule's `spend`: as it is written, and what it means.

use std::ops::Range;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::notes::Notes;
use super::on::On;
use super::table::{Keys, Table};
use crate::model::EventKind;
use crate::problem::Problem;
use crate::rules::{Period, Spend, SpendUnit};

/// How much may be used before the rule speaks: of credits or of minutes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename = "Spend")]
#[schemars(deny_unknown_fields, extend("oneOf" = [{ "required": ["credits"] }, { "required": ["minutes"] }]))]
pub(super) struct SpendWritten {
    /// AI credits.
    #[schemars(with = "Option<f64>", extend("exclusiveMinimum" = 0, "examples" = [500]))]
    credits: Option<Spanned<f64>>,
    /// Minutes of media.
    #[schemars(with = "Option<f64>", extend("exclusiveMinimum" = 0, "examples" = [600]))]
    minutes: Option<Spanned<f64>>,
    /// In which time, by the calendar in the service's time zone; weeks begin on Monday.
    #[schemars(with = "PeriodWritten", extend("examples" = ["day"]))]
    per: Option<PeriodWritten>,
}

#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum PeriodWritten {
    Hour,
    Day,
    Week,
    Month,
}

const EXAMPLE: &str = "spend = { credits = 500, per = \"day\" }";

/// Keys of a rule that ask about jobs, or about many events.
const ALIEN: [(&str, &str); 4] = [
    ("match", "every job counts, and the event is about none: take `match` out"),
    ("when", "every job counts, and the event is about none: take `when` out"),
    ("throttle", "it happens once in a period: take `throttle` out"),
    ("group", "it happens once in a period: take `group` out"),
];

/// Takes `spend` out of a rule's table. `zone` is the service's.
pub(super) fn take_spend(
    table: &mut Table<'_>,
    zone: &TimeZone,
    notes: &mut Notes<'_>,
) -> Option<Spend> {
    let mut inner = table.take("spend", EXAMPLE, notes)?;
    let mut notes = notes.within("spend");
    let notes = &mut notes;
    let keys = Keys::of::<SpendWritten>(&[]);
    let place = inner.place.clone();
    let keys_before = inner.entries.len();
    inner.check_keys(&keys, notes);
    let is_known = inner.entries.len() == keys_before;
    let counted = ["credits", "minutes"].map(|key| inner.entries.contains_key(key));
    let written: SpendWritten = inner.read(&keys, notes);
    if counted == [true; 2] || (counted == [false; 2] && is_known) {
        let problem = Problem::error("it counts one thing: either `credits` or `minutes`");
        notes.whole(problem.at(place).help(format!("write {EXAMPLE}")));
    }
    let credits = written.credits.map(|it| (amount("credits", &it, notes), SpendUnit::Credits));
    let minutes = written.minutes.map(|it| (amount("minutes", &it, notes), SpendUnit::Minutes));
    let (amount, unit) = credits.or(minutes)?;
    let per = match written.per? {
        PeriodWritten::Hour => Period::Hour,
        PeriodWritten::Day => Period::Day,
        PeriodWritten::Week => Period::Week,
        PeriodWritten::Month => Period::Month,
    };
    Some(Spend { amount, unit, per, zone: zone.clone() })
}

/// Checks that `spend` and `spend_crossed` go together, and with nothing else. `places` tells
/// where a key of the rule stands.
pub(super) fn check_alone(
    on: &On,
    places: impl Fn(&str) -> Option<Range<usize>>,
    notes: &mut Notes<'_>,
) {
    const KIND: EventKind = EventKind::SpendCrossed;
    match (on.names(KIND), places("spend")) {
        (false, Some(place)) if on.is_sound => {
            let message = format!("`spend` is for `{KIND}`, which `on` does not name");
            notes.error_with_help("spend", place, message, format!("write on = [\"{KIND}\"]"));
        }
        (true, None) => {
            let problem = Problem::error(format!("`{KIND}` needs `spend`")).at(on.place.clone());
            notes.key("on", problem.help(format!("add {EXAMPLE}")));
        }
        _ => {}
    }
    if !on.names(KIND) {
        return;
    }
    if on.kinds.len() > 1 {
        let problem = Problem::error(format!("`{KIND}` stands alone in `on`"));
        notes.key("on", problem.at(on.place.clone()).help("make a rule of its own for it"));
    }
    for (key, help) in ALIEN {
        if let Some(place) = places(key) {
            let message = format!("`{key}` does not go with `{KIND}`");
            notes.error_with_help(key, place, message, help);
        }
    }
}

fn amount(key: &str, written: &Spanned<f64>, notes: &mut Notes<'_>) -> f64 {
    let amount = *written.get_ref();
    if !(amount.is_finite() && amount > 0.0) {
        let message = format!("`{amount}` is not an amount: use a number above 0");
        notes.error(key, written.span(), message);
    }
    amount
}
