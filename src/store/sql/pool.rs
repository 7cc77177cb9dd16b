//! Connections and transactions of either database, and who may write beside whom.
//!
//! SQLite has one writer. On PostgreSQL what decides (a walk, a release, what a person asks for)
//! has the ledger to itself, by an advisory lock that ends with the transaction; turns of
//! dispatches run beside each other, one for each notifier, but not beside what decides. So what
//! is read in a transaction is still true when it is written.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

use crate::model::Fingerprint;

/// Longer than the server lets any statement take: after this the connection is dead.
pub(in crate::store) const ANSWER_WITHIN: Duration = Duration::from_secs(40);

/// What locks what decides; others are hashes of names.
const DECIDING: i32 = 0;

/// Connections to one database.
#[derive(Debug, Clone)]
pub(in crate::store) enum Pool {
    Sqlite(SqlitePool),
    Postgres(Server),
}

/// Connections to a schema of a PostgreSQL server.
#[derive(Debug, Clone)]
pub(in crate::store) struct Server {
    pub(in crate::store) pool: PgPool,
    pub(in crate::store) ground: Arc<Ground>,
}

/// What the processes agree on that share a store, and who this one is.
#[derive(Debug)]
pub(in crate::store) struct Ground {
    /// Of the schema: other stores of the same database have locks of their own.
    pub(in crate::store) space: i32,
    /// Where it is told that something was written.
    pub(in crate::store) channel: String,
    /// This process, among those.
    pub(in crate::store) owner: String,
}

impl Ground {
    pub(in crate::store) fn new(schema: &str, owner: String) -> Self {
        let hash = Fingerprint::of(schema.as_bytes()).0;
        // A channel's name must be short, however long the schema's is.
        let channel = format!("descript_notify_{hash:016x}");
        Self { space: half(hash), channel, owner }
    }
}

/// A transaction that writes. Dropped without a commit it leaves nothing behind.
#[derive(Debug)]
pub(in crate::store) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>, Arc<Ground>),
}

/// By what a statement is run.
#[derive(Debug)]
pub(in crate::store) enum Via<'c> {
    Pool(&'c Pool),
    Tx(&'c mut Tx),
}

impl<'c> From<&'c Pool> for Via<'c> {
    fn from(pool: &'c Pool) -> Self {
        Self::Pool(pool)
    }
}

impl<'c> From<&'c mut Tx> for Via<'c> {
    fn from(transaction: &'c mut Tx) -> Self {
        Self::Tx(transaction)
    }
}

impl Pool {
    /// Begins a transaction that has the ledger to itself.
    pub(in crate::store) async fn begin(&self) -> Result<Tx, sqlx::Error> {
        match self {
            Self::Sqlite(pool) => Ok(Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?)),
            Self::Postgres(server) => server.begin(None, true).await,
        }
    }

    /// Begins the transaction of a turn of this notifier's dispatch; `decides`: events may be
    /// recorded in it.
    pub(in crate::store) async fn begin_turn(
        &self,
        notifier: &str,
        decides: bool,
    ) -> Result<Tx, sqlx::Error> {
        match self {
            Self::Sqlite(_) => self.begin().await,
            Self::Postgres(server) => server.begin(Some(notifier), decides).await,
        }
    }

    /// Waits for the connections to close.
    pub(in crate::store) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(server) => server.pool.close().await,
        }
    }
}

impl Server {
    async fn begin(&self, notifier: Option<&str>, decides: bool) -> Result<Tx, sqlx::Error> {
        within(async {
            let mut transaction = self.pool.begin().await?;
            // Always in this order, so that no two wait for each other.
            let first = match decides {
                true => "SELECT pg_advisory_xact_lock($1, $2)",
                false => "SELECT pg_advisory_xact_lock_shared($1, $2)",
            };
            let lock = sqlx::query(first).bind(self.ground.space).bind(DECIDING);
            lock.execute(&mut *transaction).await?;
            if let Some(notifier) = notifier {
                let of_it = half(Fingerprint::of(notifier.as_bytes()).0);
                sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
                    .bind(self.ground.space)
                    // One that is not that of what decides.
                    .bind(if of_it == DECIDING { 1 } else { of_it })
                    .execute(&mut *transaction)
                    .await?;
            }
            Ok(Tx::Postgres(transaction, Arc::clone(&self.ground)))
        })
        .await
    }
}

impl Tx {
    /// Makes lasting what was written, and tells the other processes that there is something
    /// new.
    pub(in crate::store) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(mut transaction, ground) => {
                within(async {
                    sqlx::query("SELECT pg_notify($1, $2)")
                        .bind(&ground.channel)
                        .bind(&ground.owner)
                        .execute(&mut *transaction)
                        .await?;
                    transaction.commit().await
                })
                .await
            }
        }
    }

    /// The same without telling: nobody need look again.
    pub(in crate::store) async fn commit_quietly(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction, _) => within(transaction.commit()).await,
        }
    }
}

/// Does not wait for a server that has gone without a word.
pub(in crate::store) async fn within<T>(
    answer: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(ANSWER_WITHIN, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())),
    }
}

/// A lock's number has half of a hash's bytes.
fn half(hash: i64) -> i32 {
    let [one, two, three, four, ..] = hash.to_be_bytes();
    i32::from_be_bytes([one, two, three, four])
}
