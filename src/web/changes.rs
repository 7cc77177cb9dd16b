//! What a person decides about a delivery: written into the store, and a bell rung.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Server;
use super::answer::Refusal;
use crate::model::DeliveryId;
use crate::store::DeliveryRow;

/// Makes a delivery due at once.
pub(super) async fn retry(server: &Server, id: &str) -> Result<Value, Refusal> {
    let row = find(server, id).await?;
    let now = server.parts.clock.now();
    let done = server.parts.store.retry(std::slice::from_ref(&row.delivery.id), now).await?;
    decided(server, &row, &done, "retried")
}

/// Gives a delivery up.
pub(super) async fn discard(server: &Server, id: &str) -> Result<Value, Refusal> {
    let row = find(server, id).await?;
    let now = server.parts.clock.now();
    let done = server.parts.store.discard(std::slice::from_ref(&row.delivery.id), now).await?;
    decided(server, &row, &done, "discarded")
}

/// The delivery with exactly this id.
pub(super) async fn find(server: &Server, id: &str) -> Result<DeliveryRow, Refusal> {
    let none = || Refusal::not_found("there is no such delivery");
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(none());
    }
    let rows = server.parts.store.find_delivery(&id.to_ascii_lowercase()).await?;
    rows.into_iter().find(|row| row.delivery.id.as_str().eq_ignore_ascii_case(id)).ok_or_else(none)
}

fn decided(
    server: &Server,
    row: &DeliveryRow,
    done: &[DeliveryId],
    what: &str,
) -> Result<Value, Refusal> {
    if done.is_empty() {
        let state = row.delivery.state;
        let detail = format!("the delivery was not {what}: it is {state}");
        return Err(Refusal::new(StatusCode::CONFLICT, detail));
    }
    server.parts.decided.notify_one();
    Ok(json!({ (what): done, "unchanged": [] }))
}
