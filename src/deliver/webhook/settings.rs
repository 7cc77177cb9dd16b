//! What a generic webhook notifier is told by the config.

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
}
