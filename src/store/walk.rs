//! One transaction a walk: jobs, events, verdicts, deliveries and the watermark, together.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::sqlite::Sqlite;
use sqlx::{Row, Transaction};

use super::rows::{delivery_values, event_values, job_of, job_values, maybe_time, ms};
use super::{Store, StoreError};
use crate::model::{Event, EventId, Fingerprint, JobId, KnownJob, NewDelivery, Phase, Verdict};

/// How far a source has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// When the first complete walk ended; `None`: there was none yet.
    pub baseline_at: Option<Timestamp>,
    /// The start of the complete walk before the last one, in the server's time: the next
    /// list begins here.
    pub watermark: Option<Timestamp>,
    /// The start of the last complete walk, in the server's time.
    pub last_walk: Option<Timestamp>,
    /// When the last complete walk ended, by our clock.
    pub last_complete_at: Option<Timestamp>,
}

/// A job that has not ended, as far as the plan of the next walk needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenJob {
    pub id: JobId,
    pub fingerprint: Fingerprint,
    pub created_at: Option<Timestamp>,
    pub last_read_at: Option<Timestamp>,
    pub forbidden: bool,
    pub resultless_since: Option<Timestamp>,
}

/// What a source's task keeps in memory between two walks.
#[derive(Debug, Clone, Default)]
pub struct SourceMemory {
    pub marks: Marks,
    /// Of every ended job: an element with one of these need not be parsed.
    pub ended: HashSet<Fingerprint>,
    pub open: Vec<OpenJob>,
}

/// An open transaction over one source.
#[derive(Debug)]
pub struct Walk {
    transaction: Transaction<'static, Sqlite>,
    source: String,
}

