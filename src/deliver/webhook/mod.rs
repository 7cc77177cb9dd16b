//! Any HTTP endpoint: one request with the message as its body, signed where it has secrets.
//!
//! The delivery's id goes along as `webhook-id` at every attempt, so receivers can drop
//! doubles; it may stand in the URL's path as well. There is nothing to ask an unknown endpoint
//! without sending it something, so its probe asks nothing.

pub mod settings;
pub mod signature;
pub mod sort;
mod target;
#[cfg(test)]
mod tests;

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use self::settings::{Success, WaitFrom, WebhookSettings};
use self::signature::{Key, signatures};
use self::sort::{named_wait, sort};
use self::target::Target;
use super::http::{AGENT, Fault, Way, secret_header};
use super::outcome::{BadKey, Failure, Receipt};
use crate::model::{Envelope, Message};
use crate::secret::{Redactor, Resolver, Secret};

const SERVICE: &str = "the webhook";

/// Headers that describe the request itself; a wrong one would break it.
const OURS: [&str; 8] = [
    "connection",
    "content-length",
    "te",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
];

/// An endpoint that is ready to be called.
#[derive(Debug)]
pub(super) struct Webhook {
    target: Target,
    method: Method,
    /// Values are marked as sensitive.
    headers: HeaderMap,
    keys: Vec<Key>,
    ok: Success,
    wait_from: WaitFrom,
    way: Way,
}

impl Webhook {
    pub(super) fn build(
        settings: &WebhookSettings,
        timeout: Duration,
        resolver: &Resolver,
        redactor: &mut Redactor,
    ) -> Result<Self, BadKey> {
        let url = resolver
            .resolve(&settings.url)
            .map_err(|why| BadKey::new("url", why, "it is where messages are sent"))?;
        redactor.learn(&url);
        let target =
            Target::parse(&url).map_err(|(problem, help)| BadKey::new("url", problem, help))?;
        let method = Method::from_bytes(settings.method.as_bytes()).map_err(|_| {
            BadKey::new("method", "it is not an HTTP method", "use \"POST\" or \"PUT\"")
        })?;
        let headers = headers(settings, resolver, redactor)?;
        let keys = keys(settings, resolver, redactor)?;
        let way = Way::to(target.sample(), timeout, AGENT, redactor)
            .map_err(|why| BadKey::new("url", why, "the TLS of this machine must work first"))?;
        let (ok, wait_from) = (settings.ok.clone(), settings.retry_after.clone());
        Ok(Self { target, method, headers, keys, ok, wait_from, way })
    }

    pub(super) async fn send(
        &self,
        envelope: &Envelope,
        message: &Message,
    ) -> Result<Receipt, Failure> {
        let Message::Json(body) = message else {
            return Err(Failure::wrong_form("a JSON document"));
        };
        let id = envelope.delivery_id.as_str();
        let timestamp = envelope.now.as_second();
        let fault = |why: &str| Fault::NotSent(why.to_owned()).sending_to(SERVICE);
        let url = self.target.url(id).ok_or_else(|| fault("its URL is malformed"))?;
        let mut headers = self.headers.clone();
        let id_header = HeaderValue::from_str(id).map_err(|_| fault("its id is malformed"))?;
        headers.insert("webhook-id", id_header);
        headers.insert("webhook-timestamp", HeaderValue::from(timestamp));
        if !self.keys.is_empty() {
            // The very bytes that are sent: a receiver checks before it parses.
            let signature = Secret::new(signatures(&self.keys, id, timestamp, body.as_bytes()));
            if let Some(signature) = secret_header(&signature) {
                headers.insert("webhook-signature", signature);
            }
        }
        let request =
            self.way.request(self.method.clone(), url).headers(headers).body(body.clone());
        let answer = self.way.exchange(request).await.map_err(|fault| fault.sending_to(SERVICE))?;
        let wait = named_wait(&answer, &self.wait_from, envelope.now);
        answer.settle(SERVICE, sort(&answer, &self.ok, wait), &self.way.redactor)
    }

    pub(super) fn probe(&self) -> String {
        "not asked: whatever is sent to a webhook is a message; its URL and secrets are well formed"
            .into()
    }
}

fn headers(
    settings: &WebhookSettings,
    resolver: &Resolver,
    redactor: &mut Redactor,
) -> Result<HeaderMap, BadKey> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    for (name, source) in &settings.headers {
        let key = format!("headers.{name}");
        let value = resolver
            .resolve(source)
            .map_err(|why| BadKey::new(&key, why, "it is the value of a header"))?;
        learn_header(&value, redactor);
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
            BadKey::new(&key, "it is not the name of a header", "use letters, digits and `-`")
        })?;
        if OURS.contains(&header.as_str()) {
            return Err(BadKey::new(&key, "this header is set by us", "leave it out"));
        }
        let value = secret_header(&value).ok_or_else(|| {
            BadKey::new(&key, "its value cannot be sent", "it must be one line of plain ASCII")
        })?;
        headers.insert(header, value);
    }
    Ok(headers)
}

/// A header's value counts as a secret, and so does what stands after its scheme
/// (`Bearer …`): services echo that alone.
fn learn_header(value: &Secret, redactor: &mut Redactor) {
    redactor.learn(value);
    if let Some((_, credentials)) = value.expose().trim().split_once(' ') {
        redactor.learn(&Secret::new(credentials.trim()));
    }
}

fn keys(
    settings: &WebhookSettings,
    resolver: &Resolver,
    redactor: &mut Redactor,
) -> Result<Vec<Key>, BadKey> {
    const HELP: &str = "write `whsec_` and the base64 of 24 to 64 random bytes: echo whsec_$(openssl rand -base64 32)";
    let read = |source| {
        let secret = resolver.resolve(source).map_err(|why| BadKey::new("secret", why, HELP))?;
        redactor.learn(&secret);
        if let Some(bare) = secret.expose().trim().strip_prefix("whsec_") {
            redactor.learn(&Secret::new(bare));
        }
        Key::parse(&secret).map_err(|why| BadKey::new("secret", why, HELP))
    };
    settings.secrets.iter().map(read).collect()
}
