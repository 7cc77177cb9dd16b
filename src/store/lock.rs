//! One service at a time: a lock file beside the store that says who holds it.
//!
//! The operating system drops the lock with the process, however it dies, so a stale file
//! never stands in the way.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

/// Holds the exclusive lock until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// Who holds a store, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder(String);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why there is no lock.
pub(super) enum LockError {
    Held(Holder),
    Io(std::io::Error),
}

impl Lock {
    /// Takes the lock of the store at `store`, leaving a line that says who has it.
    pub(super) fn take(store: &Path, now: Timestamp) -> Result<Self, LockError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path_of(store))
            .map_err(LockError::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LockError::Held(holder_in(&mut file))),
            Err(TryLockError::Error(cause)) => return Err(LockError::Io(cause)),
        }
        let line = format!("process {} since {}\n", std::process::id(), now.strftime("%FT%TZ"));
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(line.as_bytes()))
            .map_err(LockError::Io)?;
        Ok(Self { _file: file })
    }
}

fn path_of(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn holder_in(file: &mut File) -> Holder {
    let mut line = String::new();
    let known = file.read_to_string(&mut line).is_ok() && !line.trim().is_empty();
    Holder(if known { line.trim().to_owned() } else { "another process".into() })
}
