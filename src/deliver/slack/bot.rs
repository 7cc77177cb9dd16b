//! Slack's Web API with an app's token: posts, edits what it has posted, and replies to it.
//!
//! A live message is posted once and edited from then on; where it is gone it is posted anew.
//! An edit may be made twice, a post or a reply may not, so only those leave us unsure.
//! <https://docs.slack.dev/reference/methods/chat.update>

use std::time::Duration;

use jiff::Timestamp;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

use super::api::{Said, sort};
use super::settings::BotSettings;
use super::{SERVICE, payload};
use crate::deliver::answer::{Answer, tidy};
use crate::deliver::http::{AGENT, Fault, Way, secret_header, sendable_url};
use crate::deliver::live::{Handle, nothing_to_say};
use crate::deliver::outcome::{BadKey, Failure, Receipt, Sorted};
use crate::model::{Envelope, Live};
use crate::secret::{Redactor, Resolver, Secret};

const POST: &str = "chat.postMessage";
const UPDATE: &str = "chat.update";

/// A bot that is ready to post.
#[derive(Debug)]
pub(in crate::deliver) struct Bot {
    /// Marked as sensitive, so that it shows nowhere.
    authorization: HeaderValue,
    channel: String,
    api_url: Url,
    replies: bool,
    way: Way,
}

/// Where a message is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Place {
    /// By its id: the name that it was posted to is not enough to edit it.
    channel: String,
    ts: String,
}

/// How an edit ended.
enum Edited {
    Done(Receipt),
    /// The message is not there (any more).
    Gone,
}

impl Bot {
    pub(super) fn build(
        settings: &BotSettings,
        timeout: Duration,
        resolver: &Resolver,
        redactor: &mut Redactor,
    ) -> Result<Self, BadKey> {
        let bad = |problem: String, help: &str| BadKey::new("token", problem, help);
        let token = resolver.resolve(&settings.token).map_err(|why| {
            bad(why.to_string(), "it is the app's bot token, which begins with xoxb-")
        })?;
        redactor.learn(&token);
        if token.expose().starts_with("xapp-") {
            return Err(bad(
                "it is the token of an app, which cannot post".into(),
                "take the bot token from the app's page `OAuth & Permissions`: xoxb-…",
            ));
        }
        let bearer = Secret::new(format!("Bearer {}", token.expose()));
        let authorization = secret_header(&bearer).ok_or_else(|| {
            bad("it holds characters that no token has".into(), "copy it whole: xoxb-…")
        })?;
        let api_url = sendable_url(settings.api_url.as_str())
            .map_err(|why| BadKey::new("api_url", why, "leave it out for https://slack.com/api"))?;
        let way = Way::to(&api_url, timeout, AGENT, redactor).map_err(|why| {
            BadKey::new("api_url", why, "the TLS of this machine must work first")
        })?;
        let (channel, replies) = (settings.channel.clone(), settings.live_reply);
        Ok(Self { authorization, channel, api_url, replies, way })
    }

    pub(super) async fn send(
        &self,
        envelope: &Envelope,
        rendered: &str,
    ) -> Result<Receipt, Failure> {
        let Some(live) = &envelope.live else {
            let (_, receipt) = self.post(payload::post(rendered, &self.channel), envelope).await?;
            return Ok(receipt);
        };
        let Some(handle) = Handle::<Place>::known(live) else {
            return self.post_live(rendered, envelope, live).await;
        };
        if handle.is_over_for(live) {
            return Ok(nothing_to_say());
        }
        match self.edit(&handle.at, rendered, envelope).await? {
            Edited::Done(receipt) => {
                self.tell_end(handle.edited(live), receipt, rendered, envelope, live).await
            }
            Edited::Gone => self.post_live(rendered, envelope, live).await,
        }
    }

    /// Asks who the token is. Whether the channel takes messages only a message can tell.
    pub(super) async fn probe(&self) -> Result<String, Failure> {
        let answer =
            self.call("auth.test", Map::new()).await.map_err(|fault| fault.asking(SERVICE))?;
        let said = Said::read(&answer);
        self.judge(&answer, &said, Timestamp::UNIX_EPOCH, 1)?;
        let shown = |text: Option<String>| {
            tidy(text.as_deref().unwrap_or("without a name"), &self.way.redactor)
        };
        Ok(format!("Slack knows the token ({} in {})", shown(said.user), shown(said.team)))
    }

    /// Posts a message that will be edited. New as it is, people are notified of it, so it
    /// needs no reply to tell an end.
    async fn post_live(
        &self,
        rendered: &str,
        envelope: &Envelope,
        live: &Live,
    ) -> Result<Receipt, Failure> {
        let call = payload::post_live(rendered, &self.channel);
        let (place, receipt) = self.post(call, envelope).await?;
        let handle = place.map(|place| {
            let handle = Handle::new(place, live);
            if live.terminal { handle.replied(envelope.kind) } else { handle }
        });
        Ok(Receipt { handle: handle.and_then(|handle| handle.text()), ..receipt })
    }

