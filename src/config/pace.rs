//! How fast a notifier may send: `rate` and `burst`, and what holds where neither is written.

use std::borrow::Cow;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::Spanned;

use super::length::short;
use super::notes::Notes;
use crate::deliver::settings::Pace;

/// Stands for a rate in the schema.
pub(super) struct Rate;

/// More at once is no pace any more.
const BURST_MAX: u32 = 10_000;

/// More in a second is "unlimited".
const COUNT_MAX: u32 = 100_000;

const HOW_TO_WRITE: &str =
    "write how many in which time, like \"1/s\", \"25/m\" or \"100/h\", or \"unlimited\"";

/// The pace that is written, with `default` for what is not. A `rate` without a `burst`
/// lets one message out at a time.
pub(super) fn pace(
    rate: Option<&Spanned<String>>,
    burst: Option<&Spanned<u32>>,
    default: Pace,
    notes: &mut Notes<'_>,
) -> Pace {
    let size = burst.map(|burst| (*burst.get_ref(), burst.span()));
    if let Some((size, span)) = &size
        && !(1..=BURST_MAX).contains(size)
    {
        let message = format!("`{size}` is not a size of burst: use 1 to {BURST_MAX}");
        notes.error("burst", span.clone(), message);
    }
    let pace = match rate {
        None => default,
        Some(rate) => match parse(rate.get_ref()) {
            Some(pace) => pace,
            None => {
                let message = format!("`{}` is not a rate", short(rate.get_ref()));
                notes.error_with_help("rate", rate.span(), message, HOW_TO_WRITE);
                return default;
            }
        },
    };
    match (pace, size) {
        (Pace::Limited { every, .. }, Some((burst, _))) => Pace::Limited { every, burst },
        (Pace::Unlimited, Some((_, span))) => {
            let message = "a `burst` needs a `rate` that is not unlimited";
            notes.error_with_help(
                "burst",
                span,
                message,
                "add rate = \"1/s\", or take `burst` out",
            );
            Pace::Unlimited
        }
        (pace, None) => pace,
    }
}

fn parse(text: &str) -> Option<Pace> {
    if text == "unlimited" {
        return Some(Pace::Unlimited);
    }
    let (count, unit) = text.split_once('/')?;
    let unit = match unit {
        "s" | "sec" | "second" => Duration::from_secs(1),
        "m" | "min" | "minute" => Duration::from_secs(60),
        "h" | "hour" => Duration::from_secs(3_600),
        "d" | "day" => Duration::from_secs(86_400),
        _ => return None,
    };
    let digits = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
    let count: u32 = if digits { count.parse().ok()? } else { return None };
    (1..=COUNT_MAX).contains(&count).then(|| Pace::Limited { every: unit / count, burst: 1 })
}

impl JsonSchema for Rate {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How many messages in which time, or \"unlimited\".",
            "type": "string",
            "pattern": "^(unlimited|[0-9]+/(s|sec|second|m|min|minute|h|hour|d|day))$",
            "examples": ["1/s", "25/m", "unlimited"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read_and_anything_else_is_refused() {
        let limited = |ms| Some(Pace::Limited { every: Duration::from_millis(ms), burst: 1 });

        assert_eq!(parse("1/s"), limited(1_000));
        assert_eq!(parse("25/m"), limited(2_400));
        assert_eq!(parse("25/min"), limited(2_400));
        assert_eq!(parse("100/h"), limited(36_000));
        assert_eq!(parse("unlimited"), Some(Pace::Unlimited));
        for text in ["", "1", "/s", "0/s", "+1/s", "1/w", "1.5/s", "99999999999/s", "1 / s"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_burst_alone_changes_the_default_and_with_no_limit_it_is_a_mistake() {
        let mut problems = Vec::new();
        let mut notes = Notes::new("notifier `n`", &mut problems);
        let burst = Spanned::new(0..1, 7);

        let every = Duration::from_secs(1);
        let slack = pace(None, Some(&burst), Pace::Limited { every, burst: 3 }, &mut notes);
        let console = pace(None, Some(&burst), Pace::Unlimited, &mut notes);

        assert_eq!(slack, Pace::Limited { every, burst: 7 });
        assert_eq!(console, Pace::Unlimited);
        assert_eq!(problems.len(), 1);
    }
}
