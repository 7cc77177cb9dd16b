//! What ended jobs have used: media minutes and AI credits, summed up by an index alone.

use jiff::Timestamp;
use serde_json::json;

use super::rows::ms;
use super::sql::{Row, query};
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

/// Sums over the jobs that ended within spans of time (`$1`, a list of beginnings and ends),
/// each with the number of its span. A job ends when the API says so, else when it was seen to:
/// either way the index is enough.
macro_rules! sums {
    ($key:literal) => {
        concat!(
            "WITH span (k, since, until) AS MATERIALIZED (
                 SELECT key, value->>0, value->>1 FROM json_each($1)),
             ended AS (
                 SELECT k, source, project_id, job_type, outcome, media_seconds, ai_credits
                 FROM span CROSS JOIN job INDEXED BY job_used
                 WHERE phase = 'ended' AND stopped_ms >= since AND stopped_ms < until
                 UNION ALL
                 SELECT k, source, project_id, job_type, outcome, media_seconds, ai_credits
                 FROM span CROSS JOIN job INDEXED BY job_used
                 WHERE phase = 'ended' AND stopped_ms IS NULL
                   AND ended_ms >= since AND ended_ms < until),
             used AS (
                 SELECT ",
            $key,
            ", count(*) AS jobs, sum(outcome IN ('failed', 'partial')) AS failed,
                     total(media_seconds) AS media_seconds, total(ai_credits) AS ai_credits
                 FROM ended GROUP BY ",
            $key,
            ") "
        )
    };
}

/// A span of time, without its last moment.
pub type Span = (Timestamp, Timestamp);

impl Store {
    /// What the jobs that ended within `span` have used by project: the most media first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn used_by_project(&self, span: Span) -> Result<Vec<UsedByProject>, StoreError> {
        let rows = query(concat!(
            sums!("source, project_id"),
            "SELECT used.*, project.name AS project_name
             FROM used LEFT JOIN project USING (source, project_id)
             ORDER BY media_seconds DESC, ai_credits DESC, jobs DESC, source, project_id"
        ))
        .bind(spans_text(&[span]))
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
    pub async fn used_by_type(&self, span: Span) -> Result<Vec<(String, Used)>, StoreError> {
        let rows = query(concat!(
            sums!("job_type"),
            "SELECT * FROM used ORDER BY media_seconds DESC, ai_credits DESC, jobs DESC, job_type"
        ))
        .bind(spans_text(&[span]))
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| Ok((row.try_get("job_type")?, used_of(row)?))).collect()
    }

    /// The same by span, in the order of `spans`: those within which a job has ended, each by
    /// its place.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn used_by_span(&self, spans: &[Span]) -> Result<Vec<(usize, Used)>, StoreError> {
        let rows = query(concat!(sums!("k"), "SELECT * FROM used ORDER BY k"))
            .bind(spans_text(spans))
            .fetch_all(&self.readers)
            .await?;
        let read = |row: &Row| {
            let place: i64 = row.try_get("k")?;
            Ok((usize::try_from(place).unwrap_or(usize::MAX), used_of(row)?))
        };
        rows.iter().map(read).collect()
    }
}

fn spans_text(spans: &[Span]) -> String {
    let spans: Vec<(i64, i64)> =
        spans.iter().map(|(since, until)| (ms(*since), ms(*until))).collect();
    json!(spans).to_string()
}

fn used_of(row: &Row) -> Result<Used, StoreError> {
    let (jobs, failed): (i64, i64) = (row.try_get("jobs")?, row.try_get("failed")?);
    Ok(Used {
        jobs: jobs.unsigned_abs(),
        failed: failed.unsigned_abs(),
        media_seconds: row.try_get("media_seconds")?,
        ai_credits: row.try_get("ai_credits")?,
    })
}
