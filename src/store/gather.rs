//! Messages that gather several events: joined while open, released when their time comes,
//! and digests of what waited alone.
//!
//! A gathering is a delivery of its own from its first event on, held until it is due; its
//! events are its members. Released by [`Store::release`], which asks whether the rule's
//! window is open.

use jiff::Timestamp;
use serde_json::json;

use super::digest::{HeldRow, digests, store_digest};
use super::pacing::{close_throttle, tell_dropped};
use super::rows::{delivery_values, maybe_time, ms};
use super::rows_text::RowsText;
use super::sql::{Row, Tx, query, query_scalar};
use super::{Store, StoreError};
use crate::model::{DeliveryId, EventId, EventKind, Hold, Join};

/// A delivery that was held back on purpose and whose time has come.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldBack {
    pub id: DeliveryId,
    pub rule: String,
    pub notifier: String,
    pub hold: Hold,
    /// Of its events, each once.
    pub kinds: Vec<EventKind>,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freed {
    /// It is owed now. It takes the place of its throttle's message until then.
    Now { throttled_until: Option<Timestamp> },
    /// The rule's window is closed: it waits until then.
    Until(Timestamp),
}

/// How releases are judged.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "it holds closures")]
pub struct Releasing<'a> {
    pub free: &'a (dyn Fn(&HeldBack) -> Freed + Sync),
    /// How many events one digest of a notifier holds; `None` where it gets each singly.
    pub digest_most: &'a (dyn Fn(&str) -> Option<usize> + Sync),
}

/// A row of what is due back.
struct DueRow {
    held: HeldBack,
    about: String,
    key: Option<String>,
    digest: HeldRow,
}

/// How many messages a gathering stands for that were held back. Its hold tells: so it is
/// counted when that ends.
macro_rules! held_back {
    () => {
        "CASE WHEN hold IN ('throttle', 'silence')
              THEN (SELECT count(*) FROM group_member m WHERE m.group_id = delivery.about)
              ELSE 0 END"
    };
}
pub(super) use held_back;

/// Adds an event to the open gathering of its rule and key, or opens one. Returns how many
/// deliveries that has added.
pub(super) async fn join(
    transaction: &mut Tx,
    event: &EventId,
    join: &Join,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let open: Option<String> = query_scalar(
        "SELECT id FROM message_group
         WHERE rule = $1 AND group_key = $2 AND hold = $3 AND sealed_ms IS NULL",
    )
    .bind(&join.rule)
    .bind(&join.key)
    .bind(join.hold.as_str())
    .fetch_optional(&mut *transaction)
    .await?;
    let group = match open {
        Some(group) => group,
        None => open_group(transaction, event, join, now).await?,
    };
    let position: i64 = query_scalar(
        "INSERT INTO group_member (group_id, position, event_id)
         SELECT $1, coalesce(max(position) + 1, 0), $2 FROM group_member WHERE group_id = $1
         RETURNING position",
    )
    .bind(&group)
    .bind(event.as_str())
    .fetch_one(&mut *transaction)
    .await?;
    let mut added = 0;
    for delivery in &join.to {
        let id = DeliveryId::of(&group, &delivery.rule, &delivery.notifier, &delivery.recipient);
        // A gathering has no lane of its own: it is about more than one job.
        let inserted = query(
            "INSERT INTO delivery (id, about, event_id, group_id, rule, notifier, recipient,
                 template, include_download_url, source, job_id, kind, terminal, rank, state,
                 hold, held_since_ms, created_ms, due_ms)
             SELECT $1, $2, v->>1, $2, v->>2, v->>3, v->>4, v->>5, CAST(v->>6 AS bigint), '', '',
                 v->>9, CAST(v->>10 AS bigint), 0, 'held', $4, CAST(v->>12 AS bigint),
                 CAST(v->>12 AS bigint), $5
             FROM (SELECT value AS v FROM json_each($3)) AS given WHERE true
             ON CONFLICT (about, rule, notifier, recipient) DO UPDATE SET
                 event_id = excluded.event_id, kind = excluded.kind,
                 terminal = max(delivery.terminal, excluded.terminal)",
        )
        .bind(id.as_str())
        .bind(&group)
        .bind(RowsText::of([delivery], delivery_values).into_text())
        .bind(join.hold.as_str())
        .bind(ms(join.until))
        .execute(&mut *transaction)
        .await?;
        if position == 0 {
            added += usize::try_from(inserted.rows_affected()).unwrap_or(0);
        }
    }
    if join.most.is_some_and(|most| position + 1 >= i64::from(most)) {
        query("UPDATE delivery SET due_ms = $2 WHERE about = $1 AND state = 'held'")
            .bind(&group)
            .bind(ms(now))
            .execute(&mut *transaction)
            .await?;
        seal(transaction, &[group.as_str()], now).await?;
    }
    Ok(added)
}

async fn open_group(
    transaction: &mut Tx,
    event: &EventId,
    join: &Join,
    now: Timestamp,
) -> Result<String, StoreError> {
    let id = DeliveryId::of(event.as_str(), &join.rule, &join.key, join.hold.as_str()).to_string();
    query(
        "INSERT INTO message_group (id, rule, group_key, hold, opened_ms)
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&id)
    .bind(&join.rule)
    .bind(&join.key)
    .bind(join.hold.as_str())
    .bind(ms(now))
    .execute(&mut *transaction)
    .await?;
    Ok(id)
}

/// Nothing more joins these.
pub(super) async fn seal(
    transaction: &mut Tx,
    groups: &[&str],
    now: Timestamp,
) -> Result<(), StoreError> {
    query(
        "UPDATE message_group SET sealed_ms = $2
         WHERE sealed_ms IS NULL AND id IN (SELECT value FROM json_each($1))",
    )
    .bind(json!(groups).to_string())
    .bind(ms(now))
    .execute(&mut *transaction)
    .await?;
    Ok(())
}

