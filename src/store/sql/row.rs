//! What answers are made of: rows, taken apart by the names or the places of their columns.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Row as _, TypeInfo as _, ValueRef as _};

/// A row of an answer.
pub(in crate::store) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// The name or the place of a column.
pub(in crate::store) trait Place:
    ColumnIndex<SqliteRow> + ColumnIndex<PgRow>
{
}

impl Place for &str {}
impl Place for usize {}

/// What a column can be read as.
pub(in crate::store) trait Column<'r>: Sized {
    /// Reads a column that holds something.
    fn of(row: &'r Row, at: impl Place + Copy) -> Result<Self, sqlx::Error>;
}

/// A tuple of columns.
pub(in crate::store) trait Columns: Sized {
    /// Reads the first columns.
    fn of(row: &Row) -> Result<Self, sqlx::Error>;
}

impl Row {
    /// Reads the column of that name.
    pub(in crate::store) fn try_get<'r, T: Column<'r>>(
        &'r self,
        name: &str,
    ) -> Result<T, sqlx::Error> {
        T::of(self, name)
    }

    /// Reads the first column.
    pub(in crate::store) fn first<'r, T: Column<'r>>(&'r self) -> Result<T, sqlx::Error> {
        T::of(self, 0)
    }

    fn is_null(&self, at: impl Place) -> Result<bool, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(row) => row.try_get_raw(at)?.is_null(),
            Self::Postgres(row) => row.try_get_raw(at)?.is_null(),
        })
    }
}

macro_rules! as_the_drivers_do {
    ($($kind:ty),*) => {
        $(impl<'r> Column<'r> for $kind {
            fn of(row: &'r Row, at: impl Place + Copy) -> Result<Self, sqlx::Error> {
                match row {
                    Row::Sqlite(row) => row.try_get(at),
                    Row::Postgres(row) => row.try_get(at),
                }
            }
        })*
    };
}

as_the_drivers_do!(f64, String, &'r str);

impl Column<'_> for i64 {
    fn of(row: &Row, at: impl Place + Copy) -> Result<Self, sqlx::Error> {
        match row {
            Row::Sqlite(row) => row.try_get(at),
            // What is kept has eight bytes; a number that stands in the question has four.
            Row::Postgres(row) if row.try_get_raw(at)?.type_info().name() == "INT4" => {
                row.try_get::<i32, _>(at).map(Self::from)
            }
            Row::Postgres(row) => row.try_get(at),
        }
    }
}

/// PostgreSQL has one kind of whole number here, SQLite reads each as what is asked for.
macro_rules! as_whole_numbers {
    ($($kind:ty),*) => {
        $(impl Column<'_> for $kind {
            fn of(row: &Row, at: impl Place + Copy) -> Result<Self, sqlx::Error> {
                let value = i64::of(row, at)?;
                Self::try_from(value).map_err(|cause| sqlx::Error::Decode(cause.into()))
            }
        })*
    };
}

as_whole_numbers!(i32, u32);

impl Column<'_> for bool {
    fn of(row: &Row, at: impl Place + Copy) -> Result<Self, sqlx::Error> {
        match row {
            // What is kept is a number; what is compared in the question is a truth.
            Row::Postgres(row) if row.try_get_raw(at)?.type_info().name() != "BOOL" => {
                row.try_get::<i64, _>(at).map(|value| value != 0)
            }
            Row::Postgres(row) => row.try_get(at),
            Row::Sqlite(row) => row.try_get(at),
        }
    }
}

impl<'r, T: Column<'r>> Column<'r> for Option<T> {
    fn of(row: &'r Row, at: impl Place + Copy) -> Result<Self, sqlx::Error> {
        match row.is_null(at)? {
            true => Ok(None),
            false => T::of(row, at).map(Some),
        }
    }
}

macro_rules! tuples {
    ($(($($kind:ident $place:literal),*))*) => {
        $(impl<$($kind: for<'r> Column<'r>),*> Columns for ($($kind,)*) {
            fn of(row: &Row) -> Result<Self, sqlx::Error> {
                Ok(($($kind::of(row, $place)?,)*))
            }
        })*
    };
}

tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3, E 4)
}
