//! What an answer of Discord's webhook API means. Pure.
//!
//! The body's `code` tells more than the status; a body in HTML comes from the guard in front
//! of the API, which bans addresses that go on asking. After a 429 its wait is kept whatever
//! the headers say: channels have a limit that shows in none of them. Codes:
//! <https://discord.com/developers/docs/topics/opcodes-and-status-codes#json>

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

use crate::deliver::answer::{Answer, sort_common};
use crate::deliver::outcome::{FailureKind, Sorted};
use crate::deliver::retry::seconds;

/// How long to leave Discord alone where its guard has turned us away: bans last longer the
/// more one asks. <https://discord.com/developers/docs/topics/rate-limits#invalid-request-limit-aka-cloudflare-bans>
pub const BAN_WAIT: Duration = Duration::from_secs(10 * 60);

/// Codes for too much at a time.
const BUSY: [u32; 6] = [20_016, 20_022, 20_028, 20_029, 30_046, 40_062];

/// Codes for a message that will never be taken: not valid, too large, or filtered out.
const REFUSED: [u32; 7] = [40_005, 50_006, 50_035, 50_109, 200_000, 200_001, 240_000];

/// Codes for a webhook or a channel that takes nothing any more, with what to do.
const BROKEN: [(u32, &str); 11] = [
    (10_003, "the channel is gone"),
    (10_015, GONE),
    (50_001, "the webhook may not post there"),
    (50_013, "the webhook may not post there"),
    (50_027, GONE),
    (50_083, "the thread is archived"),
    (160_005, "the thread is locked"),
    (220_001, FORUM),
    (220_002, FORUM),
    (220_003, FORUM),
    (220_004, FORUM),
];

const GONE: &str = "the webhook does not exist (any more): make a new one and put in its URL";
const FORUM: &str = "a webhook of a forum needs `?thread_id=…` at the end of its URL";

/// Codes for a message that cannot be edited: there is none, or it is somebody else's.
const GONE_CODES: [u32; 2] = [10_008, 50_005];

/// The guard's own code for an address or a program that it does not let in.
const GUARDED: u32 = 40_333;

#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(default)]
    code: u32,
    retry_after: Option<f64>,
}

/// Sorts the answer to a message.
///
/// # Errors
/// What to do next.
pub fn sort(answer: &Answer, now: Timestamp) -> Result<(), Sorted> {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    let body: Option<Body> = serde_json::from_str(&answer.body).ok();
    let is_html = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
        || answer.body.trim_start().starts_with('<');
    let Body { code, retry_after } = body.unwrap_or_default();
    let named = retry_after.and_then(seconds).or_else(|| answer.retry_after(now));
    let busy = || {
        let wait = named.or_else(|| reset_after(answer));
        Sorted::new(FailureKind::after(wait), too_many(answer))
    };
    Err(match answer.status {
        403 | 429 if is_html || code == GUARDED => {
            let wait = Some(named.unwrap_or_default().max(BAN_WAIT));
            let kind = FailureKind::Later { wait, counts: true };
            Sorted::new(kind, "its guard turns this address away for some time")
        }
        429 => busy(),
        _ if BUSY.contains(&code) => busy(),
        // The message may have been saved before the fault.
        500 | 504 => Sorted::new(FailureKind::Unsure, "it may have been posted"),
        status => {
            if let Some((_, hint)) = BROKEN.iter().find(|(broken, _)| *broken == code) {
                Sorted::new(FailureKind::Broken, hint)
            } else if REFUSED.contains(&code) {
                Sorted::new(FailureKind::Refused, "the message is not valid for Discord")
            } else if let Some(sorted) = sort_common(answer, named) {
                sorted
            } else if matches!(status, 401 | 403 | 404 | 410) {
                Sorted::new(FailureKind::Broken, GONE)
            } else {
                Sorted::new(FailureKind::Refused, "the message is not valid for Discord")
            }
        }
    })
}

/// Whether the message to be edited is not there (any more), or is not the webhook's: it is
/// posted anew.
pub fn is_gone(answer: &Answer) -> bool {
    let body: Option<Body> = serde_json::from_str(&answer.body).ok();
    (400..500).contains(&answer.status) && body.is_some_and(|body| GONE_CODES.contains(&body.code))
}

/// How long the next message should wait: the webhook's bucket is empty until then.
/// <https://discord.com/developers/docs/topics/rate-limits#header-format>
pub fn pause(answer: &Answer) -> Option<Duration> {
    let left = answer.header("x-ratelimit-remaining")?.trim().parse::<u32>().ok()?;
    if left == 0 { reset_after(answer) } else { None }
}

fn reset_after(answer: &Answer) -> Option<Duration> {
    seconds(answer.header("x-ratelimit-reset-after")?.trim().parse().ok()?)
}

