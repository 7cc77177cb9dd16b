//! The last day as two pictures: what came of jobs, and how long messages took. Pure.
//!
//! Numbers come in, places in a drawing go out; the template writes the SVG. A caption says in
//! words what the picture shows.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::model::{EventKind, amount};
use crate::store::{HourCount, SentAfter};

/// How much is shown.
pub(super) const HOURS: usize = 24;

/// Of both drawings, in units of their own.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 120.0;
const STEP: f64 = WIDTH / HOURS as f64;
const GAP: f64 = 3.0;

/// The scale of times: from 10 ms at the bottom to a day at the top, each ten times as much as
/// high as the last.
const SHORTEST_MS: f64 = 10.0;
const LONGEST_MS: f64 = 86_400_000.0;

/// Lines across, so that a height can be read.
const LINES: [(f64, &str); 4] =
    [(100.0, "0.1 s"), (1_000.0, "1 s"), (60_000.0, "1 min"), (3_600_000.0, "1 h")];

/// Of the pictures of days.
const DAY_GAP: f64 = 2.0;

/// The kinds that end a job, in the order they are stacked, with what they are called.
const STACK: [(&[EventKind], &str, &str); 4] = [
    (&[EventKind::Succeeded], "good", "succeeded"),
    (&[EventKind::Partial], "warn", "partial"),
    (&[EventKind::Failed], "bad", "failed"),
    (&[EventKind::Cancelled, EventKind::Stopped], "plain", "cancelled or unknown"),
];

/// The start of the first hour that is shown.
pub(super) fn since(now: Timestamp) -> Timestamp {
    let hour = now.as_second().div_euclid(3_600) - (HOURS as i64 - 1);
    Timestamp::from_second(hour * 3_600).unwrap_or(now)
}

/// How jobs ended, hour by hour.
pub(super) fn outcomes(counts: &[HourCount], now: Timestamp) -> Value {
    let begin = since(now);
    let mut hours = vec![[0_u64; STACK.len()]; HOURS];
    for count in counts {
        let place = STACK.iter().position(|(kinds, ..)| kinds.contains(&count.kind));
        if let Some(slot) = hour_of(count.hour, begin).and_then(|hour| hours.get_mut(hour))
            && let Some(number) = place.and_then(|place| slot.get_mut(place))
        {
            *number += count.count;
        }
    }
    let most = hours.iter().map(|hour| hour.iter().sum::<u64>()).max().unwrap_or(0);
    let scale = HEIGHT / most.max(1) as f64;
    let bars: Vec<Value> = hours
        .iter()
        .enumerate()
        .filter(|(_, hour)| hour.iter().sum::<u64>() > 0)
        .map(|(at, hour)| bar(at, hour, scale, begin))
        .collect();
    let totals = (0..STACK.len()).map(|at| hours.iter().filter_map(|hour| hour.get(at)).sum());
    json!({
        "width": WIDTH,
        "height": HEIGHT,
        "most": most,
        "bars": bars,
        "caption": summary(totals),
        "legend": STACK.iter().map(|(_, tone, word)| json!({ "tone": tone, "word": word }))
            .collect::<Vec<_>>(),
    })
}

