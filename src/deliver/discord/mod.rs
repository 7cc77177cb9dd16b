//! Discord: a POST to a channel's webhook, in API v10 and waiting for the message's id, by which
//! a live message is edited later.
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
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use self::settings::DiscordSettings;
use self::sort::{is_gone, pause, sort};
use super::answer::{Answer, tidy};
use super::http::{Fault, Way, is_loopback, sendable_url};
use super::live::{Handle, nothing_to_say};
use super::outcome::{BadKey, Failure, Receipt};
use crate::model::{Envelope, Live, Message};
use crate::secret::{Redactor, Resolver, Secret};

const SERVICE: &str = "Discord";

/// The version whose waits are in seconds; without one it is v6, where they are milliseconds.
/// <https://discord.com/developers/docs/reference#api-versioning>
const API: &str = "/api/v10";

const HOSTS: [&str; 4] = ["discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"];

/// Other forms are turned away before they reach the API.
/// <https://discord.com/developers/docs/reference#user-agent>
const AGENT: &str = concat!("DiscordBot (descript-notify, ", env!("CARGO_PKG_VERSION"), ")");

/// The query's key for a thread of the channel.
const THREAD_ID: &str = "thread_id";

/// A channel's webhook that is ready to be posted to.
#[derive(Debug)]
pub(super) struct Discord {
    /// Where messages go.
    execute_url: Secret,
    /// Where the webhook itself is read, and below it its messages are.
    webhook_url: Secret,
    /// The thread that the URL names.
    thread: Option<String>,
    way: Way,
}

/// Where a message is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Place {
    message: String,
    /// Of a message that opened a thread of its own, as in a forum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thread: Option<String>,
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
        let thread = thread_of(&execute);
        let (execute_url, webhook_url) = (Secret::new(execute), Secret::new(webhook));
        Ok(Self { execute_url, webhook_url, thread, way })
    }

    pub(super) async fn send(
        &self,
        envelope: &Envelope,
        message: &Message,
    ) -> Result<Receipt, Failure> {
        let Message::Json(rendered) = message else {
            return Err(Failure::wrong_form("a Discord payload"));
        };
        let Some(live) = &envelope.live else {
            return self.execute(rendered, envelope).await.map(|(_, receipt)| receipt);
        };
        let Some(handle) = Handle::<Place>::known(live) else {
            return self.post_live(rendered, envelope, live).await;
        };
        if handle.is_over_for(live) {
            return Ok(nothing_to_say());
        }
        match self.edit(&handle.at, rendered, envelope).await? {
            Some(receipt) => Ok(Receipt { handle: handle.edited(live).text(), ..receipt }),
            None => self.post_live(rendered, envelope, live).await,
        }
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

    /// Posts a message that will be edited.
    async fn post_live(
        &self,
        rendered: &str,
        envelope: &Envelope,
        live: &Live,
    ) -> Result<Receipt, Failure> {
        let (place, receipt) = self.execute(rendered, envelope).await?;
        let handle = place.and_then(|place| Handle::new(place, live).text());
        Ok(Receipt { handle, ..receipt })
    }

    async fn execute(
        &self,
        rendered: &str,
        envelope: &Envelope,
    ) -> Result<(Option<Place>, Receipt), Failure> {
        let payload = payload::fit(rendered);
        let opens_thread = payload::opens_thread(&payload);
        let answer = self
            .call(Method::POST, &self.execute_url, Some(payload))
            .await
            .map_err(|fault| fault.sending_to(SERVICE))?;
        let receipt = self.judge(&answer, envelope.now)?;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
        let id = |key: &str| {
            let id = body.get(key)?.as_str()?;
            // It becomes a part of a URL.
            let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| id.to_owned())
        };
        let thread = id("channel_id").filter(|_| opens_thread);
        Ok((id("id").map(|message| Place { message, thread }), receipt))
    }

    /// Turns a message into the rendered one; `None` where it is not there (any more).
    async fn edit(
        &self,
        at: &Place,
        rendered: &str,
        envelope: &Envelope,
    ) -> Result<Option<Receipt>, Failure> {
        let mut url = format!("{}/messages/{}", self.webhook_url.expose(), at.message);
        // Without it a message in a thread is not found.
        if let Some(thread) = at.thread.as_ref().or(self.thread.as_ref()) {
            url.push_str(&format!("?{THREAD_ID}="));
            url.extend(url::form_urlencoded::byte_serialize(thread.as_bytes()));
        }
        let answer = self
            .call(Method::PATCH, &Secret::new(url), Some(payload::edit(rendered)))
            .await
            .map_err(|fault| fault.sending_to(SERVICE).of_what_repeats())?;
        if is_gone(&answer) {
            return Ok(None);
        }
        self.judge(&answer, envelope.now).map(Some).map_err(Failure::of_what_repeats)
    }

    fn judge(&self, answer: &Answer, now: Timestamp) -> Result<Receipt, Failure> {
        let settled = answer.settle(SERVICE, sort(answer, now), &self.way.redactor);
        let pause = pause(answer);
        settled
            .map(|receipt| Receipt { pause, ..receipt })
            .map_err(|failure| Failure { pause, ..failure })
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
    if let Some(thread) = thread_of(&given) {
        execute.query_pairs_mut().append_pair(THREAD_ID, &thread);
    }
    Ok((webhook, execute))
}

fn thread_of(url: &Url) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == THREAD_ID).map(|(_, thread)| thread.into_owned())
}
