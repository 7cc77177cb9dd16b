//! One conversation with a mail server, step by step, each step with its time.
//!
//! lettre's `send` does not say at which step it failed, and puts no bound on a silent server;
//! so the steps are taken here, with lettre's commands and its connection. A session that saw
//! any error is not used again: its replies could be one step late.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Mail, Noop, Quit, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use rustls::ClientConfig;
use tokio::time::{Instant, timeout_at};

use super::payload::Outgoing;
use super::settings::Tls;
use super::sort::{Phase, sort_reply, sort_silence};
use super::wire::{NoLine, Wire};
use crate::deliver::outcome::{Failure, FailureKind};

/// For the connection, its TLS and the greeting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// For each command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(30);

/// A server closes what is idle for too long, and does not always say so.
const KEEP_IDLE: Duration = Duration::from_secs(30);

/// Servers end a connection after some number of mails, often a hundred; and the wire counts
/// what it reads.
const MAILS_MAX: u32 = 100;

/// In this order of preference; others need more than a password.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

/// Where mail is handed in, and how.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Tls,
    pub(super) tls_config: Arc<ClientConfig>,
    pub(super) credentials: Option<Credentials>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, tls, .. } = self;
        write!(f, "Server({host}:{port}, {tls:?})")
    }
}

/// A connection that is logged in and between two mails.
pub(super) struct Session {
    connection: AsyncSmtpConnection,
    /// When the last mail was taken.
    idle_since: Instant,
    mails: u32,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

/// A step failed.
#[derive(Debug)]
pub(super) struct Broke {
    pub(super) phase: Phase,
    pub(super) failure: Failure,
}

impl Session {
    /// Connects, encrypts and logs in.
    pub(super) async fn open(server: &Server, deadline: Instant) -> Result<Self, Broke> {
        let step = Step { phase: Phase::Connect, deadline, limit: CONNECT_TIMEOUT };
        let hello = ClientId::default();
        let connection = step
            .within(async {
                let wire = line(server, &hello).await.map_err(|no_line| step.no_line(no_line))?;
                AsyncSmtpConnection::connect_with_transport(Box::new(wire), &hello)
                    .await
                    .map_err(|error| step.smtp(&error))
            })
            .await?;
        let mut session = Self { connection, idle_since: Instant::now(), mails: 0 };
        if let Some(credentials) = &server.credentials {
            session.login(credentials, deadline).await?;
        }
        Ok(session)
    }

