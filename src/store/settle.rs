//! What became of attempts, written down together.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::StoreError;
use super::live::keep_handles;
use super::pacing::reopen_throttles;
use super::rows::ms;
use super::rows_text::{RowText, RowsText};
use super::sql::{Tx, query};
use super::stale::supersede;
use crate::model::{Attempt, DeliveryId, DeliveryState};

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    pub id: DeliveryId,
    pub fence: i64,
    /// The job it is about, or empty.
    pub source: String,
    pub job_id: String,
    pub attempt: Attempt,
    pub next: Settled,
    /// Where the job's live message is now, where that is new.
    pub handle: Option<String>,
}

/// The next state of a delivery.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    Sent,
    Dead {
        why: String,
    },
    /// Owed still. `counted`: the attempt counts for the back-off; `unsure`: it may have
    /// got through, so the next one is marked as a repeat.
    Again {
        due_at: Timestamp,
        why: String,
        counted: bool,
        unsure: bool,
    },
    /// Owed still, but the notifier is held: it waits until that is over.
    Held {
        why: String,
    },
}

/// Writes down attempts and what follows from each.
pub(super) async fn settle(
    transaction: &mut Tx,
    settlements: &[Settlement],
    now: Timestamp,
) -> Result<(), StoreError> {
    if settlements.is_empty() {
        return Ok(());
    }
    let rows = RowsText::of(settlements, |row, settlement| settlement_values(row, settlement, now));
    let rows = rows.into_text();
    query(
        "INSERT INTO attempt (delivery_id, number, started_ms, took_ms, outcome, status, answer)
         SELECT value->>0, CAST(value->>8 AS bigint), CAST(value->>9 AS bigint),
             CAST(value->>10 AS bigint), value->>11, CAST(value->>12 AS bigint), value->>13
         FROM json_each($1) WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(&rows)
    .execute(&mut *transaction)
    .await?;
    keep_handles(transaction, &rows, now).await?;
    // The fence keeps out an answer that comes after the claim was given to another.
    query(
        "UPDATE delivery SET state = r.value->>2, due_ms = coalesce(CAST(r.value->>3 AS bigint), due_ms),
             ended_ms = CAST(r.value->>4 AS bigint), last_error = r.value->>5,
             failures = failures + CAST(r.value->>6 AS bigint),
             repeat = max(repeat, CAST(r.value->>7 AS bigint)),
             hold = CASE WHEN r.value->>2 = 'held' THEN 'notifier' END,
             held_since_ms = CASE WHEN r.value->>2 = 'held' THEN $2 END,
             claim_owner = NULL, claimed_until_ms = NULL
         FROM json_each($1) AS r
         WHERE delivery.id = r.value->>0 AND state = 'sending'
           AND claim_fence = CAST(r.value->>1 AS bigint)",
    )
    .bind(&rows)
    .bind(ms(now))
    .execute(&mut *transaction)
    .await?;
    let dead: Vec<&str> = settlements
        .iter()
        .filter(|settlement| matches!(settlement.next, Settled::Dead { .. }))
        .map(|settlement| settlement.id.as_str())
        .collect();
    reopen_throttles(transaction, &dead, now).await?;
    let settled: Vec<&str> = settlements.iter().map(|settlement| settlement.id.as_str()).collect();
    end_members(transaction, &json!(settled).to_string(), now).await?;
    drop_stale(transaction, settlements, now).await
}

/// The members of digests end as these do. `ids` is a JSON list; others are not looked for, since
/// very many messages can wait in digests.
pub(super) async fn end_members(
    transaction: &mut Tx,
    ids: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "UPDATE delivery SET state = digest.state, ended_ms = $1, hold = NULL,
             last_error = 'gathered into the digest ' || digest.id
         FROM delivery AS digest
         WHERE digest.id IN (SELECT value FROM json_each($2))
           AND digest.group_id = digest.about AND digest.state IN ('sent', 'discarded')
           AND delivery.group_id = digest.group_id
           AND delivery.state = 'held' AND delivery.hold = 'digest'",
    )
    .bind(ms(now))
    .bind(ids)
    .execute(&mut *transaction)
    .await?;
    Ok(())
}

/// Progress that was under way while its job ended, and was not taken, is not tried again.
async fn drop_stale(
    transaction: &mut Tx,
    settlements: &[Settlement],
    now: Timestamp,
) -> Result<(), StoreError> {
    let again = |settlement: &&Settlement| {
        matches!(settlement.next, Settled::Again { .. } | Settled::Held { .. })
    };
    let jobs: BTreeSet<(&str, &str)> = settlements
        .iter()
        .filter(again)
        .map(|settlement| (settlement.source.as_str(), settlement.job_id.as_str()))
        .filter(|(_, job_id)| !job_id.is_empty())
        .collect();
    supersede(transaction, &jobs, now).await
}

/// A settlement as the row that the statements take apart.
fn settlement_values(row: &mut RowText<'_>, settlement: &Settlement, now: Timestamp) {
    let attempt = &settlement.attempt;
    let (state, due, ended, error, counted, unsure) = match &settlement.next {
        Settled::Sent => (DeliveryState::Sent, None, Some(ms(now)), None, 0, 0),
        Settled::Dead { why } => (DeliveryState::Dead, None, Some(ms(now)), Some(why), 1, 0),
        Settled::Again { due_at, why, counted, unsure } => (
            DeliveryState::Pending,
            Some(ms(*due_at)),
            None,
            Some(why),
            i64::from(*counted),
            i64::from(*unsure),
        ),
        Settled::Held { why } => (DeliveryState::Held, None, None, Some(why), 0, 0),
    };
    row.put(&settlement.id)
        .put(settlement.fence)
        .put(state)
        .put(due)
        .put(ended)
        .put(error)
        .put(counted)
        .put(unsure)
        .put(attempt.number)
        .put(ms(attempt.started_at))
        .put(attempt.took_ms)
        .put(attempt.outcome)
        .put(attempt.status)
        .put(&attempt.answer)
        .put(&settlement.handle);
}
