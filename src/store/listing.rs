//! Answers for people: jobs, events and deliveries, newest first.

use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;

use super::rows::{delivery_of, event_columns, event_of, job_of, readable};
use super::sql::{Row, query};
use super::{Store, StoreError};
use crate::model::{Delivery, DeliveryId, DeliveryState, Event, EventKind, KnownJob, Verdict};

/// A page of rows, and whether there are more.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    pub rows: Vec<T>,
    pub more: bool,
}

/// Which jobs to list.
#[derive(Debug, Clone, Default)]
pub struct JobFilter {
    /// The API's word for the state.
    pub state: Option<String>,
    /// The project's id or its exact name.
    pub project: Option<String>,
    pub most: u32,
}

/// A job with its source and its project's name.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRow {
    pub source: String,
    pub project_name: Option<String>,
    pub job: KnownJob,
}

impl JobRow {
    /// Its place in the listing.
    pub fn place(&self) -> JobPlace {
        let job = &self.job;
        JobPlace {
            at_ms: job.created_at.unwrap_or(job.first_seen_at).as_millisecond(),
            job_id: job.id.to_string(),
            source: self.source.clone(),
        }
    }
}

/// Which events to list.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    pub kind: Option<EventKind>,
    pub since: Option<Timestamp>,
    pub job_id: Option<String>,
    pub most: u32,
}

/// Where a job stands in the listing: what comes after it is older.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobPlace {
    pub at_ms: i64,
    pub job_id: String,
    pub source: String,
}

/// An event with what the rules said about it.
#[derive(Debug, Clone, PartialEq)]
pub struct EventRow {
    /// Its place in the listing: older ones have smaller numbers.
    pub seq: i64,
    pub event: Event,
    pub verdicts: Vec<(String, Verdict)>,
}

/// Which deliveries to list.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    pub state: Option<DeliveryState>,
    pub notifier: Option<String>,
    pub most: u32,
}

/// A delivery with the name of the project it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct DeliveryRow {
    /// Its place in the listing: older ones have smaller numbers.
    pub seq: i64,
    pub delivery: Delivery,
    pub project_name: Option<String>,
    /// Why its notifier is held, where it waits for that.
    pub held_because: Option<String>,
    /// The digest that it was gathered into, and what has become of that.
    pub digest: Option<(DeliveryId, DeliveryState)>,
}

/// The columns that [`delivery_row`] reads, of a delivery `d` joined by `delivery_joins`.
macro_rules! delivery_columns {
    () => {
        "d.*, e.project_name, n.reason AS held_because, g.id AS digest_id, g.state AS digest_state"
    };
}
pub(super) use delivery_columns;

/// What belongs to a delivery `d`: its event, its broken notifier, its digest.
macro_rules! delivery_joins {
    () => {
        "LEFT JOIN event e ON e.id = d.event_id
         LEFT JOIN notifier n ON n.name = d.notifier AND d.hold = 'notifier'
         LEFT JOIN delivery g ON g.about = d.group_id AND g.rule = d.rule
             AND g.notifier = d.notifier AND g.recipient = d.recipient AND g.id <> d.id "
    };
}
pub(super) use delivery_joins;

/// Deliveries `d`, as [`delivery_row`] reads them.
macro_rules! deliveries {
    ($chosen:expr) => {
        concat!("SELECT ", delivery_columns!(), " FROM delivery d ", delivery_joins!(), $chosen)
    };
}
pub(super) use deliveries;

/// How many deliveries of a notifier are in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutboxCount {
    pub notifier: String,
    pub state: String,
    pub count: u64,
}

/// The columns of an event `e` that [`event_row`] reads.
macro_rules! event_row_columns {
    () => {
        concat!(
            "e.seq, ",
            event_columns!(),
            ", (SELECT '[' || coalesce(string_agg(
                    '[' || json_quote(rule) || ',' || verdict || ']', ',' ORDER BY position), '') || ']'
                FROM verdict WHERE verdict.event_id = e.id) AS verdicts"
        )
    };
}
pub(super) use event_row_columns;

