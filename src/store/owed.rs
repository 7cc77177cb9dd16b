//! What is owed: claiming what is due, and what one turn of a dispatch writes.
//!
//! A claim stores its owner, a fence and until when it holds, before anything is sent; so a
//! row in `sending` after a crash is known to be unsure. Messages about one job to one
//! recipient leave in order: see `claimable!`. What cannot be read any more is given up, and
//! stops nothing else.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::hold::{HealthChange, change_health};
use super::live::{live_handle, space_out_settled};
use super::rhythm::{Rhythm, allowed, spend};
use super::rows::{delivery_of, event_columns, event_of, maybe_time, ms};
use super::settle::settle;
use super::sql::{Tx, query, query_scalar};
use super::{Settlement, Store, StoreError};
use crate::model::{Decided, Delivery, DeliveryId, Event, Hold};
use crate::telemetry;

/// Where a claim looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimFrom {
    /// What is due, in the order of the lanes.
    Due,
    /// What is held since the notifier is broken: its oldest, as a probe.
    Held,
}

/// What is asked for in one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    pub from: ClaimFrom,
    /// At most so many.
    pub most: u32,
    /// After this an unrecorded claim counts as unsure.
    pub until: Timestamp,
}

/// A delivery that is ours to send now, with what it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    pub delivery: Delivery,
    /// The event; of a digest all of them, oldest first.
    pub events: Vec<Event>,
    pub is_digest: bool,
    /// What its events have waited for together, where they have.
    pub gathered_by: Option<Hold>,
    pub fence: i64,
    /// Time it was held, which does not count for `retry_for`.
    pub held_total_ms: i64,
    /// Where the live message about its job is, if there is one.
    pub handle: Option<String>,
}

/// Due and first in its lane: nothing earlier about the same job to the same recipient is
/// being sent or due. One in back-off holds back what follows it, but not a terminal one,
/// which overtakes it together with what it holds back.
///
/// Walks the lanes in order and stops at the limit: left to itself SQLite takes all that is
/// due, sorts it, and throws most of it away, at every turn of a long backlog. `+ 0` hides the
/// limit's variable from the planner, which would plan anew each time the variable is bound.
macro_rules! claimable {
    () => {
        "SELECT d.seq FROM delivery d INDEXED BY delivery_owed
         WHERE d.notifier = $1 AND d.state = 'pending' AND d.due_ms <= $2
           AND (d.job_id = '' OR NOT EXISTS (
               SELECT 1 FROM delivery e
               WHERE e.notifier = d.notifier AND e.source = d.source AND e.job_id = d.job_id
                 AND e.recipient = d.recipient AND e.seq < d.seq
                 AND e.state IN ('pending', 'sending')
                 AND (e.state = 'sending' OR d.terminal = 0 OR (e.due_ms <= $2 AND (
                     e.terminal = 1 OR NOT EXISTS (
                         SELECT 1 FROM delivery f INDEXED BY delivery_lane
                         WHERE f.notifier = e.notifier AND f.source = e.source
                           AND f.job_id = e.job_id AND f.recipient = e.recipient
                           AND f.seq < e.seq AND f.state IN ('pending', 'sending')
                           AND f.state = 'pending' AND f.due_ms > $2))))))
         ORDER BY d.rank, d.seq LIMIT $3 + 0"
    };
}

macro_rules! claim {
    ($candidates:expr) => {
        concat!(
            "WITH chosen (seq) AS MATERIALIZED (",
            $candidates,
            " /*pg FOR UPDATE OF d SKIP LOCKED */)
             UPDATE delivery SET state = 'sending', attempts = attempts + 1,
                 first_attempt_ms = coalesce(first_attempt_ms, $2), claim_owner = $5,
                 claim_fence = claim_fence + 1, claimed_ms = $2, claimed_until_ms = /*pg now_ms() - $2 + */ $4,
                 held_total_ms = held_total_ms + CASE WHEN first_attempt_ms IS NULL THEN 0
                     ELSE max(0, coalesce($2 - held_since_ms, 0)) END,
                 hold = NULL, held_since_ms = NULL
             WHERE seq IN (SELECT seq FROM chosen) RETURNING id"
        )
    };
}

const CLAIM_DUE: &str = claim!(claimable!());

const CLAIM_HELD: &str = claim!(
    "SELECT d.seq FROM delivery d
     WHERE d.notifier = $1 AND d.state = 'held' AND d.hold = 'notifier'
       /*pg AND NOT EXISTS (
           SELECT 1 FROM delivery s WHERE s.notifier = $1 AND s.state = 'sending') */
     ORDER BY d.rank, d.seq LIMIT $3 + 0"
);

