//! Lengths of time as the config writes them: "200ms", "15s", "1h30m", "7d".
//!
//! The parser knows five units, from the longest to the shortest, each at most once. Ranges
//! are checked here too, since every length has one.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::SignedDuration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use toml::Spanned;

use super::notes::Notes;
use super::secrecy::looks_secret;
pub(super) use crate::model::{parse_length as parse, show_length as show};

/// Stands for a length of time in the schema.
pub(super) struct Length;

const HOW_TO_WRITE: &str = "write a number and a unit, like \"10m\" or \"1h30m\"";

/// Nothing that happens again and again is shorter.
pub(super) const SHORTEST: Duration = Duration::from_millis(10);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const HOUR: Duration = Duration::from_secs(3_600);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// The length that is written, or `default` where none is. A length outside of `allowed` is
/// noted.
pub(super) fn within(
    written: Option<&Spanned<String>>,
    key: &str,
    default: Duration,
    allowed: RangeInclusive<Duration>,
    notes: &mut Notes<'_>,
) -> Duration {
    let Some(written) = written else { return default };
    let text = written.get_ref();
    let Some(length) = parse(text) else {
        let message = format!("`{}` is not a length of time", short(text));
        notes.error_with_help(key, written.span(), message, HOW_TO_WRITE);
        return default;
    };
    if length < *allowed.start() {
        let message =
            format!("`{text}` is too short: it must be at least {}", show(*allowed.start()));
        notes.error(key, written.span(), message);
    } else if length > *allowed.end() {
        let message = format!("`{text}` is too long: it may be at most {}", show(*allowed.end()));
        notes.error(key, written.span(), message);
    }
    length
}

/// The same length, for reckoning with times.
pub(super) fn signed(length: Duration) -> SignedDuration {
    SignedDuration::try_from(length).unwrap_or(SignedDuration::MAX)
}

/// A text as it is quoted in a message: cut, without controls, and not at all where it may be
/// a credential or spans lines: a quote that was left open takes in what stands below.
pub(super) fn short(text: &str) -> String {
    if looks_secret(text) || text.contains('\n') {
        return "***".into();
    }
    const MAX_CHARS: usize = 60;
    let mut cut: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect();
    if text.chars().nth(MAX_CHARS).is_some() {
        cut.push('…');
    }
    cut
}

impl JsonSchema for Length {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: numbers with the units d, h, m, s, ms.",
            "type": "string",
            "minLength": 2,
            "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "examples": ["10m", "1h30m"],
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_read_in_every_unit() {
        let read = |text| parse(text).map(|length| length.as_millis());

        assert_eq!(read("200ms"), Some(200));
        assert_eq!(read("15s"), Some(15_000));
        assert_eq!(read("1h30m"), Some(5_400_000));
        assert_eq!(read("7d"), Some(604_800_000));
        assert_eq!(read("0s"), Some(0));
    }

    #[test]
    fn what_is_no_length_is_refused() {
        for text in
            ["", "10", "m", "ten minutes", "1.5h", "10 m", "-1s", "30m1h", "1h1h", "1w", "1H", "٣s"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_length_beyond_64_bits_is_refused_and_not_wrapped() {
        assert_eq!(parse("18446744073709551616ms"), None);
        assert_eq!(parse("999999999999999999d"), None);
        assert_eq!(parse("213503982334d999999999999h"), None);
    }

    proptest! {
        #[test]
        fn a_length_survives_writing_and_reading(ms in any::<u64>()) {
            let length = Duration::from_millis(ms);

            prop_assert_eq!(parse(&show(length)), Some(length));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,40}") {
            parse(&text);
        }
    }
}
