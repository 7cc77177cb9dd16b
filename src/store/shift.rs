//! Due times after the clock has stepped: what waits, waits as long as it would have.

use jiff::{SignedDuration, Timestamp};

use super::rows::ms;
use super::sql::query;
use super::{Store, StoreError};

/// Longer than any wait that is written down: services are obeyed for an hour at most.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(2);

impl Store {
    /// Moves the times of what is owed through `notifier` by what the clock has stepped.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn clock_stepped(
        &self,
        notifier: &str,
        step: SignedDuration,
    ) -> Result<(), StoreError> {
        query(
            "UPDATE delivery SET due_ms = due_ms + $2, first_attempt_ms = first_attempt_ms + $2,
                 held_since_ms = held_since_ms + $2
             WHERE notifier = $1 AND state IN ('pending', 'sending', 'held')
               AND coalesce(hold, '') NOT IN ('window', 'silence')",
        )
        .bind(notifier)
        .bind(i64::try_from(step.as_millis()).unwrap_or(0))
        .execute(&self.writer)
        .await?;
        Ok(())
    }

    /// At the service's start: what would wait for longer than anything is made to wait was
    /// written down by a clock that was wrong. It is due at once.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn forget_wrong_waits(&self, now: Timestamp) -> Result<u64, StoreError> {
        let latest = now.checked_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX);
        let moved = query(
            "UPDATE delivery SET due_ms = $1, first_attempt_ms = min(first_attempt_ms, $1)
             WHERE state = 'pending' AND due_ms > $2",
        )
        .bind(ms(now))
        .bind(ms(latest))
        .execute(&self.writer)
        .await?;
        // Gathered by a clock that ran ahead: nobody knows since when.
        let gathered = query(
            "UPDATE delivery SET due_ms = $1
             WHERE state = 'held' AND hold IN ('group', 'throttle') AND created_ms > $1",
        )
        .bind(ms(now))
        .execute(&self.writer)
        .await?;
        Ok(moved.rows_affected() + gathered.rows_affected())
    }
}
