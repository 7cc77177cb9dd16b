//! Opening and closing of the file, and who may.

use std::os::unix::fs::PermissionsExt;

use super::stage::*;
use super::{Place, place};

#[tokio::test]
async fn what_was_being_sent_when_the_program_died_is_owed_again_as_a_repeat() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, "")]).await;
    let claimed = claim(&place.store, 1, at(6)).await;
    let Place { store, path, _folder } = place;
    store.close().await;
    drop(store);

    let store = Store::open(&path, Access::Service, at(7)).await.unwrap();
    let back = store.recover(at(7)).await.unwrap();
    let again = claim(&store, 1, at(8)).await;

    assert_eq!(back, 1);
    assert_eq!(again[0].delivery.id, claimed[0].delivery.id);
    assert!(again[0].delivery.repeat);
    let attempts = store.attempts(&claimed[0].delivery.id).await.unwrap();
    assert_eq!(attempts[0].outcome, AttemptOutcome::Unsure);
}

#[tokio::test]
async fn a_second_service_is_told_who_holds_the_store() {
    let place = place().await;

    let second = Store::open(&place.path, Access::Service, at(1)).await.unwrap_err();

    let told = second.to_string();
    assert!(matches!(second, StoreError::InUse { .. }));
    assert!(
        told.contains(&format!("process {} since 2026-11-20T08:00:00Z", std::process::id())),
        "{told}"
    );
    assert!(Store::open(&place.path, Access::Beside, at(1)).await.is_ok());
}

#[tokio::test]
async fn a_store_of_a_newer_version_or_of_another_program_is_refused() {
    let place = place().await;
    let Place { store, path, _folder } = place;
    store.close().await;
    drop(store);
    let set = |pragma: &'static str| {
        let path = path.clone();
        async move {
            let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
            let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
            sqlx::raw_sql(pragma).execute(&pool).await.unwrap();
            pool.close().await;
        }
    };

    set("PRAGMA user_version = 999").await;
    let newer = Store::open(&path, Access::Service, at(1)).await.unwrap_err();
    set("PRAGMA application_id = 7").await;
    let foreign = Store::open(&path, Access::Service, at(1)).await.unwrap_err();

    assert!(newer.to_string().contains("its schema is 999, this program knows 1"), "{newer}");
    assert!(matches!(foreign, StoreError::NotOurs(_)), "{foreign}");
}

#[tokio::test]
async fn a_command_does_not_make_a_store_and_says_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.db");

    let missing = Store::open(&path, Access::Beside, at(0)).await.unwrap_err();

    assert!(missing.to_string().contains("none.db`: has `descript-notify run` been started"));
    assert!(!path.exists());
}

#[tokio::test]
async fn the_files_are_for_their_owner_only_and_the_engine_is_sound() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, "")]).await;
    let folder = place.path.parent().unwrap();

    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
    assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    // Before 3.51.3 SQLite could corrupt a database in WAL mode.
    // <https://sqlite.org/wal.html#walresetbug>
    let pool = sqlx::SqlitePool::connect("sqlite::memory:").await.unwrap();
    let version: String =
        sqlx::query_scalar("SELECT sqlite_version()").fetch_one(&pool).await.unwrap();
    let numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
    assert!(numbers >= vec![3, 51, 3], "{version}");
}
