//! Rows to model and back. Times are Unix milliseconds, documents JSON text.

use jiff::Timestamp;
use serde_json::{Map, json};

use super::StoreError;
use super::rows_text::RowText;
use super::sql::Row;
use crate::model::{
    Delivery, DeliveryId, Event, EventId, EventKey, EventKind, Fields, Fingerprint, Hold, JobId,
    JobState, KnownJob, NewDelivery, Phase, ProjectName, TimerFacts, outcome_of, usage_of,
};
use crate::telemetry;

pub(super) fn time(ms: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(ms).map_err(|cause| StoreError::Odd(cause.to_string()))
}

pub(super) fn maybe_time(ms: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
    ms.map(time).transpose()
}

pub(super) fn ms(at: Timestamp) -> i64 {
    at.as_millisecond()
}

fn odd(cause: impl std::fmt::Display) -> StoreError {
    StoreError::Odd(cause.to_string())
}

/// The rows that can be read. One that is damaged costs only itself, and is told to the operator.
pub(super) fn readable<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut known = Vec::with_capacity(rows.len());
    for row in rows {
        match read(row) {
            Ok(row) => known.push(row),
            Err(StoreError::Odd(why)) => telemetry::row_unreadable(&why),
            Err(problem) => return Err(problem),
        }
    }
    Ok(known)
}

fn document(text: Option<&str>) -> Result<Option<Fields>, StoreError> {
    text.map(Fields::stored).transpose().map_err(odd)
}

/// The columns of a job in the order of [`job_values`].
pub(super) fn job_of(row: &Row) -> Result<KnownJob, StoreError> {
    let fields: Option<&str> = row.try_get("document")?;
    Ok(KnownJob {
        id: JobId::parse(row.try_get("job_id")?).map_err(odd)?,
        job_type: row.try_get("job_type")?,
        state: JobState::parse(row.try_get("state")?),
        phase: Phase::parse(row.try_get("phase")?),
        fingerprint: Fingerprint(row.try_get("fingerprint")?),
        progress: row.try_get::<Option<i64>>("progress")?.map(Fingerprint),
        progress_since: time(row.try_get("progress_since_ms")?)?,
        changes: row.try_get("changes")?,
        created_at: maybe_time(row.try_get("created_ms")?)?,
        stopped_at: maybe_time(row.try_get("stopped_ms")?)?,
        first_seen_at: time(row.try_get("first_seen_ms")?)?,
        ended_at: maybe_time(row.try_get("ended_ms")?)?,
        project_id: row.try_get("project_id")?,
        resultless_since: maybe_time(row.try_get("resultless_since_ms")?)?,
        document: document(fields)?.unwrap_or_default(),
    })
}

/// A job as the row that the insert statement takes apart.
pub(super) fn job_values(row: &mut RowText<'_>, job: &KnownJob) {
    let usage = usage_of(&job.document);
    row.put(&job.id)
        .put(&job.job_type)
        .put(job.state.as_str())
        .put(job.phase.as_str())
        .put(job.fingerprint.0)
        .put(job.progress.map(|progress| progress.0))
        .put(ms(job.progress_since))
        .put(job.changes)
        .put(job.created_at.map(ms))
        .put(job.stopped_at.map(ms))
        .put(ms(job.first_seen_at))
        .put(job.ended_at.map(ms))
        .put(&job.project_id)
        .put(job.resultless_since.map(ms))
        .put(job.document.text())
        .put(outcome_of(job).map(EventKind::as_str))
        .put(usage.media_seconds)
        .put(usage.ai_credits);
}

/// The columns of an event `e`, named for [`event_of`].
macro_rules! event_columns {
    () => {
        "e.kind AS event_kind, e.source AS event_source, e.subject AS event_subject,
         e.occurrence AS event_occurrence, e.from_state AS event_from, e.to_state AS event_to,
         e.detected_ms AS event_detected_ms, e.late AS event_late, e.job_id AS event_job_id,
         e.project_name AS event_project_name, e.name_unavailable AS event_name_unavailable,
         e.document AS event_document, e.timer AS event_timer"
    };
}
pub(super) use event_columns;

