//! What was decided, written down: events once, with their verdicts and what they owe.
//!
//! Part of somebody's transaction. An event that is recorded already adds nothing, nor do its
//! deliveries: only what is new is decided at all, with what the ledger knows of silences and
//! throttles at that moment. What is owed to a broken notifier begins its life held.

use std::collections::{BTreeSet, HashSet};
use std::fmt;

use jiff::Timestamp;

use super::StoreError;
use super::gather::join;
use super::live::space_out;
use super::pacing::{read_pacing, write_pacing};
use super::rows::{delivery_values, event_values};
use super::rows_text::RowsText;
use super::sql::{Tx, query, query_scalar};
use super::stale::supersede;
use crate::model::{Decided, Event, EventId, EventKind, Pacing};

/// Decides about an event that is new.
pub type Decide<'a> = &'a (dyn Fn(Event, &mut Pacing) -> Decided + Sync);

/// How the events of a transaction are decided.
#[derive(Clone, Copy)]
pub struct Deciding<'a> {
    pub now: Timestamp,
    pub decide: Decide<'a>,
}

impl fmt::Debug for Deciding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deciding").field("now", &self.now).finish_non_exhaustive()
    }
}

/// What a commit has added; repeats add nothing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Committed {
    /// The events that are new.
    pub decided: Vec<Decided>,
    pub deliveries: usize,
}

/// Writes events that are new, with their verdicts and deliveries, and drops progress messages
/// that they have made stale.
pub(super) async fn record(
    transaction: &mut Tx,
    events: &[Event],
    deciding: Deciding<'_>,
) -> Result<Committed, StoreError> {
    let mut fresh = write_events(transaction, events).await?;
    if fresh.is_empty() {
        return Ok(Committed::default());
    }
    let fresh: Vec<&Event> = events.iter().filter(|event| fresh.remove(&event.id())).collect();
    let decide = |mut pacing: Pacing| -> (Vec<Decided>, Pacing) {
        let decided = fresh.iter().map(|event| (deciding.decide)((*event).clone(), &mut pacing));
        (decided.collect(), pacing)
    };
    let pacing = read_pacing(transaction, &BTreeSet::new(), deciding.now).await?;
    let (mut decided, Pacing { asked, .. }) = decide(pacing);
    // Only now is it known which of the throttles matter.
    if !asked.is_empty() {
        let pacing = read_pacing(transaction, &asked, deciding.now).await?;
        if !pacing.throttled.is_empty() {
            (decided, _) = decide(pacing);
        }
    }
    write_verdicts(transaction, &decided).await?;
    let mut deliveries = write_deliveries(transaction, &decided).await?;
    for Decided { event, joins, .. } in &decided {
        for joined in joins {
            deliveries += join(transaction, &event.id(), joined, deciding.now).await?;
        }
    }
    write_pacing(transaction, &decided).await?;
    let moved: BTreeSet<(&str, &str)> = decided
        .iter()
        .map(|decided| &decided.event)
        .filter(|event| event.kind.is_terminal() || event.kind == EventKind::Progress)
        .map(|event| (event.key.source.as_str(), event.key.subject.as_str()))
        .collect();
    supersede(transaction, &moved, deciding.now).await?;
    space_out(transaction, &moved, deciding.now).await?;
    Ok(Committed { decided, deliveries })
}

async fn write_events(
    transaction: &mut Tx,
    events: &[Event],
) -> Result<HashSet<EventId>, StoreError> {
    if events.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = RowsText::of(events, event_values);
    let fresh: Vec<String> = query_scalar(
        "INSERT INTO event (id, source, subject, slot, occurrence, kind, from_state, to_state,
                 detected_ms, late, job_id, project_name, name_unavailable, document, timer)
             WITH row (k, v) AS MATERIALIZED (SELECT key, value FROM json_each($1))
             SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6, v->>7,
                 CAST(v->>8 AS bigint), CAST(v->>9 AS bigint), v->>10, v->>11,
                 CAST(v->>12 AS bigint), v->>13, v->>14
             FROM row WHERE true ORDER BY k
             ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(rows.into_text())
    .fetch_all(&mut *transaction)
    .await?;
    Ok(fresh.into_iter().map(EventId::from_stored).collect())
}

async fn write_verdicts(transaction: &mut Tx, decided: &[Decided]) -> Result<(), StoreError> {
    let mut rows = RowsText::default();
    for Decided { event, verdicts, .. } in decided {
        let id = event.id();
        for (position, (rule, verdict)) in verdicts.iter().enumerate() {
            let verdict = serde_json::to_string(verdict).unwrap_or_default();
            rows.add(|row| {
                row.put(&id).put(position).put(rule).put(verdict);
            });
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    query(
        "INSERT INTO verdict (event_id, position, rule, verdict)
             WITH row (k, v) AS MATERIALIZED (SELECT key, value FROM json_each($1))
             SELECT v->>0, CAST(v->>1 AS bigint), v->>2, v->>3 FROM row WHERE true
             ON CONFLICT DO NOTHING",
    )
    .bind(rows.into_text())
    .execute(&mut *transaction)
    .await?;
    Ok(())
}

async fn write_deliveries(transaction: &mut Tx, decided: &[Decided]) -> Result<usize, StoreError> {
    let rows = RowsText::of(decided.iter().flat_map(|decided| &decided.owed), delivery_values);
    if rows.is_empty() {
        return Ok(0);
    }
    let added = query(
        "INSERT INTO delivery (id, about, event_id, rule, notifier, recipient, template,
                 include_download_url, source, job_id, kind, terminal, rank, state, hold,
                 held_since_ms, created_ms, due_ms, suppressed, live)
             WITH row (k, v) AS MATERIALIZED (SELECT key, value FROM json_each($1)),
             placed (k, v, hold) AS (
                 SELECT k, v, CASE WHEN v->>13 IS NOT NULL THEN 'window'
                                   WHEN broken.name IS NOT NULL THEN 'notifier' END
                 FROM row
                 LEFT JOIN notifier AS broken
                     ON broken.name = v->>3 AND broken.broken_since_ms IS NOT NULL)
             SELECT v->>0, v->>1, v->>1, v->>2, v->>3, v->>4, v->>5, CAST(v->>6 AS bigint),
                 v->>7, v->>8, v->>9, CAST(v->>10 AS bigint), CAST(v->>11 AS bigint),
                 CASE WHEN hold IS NULL THEN 'pending' ELSE 'held' END, hold,
                 CASE WHEN hold IS NOT NULL THEN CAST(v->>12 AS bigint) END,
                 CAST(v->>12 AS bigint), CAST(coalesce(v->>13, v->>12) AS bigint),
                 CAST(v->>14 AS bigint), CAST(v->>15 AS bigint)
             FROM placed WHERE true ORDER BY k
             ON CONFLICT DO NOTHING",
    )
    .bind(rows.into_text())
    .execute(&mut *transaction)
    .await?;
    Ok(usize::try_from(added.rows_affected()).unwrap_or(usize::MAX))
}
