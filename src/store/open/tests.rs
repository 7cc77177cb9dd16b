//! A store that cannot write: what it says, and that it goes on when it can again.

use sqlx::Connection;

use super::*;

fn noon() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

/// The connections that write to the file.
fn writer(store: &Store) -> &SqlitePool {
    let Pool::Sqlite(writer) = &store.writer else { unreachable!("it is a file") };
    writer
}

/// Limits the writer's file to the size that it has, or to none.
async fn limit(store: &Store, pages: u32) {
    let statement = sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::raw_sql(statement).execute(writer(store)).await.unwrap();
}

async fn write_much(store: &Store) -> Result<(), StoreError> {
    let mut transaction = writer(store).begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query("INSERT INTO meta (key, value) VALUES (hex(randomblob(8)), hex(zeroblob(99999)))")
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

#[tokio::test]
async fn a_full_disk_fails_what_does_not_fit_and_leaves_the_store_usable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Store::open(&path, Access::Service, noon()).await.unwrap();

    limit(&store, 1).await;
    let full = write_much(&store).await.unwrap_err();
    limit(&store, 1_000_000).await;

    assert!(full.to_string().contains("the disk is full: free some space"), "{full}");
    write_much(&store).await.unwrap();
    assert_eq!(store.condition().await.unwrap().faults, [""; 0]);
}

#[tokio::test]
async fn a_connection_that_lost_its_transaction_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Store::open(&path, Access::Service, noon()).await.unwrap();

    let mut transaction = writer(&store).begin_with("BEGIN IMMEDIATE").await.unwrap();
    // What SQLite does by itself when a write fails.
    sqlx::raw_sql("ROLLBACK").execute(&mut *transaction).await.unwrap();
    let lost = transaction.commit().await;

    assert!(lost.is_err(), "{lost:?}");
    for _ in 0..3 {
        write_much(&store).await.unwrap();
    }
}

#[tokio::test]
async fn what_sqlite_says_is_told_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = Store::open(&path, Access::Service, noon()).await.unwrap();
    let _held = writer(&store).begin_with("BEGIN EXCLUSIVE").await.unwrap();
    let options = SqliteConnectOptions::new().filename(&path).busy_timeout(Duration::ZERO);

    let mut second = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    let locked = sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut second).await.unwrap_err();
    let mut reader =
        sqlx::SqliteConnection::connect_with(&options.clone().read_only(true)).await.unwrap();
    let unwritable = sqlx::raw_sql("DELETE FROM meta").execute(&mut reader).await.unwrap_err();
    let missing = options.filename(folder.path().join("none.db"));
    let missing = sqlx::SqliteConnection::connect_with(&missing).await.unwrap_err();

    let told = |error: sqlx::Error| StoreError::from(error).of(Path::new("/s.db")).to_string();
    insta::assert_snapshot!(told(locked), @"the store `/s.db` failed: another program holds it: end the database browser, backup or copy that has it open (SQLite: database is locked)");
    insta::assert_snapshot!(told(unwritable), @"the store `/s.db` failed: it cannot be written: check who owns the file and its folder, and whether the disk is mounted read-only (SQLite: attempt to write a readonly database)");
    insta::assert_snapshot!(told(missing), @"the store `/s.db` failed: check that the file and its folder exist and may be read and written by this user (SQLite: unable to open database file)");
}
