//! Lengths of time as people write them: "200ms", "15s", "1h30m", "7d".

use std::time::Duration;

/// Each unit in milliseconds, from the longest to the shortest.
const UNITS_MS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads a length of time; `None` where the text is not one, or is longer than 64 bits of
/// milliseconds.
pub fn parse_length(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut units = UNITS_MS.iter();
    let mut total_ms: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: u64 = rest[..digits].parse().ok()?;
        let word = &rest[digits..];
        let letters = word.len() - word.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (_, unit_ms) = units.find(|(unit, _)| *unit == &word[..letters])?;
        total_ms = total_ms.checked_add(number.checked_mul(*unit_ms)?)?;
        rest = &word[letters..];
    }
    (!text.is_empty()).then(|| Duration::from_millis(total_ms))
}

/// Writes a length the way it is read.
pub fn show_length(length: Duration) -> String {
    let mut left_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, unit_ms) in UNITS_MS {
        if left_ms >= unit_ms {
            text.push_str(&format!("{}{unit}", left_ms / unit_ms));
            left_ms %= unit_ms;
        }
    }
    if text.is_empty() { "0s".into() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_read_as_it_is_written() {
        for (text, ms) in [("2h", 7_200_000), ("1h30m", 5_400_000), ("7d", 604_800_000)] {
            assert_eq!(parse_length(text), Some(Duration::from_millis(ms)));
            assert_eq!(show_length(Duration::from_millis(ms)), text);
        }
        for wrong in ["", "2", "h", "30m1h", "2 h", "-2h", "2y", "99999999999999999999d"] {
            assert_eq!(parse_length(wrong), None, "{wrong}");
        }
    }
}
