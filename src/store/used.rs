//! What ended jobs have used: media minutes and AI credits, summed up by an index alone.

use jiff::Timestamp;
use serde_json::json;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::rows::ms;
use super::{Store, StoreError};

/// What ended jobs have used together, each counted once, on the moment it ended.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Used {
    /// How many jobs have ended.
    pub jobs: u64,
    /// How many of them failed, in part or as a whole.
    pub failed: u64,
    pub media_seconds: f64,
    pub ai_credits: f64,
}

/// The same for one project of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct UsedByProject {
    pub source: String,
    /// `None` for jobs of no project.
    pub project_id: Option<String>,
    pub project_name: Option<String>,
    pub used: Used,
}

/// The sums of jobs that ended in a span of time.
macro_rules! sums {
    () => {
        "count(*) AS jobs, coalesce(sum(outcome IN ('failed', 'partial')), 0) AS failed,
         coalesce(sum(media_seconds), 0.0) AS media_seconds,
         coalesce(sum(ai_credits), 0.0) AS ai_credits"
    };
}

impl Store {
    /// What the jobs that ended from `since` on, and before `until`, have used by project: the
    /// most media first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn used_by_project(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<UsedByProject>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT used.*, project.name AS project_name FROM (
                 SELECT source, project_id, ",
            sums!(),
            "    FROM job INDEXED BY job_used
                 WHERE phase = 'ended' AND coalesce(stopped_ms, ended_ms) >= $1
                   AND coalesce(stopped_ms, ended_ms) < $2
                 GROUP BY source, project_id) AS used
             LEFT JOIN project USING (source, project_id)
             ORDER BY media_seconds DESC, ai_credits DESC, jobs DESC, source, project_id"
        ))
        .bind(ms(since))
        .bind(ms(until))
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(UsedByProject {
                    source: row.try_get("source")?,
                    project_id: row.try_get("project_id")?,
                    project_name: row.try_get("project_name")?,
                    used: used_of(row)?,
                })
            })
            .collect()
    }

    /// The same by the API's word for the type of job.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn used_by_type(
        &self,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(String, Used)>, StoreError> {
        let rows = sqlx::query(concat!(
            "SELECT job_type, ",
            sums!(),
            " FROM job INDEXED BY job_used
             WHERE phase = 'ended' AND coalesce(stopped_ms, ended_ms) >= $1
               AND coalesce(stopped_ms, ended_ms) < $2
             GROUP BY job_type
             ORDER BY media_seconds DESC, ai_credits DESC, jobs DESC, job_type"
        ))
        .bind(ms(since))
        .bind(ms(until))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("job_type")?, used_of(row)?))).collect()
    }

    /// The same for each of these spans of time, in their order.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn used_within(
        &self,
        spans: &[(Timestamp, Timestamp)],
    ) -> Result<Vec<Used>, StoreError> {
        let spans: Vec<(i64, i64)> =
            spans.iter().map(|(since, until)| (ms(*since), ms(*until))).collect();
        let rows = sqlx::query(
            "WITH span (k, since, until) AS MATERIALIZED (
                 SELECT key, value->>0, value->>1 FROM json_each($1))
             SELECT k, count(job_id) AS jobs,
                 coalesce(sum(outcome IN ('failed', 'partial')), 0) AS failed,
                 coalesce(sum(media_seconds), 0.0) AS media_seconds,
                 coalesce(sum(ai_credits), 0.0) AS ai_credits
             FROM span LEFT JOIN job INDEXED BY job_used
                 ON phase = 'ended' AND coalesce(stopped_ms, ended_ms) >= since
                 AND coalesce(stopped_ms, ended_ms) < until
             GROUP BY k ORDER BY k",
        )
        .bind(json!(spans).to_string())
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(used_of).collect()
    }
}

fn used_of(row: &SqliteRow) -> Result<Used, StoreError> {
    let (jobs, failed): (i64, i64) = (row.try_get("jobs")?, row.try_get("failed")?);
    Ok(Used {
        jobs: jobs.unsigned_abs(),
        failed: failed.unsigned_abs(),
        media_seconds: row.try_get("media_seconds")?,
        ai_credits: row.try_get("ai_credits")?,
    })
}
