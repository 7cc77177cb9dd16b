//! Digests: what waited alone and comes free together, as one message that is a delivery of
//! its own, stored with its members before its first attempt.

use jiff::Timestamp;
use serde_json::json;

use super::StoreError;
use super::rows::ms;
use super::sql::{Row, Tx, query};
use crate::model::{DeliveryId, Hold};

/// A held delivery, as far as gathering needs it.
#[derive(Debug, Clone)]
pub(super) struct HeldRow {
    pub(super) id: String,
    /// What digests may not mix: recipient, rule, template, and whether links go along.
    pub(super) key: (String, String, String, bool),
}

impl HeldRow {
    pub(super) fn of(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.try_get("id")?,
            key: (
                row.try_get("recipient")?,
                row.try_get("rule")?,
                row.try_get("template")?,
                row.try_get("include_download_url")?,
            ),
        })
    }
}

/// Runs of rows that one digest can hold; a single row stays a message of its own.
pub(super) fn digests(held: &[HeldRow], most: usize) -> impl Iterator<Item = &[HeldRow]> {
    held.chunk_by(|one, next| one.key == next.key)
        .flat_map(move |same| same.chunks(most.max(1)))
        .filter(|digest| digest.len() > 1)
}

/// Stores a digest with its members, which wait for it from now on. `after`: what they have
/// waited for until now.
pub(super) async fn store_digest(
    transaction: &mut Tx,
    notifier: &str,
    after: Hold,
    digest: &[HeldRow],
    now: Timestamp,
) -> Result<(), StoreError> {
    let [first, .., newest] = digest else { return Ok(()) };
    let (recipient, rule, template, with_link) = &first.key;
    // Made of its members, so that it is the same however often it is gathered.
    let group = DeliveryId::of(&first.id, &newest.id, notifier, "group");
    let id = DeliveryId::of(group.as_str(), rule, notifier, recipient);
    query(
        "INSERT INTO message_group (id, rule, group_key, hold, opened_ms, sealed_ms)
         VALUES ($1, $2, $3, $5, $4, $4) ON CONFLICT DO NOTHING",
    )
    .bind(group.as_str())
    .bind(rule)
    .bind(format!("{after} of {notifier}"))
    .bind(ms(now))
    .bind(after.as_str())
    .execute(&mut *transaction)
    .await?;
    let members: Vec<&str> = digest.iter().map(|row| row.id.as_str()).collect();
    let members = json!(members).to_string();
    // A member that is itself a gathering brings all of its events.
    query(
        "INSERT INTO group_member (group_id, position, event_id)
         SELECT $1, row_number() OVER (ORDER BY e.seq) - 1, e.id FROM event e WHERE e.id IN (
             SELECT d.event_id FROM delivery d
             WHERE d.id IN (SELECT value FROM json_each($2)) AND coalesce(d.group_id, '') <> d.about
             UNION SELECT m.event_id FROM delivery d JOIN group_member m ON m.group_id = d.about
             WHERE d.id IN (SELECT value FROM json_each($2)) AND d.group_id = d.about)
         ON CONFLICT DO NOTHING",
    )
    .bind(group.as_str())
    .bind(&members)
    .execute(&mut *transaction)
    .await?;
    query(
        "INSERT INTO delivery (id, about, event_id, group_id, rule, notifier, recipient, template,
             include_download_url, source, job_id, kind, terminal, rank, state, created_ms, due_ms, suppressed)
         SELECT $1, $2, event_id, $2, rule, notifier, recipient, $5, $6, '', '', kind, terminal,
             0, 'pending', $3, $3, (SELECT sum(s.suppressed) FROM delivery s
                 WHERE s.id IN (SELECT value FROM json_each($7)))
         FROM delivery WHERE id = $4 ON CONFLICT DO NOTHING",
    )
    .bind(id.as_str())
    .bind(group.as_str())
    .bind(ms(now))
    .bind(&newest.id)
    .bind(template)
    .bind(*with_link)
    .bind(&members)
    .execute(&mut *transaction)
    .await?;
    query(
        "UPDATE delivery SET hold = 'digest', group_id = $1, due_ms = $2,
             held_total_ms = held_total_ms + coalesce($2 - held_since_ms, 0), held_since_ms = $2,
             last_error = 'gathered into the digest ' || $4
         WHERE id IN (SELECT value FROM json_each($3))",
    )
    .bind(group.as_str())
    .bind(ms(now))
    .bind(&members)
    .bind(id.as_str())
    .execute(&mut *transaction)
    .await?;
    Ok(())
}
