//! Lengths of time as faults and scenarios write them: "200ms", "-2h", "1h30m", "7d".
//!
//! Pure. A day counts 24 hours. Bare numbers are refused, since nobody can tell their unit.

use std::time::Duration;

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Reads a length of time that may lie in the past.
///
/// # Errors
/// Says how a length of time is written.
pub(super) fn signed(text: &str) -> Result<SignedDuration, String> {
    text.parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .map_err(|_| {
            format!("`{text}` is not a length of time: write a number and a unit, like `200ms`, `2s` or `1h30m`")
        })
}

/// Reads a length of time that is not negative.
///
/// # Errors
/// Says how a length of time is written.
pub(super) fn unsigned(text: &str) -> Result<Duration, String> {
    Duration::try_from(signed(text)?)
        .map_err(|_| format!("`{text}` lies in the past: leave out the minus sign"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_in_the_units_that_people_write() {
        assert_eq!(signed("200ms"), Ok(SignedDuration::from_millis(200)));
        assert_eq!(signed("-2h"), Ok(SignedDuration::from_hours(-2)));
        assert_eq!(unsigned("7d"), Ok(Duration::from_secs(7 * 86_400)));
    }

    #[test]
    fn what_is_not_a_length_of_time_is_told_with_an_example() {
        assert!(signed("soon").unwrap_err().contains("like `200ms`"));
        assert!(signed("5").unwrap_err().contains("a number and a unit"));
        assert!(unsigned("-1s").unwrap_err().contains("minus sign"));
    }
}
