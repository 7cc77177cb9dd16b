//! One transaction a walk: jobs, events, verdicts, deliveries and the watermark, together.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::json;

use super::decided::{Deciding, record};
use super::news::Newsroom;
use super::rows::{job_of, job_values, ms};
use super::rows_text::RowsText;
use super::sql::{Tx, query};
use super::{Committed, Marks, Store, StoreError};
use crate::model::{Event, Fingerprint, JobId, KnownJob};

/// An open transaction over one source.
#[derive(Debug)]
pub struct Walk {
    transaction: Tx,
    source: String,
    news: Newsroom,
}

/// Everything that one walk brings.
#[derive(Debug, Clone, Default)]
pub struct WalkCommit {
    pub jobs: Vec<KnownJob>,
    /// Texts of theirs that are no longer the last.
    pub outdated: Vec<Fingerprint>,
    pub events: Vec<Event>,
    /// Jobs that were read by id: when, and whether that was refused.
    pub reads: Vec<(JobId, Timestamp, bool)>,
    /// The new marks, if the walk was complete.
    pub marks: Option<Marks>,
}

impl Store {
    /// Opens the transaction of one walk over `source`. Dropped without a commit it leaves
    /// nothing behind.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn begin(&self, source: &str) -> Result<Walk, StoreError> {
        let mut transaction = self.writer.begin().await?;
        self.check_lease(&mut transaction, source).await?;
        Ok(Walk { transaction, source: source.to_owned(), news: self.news.clone() })
    }
}

impl Walk {
    /// What is known of these jobs.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn known(&mut self, ids: &[&JobId]) -> Result<HashMap<JobId, KnownJob>, StoreError> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let rows = query(
            "SELECT * FROM job
             WHERE source = $1 AND job_id IN (SELECT value FROM json_each($2))",
        )
        .bind(&self.source)
        .bind(json!(ids).to_string())
        .fetch_all(&mut self.transaction)
        .await?;
        rows.iter().map(|row| job_of(row).map(|job| (job.id.clone(), job))).collect()
    }

    /// Writes what the walk brought. An event that is recorded already adds nothing, nor do
    /// its deliveries.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; then nothing is.
    pub async fn commit(
        mut self,
        walk: &WalkCommit,
        deciding: Deciding<'_>,
    ) -> Result<Committed, StoreError> {
        self.write_jobs(&walk.jobs).await?;
        self.write_reads(&walk.reads).await?;
        let committed = record(&mut self.transaction, &walk.events, deciding).await?;
        if let Some(marks) = &walk.marks {
            self.write_marks(marks).await?;
        }
        self.transaction.commit().await?;
        self.news.tell_jobs(&self.source, &walk.jobs);
        self.news.tell_events(&committed.decided);
        Ok(committed)
    }

    async fn write_jobs(&mut self, jobs: &[KnownJob]) -> Result<(), StoreError> {
        if jobs.is_empty() {
            return Ok(());
        }
        query(
            "INSERT INTO job (source, job_id, job_type, state, phase, fingerprint, progress,
                 progress_since_ms, changes, created_ms, stopped_ms, first_seen_ms, ended_ms,
                 project_id, resultless_since_ms, document, outcome, media_seconds, ai_credits)
             WITH row (k, v) AS MATERIALIZED (SELECT key, value FROM json_each($2))
             SELECT $1, v->>0, v->>1, v->>2, v->>3, CAST(v->>4 AS bigint),
                 CAST(v->>5 AS bigint), CAST(v->>6 AS bigint), CAST(v->>7 AS bigint),
                 CAST(v->>8 AS bigint), CAST(v->>9 AS bigint), CAST(v->>10 AS bigint),
                 CAST(v->>11 AS bigint), v->>12, CAST(v->>13 AS bigint), v->>14, v->>15,
                 CAST(v->>16 AS double precision), CAST(v->>17 AS double precision)
             FROM row WHERE true
             ON CONFLICT (source, job_id) DO UPDATE SET
                 job_type = excluded.job_type, state = excluded.state, phase = excluded.phase,
                 fingerprint = excluded.fingerprint, progress = excluded.progress,
                 progress_since_ms = excluded.progress_since_ms, changes = excluded.changes,
                 created_ms = excluded.created_ms, stopped_ms = excluded.stopped_ms,
                 ended_ms = excluded.ended_ms, project_id = excluded.project_id,
                 resultless_since_ms = excluded.resultless_since_ms,
                 document = excluded.document, outcome = excluded.outcome,
                 media_seconds = excluded.media_seconds, ai_credits = excluded.ai_credits,
                 forbidden = 0",
        )
        .bind(&self.source)
        .bind(RowsText::of(jobs, job_values).into_text())
        .execute(&mut self.transaction)
        .await?;
        Ok(())
    }

    async fn write_reads(&mut self, reads: &[(JobId, Timestamp, bool)]) -> Result<(), StoreError> {
        if reads.is_empty() {
            return Ok(());
        }
        let rows = RowsText::of(reads, |row, (id, at, forbidden)| {
            row.put(id).put(ms(*at)).put(i64::from(*forbidden));
        });
        query(
            "UPDATE job SET read_ms = CAST(r.value->>1 AS bigint),
                 forbidden = CAST(r.value->>2 AS bigint)
             FROM json_each($2) AS r WHERE source = $1 AND job_id = r.value->>0",
        )
        .bind(&self.source)
        .bind(rows.into_text())
        .execute(&mut self.transaction)
        .await?;
        Ok(())
    }

    async fn write_marks(&mut self, marks: &Marks) -> Result<(), StoreError> {
        query(
            "INSERT INTO source (name, baseline_ms, watermark_ms, last_walk_ms, last_complete_ms,
                 project)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (name) DO UPDATE SET baseline_ms = excluded.baseline_ms,
                 watermark_ms = excluded.watermark_ms, last_walk_ms = excluded.last_walk_ms,
                 last_complete_ms = excluded.last_complete_ms, project = excluded.project",
        )
        .bind(&self.source)
        .bind(marks.baseline_at.map(ms))
        .bind(marks.watermark.map(ms))
        .bind(marks.last_walk.map(ms))
        .bind(marks.last_complete_at.map(ms))
        .bind(marks.project.map(|project| project.0))
        .execute(&mut self.transaction)
        .await?;
        Ok(())
    }
}
