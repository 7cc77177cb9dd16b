//! Holding: a notifier whose service refuses us, and what is owed to it meanwhile.
//!
//! A broken notifier's deliveries are `held`; its oldest one is the probe. When a probe gets
//! through, all are due again; where they are many they are gathered into digests, each a
//! delivery of its own that is stored with its members before its first attempt.

use jiff::Timestamp;
use serde_json::json;
use sqlx::sqlite::Sqlite;
use sqlx::{Row, Transaction};

use super::decided::record;
use super::rows::{ms, time};
use super::{Decided, Store, StoreError};
use crate::model::DeliveryId;

/// Why and since when a notifier is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub since: Timestamp,
    pub reason: String,
    /// How often it has been probed in vain.
    pub probes: u32,
    pub probe_due: Timestamp,
}

/// How many owed messages of a notifier make digests, and how many one digest holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gather {
    pub more_than: usize,
    pub most: usize,
}

/// What has become of a notifier.
#[derive(Debug, Clone)]
pub enum HealthChange<'a> {
    /// Its service refuses us (still): what is owed is held. `notices` tell it the first time.
    Broken { broken: &'a Broken, notices: &'a [Decided] },
    /// It takes messages again.
    Well { gather: Option<Gather>, notices: &'a [Decided] },
}

/// A held delivery, as far as gathering needs it.
struct HeldRow {
    id: String,
    event_id: String,
    /// What digests may not mix: recipient, rule, template, and whether links go along.
    key: (String, String, String, bool),
}

impl Store {
    /// Whether a notifier is held, at its dispatch's start.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn broken(&self, notifier: &str) -> Result<Option<Broken>, StoreError> {
        let row = sqlx::query(
            "SELECT broken_since_ms, reason, probes, probe_due_ms FROM notifier
             WHERE name = $1 AND broken_since_ms IS NOT NULL",
        )
        .bind(notifier)
        .fetch_optional(&self.readers)
        .await?;
        row.map(|row| {
            Ok(Broken {
                since: time(row.try_get("broken_since_ms")?)?,
                reason: row.try_get("reason")?,
                probes: row.try_get("probes")?,
                probe_due: time(row.try_get("probe_due_ms")?)?,
            })
        })
        .transpose()
    }

    /// How many messages a notifier has to send: waiting, held or under way.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn waiting(&self, notifier: &str) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM delivery
             WHERE notifier = $1 AND state IN ('pending', 'sending', 'held')
               AND coalesce(hold, '') <> 'digest'",
        )
        .bind(notifier)
        .fetch_one(&self.readers)
        .await?;
        Ok(count.unsigned_abs())
    }
}

/// Writes down what has become of a notifier, and moves what is owed to it.
pub(super) async fn change_health(
    transaction: &mut Transaction<'static, Sqlite>,
    notifier: &str,
    change: &HealthChange<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (broken, notices) = match change {
        HealthChange::Broken { broken, notices } => (Some(*broken), *notices),
        HealthChange::Well { gather, notices } => {
            release(transaction, notifier, *gather, now).await?;
            (None, *notices)
        }
    };
    sqlx::query(
        "INSERT INTO notifier (name, broken_since_ms, reason, probes, probe_due_ms)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (name) DO UPDATE SET broken_since_ms = excluded.broken_since_ms,
             reason = excluded.reason, probes = excluded.probes,
             probe_due_ms = excluded.probe_due_ms",
    )
    .bind(notifier)
    .bind(broken.map(|broken| ms(broken.since)))
    .bind(broken.map(|broken| broken.reason.as_str()))
    .bind(broken.map_or(0, |broken| broken.probes))
    .bind(broken.map(|broken| ms(broken.probe_due)))
    .execute(&mut **transaction)
    .await?;
    if broken.is_some() {
        sqlx::query(
            "UPDATE delivery SET state = 'held', hold = 'notifier', held_since_ms = $2
             WHERE notifier = $1 AND state = 'pending'",
        )
        .bind(notifier)
        .bind(ms(now))
        .execute(&mut **transaction)
        .await?;
    }
    record(transaction, notices).await?;
    Ok(())
}

