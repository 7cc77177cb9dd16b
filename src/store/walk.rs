//! One transaction a walk: jobs, events, verdicts, deliveries and the watermark, together.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::Transaction;
use sqlx::sqlite::Sqlite;

use super::rows::{delivery_values, event_values, job_of, job_values, ms};
use super::{Marks, Store, StoreError};
use crate::model::{Event, EventId, JobId, KnownJob, NewDelivery, Verdict};

/// An open transaction over one source.
#[derive(Debug)]
pub struct Walk {
    transaction: Transaction<'static, Sqlite>,
    source: String,
}

/// An event with what was decided about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    pub event: Event,
    /// Of the rules that were tried, by name.
    pub verdicts: Vec<(String, Verdict)>,
    pub owed: Vec<NewDelivery>,
}

/// Everything that one walk brings.
#[derive(Debug, Clone, Default)]
pub struct WalkCommit {
    pub jobs: Vec<KnownJob>,
    pub events: Vec<Decided>,
    /// Jobs that were read by id: when, and whether that was refused.
    pub reads: Vec<(JobId, Timestamp, bool)>,
    /// The new marks, if the walk was complete.
    pub marks: Option<Marks>,
}

/// What a commit has added; repeats add nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Committed {
    pub events: usize,
    pub deliveries: usize,
}

impl Store {
    /// Opens the transaction of one walk over `source`. Dropped without a commit it leaves
    /// nothing behind.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn begin(&self, source: &str) -> Result<Walk, StoreError> {
        let transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        Ok(Walk { transaction, source: source.to_owned() })
    }
}

