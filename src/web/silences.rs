//! Silences over HTTP: what is silenced, and a person's wish that something be, or be no longer.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Server;
use super::answer::Refusal;
use super::limits;
use crate::model::parse_length;
use crate::rules::Wish;
use crate::store::silence_document;

/// Far more than any wish has.
const BODY_MOST_BYTES: usize = 64 * 1024;

/// A wish as it is sent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WishSent {
    /// A length of time, like `2h` or `1h30m`.
    #[serde(rename = "for")]
    length: String,
    #[serde(default)]
    matchers: Vec<String>,
    comment: String,
    #[serde(default)]
    author: String,
    #[serde(default)]
    summarise: bool,
}

/// Every silence that is known, those in force first.
pub(super) async fn list(server: &Server) -> Result<Value, Refusal> {
    let now = server.parts.clock.now();
    let silences = server.parts.store.silences(now).await?;
    let silences: Vec<Value> =
        silences.iter().map(|silence| silence_document(silence, now)).collect();
    Ok(json!({ "silences": silences }))
}

/// Silences from now on.
pub(super) async fn add(server: &Server, head: &Parts, body: Body) -> Result<Value, Refusal> {
    let sent = read(&head.headers, body).await?;
    let now = server.parts.clock.now();
    let length = parse_length(&sent.length)
        .and_then(|length| SignedDuration::try_from(length).ok())
        .ok_or_else(|| Refusal::bad("for: write a number and a unit, like `10m` or `7d`"))?;
    let wish = Wish {
        matchers: sent.matchers,
        length,
        comment: sent.comment,
        author: sent.author,
        summarise: sent.summarise,
    };
    let granted = wish.grant(now, fastrand::u64(..));
    let silence = granted.map_err(|wrong| Refusal::new(StatusCode::BAD_REQUEST, wrong))?;
    server.parts.store.add_silence(&silence).await?;
    Ok(json!({ "silences": [silence_document(&silence, now)] }))
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
    Ok(json!({ "expired": expired }))
}

async fn read(headers: &HeaderMap, body: Body) -> Result<WishSent, Refusal> {
    let body = limits::body(headers, body, BODY_MOST_BYTES).await?;
    serde_json::from_slice(&body).map_err(|cause| {
        let detail = format!("the body is not a silence: {cause}");
        Refusal::new(StatusCode::BAD_REQUEST, detail)
    })
}
