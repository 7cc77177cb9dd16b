//! Days as a calendar in a time zone has them.
//!
//! A day on which clocks are changed is as long as it is, and each instant is in exactly one.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// More than anybody asks for.
const DAYS_MAX: usize = 4_000;

/// The days from the one of `since` to that of `now`, each with its first moment and the
/// next day's. A day on which clocks are changed is as long as it is.
pub fn days(
    since: Timestamp,
    now: Timestamp,
    zone: &TimeZone,
) -> Vec<(String, Timestamp, Timestamp)> {
    let mut days = Vec::new();
    let mut date = zone.to_datetime(since).date();
    // Where clocks skip midnight, the day begins when they go on.
    let start =
        |date: Date| zone.to_ambiguous_timestamp(date.to_datetime(Time::midnight())).compatible();
    while days.len() < DAYS_MAX {
        let Ok(next) = date.tomorrow() else { break };
        let (Ok(begins), Ok(ends)) = (start(date), start(next)) else { break };
        if begins > now {
            break;
        }
        days.push((date.to_string(), begins, ends));
        date = next;
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_zone_and_as_long_as_they_are() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();

        let days = days(at("2026-10-24T12:00:00Z"), at("2026-10-25T23:30:00Z"), &zone);

        let told: Vec<String> = days
            .iter()
            .map(|(day, since, until)| {
                format!("{day} {since} {} h", until.duration_since(*since).as_hours())
            })
            .collect();
        insta::assert_snapshot!(told.join("\n"), @"
        2026-10-24 2026-10-23T22:00:00Z 24 h
        2026-10-25 2026-10-24T22:00:00Z 25 h
        2026-10-26 2026-10-25T23:00:00Z 24 h
        ");
    }
}