/// Events whose `seq` the inner question chooses: the rows are large, and reading through all
/// of them for a few takes long.
macro_rules! events {
    ($chosen:expr) => {
        concat!(
            "SELECT ",
            event_row_columns!(),
            " FROM event e WHERE e.seq IN (SELECT seq FROM event ",
            $chosen,
            " ORDER BY seq DESC LIMIT $4 + 1) ORDER BY e.seq DESC"
        )
    };
}

const EVENTS: &str = events!(
    "WHERE $1 IS NULL AND $2 IS NULL AND $3 IS NULL AND seq < coalesce($5, 4611686018427387904)"
);
const EVENTS_SINCE: &str = events!(
    "INDEXED BY event_detected WHERE $1 IS NULL AND detected_ms >= $2 AND $3 IS NULL
     AND ($5 IS NULL OR seq < $5)"
);
const EVENTS_OF_KIND: &str = events!(
    "INDEXED BY event_kind
     WHERE kind = $1 AND detected_ms >= coalesce($2, -9223372036854775807) AND $3 IS NULL
     AND ($5 IS NULL OR seq < $5)"
);
const EVENTS_OF_JOB: &str = events!(
    "INDEXED BY event_job
     WHERE job_id = $3 AND ($1 IS NULL OR kind = $1) AND ($2 IS NULL OR detected_ms >= $2)
     AND ($5 IS NULL OR seq < $5)"
);

impl Store {
    /// Known jobs, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn jobs(&self, filter: &JobFilter) -> Result<Listed<JobRow>, StoreError> {
        self.jobs_after(filter, None).await
    }

    /// The same, those that come after a place in the listing.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn jobs_after(
        &self,
        filter: &JobFilter,
        after: Option<&JobPlace>,
    ) -> Result<Listed<JobRow>, StoreError> {
        let rows = query(
            "SELECT job.*, project.name AS project_name
             FROM (SELECT source, job_id FROM job INDEXED BY job_listed
                   WHERE ($1 IS NULL OR state = $1)
                     AND ($2 IS NULL OR project_id = $2 OR (source, project_id) IN (
                         SELECT source, project_id FROM project WHERE name = $2))
                     AND ($4 IS NULL OR coalesce(created_ms, first_seen_ms) < $4
                         OR (coalesce(created_ms, first_seen_ms) = $4
                             AND (job_id, source) > ($5, $6)))
                   ORDER BY coalesce(created_ms, first_seen_ms) DESC, job_id, source
                   LIMIT $3 + 1) AS chosen
             JOIN job USING (source, job_id)
             LEFT JOIN project USING (source, project_id)
             ORDER BY coalesce(created_ms, first_seen_ms) DESC, job_id, source",
        )
        .bind(&filter.state)
        .bind(&filter.project)
        .bind(filter.most)
        .bind(after.map(|place| place.at_ms))
        .bind(after.map(|place| place.job_id.as_str()))
        .bind(after.map(|place| place.source.as_str()))
        .fetch_all(&self.readers)
        .await?;
        page(&rows, filter.most, job_row)
    }

    /// Recorded events with their verdicts, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn events(&self, filter: &EventFilter) -> Result<Listed<EventRow>, StoreError> {
        self.events_after(filter, None).await
    }

    /// The same, those that come after a place in the listing.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn events_after(
        &self,
        filter: &EventFilter,
        after: Option<i64>,
    ) -> Result<Listed<EventRow>, StoreError> {
        let rows = query(match filter {
            EventFilter { job_id: Some(_), .. } => EVENTS_OF_JOB,
            EventFilter { kind: Some(_), .. } => EVENTS_OF_KIND,
            EventFilter { since: Some(_), .. } => EVENTS_SINCE,
            EventFilter { .. } => EVENTS,
        })
        .bind(filter.kind.map(EventKind::as_str))
        .bind(filter.since.map(Timestamp::as_millisecond))
        .bind(&filter.job_id)
        .bind(filter.most)
        .bind(after)
        .fetch_all(&self.readers)
        .await?;
        page(&rows, filter.most, event_row)
    }

    /// Deliveries, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn deliveries(
        &self,
        filter: &DeliveryFilter,
    ) -> Result<Listed<DeliveryRow>, StoreError> {
        self.deliveries_after(filter, None).await
    }

    /// The same, those that come after a place in the listing.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn deliveries_after(
        &self,
        filter: &DeliveryFilter,
        after: Option<i64>,
    ) -> Result<Listed<DeliveryRow>, StoreError> {
        let rows = query(deliveries!(
            "WHERE ($1 IS NULL OR d.state = $1) AND ($2 IS NULL OR d.notifier = $2)
               AND d.seq < coalesce($4, 4611686018427387904)
             ORDER BY d.seq DESC LIMIT $3 + 1"
        ))
        .bind(filter.state.map(DeliveryState::as_str))
        .bind(&filter.notifier)
        .bind(filter.most)
        .bind(after)
        .fetch_all(&self.readers)
        .await?;
        page(&rows, filter.most, delivery_row)
    }

    /// The deliveries whose id starts with `prefix`, at most two: none, the one, or that it
    /// is not clear which.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn find_delivery(&self, prefix: &str) -> Result<Vec<DeliveryRow>, StoreError> {
        let rows =
            query(deliveries!("WHERE d.id >= $1 AND d.id < $1 || 'g' ORDER BY d.id LIMIT 2"))
                .bind(prefix)
                .fetch_all(&self.readers)
                .await?;
        readable(&rows, delivery_row)
    }

    /// How many deliveries there are that have not been sent, by notifier and state.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn outbox(&self) -> Result<Vec<OutboxCount>, StoreError> {
        let rows = query(
            // A state at a time, since each has an index of its own.
            "SELECT notifier, state, count(*) AS n FROM (
                 SELECT notifier, state FROM delivery WHERE state = 'pending'
                 UNION ALL SELECT notifier, state FROM delivery WHERE state = 'sending'
                 UNION ALL SELECT notifier, state FROM delivery WHERE state = 'held'
                 UNION ALL SELECT notifier, state FROM delivery WHERE state = 'dead') AS unsent
             GROUP BY notifier, state ORDER BY notifier, state",
        )
        .fetch_all(&self.readers)
        .await?;
        rows.iter()
            .map(|row| {
                let count: i64 = row.try_get("n")?;
                Ok(OutboxCount {
                    notifier: row.try_get("notifier")?,
                    state: row.try_get("state")?,
                    count: count.unsigned_abs(),
                })
            })
            .collect()
    }
}

