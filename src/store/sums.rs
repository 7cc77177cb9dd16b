//! What jobs have come to, together: usual durations, a project's batch, what was spent.

use jiff::{SignedDuration, Timestamp};

use super::rows::{job_of, ms};
use super::sql::{query, query_as, query_scalar};
use super::{Store, StoreError};
use crate::model::{EventKind, KnownJob, Usage};

/// How many of the last runs say what is usual.
const RUNS_MOST: i64 = 200;

/// More jobs than this of one project since it was last idle are not looked at.
const BATCH_MOST: i64 = 10_000;

/// By so much a clock may have been set back and forth without a job being left out.
const CLOCK_SLACK_MS: i64 = 24 * 60 * 60 * 1_000;

impl Store {
    /// How long the last successful runs of a type of job took, from their making to their end.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn durations(&self, job_type: &str) -> Result<Vec<SignedDuration>, StoreError> {
        let rows: Vec<i64> = query_scalar(
            "SELECT stopped_ms - created_ms FROM job INDEXED BY job_runs
             WHERE outcome = 'succeeded' AND job_type = $1
               AND stopped_ms >= created_ms ORDER BY stopped_ms DESC LIMIT $2",
        )
        .bind(job_type)
        .bind(RUNS_MOST)
        .fetch_all(&self.readers)
        .await?;
        Ok(rows.into_iter().map(SignedDuration::from_millis).collect())
    }

    /// Where nothing is known of idle projects, those of which a job has ended since `since`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn projects_ended_since(
        &self,
        source: &str,
        since: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        Ok(query_scalar(
            "SELECT DISTINCT project_id FROM job INDEXED BY job_over
             WHERE source = $1 AND phase <> 'open' AND ended_ms >= $2 AND project_id IS NOT NULL",
        )
        .bind(source)
        .bind(ms(since))
        .fetch_all(&self.readers)
        .await?)
    }

    /// The ended jobs of a project of which that was told, since it was last told to be idle;
    /// and whether that is known. Each with the kind of event that has told its end.
    ///
    /// That is told by the order in which it was written down, since clocks are set back; the
    /// time only spares looks at what ended long before.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn batch(
        &self,
        source: &str,
        project: &str,
        now: Timestamp,
    ) -> Result<(Vec<(KnownJob, EventKind)>, bool), StoreError> {
        let last: Option<(i64, i64)> = query_as(
            "SELECT seq, detected_ms FROM event
             WHERE source = $1 AND subject = $2 AND slot = 'project_idle'
             ORDER BY seq DESC LIMIT 1",
        )
        .bind(source)
        .bind(project)
        .fetch_optional(&self.readers)
        .await?;
        let rows = query(
            "SELECT job.*, (SELECT kind FROM event e
                 WHERE e.source = job.source AND e.subject = job.job_id
                   AND e.slot IN ('ended', 'vanished') AND e.seq > $3
                 ORDER BY e.seq DESC LIMIT 1) AS told
             FROM job INDEXED BY job_project
             WHERE source = $1 AND project_id = $2 AND phase <> 'open' AND ended_ms > $4
               AND told IS NOT NULL
             ORDER BY ended_ms DESC LIMIT $5",
        )
        .bind(source)
        .bind(project)
        .bind(last.map_or(i64::MIN, |(seq, _)| seq))
        .bind(last.map_or(i64::MIN, |(_, at)| at.min(ms(now)).saturating_sub(CLOCK_SLACK_MS)))
        .bind(BATCH_MOST)
        .fetch_all(&self.readers)
        .await?;
        let jobs = rows
            .iter()
            .map(|row| {
                let told: &str = row.try_get("told")?;
                Ok((job_of(row)?, told.parse().map_err(StoreError::Odd)?))
            })
            .collect::<Result<_, StoreError>>()?;
        Ok((jobs, last.is_some()))
    }

    /// What the jobs that ended from `from` on, and before `to`, have used.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn used(&self, from: Timestamp, to: Timestamp) -> Result<Usage, StoreError> {
        let used = self.used_by_span(&[(from, to)]).await?.into_iter().next();
        Ok(used.map_or_else(Usage::default, |(_, used)| Usage {
            media_seconds: Some(used.media_seconds),
            ai_credits: Some(used.ai_credits),
        }))
    }
}
