//! Memory and ledger: what was seen, decided, owed and said, in one SQLite file.
//!
//! [`Store::begin`] opens the one transaction of a walk: jobs, events, verdicts, deliveries
//! and the watermark are written together or not at all ([`walk`](self)). [`Store::turn`]
//! records what became of attempts and claims what is due next, again in one transaction.
//! The rest answers questions for listings. Keys make repeats harmless; what a receiver has
//! not taken stays owed.
//!
//! One writer connection and a few readers. WAL with full sync: what was committed is on
//! disk. The exclusive lock belongs to the service alone; commands write beside it.
//! [`Store::condition`] and [`Store::backup`] look after the file.

mod attend;
mod decided;
mod digest;
mod document;
mod gather;
mod gathered;
mod health;
mod hold;
mod listing;
mod live;
mod lock;
mod memory;
mod news;
mod open;
mod overview;
mod owed;
mod pacing;
mod prune;
mod rows;
mod settle;
mod shift;
mod stale;
mod standing;
mod story;
mod sums;
mod trouble;
mod upkeep;
mod used;
mod walk;

pub use decided::{Committed, Decide, Deciding};
pub use document::{event_document, silence_document};
pub use gather::{Freed, HeldBack, Releasing};
pub use gathered::Gathered;
pub use health::SourceHealth;
pub use hold::{Broken, Gather, HealthChange, Notice};
pub use listing::{
    DeliveryFilter, DeliveryRow, EventFilter, EventRow, JobFilter, JobPlace, JobRow, Listed,
    OutboxCount,
};
pub use lock::Holder;
pub use memory::{Marks, OpenJob, SourceMemory};
pub use news::News;
pub use open::{Access, SCHEMA_VERSION};
pub use overview::{HourCount, SentAfter};
pub use owed::{Claim, ClaimFrom, Claimed, Turn, Turned};
pub use prune::Pruned;
pub use settle::{Settled, Settlement};
pub use standing::{JobCounts, NotifierStanding, SourceStanding};
pub use upkeep::{Condition, Counts, Existing};
pub use used::{Used, UsedByProject};
pub use walk::{Walk, WalkCommit};

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::SqlitePool;

/// The ledger. Cheap to clone; all clones share its connections and its lock.
#[derive(Debug, Clone)]
pub struct Store {
    writer: SqlitePool,
    readers: SqlitePool,
    path: PathBuf,
    /// Tells those who watch what was committed.
    news: news::Newsroom,
    /// Held by the service; released when the last clone is dropped.
    _lock: Option<Arc<lock::Lock>>,
}

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no store at `{0}`: has `descript-notify run` been started with this config?")]
    Missing(String),
    #[error(
        "the store `{path}` is in use by {holder}: one service at a time; stop that one, or give this config another `store`"
    )]
    InUse { path: String, holder: Holder },
    #[error(
        "the store `{path}` was written by a newer version (its schema is {found}, this program knows {known}): use that version again, or another `store`"
    )]
    Newer { path: String, found: i64, known: i64 },
    #[error(
        "`{0}` is an SQLite database, but not one of this program: give another path as `store`"
    )]
    NotOurs(String),
    #[error("the store `{path}` cannot be opened: {cause}")]
    Open { path: String, cause: String },
    #[error("the store failed: {}", trouble::words(.0))]
    Sql(#[from] sqlx::Error),
    #[error("the store `{path}` failed: {}", trouble::words(.cause))]
    Failed { path: String, cause: sqlx::Error },
    #[error("no backup was made: {0}")]
    Backup(String),
    #[error("the store holds something that cannot be read: {0}")]
    Odd(String),
}

impl StoreError {
    /// The same, with the file named where it was not.
    #[must_use]
    pub fn of(self, path: &Path) -> Self {
        match self {
            Self::Sql(cause) => Self::Failed { path: path.display().to_string(), cause },
            named => named,
        }
    }

    /// Whether the file itself is no good, so that trying again cannot help.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Sql(cause) | Self::Failed { cause, .. } => trouble::is_damage(cause),
            Self::Odd(_) => true,
            _ => false,
        }
    }
}

impl Store {
    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A number that moves when another process has written.
    ///
    /// # Errors
    /// [`StoreError::Sql`] when the store cannot be asked.
    pub async fn data_version(&self) -> Result<i64, StoreError> {
        Ok(sqlx::query_scalar("PRAGMA data_version").fetch_one(&self.writer).await?)
    }

    /// Lets go of the file: waits for the connections to close.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
