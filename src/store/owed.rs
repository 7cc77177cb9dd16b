//! What is owed: claiming what is due, and writing down what became of it.
//!
//! A claim stores its owner, a fence and until when it holds, before anything is sent; so a
//! row in `sending` after a crash is known to be unsure. Messages about one job to one
//! recipient leave in order: see `claimable!`.

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Row, Transaction};

use super::rows::{delivery_of, event_of, maybe_time, ms, time};
use super::{Store, StoreError};
use crate::model::{Attempt, AttemptOutcome, Delivery, DeliveryId, DeliveryState, Event};

/// What is asked for in one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// At most so many.
    pub most: u32,
    /// After this an unrecorded claim counts as unsure.
    pub until: Timestamp,
}

/// A delivery that is ours to send now, with the event it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    pub delivery: Delivery,
    pub event: Event,
    pub fence: i64,
    /// Time it was held, which does not count for `retry_for`.
    pub held_total_ms: i64,
}

/// What becomes of a delivery after an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Settlement {
    pub id: DeliveryId,
    pub fence: i64,
    pub attempt: Attempt,
    pub next: Settled,
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
}

/// Due and first in its lane: nothing earlier about the same job to the same recipient is
/// being sent or due. One in back-off holds back what follows it, but not a terminal one,
/// which overtakes it together with what it holds back.
///
/// Walks the lanes in order and stops at the limit: left to itself SQLite takes all that is
/// due, sorts it, and throws most of it away, at every turn of a long backlog.
macro_rules! claimable {
    () => {
        "SELECT d.seq FROM delivery d INDEXED BY delivery_owed
         WHERE d.notifier = $1 AND d.state = 'pending' AND d.due_ms <= $2
           AND (d.job_id = '' OR NOT EXISTS (
               SELECT 1 FROM delivery e
               WHERE e.notifier = d.notifier AND e.source = d.source AND e.job_id = d.job_id
                 AND e.recipient = d.recipient AND e.seq < d.seq
                 AND e.state IN ('pending', 'sending')
                 AND (e.state = 'sending' OR NOT d.terminal OR (e.due_ms <= $2 AND (
                     e.terminal OR NOT EXISTS (
                         SELECT 1 FROM delivery f INDEXED BY delivery_lane
                         WHERE f.notifier = e.notifier AND f.source = e.source
                           AND f.job_id = e.job_id AND f.recipient = e.recipient
                           AND f.seq < e.seq AND f.state IN ('pending', 'sending')
                           AND f.state = 'pending' AND f.due_ms > $2))))))
         ORDER BY d.seq LIMIT $3"
    };
}