/// How long messages took, hour by hour: the median, and what 95 of 100 stayed below.
pub(super) fn latency(sent: &[SentAfter], cut: bool, now: Timestamp) -> Value {
    let begin = since(now);
    let mut hours: Vec<Vec<u64>> = vec![Vec::new(); HOURS];
    for sent in sent {
        if let Some(slot) = hour_of(sent.at, begin).and_then(|hour| hours.get_mut(hour)) {
            slot.push(sent.took_ms);
        }
    }
    let mut all: Vec<u64> = hours.iter().flatten().copied().collect();
    let bars: Vec<Value> = hours
        .iter_mut()
        .enumerate()
        .filter(|(_, hour)| !hour.is_empty())
        .map(|(at, hour)| {
            let (median, most) = (share(hour, 50), share(hour, 95));
            let (low, high) = (level(median), level(most));
            json!({
                "x": round(at as f64 * STEP + GAP),
                "width": round(STEP - 2.0 * GAP),
                "y": round(high.min(low - 2.0)),
                "height": round((low - high).max(2.0)),
                "median": round(low),
                "x2": round((at + 1) as f64 * STEP - GAP),
                "at": at_hour(at, begin),
                "title": format!(
                    "{}: median {}, 95 % within {}, {} sent",
                    clock(at, begin), time(median), time(most), hour.len()
                ),
            })
        })
        .collect();
    let caption = match all.len() {
        0 => "No message was sent in the last 24 hours.".to_owned(),
        count => {
            let (median, most) = (share(&mut all, 50), share(&mut all, 95));
            let which = if cut { "the last " } else { "" };
            format!(
                "From owed to taken: half of {which}{count} messages within {}, 95 % within {}.",
                time(median),
                time(most)
            )
        }
    };
    let lines =
        LINES.iter().map(|(ms, word)| json!({ "y": round(level(*ms as u64)), "word": word }));
    json!({
        "width": WIDTH,
        "height": HEIGHT,
        "bars": bars,
        "lines": lines.collect::<Vec<_>>(),
        "caption": caption,
    })
}

/// An amount day by day, in the order of the days; the unit is a word for one.
pub(super) fn days(days: &[(&str, f64)], unit: &str) -> Value {
    let most = days.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let total: f64 = days.iter().map(|(_, value)| value).sum();
    let step = WIDTH / days.len().max(1) as f64;
    let units = |value: f64| match amount(value).as_str() {
        "1" => format!("1 {unit}"),
        value => format!("{value} {unit}s"),
    };
    let bars = days.iter().enumerate().filter(|(_, (_, value))| *value > 0.0);
    let bars = bars.map(|(at, (day, value))| {
        // What is there is seen.
        let height = (value / most * HEIGHT).max(1.0);
        json!({
            "x": round(at as f64 * step + DAY_GAP),
            "y": round(HEIGHT - height),
            "width": round(step - 2.0 * DAY_GAP),
            "height": round(height),
            "title": format!("{day}: {}", units(*value)),
        })
    });
    let top = days.iter().find(|(_, value)| *value > 0.0 && *value >= most);
    json!({
        "width": WIDTH,
        "height": HEIGHT,
        "bars": bars.collect::<Vec<_>>(),
        "total": amount(total),
        "caption": match top {
            Some((day, value)) => {
                format!("{} in {} days, most on {day}: {}.", units(total), days.len(), amount(*value))
            }
            None => format!("No {unit}s in {} days.", days.len()),
        },
    })
}

fn bar(at: usize, hour: &[u64; STACK.len()], scale: f64, begin: Timestamp) -> Value {
    let mut below = HEIGHT;
    let mut parts = Vec::new();
    let mut words = Vec::new();
    for ((_, tone, word), count) in STACK.iter().zip(hour).filter(|(_, count)| **count > 0) {
        let height = *count as f64 * scale;
        below -= height;
        parts.push(json!({
            "tone": tone,
            "x": round(at as f64 * STEP + GAP),
            "y": round(below),
            "width": round(STEP - 2.0 * GAP),
            "height": round(height),
        }));
        words.push(format!("{count} {word}"));
    }
    json!({ "parts": parts, "at": at_hour(at, begin), "title": format!("{}: {}", clock(at, begin), words.join(", ")) })
}

fn summary(totals: impl Iterator<Item = u64>) -> String {
    let told: Vec<String> = STACK
        .iter()
        .zip(totals)
        .filter(|(_, total)| *total > 0)
        .map(|((_, _, word), total)| format!("{total} {word}"))
        .collect();
    match told.is_empty() {
        true => "No job ended in the last 24 hours.".to_owned(),
        false => format!("{} in the last 24 hours.", told.join(", ")),
    }
}

fn hour_of(at: Timestamp, begin: Timestamp) -> Option<usize> {
    usize::try_from(at.duration_since(begin).as_secs().div_euclid(3_600)).ok()
}

