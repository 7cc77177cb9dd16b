//! Forgetting: details after `keep`, jobs when the API can no longer show them.

use std::collections::HashSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::live::forget_handles;
use super::rows::ms;
use super::sql::{query, query_scalar};
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
        let (done_before, long_ago) = (before(now, keep), before(now, JOB_MEMORY));
        let mut transaction = self.writer.begin().await?;
        let deliveries = query(
            "DELETE FROM delivery
             WHERE source IN ($1, '') AND state IN ('sent', 'discarded') AND ended_ms < $2",
        )
        .bind(source)
        .bind(done_before)
        .execute(&mut transaction)
        .await?
        .rows_affected();
        query(
            "DELETE FROM message_group WHERE opened_ms < $1
               AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.group_id = message_group.id)",
        )
        .bind(done_before)
        .execute(&mut transaction)
        .await?;
        query("DELETE FROM throttle WHERE until_ms <= $1")
            .bind(ms(now))
            .execute(&mut transaction)
            .await?;
        query("DELETE FROM silence WHERE expires_ms < $1")
            .bind(done_before)
            .execute(&mut transaction)
            .await?;
        let events = query(
            "DELETE FROM event INDEXED BY event_detected
             WHERE source IN ($1, '') AND detected_ms < $2
               AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.event_id = event.id)
               AND NOT EXISTS (SELECT 1 FROM group_member WHERE group_member.event_id = event.id)
               AND NOT EXISTS (SELECT 1 FROM job WHERE job.source = event.source
                               AND job.job_id = event.job_id AND job.phase <> 'ended')",
        )
        .bind(source)
        .bind(done_before)
        .execute(&mut transaction)
        .await?
        .rows_affected();
        forget_handles(&mut transaction, source, done_before).await?;
        query(
            "UPDATE job INDEXED BY job_over SET document = NULL
             WHERE source = $1 AND phase <> 'open' AND ended_ms < $2 AND document IS NOT NULL",
        )
        .bind(source)
        .bind(done_before)
        .execute(&mut transaction)
        .await?;
        let old = query(
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
        .fetch_all(&mut transaction)
        .await?;
        let mut forgotten: Vec<String> = Vec::new();
        for row in old {
            if !returned.contains(&Fingerprint(row.try_get("fingerprint")?)) {
                forgotten.push(row.try_get("job_id")?);
            }
        }
        let jobs = query(
            "DELETE FROM job
             WHERE source = $1 AND job_id IN (SELECT value FROM json_each($2))",
        )
        .bind(source)
        .bind(json!(forgotten).to_string())
        .execute(&mut transaction)
        .await?
        .rows_affected();
        transaction.commit().await?;
        Ok(Pruned { events, deliveries, jobs })
    }
    /// Forgets, as [`Store::prune`] does, what is known of sources that are none of `sources`,
    /// each named with what was forgotten. Nobody asks for their open jobs any more: those go
    /// when 31 days have passed since they were made and could last be looked at, and with the
    /// last job what else is kept of the source. What is owed, held or dead stays, with its
    /// event.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read or written.
    pub async fn prune_removed(
        &self,
        sources: &[String],
        keep: Duration,
        now: Timestamp,
    ) -> Result<Vec<(String, Pruned)>, StoreError> {
        let removed: Vec<String> =
            query_scalar(REMOVED).bind(json!(sources).to_string()).fetch_all(&self.readers).await?;
        let mut forgotten = Vec::new();
        for source in removed {
            let open = self.forget_open(&source, now).await?;
            let done = self.prune(&source, keep, &HashSet::new(), now).await?;
            self.forget_source(&source, now).await?;
            forgotten.push((source, Pruned { jobs: done.jobs + open, ..done }));
        }
        Ok(forgotten)
    }

    async fn forget_open(&self, source: &str, now: Timestamp) -> Result<u64, StoreError> {
        let done = query(
            "DELETE FROM job
             WHERE source = $1 AND phase = 'open' AND coalesce(created_ms, first_seen_ms) < $2
               AND first_seen_ms < $2
               AND NOT EXISTS (SELECT 1 FROM source WHERE name = $1 AND last_complete_ms >= $2)
               AND job_id NOT IN (SELECT job_id FROM delivery WHERE source = $1
                                  AND state IN ('pending', 'sending', 'held', 'dead'))",
        )
        .bind(source)
        .bind(before(now, JOB_MEMORY))
        .execute(&self.writer)
        .await?;
        Ok(done.rows_affected())
    }

    async fn forget_source(&self, source: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut transaction = self.writer.begin().await?;
        for statement in [
            "DELETE FROM project WHERE source = $1
               AND NOT EXISTS (SELECT 1 FROM job WHERE source = $1)",
            "DELETE FROM source WHERE name = $1 AND coalesce(last_complete_ms, 0) < $2
               AND NOT EXISTS (SELECT 1 FROM job WHERE source = $1)",
        ] {
            query(statement)
                .bind(source)
                .bind(before(now, JOB_MEMORY))
                .execute(&mut transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Every source of which something is kept, but for those named. Steps from one to the next: the
/// tables are large and the sources are few.
const REMOVED: &str = "
WITH RECURSIVE
    of_job (name) AS (
        SELECT min(source) FROM job UNION ALL
        SELECT (SELECT min(source) FROM job WHERE source > of_job.name) FROM of_job
        WHERE of_job.name IS NOT NULL),
    of_event (name) AS (
        SELECT min(source) FROM event UNION ALL
        SELECT (SELECT min(source) FROM event WHERE source > of_event.name) FROM of_event
        WHERE of_event.name IS NOT NULL)
SELECT name FROM (
    SELECT name FROM of_job UNION SELECT name FROM of_event UNION SELECT name FROM source)
WHERE name <> '' AND name NOT IN (SELECT value FROM json_each($1)) ORDER BY name";

fn before(now: Timestamp, age: SignedDuration) -> i64 {
    now.checked_sub(age).map_or(i64::MIN, ms)
}
