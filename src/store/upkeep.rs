//! Looking after the file: whether it is sound, what it holds, and a copy of it while the
//! service runs.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Row};

use super::rows::maybe_time;
use super::sql::{Pool, query, query_as, query_scalar};
use super::trouble::io_words;
use super::{Store, StoreError};

/// What a file of SQLite's may have beside it, and our lock.
const SIDE_FILES: [&str; 4] = ["-wal", "-shm", "-journal", ".lock"];

/// How a store is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Condition {
    /// What is wrong with the file; nothing when it is sound.
    pub faults: Vec<String>,
    pub schema: i64,
    pub file_bytes: u64,
    /// What is committed and not yet folded into the file.
    pub wal_bytes: u64,
    /// `None` where the damage does not let them be counted.
    pub counts: Option<Counts>,
}

/// What a store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// By phase.
    pub jobs: BTreeMap<String, u64>,
    pub events: u64,
    /// By state.
    pub deliveries: BTreeMap<String, u64>,
    /// Since when the delivery is owed that waits longest.
    pub oldest_owed: Option<Timestamp>,
}

/// What happens to a file that is in the way of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    Keep,
    Replace,
}

impl Store {
    /// Reads the whole file and tells what is wrong with it and what it holds.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read for another reason than damage.
    pub async fn condition(&self) -> Result<Condition, StoreError> {
        let mut condition = Condition {
            file_bytes: size(&self.path),
            wal_bytes: size(&beside(&self.path, "-wal")),
            ..Condition::default()
        };
        condition.schema = query_scalar("PRAGMA user_version").fetch_one(&self.readers).await?;
        match self.faults().await {
            Ok(faults) => condition.faults = faults,
            Err(error) if error.is_damage() => condition.faults.push(error.to_string()),
            Err(error) => return Err(error),
        }
        match counts(&self.readers).await {
            Ok(counts) => condition.counts = Some(counts),
            Err(error) if error.is_damage() => condition.faults.push(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(condition)
    }

    /// Writes a copy of the store as it is at this moment to `target`, for its owner only. The
    /// service may run meanwhile. Returns the copy's size in bytes.
    ///
    /// # Errors
    /// [`StoreError`] when the copy would overwrite something, or cannot be made; then there
    /// is none.
    pub async fn backup(&self, target: &Path, existing: Existing) -> Result<u64, StoreError> {
        let target = refuse_what_is_in_the_way(&self.path, target, existing)?;
        let half = half_made(&target);
        let copied = self.copy_to(&half).await.and_then(|bytes| {
            let placed = std::fs::rename(&half, &target).and_then(|()| sync_folder_of(&target));
            placed.map(|()| bytes).map_err(|cause| not_made(&target, &cause))
        });
        if copied.is_err() {
            // Nobody is helped by half of a copy; the cause is told below.
            let _ = std::fs::remove_file(&half);
        }
        copied
    }

    /// What is wrong with the file.
    async fn faults(&self) -> Result<Vec<String>, StoreError> {
        match &self.readers {
            Pool::Sqlite(readers) => faults(&mut *readers.acquire().await?).await,
            // A server looks after its own files.
            Pool::Postgres(_) => Ok(Vec::new()),
        }
    }

    async fn copy_to(&self, half: &Path) -> Result<u64, StoreError> {
        let failed = |cause: std::io::Error| not_made(half, &cause);
        // What an interrupted backup of a process with our number has left.
        let _ = std::fs::remove_file(half);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(half)
            .map_err(failed)?;
        let name = half.to_str().ok_or_else(|| {
            StoreError::Backup(format!("`{}` is not UTF-8: give another name", half.display()))
        })?;
        query("VACUUM INTO $1").bind(name).execute(&self.readers).await?;
        file.sync_all().map_err(failed)?;
        let mut copy = SqliteConnectOptions::new().filename(half).immutable(true).connect().await?;
        let faults = faults(&mut copy).await?;
        copy.close().await?;
        match faults.first() {
            None => Ok(file.metadata().map_err(failed)?.len()),
            Some(fault) => Err(StoreError::Backup(format!("the copy is damaged: {fault}"))),
        }
    }
}

/// What SQLite finds wrong with a file, in its words.
async fn faults(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    let mut faults: Vec<String> =
        sqlx::query_scalar("PRAGMA integrity_check(20)").fetch_all(&mut *connection).await?;
    faults.retain(|fault| fault != "ok");
    for row in sqlx::query("PRAGMA foreign_key_check").fetch_all(&mut *connection).await? {
        let (table, parent): (String, String) = (row.try_get(0)?, row.try_get(2)?);
        faults.push(format!("a row of `{table}` refers to a row of `{parent}` that is not there"));
    }
    Ok(faults)
}

async fn counts(readers: &Pool) -> Result<Counts, StoreError> {
    let oldest: Option<i64> = query_scalar(
        "SELECT min(created_ms) FROM delivery WHERE state IN ('pending', 'sending', 'held')",
    )
    .fetch_one(readers)
    .await?;
    let events: i64 = query_scalar("SELECT count(*) FROM event").fetch_one(readers).await?;
    Ok(Counts {
        jobs: by_word(readers, "SELECT phase, count(*) FROM job GROUP BY 1").await?,
        events: events.unsigned_abs(),
        deliveries: by_word(readers, "SELECT state, count(*) FROM delivery GROUP BY 1").await?,
        oldest_owed: maybe_time(oldest)?,
    })
}

async fn by_word(
    readers: &Pool,
    question: &'static str,
) -> Result<BTreeMap<String, u64>, StoreError> {
    let rows: Vec<(String, i64)> = query_as(question).fetch_all(readers).await?;
    Ok(rows.into_iter().map(|(word, count)| (word, count.unsigned_abs())).collect())
}

/// The target with its folder resolved, if it may be written.
fn refuse_what_is_in_the_way(
    store: &Path,
    target: &Path,
    existing: Existing,
) -> Result<PathBuf, StoreError> {
    let refused = |why: String| Err(StoreError::Backup(why));
    let shown = target.display();
    let Some(name) = target.file_name() else {
        return refused(format!("`{shown}` is not the name of a file"));
    };
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let folder = folder.canonicalize().map_err(|cause| not_made(target, &cause))?;
    let resolved = folder.join(name);
    let own = store.canonicalize().unwrap_or_else(|_| store.to_owned());
    if is_same_file(&own, &resolved) || SIDE_FILES.iter().any(|end| beside(&own, end) == resolved) {
        return refused(format!("`{shown}` belongs to the store itself: give another name"));
    }
    if resolved.is_dir() {
        return refused(format!("`{shown}` is a folder: give the name of a file in it"));
    }
    if existing == Existing::Keep && resolved.symlink_metadata().is_ok() {
        return refused(format!("`{shown}` is there already: give another name, or --force"));
    }
    // SQLite would fold it into the copy, which it is not about.
    if beside(&resolved, "-wal").exists() {
        return refused(format!(
            "`{shown}-wal` is there: a program has that database open, or left it so; give \
             another name"
        ));
    }
    Ok(resolved)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let identity = |path: &Path| path.metadata().ok().map(|file| (file.dev(), file.ino()));
    one == other || identity(one).is_some_and(|id| identity(other) == Some(id))
}

/// The name under which the copy is made, in the same folder so that it can be renamed.
fn half_made(target: &Path) -> PathBuf {
    beside(target, &format!(".{}.part", std::process::id()))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |file| file.len())
}

fn sync_folder_of(file: &Path) -> std::io::Result<()> {
    File::open(file.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn not_made(target: &Path, cause: &std::io::Error) -> StoreError {
    StoreError::Backup(format!("`{}` cannot be written: {}", target.display(), io_words(cause)))
}
