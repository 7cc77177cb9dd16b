//! Live messages: where the one message about a job is, and when it may be edited again.
//!
//! Part of the transactions of others. A handle is written with what became of the attempt
//! that brought it, so that it outlives the process. Progress edits are kept apart by moving
//! what is owed; the newest wins, since older progress is superseded meanwhile.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::rows::ms;
use super::sql::{Tx, query};
use super::{Settlement, StoreError};

/// Between two edits that tell of progress: people read no faster, and services count edits.
pub(super) const EDIT_GAP_MS: i64 = 3_000;

/// An edit that lies further ahead was written down by a clock that was wrong.
const AHEAD_MS: i64 = 60_000;

/// The handle of the live message that a delivery `d` edits, null where there is none.
macro_rules! live_handle {
    () => {
        "(SELECT m.handle FROM live_message m
          WHERE d.job_id <> '' AND m.source = d.source AND m.job_id = d.job_id
            AND m.notifier = d.notifier AND m.recipient = d.recipient)"
    };
}
pub(super) use live_handle;

/// Writes down where live messages are after these attempts, and that they were edited or may
/// have been. `rows` are settlements as `settle` writes them; theirs must still be `sending`.
pub(super) async fn keep_handles(
    transaction: &mut Tx,
    rows: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    query(concat!(
        "INSERT INTO live_message (source, job_id, notifier, recipient, handle, edited_ms)
         SELECT d.source, d.job_id, d.notifier, d.recipient,
             coalesce(r.value->>14, ",
        live_handle!(),
        ") AS known, $2
         FROM json_each($1) AS r JOIN delivery AS d ON d.id = r.value->>0
         WHERE d.state = 'sending' AND d.claim_fence = r.value->>1 AND d.job_id <> ''
           AND known IS NOT NULL
         ON CONFLICT DO UPDATE SET handle = excluded.handle, edited_ms = excluded.edited_ms"
    ))
    .bind(rows)
    .bind(ms(now))
    .execute(&mut *transaction)
    .await?;
    Ok(())
}

/// Lets progress about the jobs of these attempts wait until their messages may be edited.
pub(super) async fn space_out_settled(
    transaction: &mut Tx,
    settlements: &[Settlement],
    now: Timestamp,
) -> Result<(), StoreError> {
    let jobs = settlements
        .iter()
        .map(|settlement| (settlement.source.as_str(), settlement.job_id.as_str()))
        .filter(|(_, job_id)| !job_id.is_empty())
        .collect();
    space_out(transaction, &jobs, now).await
}

/// Lets progress about these jobs, each named by its source and id, wait until their live
/// messages may be edited.
pub(super) async fn space_out(
    transaction: &mut Tx,
    jobs: &BTreeSet<(&str, &str)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if jobs.is_empty() {
        return Ok(());
    }
    query(
        "UPDATE delivery INDEXED BY delivery_progress SET due_ms = m.edited_ms + $2
         FROM live_message AS m
         WHERE rank = 1 AND state IN ('pending', 'held') AND state = 'pending' AND live
           AND (delivery.source, delivery.job_id) IN
               (SELECT value->>0, value->>1 FROM json_each($1))
           AND m.source = delivery.source AND m.job_id = delivery.job_id
           AND m.notifier = delivery.notifier AND m.recipient = delivery.recipient
           AND m.edited_ms + $2 > due_ms AND m.edited_ms < $3",
    )
    .bind(json!(jobs).to_string())
    .bind(EDIT_GAP_MS)
    .bind(ms(now).saturating_add(AHEAD_MS))
    .execute(&mut *transaction)
    .await?;
    Ok(())
}

/// Forgets messages last edited before then, about jobs that are over and of which no delivery
/// is left.
pub(super) async fn forget_handles(
    transaction: &mut Tx,
    source: &str,
    before_ms: i64,
) -> Result<(), StoreError> {
    query(
        "DELETE FROM live_message AS m WHERE source = $1 AND edited_ms < $2
           AND NOT EXISTS (SELECT 1 FROM event AS e JOIN delivery AS d ON d.event_id = e.id
                           WHERE e.job_id = m.job_id AND e.source = m.source
                             AND d.notifier = m.notifier)
           AND NOT EXISTS (SELECT 1 FROM job AS j WHERE j.source = m.source
                           AND j.job_id = m.job_id AND j.phase = 'open')",
    )
    .bind(source)
    .bind(before_ms)
    .execute(&mut *transaction)
    .await?;
    Ok(())
}
