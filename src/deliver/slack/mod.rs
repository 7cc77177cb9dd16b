//! Slack, in one of two ways: an incoming webhook (`hook`), or a bot by the Web API (`bot`),
//! which can edit what it has said and reply to it.
//!
//! The rendered message is made valid by `payload`, the same for both; `sort` judges what a
//! webhook answers, `api` what the Web API does. See `webhook` for servers that merely
//! resemble Slack.

pub mod api;
pub mod blocks;
mod bot;
mod hook;
pub mod payload;
pub mod settings;
pub mod sort;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_bot;

use std::time::Duration;

use self::bot::Bot;
use self::hook::Hook;
use self::settings::SlackSettings;
use super::outcome::{BadKey, Failure, Receipt};
use crate::model::{Envelope, Message};
use crate::secret::{Redactor, Resolver};

const SERVICE: &str = "Slack";

/// A way to Slack that is ready to be used.
#[derive(Debug)]
pub(super) enum Slack {
    Hook(Hook),
    Bot(Bot),
}

impl Slack {
    pub(super) fn build(
        settings: &SlackSettings,
        timeout: Duration,
        resolver: &Resolver,
        redactor: &mut Redactor,
    ) -> Result<Self, BadKey> {
        match settings {
            SlackSettings::Webhook { webhook_url } => {
                Hook::build(webhook_url, timeout, resolver, redactor).map(Self::Hook)
            }
            SlackSettings::Bot(bot) => Bot::build(bot, timeout, resolver, redactor).map(Self::Bot),
        }
    }

    pub(super) async fn send(
        &self,
        envelope: &Envelope,
        message: &Message,
    ) -> Result<Receipt, Failure> {
        let Message::Json(rendered) = message else {
            return Err(Failure::wrong_form("a Slack payload"));
        };
        match self {
            Self::Hook(hook) => hook.send(envelope, rendered).await,
            Self::Bot(bot) => bot.send(envelope, rendered).await,
        }
    }

    /// Asks whether the credentials work, and shows nothing to anybody.
    pub(super) async fn probe(&self) -> Result<String, Failure> {
        match self {
            Self::Hook(hook) => hook.probe().await,
            Self::Bot(bot) => bot.probe().await,
        }
    }
}
