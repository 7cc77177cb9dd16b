//! How polling a source goes: since when it fails, and whether that has been told.

use jiff::Timestamp;

use super::decided::{Deciding, record};
use super::rows::{maybe_time, ms};
use super::sql::query;
use super::{Committed, Store, StoreError};
use crate::model::Event;

/// The health of a source, as it survives a restart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceHealth {
    /// Since when every poll has failed.
    pub failing_since: Option<Timestamp>,
    /// Since when that has been told.
    pub down_since: Option<Timestamp>,
    pub down_reason: Option<String>,
}

impl Store {
    /// How polling `source` went when it was last written down.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn source_health(&self, source: &str) -> Result<SourceHealth, StoreError> {
        let row = query(
            "SELECT failing_since_ms, down_since_ms, down_reason FROM source WHERE name = $1",
        )
        .bind(source)
        .fetch_optional(&self.readers)
        .await?;
        let Some(row) = row else { return Ok(SourceHealth::default()) };
        Ok(SourceHealth {
            failing_since: maybe_time(row.try_get("failing_since_ms")?)?,
            down_since: maybe_time(row.try_get("down_since_ms")?)?,
            down_reason: row.try_get("down_reason")?,
        })
    }

    /// Writes down how polling goes, with the event that tells it, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn set_source_health(
        &self,
        source: &str,
        health: &SourceHealth,
        notices: &[Event],
        deciding: Deciding<'_>,
    ) -> Result<Committed, StoreError> {
        let mut transaction = self.writer.begin().await?;
        query(
            "INSERT INTO source (name, failing_since_ms, down_since_ms, down_reason)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (name) DO UPDATE SET failing_since_ms = excluded.failing_since_ms,
                 down_since_ms = excluded.down_since_ms, down_reason = excluded.down_reason",
        )
        .bind(source)
        .bind(health.failing_since.map(ms))
        .bind(health.down_since.map(ms))
        .bind(&health.down_reason)
        .execute(&mut transaction)
        .await?;
        let committed = record(&mut transaction, notices, deciding).await?;
        transaction.commit().await?;
        self.news.tell_source(source);
        self.news.tell_events(&committed.decided);
        Ok(committed)
    }
}
