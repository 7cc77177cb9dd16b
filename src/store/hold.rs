//! Holding: a notifier whose service refuses us, and what is owed to it meanwhile.
//!
//! A broken notifier's deliveries are `held`; its oldest one is the probe. When a probe gets
//! through, all are due again; where they are many they are gathered into digests, each a
//! delivery of its own that is stored with its members before its first attempt.

use jiff::Timestamp;

use super::decided::{Deciding, record};
use super::digest::{HeldRow, digests, store_digest};
use super::rows::{ms, time};
use super::sql::{Tx, query, query_scalar};
use super::{Committed, Store, StoreError};
use crate::model::{Event, Hold};

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
    /// Its service refuses us (still): what is owed is held. `news` tells it the first time.
    Broken { broken: &'a Broken, news: Option<Notice<'a>> },
    /// It takes messages again.
    Well { gather: Option<Gather>, news: Option<Notice<'a>> },
}

/// What is told about a notifier, through others.
#[derive(Debug, Clone, Copy)]
pub struct Notice<'a> {
    pub event: &'a Event,
    pub deciding: Deciding<'a>,
}

impl Store {
    /// Whether a notifier is held, at its dispatch's start.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn broken(&self, notifier: &str) -> Result<Option<Broken>, StoreError> {
        let row = query(
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
        let count: i64 = query_scalar(
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
    transaction: &mut Tx,
    notifier: &str,
    change: &HealthChange<'_>,
    now: Timestamp,
) -> Result<Committed, StoreError> {
    let told = is_told(transaction, notifier, change).await?;
    let (broken, news) = match change {
        HealthChange::Broken { broken, news } => (Some(*broken), *news),
        HealthChange::Well { gather, news } => {
            release(transaction, notifier, *gather, now).await?;
            (None, *news)
        }
    };
    query(
        "INSERT INTO notifier (name, broken_since_ms, reason, probes, probe_due_ms)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (name) DO UPDATE SET broken_since_ms =
                 CASE WHEN excluded.broken_since_ms IS NOT NULL
                      THEN coalesce(notifier.broken_since_ms, excluded.broken_since_ms) END,
             reason = excluded.reason, probes = excluded.probes,
             probe_due_ms = excluded.probe_due_ms",
    )
    .bind(notifier)
    .bind(broken.map(|broken| ms(broken.since)))
    .bind(broken.map(|broken| broken.reason.as_str()))
    .bind(broken.map_or(0, |broken| broken.probes))
    .bind(broken.map(|broken| ms(broken.probe_due)))
    .execute(&mut *transaction)
    .await?;
    if broken.is_some() {
        query(
            "UPDATE delivery SET state = 'held', hold = 'notifier', held_since_ms = $2
             WHERE notifier = $1 AND state = 'pending'",
        )
        .bind(notifier)
        .bind(ms(now))
        .execute(&mut *transaction)
        .await?;
    }
    match news.filter(|_| !told) {
        Some(Notice { event, deciding }) => {
            record(transaction, std::slice::from_ref(event), deciding).await
        }
        None => Ok(Committed::default()),
    }
}

/// Whether another service that shares the store has met the same, and has told it.
async fn is_told(
    transaction: &mut Tx,
    notifier: &str,
    change: &HealthChange<'_>,
) -> Result<bool, StoreError> {
    if matches!(transaction, Tx::Sqlite(_)) {
        return Ok(false);
    }
    let broken: Option<i64> = query_scalar(
        "SELECT count(*) FROM notifier WHERE name = $1 AND broken_since_ms IS NOT NULL",
    )
    .bind(notifier)
    .fetch_optional(transaction)
    .await?;
    Ok(match change {
        HealthChange::Broken { .. } => broken == Some(1),
        HealthChange::Well { .. } => broken != Some(1),
    })
}

/// Makes what was held due, gathered where it is much.
async fn release(
    transaction: &mut Tx,
    notifier: &str,
    gather: Option<Gather>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(gather) = gather {
        let held = held_rows(transaction, notifier).await?;
        if held.len() > gather.more_than {
            for digest in digests(&held, gather.most) {
                store_digest(transaction, notifier, Hold::Notifier, digest, now).await?;
            }
        }
    }
    query(
        "UPDATE delivery SET state = 'pending', due_ms = $2,
             held_total_ms = held_total_ms + CASE WHEN first_attempt_ms IS NULL THEN 0
                 ELSE max(0, coalesce($2 - held_since_ms, 0)) END,
             hold = NULL, held_since_ms = NULL
         WHERE notifier = $1 AND state = 'held' AND hold = 'notifier'",
    )
    .bind(notifier)
    .bind(ms(now))
    .execute(&mut *transaction)
    .await?;
    Ok(())
}

async fn held_rows(transaction: &mut Tx, notifier: &str) -> Result<Vec<HeldRow>, StoreError> {
    let rows = query(
        "SELECT id, event_id, recipient, rule, template, include_download_url FROM delivery
         WHERE notifier = $1 AND state = 'held' AND hold = 'notifier'
           AND coalesce(group_id, '') <> about
         ORDER BY recipient, rule, template, include_download_url, seq",
    )
    .bind(notifier)
    .fetch_all(&mut *transaction)
    .await?;
    rows.iter().map(HeldRow::of).collect()
}
