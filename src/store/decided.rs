//! What was decided, written down: events once, with their verdicts and what they owe.
//!
//! Part of somebody's transaction. An event that is recorded already adds nothing, nor do its
//! deliveries. What is owed to a broken notifier begins its life held.

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value, json};
use sqlx::Transaction;
use sqlx::sqlite::Sqlite;

use super::StoreError;
use super::live::space_out;
use super::rows::{delivery_values, event_values};
use super::stale::supersede;
use crate::model::{Event, EventId, EventKind, NewDelivery, Verdict};

/// An event with what was decided about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    pub event: Event,
    /// Of the rules that were tried, by name.
    pub verdicts: Vec<(String, Verdict)>,
    pub owed: Vec<NewDelivery>,
}

/// What a commit has added; repeats add nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    pub events: usize,
    pub deliveries: usize,
}

/// Writes events that are new, with their verdicts and deliveries, and drops progress messages
/// that they have made stale.
pub(super) async fn record(
    transaction: &mut Transaction<'static, Sqlite>,
    events: &[Decided],
) -> Result<Committed, StoreError> {
    let fresh = write_events(transaction, events).await?;
    write_verdicts(transaction, events, &fresh).await?;
    let deliveries = write_deliveries(transaction, events, &fresh).await?;
    let moved: BTreeSet<(&str, &str)> = events
        .iter()
        .map(|decided| &decided.event)
        .filter(|event| event.kind.is_terminal() || event.kind == EventKind::Progress)
        .map(|event| (event.key.source.as_str(), event.key.subject.as_str()))
        .collect();
    if let Some(latest) = events.iter().map(|decided| decided.event.detected_at).max() {
        supersede(transaction, &moved, latest).await?;
        space_out(transaction, &moved, latest).await?;
    }
    Ok(Committed { events: fresh.len(), deliveries })
}

async fn write_events(
    transaction: &mut Transaction<'static, Sqlite>,
    events: &[Decided],
) -> Result<HashSet<EventId>, StoreError> {
    if events.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = events.iter().map(|decided| event_values(&decided.event)).collect();
    let fresh: Vec<String> = sqlx::query_scalar(
        "INSERT INTO event (id, source, subject, slot, occurrence, kind, from_state, to_state,
                 detected_ms, late, job_id, project_name, name_unavailable, document)
             WITH row (k, v) AS MATERIALIZED (SELECT key, value FROM json_each($1))
             SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8, v->>9, v->>10,
                 v->>11, v->>12, v->>13
             FROM row WHERE true ORDER BY k
             ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(Value::Array(rows).to_string())
    .fetch_all(&mut **transaction)
    .await?;
    Ok(fresh.into_iter().map(EventId::from_stored).collect())
}

async fn write_verdicts(
    transaction: &mut Transaction<'static, Sqlite>,
    events: &[Decided],
    fresh: &HashSet<EventId>,
) -> Result<(), StoreError> {
    let mut rows = Vec::new();
    for Decided { event, verdicts, .. } in events {
        let id = event.id();
        if fresh.contains(&id) {
            for (position, (rule, verdict)) in verdicts.iter().enumerate() {
                rows.push(json!([id, position, rule, json!(verdict).to_string()]));
            }
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO verdict (event_id, position, rule, verdict)
             WITH row (k, v) AS MATERIALIZED (SELECT key, value FROM json_each($1))
             SELECT v->>0, v->>1, v->>2, v->>3 FROM row WHERE true
             ON CONFLICT DO NOTHING",
    )
    .bind(Value::Array(rows).to_string())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn write_deliveries(
    transaction: &mut Transaction<'static, Sqlite>,
    events: &[Decided],
    fresh: &HashSet<EventId>,
) -> Result<usize, StoreError> {
    let rows: Vec<Value> = events
        .iter()
        .filter(|decided| fresh.contains(&decided.event.id()))
        .flat_map(|decided| decided.owed.iter().map(delivery_values))
        .collect();
    if rows.is_empty() {
        return Ok(0);
    }
    let added = sqlx::query(
        "INSERT INTO delivery (id, about, event_id, rule, notifier, recipient, template,
                 include_download_url, source, job_id, kind, terminal, rank, state, hold,
                 held_since_ms, created_ms, due_ms, live)
             WITH row (k, v) AS MATERIALIZED (SELECT key, value FROM json_each($1))
             SELECT v->>0, v->>1, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7, v->>8, v->>9,
                 v->>10, v->>11, iif(broken.name IS NULL, 'pending', 'held'),
                 iif(broken.name IS NULL, NULL, 'notifier'),
                 iif(broken.name IS NULL, NULL, v->>12), v->>12, v->>12, v->>13
             FROM row
             LEFT JOIN notifier AS broken
                 ON broken.name = v->>3 AND broken.broken_since_ms IS NOT NULL
             WHERE true ORDER BY k
             ON CONFLICT DO NOTHING",
    )
    .bind(Value::Array(rows).to_string())
    .execute(&mut **transaction)
    .await?;
    Ok(usize::try_from(added.rows_affected()).unwrap_or(usize::MAX))
}
