//! Deliver: a message goes out to the world, one attempt at a time.
//!
//! `pipeline` owns the ledger and decides when; this room knows how. A [`Notifier`] is built
//! from checked settings once its secrets are needed, takes a rendered message with its
//! envelope, and gives a [`Receipt`] or a [`Failure`] sorted by what to do next. Each type has a
//! folder: `settings` (what it is told), `payload` (the service's limits, pure), `sort` (what an
//! answer means, pure), `mod` (the sending). [`retry`] and [`pace`] say when to try. Nothing
//! here retries by itself, reads the store, or knows rules and templates.

pub mod answer;
pub mod command;
pub mod console;
pub mod cut;
pub mod discord;
pub mod email;
#[cfg(test)]
pub mod far_side;
mod fitted;
pub mod http;
mod live;
pub mod outcome;
pub mod pace;
pub mod retry;
pub mod settings;
pub mod slack;
#[cfg(test)]
mod tests;
pub mod webhook;

use std::time::Duration;

use self::command::Command;
use self::console::Console;
use self::discord::Discord;
use self::email::Email;
pub use self::fitted::fitted;
pub use self::outcome::{BuildError, Failure, FailureKind, Receipt};
use self::settings::{NotifierSettings, TypeSettings};
use self::slack::Slack;
use self::webhook::Webhook;
use crate::model::{Envelope, Message, NotifierKind};
use crate::secret::{Redactor, Resolver};

/// One configured way out, with its secrets read.
#[derive(Debug)]
pub struct Notifier {
    name: String,
    kind: NotifierKind,
    timeout: Duration,
    sender: Sender,
}

#[derive(Debug)]
enum Sender {
    Slack(Box<Slack>),
    Discord(Discord),
    Email(Box<Email>),
    Webhook(Box<Webhook>),
    Command(Command),
    Console(Console),
}

impl Notifier {
    /// Reads the notifier's secrets, which `redactor` learns, and checks what only they tell.
    /// Nothing is sent.
    ///
    /// # Errors
    /// [`BuildError`] names the notifier, the key and the remedy.
    pub fn build(
        settings: &NotifierSettings,
        resolver: &Resolver,
        redactor: &mut Redactor,
    ) -> Result<Self, BuildError> {
        let timeout = settings.timeout;
        let sender = match &settings.settings {
            TypeSettings::Slack(slack) => {
                let slack = Slack::build(slack, timeout, resolver, redactor);
                slack.map(|slack| Sender::Slack(Box::new(slack)))
            }
            TypeSettings::Discord(discord) => {
                Discord::build(discord, timeout, resolver, redactor).map(Sender::Discord)
            }
            TypeSettings::Email(email) => Email::build(email, timeout, resolver, redactor)
                .map(|email| Sender::Email(Box::new(email))),
            TypeSettings::Webhook(webhook) => Webhook::build(webhook, timeout, resolver, redactor)
                .map(|webhook| Sender::Webhook(Box::new(webhook))),
            TypeSettings::Command(command) => {
                Command::build(command, resolver, redactor).map(Sender::Command)
            }
            TypeSettings::Console => Ok(Sender::Console(Console::stdout())),
        };
        let sender = sender.map_err(|bad| bad.of(&settings.name))?;
        Ok(Self { name: settings.name.clone(), kind: settings.kind(), timeout, sender })
    }

    /// The name in the config.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its type.
    pub fn kind(&self) -> NotifierKind {
        self.kind
    }

    /// Makes one attempt, which ends within the notifier's time-out. Where the future is
    /// dropped, the message may or may not have got through.
    ///
    /// # Errors
    /// [`Failure`] says what to do next, in [`Failure::kind`].
    pub async fn send(&self, envelope: &Envelope, message: &Message) -> Result<Receipt, Failure> {
        let attempt = async {
            match &self.sender {
                Sender::Slack(slack) => slack.send(envelope, message).await,
                Sender::Discord(discord) => discord.send(envelope, message).await,
                Sender::Email(email) => email.send(envelope, message).await,
                Sender::Webhook(webhook) => webhook.send(envelope, message).await,
                Sender::Command(command) => command.send(message).await,
                Sender::Console(console) => console.send(message).await,
            }
        };
        self.in_time(FailureKind::Unsure, attempt).await
    }

    /// Asks whether the credentials work, without a message where the service has a way for
    /// that. Gives what was found, for people.
    ///
    /// # Errors
    /// As [`Notifier::send`].
    pub async fn probe(&self) -> Result<String, Failure> {
        let question = async {
            match &self.sender {
                Sender::Slack(slack) => slack.probe().await,
                Sender::Discord(discord) => discord.probe().await,
                Sender::Email(email) => email.probe().await,
                Sender::Webhook(webhook) => Ok(webhook.probe()),
                Sender::Command(command) => command.probe(),
                Sender::Console(_) => Ok("standard output needs no credentials".into()),
            }
        };
        self.in_time(FailureKind::LATER, question).await
    }

    /// The outermost bound. Ways that can tell how far they came keep time themselves, so it is
    /// a little longer than theirs.
    async fn in_time<T>(
        &self,
        kind: FailureKind,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        const GRACE: Duration = Duration::from_millis(50);
        let bound = match self.sender {
            Sender::Command(_) | Sender::Console(_) => self.timeout,
            _ => self.timeout + GRACE,
        };
        tokio::time::timeout(bound, work).await.unwrap_or_else(|_| {
            Err(Failure::new(kind, format!("it was not done within {:?}", self.timeout)))
        })
    }
}