/// "14:00 UTC"
fn clock(at: usize, begin: Timestamp) -> String {
    hour(at, begin).strftime("%H:00 UTC").to_string()
}

/// The same for a script, which knows the reader's zone.
fn at_hour(at: usize, begin: Timestamp) -> String {
    hour(at, begin).to_string()
}

fn hour(at: usize, begin: Timestamp) -> Timestamp {
    let hours = SignedDuration::from_hours(i64::try_from(at).unwrap_or(0));
    begin.checked_add(hours).unwrap_or(begin)
}

/// The value that so many of a hundred do not exceed.
fn share(values: &mut [u64], percent: usize) -> u64 {
    values.sort_unstable();
    let place = (values.len() * percent).div_ceil(100).saturating_sub(1);
    values.get(place).copied().unwrap_or(0)
}

/// How far down a time is drawn.
fn level(ms: u64) -> f64 {
    let ms = (ms as f64).clamp(SHORTEST_MS, LONGEST_MS);
    HEIGHT * (1.0 - (ms / SHORTEST_MS).log10() / (LONGEST_MS / SHORTEST_MS).log10())
}

/// A length of time in few characters.
fn time(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1_000.0),
        60_000..3_600_000 => format!("{} min", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

fn round(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-01-10T12:34:56Z".parse().unwrap()
    }

    fn hours_ago(hours: i64) -> Timestamp {
        now() - SignedDuration::from_hours(hours)
    }

    #[test]
    fn the_last_hour_stands_at_the_right_and_the_tallest_bar_fills_the_height() {
        let count = |hours, kind, count| HourCount { hour: hours_ago(hours), kind, count };
        let counts = [
            count(0, EventKind::Succeeded, 3),
            count(0, EventKind::Failed, 1),
            count(23, EventKind::Cancelled, 1),
            count(40, EventKind::Failed, 9),
        ];

        let chart = outcomes(&counts, now());

        assert_eq!(chart["most"], 4);
        assert_eq!(
            chart["caption"],
            "3 succeeded, 1 failed, 1 cancelled or unknown in the last 24 hours."
        );
        assert_eq!(chart["bars"][0]["parts"][0]["x"], GAP);
        let last = &chart["bars"][1];
        assert_eq!(last["title"], "12:00 UTC: 3 succeeded, 1 failed");
        assert_eq!(last["parts"][0]["height"], 90.0);
        assert_eq!(last["parts"][1]["y"], 0.0);
        assert_eq!(chart["bars"].as_array().unwrap().len(), 2);
    }

    #[test]
    fn days_are_bars_of_their_amounts_and_the_caption_says_what_they_show() {
        let all = [("2026-01-08", 0.0), ("2026-01-09", 1.0), ("2026-01-10", 4.0)];

        let chart = days(&all, "AI credit");

        assert_eq!(chart["caption"], "5 AI credits in 3 days, most on 2026-01-10: 4.");
        assert_eq!(chart["bars"][0]["title"], "2026-01-09: 1 AI credit");
        assert_eq!(chart["bars"][0]["height"], 30.0);
        assert_eq!(chart["bars"][1]["y"], 0.0);
        assert_eq!(days(&all[..1], "AI credit")["caption"], "No AI credits in 1 days.");
    }

    #[test]
    fn a_longer_time_stands_higher_and_half_of_the_messages_are_told() {
        let sent: Vec<SentAfter> =
            (1..=100).map(|took| SentAfter { at: now(), took_ms: took * 100 }).collect();

        let chart = latency(&sent, true, now());

        assert_eq!(
            chart["caption"],
            "From owed to taken: half of the last 100 messages within 5.0 s, 95 % within 9.5 s."
        );
        assert!(level(9_500) < level(5_000));
        assert_eq!([level(0), level(u64::MAX)], [HEIGHT, 0.0]);
        assert_eq!(latency(&[], false, now())["bars"], json!([]));
    }
}
