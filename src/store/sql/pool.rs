//! Connections and transactions of either database.

use sqlx::{PgPool, Postgres, Sqlite, SqlitePool, Transaction};

/// Connections to one database.
#[derive(Debug, Clone)]
pub(in crate::store) enum Pool {
    Sqlite(SqlitePool),
    #[expect(dead_code, reason = "no config opens one yet")]
    Postgres(PgPool),
}

/// A transaction that writes. Dropped without a commit it leaves nothing behind.
#[derive(Debug)]
pub(in crate::store) enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
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
    /// Begins a transaction that writes: SQLite has one at a time.
    pub(in crate::store) async fn begin(&self) -> Result<Tx, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => Tx::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// Waits for the connections to close.
    pub(in crate::store) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

impl Tx {
    /// Makes lasting what was written.
    pub(in crate::store) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        }
    }
}
