//! What a Slack notifier is told by the config.

use url::Url;

use crate::secret::SecretSource;

/// How messages get to Slack.
#[derive(Debug, Clone)]
pub enum SlackSettings {
    /// An incoming webhook.
    Webhook {
        /// `https://hooks.slack.com/services/…`: the URL is the credential.
        webhook_url: SecretSource,
    },
    /// An app's bot.
    Bot(BotSettings),
}

/// A bot, which posts by the Web API.
#[derive(Debug, Clone)]
pub struct BotSettings {
    /// `xoxb-…`
    pub token: SecretSource,
    /// The channel's id; Slack takes the name of a public one as well.
    pub channel: String,
    /// Where the API is: `https://slack.com/api`.
    pub api_url: Url,
    /// Whether a job has one message, edited as the job moves on.
    pub live: bool,
    /// Whether a job's end is also a reply to that message.
    pub live_reply: bool,
}
