//! Memory and ledger: what was seen, decided, owed and said, in an SQLite file or a schema of a
//! PostgreSQL server.
//!
//! [`Store::begin`] opens the one transaction of a walk: jobs, events, verdicts, deliveries
//! and the watermark are written together or not at all ([`walk`](self)). [`Store::turn`]
//! records what became of attempts and claims what is due next, again in one transaction.
//! The rest answers questions for listings. Keys make repeats harmless; what a receiver has
//! not taken stays owed.
//!
//! On SQLite: one writer connection and a few readers. WAL with full sync: what was committed is on
//! disk. The exclusive lock belongs to the service alone; commands write beside it.
//! On PostgreSQL several services share a store: [`server`], [`shared`]. [`Store::condition`] and [`Store::backup`] look after the file.

mod attend;
mod copy;
mod decided;
mod digest;
mod document;
mod gather;
mod gathered;
mod health;
mod hold;
mod lease;
mod listing;
mod live;
mod lock;
mod memory;
mod news;
mod open;
mod overview;
mod owed;
mod pacing;
mod place;
mod prune;
mod recover;
mod rhythm;
mod rows;
mod rows_text;
mod server;
mod settle;
mod shared;
mod shift;
mod sql;
mod stale;
mod standing;
mod story;
mod sums;
mod tables;
mod trouble;
mod upkeep;
mod used;
mod walk;

pub use copy::{Copied, copy};
pub use decided::{Committed, Decide, Deciding};
pub use document::{event_document, silence_document};
pub use gather::{Freed, HeldBack, Releasing};
pub use gathered::Gathered;
pub use health::SourceHealth;
pub use hold::{Broken, Gather, HealthChange, Notice};
pub use lease::LEASE_LASTS;
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
pub use place::{Place, ServerPlace};
pub use prune::Pruned;
pub use rhythm::Rhythm;
pub use settle::{Settled, Settlement};
pub use standing::{JobCounts, NotifierStanding, SourceStanding};
pub use upkeep::{Condition, Counts, Existing};
pub use used::{Used, UsedByProject};
pub use walk::{Walk, WalkCommit};

use std::fmt;
use std::sync::Arc;

use self::sql::Pool;

/// The ledger. Cheap to clone; all clones share its connections and its lock.
#[derive(Debug, Clone)]
pub struct Store {
    writer: Pool,
    readers: Pool,
    place: Place,
    /// Who this process is, in claims and leases.
    owner: Arc<str>,
    /// Tells those who watch what was committed.
    news: news::Newsroom,
    /// Where other services may work with it too.
    shared: Option<Arc<shared::Shared>>,
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
    #[error(
        "the schema of `{0}` holds tables of another program: add ?schema=NAME to the URL, or give another database"
    )]
    NotOurSchema(String),
    #[error("the URL of the store cannot be used: {0}")]
    Url(String),
    #[error("the store `{path}` cannot be opened: {cause}")]
    Open { path: String, cause: String },
    #[error("the store failed: {}", trouble::words(.0))]
    Sql(#[from] sqlx::Error),
    #[error("the store `{path}` failed: {}", trouble::words(.cause))]
    Failed { path: String, cause: sqlx::Error },
    #[error("another service polls `{0}` now: what was seen here is left to it")]
    LeaseLost(String),
    #[error("nothing was copied: {0}")]
    Copy(String),
    #[error("no backup was made: {0}")]
    Backup(String),
    #[error("the store holds something that cannot be read: {0}")]
    Odd(String),
}

impl StoreError {
    /// The same, with the store named where it was not.
    #[must_use]
    pub fn of(self, place: impl fmt::Display) -> Self {
        match self {
            Self::Sql(cause) => Self::Failed { path: place.to_string(), cause },
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
    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Lets go of it: waits for the connections to close.
    pub async fn close(&self) {
        if let Some(shared) = &self.shared {
            shared.stop_listening();
        }
        self.readers.close().await;
        self.writer.close().await;
    }
}