const CLAIM: &str = concat!(
    "UPDATE delivery SET state = 'sending', attempts = attempts + 1,
         first_attempt_ms = coalesce(first_attempt_ms, $2), claim_owner = $5,
         claim_fence = claim_fence + 1, claimed_ms = $2, claimed_until_ms = $4
     WHERE seq IN (",
    claimable!(),
    ") RETURNING id"
);

const OUTLOOK: &str = concat!(
    "SELECT (SELECT count(*) FROM (",
    claimable!(),
    ")) AS due,
     (SELECT min(due_ms) FROM delivery
      WHERE notifier = $1 AND state = 'pending' AND due_ms > $2) AS next"
);

/// A progress message that the job's end has overtaken says nothing any more.
const SUPERSEDE: &str = "
UPDATE delivery SET state = 'discarded', ended_ms = $2,
    last_error = 'superseded: the job has ended'
WHERE state = 'pending' AND kind = 'progress' AND notifier = $1 AND seq IN (
    SELECT p.seq FROM delivery p JOIN delivery t
      ON t.notifier = p.notifier AND t.source = p.source AND t.job_id = p.job_id
     AND t.recipient = p.recipient AND p.seq < t.seq
    WHERE p.state = 'pending' AND p.kind = 'progress' AND p.notifier = $1
      AND t.id IN (SELECT value FROM json_each($3)) AND t.terminal AND t.job_id <> '')";

const CLAIMED: &str = "
SELECT d.*, e.kind AS event_kind, e.source AS event_source, e.subject AS event_subject,
    e.occurrence AS event_occurrence, e.from_state AS event_from, e.to_state AS event_to,
    e.detected_ms AS event_detected_ms, e.late AS event_late, e.job_id AS event_job_id,
    e.project_name AS event_project_name, e.name_unavailable AS event_name_unavailable,
    e.document AS event_document
FROM delivery d JOIN event e ON e.id = d.event_id
WHERE d.id IN (SELECT value FROM json_each($1)) ORDER BY d.seq";

impl Store {
    /// Records what became of attempts, then claims what is due through `notifier`: one
    /// transaction, one sync.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; then nothing is.
    pub async fn turn(
        &self,
        notifier: &str,
        settlements: &[Settlement],
        claim: Option<Claim>,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        settle(&mut transaction, settlements, now).await?;
        let claimed = match claim {
            Some(claim) => claim_due(&mut transaction, notifier, claim, now).await?,
            None => Vec::new(),
        };
        transaction.commit().await?;
        Ok(claimed)
    }

    /// How many deliveries through `notifier` could be claimed now, counted up to `most`, and
    /// when the next one falls due.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn outlook(
        &self,
        notifier: &str,
        now: Timestamp,
        most: u32,
    ) -> Result<(u32, Option<Timestamp>), StoreError> {
        let row = sqlx::query(OUTLOOK)
            .bind(notifier)
            .bind(ms(now))
            .bind(most)
            .fetch_one(&self.readers)
            .await?;
        Ok((row.try_get("due")?, maybe_time(row.try_get("next")?)?))
    }

    /// At the service's start: what was being sent when the last one died may have got
    /// through. It is owed again, marked as a possible repeat. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn recover(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(
            "INSERT INTO attempt (delivery_id, number, started_ms, took_ms, outcome, answer)
             SELECT id, attempts, coalesce(claimed_ms, $1), 0, 'unsure',
                 'the program ended before the answer came'
             FROM delivery WHERE state = 'sending' ON CONFLICT DO NOTHING",
        )
        .bind(ms(now))
        .execute(&mut *transaction)
        .await?;
        let back = sqlx::query(
            "UPDATE delivery SET state = 'pending', repeat = 1, due_ms = $1,
                 claim_owner = NULL, claimed_until_ms = NULL,
                 last_error = 'the program ended before the answer came'
             WHERE state = 'sending'",
        )
        .bind(ms(now))
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(back.rows_affected())
    }

    /// Makes dead or held deliveries due at once, with their time for retries beginning anew.
    /// Returns those that were; the others are not in such a state.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn retry(
        &self,
        ids: &[DeliveryId],
        now: Timestamp,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        let changed: Vec<String> = sqlx::query_scalar(
            "UPDATE delivery SET state = 'pending', due_ms = $2, failures = 0,
                 first_attempt_ms = NULL, ended_ms = NULL
             WHERE state IN ('dead', 'held', 'pending')
               AND id IN (SELECT value FROM json_each($1)) RETURNING id",
        )
        .bind(json!(ids).to_string())
        .bind(ms(now))
        .fetch_all(&self.writer)
        .await?;
        Ok(changed.into_iter().map(DeliveryId::from_stored).collect())
    }

    /// Gives up deliveries that have not been sent, by a person's decision. Returns those
    /// that were.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn discard(
        &self,
        ids: &[DeliveryId],
        now: Timestamp,
    ) -> Result<Vec<DeliveryId>, StoreError> {
        let changed: Vec<String> = sqlx::query_scalar(
            "UPDATE delivery SET state = 'discarded', ended_ms = $2
             WHERE state IN ('dead', 'held', 'pending')
               AND id IN (SELECT value FROM json_each($1)) RETURNING id",
        )
        .bind(json!(ids).to_string())
        .bind(ms(now))
        .fetch_all(&self.writer)
        .await?;
        Ok(changed.into_iter().map(DeliveryId::from_stored).collect())
    }

    /// The ids of all dead deliveries.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn dead(&self) -> Result<Vec<DeliveryId>, StoreError> {
        let ids: Vec<String> =
            sqlx::query_scalar("SELECT id FROM delivery WHERE state = 'dead' ORDER BY seq")
                .fetch_all(&self.readers)
                .await?;
        Ok(ids.into_iter().map(DeliveryId::from_stored).collect())
    }

    /// The attempts at a delivery, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn attempts(&self, id: &DeliveryId) -> Result<Vec<Attempt>, StoreError> {
        let rows = sqlx::query("SELECT * FROM attempt WHERE delivery_id = $1 ORDER BY number")
            .bind(id.as_str())
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(attempt_of).collect()
    }
}