/// Whose limit it was.
fn too_many(answer: &Answer) -> &'static str {
    match answer.header("x-ratelimit-scope") {
        Some("global") => "too many messages from this address, to all webhooks together",
        Some("shared") => "too many messages in the channel, by others too",
        _ if answer.header("x-ratelimit-global").is_some() => {
            "too many messages from this address, to all webhooks together"
        }
        _ => "too many messages",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(status: u16, headers: &[(&str, &str)], body: &str) -> Option<FailureKind> {
        let headers =
            headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let answer = Answer { status, headers, body: body.into(), complete: true };
        sort(&answer, Timestamp::UNIX_EPOCH).err().map(|sorted| sorted.kind)
    }

    #[test]
    fn every_answer_has_its_place() {
        use FailureKind::{Broken, Refused, Unsure};
        let later = Some(FailureKind::LATER);
        let table = [
            (200, r#"{"id":"1"}"#, None),
            (204, "", None),
            (302, "", Some(Refused)),
            (400, r#"{"code":50035,"message":"Invalid Form Body"}"#, Some(Refused)),
            (400, r#"{"code":50006}"#, Some(Refused)),
            (400, r#"{"code":220001}"#, Some(Broken)),
            (400, r#"{"code":50083}"#, Some(Broken)),
            (400, r#"{"code":20016}"#, later),
            (400, "not JSON", Some(Refused)),
            (413, r#"{"code":40005}"#, Some(Refused)),
            (401, r#"{"code":50027}"#, Some(Broken)),
            (403, r#"{"code":50013}"#, Some(Broken)),
            (404, r#"{"code":10015}"#, Some(Broken)),
            (404, "", Some(Broken)),
            (429, "", later),
            (500, "", Some(Unsure)),
            (502, "", later),
            (503, r#"{"code":130000}"#, later),
            (504, "", Some(Unsure)),
        ];

        for (status, body, expected) in table {
            assert_eq!(sorted(status, &[], body), expected, "{status} {body}");
        }
    }

    #[test]
    fn the_wait_is_taken_from_the_body_and_else_from_the_header() {
        let exact = sorted(429, &[("retry-after", "2")], r#"{"retry_after":1.25,"global":false}"#);
        let rounded = sorted(429, &[("retry-after", "2")], "{}");

        let named = |wait| Some(FailureKind::Later { wait: Some(wait), counts: false });
        assert_eq!(exact, named(Duration::from_millis(1250)));
        assert_eq!(rounded, named(Duration::from_secs(2)));
    }

    #[test]
    fn a_wait_that_only_the_bucket_names_is_taken_too() {
        let headers = [("x-ratelimit-remaining", "3"), ("x-ratelimit-reset-after", "0.5")];

        let wait = Some(Duration::from_millis(500));
        assert_eq!(sorted(429, &headers, "{}"), Some(FailureKind::Later { wait, counts: false }));
    }

    #[test]
    fn an_empty_bucket_asks_for_a_pause_and_junk_for_none() {
        let pause = |remaining: &str, reset: &str| {
            let headers = vec![
                ("x-ratelimit-remaining".into(), remaining.into()),
                ("x-ratelimit-reset-after".into(), reset.into()),
            ];
            super::pause(&Answer { status: 200, headers, ..Answer::default() })
        };

        assert_eq!(pause("0", "1.75"), Some(Duration::from_millis(1750)));
        assert_eq!(pause("1", "1.75"), None);
        assert_eq!(super::pause(&Answer::default()), None);
        for junk in ["", "-1", "NaN", "soon"] {
            assert_eq!(pause("0", junk), None, "{junk}");
            assert_eq!(pause(junk, "1"), None, "{junk}");
        }
        assert_eq!(pause("0", "1e300"), Some(Duration::from_secs(3600)));
    }

    #[test]
    fn only_a_missing_or_foreign_message_is_gone() {
        let gone = |status, body: &str| {
            is_gone(&Answer { status, body: body.into(), ..Answer::default() })
        };

        assert!(gone(404, r#"{"code":10008,"message":"Unknown Message"}"#));
        assert!(gone(403, r#"{"code":50005}"#));
        for (status, body) in [
            (404, r#"{"code":10015}"#),
            (404, r#"{"code":10003}"#),
            (404, "<html>"),
            (200, r#"{"code":10008}"#),
            (500, r#"{"code":10008}"#),
        ] {
            assert!(!gone(status, body), "{status} {body}");
        }
    }

    #[test]
    fn a_ban_is_left_alone_for_ten_minutes_or_longer_if_it_says_so() {
        let html = [("content-type", "text/html; charset=UTF-8")];
        let longer = [("content-type", "text/html"), ("retry-after", "1800")];
        let later = |wait| Some(FailureKind::Later { wait: Some(wait), counts: true });

        assert_eq!(sorted(403, &html, "<html>"), later(BAN_WAIT));
        assert_eq!(sorted(429, &longer, "<html>"), later(Duration::from_secs(1800)));
        assert_eq!(sorted(403, &[], r#"{"code":40333}"#), later(BAN_WAIT));
    }
}
