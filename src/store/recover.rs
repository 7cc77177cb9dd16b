//! Claims whose end was never written down: what they were sending may have got through.
//!
//! A file has one service, so what the last one left is taken back at the next one's start. On a
//! server others may be sending at that moment: a claim is taken back when its time is over by
//! the server's clock.

use jiff::Timestamp;

use super::live::EDIT_GAP_MS;
use super::rows::ms;
use super::sql::{query, query_scalar};
use super::{Store, StoreError};

/// Which those are.
macro_rules! lost {
    () => {
        "state = 'sending' /*pg AND claimed_until_ms < CAST(extract(epoch FROM now()) * 1000 AS bigint) */"
    };
}

impl Store {
    /// How many such claims there are, where services share the store.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn lost_claims(&self) -> Result<u64, StoreError> {
        let lost: i64 = query_scalar(concat!("SELECT count(*) FROM delivery WHERE ", lost!()))
            .fetch_one(&self.readers)
            .await?;
        Ok(lost.unsigned_abs())
    }

    /// At the service's start: what was being sent when the last one died may have got
    /// through. It is owed again, marked as a possible repeat. Returns how many there were.
    ///
    /// Where services share the store: what one of them claimed whose time is over. Whoever
    /// calls this has to have reached the store for a while, so that a service that could not
    /// has had the time to write down what became of its attempts.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn recover(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.writer.begin().await?;
        query(concat!(
            "INSERT INTO attempt (delivery_id, number, started_ms, took_ms, outcome, answer)
             SELECT id, attempts, coalesce(claimed_ms, $1), 0, 'unsure',
                 'the program ended before the answer came'
             FROM delivery WHERE ",
            lost!(),
            " ON CONFLICT DO NOTHING"
        ))
        .bind(ms(now))
        .execute(&mut transaction)
        .await?;
        let back = query(concat!(
            "UPDATE delivery SET state = 'pending', repeat = 1,
                 due_ms = $1 + CASE WHEN live = 1 AND rank = 1 THEN $2 ELSE 0 END,
                 claim_owner = NULL, claimed_until_ms = NULL,
                 last_error = 'the program ended before the answer came'
             WHERE ",
            lost!()
        ))
        .bind(ms(now))
        .bind(EDIT_GAP_MS)
        .execute(&mut transaction)
        .await?;
        match back.rows_affected() {
            0 => transaction.commit_quietly().await?,
            _ => transaction.commit().await?,
        }
        Ok(back.rows_affected())
    }
}
