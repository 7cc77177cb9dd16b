//! What an answer of a Slack webhook means. Pure.
//!
//! The body is a bare word and tells more than the status: the same word comes with several
//! statuses. Words: <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>

use jiff::Timestamp;

use crate::deliver::answer::{Answer, sort_common};
use crate::deliver::outcome::{FailureKind, Sorted};

/// Words for a payload that will never be taken.
const REFUSED: [&str; 6] = [
    "invalid_payload",
    "no_text",
    "invalid_blocks",
    "invalid_blocks_format",
    "too_many_attachments",
    "user_not_found",
];

/// Words for a webhook that takes nothing any more, with what to do.
const BROKEN: [(&str, &str); 10] = [
    ("no_team", GONE),
    ("no_service_id", GONE),
    ("no_service", GONE),
    ("no_active_hooks", GONE),
    ("invalid_token", GONE),
    ("team_disabled", "the workspace is disabled"),
    ("channel_not_found", GONE),
    ("channel_is_archived", "its channel is archived: bring it back, or make a new webhook"),
    ("action_prohibited", FORBIDDEN),
    ("posting_to_general_channel_denied", FORBIDDEN),
];

const GONE: &str = "the webhook does not exist (any more): make a new one and put in its URL";
const FORBIDDEN: &str = "an admin of the workspace does not let the webhook post there";

/// Sorts the answer to a message.
///
/// # Errors
/// What to do next; only 200 with the word `ok` says that Slack has it.
pub fn sort(answer: &Answer, now: Timestamp) -> Result<(), Sorted> {
    let word = answer.body.trim();
    if (200..300).contains(&answer.status) {
        return match word {
            "ok" => Ok(()),
            _ => Err(Sorted::new(FailureKind::Unsure, "without the word `ok` that Slack gives")),
        };
    }
    if let Some((_, hint)) = BROKEN.iter().find(|(broken, _)| *broken == word) {
        return Err(Sorted::new(FailureKind::Broken, hint));
    }
    if REFUSED.contains(&word) {
        return Err(Sorted::new(FailureKind::Refused, "the message is not valid for Slack"));
    }
    if answer.status == 500 && word == "rollup_error" {
        return Err(Sorted::new(FailureKind::Unsure, "it may have been posted"));
    }
    if let Some(sorted) = sort_common(answer, answer.retry_after(now)) {
        return Err(sorted);
    }
    Err(match answer.status {
        401 | 403 | 404 | 410 => Sorted::new(FailureKind::Broken, GONE),
        _ => Sorted::new(FailureKind::Refused, ""),
    })
}

/// Sorts the answer to the empty payload of a probe: that it is refused is good news.
///
/// # Errors
/// As [`sort`], where the webhook itself is at fault or Slack is.
pub fn sort_probe(answer: &Answer) -> Result<(), Sorted> {
    match sort(answer, Timestamp::UNIX_EPOCH) {
        Err(Sorted { kind: FailureKind::Refused, .. }) if answer.status == 400 => Ok(()),
        sorted => sorted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(status: u16, body: &str) -> Option<FailureKind> {
        let answer = Answer { status, body: body.into(), complete: true, ..Answer::default() };
        sort(&answer, Timestamp::UNIX_EPOCH).err().map(|sorted| sorted.kind)
    }

    #[test]
    fn every_answer_has_its_place() {
        use FailureKind::{Broken, Refused, Unsure};
        let table = [
            (200, "ok", None),
            (200, "ok\n", None),
            (200, "<html>please log in</html>", Some(Unsure)),
            (200, "", Some(Unsure)),
            (302, "", Some(Refused)),
            (400, "invalid_payload", Some(Refused)),
            (400, "no_text", Some(Refused)),
            (404, "user_not_found", Some(Refused)),
            (400, "no_service", Some(Broken)),
            (403, "invalid_token", Some(Broken)),
            (404, "no_service", Some(Broken)),
            (404, "channel_not_found", Some(Broken)),
            (410, "channel_is_archived", Some(Broken)),
            (400, "channel_is_archived", Some(Broken)),
            (403, "action_prohibited", Some(Broken)),
            (404, "<html>", Some(Broken)),
            (400, "a_word_of_tomorrow", Some(Refused)),
            (413, "", Some(Refused)),
            (429, "", Some(FailureKind::LATER)),
            (500, "rollup_error", Some(Unsure)),
            (500, "", Some(FailureKind::LATER)),
            (503, "", Some(FailureKind::LATER)),
        ];

        for (status, body, expected) in table {
            assert_eq!(sorted(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn a_probe_is_content_when_only_its_empty_payload_is_refused() {
        let probed = |status, body: &str| {
            let answer = Answer { status, body: body.into(), ..Answer::default() };
            sort_probe(&answer).err().map(|sorted| sorted.kind)
        };

        assert_eq!(probed(400, "no_text"), None);
        assert_eq!(probed(400, "invalid_payload"), None);
        assert_eq!(probed(200, "ok"), None);
        assert_eq!(probed(404, "no_service"), Some(FailureKind::Broken));
        assert_eq!(probed(403, "invalid_token"), Some(FailureKind::Broken));
        assert_eq!(probed(302, ""), Some(FailureKind::Refused));
        assert_eq!(probed(503, ""), Some(FailureKind::LATER));
    }
}