const OUTLOOK: &str = concat!(
    "SELECT (SELECT count(*) FROM (",
    claimable!(),
    ") AS ready) AS due,
     (SELECT min(due_ms) FROM delivery
      WHERE notifier = $1 AND state = 'pending' AND due_ms > $2) AS next"
);

const CLAIMED: &str = concat!(
    "SELECT d.*, ",
    event_columns!(),
    ", ",
    live_handle!(),
    " AS live_handle,
         (SELECT g.hold FROM message_group g WHERE g.id = d.about) AS gathered_by
     FROM delivery d LEFT JOIN event e ON e.id = d.event_id
     WHERE d.id IN (SELECT value FROM json_each($1)) ORDER BY d.rank, d.seq"
);

/// What one dispatch has to write down, and what it asks for.
#[derive(Debug, Clone, Default)]
pub struct Turn<'a> {
    pub settlements: &'a [Settlement],
    pub health: Option<HealthChange<'a>>,
    pub claim: Option<Claim>,
}

/// What a turn has come to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Turned {
    pub claimed: Vec<Claimed>,
    /// What is told about the notifier, through others.
    pub news: Vec<Decided>,
    /// Until the pace that is shared lets the next one through, where it let fewer than asked.
    pub wait: Option<Duration>,
}

impl Store {
    /// Records what became of attempts and whether the notifier is held, then claims what is
    /// due through it: one transaction, one sync.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; then nothing is.
    pub async fn turn(
        &self,
        notifier: &str,
        turn: &Turn<'_>,
        now: Timestamp,
    ) -> Result<Turned, StoreError> {
        let unlimited = Rhythm { every: Duration::ZERO, burst: 1, pause: None };
        self.paced_turn(notifier, turn, &unlimited, now).await
    }

    /// The same at a pace that all services keep together that share the store.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; then nothing is.
    pub async fn paced_turn(
        &self,
        notifier: &str,
        turn: &Turn<'_>,
        rhythm: &Rhythm,
        now: Timestamp,
    ) -> Result<Turned, StoreError> {
        let decides = turn.health.is_some();
        let mut transaction = self.writer.begin_turn(notifier, decides).await?;
        settle(&mut transaction, turn.settlements, now).await?;
        let news = match &turn.health {
            Some(change) => change_health(&mut transaction, notifier, change, now).await?.decided,
            None => Vec::new(),
        };
        space_out_settled(&mut transaction, turn.settlements, now).await?;
        let most = turn.claim.map_or(0, |claim| claim.most);
        let allowed = allowed(&mut transaction, notifier, rhythm, most).await?;
        let Found { claimed, unreadable } = match turn.claim {
            Some(claim) if allowed.count > 0 => {
                let claim = Claim { most: allowed.count, ..claim };
                claim_due(&mut transaction, notifier, &self.owner, claim, now).await?
            }
            _ => Found::default(),
        };
        spend(&mut transaction, notifier, rhythm, claimed.len()).await?;
        let is_new = !(claimed.is_empty() && unreadable.is_empty() && turn.settlements.is_empty());
        match is_new || decides {
            true => transaction.commit().await?,
            false => transaction.commit_quietly().await?,
        }
        for (id, attempts, why) in unreadable {
            telemetry::message_dead(notifier, &id, attempts, &why);
        }
        self.news.tell_settlements(notifier, turn.settlements);
        if turn.health.is_some() {
            self.news.tell_notifier(notifier);
            self.news.tell_events(&news);
        }
        Ok(Turned { claimed, news, wait: allowed.wait })
    }

    /// How many deliveries through `notifier` could be claimed now, counted up to `most`, and
    /// when the next one falls due.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn outlook(
        &self,
        notifier: &str,
        now: Timestamp,
        most: u32,
    ) -> Result<(u32, Option<Timestamp>), StoreError> {
        let row = query(OUTLOOK)
            .bind(notifier)
            .bind(ms(now))
            .bind(most)
            // A reader would have to read anew what each turn has written.
            .fetch_one(&self.writer)
            .await?;
        Ok((row.try_get("due")?, maybe_time(row.try_get("next")?)?))
    }

    /// Undoes claims of this process that it does not know of: their commit was reported as a
    /// failure, so nothing was sent. `known` are the claims that it does know of.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn take_back(
        &self,
        notifier: &str,
        known: &[&DeliveryId],
    ) -> Result<u64, StoreError> {
        let back = query(
            "UPDATE delivery SET state = 'pending', attempts = attempts - 1,
                 claim_owner = NULL, claimed_until_ms = NULL
             WHERE state = 'sending' AND notifier = $1 AND claim_owner = $2
               AND id NOT IN (SELECT value FROM json_each($3))",
        )
        .bind(notifier)
        .bind(&*self.owner)
        .bind(json!(known).to_string())
        .execute(&self.writer)
        .await?;
        Ok(back.rows_affected())
    }
}

