//! How sources and notifiers stand, in numbers: for health, metrics and the dashboard.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::listing::job_row;
use super::rows::{maybe_time, time};
use super::sql::{query, query_as, query_scalar};
use super::{Broken, JobRow, SourceHealth, Store, StoreError};
use crate::model::Phase;

/// How polling a source goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceStanding {
    pub name: String,
    /// When the last complete walk ended.
    pub last_complete_at: Option<Timestamp>,
    pub health: SourceHealth,
}

/// How a notifier stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NotifierStanding {
    /// Since when and why its service refuses us, if it does.
    pub broken: Option<Broken>,
    /// Since when the oldest message is owed that has not been sent.
    pub oldest_owed_at: Option<Timestamp>,
}

/// How many jobs of a source are known, by their state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobCounts {
    pub queued: u64,
    pub running: u64,
    pub stopped: u64,
    pub cancelled: u64,
    /// In a state that is not known here.
    pub other: u64,
}

impl JobCounts {
    /// Each state with its number.
    pub fn by_state(&self) -> [(&'static str, u64); 5] {
        [
            ("queued", self.queued),
            ("running", self.running),
            ("stopped", self.stopped),
            ("cancelled", self.cancelled),
            ("other", self.other),
        ]
    }
}

impl Store {
    /// How polling every source goes that has ever been polled.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn source_standings(&self) -> Result<Vec<SourceStanding>, StoreError> {
        let rows = query(
            "SELECT name, last_complete_ms, failing_since_ms, down_since_ms, down_reason
             FROM source ORDER BY name",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                Ok(SourceStanding {
                    name: row.try_get("name")?,
                    last_complete_at: maybe_time(row.try_get("last_complete_ms")?)?,
                    health: SourceHealth {
                        failing_since: maybe_time(row.try_get("failing_since_ms")?)?,
                        down_since: maybe_time(row.try_get("down_since_ms")?)?,
                        down_reason: row.try_get("down_reason")?,
                    },
                })
            })
            .collect()
    }

    /// How every notifier stands that is broken or has something to send.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn notifier_standings(
        &self,
    ) -> Result<BTreeMap<String, NotifierStanding>, StoreError> {
        let mut standings: BTreeMap<String, NotifierStanding> = BTreeMap::new();
        let broken = query(
            "SELECT name, broken_since_ms, reason, probes, probe_due_ms FROM notifier
             WHERE broken_since_ms IS NOT NULL",
        )
        .fetch_all(&self.readers)
        .await?;
        for row in &broken {
            let standing = standings.entry(row.try_get("name")?).or_default();
            standing.broken = Some(Broken {
                since: time(row.try_get("broken_since_ms")?)?,
                reason: row.try_get("reason")?,
                probes: row.try_get("probes")?,
                probe_due: time(row.try_get("probe_due_ms")?)?,
            });
        }
        // Each state has an index of its own.
        let owed: Vec<(String, i64)> = query_as(
            "SELECT notifier, min(created_ms) FROM (
                 SELECT notifier, created_ms FROM delivery WHERE state = 'pending'
                 UNION ALL SELECT notifier, created_ms FROM delivery WHERE state = 'sending'
                 UNION ALL SELECT notifier, created_ms FROM delivery WHERE state = 'held')
             GROUP BY notifier",
        )
        .fetch_all(&self.readers)
        .await?;
        for (notifier, since) in owed {
            standings.entry(notifier).or_default().oldest_owed_at = Some(time(since)?);
        }
        Ok(standings)
    }

    /// How many jobs of a source are known. One pass over an index: to group them by their
    /// states takes several times as long.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn job_counts(&self, source: &str) -> Result<JobCounts, StoreError> {
        let (all, queued, running, stopped, cancelled): (i64, i64, i64, i64, i64) = query_as(
            "SELECT count(*), coalesce(sum(state = 'queued'), 0),
                     coalesce(sum(state = 'running'), 0), coalesce(sum(state = 'stopped'), 0),
                     coalesce(sum(state = 'cancelled'), 0)
                 FROM job INDEXED BY job_listed WHERE source = $1",
        )
        .bind(source)
        .fetch_one(&self.readers)
        .await?;
        Ok(JobCounts {
            queued: queued.unsigned_abs(),
            running: running.unsigned_abs(),
            stopped: stopped.unsigned_abs(),
            cancelled: cancelled.unsigned_abs(),
            other: (all - queued - running - stopped - cancelled).unsigned_abs(),
        })
    }

    /// Where a job stands for us; `None` where it is not known.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn phase_of(&self, source: &str, job_id: &str) -> Result<Option<Phase>, StoreError> {
        let phase: Option<String> =
            query_scalar("SELECT phase FROM job WHERE source = $1 AND job_id = $2")
                .bind(source)
                .bind(job_id)
                .fetch_optional(&self.readers)
                .await?;
        Ok(phase.map(|phase| Phase::parse(&phase)))
    }

    /// One job.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn job(&self, source: &str, job_id: &str) -> Result<Option<JobRow>, StoreError> {
        let row = query(
            "SELECT job.*, project.name AS project_name FROM job
             LEFT JOIN project USING (source, project_id)
             WHERE job.source = $1 AND job.job_id = $2",
        )
        .bind(source)
        .bind(job_id)
        .fetch_optional(&self.readers)
        .await?;
        row.as_ref().map(job_row).transpose()
    }
}
