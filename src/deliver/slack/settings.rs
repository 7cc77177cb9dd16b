//! What a Slack notifier is told by the config.

use crate::secret::SecretSource;

/// An incoming webhook of Slack.
#[derive(Debug, Clone)]
pub struct SlackSettings {
    /// `https://hooks.slack.com/services/…`: the URL is the credential.
    pub webhook_url: SecretSource,
}
