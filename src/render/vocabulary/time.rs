//! Words about times.

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{Call, Moment};

const USUAL: &str = "%Y-%m-%d %H:%M %Z";

/// `duration seconds` or `duration from to`
pub fn duration(call: &Call<'_>) -> Value {
    let seconds = match (call.number(0), instant(call.arg(0)), instant(call.arg(1))) {
        (_, Some(from), Some(to)) => to.as_second().saturating_sub(from.as_second()),
        (Some(seconds), ..) => seconds.round() as i64,
        _ => return Value::String(String::new()),
    };
    in_words(seconds.max(0)).into()
}

/// `ago time`
pub fn ago(call: &Call<'_>, moment: &Moment) -> Value {
    let Some(then) = instant(call.arg(0)) else {
        return Value::String(String::new());
    };
    let seconds = moment.now.as_second().saturating_sub(then.as_second());
    match seconds {
        -4..=4 => "just now".into(),
        5.. => format!("{} ago", roughly(seconds)).into(),
        _ => format!("in {}", roughly(seconds.saturating_neg())).into(),
    }
}

/// `local_time time ["%H:%M"]`: with a format that strftime does not know, the usual one.
pub fn local_time(call: &Call<'_>, moment: &Moment) -> Value {
    local(&call.text(0), call.arg(1).as_str().unwrap_or(USUAL), &moment.zone).into()
}

/// The time there; a text that is no time as it is.
pub fn local(text: &str, format: &str, zone: &TimeZone) -> String {
    let Ok(then) = text.parse::<Timestamp>() else {
        return text.to_owned();
    };
    let there = then.to_zoned_datetime(zone.clone());
    strtime::format(format, &there)
        .or_else(|_| strtime::format(USUAL, &there))
        .unwrap_or_else(|_| then.to_string())
}

fn instant(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// The two largest units: `4m 12s`, `2h 5m`, `3d 4h`.
pub fn in_words(seconds: i64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    let pair = |large: i64, unit: &str, small: i64, smaller: &str| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit} {small}{smaller}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, minutes) => pair(minutes, "m", rest, "s"),
        (0, hours, minutes) => pair(hours, "h", minutes, "m"),
        (days, hours, _) => pair(days, "d", hours, "h"),
    }
}

/// The largest unit.
fn roughly(seconds: i64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}