    async fn post(
        &self,
        call: Map<String, Value>,
        envelope: &Envelope,
    ) -> Result<(Option<Place>, Receipt), Failure> {
        let answer = self.call(POST, call).await.map_err(|fault| fault.sending_to(SERVICE))?;
        let said = Said::read(&answer);
        self.judge(&answer, &said, envelope.now, envelope.attempt)?;
        let place = said.channel.clone().zip(said.ts.clone());
        let place = place.map(|(channel, ts)| Place { channel, ts });
        let what = match &place {
            Some(Place { channel, ts }) => format!("posted as {ts} in {channel}"),
            None => "posted".to_owned(),
        };
        Ok((place, self.receipt(&answer, &said, &what, envelope)))
    }

    async fn edit(
        &self,
        at: &Place,
        rendered: &str,
        envelope: &Envelope,
    ) -> Result<Edited, Failure> {
        let Place { channel, ts } = at;
        let answer = self
            .call(UPDATE, payload::edit(rendered, channel, ts))
            .await
            .map_err(|fault| fault.sending_to(SERVICE).of_what_repeats())?;
        let said = Said::read(&answer);
        // In another channel or workspace than the config names now, so it says nothing of it.
        let elsewhere = *channel != self.channel && said.is_about_channel();
        if said.ok != Some(true) && (said.is_gone() || elsewhere) {
            return Ok(Edited::Gone);
        }
        self.judge(&answer, &said, envelope.now, envelope.attempt)
            .map_err(Failure::of_what_repeats)?;
        let what = format!("edited {ts} in {channel}");
        Ok(Edited::Done(self.receipt(&answer, &said, &what, envelope)))
    }

    /// Replies to a message that has just been edited, where it tells an end and nobody has
    /// been told of that yet: an edit notifies nobody.
    async fn tell_end(
        &self,
        handle: Handle<Place>,
        receipt: Receipt,
        rendered: &str,
        envelope: &Envelope,
        live: &Live,
    ) -> Result<Receipt, Failure> {
        if !(self.replies && live.terminal && handle.lacks_reply(envelope.kind)) {
            return Ok(Receipt { handle: handle.text(), ..receipt });
        }
        let told = |failure: Failure| Failure {
            reason: format!("the message was edited, the reply to it failed: {}", failure.reason),
            ..failure
        };
        self.reply(&handle.at, rendered, envelope).await.map_err(told)?;
        let answer = format!("{}, and replied to it", receipt.answer);
        let handle = handle.replied(envelope.kind).text();
        Ok(Receipt { handle, answer, ..receipt })
    }

    async fn reply(&self, at: &Place, rendered: &str, envelope: &Envelope) -> Result<(), Failure> {
        let in_thread = payload::reply(rendered, &at.channel, Some(&at.ts));
        let answer = self.call(POST, in_thread).await.map_err(|fault| fault.sending_to(SERVICE))?;
        let said = Said::read(&answer);
        if said.ok != Some(true) && said.is_threadless() {
            let in_channel = payload::reply(rendered, &at.channel, None);
            return self.post(in_channel, envelope).await.map(drop);
        }
        self.judge(&answer, &said, envelope.now, envelope.attempt)
    }

    /// The failure that an answer is, in words: the status tells nothing here.
    fn judge(
        &self,
        answer: &Answer,
        said: &Said,
        now: Timestamp,
        attempt: u32,
    ) -> Result<(), Failure> {
        let Err(Sorted { kind, hint }) = sort(answer, said, now, attempt) else { return Ok(()) };
        let mut reason = match said.error.as_str() {
            "" => format!("{SERVICE} answered {}", answer.status),
            word => format!("{SERVICE} answered `{}`", tidy(word, &self.way.redactor)),
        };
        let body = if said.error.is_empty() { answer.body.as_str() } else { said.remarks.as_str() };
        let more = tidy(body, &self.way.redactor);
        for part in [hint, more.as_str()].into_iter().filter(|part| !part.is_empty()) {
            reason.push_str(": ");
            reason.push_str(part);
        }
        Err(Failure { status: Some(i32::from(answer.status)), ..Failure::new(kind, reason) })
    }

    fn receipt(&self, answer: &Answer, said: &Said, what: &str, envelope: &Envelope) -> Receipt {
        let remarks = if said.remarks.is_empty() { "" } else { "; Slack remarks: " };
        let words = format!("{what}{remarks}{}", said.remarks);
        Receipt {
            status: Some(i32::from(answer.status)),
            answer: tidy(&words, &self.way.redactor),
            // Done, and asked to go slower from here.
            pause: answer.retry_after(envelope.now),
            handle: None,
        }
    }

    async fn call(&self, method: &str, body: Map<String, Value>) -> Result<Answer, Fault> {
        let base = self.api_url.as_str().trim_end_matches('/');
        let url = Url::parse(&format!("{base}/{method}"))
            .map_err(|why| Fault::NotSent(why.to_string()))?;
        let request = self
            .way
            .request(Method::POST, url)
            .header(AUTHORIZATION, self.authorization.clone())
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Value::Object(body).to_string());
        self.way.exchange(request).await
    }
}
