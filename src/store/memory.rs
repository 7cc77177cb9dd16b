//! What a source's task remembers between two walks: how far it has read, which texts it
//! knows, which jobs are open, what projects are called.

use std::collections::HashSet;

use jiff::Timestamp;
use sqlx::Row;

use super::rows::{maybe_time, ms, time};
use super::{Store, StoreError, WalkCommit};
use crate::model::{Fingerprint, JobId, Phase};

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
        row.map(|row| Ok((row.try_get("name")?, time(row.try_get("asked_ms")?)?))).transpose()
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
