//! One way to ask, whichever database answers: SQLite or PostgreSQL.
//!
//! The rest of the store writes its statements once, in SQL that both understand, and takes
//! rows apart by the names of their columns. A statement is a static text, so that each driver
//! keeps it prepared. What PostgreSQL needs said differently is translated by [`dialect`], once
//! for each text; SQLite gets the text as it stands.

mod dialect;
mod pool;
mod row;
mod value;

pub(super) use dialect::for_postgres;
pub(super) use pool::{Ground, Pool, Server, Tx, Via, within};
pub(super) use row::{Column, Columns, Row};
pub(super) use value::Value;

use std::marker::PhantomData;
use std::sync::Arc;

use sqlx::AssertSqlSafe;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// A statement with the values for `$1`, `$2` and so on.
#[derive(Debug)]
pub(super) struct Query {
    text: Text,
    values: Vec<Value>,
}

/// The text of a statement.
#[derive(Debug)]
enum Text {
    /// Each database has it said to it in its own way.
    Static(&'static str),
    /// Made of names; both take it as it is.
    Made(Arc<str>),
}

/// What a statement has changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    rows_affected: u64,
}

impl Done {
    pub(super) fn rows_affected(self) -> u64 {
        self.rows_affected
    }
}

/// A statement whose answer is rows.
pub(super) fn query(text: &'static str) -> Query {
    Query { text: Text::Static(text), values: Vec::new() }
}

/// A statement whose text is made of the names of our tables.
pub(super) fn query_text(text: &str) -> Query {
    Query { text: Text::Made(text.into()), values: Vec::new() }
}

/// A statement whose answer is one column.
pub(super) fn query_scalar<T>(text: &'static str) -> Scalar<T> {
    Scalar { query: query(text), of: PhantomData }
}

/// A statement whose answer is tuples.
pub(super) fn query_as<T>(text: &'static str) -> Tuples<T> {
    Tuples { query: query(text), of: PhantomData }
}

impl Query {
    /// Gives the next value.
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Gives the next values.
    pub(super) fn bind_all(mut self, values: Vec<Value>) -> Self {
        self.values.extend(values);
        self
    }

    pub(super) async fn fetch_all(self, via: impl Into<Via<'_>>) -> Result<Vec<Row>, sqlx::Error> {
        let rows = match via.into() {
            Via::Pool(Pool::Sqlite(pool)) => {
                return Ok(sqlite_rows(self.sqlite().fetch_all(pool).await?));
            }
            Via::Tx(Tx::Sqlite(transaction)) => {
                return Ok(sqlite_rows(self.sqlite().fetch_all(&mut **transaction).await?));
            }
            Via::Pool(Pool::Postgres(server)) => {
                within(self.postgres().fetch_all(&server.pool)).await?
            }
            Via::Tx(Tx::Postgres(transaction, _)) => {
                within(self.postgres().fetch_all(&mut **transaction)).await?
            }
        };
        Ok(rows.into_iter().map(Row::Postgres).collect())
    }

    pub(super) async fn fetch_optional(
        self,
        via: impl Into<Via<'_>>,
    ) -> Result<Option<Row>, sqlx::Error> {
        Ok(match via.into() {
            Via::Pool(Pool::Sqlite(pool)) => {
                self.sqlite().fetch_optional(pool).await?.map(Row::Sqlite)
            }
            Via::Tx(Tx::Sqlite(transaction)) => {
                self.sqlite().fetch_optional(&mut **transaction).await?.map(Row::Sqlite)
            }
            Via::Pool(Pool::Postgres(server)) => {
                within(self.postgres().fetch_optional(&server.pool)).await?.map(Row::Postgres)
            }
            Via::Tx(Tx::Postgres(transaction, _)) => {
                within(self.postgres().fetch_optional(&mut **transaction)).await?.map(Row::Postgres)
            }
        })
    }

    pub(super) async fn fetch_one(self, via: impl Into<Via<'_>>) -> Result<Row, sqlx::Error> {
        self.fetch_optional(via).await?.ok_or(sqlx::Error::RowNotFound)
    }

