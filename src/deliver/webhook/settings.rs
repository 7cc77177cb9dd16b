//! What a generic webhook notifier is told by the config.

use serde_json::Value;

use crate::secret::SecretSource;

/// Any HTTP endpoint.
#[derive(Debug, Clone)]
pub struct WebhookSettings {
    /// The URL, which may hold secrets; `{{delivery.id}}` in its path stands for the
    /// delivery's id.
    pub url: SecretSource,
    /// Upper case.
    pub method: String,
    /// Names are checked and lower case; values are secrets.
    pub headers: Vec<(String, SecretSource)>,
    /// Each signs every request (Standard Webhooks); several while one is being replaced.
    pub secrets: Vec<SecretSource>,
    /// What counts as taken.
    pub ok: Success,
    /// Where an answer names a wait.
    pub retry_after: WaitFrom,
}

/// What an answer must be like for the message to count as taken.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Success {
    /// One of these; any 2xx where there is none.
    pub statuses: Vec<u16>,
    /// And this value in the body.
    pub json: Option<Wanted>,
}

/// A value that the body must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// A JSON pointer (RFC 6901).
    pub pointer: String,
    /// A string, a number or a boolean.
    pub equals: Value,
}

/// Where an answer names the time to wait. `Retry-After` is read where this finds nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum WaitFrom {
    /// The header `Retry-After`: seconds or a date.
    #[default]
    RetryAfter,
    /// Another header, in lower case.
    Header { name: String, unit: WaitUnit },
    /// A place in the body.
    Json { pointer: String, unit: WaitUnit },
}

/// What a number of waiting counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WaitUnit {
    #[default]
    Seconds,
    Milliseconds,
}
