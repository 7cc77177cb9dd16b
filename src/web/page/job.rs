//! A job's page: its whole story.

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};

use super::page;
use super::view::{attempt, delivery, event, job as facts, job_link, project};
use crate::render::words::{Breaks, clean, cut};
use crate::store::EventFilter;
use crate::web::Server;
use crate::web::answer::Refusal;

/// Of one job there are rarely more than a dozen.
const MOST_EVENTS: u32 = 200;
const MOST_DELIVERIES: u32 = 100;

/// Of the job's document as the API gave it.
const DOCUMENT_MOST_CHARS: usize = 20_000;

/// What is known of one job, what happened to it, what was said about it.
pub(in crate::web) async fn job(
    server: &Server,
    head: &Parts,
    source: &str,
    id: &str,
) -> Result<Response, Refusal> {
    let parts = &server.parts;
    let base = parts.base_path.as_str();
    let row = parts.store.job(source, id).await?;
    let row = row.ok_or_else(|| Refusal::not_found("no such job is known"))?;
    let filter =
        EventFilter { job_id: Some(id.to_owned()), most: MOST_EVENTS, ..EventFilter::default() };
    let listed = parts.store.events(&filter).await?;
    let happened: Vec<Value> = listed
        .rows
        .iter()
        .filter(|row| row.event.key.source == source)
        .rev()
        .map(|row| event(row, base))
        .collect();
    let owed = parts.store.deliveries_of_job(source, id, MOST_DELIVERIES).await?;
    let ids: Vec<_> = owed.iter().map(|row| &row.delivery.id).collect();
    let attempts = parts.store.attempts_at(&ids).await?;
    let said: Vec<Value> = owed
        .iter()
        .map(|row| {
            let tries = attempts.get(row.delivery.id.as_str());
            let mut view = delivery(row, base);
            view["attempts"] = tries.into_iter().flatten().map(attempt).collect();
            view
        })
        .collect();
    let document = clean(&format!("{:#}", row.document()), Breaks::Keep);
    let view = json!({
        "job": facts(&row, parts.clock.now(), base),
        "happened": happened,
        "said": said,
        "document": cut(&document, DOCUMENT_MOST_CHARS),
        "back": job_link(base, source, id),
    });
    page(server, head, StatusCode::OK, "job", &project(&row), view)
}
