//! Which keys of the file hold secrets, and what a secret looks like.
//!
//! One list for the warning about the file's mode, and for masking. A key must stand in one of
//! the two lists; what stands in none is taken for a secret.

/// Keys whose values are secrets, those of later versions too. An argument of a program may
/// be one.
pub(super) const SECRET: [&str; 10] = [
    "token",
    "password",
    "secret",
    "webhook_url",
    "url",
    "headers",
    "callback_key",
    "admin_token",
    "read_token",
    "program",
];

/// Keys whose values may be shown.
pub(super) const HARMLESS: [&str; 49] = [
    "active",
    "after",
    "api_url",
    "base_path",
    "base_url",
    "bcc",
    "burst",
    "cc",
    "channel",
    "final",
    "first_run",
    "from",
    "group",
    "host",
    "idle_interval",
    "include_download_url",
    "keep",
    "listen",
    "live",
    "live_reply",
    "lookback",
    "match",
    "method",
    "name",
    "notify",
    "ok",
    "on",
    "poll_interval",
    "port",
    "project_id",
    "rate",
    "repeat",
    "repeat_max",
    "reply_to",
    "retry_after",
    "retry_for",
    "spend",
    "store",
    "template",
    "templates",
    "throttle",
    "timeout",
    "timezone",
    "tls",
    "to",
    "type",
    "username",
    "watch",
    "when",
];

/// Keys of `[[test]]` tables, whose values may be shown there: a made-up job is no secret.
pub(super) const IN_TESTS: [&str; 14] = [
    "name", "events", "expect", "only", "kind", "source", "from", "to", "late", "at", "without",
    "rule", "notifier", "text",
];

/// Keys of `[[test.events]]` whose tables hold whatever a job may have.
pub(super) const FREE_IN_TESTS: [&str; 2] = ["job", "facts"];

/// Whether a key's plain value is a secret.
pub(super) fn is_secret_key(key: &str) -> bool {
    SECRET.contains(&key) && key != "program"
}

/// Whether a text has the form of a credential, whatever key it stands under.
pub(super) fn looks_secret(text: &str) -> bool {
    let url = text.contains("://") && !text.starts_with("sqlite:") && text.contains(['@', '?']);
    let known = ["hooks.slack", "/api/webhooks/", "xoxb-", "xoxp-", "whsec_", "Bearer "];
    url || known.iter().any(|part| text.contains(part))
}