/// Makes what was held due, gathered where it is much.
async fn release(
    transaction: &mut Transaction<'static, Sqlite>,
    notifier: &str,
    gather: Option<Gather>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(gather) = gather {
        let held = held_rows(transaction, notifier).await?;
        if held.len() > gather.more_than {
            for digest in digests(&held, gather.most) {
                store_digest(transaction, notifier, digest, now).await?;
            }
        }
    }
    sqlx::query(
        "UPDATE delivery SET state = 'pending', due_ms = $2,
             held_total_ms = held_total_ms + iif(first_attempt_ms IS NULL, 0,
                 max(0, coalesce($2 - held_since_ms, 0))),
             hold = NULL, held_since_ms = NULL
         WHERE notifier = $1 AND state = 'held' AND hold = 'notifier'",
    )
    .bind(notifier)
    .bind(ms(now))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

async fn held_rows(
    transaction: &mut Transaction<'static, Sqlite>,
    notifier: &str,
) -> Result<Vec<HeldRow>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, event_id, recipient, rule, template, include_download_url FROM delivery
         WHERE notifier = $1 AND state = 'held' AND hold = 'notifier'
           AND coalesce(group_id, '') <> about
         ORDER BY recipient, rule, template, include_download_url, seq",
    )
    .bind(notifier)
    .fetch_all(&mut **transaction)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(HeldRow {
                id: row.try_get("id")?,
                event_id: row.try_get("event_id")?,
                key: (
                    row.try_get("recipient")?,
                    row.try_get("rule")?,
                    row.try_get("template")?,
                    row.try_get("include_download_url")?,
                ),
            })
        })
        .collect()
}

/// Runs of rows that one digest can hold; a single row stays a message of its own.
fn digests(held: &[HeldRow], most: usize) -> impl Iterator<Item = &[HeldRow]> {
    held.chunk_by(|one, next| one.key == next.key)
        .flat_map(move |same| same.chunks(most.max(1)))
        .filter(|digest| digest.len() > 1)
}

/// Stores a digest with its members, which wait for it from now on.
async fn store_digest(
    transaction: &mut Transaction<'static, Sqlite>,
    notifier: &str,
    digest: &[HeldRow],
    now: Timestamp,
) -> Result<(), StoreError> {
    let [first, .., newest] = digest else { return Ok(()) };
    let (recipient, rule, template, with_link) = &first.key;
    // Made of its members, so that it is the same however often it is gathered.
    let group = DeliveryId::of(&first.id, &newest.id, notifier, "group");
    let id = DeliveryId::of(group.as_str(), rule, notifier, recipient);
    sqlx::query(
        "INSERT INTO message_group (id, rule, group_key, opened_ms, sealed_ms)
         VALUES ($1, $2, $3, $4, $4) ON CONFLICT DO NOTHING",
    )
    .bind(group.as_str())
    .bind(rule)
    .bind(format!("catch-up of {notifier}"))
    .bind(ms(now))
    .execute(&mut **transaction)
    .await?;
    let events: Vec<&str> = digest.iter().map(|row| row.event_id.as_str()).collect();
    sqlx::query(
        "INSERT INTO group_member (group_id, position, event_id)
         SELECT $1, key, value FROM json_each($2) WHERE true ON CONFLICT DO NOTHING",
    )
    .bind(group.as_str())
    .bind(json!(events).to_string())
    .execute(&mut **transaction)
    .await?;
    sqlx::query(
        "INSERT INTO delivery (id, about, event_id, group_id, rule, notifier, recipient, template,
             include_download_url, source, job_id, kind, terminal, rank, state, created_ms, due_ms)
         SELECT $1, $2, event_id, $2, rule, notifier, recipient, $5, $6, '', '', kind, terminal,
             0, 'pending', $3, $3
         FROM delivery WHERE id = $4 ON CONFLICT DO NOTHING",
    )
    .bind(id.as_str())
    .bind(group.as_str())
    .bind(ms(now))
    .bind(&newest.id)
    .bind(template)
    .bind(with_link)
    .execute(&mut **transaction)
    .await?;
    let members: Vec<&str> = digest.iter().map(|row| row.id.as_str()).collect();
    sqlx::query(
        "UPDATE delivery SET hold = 'digest', group_id = $1, due_ms = $2,
             held_total_ms = held_total_ms + coalesce($2 - held_since_ms, 0), held_since_ms = $2,
             last_error = 'gathered into the digest ' || $4
         WHERE id IN (SELECT value FROM json_each($3))",
    )
    .bind(group.as_str())
    .bind(ms(now))
    .bind(json!(members).to_string())
    .bind(id.as_str())
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