impl Walk {
    /// What is known of these jobs.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn known(&mut self, ids: &[&JobId]) -> Result<HashMap<JobId, KnownJob>, StoreError> {
        let rows = sqlx::query(
            "SELECT * FROM job
             WHERE source = $1 AND job_id IN (SELECT value FROM json_each($2))",
        )
        .bind(&self.source)
        .bind(json!(ids).to_string())
        .fetch_all(&mut *self.transaction)
        .await?;
        rows.iter().map(|row| job_of(row).map(|job| (job.id.clone(), job))).collect()
    }

    /// Writes what the walk brought. An event that is recorded already adds nothing, nor do
    /// its deliveries.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; then nothing is.
    pub async fn commit(mut self, walk: &WalkCommit) -> Result<Committed, StoreError> {
        self.write_jobs(&walk.jobs).await?;
        self.write_reads(&walk.reads).await?;
        let fresh = self.write_events(&walk.events).await?;
        self.write_verdicts(&walk.events, &fresh).await?;
        let deliveries = self.write_deliveries(&walk.events, &fresh).await?;
        if let Some(marks) = &walk.marks {
            self.write_marks(marks).await?;
        }
        self.transaction.commit().await?;
        Ok(Committed { events: fresh.len(), deliveries })
    }

    async fn write_jobs(&mut self, jobs: &[KnownJob]) -> Result<(), StoreError> {
        if jobs.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO job (source, job_id, job_type, state, phase, fingerprint, progress,
                 progress_since_ms, changes, created_ms, stopped_ms, first_seen_ms, ended_ms,
                 project_id, resultless_since_ms, document)
             WITH row (k, v) AS MATERIALIZED (SELECT key, value FROM json_each($2))
             SELECT $1, v->>0, v->>1, v->>2, v->>3, v->>4, v->>5,
                 v->>6, v->>7, v->>8, v->>9, v->>10, v->>11,
                 v->>12, v->>13, v->>14
             FROM row WHERE true
             ON CONFLICT (source, job_id) DO UPDATE SET
                 job_type = excluded.job_type, state = excluded.state, phase = excluded.phase,
                 fingerprint = excluded.fingerprint, progress = excluded.progress,
                 progress_since_ms = excluded.progress_since_ms, changes = excluded.changes,
                 created_ms = excluded.created_ms, stopped_ms = excluded.stopped_ms,
                 ended_ms = excluded.ended_ms, project_id = excluded.project_id,
                 resultless_since_ms = excluded.resultless_since_ms,
                 document = excluded.document, forbidden = 0",
        )
        .bind(&self.source)
        .bind(Value::Array(jobs.iter().map(job_values).collect()).to_string())
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn write_reads(&mut self, reads: &[(JobId, Timestamp, bool)]) -> Result<(), StoreError> {
        if reads.is_empty() {
            return Ok(());
        }
        let rows: Vec<Value> =
            reads.iter().map(|(id, at, forbidden)| json!([id, ms(*at), forbidden])).collect();
        sqlx::query(
            "UPDATE job SET read_ms = r.value->>1, forbidden = r.value->>2
             FROM json_each($2) AS r WHERE source = $1 AND job_id = r.value->>0",
        )
        .bind(&self.source)
        .bind(Value::Array(rows).to_string())
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn write_events(&mut self, events: &[Decided]) -> Result<HashSet<EventId>, StoreError> {
        if events.is_empty() {
            return Ok(HashSet::new());
        }
        let rows = events.iter().map(|decided| event_values(&decided.event)).collect();
        let fresh: Vec<String> = sqlx::query_scalar(
            "INSERT INTO event (id, source, subject, slot, occurrence, kind, from_state, to_state,
                 detected_ms, late, job_id, project_name, name_unavailable, document)
             WITH row (k, v) AS MATERIALIZED (SELECT key, value FROM json_each($1))
             SELECT v->>0, v->>1, v->>2, v->>3, v->>4, v->>5, v->>6,
                 v->>7, v->>8, v->>9, v->>10, v->>11, v->>12, v->>13
             FROM row WHERE true ORDER BY k
             ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(Value::Array(rows).to_string())
        .fetch_all(&mut *self.transaction)
        .await?;
        Ok(fresh.into_iter().map(EventId::from_stored).collect())
    }

    async fn write_verdicts(
        &mut self,
        events: &[Decided],
        fresh: &HashSet<EventId>,
    ) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for Decided { event, verdicts, .. } in events {
            let id = event.id();
            if fresh.contains(&id) {
                for (position, (rule, verdict)) in verdicts.iter().enumerate() {
                    rows.push(json!([id, position, rule, json!(verdict).to_string()]));
                }
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "INSERT INTO verdict (event_id, position, rule, verdict)
             WITH row (k, v) AS MATERIALIZED (SELECT key, value FROM json_each($1))
             SELECT v->>0, v->>1, v->>2, v->>3 FROM row WHERE true
             ON CONFLICT DO NOTHING",
        )
        .bind(Value::Array(rows).to_string())
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn write_deliveries(
        &mut self,
        events: &[Decided],
        fresh: &HashSet<EventId>,
    ) -> Result<usize, StoreError> {
        let rows: Vec<Value> = events
            .iter()
            .filter(|decided| fresh.contains(&decided.event.id()))
            .flat_map(|decided| decided.owed.iter().map(delivery_values))
            .collect();
        if rows.is_empty() {
            return Ok(0);
        }
        let added = sqlx::query(
            "INSERT INTO delivery (id, about, event_id, rule, notifier, recipient, template,
                 include_download_url, source, job_id, kind, terminal, state, created_ms, due_ms)
             WITH row (k, v) AS MATERIALIZED (SELECT key, value FROM json_each($1))
             SELECT v->>0, v->>1, v->>1, v->>2, v->>3, v->>4, v->>5,
                 v->>6, v->>7, v->>8, v->>9, v->>10, 'pending', v->>11,
                 v->>11
             FROM row WHERE true ORDER BY k
             ON CONFLICT DO NOTHING",
        )
        .bind(Value::Array(rows).to_string())
        .execute(&mut *self.transaction)
        .await?;
        Ok(usize::try_from(added.rows_affected()).unwrap_or(usize::MAX))
    }

    async fn write_marks(&mut self, marks: &Marks) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO source (name, baseline_ms, watermark_ms, last_walk_ms, last_complete_ms)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (name) DO UPDATE SET baseline_ms = excluded.baseline_ms,
                 watermark_ms = excluded.watermark_ms, last_walk_ms = excluded.last_walk_ms,
                 last_complete_ms = excluded.last_complete_ms",
        )
        .bind(&self.source)
        .bind(marks.baseline_at.map(ms))
        .bind(marks.watermark.map(ms))
        .bind(marks.last_walk.map(ms))
        .bind(marks.last_complete_at.map(ms))
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}
