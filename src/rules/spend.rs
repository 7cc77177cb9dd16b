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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spend(per: Period, zone: &str) -> Spend {
        let zone = TimeZone::get(zone).unwrap();
        Spend { amount: 500.0, unit: SpendUnit::Credits, per, zone }
    }

    /// The period of a time, in UTC.
    fn period(per: Period, zone: &str, now: &str) -> String {
        let (start, end) = spend(per, zone).period(now.parse().unwrap());
        format!("{start} {end}")
    }

    #[test]
    fn a_period_is_the_calendars() {
        let of = |per| period(per, "UTC", "2026-11-23T19:09:20Z");

        assert_eq!(of(Period::Hour), "2026-11-23T19:00:00Z 2026-11-23T20:00:00Z");
        assert_eq!(of(Period::Day), "2026-11-23T00:00:00Z 2026-11-24T00:00:00Z");
        assert_eq!(of(Period::Week), "2026-11-23T00:00:00Z 2026-11-30T00:00:00Z");
        assert_eq!(of(Period::Month), "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z");
    }

    #[test]
    fn its_end_belongs_to_the_next() {
        for (now, expected) in [
            ("2026-11-29T23:59:59.999Z", "2026-11-23T00:00:00Z 2026-11-30T00:00:00Z"),
            ("2026-11-30T00:00:00Z", "2026-11-30T00:00:00Z 2026-12-07T00:00:00Z"),
        ] {
            assert_eq!(period(Period::Week, "UTC", now), expected);
        }
        for (now, expected) in [
            ("2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z 2028-03-01T00:00:00Z"),
            ("2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z 2027-01-01T00:00:00Z"),
            ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z 2027-02-01T00:00:00Z"),
        ] {
            assert_eq!(period(Period::Month, "UTC", now), expected);
        }
    }

    #[test]
    fn a_zone_of_half_hours_has_hours_of_its_own() {
        let of = |per| period(per, "Asia/Kolkata", "2026-11-23T19:09:20Z");

        assert_eq!(of(Period::Hour), "2026-11-23T18:30:00Z 2026-11-23T19:30:00Z");
        assert_eq!(of(Period::Day), "2026-11-23T18:30:00Z 2026-11-24T18:30:00Z");
    }

    #[test]
    fn days_and_months_on_which_clocks_move_are_shorter_or_longer() {
        let berlin = |per, now| period(per, "Europe/Berlin", now);
        let new_york = |per, now| period(per, "America/New_York", now);
        let (forward, back) = ("2026-03-29T12:00:00Z", "2026-10-25T12:00:00Z");

        assert_eq!(berlin(Period::Day, forward), "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z");
        assert_eq!(berlin(Period::Day, back), "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z");
        assert_eq!(berlin(Period::Week, back), "2026-10-18T22:00:00Z 2026-10-25T23:00:00Z");
        assert_eq!(berlin(Period::Month, back), "2026-09-30T22:00:00Z 2026-10-31T23:00:00Z");
        assert_eq!(
            new_york(Period::Day, "2026-03-08T12:00:00Z"),
            "2026-03-08T05:00:00Z 2026-03-09T04:00:00Z"
        );
        assert_eq!(
            new_york(Period::Month, "2026-11-01T05:30:00Z"),
            "2026-11-01T04:00:00Z 2026-12-01T05:00:00Z"
        );
    }

    #[test]
    fn an_hour_that_comes_twice_is_two() {
        let berlin = |now| period(Period::Hour, "Europe/Berlin", now);

        assert_eq!(berlin("2026-10-25T00:30:00Z"), "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z");
        assert_eq!(berlin("2026-10-25T01:30:00Z"), "2026-10-25T01:00:00Z 2026-10-25T02:00:00Z");
    }

    #[test]
    fn what_counts_is_the_unit_that_is_asked_for() {
        let usage = Usage { media_seconds: Some(90.0), ai_credits: Some(9.0) };
        let credits = spend(Period::Day, "UTC");
        let minutes = Spend { unit: SpendUnit::Minutes, ..credits.clone() };

        assert_eq!(credits.counts(&usage), Some(9.0));
        assert_eq!(minutes.counts(&usage), Some(1.5));
        assert_eq!(credits.counts(&Usage::default()), None);
    }

    proptest! {
        #[test]
        fn each_instant_is_in_one_period_and_the_next_begins_where_it_ends(
            per in (0..4_usize).prop_map(|place| Period::ALL[place]),
            zone in prop_oneof![
                Just("Europe/Berlin"), Just("America/New_York"), Just("Asia/Kolkata"),
                Just("Australia/Lord_Howe"), Just("America/St_Johns"), Just("America/Havana"),
                Just("America/Sao_Paulo"), Just("Pacific/Apia"),
            ],
            second in 1_100_000_000..1_900_000_000_i64,
            part in 0.0..1.0_f64,
        ) {
            let spend = spend(per, zone);
            let now = Timestamp::from_second(second).unwrap();

            let (start, end) = spend.period(now);

            prop_assert!(start <= now && now < end);
            let within = start + end.duration_since(start).mul_f64(part);
            let last = end - SignedDuration::from_nanos(1);
            for time in [start, within.min(last), last] {
                prop_assert_eq!(spend.period(time), (start, end), "at {}", time);
            }
            prop_assert_eq!(spend.period(end).0, end);
        }
    }
}
