//! An incoming webhook of Slack: one POST, to the channel that the URL stands for.
//!
//! Such a webhook cannot edit, answers no id and has no key against doubles.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use url::Url;

use super::sort::{sort, sort_probe};
use super::{SERVICE, payload};
use crate::deliver::answer::Answer;
use crate::deliver::http::{AGENT, Fault, Way, is_loopback, sendable_url};
use crate::deliver::outcome::{BadKey, Failure, Receipt};
use crate::model::Envelope;
use crate::secret::{Redactor, Resolver, Secret, SecretSource};

/// Where incoming webhooks live.
pub(super) const HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

/// An incoming webhook that is ready to be posted to.
#[derive(Debug)]
pub(in crate::deliver) struct Hook {
    url: Secret,
    way: Way,
}

impl Hook {
    pub(super) fn build(
        webhook_url: &SecretSource,
        timeout: Duration,
        resolver: &Resolver,
        redactor: &mut Redactor,
    ) -> Result<Self, BadKey> {
        let bad = |problem: String, help: &str| BadKey::new("webhook_url", problem, help);
        let secret = resolver
            .resolve(webhook_url)
            .map_err(|why| bad(why.to_string(), "it is the URL of an incoming webhook"))?;
        redactor.learn(&secret);
        let url = checked_url(secret.expose()).map_err(|(problem, help)| bad(problem, help))?;
        let way = Way::to(&url, timeout, AGENT, redactor)
            .map_err(|why| bad(why, "the TLS of this machine must work first"))?;
        Ok(Self { url: Secret::new(url), way })
    }

    pub(super) async fn send(
        &self,
        envelope: &Envelope,
        rendered: &str,
    ) -> Result<Receipt, Failure> {
        let answer =
            self.post(payload::fit(rendered)).await.map_err(|fault| fault.sending_to(SERVICE))?;
        let settled = answer.settle(SERVICE, sort(&answer, envelope.now), &self.way.redactor);
        // Taken, and asked to go slower from here.
        let pause = answer.retry_after(envelope.now);
        settled.map(|receipt| Receipt { pause, ..receipt })
    }

    /// Posts an empty payload: Slack checks the URL first and the payload after, and shows
    /// nothing either way.
    pub(super) async fn probe(&self) -> Result<String, Failure> {
        let answer = self.post("{}".into()).await.map_err(|fault| fault.asking(SERVICE))?;
        answer.settle(SERVICE, sort_probe(&answer), &self.way.redactor)?;
        Ok("Slack knows the webhook (an empty message was refused, as it should be)".into())
    }

    async fn post(&self, body: String) -> Result<Answer, Fault> {
        let url = Url::parse(self.url.expose()).map_err(|why| Fault::NotSent(why.to_string()))?;
        let request = self.way.request(Method::POST, url);
        self.way.exchange(request.header(CONTENT_TYPE, "application/json").body(body)).await
    }
}

pub(super) fn checked_url(text: &str) -> Result<Url, (String, &'static str)> {
    const HELP: &str = "copy it from the app's page `Incoming Webhooks`: \
                        https://hooks.slack.com/services/…";
    let url = sendable_url(text).map_err(|why| (why.to_string(), HELP))?;
    if is_loopback(&url) {
        return Ok(url);
    }
    let host = url.host_str().unwrap_or_default();
    if !HOSTS.contains(&host) {
        return Err((
            format!("the host `{host}` is not Slack's"),
            "use a hooks.slack.com URL, or type = \"webhook\" for servers that resemble Slack",
        ));
    }
    if !url.path().starts_with("/services/") {
        return Err(("it is not the URL of an incoming webhook".into(), HELP));
    }
    Ok(url)
}
