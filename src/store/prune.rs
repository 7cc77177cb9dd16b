//! Forgetting: details after `keep`, jobs when the API can no longer show them.

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sqlx::Row;

use super::live::forget_handles;
use super::rows::ms;
use super::{Store, StoreError};
use crate::model::Fingerprint;

/// The API shows a job for 30 days after it was made; a day more, so that none comes back
/// as new.
const JOB_MEMORY: SignedDuration = SignedDuration::from_hours(31 * 24);

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    pub events: u64,
    pub deliveries: u64,
    pub jobs: u64,
}

impl Store {
    /// Forgets deliveries that were sent or discarded longer than `keep` ago, events and
    /// gatherings of that age that no delivery refers to, silences that have been over for so
    /// long, throttles that are, the details of jobs that ended before it, and of ended jobs
    /// everything once 31 days have passed since they were made and ended. What is owed,
    /// held or dead keeps its event. `returned` are the jobs that the last complete walk of
    /// `source` returned: those are known for as long as it does.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn prune(
        &self,
        source: &str,
        keep: Duration,
        returned: &HashSet<Fingerprint>,
        now: Timestamp,
    ) -> Result<Pruned, StoreError> {
        let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::MAX);
        let before = now.checked_sub(keep).map_or(i64::MIN, ms);
        let long_ago = now.checked_sub(JOB_MEMORY).map_or(i64::MIN, ms);
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let deliveries = sqlx::query(
            "DELETE FROM delivery
             WHERE source IN ($1, '') AND state IN ('sent', 'discarded') AND ended_ms < $2",
        )
        .bind(source)
        .bind(before)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        sqlx::query(
            "DELETE FROM message_group WHERE opened_ms < $1
               AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.group_id = message_group.id)",
        )
        .bind(before)
        .execute(&mut *transaction)
        .await?;
        sqlx::query("DELETE FROM throttle WHERE until_ms <= $1")
            .bind(ms(now))
            .execute(&mut *transaction)
            .await?;
        sqlx::query("DELETE FROM silence WHERE expires_ms < $1")
            .bind(before)
            .execute(&mut *transaction)
            .await?;
        let events = sqlx::query(
            "DELETE FROM event INDEXED BY event_detected
             WHERE source IN ($1, '') AND detected_ms < $2
               AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.event_id = event.id)
               AND NOT EXISTS (SELECT 1 FROM group_member WHERE group_member.event_id = event.id)
               AND NOT EXISTS (SELECT 1 FROM job WHERE job.source = event.source
                               AND job.job_id = event.job_id AND job.phase <> 'ended')",
        )
        .bind(source)
        .bind(before)
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        forget_handles(&mut transaction, source, before).await?;
        sqlx::query(
            "UPDATE job INDEXED BY job_over SET document = NULL
             WHERE source = $1 AND phase <> 'open' AND ended_ms < $2 AND document IS NOT NULL",
        )
        .bind(source)
        .bind(before)
        .execute(&mut *transaction)
        .await?;
        let old = sqlx::query(
            "SELECT job_id, fingerprint FROM job INDEXED BY job_over
             WHERE source = $1 AND phase <> 'open' AND ended_ms < $2
               AND coalesce(created_ms, first_seen_ms) < $2
               AND job_id NOT IN (SELECT job_id FROM delivery WHERE source = $1
                                  AND state IN ('pending', 'sending', 'held', 'dead'))
               AND job_id NOT IN (
                   SELECT e.job_id FROM delivery d JOIN group_member m ON m.group_id = d.about
                   JOIN event e ON e.id = m.event_id
                   WHERE d.state IN ('pending', 'sending', 'held', 'dead') AND d.source = ''
                     AND e.source = $1 AND e.job_id IS NOT NULL)",
        )
        .bind(source)
        .bind(long_ago)
        .fetch_all(&mut *transaction)
        .await?;
        let mut forgotten: Vec<String> = Vec::new();
        for row in old {
            if !returned.contains(&Fingerprint(row.try_get("fingerprint")?)) {
                forgotten.push(row.try_get("job_id")?);
            }
        }
        let jobs = sqlx::query(
            "DELETE FROM job
             WHERE source = $1 AND job_id IN (SELECT value FROM json_each($2))",
        )
        .bind(source)
        .bind(json!(forgotten).to_string())
        .execute(&mut *transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        Ok(Pruned { events, deliveries, jobs })
    }
}