/// An event from columns whose names start with `event_`.
pub(super) fn event_of(row: &Row) -> Result<Event, StoreError> {
    let kind: EventKind = row.try_get::<&str>("event_kind")?.parse().map_err(odd)?;
    let job_id: Option<&str> = row.try_get("event_job_id")?;
    let name: Option<String> = row.try_get("event_project_name")?;
    let unavailable: bool = row.try_get("event_name_unavailable")?;
    let fields = document(row.try_get("event_document")?)?;
    Ok(Event {
        key: EventKey {
            source: row.try_get("event_source")?,
            subject: row.try_get("event_subject")?,
            slot: kind.slot(),
            occurrence: row.try_get("event_occurrence")?,
        },
        kind,
        from: row.try_get("event_from")?,
        to: row.try_get("event_to")?,
        detected_at: time(row.try_get("event_detected_ms")?)?,
        late: row.try_get("event_late")?,
        job_id: job_id.map(JobId::parse).transpose().map_err(odd)?,
        project_name: match (name, unavailable) {
            (Some(name), _) => ProjectName::Known(name),
            (None, true) => ProjectName::Unavailable,
            (None, false) => ProjectName::None,
        },
        job: fields.clone().filter(|_| kind.facts_key().is_none()),
        facts: match kind.facts_key() {
            Some(_) => fields.map(Fields::into_map).unwrap_or_default(),
            None => Map::new(),
        },
        timer: row.try_get::<Option<&str>>("event_timer")?.and_then(TimerFacts::from_stored),
    })
}

/// An event as the row that the insert statement takes apart.
pub(super) fn event_values(row: &mut RowText<'_>, event: &Event) {
    let name = match &event.project_name {
        ProjectName::Known(name) => Some(name),
        ProjectName::None | ProjectName::Unavailable => None,
    };
    let facts = event.kind.facts_key().map(|_| json!(event.facts).to_string());
    row.put(event.id())
        .put(&event.key.source)
        .put(&event.key.subject)
        .put(event.key.slot)
        .put(&event.key.occurrence)
        .put(event.kind.as_str())
        .put(&event.from)
        .put(&event.to)
        .put(ms(event.detected_at))
        .put(i64::from(event.late))
        .put(&event.job_id)
        .put(name)
        .put(i64::from(event.project_name == ProjectName::Unavailable))
        .put(facts.as_deref().or_else(|| event.job.as_ref().map(Fields::text)))
        .put(event.timer.as_ref().map(TimerFacts::to_stored));
}

/// A delivery as the row that the insert statement takes apart.
pub(super) fn delivery_values(row: &mut RowText<'_>, delivery: &NewDelivery) {
    row.put(&delivery.id)
        .put(&delivery.event_id)
        .put(&delivery.rule)
        .put(&delivery.notifier)
        .put(&delivery.recipient)
        .put(&delivery.template)
        .put(i64::from(delivery.include_download_url))
        .put(&delivery.source)
        .put(&delivery.job_id)
        .put(delivery.kind.as_str())
        .put(i64::from(delivery.kind.is_terminal()))
        .put(i64::from(delivery.kind == EventKind::Progress))
        .put(ms(delivery.created_at))
        .put(delivery.held_until.map(ms))
        .put(delivery.suppressed)
        .put(i64::from(delivery.live));
}

pub(super) fn delivery_of(row: &Row) -> Result<Delivery, StoreError> {
    let state: &str = row.try_get("state")?;
    let ended = maybe_time(row.try_get("ended_ms")?)?;
    Ok(Delivery {
        id: DeliveryId::from_stored(row.try_get::<String>("id")?),
        event_id: EventId::from_stored(row.try_get::<String>("event_id")?),
        rule: row.try_get("rule")?,
        notifier: row.try_get("notifier")?,
        recipient: row.try_get("recipient")?,
        template: row.try_get("template")?,
        include_download_url: row.try_get("include_download_url")?,
        source: row.try_get("source")?,
        job_id: row.try_get("job_id")?,
        kind: row.try_get::<&str>("kind")?.parse().map_err(odd)?,
        state: state.parse().map_err(odd)?,
        attempts: row.try_get("attempts")?,
        failures: row.try_get("failures")?,
        created_at: time(row.try_get("created_ms")?)?,
        due_at: time(row.try_get("due_ms")?)?,
        first_attempt_at: maybe_time(row.try_get("first_attempt_ms")?)?,
        sent_at: ended.filter(|_| state == "sent"),
        repeat: row.try_get("repeat")?,
        hold: row.try_get::<Option<&str>>("hold")?.and_then(Hold::parse),
        suppressed: row.try_get::<i64>("suppressed")?.unsigned_abs(),
        last_error: row.try_get("last_error")?,
    })
}