async fn settle(
    transaction: &mut Transaction<'static, Sqlite>,
    settlements: &[Settlement],
    now: Timestamp,
) -> Result<(), StoreError> {
    if settlements.is_empty() {
        return Ok(());
    }
    let rows = settlements.iter().map(|settlement| settlement_values(settlement, now)).collect();
    let rows = Value::Array(rows).to_string();
    sqlx::query(
        "INSERT INTO attempt (delivery_id, number, started_ms, took_ms, outcome, status, answer)
         SELECT value->>0, value->>8, value->>9, value->>10, value->>11, value->>12, value->>13
         FROM json_each($1) WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(&rows)
    .execute(&mut **transaction)
    .await?;
    // The fence keeps out an answer that comes after the claim was given to another.
    sqlx::query(
        "UPDATE delivery SET state = r.value->>2, due_ms = coalesce(r.value->>3, due_ms),
             ended_ms = r.value->>4, last_error = r.value->>5,
             failures = failures + (r.value->>6), repeat = max(repeat, r.value->>7),
             claim_owner = NULL, claimed_until_ms = NULL
         FROM json_each($1) AS r
         WHERE delivery.id = r.value->>0 AND state = 'sending' AND claim_fence = r.value->>1",
    )
    .bind(&rows)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A settlement as the array that both statements take apart.
fn settlement_values(settlement: &Settlement, now: Timestamp) -> Value {
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
    };
    json!([
        settlement.id,
        settlement.fence,
        state,
        due,
        ended,
        error,
        counted,
        unsure,
        attempt.number,
        ms(attempt.started_at),
        attempt.took_ms,
        attempt.outcome,
        attempt.status,
        attempt.answer,
    ])
}

async fn claim_due(
    transaction: &mut Transaction<'static, Sqlite>,
    notifier: &str,
    claim: Claim,
    now: Timestamp,
) -> Result<Vec<Claimed>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(CLAIM)
        .bind(notifier)
        .bind(ms(now))
        .bind(claim.most)
        .bind(ms(claim.until))
        .bind(i64::from(std::process::id()).to_string())
        .fetch_all(&mut **transaction)
        .await?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids = json!(ids).to_string();
    sqlx::query(SUPERSEDE)
        .bind(notifier)
        .bind(ms(now))
        .bind(&ids)
        .execute(&mut **transaction)
        .await?;
    let rows = sqlx::query(CLAIMED).bind(&ids).fetch_all(&mut **transaction).await?;
    rows.iter()
        .map(|row| {
            Ok(Claimed {
                delivery: delivery_of(row)?,
                event: event_of(row)?,
                fence: row.try_get("claim_fence")?,
                held_total_ms: row.try_get("held_total_ms")?,
            })
        })
        .collect()
}

fn attempt_of(row: &SqliteRow) -> Result<Attempt, StoreError> {
    let outcome: &str = row.try_get("outcome")?;
    Ok(Attempt {
        number: row.try_get("number")?,
        started_at: time(row.try_get("started_ms")?)?,
        took_ms: row.try_get("took_ms")?,
        outcome: AttemptOutcome::parse(outcome)
            .ok_or_else(|| StoreError::Odd(format!("outcome `{outcome}`")))?,
        status: row.try_get("status")?,
        answer: row.try_get("answer")?,
    })
}
