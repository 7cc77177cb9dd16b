//! What a page shows at a glance: what runs, what ended, what is owed, the last day in numbers.
//!
//! Every question is answered from an index and has a limit: a page must not take longer
//! because the ledger has grown.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde_json::json;

use super::attend::attempt_of;
use super::listing::{
    deliveries, delivery_columns, delivery_joins, delivery_row, event_row, event_row_columns,
    job_row,
};
use super::rows::{event_columns, ms, readable, time};
use super::sql::{query, query_as};
use super::{DeliveryRow, EventRow, JobRow, Store, StoreError};
use crate::model::{Attempt, DeliveryId, EventKind};

/// How many events of a kind there were in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourCount {
    /// The hour's start.
    pub hour: Timestamp,
    pub kind: EventKind,
    pub count: u64,
}

/// A message that was sent: when, and how long after it was first owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentAfter {
    pub at: Timestamp,
    pub took_ms: u64,
}

const HOUR_MS: i64 = 3_600_000;

macro_rules! events_of {
    ($chosen:expr) => {
        concat!(
            "SELECT ",
            event_row_columns!(),
            " FROM event e WHERE e.seq IN (",
            $chosen,
            ") ORDER BY e.detected_ms DESC, e.seq DESC"
        )
    };
}

macro_rules! deliveries_of {
    ($chosen:expr) => {
        deliveries!(concat!("WHERE d.seq IN (", $chosen, ") ORDER BY d.seq DESC"))
    };
}

/// A kind at a time, since each has its stretch of the index.
const RECENT: &str = events_of!(
    "SELECT r.seq FROM (SELECT value FROM json_each($1)) AS k, event AS r
     WHERE r.seq IN (SELECT seq FROM event INDEXED BY event_kind
                     WHERE kind = k.value ORDER BY detected_ms DESC LIMIT $2)"
);

/// A state at a time, since each has an index of its own.
const UNSENT: &str = deliveries_of!(
    "SELECT seq FROM (SELECT seq FROM delivery WHERE state = 'dead' ORDER BY seq DESC LIMIT $1) AS dead
     UNION ALL
     SELECT seq FROM (SELECT seq FROM delivery WHERE state = 'held' LIMIT $1) AS held
     UNION ALL
     SELECT seq FROM (SELECT seq FROM delivery WHERE state = 'sending' LIMIT $1) AS sending
     UNION ALL
     SELECT seq FROM (SELECT seq FROM delivery WHERE state = 'pending' LIMIT $1) AS pending"
);

const SENT: &str = deliveries_of!(
    "SELECT seq FROM delivery INDEXED BY delivery_ended
     WHERE state IN ('sent', 'discarded') ORDER BY ended_ms DESC LIMIT $1"
);

const OF_JOB: &str = deliveries_of!(
    "SELECT m.seq FROM event x JOIN delivery m ON m.event_id = x.id
     WHERE x.job_id = $2 AND x.source = $3 LIMIT $1"
);

impl Store {
    /// Jobs that have not ended, the latest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn open_jobs(&self, most: u32) -> Result<Vec<JobRow>, StoreError> {
        let rows = query(
            "SELECT job.*, project.name AS project_name FROM job INDEXED BY job_open
             LEFT JOIN project USING (source, project_id)
             WHERE phase = 'open' ORDER BY coalesce(created_ms, first_seen_ms) DESC LIMIT $1",
        )
        .bind(most)
        .fetch_all(&self.readers)
        .await?;
        readable(&rows, job_row)
    }

    /// The newest events of these kinds, at most so many of each.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn recent_events(
        &self,
        kinds: &[EventKind],
        most: u32,
    ) -> Result<Vec<EventRow>, StoreError> {
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let rows = query(RECENT)
            .bind(json!(kinds).to_string())
            .bind(most)
            .fetch_all(&self.readers)
            .await?;
        readable(&rows, event_row)
    }

    /// Deliveries that have not been sent, at most so many of each state.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn unsent(&self, most: u32) -> Result<Vec<DeliveryRow>, StoreError> {
        let rows = query(UNSENT).bind(most).fetch_all(&self.readers).await?;
        readable(&rows, delivery_row)
    }

    /// The deliveries that were sent or discarded last.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn settled(&self, most: u32) -> Result<Vec<DeliveryRow>, StoreError> {
        let rows = query(SENT).bind(most).fetch_all(&self.readers).await?;
        readable(&rows, delivery_row)
    }

    /// Deliveries about one job.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn deliveries_of_job(
        &self,
        source: &str,
        job_id: &str,
        most: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        let rows =
            query(OF_JOB).bind(most).bind(job_id).bind(source).fetch_all(&self.readers).await?;
        readable(&rows, delivery_row)
    }

    /// The attempts at several deliveries, oldest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn attempts_at(
        &self,
        ids: &[&DeliveryId],
    ) -> Result<HashMap<String, Vec<Attempt>>, StoreError> {
        let rows = query(
            "SELECT * FROM attempt WHERE delivery_id IN (SELECT value FROM json_each($1))
             ORDER BY delivery_id, number",
        )
        .bind(json!(ids).to_string())
        .fetch_all(&self.readers)
        .await?;
        let mut attempts: HashMap<String, Vec<Attempt>> = HashMap::new();
        for row in &rows {
            attempts.entry(row.try_get("delivery_id")?).or_default().push(attempt_of(row)?);
        }
        Ok(attempts)
    }

    /// How many events of these kinds there were in each hour since then.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn hours(
        &self,
        kinds: &[EventKind],
        since: Timestamp,
    ) -> Result<Vec<HourCount>, StoreError> {
        let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let rows: Vec<(i64, String, i64)> = query_as(
            "SELECT detected_ms / 3600000 AS hour, kind, count(*)
             FROM event INDEXED BY event_kind
             WHERE kind IN (SELECT value FROM json_each($1)) AND detected_ms >= $2
             GROUP BY hour, kind ORDER BY hour",
        )
        .bind(json!(words).to_string())
        .bind(ms(since))
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter()
            .map(|(hour, kind, count)| {
                let kind = kind.parse().map_err(StoreError::Odd)?;
                Ok(HourCount { hour: time(hour * HOUR_MS)?, kind, count: count.unsigned_abs() })
            })
            .collect()
    }

    /// How long the last messages took that were sent since then, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn sent_after(
        &self,
        since: Timestamp,
        most: u32,
    ) -> Result<Vec<SentAfter>, StoreError> {
        let rows: Vec<(i64, i64)> = query_as(
            "SELECT ended_ms, ended_ms - created_ms FROM delivery INDEXED BY delivery_ended
             WHERE state IN ('sent', 'discarded') AND state = 'sent' AND ended_ms >= $1
             ORDER BY ended_ms DESC LIMIT $2",
        )
        .bind(ms(since))
        .bind(most)
        .fetch_all(&self.readers)
        .await?;
        rows.into_iter()
            .map(|(at, took)| {
                Ok(SentAfter { at: time(at)?, took_ms: u64::try_from(took).unwrap_or(0) })
            })
            .collect()
    }

    /// How many jobs of each source have not ended.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn open_counts(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows: Vec<(String, i64)> = query_as(
            "SELECT source, count(*) FROM job INDEXED BY job_open WHERE phase = 'open'
             GROUP BY source",
        )
        .fetch_all(&self.readers)
        .await?;
        Ok(rows.into_iter().map(|(source, count)| (source, count.unsigned_abs())).collect())
    }
}
