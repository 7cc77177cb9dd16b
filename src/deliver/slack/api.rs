//! What an answer of Slack's Web API means. Pure.
//!
//! The status is 200 also where the call has failed: `ok` tells that, and `error` is a word
//! for why. Words: <https://docs.slack.dev/reference/methods/chat.postMessage> and
//! <https://docs.slack.dev/reference/methods/chat.update>

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::deliver::answer::{Answer, sort_common};
use crate::deliver::outcome::{FailureKind, Sorted};

/// What the body of an answer says.
#[derive(Debug, Default)]
pub struct Said {
    pub ok: Option<bool>,
    /// A word for what is wrong.
    pub error: String,
    /// The id of the channel, also where the call named it otherwise.
    pub channel: Option<String>,
    /// What tells the message from all others of its channel.
    pub ts: Option<String>,
    /// Of `auth.test`: the workspace, and who we are in it.
    pub team: Option<String>,
    pub user: Option<String>,
    /// What Slack has to remark, as which part of a message is wrong.
    pub remarks: String,
}

/// An unknown word may be a passing trouble: after so many attempts it is not.
pub const UNKNOWN_ATTEMPTS: u32 = 3;

/// A limit by the day has been reached: no sooner than this.
const DAY_LIMIT_WAIT: Duration = Duration::from_secs(60 * 60);

const BUSY: [&str; 2] = ["ratelimited", "rate_limited"];
const DAY_LIMIT: &str = "message_limit_exceeded";

/// Words for a trouble that passes.
const LATER: [&str; 7] = [
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
    "external_channel_migrating",
    "update_failed",
    "org_login_required",
    "accesslimited",
];

/// Words for a fault in the middle of the work.
const UNSURE: [&str; 2] = ["internal_error", "fatal_error"];

/// Words for a message that will never be taken.
const REFUSED: [&str; 20] = [
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "invalid_arguments",
    "invalid_arg_name",
    "invalid_array_arg",
    "invalid_charset",
    "invalid_form_data",
    "invalid_json",
    "json_not_object",
    "invalid_post_type",
    "missing_post_type",
    "too_many_attachments",
    "attachment_payload_limit_exceeded",
    "markdown_text_conflict",
    "metadata_too_large",
    "block_mismatch",
    "invalid_attachments",
];

/// Words for a channel that takes nothing from us, with what to do.
const CHANNEL: [(&str, &str); 13] = [
    ("channel_not_found", "there is no such channel, or the app is not in it: check `channel`"),
    ("is_archived", "the channel is archived: bring it back, or name another `channel`"),
    ("not_in_channel", "the app is not in the channel: invite it there"),
    ("is_inactive", "the channel is frozen: name another `channel`"),
    ("no_permission", FORBIDDEN),
    ("ekm_access_denied", "the workspace's keys are not given out at the moment"),
    ("messages_tab_disabled", "the app's home does not take messages: switch on its Messages tab"),
    ("team_not_found", "there is no such workspace (any more)"),
    ("cannot_reply_to_message", NO_THREAD),
    ("method_not_supported_for_channel_type", "this kind of channel takes no messages of apps"),
    ("channel_type_not_supported", "this kind of channel takes no messages of apps"),
    ("user_not_found", "there is no such person: check `channel`"),
    ("unknown_method", "there is no Web API of Slack: check `api_url`"),
];

/// Beginnings of words like those.
const CHANNEL_PREFIXES: [&str; 2] = ["restricted_action", "slack_connect_"];

/// Words for a token that is not good enough, with what to do.
const TOKEN: [(&str, &str); 16] = [
    ("invalid_auth", BAD_TOKEN),
    ("not_authed", BAD_TOKEN),
    ("account_inactive", "the app was taken out of the workspace: install it again"),
    ("token_revoked", BAD_TOKEN),
    ("token_expired", BAD_TOKEN),
    ("missing_scope", "the app needs the scope chat:write: add it and install the app again"),
    ("not_allowed_token_type", "this kind of token may not post: put in the bot token (xoxb-…)"),
    ("two_factor_setup_required", "the token's owner must set up two-factor login"),
    ("access_denied", FORBIDDEN),
    ("app_access_restricted", FORBIDDEN),
    ("team_access_not_granted", FORBIDDEN),
    ("enterprise_is_restricted", FORBIDDEN),
    ("is_bot", "this kind of token may not post: put in the bot token (xoxb-…)"),
    ("method_deprecated", "Slack has retired this call: a newer version of this program is needed"),
    (
        "deprecated_endpoint",
        "Slack has retired this call: a newer version of this program is needed",
    ),
    ("ip_not_allowed", "the app is not allowed to call from this address"),
];

