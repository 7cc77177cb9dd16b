//! Progress that says nothing any more: the job has ended, or has moved on.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::StoreError;
use super::rows::ms;
use super::sql::{Tx, query};

/// Progress messages that are not under way, about jobs that ended, or that a newer message of
/// the same rule to the same recipient tells better; a live message is one for all rules. An end
/// is never superseded.
const SUPERSEDE: &str = "
UPDATE delivery SET state = 'discarded', ended_ms = $2,
    last_error = iif(EXISTS (
        SELECT 1 FROM event e WHERE e.source = delivery.source AND e.subject = delivery.job_id
          AND e.slot IN ('ended', 'vanished')),
        'superseded: the job has ended', 'superseded by newer progress')
WHERE rank = 1 AND state IN ('pending', 'held') AND coalesce(hold, '') <> 'digest'
  AND (source, job_id) IN (SELECT value->>0, value->>1 FROM json_each($1))
  AND (EXISTS (
          SELECT 1 FROM event e WHERE e.source = delivery.source AND e.subject = delivery.job_id
            AND e.slot IN ('ended', 'vanished'))
    OR EXISTS (
          SELECT 1 FROM delivery n
          WHERE n.source = delivery.source AND n.job_id = delivery.job_id AND n.rank = 1
            AND n.notifier = delivery.notifier AND n.recipient = delivery.recipient
            AND (n.rule = delivery.rule OR delivery.live) AND n.seq > delivery.seq
            AND n.state IN ('pending', 'held', 'sending', 'sent')))";

/// Drops stale progress messages about these jobs, each named by its source and id.
pub(super) async fn supersede(
    transaction: &mut Tx,
    jobs: &BTreeSet<(&str, &str)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if jobs.is_empty() {
        return Ok(());
    }
    query(SUPERSEDE).bind(json!(jobs).to_string()).bind(ms(now)).execute(&mut *transaction).await?;
    Ok(())
}
