//! What every notifier is told by the config, whatever its type.

use std::time::Duration;

use super::command::settings::CommandSettings;
use super::discord::settings::DiscordSettings;
use super::email::settings::EmailSettings;
use super::slack::settings::SlackSettings;
use super::webhook::settings::WebhookSettings;
use crate::model::NotifierKind;
use crate::secret::SecretSource;

/// How fast messages may leave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// One message each `every`, after a first `burst`.
    Limited {
        every: Duration,
        burst: u32,
    },
    Unlimited,
}

/// The settings of one type.
#[derive(Debug, Clone)]
pub enum TypeSettings {
    Slack(SlackSettings),
    Discord(DiscordSettings),
    Email(EmailSettings),
    Webhook(WebhookSettings),
    Command(CommandSettings),
    Console,
}

/// One `[notifiers.…]` table, checked.
#[derive(Debug, Clone)]
pub struct NotifierSettings {
    pub name: String,
    pub settings: TypeSettings,
    /// For one attempt, all of it.
    pub timeout: Duration,
    pub pace: Pace,
    /// Counted from the first attempt; then the delivery is dead.
    pub retry_for: Duration,
}

impl NotifierSettings {
    /// Its type.
    pub fn kind(&self) -> NotifierKind {
        match self.settings {
            TypeSettings::Slack(_) => NotifierKind::Slack,
            TypeSettings::Discord(_) => NotifierKind::Discord,
            TypeSettings::Email(_) => NotifierKind::Email,
            TypeSettings::Webhook(_) => NotifierKind::Webhook,
            TypeSettings::Command(_) => NotifierKind::Command,
            TypeSettings::Console => NotifierKind::Console,
        }
    }

    /// Whether all that it says about a job is one message, or one thread of mails.
    pub fn is_live(&self) -> bool {
        match &self.settings {
            TypeSettings::Email(email) => email.live,
            _ => self.edits(),
        }
    }

    /// Whether it edits what it has said.
    pub fn edits(&self) -> bool {
        match &self.settings {
            TypeSettings::Slack(SlackSettings::Bot(bot)) => bot.live,
            TypeSettings::Discord(discord) => discord.live,
            _ => false,
        }
    }

    /// Every secret that its table names.
    pub fn secrets(&self) -> Vec<&SecretSource> {
        match &self.settings {
            TypeSettings::Slack(SlackSettings::Webhook { webhook_url }) => vec![webhook_url],
            TypeSettings::Slack(SlackSettings::Bot(bot)) => vec![&bot.token],
            TypeSettings::Discord(discord) => vec![&discord.webhook_url],
            TypeSettings::Email(email) => email.password.iter().collect(),
            TypeSettings::Webhook(webhook) => {
                let headers = webhook.headers.iter().map(|(_, value)| value);
                std::iter::once(&webhook.url).chain(headers).chain(&webhook.secrets).collect()
            }
            TypeSettings::Command(_) | TypeSettings::Console => Vec::new(),
        }
    }

    /// The recipients that have a delivery each: addresses for email, one nameless else.
    pub fn recipients(&self) -> Vec<String> {
        match &self.settings {
            TypeSettings::Email(email) => email.recipients(),
            _ => vec![String::new()],
        }
    }
}
