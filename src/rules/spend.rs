//! `spend`: how much may be used in a period before a rule speaks.
//!
//! Periods are those of the calendar in the service's time zone: each instant is in exactly
//! one. What was used is added up elsewhere.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::model::Usage;

/// A rule's `spend`.
#[derive(Debug, Clone, PartialEq)]
pub struct Spend {
    /// More than 0.
    pub amount: f64,
    pub unit: SpendUnit,
    pub per: Period,
    pub zone: TimeZone,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SpendUnit {
    Credits,
    /// Of media.
    Minutes,
}

/// How long is counted before it begins at nothing again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    Hour,
    Day,
    /// From Monday on.
    Week,
    Month,
}

impl SpendUnit {
    /// The word in config and documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Credits => "credits",
            Self::Minutes => "minutes",
        }
    }
}

impl Period {
    /// Every period, from the shortest to the longest.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The word in config and documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }
}

impl Spend {
    /// What of a job's usage counts; `None` where it is not known.
    pub fn counts(&self, usage: &Usage) -> Option<f64> {
        match self.unit {
            SpendUnit::Credits => usage.ai_credits,
            SpendUnit::Minutes => usage.media_minutes(),
        }
    }

    /// The period that `now` is in: its start, and its end, which belongs to the next one.
    pub fn period(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let today = self.zone.to_datetime(now).date();
        let first = match self.per {
            Period::Hour => return self.hour(now),
            Period::Day => Some(today),
            Period::Week => monday_of(today),
            Period::Month => Some(today.first_of_month()),
        };
        // Where clocks go back over midnight, a day has begun when its date is not yet on.
        let around = [-1, 0, 1].into_iter().filter_map(|steps| {
            let start = self.step(first?, steps)?;
            let end = self.step(first?, steps + 1)?;
            Some((self.midnight(start)?, self.midnight(end)?))
        });
        let mut around = around.filter(|(start, end)| *start <= now && now < *end);
        around.next().unwrap_or((now, Timestamp::MAX))
    }

    /// The hour as a clock on the wall shows it, cut where the clock is moved.
    fn hour(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        const HOUR: SignedDuration = SignedDuration::from_hours(1);
        let time = self.zone.to_datetime(now).time();
        let past = SignedDuration::new(
            i64::from(time.minute()) * 60 + i64::from(time.second()),
            time.subsec_nanosecond(),
        );
        let start = now.checked_sub(past).unwrap_or(Timestamp::MIN);
        let end = start.checked_add(HOUR).unwrap_or(Timestamp::MAX);
        let next = self.zone.following(now).next().map(|change| change.timestamp());
        let after_now = now.checked_add(SignedDuration::from_nanos(1)).unwrap_or(now);
        let last = self.zone.preceding(after_now).next().map(|change| change.timestamp());
        (last.map_or(start, |last| start.max(last)), next.map_or(end, |next| end.min(next)))
    }

    fn step(&self, date: Date, steps: i64) -> Option<Date> {
        let span = match self.per {
            Period::Hour | Period::Day => steps.days(),
            Period::Week => steps.weeks(),
            Period::Month => steps.months(),
        };
        date.checked_add(span).ok()
    }

    fn midnight(&self, date: Date) -> Option<Timestamp> {
        let local = date.at(0, 0, 0, 0);
        self.zone.to_ambiguous_timestamp(local).compatible().ok()
    }
}

fn monday_of(date: Date) -> Option<Date> {
    let days = i64::from(date.weekday().to_monday_zero_offset());
    date.checked_sub(days.days()).ok()
}
