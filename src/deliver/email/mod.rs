//! Email: one SMTP transaction for each recipient.
//!
//! `payload` makes the mail, `session` hands it over, on a `wire` of our own; `sort` judges the
//! replies. One session is kept between mails, and only after one that went well. A lost reply
//! after the mail leaves us unsure; the copy has the same `Message-ID`.

#[cfg(test)]
pub mod far_server;
pub mod payload;
mod session;
pub mod settings;
pub mod sort;
#[cfg(test)]
mod tests;
mod wire;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::transport::smtp::authentication::Credentials;
use rustls::ClientConfig;
use rustls_platform_verifier::ConfigVerifierExt;
use tokio::time::Instant;

use self::session::{Broke, Server, Session};
use self::settings::{EmailSettings, Tls};
use self::sort::Phase;
use super::answer::tidy;
use super::http::{install_crypto, is_loopback_host};
use super::outcome::{BadKey, Failure, FailureKind, Receipt};
use crate::model::{Envelope, Message};
use crate::secret::{Redactor, Resolver, Secret};

/// A mail server that is ready to be talked to.
#[derive(Debug)]
pub(super) struct Email {
    settings: EmailSettings,
    server: Server,
    /// Between two mails; out of here while it is in use, so that nothing half-done comes back.
    kept: Mutex<Option<Session>>,
    timeout: Duration,
    redactor: Redactor,
}

impl Email {
    pub(super) fn build(
        settings: &EmailSettings,
        timeout: Duration,
        resolver: &Resolver,
        redactor: &mut Redactor,
    ) -> Result<Self, BadKey> {
        install_crypto();
        let tls_config = ClientConfig::with_platform_verifier().map_err(|why| {
            BadKey::new("tls", why, "this machine needs a list of certificate authorities")
        })?;
        Self::with_tls(settings, timeout, resolver, redactor, Arc::new(tls_config))
    }

    fn with_tls(
        settings: &EmailSettings,
        timeout: Duration,
        resolver: &Resolver,
        redactor: &mut Redactor,
        tls_config: Arc<ClientConfig>,
    ) -> Result<Self, BadKey> {
        let credentials = credentials(settings, resolver, redactor)?;
        if credentials.is_some() && settings.tls == Tls::None && !is_loopback_host(&settings.host) {
            return Err(BadKey::new(
                "tls",
                "the password would go over the network in the clear",
                "use \"starttls\" or \"implicit\"",
            ));
        }
        let server = Server {
            host: settings.host.clone(),
            port: settings.port,
            tls: settings.tls,
            tls_config,
            credentials,
        };
        Ok(Self {
            settings: settings.clone(),
            server,
            kept: Mutex::new(None),
            timeout,
            redactor: redactor.clone(),
        })
    }

    pub(super) async fn send(
        &self,
        envelope: &Envelope,
        message: &Message,
    ) -> Result<Receipt, Failure> {
        let Message::Mail { subject, text, html } = message else {
            return Err(Failure::wrong_form("a mail"));
        };
        let mail = payload::mail(&self.settings, envelope, subject, text, html)
            .map_err(|why| Failure::new(FailureKind::Refused, why))?;
        let deadline = Instant::now() + self.timeout;
        if let Some(session) = self.take_kept() {
            match self.deliver(session, &mail, deadline).await {
                // The server had closed the kept one: nothing of this mail has been said yet.
                Err(broke) if broke.phase == Phase::Sender && is_stale(&broke.failure) => {}
                delivered => return delivered.map_err(|broke| self.clean(broke)),
            }
        }
        let session =
            Session::open(&self.server, deadline).await.map_err(|broke| self.clean(broke))?;
        self.deliver(session, &mail, deadline).await.map_err(|broke| self.clean(broke))
    }

    /// Connects, encrypts, logs in, and leaves.
    pub(super) async fn probe(&self) -> Result<String, Failure> {
        let deadline = Instant::now() + self.timeout;
        let mut session =
            Session::open(&self.server, deadline).await.map_err(|broke| self.clean(broke))?;
        session.noop(deadline).await.map_err(|broke| self.clean(broke))?;
        session.quit(deadline).await;
        Ok(match self.server.credentials {
            Some(_) => "the mail server is there and takes the password".into(),
            None => "the mail server is there".into(),
        })
    }

    async fn deliver(
        &self,
        mut session: Session,
        mail: &payload::Outgoing,
        deadline: Instant,
    ) -> Result<Receipt, Broke> {
        let (code, words) = session.deliver(mail, deadline).await?;
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
        let answer = tidy(&words, &self.redactor);
        Ok(Receipt { status: Some(code), answer, pause: None, handle: mail.handle.clone() })
    }

    fn take_kept(&self) -> Option<Session> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        kept.filter(Session::is_fresh)
    }

    fn clean(&self, broke: Broke) -> Failure {
        let reason = tidy(&broke.failure.reason, &self.redactor);
        Failure { reason, ..broke.failure }
    }
}

/// Whether a new connection may do better.
fn is_stale(failure: &Failure) -> bool {
    failure.kind == FailureKind::LATER && matches!(failure.status, None | Some(421))
}

fn credentials(
    settings: &EmailSettings,
    resolver: &Resolver,
    redactor: &mut Redactor,
) -> Result<Option<Credentials>, BadKey> {
    let (username, source) = match (&settings.username, &settings.password) {
        (Some(username), Some(source)) => (username, source),
        (None, None) => return Ok(None),
        (Some(_), None) => {
            return Err(BadKey::new("password", "it is missing", "a username needs a password"));
        }
        (None, Some(_)) => {
            return Err(BadKey::new("username", "it is missing", "a password needs a username"));
        }
    };
    let password = resolver
        .resolve(source)
        .map_err(|why| BadKey::new("password", why, "it is what the mail server asks for"))?;
    redactor.learn(&password);
    // The forms in which it goes over the line, and in which a server may echo it.
    let plain = format!("\0{username}\0{}", password.expose());
    redactor.learn(&Secret::new(STANDARD.encode(plain)));
    redactor.learn(&Secret::new(STANDARD.encode(password.expose())));
    Ok(Some(Credentials::new(username.clone(), password.expose().to_owned())))
}