    /// Hands one mail over. Gives the server's words.
    pub(super) async fn deliver(
        &mut self,
        mail: &Outgoing,
        deadline: Instant,
    ) -> Result<(i32, String), Broke> {
        let mut parameters = Vec::new();
        if ![&mail.from, &mail.to].into_iter().all(|it| AsRef::<str>::as_ref(it).is_ascii()) {
            if !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let reason = "the mail server takes no addresses beyond ASCII";
                let failure = Failure::new(FailureKind::Refused, reason);
                return Err(Broke { phase: Phase::Recipient, failure });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let step = |phase| Step { phase, deadline, limit: COMMAND_TIMEOUT };
        let sender = Mail::new(Some(mail.from.clone()), parameters);
        self.say(step(Phase::Sender), sender, 2).await?;
        self.say(step(Phase::Recipient), Rcpt::new(mail.to.clone(), vec![]), 2).await?;
        self.say(step(Phase::Data), Data, 3).await?;
        // RFC 5321 gives the server ten minutes here: what is left of the attempt is its.
        let step = Step { phase: Phase::Content, deadline, limit: Duration::MAX };
        let reply = step.replied(self.connection.message(&mail.content)).await?;
        self.idle_since = Instant::now();
        self.mails += 1;
        step.require(&reply, 2)
    }

    /// Whether it may be used for another mail.
    pub(super) fn is_fresh(&self) -> bool {
        self.idle_since.elapsed() < KEEP_IDLE && self.mails < MAILS_MAX
    }

    /// Asks whether the server still listens.
    pub(super) async fn noop(&mut self, deadline: Instant) -> Result<(i32, String), Broke> {
        let step = Step { phase: Phase::Connect, deadline, limit: COMMAND_TIMEOUT };
        self.say(step, Noop, 2).await
    }

    /// Takes leave; whether the server answers does not matter.
    pub(super) async fn quit(mut self, deadline: Instant) {
        let step = Step { phase: Phase::Connect, deadline, limit: COMMAND_TIMEOUT };
        let _ = self.say(step, Quit, 2).await;
    }

    async fn login(&mut self, credentials: &Credentials, deadline: Instant) -> Result<(), Broke> {
        let step = Step { phase: Phase::Login, deadline, limit: COMMAND_TIMEOUT };
        if self.connection.server_info().get_auth_mechanism(&MECHANISMS).is_none() {
            let reason = "the mail server offers no login by password (PLAIN or LOGIN)";
            return Err(step.broke(Failure::new(FailureKind::Broken, reason)));
        }
        let reply = step.replied(self.connection.auth(&MECHANISMS, credentials)).await?;
        step.require(&reply, 2).map(drop)
    }

    async fn say(
        &mut self,
        step: Step,
        command: impl fmt::Display,
        hundreds: u16,
    ) -> Result<(i32, String), Broke> {
        let reply = step.replied(self.connection.command(command)).await?;
        step.require(&reply, hundreds)
    }
}

async fn line(server: &Server, hello: &ClientId) -> Result<Wire, NoLine> {
    let wire = Wire::connect(&server.host, server.port).await?;
    match server.tls {
        Tls::None => Ok(wire),
        Tls::Implicit => wire.encrypted(&server.tls_config, &server.host).await,
        Tls::Starttls => wire.upgraded(&server.tls_config, &server.host, &hello.to_string()).await,
    }
}

/// One step: what it is about, and until when it may take.
#[derive(Clone, Copy)]
struct Step {
    phase: Phase,
    deadline: Instant,
    limit: Duration,
}

impl Step {
    async fn within<T>(self, work: impl Future<Output = Result<T, Broke>>) -> Result<T, Broke> {
        let own = Instant::now().checked_add(self.limit);
        let deadline = own.map_or(self.deadline, |own| own.min(self.deadline));
        timeout_at(deadline, work)
            .await
            .unwrap_or_else(|_| Err(self.silence("the server did not answer in time")))
    }

    async fn replied(
        self,
        work: impl Future<Output = Result<Response, SmtpError>>,
    ) -> Result<Response, Broke> {
        self.within(async { work.await.map_err(|error| self.smtp(&error)) }).await
    }

    /// lettre takes any 2xx or 3xx for good; here only the one that belongs is.
    fn require(self, reply: &Response, hundreds: u16) -> Result<(i32, String), Broke> {
        let code = u16::from(reply.code());
        let words = reply.message().collect::<Vec<_>>().join(" ");
        if code / 100 == hundreds {
            return Ok((i32::from(code), words));
        }
        Err(self.reply(code, &words))
    }

    fn smtp(self, error: &SmtpError) -> Broke {
        use std::error::Error;
        let words = error.source().map(ToString::to_string);
        match error.status() {
            Some(code) => self.reply(u16::from(code), &words.unwrap_or_default()),
            None => self.silence(&words.unwrap_or_else(|| error.to_string())),
        }
    }

    fn no_line(self, no_line: NoLine) -> Broke {
        match no_line {
            NoLine::Io(error) => self.silence(&error.to_string()),
            NoLine::Reply(code, words) => self.reply(code, &words),
            NoLine::Unsafe(why) => self.broke(Failure::new(
                FailureKind::Broken,
                format!("{why}; nothing was sent, since it could be read on the way"),
            )),
        }
    }

    fn reply(self, code: u16, words: &str) -> Broke {
        let sorted = sort_reply(self.phase, code, words);
        let mut reason = format!("the mail server answered {code} to {}", self.phase.as_str());
        for part in [sorted.hint, words.trim()].into_iter().filter(|part| !part.is_empty()) {
            reason.push_str(": ");
            reason.push_str(part);
        }
        self.broke(Failure {
            kind: sorted.kind,
            status: Some(i32::from(code)),
            reason,
            pause: None,
        })
    }

    fn silence(self, why: &str) -> Broke {
        let kind = sort_silence(self.phase);
        let reason = match kind {
            FailureKind::Unsure => {
                format!("the mail server may or may not have taken the mail: {why}")
            }
            _ => format!("the mail server cannot be reached, at {}: {why}", self.phase.as_str()),
        };
        self.broke(Failure::new(kind, reason))
    }

    fn broke(self, failure: Failure) -> Broke {
        Broke { phase: self.phase, failure }
    }
}
