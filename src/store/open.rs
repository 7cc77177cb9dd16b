//! Opening the file: the lock, the mode, the pragmas, the migrations.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, SqlitePool};

use super::lock::{Lock, LockError};
use super::place::Place;
use super::sql::Pool;
use super::trouble::io_words;
use super::{Store, StoreError};

/// The schema this program writes. Each migration raises it by one.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// In order; never changed once released, only added to.
const MIGRATIONS: [&str; 1] = [include_str!("migrations/0001_ledger.sql")];

/// Marks the file as ours in its header ("dntf"), so that another program's database is not
/// taken for a store.
const APPLICATION_ID: i64 = 0x646e_7466;

/// How long a writer waits for another process's transaction.
const BUSY: Duration = Duration::from_secs(10);

/// Pages that the writer keeps, in KiB (so the minus): a burst of jobs has that many in use.
const WRITER_CACHE: &str = "-8000";

/// Listings are short; the page and the API come beside them later.
const READERS: u32 = 3;

/// What the store is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// By the service: alone, made where there is none.
    Service,
    /// By a command beside the service: only where there is one.
    Beside,
}

impl Store {
    /// Opens the store at that place.
    ///
    /// # Errors
    /// [`StoreError`] says what is in the way.
    pub async fn open_at(
        place: &Place,
        access: Access,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        match place {
            Place::File(path) => Self::open(path, access, now).await,
            Place::Server(server) => Self::open_server(server, access).await,
        }
    }

    /// Opens the store in the file at `path`.
    ///
    /// # Errors
    /// [`StoreError`] says who holds it, that it is missing, newer, not ours, or why it cannot
    /// be opened.
    pub async fn open(path: &Path, access: Access, now: Timestamp) -> Result<Self, StoreError> {
        let lock = match access {
            Access::Service => Some(make_and_lock(path, now)?),
            Access::Beside if !path.exists() => {
                return Err(StoreError::Missing(path.display().to_string()));
            }
            Access::Beside if path.is_dir() => {
                return Err(opening(path, &std::io::ErrorKind::IsADirectory.into()));
            }
            Access::Beside => None,
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(access == Access::Service)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .statement_cache_capacity(64)
            // What a statement may have to undo stays in memory: it is a page or a few hundred.
            .pragma("temp_store", "memory");
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            // A file needs no ping: that it is sound is seen without asking it.
            .test_before_acquire(false)
            .before_acquire(|connection, _| Box::pin(async { is_sound(connection) }))
            .connect_with(options.clone().pragma("cache_size", WRITER_CACHE))
            .await
            .map_err(|cause| StoreError::from(cause).of(path.display()))?;
        migrate(&writer, path).await.map_err(|error| error.of(path.display()))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .min_connections(0)
            .test_before_acquire(false)
            .idle_timeout(Duration::from_secs(60))
            .connect_lazy_with(options.read_only(true).create_if_missing(false));
        let news = super::news::Newsroom::default();
        let (writer, readers) = (Pool::Sqlite(writer), Pool::Sqlite(readers));
        Ok(Self {
            writer,
            readers,
            place: Place::File(path.to_owned()),
            owner: std::process::id().to_string().into(),
            news,
            shared: None,
            _lock: lock,
        })
    }
}

/// SQLite ends a transaction by itself when the disk fails it, and the driver, which is not
/// told, then takes the connection to be in one for ever. Such a connection is replaced.
fn is_sound(connection: &SqliteConnection) -> Result<bool, sqlx::Error> {
    Ok(!connection.is_in_transaction())
}

fn opening(path: &Path, cause: &std::io::Error) -> StoreError {
    StoreError::Open { path: path.display().to_string(), cause: io_words(cause) }
}

fn make_and_lock(path: &Path, now: Timestamp) -> Result<Arc<Lock>, StoreError> {
    let opening = |cause: std::io::Error| opening(path, &cause);
    if path.is_dir() {
        return Err(opening(std::io::ErrorKind::IsADirectory.into()));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        make_private_folder(folder).map_err(opening)?;
    }
    let lock = Lock::take(path, now).map_err(|problem| match problem {
        LockError::Held(holder) => StoreError::InUse { path: path.display().to_string(), holder },
        LockError::Io(cause) => opening(cause),
    })?;
    // SQLite gives its side files the mode of this one.
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(opening)?;
    Ok(Arc::new(lock))
}

/// Makes what is missing of a folder, readable by its owner only.
fn make_private_folder(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

async fn migrate(writer: &SqlitePool, path: &Path) -> Result<(), StoreError> {
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(writer).await?;
    let owner: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(writer).await?;
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(writer).await?;
    if owner != APPLICATION_ID && (owner != 0 || tables > 0) {
        return Err(StoreError::NotOurs(path.display().to_string()));
    }
    if found > SCHEMA_VERSION {
        let path = path.display().to_string();
        return Err(StoreError::Newer { path, found, known: SCHEMA_VERSION });
    }
    if found == SCHEMA_VERSION {
        return Ok(());
    }
    let mut transaction = writer.begin_with("BEGIN EXCLUSIVE").await?;
    // Another process may have been faster.
    let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *transaction).await?;
    for (number, migration) in (1_i64..).zip(MIGRATIONS) {
        if number > found {
            sqlx::raw_sql(migration).execute(&mut *transaction).await?;
        }
    }
    let marks = format!(
        "PRAGMA user_version = {SCHEMA_VERSION}; PRAGMA application_id = {APPLICATION_ID};"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(marks)).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests;
