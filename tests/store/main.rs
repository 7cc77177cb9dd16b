//! What every store promises, on a real file. The same on a server: `tests/store_postgres`.
//!
//! Walks, claims and holding stand in [`ledger`], what people decide of single deliveries in
//! [`attending`], what is forgotten and when in [`forgetting`]. What is left when a row or a
//! transaction is no good ([`damage`]) and who may open what ([`opening`]) is about files.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

mod attending;
mod damage;
mod forgetting;
mod ledger;
mod opening;
mod stage;

use std::path::PathBuf;

use descript_notify::store::{Access, Store};

use stage::at;

struct Place {
    _folder: tempfile::TempDir,
    path: PathBuf,
    store: Store,
}

async fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/state.db");
    let store = Store::open(&path, Access::Service, at(0)).await.unwrap();
    Place { _folder: folder, path, store }
}
