//! Chat services on this machine: a Slack Web API and Discord's webhooks, with messages that
//! have an id, can be edited, and can be deleted by a test as a person would.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::sink::{Answer, Received, Sink};

/// The bot's token.
pub const TOKEN: &str = "xoxb-0123456789-abcdefghij";

/// The channel that messages are posted to.
pub const CHANNEL: &str = "C0123456";

/// A message as the service has it.
#[derive(Debug, Clone)]
pub struct Posted {
    pub id: String,
    /// The message that it replies to.
    pub thread: Option<String>,
    /// Its body at first, and after each edit.
    pub bodies: Vec<Value>,
    pub deleted: bool,
}

/// A service, behind a [`Sink`] that records what it was asked.
#[derive(Debug)]
pub struct Chat {
    pub sink: Sink,
    messages: Messages,
    refuses: Arc<AtomicBool>,
}

type Messages = Arc<Mutex<Vec<Posted>>>;

impl Chat {
    /// A Slack whose Web API is at `/api`.
    pub async fn slack() -> Self {
        Self::start(slack).await
    }

    /// A Discord with webhooks of any id and token.
    pub async fn discord() -> Self {
        Self::start(discord).await
    }

    async fn start(answer: fn(&Messages, &Received) -> Answer) -> Self {
        let sink = Sink::start().await;
        let messages = Messages::default();
        let refuses = Arc::new(AtomicBool::new(false));
        let (shared, refusing) = (messages.clone(), refuses.clone());
        sink.answer_by(move |request| match refusing.load(Ordering::Relaxed) {
            true => Answer::status(401),
            false => answer(&shared, request),
        });
        Self { sink, messages, refuses }
    }

    /// The lines of a notifier that posts there.
    pub fn lines(&self, kind: &str) -> String {
        match kind {
            "slack" => format!(
                "type = \"slack\"\ntoken = \"{TOKEN}\"\nchannel = \"{CHANNEL}\"\napi_url = \"{}\"",
                self.sink.url("/api")
            ),
            _ => format!(
                "type = \"discord\"\nwebhook_url = \"{}\"",
                self.sink.url("/api/webhooks/123/token-of-discord")
            ),
        }
    }

    /// Every message, also the deleted ones, in the order in which they were posted.
    pub fn messages(&self) -> Vec<Posted> {
        self.messages.lock().unwrap().clone()
    }

    /// Waits until the messages are as `enough` wants them, and returns them.
    pub async fn wait_until(&self, what: &str, enough: impl Fn(&[Posted]) -> bool) -> Vec<Posted> {
        self.sink.wait_until(what, |_| enough(&self.messages())).await;
        self.messages()
    }

    /// From now on it does, or does not, refuse whatever comes.
    pub fn refuse(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::Relaxed);
    }

    /// Deletes a message, as a person would.
    pub fn delete(&self, id: &str) {
        let mut messages = self.messages.lock().unwrap();
        messages.iter_mut().find(|message| message.id == id).unwrap().deleted = true;
    }
}

fn post(messages: &Messages, body: Value, form: impl Fn(usize) -> String) -> String {
    let mut messages = messages.lock().unwrap();
    let id = form(messages.len() + 1);
    let thread = body["thread_ts"].as_str().map(str::to_owned);
    messages.push(Posted { id: id.clone(), thread, bodies: vec![body], deleted: false });
    id
}

/// Whether there is a message to be edited.
fn edit(messages: &Messages, id: &str, body: Value) -> bool {
    let mut messages = messages.lock().unwrap();
    let found = messages.iter_mut().find(|message| message.id == id && !message.deleted);
    found.map(|message| message.bodies.push(body)).is_some()
}

fn slack(messages: &Messages, request: &Received) -> Answer {
    let no = |word: &str| answer(200, &json!({"ok": false, "error": word}));
    if request.header("authorization") != Some(format!("Bearer {TOKEN}").as_str()) {
        return no("invalid_auth");
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let done = |ts: &str| answer(200, &json!({"ok": true, "channel": CHANNEL, "ts": ts}));
    match request.path.as_str() {
        "/api/auth.test" => answer(200, &json!({"ok": true, "team": "Acme", "user": "notify"})),
        _ if body["channel"] != CHANNEL => no("channel_not_found"),
        "/api/chat.postMessage" => {
            done(&post(messages, body, |number| format!("1700000000.{number:06}")))
        }
        "/api/chat.update" => {
            let ts = body["ts"].as_str().unwrap_or_default().to_owned();
            if edit(messages, &ts, body) { done(&ts) } else { no("message_not_found") }
        }
        _ => no("unknown_method"),
    }
}

fn discord(messages: &Messages, request: &Received) -> Answer {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let no = |code: u32| answer(404, &json!({"message": "Unknown", "code": code}));
    let done = |id: &str| answer(200, &json!({"id": id, "channel_id": "5"}));
    let path = request.path.strip_prefix("/api/v10/webhooks/123/token-of-discord");
    match (request.method.as_str(), path) {
        ("POST", Some("?wait=true")) => {
            done(&post(messages, body, |number| (900 + number).to_string()))
        }
        ("PATCH", Some(path)) => match path.strip_prefix("/messages/") {
            Some(id) if edit(messages, id, body) => done(id),
            _ => no(10_008),
        },
        _ => no(10_015),
    }
}

fn answer(status: u16, body: &Value) -> Answer {
    Answer::status(status).body(&body.to_string()).header("content-type", "application/json")
}
