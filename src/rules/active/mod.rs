//! `active`: the hours in which a rule speaks.
//!
//! A window belongs to the day that it begins on, in its time zone. Where clocks move, the
//! usual reading holds: a time that comes twice is the first of the two, one that is skipped is
//! as much later as was skipped. No window is lost by that, and none opens twice.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

use crate::model::EventKind;

/// A rule's `active`.
#[derive(Debug, Clone, PartialEq)]
pub struct Active {
    /// Whether a window begins on the day, from Monday on.
    pub days: [bool; 7],
    pub from: Clock,
    /// At or before `from`: on the next day.
    pub to: Clock,
    pub otherwise: Otherwise,
    /// Events that the window is open for at all times.
    pub except: BTreeSet<EventKind>,
    pub zone: TimeZone,
}

/// A time of the day to the minute, "00:00" to "24:00".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock {
    /// Since midnight.
    minutes: u16,
}

/// What is done with an event while the window is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// It waits for the window.
    Hold,
    Drop,
}

/// Whether a rule may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    Open,
    /// It waits until the window opens.
    Hold {
        until: Timestamp,
    },
    /// Nothing is said; the window opens then.
    Drop {
        until: Timestamp,
    },
}

/// The words for days, from Monday on.
pub const DAY_NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Windows that began before today can be open: yesterday's over midnight, and one more where
/// a country has skipped a day.
const DAYS_BACK: i64 = 2;

/// A window on one day of the week comes again after seven; some more for skipped days.
const DAYS_AHEAD: i64 = 9;

impl Clock {
    pub const MIDNIGHT: Self = Self { minutes: 0 };
    /// The midnight at the end of a day.
    pub const DAYS_END: Self = Self { minutes: 24 * 60 };

    /// Reads "09:00"; `None` where it is no time.
    pub fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let number = |digits: &str| -> Option<u16> {
            let fits = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
            fits.then(|| digits.parse().ok()).flatten()
        };
        let (hours, minutes) = (number(hours)?, number(minutes)?);
        let clock = Self { minutes: hours * 60 + minutes };
        (minutes < 60 && clock <= Self::DAYS_END).then_some(clock)
    }
}

impl Active {
    /// Whether the rule may speak now about an event of this kind.
    pub fn at(&self, kind: EventKind, now: Timestamp) -> Opening {
        if self.except.contains(&kind) {
            return Opening::Open;
        }
        let mut next: Option<Timestamp> = None;
        for (start, end) in self.windows_around(now) {
            if start <= now && now < end {
                return Opening::Open;
            }
            if start > now {
                next = Some(next.map_or(start, |next| next.min(start)));
            }
        }
        match (next, self.otherwise) {
            (Some(until), Otherwise::Hold) => Opening::Hold { until },
            (Some(until), Otherwise::Drop) => Opening::Drop { until },
            // There is always a next one; at the end of time it is better to speak.
            (None, _) => Opening::Open,
        }
    }

    fn windows_around(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let today = self.zone.to_datetime(now).date();
        (-DAYS_BACK..=DAYS_AHEAD)
            .filter_map(move |days| today.checked_add(days.days()).ok())
            .filter(|date| self.begins_on(date.weekday()))
            .filter_map(|date| self.window(date))
    }

    fn begins_on(&self, day: Weekday) -> bool {
        let place = usize::try_from(day.to_monday_zero_offset()).unwrap_or_default();
        self.days.get(place).copied().unwrap_or_default()
    }

    /// The window that begins on a day: its start, and its end, which is outside.
    fn window(&self, date: Date) -> Option<(Timestamp, Timestamp)> {
        let over_midnight = self.to <= self.from;
        let last_day = if over_midnight { date.tomorrow().ok()? } else { date };
        let start = self.instant(date, self.from)?;
        let end = self.instant(last_day, self.to)?;
        if start < end {
            return Some((start, end));
        }
        // It begins within an hour that is skipped, and ends with it: it is as long as ever.
        let overnight = if over_midnight { Clock::DAYS_END.minutes } else { 0 };
        let minutes = i64::from(self.to.minutes + overnight) - i64::from(self.from.minutes);
        Some((start, start.checked_add(SignedDuration::from_mins(minutes)).ok()?))
    }

    fn instant(&self, date: Date, clock: Clock) -> Option<Timestamp> {
        let (date, minutes) = match clock {
            Clock::DAYS_END => (date.tomorrow().ok()?, 0),
            Clock { minutes } => (date, minutes),
        };
        let hour = i8::try_from(minutes / 60).ok()?;
        let minute = i8::try_from(minutes % 60).ok()?;
        let local = date.at(hour, minute, 0, 0);
        self.zone.to_ambiguous_timestamp(local).compatible().ok()
    }
}
