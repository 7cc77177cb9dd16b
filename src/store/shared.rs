//! A store that several services share: what this one knows of the others.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

use super::server::Ear;
use super::{Store, StoreError};

/// What a process keeps in memory of a store that it shares.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) ear: Arc<Ear>,
    listening: Mutex<JoinSet<()>>,
    /// The fence of each lease that this process has, `None` for one that it has lost.
    fences: Mutex<HashMap<String, Option<i64>>>,
}

impl Shared {
    pub(super) fn new(ear: Arc<Ear>, listening: JoinSet<()>) -> Self {
        Self { ear, listening: Mutex::new(listening), fences: Mutex::default() }
    }

    /// What is known of this lease; `None`: it was never asked for.
    pub(super) fn fence(&self, name: &str) -> Option<Option<i64>> {
        self.fences.lock().unwrap_or_else(PoisonError::into_inner).get(name).copied()
    }

    pub(super) fn keep_fence(&self, name: &str, fence: Option<i64>) {
        let mut fences = self.fences.lock().unwrap_or_else(PoisonError::into_inner);
        fences.insert(name.to_owned(), fence);
    }

    pub(super) fn stop_listening(&self) {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

impl Store {
    /// Whether other services may work with it at the same time.
    pub fn is_shared(&self) -> bool {
        self.shared.is_some()
    }

    /// A number that moves when another process has written.
    ///
    /// # Errors
    /// [`StoreError::Sql`] when the store cannot be asked.
    pub async fn data_version(&self) -> Result<i64, StoreError> {
        match &self.shared {
            Some(shared) => Ok(shared.ear.version.load(Ordering::Acquire)),
            None => {
                Ok(super::sql::query_scalar("PRAGMA data_version").fetch_one(&self.writer).await?)
            }
        }
    }

    /// Ends when it is heard that another process has written; never where that cannot be heard,
    /// and must be asked.
    pub async fn heard(&self) {
        match &self.shared {
            Some(shared) => shared.ear.rings.notified().await,
            None => std::future::pending().await,
        }
    }
}
