//! Answers to "why?": what is known of one job or event, with everything that was said and
//! sent about it; and the newest events of a kind.

use jiff::Timestamp;
use serde_json::json;

use super::listing::{
    delivery_columns, delivery_joins, delivery_row, event_row, event_row_columns, job_row,
};
use super::rows::{event_columns, event_of, ms, readable};
use super::sql::{Row, query, query_scalar};
use super::{DeliveryRow, EventRow, JobRow, Store, StoreError};
use crate::model::{Event, EventId, EventKind};

/// Ids of jobs that begin with a text: of jobs that are known, and of events about jobs that
/// are not any more. Sources are skipped through, since jobs are kept by source first.
const JOB_IDS: &str = "
WITH RECURSIVE s (name) AS (
    SELECT min(source) FROM job
    UNION ALL
    SELECT (SELECT min(source) FROM job WHERE source > s.name) FROM s WHERE s.name IS NOT NULL)
SELECT job_id FROM (
    SELECT job_id FROM (
        SELECT job.job_id FROM s CROSS JOIN job
        WHERE job.source = s.name AND job.job_id >= $1 AND job.job_id < $3
        LIMIT $2) AS known
    UNION
    SELECT job_id FROM (
        SELECT DISTINCT job_id FROM event INDEXED BY event_job
        WHERE job_id >= $1 AND job_id < $3 ORDER BY job_id LIMIT $2) AS told) AS found
ORDER BY job_id LIMIT $2";

/// The deliveries about each of these events: its own, and the digests that it was gathered
/// into.
const DELIVERIES_ABOUT: &str = concat!(
    "
WITH asked (id) AS MATERIALIZED (SELECT value FROM json_each($1)),
told (event, delivery) AS (
    SELECT asked.id, d.id FROM asked JOIN delivery d INDEXED BY delivery_event
        ON d.event_id = asked.id
    UNION
    SELECT asked.id, d.id FROM asked
    JOIN group_member m INDEXED BY group_member_event ON m.event_id = asked.id
    JOIN delivery d INDEXED BY delivery_group ON d.group_id = m.group_id AND d.about = m.group_id)
SELECT told.event AS told_event, ",
    delivery_columns!(),
    " FROM told JOIN delivery d ON d.id = told.delivery ",
    delivery_joins!(),
    "ORDER BY d.seq"
);

impl Store {
    /// The ids of jobs that begin with `prefix`, at most `most` of them; the one that is
    /// `prefix` itself stands for all.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn job_ids(&self, prefix: &str, most: u32) -> Result<Vec<String>, StoreError> {
        let ids: Vec<String> = query_scalar(JOB_IDS)
            .bind(prefix)
            .bind(most)
            // Beyond every id that begins so.
            .bind(format!("{prefix}{}", char::MAX))
            .fetch_all(&self.readers)
            .await?;
        Ok(match ids.iter().find(|id| *id == prefix) {
            Some(exact) => vec![exact.clone()],
            None => ids,
        })
    }

    /// What is known of a job, once for each source that has seen it.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn jobs_called(&self, job_id: &str) -> Result<Vec<JobRow>, StoreError> {
        let rows = query(
            "WITH RECURSIVE s (name) AS (
                 SELECT min(source) FROM job
                 UNION ALL
                 SELECT (SELECT min(source) FROM job WHERE source > s.name)
                 FROM s WHERE s.name IS NOT NULL)
             SELECT job.*, project.name AS project_name
             FROM s CROSS JOIN job LEFT JOIN project USING (source, project_id)
             WHERE job.source = s.name AND job.job_id = $1",
        )
        .bind(job_id)
        .fetch_all(&self.readers)
        .await?;
        readable(&rows, job_row)
    }

    /// The events whose id begins with `prefix`, at most two: none, the one, or that it is
    /// not clear which.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn find_event(&self, prefix: &str) -> Result<Vec<EventRow>, StoreError> {
        let rows = query(concat!(
            "SELECT ",
            event_row_columns!(),
            " FROM event e WHERE e.seq IN (
                 SELECT seq FROM event WHERE id >= $1 AND id < $1 || 'g' ORDER BY id LIMIT 2)
             ORDER BY e.id"
        ))
        .bind(prefix)
        .fetch_all(&self.readers)
        .await?;
        readable(&rows, event_row)
    }

    /// The newest events of a kind, newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn latest(&self, kind: EventKind, most: u32) -> Result<Vec<EventRow>, StoreError> {
        let rows = query(concat!(
            "SELECT e.seq, ",
            event_columns!(),
            ", '[]' AS verdicts FROM event e WHERE e.seq IN (
                 SELECT seq FROM event INDEXED BY event_kind
                 WHERE kind = $1 ORDER BY detected_ms DESC, seq DESC LIMIT $2)
             ORDER BY e.detected_ms DESC, e.seq DESC"
        ))
        .bind(kind.as_str())
        .bind(most)
        .fetch_all(&self.readers)
        .await?;
        readable(&rows, event_row)
    }

    /// Events recorded since a time, in the order in which they were, from the first one or
    /// after the one numbered `after`; with the number of the last one, or `None` where there
    /// are no more.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn recorded(
        &self,
        since: Timestamp,
        after: Option<i64>,
        most: u32,
    ) -> Result<(Vec<Event>, Option<i64>), StoreError> {
        let after = match after {
            Some(after) => after,
            // Rows are large: those that are too old are passed over by the index.
            None => {
                query_scalar(
                    "SELECT coalesce(min(seq), 0) - 1 FROM event INDEXED BY event_detected
                     WHERE detected_ms >= $1",
                )
                .bind(ms(since))
                .fetch_one(&self.readers)
                .await?
            }
        };
        let rows = query(concat!(
            "SELECT e.seq, ",
            event_columns!(),
            " FROM event e WHERE e.seq > $2 AND e.detected_ms >= $1 ORDER BY e.seq LIMIT $3"
        ))
        .bind(ms(since))
        .bind(after)
        .bind(most)
        .fetch_all(&self.readers)
        .await?;
        let last = rows.last().map(|row| row.try_get("seq")).transpose()?;
        Ok((rows.iter().map(event_of).collect::<Result<_, _>>()?, last))
    }

    /// The deliveries about these events, oldest first, each with the event that it tells of:
    /// a digest stands once for each of its members.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn deliveries_about(
        &self,
        events: &[EventId],
    ) -> Result<Vec<(EventId, DeliveryRow)>, StoreError> {
        let rows = query(DELIVERIES_ABOUT)
            .bind(json!(events).to_string())
            .fetch_all(&self.readers)
            .await?;
        let read = |row: &Row| {
            let event = EventId::from_stored(row.try_get::<String>("told_event")?);
            Ok((event, delivery_row(row)?))
        };
        rows.iter().map(read).collect()
    }
}
