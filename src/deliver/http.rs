//! HTTP as every notifier needs it: no redirects, bounded answers, no URL in an error.
//!
//! `slack`, `discord` and `webhook` build one [`Way`] each from their resolved URL and hand it
//! requests. What an answer means is each service's own matter.

use std::error::Error;
use std::net::IpAddr;
use std::time::Duration;

use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Response};
use url::{Host, Url};

use super::answer::Answer;
use super::outcome::{Failure, FailureKind};
use crate::secret::{Redactor, Secret};

/// For a connection with TLS; half of the notifier's own time where that is shorter, so that a
/// connection that never stands up is told from a message of unknown fate.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(60);

/// As much of an answer as is read, after decompression.
const READ_BYTES: usize = 64 * 1024;

/// What is thrown away at the end of an answer that was cut: it may hold half of a secret, and
/// no secret is longer.
const CUT_MARGIN_BYTES: usize = 4 * 1024;

/// How this program names itself.
pub const AGENT: &str = concat!("descript-notify/", env!("CARGO_PKG_VERSION"));

/// Chooses the cryptography of all TLS in the process. Call it before the first client is
/// built; again is harmless.
pub fn install_crypto() {
    // An error says that a provider is there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Why a URL cannot be used. Does not hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    #[error("it is not a URL")]
    Malformed,
    #[error("it begins with neither https:// nor http://")]
    Scheme,
    #[error("it is not https, and its host is not this machine")]
    Plain,
}

/// Reads a URL that messages may be sent to: https, or any http on this machine.
///
/// # Errors
/// [`BadUrl`] says what is wrong, without the URL.
pub fn sendable_url(text: &str) -> Result<Url, BadUrl> {
    let mut url = Url::parse(text.trim()).map_err(|_| BadUrl::Malformed)?;
    url.set_fragment(None);
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(BadUrl::Plain),
        _ => Err(BadUrl::Scheme),
    }
}

/// Whether the URL's host is this machine.
pub fn is_loopback(url: &Url) -> bool {
    url.host().is_some_and(|host| match host {
        Host::Domain(name) => is_loopback_host(name),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    })
}

/// Whether a host's name or address is this machine.
pub fn is_loopback_host(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A client for one notifier, and the secrets that its answers may not show.
#[derive(Debug, Clone)]
pub(super) struct Way {
    client: Client,
    timeout: Duration,
    pub(super) redactor: Redactor,
}

/// A request got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// The other side cannot have the message.
    NotSent(String),
    /// It may have it.
    Unknown(String),
}

impl Way {
    /// A client for the host of `url`. Proxies are those of the environment; this machine is
    /// never reached through one.
    pub(super) fn to(
        url: &Url,
        timeout: Duration,
        agent: &str,
        redactor: &Redactor,
    ) -> Result<Self, String> {
        install_crypto();
        let mut builder = Client::builder()
            .user_agent(agent)
            .redirect(Policy::none())
            .referer(false)
            .https_only(url.scheme() == "https")
            .connect_timeout(CONNECT_TIMEOUT.min(timeout / 2))
            .timeout(timeout)
            .pool_idle_timeout(IDLE);
        if is_loopback(url) {
            builder = builder.no_proxy();
        }
        let client = builder.build().map_err(|error| in_words(error.without_url()))?;
        Ok(Self { client, timeout, redactor: redactor.clone() })
    }

    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.client.request(method, url)
    }

    /// Sends, and reads the answer up to the limit.
    pub(super) async fn exchange(&self, request: RequestBuilder) -> Result<Answer, Fault> {
        let response = request.send().await.map_err(|error| self.fault(error))?;
        Ok(read(response).await)
    }

    fn fault(&self, error: reqwest::Error) -> Fault {
        let error = error.without_url();
        if error.is_connect() || error.is_builder() {
            return Fault::NotSent(self.redactor.clean(&in_words(error)));
        }
        Fault::Unknown(if error.is_timeout() {
            format!("no answer within {:?}", self.timeout)
        } else {
            self.redactor.clean(&in_words(error))
        })
    }
}

impl Fault {
    /// The failure for a message that was being sent to `service`.
    pub(super) fn sending_to(self, service: &str) -> Failure {
        match self {
            Self::NotSent(why) => {
                Failure::new(FailureKind::LATER, format!("{service} cannot be reached: {why}"))
            }
            Self::Unknown(why) => Failure::new(
                FailureKind::Unsure,
                format!("{service} may or may not have taken the message: {why}"),
            ),
        }
    }

    /// The failure for a question that changes nothing.
    pub(super) fn asking(self, service: &str) -> Failure {
        let (Self::NotSent(why) | Self::Unknown(why)) = self;
        Failure::new(FailureKind::LATER, format!("{service} cannot be asked: {why}"))
    }
}

/// A header's value that shows in no debug output; `None` where it cannot be one.
pub(super) fn secret_header(value: &Secret) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(value.expose()).ok()?;
    header.set_sensitive(true);
    Some(header)
}

async fn read(mut response: Response) -> Answer {
    let headers = response
        .headers()
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect();
    let status = response.status().as_u16();
    let mut bytes = Vec::new();
    let complete = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) => break true,
            // The status stands; what is missing of the body is for the sorting to weigh.
            Err(_) => break false,
        }
        if bytes.len() > READ_BYTES {
            bytes.truncate(READ_BYTES - CUT_MARGIN_BYTES);
            break false;
        }
    };
    let body = String::from_utf8_lossy(&bytes).into_owned();
    Answer { status, headers, body, complete }
}

/// An error with its causes, which reqwest leaves out of its own words.
fn in_words(error: impl Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !words.contains(&said) {
            words.push_str(": ");
            words.push_str(&said);
        }
        cause = error.source();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_must_be_https_unless_it_stays_on_this_machine() {
        let scheme = |text: &str| sendable_url(text).map(|url| url.scheme().to_owned());

        assert_eq!(scheme(" https://example.com/x "), Ok("https".into()));
        for local in ["localhost:1", "127.9.9.9", "[::1]:80", "a.localhost", "LOCALHOST"] {
            assert_eq!(scheme(&format!("http://{local}/x")), Ok("http".into()), "{local}");
        }
        for remote in ["example.com", "127.0.0.1.example.com", "10.0.0.1", "localhost.example.com"]
        {
            assert_eq!(scheme(&format!("http://{remote}/x")), Err(BadUrl::Plain), "{remote}");
        }
        assert_eq!(scheme("ftp://localhost/"), Err(BadUrl::Scheme));
        assert_eq!(scheme("hooks.slack.com/services"), Err(BadUrl::Malformed));
    }
}
