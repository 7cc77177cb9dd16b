//! What the ledger knows of holding back: silences, closed throttles, what windows dropped.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::rows::{ms, time};
use super::sql::{Row, Tx, query, query_as, query_scalar};
use super::{Store, StoreError};
use crate::model::{Decided, Pacing, Silence};

/// Reads it, at the beginning of a decision; of throttles, which may be one for each job, only
/// those of the rules and keys that are `asked` for.
pub(super) async fn read_pacing(
    transaction: &mut Tx,
    asked: &BTreeSet<(String, String)>,
    now: Timestamp,
) -> Result<Pacing, StoreError> {
    let silences = query("SELECT * FROM silence WHERE expires_ms > $1 ORDER BY created_ms")
        .bind(ms(now))
        .fetch_all(&mut *transaction)
        .await?;
    let throttled: Vec<(String, String, i64)> = match asked.is_empty() {
        true => Vec::new(),
        false => {
            query_as(
                "SELECT rule, throttle_key, until_ms FROM json_each($2) AS asked
                 CROSS JOIN throttle ON rule = asked.value->>0 AND throttle_key = asked.value->>1
                 WHERE until_ms > $1",
            )
            .bind(ms(now))
            .bind(json!(asked).to_string())
            .fetch_all(&mut *transaction)
            .await?
        }
    };
    let dropped: Vec<(String, i64)> =
        query_as("SELECT rule, count FROM dropped").fetch_all(&mut *transaction).await?;
    Ok(Pacing {
        silences: silences.iter().map(silence_of).collect::<Result<_, _>>()?,
        throttled: throttled
            .into_iter()
            .map(|(rule, key, until)| Ok(((rule, key), time(until)?)))
            .collect::<Result<_, StoreError>>()?,
        asked: BTreeSet::new(),
        dropped: dropped.into_iter().map(|(rule, count)| (rule, count.unsigned_abs())).collect(),
    })
}

/// Writes down what decisions have changed.
pub(super) async fn write_pacing(
    transaction: &mut Tx,
    decided: &[Decided],
) -> Result<(), StoreError> {
    close_throttles(transaction, decided).await?;
    for Decided { dropped, silenced, owed, .. } in decided {
        // Told with the message that is owed now.
        let told = owed.iter().filter(|delivery| delivery.suppressed > 0);
        for delivery in told {
            query("DELETE FROM dropped WHERE rule = $1")
                .bind(&delivery.rule)
                .execute(&mut *transaction)
                .await?;
        }
        for rule in dropped {
            query(
                "INSERT INTO dropped (rule, count) VALUES ($1, 1)
                 ON CONFLICT (rule) DO UPDATE SET count = count + 1",
            )
            .bind(rule)
            .execute(&mut *transaction)
            .await?;
        }
        for silence in silenced {
            query("UPDATE silence SET silenced = silenced + 1 WHERE id = $1")
                .bind(silence)
                .execute(&mut *transaction)
                .await?;
        }
    }
    Ok(())
}

/// Closes the throttles whose messages go now: of each the last.
async fn close_throttles(transaction: &mut Tx, decided: &[Decided]) -> Result<(), StoreError> {
    let rows: Vec<Value> = decided
        .iter()
        .flat_map(|decided| decided.throttled.iter().map(|closed| (decided.event.id(), closed)))
        .map(|(event, closed)| json!([closed.rule, closed.key, ms(closed.until), event]))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    query(
        "INSERT INTO throttle (rule, throttle_key, until_ms, about)
             WITH row (k, v) AS MATERIALIZED (SELECT key, value FROM json_each($1))
             SELECT v->>0, v->>1, v->>2, v->>3 FROM row WHERE true ORDER BY k
             ON CONFLICT (rule, throttle_key) DO UPDATE SET
                 until_ms = excluded.until_ms, about = excluded.about",
    )
    .bind(Value::Array(rows).to_string())
    .execute(&mut *transaction)
    .await?;
    Ok(())
}

/// The first message of each rule among these gatherings tells what a closed window has dropped
/// before it. `ids` is a JSON list.
pub(super) async fn tell_dropped(transaction: &mut Tx, ids: &str) -> Result<(), StoreError> {
    let told: Vec<String> = query_scalar(
        "UPDATE delivery SET suppressed = suppressed + (
             SELECT count FROM dropped WHERE dropped.rule = delivery.rule)
         WHERE state = 'held' AND hold <> 'digest' AND id IN (SELECT value FROM json_each($1))
           AND rule IN (SELECT rule FROM dropped)
           AND about = (SELECT first.about FROM delivery AS first WHERE first.rule = delivery.rule
                        AND first.hold <> 'digest'
                        AND first.id IN (SELECT value FROM json_each($1))
                        ORDER BY first.seq LIMIT 1)
         RETURNING rule",
    )
    .bind(ids)
    .fetch_all(&mut *transaction)
    .await?;
    query("DELETE FROM dropped WHERE rule IN (SELECT value FROM json_each($1))")
        .bind(json!(told).to_string())
        .execute(&mut *transaction)
        .await?;
    Ok(())
}

