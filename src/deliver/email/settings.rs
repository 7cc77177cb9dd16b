//! What an email notifier is told by the config.

use lettre::message::Mailbox;

use crate::secret::SecretSource;

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// STARTTLS, and nothing is sent where the server does not offer it.
    Starttls,
    /// TLS from the first byte (port 465).
    Implicit,
    /// None; with a password only to a loopback host.
    None,
}

/// Mail over SMTP: one transaction for each recipient.
#[derive(Debug, Clone)]
pub struct EmailSettings {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub username: Option<String>,
    pub password: Option<SecretSource>,
    pub from: Mailbox,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub bcc: Vec<Mailbox>,
    pub reply_to: Vec<Mailbox>,
    /// Whether all mails about a job have one subject, so that they are shown as one thread.
    pub live: bool,
}

impl EmailSettings {
    /// Every address that gets a mail of its own, each once.
    pub fn recipients(&self) -> Vec<String> {
        let mut addresses: Vec<String> = Vec::new();
        for mailbox in self.to.iter().chain(&self.cc).chain(&self.bcc) {
            let address = mailbox.email.to_string();
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }
}
