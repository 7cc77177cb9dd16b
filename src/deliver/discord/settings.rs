//! What a Discord notifier is told by the config.

use crate::secret::SecretSource;

/// A webhook of a Discord channel.
#[derive(Debug, Clone)]
pub struct DiscordSettings {
    /// `https://discord.com/api/webhooks/{id}/{token}`: the URL is the credential.
    pub webhook_url: SecretSource,
    /// Whether a job has one message, edited as the job moves on.
    pub live: bool,
}