/// Words for a message that cannot be edited (any more).
const GONE: [&str; 4] =
    ["message_not_found", "edit_window_closed", "cant_update_message", "streaming_state_conflict"];

/// Words for a message that takes no replies.
const THREADLESS: [&str; 3] = [
    "cannot_reply_to_message",
    "restricted_action_thread_locked",
    "restricted_action_non_threadable_channel",
];

const BAD_TOKEN: &str = "the token is not valid (any more): put in the app's bot token (xoxb-…)";
const FORBIDDEN: &str = "an admin of the workspace does not let the app post there";
const NO_THREAD: &str = "it takes no replies";

impl Said {
    /// Reads a body, as much of it as is there: a call that was done must not be taken for one
    /// that failed since something beside looks odd.
    pub fn read(answer: &Answer) -> Self {
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let remarks = ["messages", "warnings"]
            .iter()
            .filter_map(|key| body.get("response_metadata")?.get(key)?.as_array())
            .flatten()
            .filter_map(Value::as_str);
        Self {
            ok: body.get("ok").and_then(Value::as_bool),
            error: text("error").unwrap_or_default(),
            channel: text("channel"),
            ts: text("ts"),
            team: text("team"),
            user: text("user"),
            remarks: remarks.collect::<Vec<_>>().join("; "),
        }
    }

    /// Whether the message to be edited is not there (any more): it is posted anew.
    pub fn is_gone(&self) -> bool {
        GONE.contains(&self.error.as_str())
    }

    /// Whether the message takes no replies.
    pub fn is_threadless(&self) -> bool {
        THREADLESS.contains(&self.error.as_str())
    }

    /// What to do where the channel does not take the message.
    fn channel_hint(&self) -> Option<&'static str> {
        let word = self.error.as_str();
        let known = CHANNEL.iter().find(|(known, _)| *known == word).map(|(_, hint)| *hint);
        let family = || CHANNEL_PREFIXES.iter().any(|prefix| word.starts_with(prefix));
        known.or_else(|| family().then_some(FORBIDDEN))
    }

    /// Whether the channel does not take the message, and another one may.
    pub fn is_about_channel(&self) -> bool {
        self.channel_hint().is_some()
    }
}

