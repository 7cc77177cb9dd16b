//! The two response headers that tell time: `Date` and `Retry-After`. Pure.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// Reads a date as HTTP writes it; `None` where it is no such date.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().relaxed_weekday(true).parse_timestamp(text.trim()).ok()
}

/// Reads `Retry-After`: whole seconds, or the date until which to wait. A date that has
/// passed is no wait; anything else is `None`, as if there were no such header.
pub(super) fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than fit are a very long time; the schedule has its cap.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::from(u32::MAX))));
    }
    let until = http_date(text)?;
    Some(until.duration_since(now).try_into().unwrap_or(Duration::ZERO))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_wait_is_named_in_seconds_or_by_a_date() {
        let now: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
        let wait = |text| retry_after(text, now).map(|wait| wait.as_secs());

        assert_eq!(wait("7"), Some(7));
        assert_eq!(wait(" 0 "), Some(0));
        assert_eq!(wait("Fri, 20 Nov 2026 08:01:30 GMT"), Some(90));
        assert_eq!(wait("Fri, 20 Nov 2026 07:00:00 GMT"), Some(0));
        assert_eq!(wait("99999999999999999999999"), Some(4_294_967_295));
        assert_eq!(wait("soon"), None);
        assert_eq!(wait("-5"), None);
        assert_eq!(wait("1.5"), None);
        assert_eq!(wait(""), None);
    }

    proptest! {
        #[test]
        fn no_text_is_more_than_a_wait_or_none(
            text in "\\PC{0,40}|[0-9]{0,30}|(Sun|Fri), [0-9]{1,2} Nov [0-9]{1,6} [0-9]{2}:[0-9]{2}:60 GMT",
            second in -62_135_596_800_i64..=253_402_207_200,
        ) {
            let now = Timestamp::from_second(second).unwrap();

            let wait = retry_after(&text, now);

            let is_number = !text.trim().is_empty() && text.trim().bytes().all(|b| b.is_ascii_digit());
            prop_assert!(!is_number || wait.is_some());
            prop_assert!(wait.is_none() || is_number || http_date(&text).is_some());
        }
    }

    #[test]
    fn a_date_of_http_is_read() {
        let read = |text| http_date(text).map(|date| date.to_string());

        assert_eq!(read("Fri, 20 Nov 2026 08:00:00 GMT").as_deref(), Some("2026-11-20T08:00:00Z"));
        assert_eq!(read("2026-11-20T08:00:00Z"), None);
        assert_eq!(read(""), None);
    }
}
