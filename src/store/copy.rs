//! Moving house: everything that a store holds into another, empty one, from a file to a server
//! or back.
//!
//! One transaction on either side. Nobody writes to the first store meanwhile, and the second is
//! whole or empty.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::place::Place;
use super::sql::{Pool, Tx, Value, query, query_scalar, query_text};
use super::tables::{Kind, TABLES, Table};
use super::{Access, Store, StoreError};

/// So many rows are in memory at once.
const PAGE: u32 = 1_000;

/// How many rows of each table were copied.
pub type Copied = BTreeMap<&'static str, u64>;

/// Copies everything in the store `from` into the store `to`, which is made where there is none.
///
/// # Errors
/// [`StoreError`] when a service works with one of them, when the target holds something, or when
/// either fails; then the target holds nothing.
pub async fn copy(from: &Place, to: &Place, now: Timestamp) -> Result<Copied, StoreError> {
    if from.is(to) {
        return Err(StoreError::Copy("both are the same store".into()));
    }
    if from.file().is_some_and(|path| !path.exists()) {
        return Err(StoreError::Missing(from.to_string()));
    }
    // Of a file nobody else may be the service meanwhile.
    let access = if from.file().is_some() { Access::Service } else { Access::Beside };
    let source = Store::open_at(from, access, now).await?;
    let copied = copy_from(&source, to, now).await;
    source.close().await;
    copied
}

async fn copy_from(source: &Store, to: &Place, now: Timestamp) -> Result<Copied, StoreError> {
    refuse_while_polled(source).await?;
    let target = Store::open_at(to, Access::Service, now).await?;
    let copied = match refuse_while_polled(&target).await {
        Ok(()) => copy_between(source, &target).await,
        refused => refused.map(|()| Copied::new()),
    };
    target.close().await;
    copied
}

/// A server's store has no lock, but whoever polls has a lease.
async fn refuse_while_polled(store: &Store) -> Result<(), StoreError> {
    if !store.is_shared() {
        return Ok(());
    }
    let leases: i64 = query_scalar("SELECT count(*) FROM lease WHERE until_ms > now_ms()")
        .fetch_one(&store.readers)
        .await
        .map_err(|cause| StoreError::from(cause).of(store.place()))?;
    match leases {
        0 => Ok(()),
        _ => Err(StoreError::Copy(format!(
            "a service works with `{}`: stop it, and wait for a few seconds",
            store.place()
        ))),
    }
}

async fn copy_between(source: &Store, target: &Store) -> Result<Copied, StoreError> {
    let of_source = |cause: sqlx::Error| StoreError::from(cause).of(source.place());
    let of_target = |cause: sqlx::Error| StoreError::from(cause).of(target.place());
    let mut reading = source.writer.begin().await.map_err(of_source)?;
    let mut writing = target.writer.begin().await.map_err(of_target)?;
    for table in &TABLES {
        if count(table, &mut writing).await.map_err(of_target)? > 0 {
            return Err(StoreError::Copy(format!(
                "`{}` holds something already: give an empty store",
                target.place()
            )));
        }
    }
    let mut copied = Copied::new();
    for table in &TABLES {
        let insert = table.insert();
        let mut after: Vec<Value> = Vec::new();
        loop {
            let page = read_page(table, &after, &mut reading).await.map_err(of_source)?;
            let Some(last) = page.last() else { break };
            after = last.iter().take(table.key).cloned().collect();
            for row in page {
                query_text(&insert).bind_all(row).execute(&mut writing).await.map_err(of_target)?;
            }
        }
        let there = count(table, &mut reading).await.map_err(of_source)?;
        let here = count(table, &mut writing).await.map_err(of_target)?;
        if here != there {
            let name = table.name;
            let why = format!("of {there} rows of `{name}` {here} have arrived");
            return Err(StoreError::Copy(why));
        }
        copied.insert(table.name, here);
        if table.counts {
            let number = last_number(table, source, &mut reading).await.map_err(of_source)?;
            go_on_from(table, number, target, &mut writing).await.map_err(of_target)?;
        }
    }
    writing.commit().await.map_err(of_target)?;
    Ok(copied)
}

async fn read_page(
    table: &Table,
    after: &[Value],
    reading: &mut Tx,
) -> Result<Vec<Vec<Value>>, sqlx::Error> {
    let text = table.page(!after.is_empty());
    let rows = query_text(&text).bind(PAGE).bind_all(after.to_vec()).fetch_all(reading).await?;
    rows.iter()
        .map(|row| {
            let read = |(name, kind): &(&str, Kind)| {
                Ok(match kind {
                    Kind::Int => Value::Int(row.try_get(name)?),
                    Kind::Real => Value::Real(row.try_get(name)?),
                    Kind::Text => Value::Text(row.try_get(name)?),
                })
            };
            table.columns.iter().map(read).collect()
        })
        .collect()
}

async fn count(table: &Table, transaction: &mut Tx) -> Result<u64, sqlx::Error> {
    let row = query_text(&table.count()).fetch_one(transaction).await?;
    row.first::<i64>().map(i64::unsigned_abs)
}

/// The last number that a table has given, which may be that of a row that is gone.
async fn last_number(table: &Table, store: &Store, reading: &mut Tx) -> Result<i64, sqlx::Error> {
    let last: Option<i64> = query_scalar(match store.writer {
        Pool::Sqlite(_) => "SELECT seq FROM sqlite_sequence WHERE name = $1",
        Pool::Postgres(_) => {
            "SELECT coalesce(pg_sequence_last_value(
                 CAST(pg_get_serial_sequence($1, 'seq') AS regclass)), 0)"
        }
    })
    .bind(table.name)
    .fetch_optional(reading)
    .await?;
    Ok(last.unwrap_or(0))
}

/// No number is given twice: what is told of rows by their numbers stays true.
async fn go_on_from(
    table: &Table,
    number: i64,
    store: &Store,
    writing: &mut Tx,
) -> Result<(), sqlx::Error> {
    if number == 0 {
        return Ok(());
    }
    if matches!(store.writer, Pool::Postgres(_)) {
        query("SELECT setval(CAST(pg_get_serial_sequence($1, 'seq') AS regclass), $2)")
            .bind(table.name)
            .bind(number)
            .execute(writing)
            .await?;
        return Ok(());
    }
    query("DELETE FROM sqlite_sequence WHERE name = $1")
        .bind(table.name)
        .execute(&mut *writing)
        .await?;
    query("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)")
        .bind(table.name)
        .bind(number)
        .execute(writing)
        .await?;
    Ok(())
}
