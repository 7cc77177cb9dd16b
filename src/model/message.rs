//! A rendered message, and what goes with it on its way.

use std::fmt;

use jiff::Timestamp;

use super::{DeliveryId, EventKind};

/// The types of notifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NotifierKind {
    Slack,
    Discord,
    Email,
    Webhook,
    Command,
    Console,
}

impl NotifierKind {
    /// Every type, in the contract's order.
    pub const ALL: [Self; 6] =
        [Self::Slack, Self::Discord, Self::Email, Self::Webhook, Self::Command, Self::Console];

    /// The word after `type =`, and the name of the folder of its templates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Email => "email",
            Self::Webhook => "webhook",
            Self::Command => "command",
            Self::Console => "console",
        }
    }
}

impl fmt::Display for NotifierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A message in the form its notifier type wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// A request body: a JSON object, already checked to be one (slack, discord, webhook),
    /// or the event document itself (webhook without a template, command).
    Json(String),
    Mail {
        subject: String,
        text: String,
        html: String,
    },
    /// Plain text for a terminal (console).
    Text(String),
}

/// What a person reads of a message, without its mark-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readable {
    /// Of a mail.
    pub subject: Option<String>,
    pub text: String,
}

/// What a notifier needs to know beside the message itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The same at every attempt: `webhook-id`, part of `Message-ID`.
    pub delivery_id: DeliveryId,
    /// The address for email, else empty.
    pub recipient: String,
    pub kind: EventKind,
    /// When this attempt is made: `webhook-timestamp`.
    pub now: Timestamp,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
    /// The same for all mails about one job, so that they thread; empty where there is no job.
    pub thread: String,
    /// What is special where the job's message is a live one.
    pub live: Option<Live>,
}

/// A message that is one for its whole job, edited as the job moves on; by mail one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Live {
    /// Where it is, in words of the service's folder alone; `None`: it has not been posted.
    pub handle: Option<String>,
    /// Whether it is the job's end that is told now.
    pub terminal: bool,
    /// Project and type of the job: the same for all that is said about it.
    pub about: String,
}