    pub(super) async fn execute(self, via: impl Into<Via<'_>>) -> Result<Done, sqlx::Error> {
        let rows_affected = match via.into() {
            Via::Pool(Pool::Sqlite(pool)) => self.sqlite().execute(pool).await?.rows_affected(),
            Via::Tx(Tx::Sqlite(transaction)) => {
                self.sqlite().execute(&mut **transaction).await?.rows_affected()
            }
            Via::Pool(Pool::Postgres(server)) => {
                within(self.postgres().execute(&server.pool)).await?.rows_affected()
            }
            Via::Tx(Tx::Postgres(transaction, _)) => {
                within(self.postgres().execute(&mut **transaction)).await?.rows_affected()
            }
        };
        Ok(Done { rows_affected })
    }

    fn sqlite(self) -> sqlx::query::Query<'static, sqlx::Sqlite, SqliteArguments> {
        let query = match self.text {
            Text::Static(text) => sqlx::query(text),
            Text::Made(text) => sqlx::query(AssertSqlSafe(text)),
        };
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Real(value) => query.bind(value),
            Value::Text(value) => query.bind(value),
        })
    }

    fn postgres(self) -> sqlx::query::Query<'static, sqlx::Postgres, PgArguments> {
        let query = sqlx::query(AssertSqlSafe(match self.text {
            Text::Static(text) => for_postgres(text),
            Text::Made(text) => text,
        }));
        self.values.into_iter().fold(query, |query, value| match value {
            Value::Int(value) => query.bind(value),
            Value::Real(value) => query.bind(value),
            Value::Text(value) => query.bind(value.map(value::without_zero_bytes)),
        })
    }
}

fn sqlite_rows(rows: Vec<sqlx::sqlite::SqliteRow>) -> Vec<Row> {
    rows.into_iter().map(Row::Sqlite).collect()
}

/// A statement whose answer is one column.
#[derive(Debug)]
pub(super) struct Scalar<T> {
    query: Query,
    of: PhantomData<T>,
}

impl<T: for<'r> Column<'r>> Scalar<T> {
    /// Gives the next value.
    pub(super) fn bind(self, value: impl Into<Value>) -> Self {
        Self { query: self.query.bind(value), of: self.of }
    }

    pub(super) async fn fetch_all(self, via: impl Into<Via<'_>>) -> Result<Vec<T>, sqlx::Error> {
        self.query.fetch_all(via).await?.iter().map(|row| T::of(row, 0)).collect()
    }

    pub(super) async fn fetch_optional(
        self,
        via: impl Into<Via<'_>>,
    ) -> Result<Option<T>, sqlx::Error> {
        self.query.fetch_optional(via).await?.map(|row| T::of(&row, 0)).transpose()
    }

    pub(super) async fn fetch_one(self, via: impl Into<Via<'_>>) -> Result<T, sqlx::Error> {
        T::of(&self.query.fetch_one(via).await?, 0)
    }
}

/// A statement whose answer is tuples, in the order of their columns.
#[derive(Debug)]
pub(super) struct Tuples<T> {
    query: Query,
    of: PhantomData<T>,
}

impl<T: Columns> Tuples<T> {
    /// Gives the next value.
    pub(super) fn bind(self, value: impl Into<Value>) -> Self {
        Self { query: self.query.bind(value), of: self.of }
    }

    pub(super) async fn fetch_all(self, via: impl Into<Via<'_>>) -> Result<Vec<T>, sqlx::Error> {
        self.query.fetch_all(via).await?.iter().map(T::of).collect()
    }

    pub(super) async fn fetch_optional(
        self,
        via: impl Into<Via<'_>>,
    ) -> Result<Option<T>, sqlx::Error> {
        self.query.fetch_optional(via).await?.as_ref().map(T::of).transpose()
    }

    pub(super) async fn fetch_one(self, via: impl Into<Via<'_>>) -> Result<T, sqlx::Error> {
        T::of(&self.query.fetch_one(via).await?)
    }
}
