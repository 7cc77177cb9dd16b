//! A job's page: its whole story.

use std::collections::{HashMap, HashSet};

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};

use super::page;
use super::preview::{About, preview};
use super::view::{attempt, can_decide, delivery, event, job as facts, job_link, project};
use crate::model::EventId;
use crate::render::words::{Breaks, clean, cut};
use crate::store::{DeliveryRow, EventFilter, EventRow, Gathered, StoreError};
use crate::web::Server;
use crate::web::answer::Refusal;

/// Of one job there are rarely more than a dozen.
const MOST_EVENTS: u32 = 200;
const MOST_DELIVERIES: usize = 100;

/// Of one message that gathers several: as many as a template sees.
const MOST_GATHERED: u32 = 200;

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
    let rows: Vec<EventRow> =
        listed.rows.into_iter().filter(|row| row.event.key.source == source).rev().collect();
    let owed = owed(server, &rows).await?;
    let ids: Vec<_> = owed.iter().map(|row| &row.delivery.id).collect();
    let attempts = parts.store.attempts_at(&ids).await?;
    let site = parts.site.get();
    let by_id: HashMap<EventId, &EventRow> = rows.iter().map(|row| (row.event.id(), row)).collect();
    let mut said = Vec::new();
    for row in &owed {
        let tries = attempts.get(row.delivery.id.as_str());
        let about = about(server, row, &by_id).await?;
        let mut view = delivery(row, base);
        view["attempts"] = tries.into_iter().flatten().map(attempt).collect();
        view["preview"] = preview(row, &about, parts, &site);
        said.push(view);
    }
    let happened: Vec<Value> = rows.iter().map(|row| event(row, base)).collect();
    let document = clean(&format!("{:#}", row.document()), Breaks::Keep);
    let view = json!({
        "job": facts(&row, parts.clock.now(), base),
        "happened": happened,
        "decidable": owed.iter().any(can_decide),
        "said": said,
        "document": cut(&document, DOCUMENT_MOST_CHARS),
        "back": job_link(base, source, id),
    });
    page(server, head, StatusCode::OK, "job", &project(&row), view)
}

/// What is owed about these events, digests among it, oldest first.
async fn owed(server: &Server, rows: &[EventRow]) -> Result<Vec<DeliveryRow>, StoreError> {
    let ids: Vec<EventId> = rows.iter().map(|row| row.event.id()).collect();
    let told = server.parts.store.deliveries_about(&ids).await?;
    let mut seen = HashSet::new();
    let mut owed: Vec<DeliveryRow> =
        told.into_iter().map(|(_, row)| row).filter(|row| seen.insert(row.seq)).collect();
    let older = owed.len().saturating_sub(MOST_DELIVERIES);
    Ok(owed.split_off(older))
}

/// What a message tells of: one event that is at hand, or all of a gathering.
async fn about(
    server: &Server,
    row: &DeliveryRow,
    events: &HashMap<EventId, &EventRow>,
) -> Result<About, StoreError> {
    let alone = events.get(&row.delivery.event_id).filter(|_| !row.delivery.job_id.is_empty());
    if let Some(row) = alone {
        return Ok(About { events: vec![row.event.clone()], count: 1, held: None });
    }
    let gathered = server.parts.store.gathered(&row.delivery.id, MOST_GATHERED).await?;
    let Gathered { events, count, held } = gathered;
    Ok(About { events, count, held })
}
