//! Discord: one POST to a channel's webhook, in API v10 and waiting for the message's id.
//!
//! The URL as the client shows it names no version and would reach a retired one, so only its
//! id and token are taken from it. `payload` makes the message valid, `sort` judges the answer.
//! Webhooks have no key against doubles.

pub mod payload;
pub mod settings;
pub mod sort;
#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use url::Url;

use self::settings::DiscordSettings;
use self::sort::{pause, sort};
use super::answer::{Answer, tidy};
use super::http::{Fault, Way, is_loopback, sendable_url};
use super::outcome::{BadKey, Failure, Receipt};
use crate::model::{Envelope, Message};
use crate::secret::{Redactor, Resolver, Secret};

const SERVICE: &str = "Discord";

/// The version whose waits are in seconds; without one it is v6, where they are milliseconds.
/// <https://discord.com/developers/docs/reference#api-versioning>
const API: &str = "/api/v10";

const HOSTS: [&str; 4] = ["discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"];

/// Other forms are turned away before they reach the API.
/// <https://discord.com/developers/docs/reference#user-agent>
const AGENT: &str = concat!("DiscordBot (descript-notify, ", env!("CARGO_PKG_VERSION"), ")");

/// A channel's webhook that is ready to be posted to.
#[derive(Debug)]
pub(super) struct Discord {
    /// Where messages go.
    execute_url: Secret,
    /// Where the webhook itself is read.
    webhook_url: Secret,
    way: Way,
}

impl Discord {
    pub(super) fn build(
        settings: &DiscordSettings,
        timeout: Duration,
        resolver: &Resolver,
        redactor: &mut Redactor,
    ) -> Result<Self, BadKey> {
        let bad = |problem: String, help: &str| BadKey::new("webhook_url", problem, help);
        let secret = resolver
            .resolve(&settings.webhook_url)
            .map_err(|why| bad(why.to_string(), "it is the URL of a channel's webhook"))?;
        redactor.learn(&secret);
        let (webhook, execute) =
            endpoints(secret.expose()).map_err(|(problem, help)| bad(problem, help))?;
        redactor.learn(&Secret::new(webhook.clone()));
        let way = Way::to(&webhook, timeout, AGENT, redactor)
            .map_err(|why| bad(why, "the TLS of this machine must work first"))?;
        Ok(Self { execute_url: Secret::new(execute), webhook_url: Secret::new(webhook), way })
    }

    pub(super) async fn send(
        &self,
        envelope: &Envelope,
        message: &Message,
    ) -> Result<Receipt, Failure> {
        let Message::Json(rendered) = message else {
            return Err(Failure::wrong_form("a Discord payload"));
        };
        let answer = self
            .call(Method::POST, &self.execute_url, Some(payload::fit(rendered)))
            .await
            .map_err(|fault| fault.sending_to(SERVICE))?;
        let settled = answer.settle(SERVICE, sort(&answer, envelope.now), &self.way.redactor);
        let pause = pause(&answer);
        settled
            .map(|receipt| Receipt { pause, ..receipt })
            .map_err(|failure| Failure { pause, ..failure })
    }

    /// Reads the webhook, which posts nothing.
    pub(super) async fn probe(&self) -> Result<String, Failure> {
        let answer = self
            .call(Method::GET, &self.webhook_url, None)
            .await
            .map_err(|fault| fault.asking(SERVICE))?;
        let sorted = sort(&answer, Timestamp::UNIX_EPOCH);
        answer.settle(SERVICE, sorted, &self.way.redactor)?;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let name = body.get("name").and_then(Value::as_str).unwrap_or("without a name");
        Ok(format!("Discord knows the webhook ({})", tidy(name, &self.way.redactor)))
    }

    async fn call(
        &self,
        method: Method,
        url: &Secret,
        body: Option<String>,
    ) -> Result<Answer, Fault> {
        let url = Url::parse(url.expose()).map_err(|why| Fault::NotSent(why.to_string()))?;
        let mut request = self.way.request(method, url);
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        self.way.exchange(request).await
    }
}

/// The webhook's own URL in the API's version, and the one that messages are posted to.
fn endpoints(text: &str) -> Result<(Url, Url), (String, &'static str)> {
    const HELP: &str = "copy it from the channel's settings, Integrations, Webhooks: \
                        https://discord.com/api/webhooks/{id}/{token}";
    let given = sendable_url(text).map_err(|why| (why.to_string(), HELP))?;
    let host = given.host_str().unwrap_or_default();
    if !is_loopback(&given) && !HOSTS.contains(&host) {
        return Err((
            format!("the host `{host}` is not Discord's"),
            "use a discord.com URL, or type = \"webhook\" for other servers",
        ));
    }
    let path: Vec<&str> = given.path_segments().into_iter().flatten().collect();
    let (id, token) = match path.as_slice() {
        ["api", "webhooks", id, token] | ["api", _, "webhooks", id, token]
            if !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()) && !token.is_empty() =>
        {
            (*id, *token)
        }
        ["api", .., "slack" | "github"] => {
            return Err((
                "its end makes Discord expect another service's messages".into(),
                "leave out `/slack` or `/github` at the end of the URL",
            ));
        }
        _ => return Err(("it is not the URL of a webhook".into(), HELP)),
    };
    let mut webhook = given.clone();
    webhook.set_path(&format!("{API}/webhooks/{id}/{token}"));
    webhook.set_query(None);
    let mut execute = webhook.clone();
    // Without `wait` a message that was not saved is answered like one that was.
    execute.query_pairs_mut().append_pair("wait", "true");
    if let Some((_, thread)) = given.query_pairs().find(|(key, _)| key == "thread_id") {
        execute.query_pairs_mut().append_pair("thread_id", &thread);
    }
    Ok((webhook, execute))
}