/// What a claim has found.
#[derive(Default)]
struct Found {
    claimed: Vec<Claimed>,
    /// What cannot be sent, since the store does not give back what was put in.
    unreadable: Vec<(DeliveryId, u32, String)>,
}

async fn claim_due(
    transaction: &mut Tx,
    notifier: &str,
    owner: &str,
    claim: Claim,
    now: Timestamp,
) -> Result<Found, StoreError> {
    let ids: Vec<String> = query_scalar(match claim.from {
        ClaimFrom::Due => CLAIM_DUE,
        ClaimFrom::Held => CLAIM_HELD,
    })
    .bind(notifier)
    .bind(ms(now))
    .bind(claim.most)
    .bind(ms(claim.until))
    .bind(owner)
    .fetch_all(&mut *transaction)
    .await?;
    let mut found = Found::default();
    if ids.is_empty() {
        return Ok(found);
    }
    let ids = json!(ids).to_string();
    let rows = query(CLAIMED).bind(&ids).fetch_all(&mut *transaction).await?;
    for row in &rows {
        let group: Option<String> = row.try_get("group_id")?;
        let about: String = row.try_get("about")?;
        let is_digest = group.as_ref() == Some(&about);
        let events = match is_digest {
            true => members(transaction, &about, now, &mut found).await?,
            false => vec![event_of(row)],
        };
        let read = delivery_of(row).and_then(|delivery| {
            Ok((delivery, events.into_iter().collect::<Result<Vec<_>, _>>()?))
        });
        match read {
            Ok((delivery, events)) if !events.is_empty() => found.claimed.push(Claimed {
                delivery,
                events,
                is_digest,
                gathered_by: row.try_get::<Option<&str>>("gathered_by")?.and_then(Hold::parse),
                fence: row.try_get("claim_fence")?,
                held_total_ms: row.try_get("held_total_ms")?,
                handle: row.try_get("live_handle")?,
            }),
            odd => {
                let why =
                    odd.err().map_or("nothing in it can be read".into(), |why| why.to_string());
                let id: String = row.try_get("id")?;
                give_up(transaction, id, row.try_get("attempts")?, why, now, &mut found).await?;
            }
        }
    }
    Ok(found)
}

/// So many events a message shows that only counts what was held back: the newest.
const COUNTED_MOST: i64 = 200;

/// The events of a digest, oldest first. What a throttle or a silence has held back is counted,
/// and may be any number. What cannot be read of them is given up by itself.
async fn members(
    transaction: &mut Tx,
    group: &str,
    now: Timestamp,
    found: &mut Found,
) -> Result<Vec<Result<Event, StoreError>>, StoreError> {
    let rows = query(concat!(
        "SELECT d.id, d.attempts, ",
        event_columns!(),
        " FROM group_member m JOIN event e ON e.id = m.event_id
         LEFT JOIN delivery d ON d.group_id = m.group_id AND d.event_id = m.event_id
             AND d.about <> m.group_id
         WHERE m.group_id = $1 AND m.position > (
             SELECT CASE WHEN g.hold IN ('throttle', 'silence')
                         THEN (SELECT max(position) FROM group_member WHERE group_id = $1) - $2
                         ELSE -1 END
             FROM message_group g WHERE g.id = $1)
         ORDER BY m.position"
    ))
    .bind(group)
    .bind(COUNTED_MOST)
    .fetch_all(&mut *transaction)
    .await?;
    let mut events = Vec::new();
    for row in &rows {
        match event_of(row) {
            Ok(event) => events.push(Ok(event)),
            Err(why) => {
                let Some(id) = row.try_get::<Option<String>>("id")? else {
                    tracing::error!(group, "an event of a message cannot be read: {why}");
                    continue;
                };
                let attempts = row.try_get("attempts")?;
                give_up(transaction, id, attempts, why.to_string(), now, found).await?;
            }
        }
    }
    Ok(events)
}

/// Ends a delivery whose rows cannot be read: no attempt would find more in them.
async fn give_up(
    transaction: &mut Tx,
    id: String,
    attempts: u32,
    why: String,
    now: Timestamp,
    found: &mut Found,
) -> Result<(), StoreError> {
    let why = format!("it cannot be sent: {why}; put a backup of the store in its place");
    query(
        "UPDATE delivery SET state = 'dead', ended_ms = $2, last_error = $3, hold = NULL,
             claim_owner = NULL, claimed_until_ms = NULL
         WHERE id = $1",
    )
    .bind(&id)
    .bind(ms(now))
    .bind(&why)
    .execute(&mut *transaction)
    .await?;
    found.unreadable.push((DeliveryId::from_stored(id), attempts, why));
    Ok(())
}