/// A throttle lets nothing more through until then; `about` is the event or group that went.
pub(super) async fn close_throttle(
    transaction: &mut Tx,
    rule: &str,
    key: &str,
    until: Timestamp,
    about: &str,
) -> Result<(), StoreError> {
    query(
        "INSERT INTO throttle (rule, throttle_key, until_ms, about) VALUES ($1, $2, $3, $4)
         ON CONFLICT (rule, throttle_key) DO UPDATE SET
             until_ms = excluded.until_ms, about = excluded.about",
    )
    .bind(rule)
    .bind(key)
    .bind(ms(until))
    .bind(about)
    .execute(&mut *transaction)
    .await?;
    Ok(())
}

/// Opens the throttles whose message has died: what they hold back is due at once.
pub(super) async fn reopen_throttles(
    transaction: &mut Tx,
    dead: &[&str],
    now: Timestamp,
) -> Result<(), StoreError> {
    if dead.is_empty() {
        return Ok(());
    }
    let opened: Vec<(String, String)> = query_as(
        "UPDATE throttle SET until_ms = $2 WHERE until_ms > $2 AND about IN (
             SELECT about FROM delivery WHERE id IN (SELECT value FROM json_each($1))
             UNION SELECT m.event_id FROM delivery d JOIN group_member m ON m.group_id = d.about
             WHERE d.id IN (SELECT value FROM json_each($1)))
         RETURNING rule, throttle_key",
    )
    .bind(json!(dead).to_string())
    .bind(ms(now))
    .fetch_all(&mut *transaction)
    .await?;
    for (rule, key) in opened {
        query(
            "UPDATE delivery SET due_ms = min(due_ms, $3)
             WHERE state = 'held' AND hold = 'throttle' AND about IN (
                 SELECT id FROM message_group
                 WHERE rule = $1 AND group_key = $2 AND hold = 'throttle')",
        )
        .bind(rule)
        .bind(key)
        .bind(ms(now))
        .execute(&mut *transaction)
        .await?;
    }
    Ok(())
}

impl Store {
    /// Adds a silence, which holds from the next decision on.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn add_silence(&self, silence: &Silence) -> Result<(), StoreError> {
        query(
            "INSERT INTO silence (id, matchers, comment, author, created_ms, expires_ms, summarise)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(&silence.id)
        .bind(json!(silence.matchers).to_string())
        .bind(&silence.comment)
        .bind(&silence.author)
        .bind(ms(silence.created_at))
        .bind(ms(silence.expires_at))
        .bind(silence.summarise)
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// Every silence that is known: those in force first, the newest first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn silences(&self, now: Timestamp) -> Result<Vec<Silence>, StoreError> {
        let rows =
            query("SELECT * FROM silence ORDER BY expires_ms > $1 DESC, created_ms DESC, id")
                .bind(ms(now))
                .fetch_all(&self.readers)
                .await?;
        rows.iter().map(silence_of).collect()
    }

    /// Ends the silences whose id starts with `prefix`, where that is one that is in force. What
    /// waits for its end is due. Returns those that were in force and fit: none is ended where
    /// they are several.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn expire_silence(
        &self,
        prefix: &str,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        let mut transaction = self.writer.begin().await?;
        let ids: Vec<String> = query_scalar(
            "SELECT id FROM silence WHERE expires_ms > $2 AND substr(id, 1, length($1)) = $1",
        )
        .bind(prefix)
        .bind(ms(now))
        .fetch_all(&mut transaction)
        .await?;
        if let [id] = ids.as_slice() {
            query("UPDATE silence SET expires_ms = $2 WHERE id = $1")
                .bind(id)
                .bind(ms(now))
                .execute(&mut transaction)
                .await?;
            query(
                "UPDATE delivery SET due_ms = $2
                 WHERE state = 'held' AND hold = 'silence' AND about IN (
                     SELECT id FROM message_group WHERE group_key = $1 AND hold = 'silence')",
            )
            .bind(id)
            .bind(ms(now))
            .execute(&mut transaction)
            .await?;
            transaction.commit().await?;
        }
        Ok(ids)
    }
}

fn silence_of(row: &Row) -> Result<Silence, StoreError> {
    let silenced: i64 = row.try_get("silenced")?;
    Ok(Silence {
        id: row.try_get("id")?,
        matchers: serde_json::from_str(row.try_get("matchers")?)
            .map_err(|cause| StoreError::Odd(cause.to_string()))?,
        comment: row.try_get("comment")?,
        author: row.try_get("author")?,
        created_at: time(row.try_get("created_ms")?)?,
        expires_at: time(row.try_get("expires_ms")?)?,
        summarise: row.try_get("summarise")?,
        silenced: silenced.unsigned_abs(),
    })
}