/// Sorts the answer to a call, the `attempt`-th for its message.
///
/// # Errors
/// What to do next; only `ok` says that Slack has done it.
pub fn sort(answer: &Answer, said: &Said, now: Timestamp, attempt: u32) -> Result<(), Sorted> {
    let named = answer.retry_after(now);
    let word = said.error.as_str();
    let is = |words: &[&str]| words.contains(&word);
    let success = (200..300).contains(&answer.status);
    if success && said.ok == Some(true) {
        return Ok(());
    }
    if BUSY.contains(&word) {
        return Err(Sorted::new(FailureKind::after(named), "too many messages"));
    }
    if word == DAY_LIMIT {
        let kind = FailureKind::Later { wait: named.or(Some(DAY_LIMIT_WAIT)), counts: false };
        return Err(Sorted::new(kind, "the workspace has used up its messages of the day"));
    }
    if let Some((_, hint)) = TOKEN.iter().find(|(known, _)| *known == word) {
        return Err(Sorted::new(FailureKind::Broken, hint));
    }
    if let Some(hint) = said.channel_hint() {
        return Err(Sorted::new(FailureKind::Broken, hint));
    }
    if is(&LATER) {
        return Err(Sorted::new(FailureKind::after(named), ""));
    }
    if is(&UNSURE) {
        return Err(Sorted::new(FailureKind::Unsure, "some of it may have been done"));
    }
    if is(&REFUSED) || word.starts_with("invalid_metadata") {
        return Err(Sorted::new(FailureKind::Refused, "the message is not valid for Slack"));
    }
    // Of a 503, and of a wait that is named, it is known that nothing was done.
    if (500..=599).contains(&answer.status) && answer.status != 503 && named.is_none() {
        return Err(Sorted::new(FailureKind::Unsure, "some of it may have been done"));
    }
    if let Some(sorted) = sort_common(answer, named) {
        return Err(sorted);
    }
    if !word.is_empty() {
        let again = attempt < UNKNOWN_ATTEMPTS;
        let kind = if again { FailureKind::LATER } else { FailureKind::Refused };
        return Err(Sorted::new(kind, "a word that is not known here"));
    }
    Err(match answer.status {
        200..=299 => Sorted::new(FailureKind::Unsure, "without the `ok` that Slack gives"),
        401 | 403 | 404 | 410 => {
            Sorted::new(FailureKind::Broken, "this is not how Slack answers: check `api_url`")
        }
        _ => Sorted::new(FailureKind::Refused, "this is not how Slack answers"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(status: u16, headers: &[(&str, &str)], body: &str) -> Option<FailureKind> {
        let headers =
            headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let answer = Answer { status, headers, body: body.into(), complete: true };
        sort(&answer, &Said::read(&answer), Timestamp::UNIX_EPOCH, 1).err().map(|it| it.kind)
    }

    fn word(word: &str) -> Option<FailureKind> {
        sorted(200, &[], &format!(r#"{{"ok":false,"error":"{word}"}}"#))
    }

    #[test]
    fn every_word_has_its_place() {
        use FailureKind::{Broken, Refused, Unsure};
        let places: [(&[&str], FailureKind); 4] = [
            (&LATER, FailureKind::LATER),
            (&BUSY, FailureKind::LATER),
            (&UNSURE, Unsure),
            (&REFUSED, Refused),
        ];

        for (words, kind) in places {
            for known in words {
                assert_eq!(word(known), Some(kind), "{known}");
            }
        }
        for (known, _) in CHANNEL.iter().chain(&TOKEN) {
            assert_eq!(word(known), Some(Broken), "{known}");
        }
        for known in ["restricted_action_read_only_channel", "slack_connect_file_link_sharing"] {
            assert_eq!(word(known), Some(Broken), "{known}");
        }
        assert_eq!(word("invalid_metadata_format"), Some(Refused));
        let wait = Some(DAY_LIMIT_WAIT);
        assert_eq!(word(DAY_LIMIT), Some(FailureKind::Later { wait, counts: false }));
    }

    #[test]
    fn only_ok_is_taken_whatever_the_status() {
        use FailureKind::{Broken, Refused, Unsure};
        let later = Some(FailureKind::LATER);

        assert_eq!(sorted(200, &[], r#"{"ok":true,"ts":"1.2"}"#), None);
        assert_eq!(sorted(200, &[], r#"{"ok":true,"error":null,"channel":{}}"#), None);
        assert_eq!(sorted(200, &[], r#"{"ok":"true"}"#), Some(Unsure));
        assert_eq!(sorted(200, &[], "<html>please log in</html>"), Some(Unsure));
        assert_eq!(sorted(200, &[], ""), Some(Unsure));
        assert_eq!(sorted(302, &[], ""), Some(Refused));
        assert_eq!(sorted(404, &[], "<html>"), Some(Broken));
        assert_eq!(sorted(413, &[], ""), Some(Refused));
        assert_eq!(sorted(429, &[], ""), later);
        assert_eq!(sorted(500, &[], ""), Some(Unsure));
        assert_eq!(sorted(502, &[], "<html>"), Some(Unsure));
        assert_eq!(sorted(503, &[], ""), later);
        assert_eq!(sorted(503, &[], r#"{"ok":false,"error":"fatal_error"}"#), Some(Unsure));
        assert_eq!(sorted(500, &[], r#"{"ok":false,"error":"service_unavailable"}"#), later);
    }

    #[test]
    fn a_named_wait_is_obeyed_with_the_status_and_with_the_word() {
        let wait = [("retry-after", "30")];
        let expected =
            Some(FailureKind::Later { wait: Some(Duration::from_secs(30)), counts: false });

        assert_eq!(sorted(429, &wait, ""), expected);
        assert_eq!(sorted(200, &wait, r#"{"ok":false,"error":"ratelimited"}"#), expected);
        assert_eq!(sorted(502, &wait, ""), expected);
    }

    #[test]
    fn an_unknown_word_is_tried_a_few_times() {
        let answer = Answer {
            status: 200,
            body: r#"{"ok":false,"error":"a_word_of_tomorrow"}"#.into(),
            ..Answer::default()
        };
        let said = Said::read(&answer);

        let kinds = [1, 2, 3, 4]
            .map(|attempt| sort(&answer, &said, Timestamp::UNIX_EPOCH, attempt).unwrap_err().kind);

        let (later, refused) = (FailureKind::LATER, FailureKind::Refused);
        assert_eq!(kinds, [later, later, refused, refused]);
    }
}
