//! The listings and the status, as JSON: the same rows as `--json` on the command line.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Value, json};

use super::Server;
use super::answer::{Refusal, json_answer};
use super::changes::find;
use super::query::{Query, cursor_of};
use crate::model::{DeliveryState, EventKind};
use crate::store::{
    DeliveryFilter, DeliveryRow, EventFilter, EventRow, JobFilter, JobPlace, JobRow,
};

/// The description of this API, which a test holds against its answers.
pub(super) const OPENAPI: &str = include_str!("openapi.json");

/// How everything stands.
pub(super) async fn status(server: &Server) -> Result<Response, Refusal> {
    let parts = &server.parts;
    let standings = parts.store.source_standings().await?;
    let mut sources = Vec::new();
    for source in &parts.site.get().sources {
        let standing = standings.iter().find(|standing| standing.name == source.name);
        let standing = standing.cloned().unwrap_or_default();
        let jobs = parts.store.job_counts(&source.name).await?.by_state();
        sources.push(json!({
            "name": source.name,
            "ok": standing.health.failing_since.is_none(),
            "last_poll_at": standing.last_complete_at.map(|at| at.to_string()),
            "failing_since": standing.health.failing_since.map(|at| at.to_string()),
            "down_since": standing.health.down_since.map(|at| at.to_string()),
            "down_reason": standing.health.down_reason,
            "jobs": jobs.into_iter().collect::<BTreeMap<_, _>>(),
        }));
    }
    let document = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": parts.started_at.to_string(),
        "now": parts.clock.now().to_string(),
        "sources": sources,
        "notifiers": notifiers(server).await?,
    });
    Ok(json_answer(StatusCode::OK, &document))
}

async fn notifiers(server: &Server) -> Result<Vec<Value>, Refusal> {
    let parts = &server.parts;
    let standings = parts.store.notifier_standings().await?;
    let outbox = parts.store.outbox().await?;
    let site = parts.site.get();
    let told = site.notifiers.iter().map(|(name, kind)| {
        let standing = standings.get(name).cloned().unwrap_or_default();
        let count = |state: &str| {
            let is_it = |count: &&crate::store::OutboxCount| {
                count.notifier == *name && count.state == state
            };
            outbox.iter().find(is_it).map_or(0, |count| count.count)
        };
        json!({
            "name": name,
            "type": kind.as_str(),
            "ok": standing.broken.is_none(),
            "broken_since": standing.broken.as_ref().map(|broken| broken.since.to_string()),
            "broken_reason": standing.broken.as_ref().map(|broken| broken.reason.clone()),
            "next_probe_at": standing.broken.as_ref().map(|broken| broken.probe_due.to_string()),
            "oldest_owed_at": standing.oldest_owed_at.map(|at| at.to_string()),
            "pending": count("pending"),
            "sending": count("sending"),
            "held": count("held"),
            "dead": count("dead"),
        })
    });
    Ok(told.collect())
}

/// Known jobs, newest first.
pub(super) async fn jobs(server: &Server, head: &Parts) -> Result<Response, Refusal> {
    let query = Query::parse(head, &["state", "project", "limit", "cursor"])?;
    let filter = JobFilter {
        state: query.owned("state"),
        project: query.owned("project"),
        most: query.limit()?,
    };
    let after = query.cursor()?;
    let after = after.map(|(at_ms, job_id, source)| JobPlace { at_ms, job_id, source });
    let listed = server.parts.store.jobs_after(&filter, after.as_ref()).await?;
    let next = listed.rows.last().filter(|_| listed.more).map(|row| {
        let JobPlace { at_ms, job_id, source } = row.place();
        cursor_of(&(at_ms, job_id, source))
    });
    Ok(page("jobs", listed.rows.iter().map(JobRow::document), next))
}

/// Recorded events, newest first.
pub(super) async fn events(server: &Server, head: &Parts) -> Result<Response, Refusal> {
    let query = Query::parse(head, &["kind", "since", "job", "limit", "cursor"])?;
    let filter = EventFilter {
        kind: query.word("kind", str::parse::<EventKind>)?,
        since: query.since(server.parts.clock.now())?,
        job_id: query.owned("job"),
        most: query.limit()?,
    };
    let listed = server.parts.store.events_after(&filter, query.cursor()?).await?;
    let next = listed.rows.last().filter(|_| listed.more).map(|row| cursor_of(&row.seq));
    Ok(page("events", listed.rows.iter().map(EventRow::document), next))
}

/// Deliveries, newest first.
pub(super) async fn deliveries(server: &Server, head: &Parts) -> Result<Response, Refusal> {
    let query = Query::parse(head, &["state", "notifier", "limit", "cursor"])?;
    let filter = DeliveryFilter {
        state: query.word("state", str::parse::<DeliveryState>)?,
        notifier: query.owned("notifier"),
        most: query.limit()?,
    };
    let listed = server.parts.store.deliveries_after(&filter, query.cursor()?).await?;
    let next = listed.rows.last().filter(|_| listed.more).map(|row| cursor_of(&row.seq));
    Ok(page("deliveries", listed.rows.iter().map(DeliveryRow::document), next))
}

/// One delivery with its attempts.
pub(super) async fn delivery(server: &Server, id: &str) -> Result<Response, Refusal> {
    let row = find(server, id).await?;
    let attempts = server.parts.store.attempts(&row.delivery.id).await?;
    let mut document = row.document();
    document["history"] = json!(attempts);
    Ok(json_answer(StatusCode::OK, &json!({ "deliveries": [document] })))
}

fn page(key: &str, rows: impl Iterator<Item = Value>, next: Option<String>) -> Response {
    let rows: Vec<Value> = rows.collect();
    json_answer(StatusCode::OK, &json!({ (key): rows, "next_cursor": next }))
}
