//! Leases: what only one of several services may do at a time, as polling a source.
//!
//! A lease ends by the server's clock unless it is renewed, and has a fence that each new owner
//! raises. Whoever stood still for longer than its lease finds another fence when it wants to
//! write, and writes nothing. Where a store has one service, every lease is its own.

use std::time::Duration;

use super::sql::{Tx, query, query_as, query_scalar};
use super::{Store, StoreError};

/// How long a lease lasts that is not renewed.
pub const LEASE_LASTS: Duration = Duration::from_secs(10);

const LEASE_MS: i64 = 10_000;

/// Nobody has it, its time is over, or it is ours: then the fence stays.
const TAKE: &str = "
INSERT INTO lease (name, owner, fence, until_ms) VALUES ($1, $2, 1, now_ms() + $3)
ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until_ms = excluded.until_ms,
    fence = lease.fence + CASE WHEN lease.owner = excluded.owner THEN 0 ELSE 1 END
WHERE lease.owner = excluded.owner OR lease.until_ms <= now_ms()
RETURNING fence";

const RENEW: &str = "
UPDATE lease SET until_ms = now_ms() + $4 WHERE name = $1 AND owner = $2 AND fence = $3
RETURNING fence";

/// Locked until the transaction ends, so that nobody takes it over before.
const LOOK: &str = "
SELECT owner, fence, CASE WHEN until_ms > now_ms() THEN 1 ELSE 0 END
FROM lease WHERE name = $1 FOR SHARE";

impl Store {
    /// Takes the right to poll a source. Returns whether this service has it now.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn take_lease(&self, source: &str) -> Result<bool, StoreError> {
        let Some(shared) = &self.shared else { return Ok(true) };
        let fence: Option<i64> = query_scalar(TAKE)
            .bind(source)
            .bind(&*self.owner)
            .bind(LEASE_MS)
            .fetch_optional(&self.writer)
            .await?;
        if fence.is_some() {
            shared.keep_fence(source, fence);
        }
        Ok(fence.is_some())
    }

    /// Has it for longer. `false`: another service has it, and what is known here is old.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn renew_lease(&self, source: &str) -> Result<bool, StoreError> {
        let Some(shared) = &self.shared else { return Ok(true) };
        let Some(Some(fence)) = shared.fence(source) else { return Ok(false) };
        let still: Option<i64> = query_scalar(RENEW)
            .bind(source)
            .bind(&*self.owner)
            .bind(fence)
            .bind(LEASE_MS)
            .fetch_optional(&self.writer)
            .await?;
        if still.is_none() {
            shared.keep_fence(source, None);
        }
        Ok(still.is_some())
    }

    /// Leaves it to whoever comes first.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written; then it ends by itself.
    pub async fn end_lease(&self, source: &str) -> Result<(), StoreError> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let Some(Some(fence)) = shared.fence(source) else { return Ok(()) };
        shared.keep_fence(source, None);
        query("UPDATE lease SET until_ms = 0 WHERE name = $1 AND owner = $2 AND fence = $3")
            .bind(source)
            .bind(&*self.owner)
            .bind(fence)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// Refuses a transaction about a source that another service polls now.
    pub(super) async fn check_lease(
        &self,
        transaction: &mut Tx,
        source: &str,
    ) -> Result<(), StoreError> {
        let Some(shared) = &self.shared else { return Ok(()) };
        let row: Option<(String, i64, i64)> =
            query_as(LOOK).bind(source).fetch_optional(transaction).await?;
        let is_ours = match (shared.fence(source), row) {
            (Some(Some(fence)), Some((owner, found, _))) => *owner == *self.owner && fence == found,
            (Some(_), _) => false,
            // Never asked for: nobody else may have it.
            (None, Some((owner, _, live))) => *owner == *self.owner || live == 0,
            (None, None) => true,
        };
        if is_ours { Ok(()) } else { Err(StoreError::LeaseLost(source.to_owned())) }
    }
}
