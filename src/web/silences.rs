//! Silences over HTTP: what is silenced, and a person's wish that something be, or be no longer.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Server;
use super::answer::Refusal;
use super::limits;
use crate::model::{Silence, parse_length};
use crate::rules::Wish;
use crate::store::silence_document;

/// Far more than any wish has.
const BODY_MOST_BYTES: usize = 64 * 1024;

/// A wish as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WishSent {
    /// A length of time, like `2h` or `1h30m`.
    #[serde(rename = "for")]
    pub(super) length: String,
    #[serde(default)]
    pub(super) matchers: Vec<String>,
    pub(super) comment: String,
    #[serde(default)]
    pub(super) author: String,
    #[serde(default)]
    pub(super) summarise: bool,
}

/// Every silence that is known, those in force first.
pub(super) async fn list(server: &Server) -> Result<Value, Refusal> {
    let now = server.parts.clock.now();
    let silences = server.parts.store.silences(now).await?;
    let silences: Vec<Value> =
        silences.iter().map(|silence| silence_document(silence, now)).collect();
    Ok(json!({ "silences": silences }))
}

/// Silences from now on, as a document asks for it.
pub(super) async fn add(server: &Server, head: &Parts, body: Body) -> Result<Value, Refusal> {
    let sent = read(&head.headers, body).await?;
    let now = server.parts.clock.now();
    let silence = grant(sent, now).map_err(Refusal::bad)?;
    keep(server, &silence).await?;
    Ok(json!({ "silences": [silence_document(&silence, now)] }))
}

/// The silence that is asked for, or what is wrong with it, beginning with the field's name.
pub(super) fn grant(sent: WishSent, now: Timestamp) -> Result<Silence, String> {
    let length = parse_length(&sent.length)
        .and_then(|length| SignedDuration::try_from(length).ok())
        .ok_or("for: write a number and a unit, like `10m` or `7d`")?;
    let wish = Wish {
        matchers: sent.matchers,
        length,
        comment: sent.comment,
        author: sent.author,
        summarise: sent.summarise,
    };
    wish.grant(now, fastrand::u64(..))
}

/// Puts a silence into force.
pub(super) async fn keep(server: &Server, silence: &Silence) -> Result<(), Refusal> {
    server.parts.store.add_silence(silence).await?;
    server.parts.store.tell_change();
    Ok(())
}

/// Ends the silence with exactly this id.
pub(super) async fn expire(server: &Server, id: &str) -> Result<Value, Refusal> {
    let now = server.parts.clock.now();
    let known = server.parts.store.silences(now).await?;
    if !known.iter().any(|silence| silence.id == id && silence.expires_at > now) {
        return Err(Refusal::not_found("there is no such silence in force"));
    }
    let expired = server.parts.store.expire_silence(id, now).await?;
    // What waits for its end is due.
    server.parts.decided.notify_one();
    server.parts.store.tell_change();
    Ok(json!({ "expired": expired }))
}

async fn read(headers: &HeaderMap, body: Body) -> Result<WishSent, Refusal> {
    let body = limits::body(headers, body, BODY_MOST_BYTES).await?;
    serde_json::from_slice(&body).map_err(|cause| {
        let detail = format!("the body is not a silence: {cause}");
        Refusal::new(StatusCode::BAD_REQUEST, detail)
    })
}