/// Everything that one walk brings.
#[derive(Debug, Clone, Default)]
pub struct WalkCommit {
    pub jobs: Vec<KnownJob>,
    /// Events with the verdicts of the rules that were tried, by rule name, and what they owe.
    pub events: Vec<(Event, Vec<(String, Verdict)>, Vec<NewDelivery>)>,
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
    /// Reads what is known of a source, at its task's start.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn remember(&self, source: &str) -> Result<SourceMemory, StoreError> {
        let mut memory = SourceMemory::default();
        let marks = sqlx::query(
            "SELECT baseline_ms, watermark_ms, last_walk_ms, last_complete_ms
             FROM source WHERE name = $1",
        )
        .bind(source)
        .fetch_optional(&self.readers)
        .await?;
        if let Some(row) = marks {
            memory.marks = Marks {
                baseline_at: maybe_time(row.try_get("baseline_ms")?)?,
                watermark: maybe_time(row.try_get("watermark_ms")?)?,
                last_walk: maybe_time(row.try_get("last_walk_ms")?)?,
                last_complete_at: maybe_time(row.try_get("last_complete_ms")?)?,
            };
        }
        let ended: Vec<i64> =
            sqlx::query_scalar("SELECT fingerprint FROM job WHERE source = $1 AND phase = 'ended'")
                .bind(source)
                .fetch_all(&self.readers)
                .await?;
        memory.ended = ended.into_iter().map(Fingerprint).collect();
        let open = sqlx::query(
            "SELECT job_id, fingerprint, created_ms, read_ms, forbidden, resultless_since_ms
             FROM job WHERE source = $1 AND phase = 'open'",
        )
        .bind(source)
        .fetch_all(&self.readers)
        .await?;
        for row in open {
            memory.open.push(OpenJob {
                id: JobId::parse(row.try_get("job_id")?)
                    .map_err(|cause| StoreError::Odd(cause.to_string()))?,
                fingerprint: Fingerprint(row.try_get("fingerprint")?),
                created_at: maybe_time(row.try_get("created_ms")?)?,
                last_read_at: maybe_time(row.try_get("read_ms")?)?,
                forbidden: row.try_get("forbidden")?,
                resultless_since: maybe_time(row.try_get("resultless_since_ms")?)?,
            });
        }
        Ok(memory)
    }

    /// How many known jobs of a source were created at or after `since`.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn created_since(&self, source: &str, since: Timestamp) -> Result<u64, StoreError> {
        let count: i64 =
            sqlx::query_scalar("SELECT count(*) FROM job WHERE source = $1 AND created_ms >= $2")
                .bind(source)
                .bind(ms(since))
                .fetch_one(&self.readers)
                .await?;
        Ok(count.unsigned_abs())
    }

    /// The last known name of a project and when it was asked for; the name is `None` where
    /// the project has none.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn project_name(
        &self,
        source: &str,
        project: &str,
    ) -> Result<Option<(Option<String>, Timestamp)>, StoreError> {
        let row =
            sqlx::query("SELECT name, asked_ms FROM project WHERE source = $1 AND project_id = $2")
                .bind(source)
                .bind(project)
                .fetch_optional(&self.readers)
                .await?;
        row.map(|row| Ok((row.try_get("name")?, super::rows::time(row.try_get("asked_ms")?)?)))
            .transpose()
    }

    /// Keeps a project's name. A name that is known stays when the project is gone (`None`).
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn keep_project_name(
        &self,
        source: &str,
        project: &str,
        name: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO project (source, project_id, name, asked_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (source, project_id) DO UPDATE
             SET name = coalesce(excluded.name, name), asked_ms = excluded.asked_ms",
        )
        .bind(source)
        .bind(project)
        .bind(name)
        .bind(ms(now))
        .execute(&self.writer)
        .await?;
        Ok(())
    }

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
             SELECT $1, value->>0, value->>1, value->>2, value->>3, value->>4, value->>5,
                 value->>6, value->>7, value->>8, value->>9, value->>10, value->>11,
                 value->>12, value->>13, value->>14
             FROM json_each($2) WHERE true
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

    async fn write_events(
        &mut self,
        events: &[(Event, Vec<(String, Verdict)>, Vec<NewDelivery>)],
    ) -> Result<HashSet<EventId>, StoreError> {
        if events.is_empty() {
            return Ok(HashSet::new());
        }
        let rows = events.iter().map(|(event, ..)| event_values(event)).collect();
        let fresh: Vec<String> = sqlx::query_scalar(
            "INSERT INTO event (id, source, subject, slot, occurrence, kind, from_state, to_state,
                 detected_ms, late, job_id, project_name, name_unavailable, document)
             SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6,
                 value->>7, value->>8, value->>9, value->>10, value->>11, value->>12, value->>13
             FROM json_each($1) WHERE true ORDER BY key
             ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(Value::Array(rows).to_string())
        .fetch_all(&mut *self.transaction)
        .await?;
        Ok(fresh.into_iter().map(EventId::from_stored).collect())
    }

    async fn write_verdicts(
        &mut self,
        events: &[(Event, Vec<(String, Verdict)>, Vec<NewDelivery>)],
        fresh: &HashSet<EventId>,
    ) -> Result<(), StoreError> {
        let mut rows = Vec::new();
        for (event, verdicts, _) in events {
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
             SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each($1) WHERE true
             ON CONFLICT DO NOTHING",
        )
        .bind(Value::Array(rows).to_string())
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    async fn write_deliveries(
        &mut self,
        events: &[(Event, Vec<(String, Verdict)>, Vec<NewDelivery>)],
        fresh: &HashSet<EventId>,
    ) -> Result<usize, StoreError> {
        let rows: Vec<Value> = events
            .iter()
            .filter(|(event, ..)| fresh.contains(&event.id()))
            .flat_map(|(.., owed)| owed.iter().map(delivery_values))
            .collect();
        if rows.is_empty() {
            return Ok(0);
        }
        let added = sqlx::query(
            "INSERT INTO delivery (id, about, event_id, rule, notifier, recipient, template,
                 include_download_url, source, job_id, kind, terminal, state, created_ms, due_ms)
             SELECT value->>0, value->>1, value->>1, value->>2, value->>3, value->>4, value->>5,
                 value->>6, value->>7, value->>8, value->>9, value->>10, 'pending', value->>11,
                 value->>11
             FROM json_each($1) WHERE true ORDER BY key
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

impl SourceMemory {
    /// Takes in what was committed, so that the next walk starts from it.
    pub fn learn(&mut self, walk: &WalkCommit) {
        if let Some(marks) = walk.marks {
            self.marks = marks;
        }
        for job in &walk.jobs {
            let before = self.open.iter().position(|open| open.id == job.id);
            let read = before.map(|index| self.open.swap_remove(index));
            match job.phase {
                Phase::Ended => {
                    self.ended.insert(job.fingerprint);
                }
                Phase::Vanished => {}
                Phase::Open => self.open.push(OpenJob {
                    id: job.id.clone(),
                    fingerprint: job.fingerprint,
                    created_at: job.created_at,
                    last_read_at: read.and_then(|open| open.last_read_at),
                    forbidden: false,
                    resultless_since: job.resultless_since,
                }),
            }
        }
        for (id, at, forbidden) in &walk.reads {
            if let Some(open) = self.open.iter_mut().find(|open| open.id == *id) {
                open.last_read_at = Some(*at);
                open.forbidden = *forbidden;
            }
        }
    }

    /// Takes note of the open jobs that a list returned just now.
    pub fn listed(&mut self, returned: &HashSet<Fingerprint>, now: Timestamp) {
        for open in self.open.iter_mut().filter(|open| returned.contains(&open.fingerprint)) {
            open.last_read_at = Some(now);
        }
    }
}
