//! When a delivery is tried again, and when it is given up. Pure: the time and the chance come
//! in as values.
//!
//! `pipeline` asks after each failed attempt. Waits of our own double and are shortened by
//! chance, so that many deliveries do not come back at once; a wait that the service named is
//! never shortened.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;

/// No service is obeyed for longer than this.
pub const LONGEST_NAMED_WAIT: Duration = Duration::from_secs(60 * 60);

/// How far a named wait is stretched by chance at most.
const NAMED_STRETCH: f64 = 0.1;

/// How far a wait of our own is shortened by chance at most.
const OWN_SHORTENING: f64 = 0.5;

/// How the waits grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub first: Duration,
    pub longest: Duration,
}

impl Default for Backoff {
    /// One second, doubling to 15 minutes.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), longest: Duration::from_secs(15 * 60) }
    }
}

impl Backoff {
    /// How long to wait after `failures` failed attempts in a row.
    ///
    /// A `server_wait` is taken as it is, at least [`Backoff::first`] so that a service that
    /// names no time to speak of is not asked in a tight circle, stretched by up to a tenth,
    /// at most [`LONGEST_NAMED_WAIT`]. `jitter` is a number from 0 to 1 drawn by the caller.
    pub fn wait(&self, failures: u32, server_wait: Option<Duration>, jitter: f64) -> Duration {
        let jitter = if jitter.is_nan() { 0.0 } else { jitter.clamp(0.0, 1.0) };
        if let Some(named) = server_wait {
            let named = named.max(self.first).min(LONGEST_NAMED_WAIT);
            return named.mul_f64(1.0 + NAMED_STRETCH * jitter).clamp(named, LONGEST_NAMED_WAIT);
        }
        let doublings = failures.saturating_sub(1).min(31);
        let own = self.first.saturating_mul(1 << doublings).min(self.longest);
        own.mul_f64(1.0 - OWN_SHORTENING * jitter)
    }
}

/// Whether a delivery first tried at `first_attempt` has been tried for long enough.
pub fn is_given_up(first_attempt: Timestamp, now: Timestamp, retry_for: Duration) -> bool {
    Duration::try_from(now.duration_since(first_attempt)).is_ok_and(|tried| tried >= retry_for)
}

/// Reads a `Retry-After` header: seconds, also with a fraction, or an HTTP date. Junk is
/// `None`; the past is no wait; nothing is longer than [`LONGEST_NAMED_WAIT`].
pub fn parse_retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if header.starts_with(|c: char| c.is_ascii_digit()) {
        let plain = header.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        return seconds(header.parse().ok().filter(|_| plain)?);
    }
    let date = rfc2822::parse(header).ok()?.timestamp();
    let wait = Duration::try_from(date.duration_since(now)).unwrap_or_default();
    Some(wait.min(LONGEST_NAMED_WAIT))
}

/// A wait from a number of seconds; `None` where it is negative or not a number.
pub fn seconds(number: f64) -> Option<Duration> {
    let sane = number >= 0.0;
    sane.then(|| Duration::from_secs_f64(number.min(LONGEST_NAMED_WAIT.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn waits_double_from_a_second_to_a_quarter_of_an_hour() {
        let waits: Vec<u64> =
            (1..=12).map(|n| Backoff::default().wait(n, None, 0.0).as_secs()).collect();

        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    }

    #[test]
    fn a_wait_that_names_nothing_is_still_a_second() {
        assert_eq!(Backoff::default().wait(3, Some(Duration::ZERO), 0.0), SECOND);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_junk_is_nothing() {
        let now: Timestamp = "1994-11-06T08:49:07Z".parse().unwrap();
        let read = |header| parse_retry_after(header, now).map(|wait| wait.as_secs_f64());

        assert_eq!(read("120"), Some(120.0));
        assert_eq!(read(" 0.75 "), Some(0.75));
        assert_eq!(read("999999999999999999999999"), Some(3600.0));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(30.0));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0.0));
        assert_eq!(read("Tue, 06 Nov 2040 08:00:00 GMT"), Some(3600.0));
        for junk in ["", "-1", "inf", "NaN", "soon", "1e3", "1.2.3", "12 s"] {
            assert_eq!(read(junk), None, "{junk}");
        }
    }

    #[test]
    fn a_delivery_is_given_up_when_its_time_is_over_and_not_when_the_clock_ran_back() {
        let noon: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let given_up = |seconds| is_given_up(noon, noon + seconds, 10 * SECOND);

        assert!(!given_up(jiff::SignedDuration::from_secs(9)));
        assert!(given_up(jiff::SignedDuration::from_secs(10)));
        assert!(!given_up(jiff::SignedDuration::from_secs(-100)));
    }

    proptest! {
        #[test]
        fn our_own_wait_is_shortened_by_at_most_half(failures: u32, jitter in 0.0..1.0) {
            let backoff = Backoff::default();
            let full = backoff.wait(failures, None, 0.0);

            let wait = backoff.wait(failures, None, jitter);

            prop_assert!(wait <= full && wait * 2 >= full && full <= backoff.longest);
        }

        #[test]
        fn a_named_wait_is_never_shortened(failures: u32, secs in 1u64..=3600, jitter in 0.0..1.0) {
            let named = Duration::from_secs(secs);

            let wait = Backoff::default().wait(failures, Some(named), jitter);

            prop_assert!(wait >= named && wait <= LONGEST_NAMED_WAIT);
            prop_assert!(wait <= named.mul_f64(1.11));
        }

        #[test]
        fn no_header_makes_a_longer_wait_than_an_hour(header in "\\PC{0,40}|[0-9.]{0,40}") {
            let wait = parse_retry_after(&header, Timestamp::UNIX_EPOCH);

            prop_assert!(wait.is_none_or(|wait| wait <= LONGEST_NAMED_WAIT));
        }
    }
}