/// A job from its columns and its project's name.
pub(super) fn job_row(row: &Row) -> Result<JobRow, StoreError> {
    Ok(JobRow {
        source: row.try_get("source")?,
        project_name: row.try_get("project_name")?,
        job: job_of(row)?,
    })
}

/// An event from the columns of `event_row_columns`.
pub(super) fn event_row(row: &Row) -> Result<EventRow, StoreError> {
    let verdicts = serde_json::from_str(row.try_get("verdicts")?)
        .map_err(|cause| StoreError::Odd(cause.to_string()))?;
    Ok(EventRow { seq: row.try_get("seq")?, event: event_of(row)?, verdicts })
}

pub(super) fn delivery_row(row: &Row) -> Result<DeliveryRow, StoreError> {
    let digest: Option<String> = row.try_get("digest_id")?;
    let digest = digest.map(|id| {
        let state = DeliveryState::from_str(row.try_get("digest_state")?)
            .map_err(|odd| StoreError::Odd(odd.to_string()))?;
        Ok::<_, StoreError>((DeliveryId::from_stored(id), state))
    });
    Ok(DeliveryRow {
        seq: row.try_get("seq")?,
        digest: digest.transpose()?,
        delivery: delivery_of(row)?,
        project_name: row.try_get("project_name")?,
        held_because: row.try_get("held_because")?,
    })
}

/// Cuts the row that was asked for beyond `most`, which only tells that there are more.
fn page<T>(
    rows: &[Row],
    most: u32,
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Listed<T>, StoreError> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let more = rows.len() > most;
    Ok(Listed { rows: readable(rows.get(..most).unwrap_or(rows), read)?, more })
}
