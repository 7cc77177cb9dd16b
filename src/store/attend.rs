//! What a person sees and decides of single deliveries: attempts, retry, discard.
//!
//! A retry is counted for its notifier, so that a service beside which a command has written can
//! tell that a person asks, from everything else that commands write.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;

use super::gather::{held_back, seal};
use super::rows::{ms, time};
use super::settle::end_members;
use super::sql::{Row, Tx, query, query_scalar};
use super::{Store, StoreError};
use crate::model::{Attempt, AttemptOutcome, DeliveryId};

impl Store {
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
        let mut transaction = self.writer.begin().await?;
        let changed: Vec<String> = query_scalar(concat!(
            "UPDATE delivery SET suppressed = suppressed + ",
            held_back!(),
            ", state = 'pending', due_ms = $2, failures = 0, first_attempt_ms = NULL,
                 held_total_ms = 0, ended_ms = NULL, hold = NULL, held_since_ms = NULL
             WHERE state IN ('dead', 'held', 'pending') AND coalesce(hold, '') <> 'digest'
               AND id IN (SELECT value FROM json_each($1)) RETURNING id"
        ))
        .bind(json!(ids).to_string())
        .bind(ms(now))
        .fetch_all(&mut transaction)
        .await?;
        seal_of(&mut transaction, &changed, now).await?;
        query(
            "INSERT INTO meta (key, value)
             SELECT DISTINCT 'retries ' || notifier, '1' FROM delivery
             WHERE id IN (SELECT value FROM json_each($1))
             ON CONFLICT (key) DO UPDATE SET value = value + 1",
        )
        .bind(json!(changed).to_string())
        .execute(&mut transaction)
        .await?;
        transaction.commit().await?;
        self.news.tell_decision("pending", &changed);
        Ok(changed.into_iter().map(DeliveryId::from_stored).collect())
    }

    /// How often people have asked for retries, by notifier.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn retries(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        let rows = query(
            "SELECT substr(key, length('retries ') + 1) AS notifier, CAST(value AS INTEGER) AS n
             FROM meta WHERE key LIKE 'retries %'",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("notifier")?, row.try_get("n")?))).collect()
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
        let mut transaction = self.writer.begin().await?;
        let changed: Vec<String> = query_scalar(
            "UPDATE delivery SET state = 'discarded', ended_ms = $2
             WHERE state IN ('dead', 'held', 'pending') AND coalesce(hold, '') <> 'digest'
               AND id IN (SELECT value FROM json_each($1)) RETURNING id",
        )
        .bind(json!(ids).to_string())
        .bind(ms(now))
        .fetch_all(&mut transaction)
        .await?;
        seal_of(&mut transaction, &changed, now).await?;
        end_members(&mut transaction, &json!(changed).to_string(), now).await?;
        transaction.commit().await?;
        self.news.tell_decision("discarded", &changed);
        Ok(changed.into_iter().map(DeliveryId::from_stored).collect())
    }

    /// The ids of all dead deliveries.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn dead(&self) -> Result<Vec<DeliveryId>, StoreError> {
        let ids: Vec<String> =
            query_scalar("SELECT id FROM delivery WHERE state = 'dead' ORDER BY seq")
                .fetch_all(&self.readers)
                .await?;
        Ok(ids.into_iter().map(DeliveryId::from_stored).collect())
    }

    /// The attempts at a delivery, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn attempts(&self, id: &DeliveryId) -> Result<Vec<Attempt>, StoreError> {
        let rows = query("SELECT * FROM attempt WHERE delivery_id = $1 ORDER BY number")
            .bind(id.as_str())
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(attempt_of).collect()
    }
}

/// A gathering whose message a person has sent or given up takes in no more events.
async fn seal_of(
    transaction: &mut Tx,
    deliveries: &[String],
    now: Timestamp,
) -> Result<(), StoreError> {
    let groups: Vec<String> = query_scalar(
        "SELECT about FROM delivery
         WHERE group_id = about AND id IN (SELECT value FROM json_each($1))",
    )
    .bind(json!(deliveries).to_string())
    .fetch_all(&mut *transaction)
    .await?;
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    seal(transaction, &groups, now).await
}

pub(super) fn attempt_of(row: &Row) -> Result<Attempt, StoreError> {
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