impl Store {
    /// When the next delivery that was held back on purpose is due.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn next_release(&self) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> = query_scalar(
            "SELECT min(due_ms) FROM delivery INDEXED BY delivery_back
             WHERE state = 'held' AND hold IN ('window', 'group', 'throttle', 'silence')",
        )
        .fetch_one(&self.readers)
        .await?;
        maybe_time(next)
    }

    /// Releases what was held back on purpose and is due: each as `releasing` says, what waited
    /// for one window gathered into digests. Returns the notifiers that have something to send.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; then nothing is.
    pub async fn release(
        &self,
        releasing: Releasing<'_>,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let rows = due_back(&mut transaction, now).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let groups: Vec<&str> = rows.iter().map(|row| row.about.as_str()).collect();
        seal(&mut transaction, &groups, now).await?;
        let mut free = Vec::new();
        for row in rows {
            match (releasing.free)(&row.held) {
                Freed::Until(until) => wait(&mut transaction, &row.held.id, until).await?,
                Freed::Now { throttled_until } => {
                    if let (Some(until), Some(key)) = (throttled_until, &row.key) {
                        let rule = &row.held.rule;
                        close_throttle(&mut transaction, rule, key, until, &row.about).await?;
                    }
                    free.push(row);
                }
            }
        }
        let mut notifiers: Vec<String> = free.iter().map(|row| row.held.notifier.clone()).collect();
        notifiers.sort_unstable();
        notifiers.dedup();
        for notifier in &notifiers {
            let of_it = |row: &&DueRow| row.held.notifier == *notifier;
            if let Some(most) = (releasing.digest_most)(notifier) {
                let waited = |row: &&DueRow| of_it(row) && row.held.hold == Hold::Window;
                let mut held: Vec<HeldRow> =
                    free.iter().filter(waited).map(|row| row.digest.clone()).collect();
                held.sort_by(|one, other| one.key.cmp(&other.key));
                for digest in digests(&held, most) {
                    store_digest(&mut transaction, notifier, Hold::Window, digest, now).await?;
                }
            }
        }
        let ids: Vec<&str> = free.iter().map(|row| row.held.id.as_str()).collect();
        owe(&mut transaction, &ids, now).await?;
        transaction.commit().await?;
        Ok(notifiers)
    }
}

async fn due_back(transaction: &mut Tx, now: Timestamp) -> Result<Vec<DueRow>, StoreError> {
    let rows = query(
        "SELECT d.*, g.group_key,
             (SELECT string_agg(kind, ',') FROM (
                  SELECT DISTINCT e.kind FROM group_member m
                  JOIN event e ON e.id = m.event_id WHERE m.group_id = d.about) AS told) AS kinds
         FROM delivery d INDEXED BY delivery_back
         LEFT JOIN message_group g ON g.id = d.about
         WHERE d.state = 'held' AND d.hold IN ('window', 'group', 'throttle', 'silence')
           AND d.due_ms <= $1 ORDER BY d.seq",
    )
    .bind(ms(now))
    .fetch_all(&mut *transaction)
    .await?;
    rows.iter().map(row_of).collect()
}

fn row_of(row: &Row) -> Result<DueRow, StoreError> {
    let odd = |what: String| StoreError::Odd(what);
    let hold: &str = row.try_get("hold")?;
    let kinds: Option<&str> = row.try_get("kinds")?;
    let kinds = kinds.unwrap_or(row.try_get("kind")?).split(',');
    Ok(DueRow {
        held: HeldBack {
            id: DeliveryId::from_stored(row.try_get::<String>("id")?),
            rule: row.try_get("rule")?,
            notifier: row.try_get("notifier")?,
            hold: Hold::parse(hold).ok_or_else(|| odd(format!("hold `{hold}`")))?,
            kinds: kinds.map(|kind| kind.parse().map_err(odd)).collect::<Result<_, _>>()?,
        },
        about: row.try_get("about")?,
        key: row.try_get("group_key")?,
        digest: HeldRow::of(row)?,
    })
}

async fn wait(transaction: &mut Tx, id: &DeliveryId, until: Timestamp) -> Result<(), StoreError> {
    query(concat!(
        "UPDATE delivery SET suppressed = suppressed + ",
        held_back!(),
        ", hold = 'window', due_ms = $2 WHERE id = $1"
    ))
    .bind(id.as_str())
    .bind(ms(until))
    .execute(&mut *transaction)
    .await?;
    Ok(())
}

/// Makes deliveries due, or hands them to the hold of their broken notifier. Those that went
/// into a digest meanwhile stay there.
async fn owe(transaction: &mut Tx, ids: &[&str], now: Timestamp) -> Result<(), StoreError> {
    let ids = json!(ids).to_string();
    tell_dropped(transaction, &ids).await?;
    query(concat!(
        "UPDATE delivery SET suppressed = suppressed + ",
        held_back!(),
        ", state = 'pending', due_ms = $2, hold = NULL, held_since_ms = NULL
         WHERE state = 'held' AND hold <> 'digest' AND id IN (SELECT value FROM json_each($1))"
    ))
    .bind(&ids)
    .bind(ms(now))
    .execute(&mut *transaction)
    .await?;
    query(
        "UPDATE delivery SET state = 'held', hold = 'notifier', held_since_ms = $1
         WHERE state = 'pending' AND notifier IN (
             SELECT name FROM notifier WHERE broken_since_ms IS NOT NULL)",
    )
    .bind(ms(now))
    .execute(&mut *transaction)
    .await?;
    Ok(())
}
