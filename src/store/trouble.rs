//! What SQLite, PostgreSQL or the system says, in words that tell a person what to do. Used by
//! [`StoreError`](super::StoreError); knows the cause, not the file, which is added where it
//! is at hand.

use std::io::ErrorKind;

use sqlx::postgres::PgDatabaseError;

/// What became of a statement, by SQLite's primary result code.
/// <https://www.sqlite.org/rescode.html>
const BUSY: u32 = 5;
const LOCKED: u32 = 6;
const READ_ONLY: u32 = 8;
const IO_FAILED: u32 = 10;
const CORRUPT: u32 = 11;
const FULL: u32 = 13;
const CANNOT_OPEN: u32 = 14;
const NOT_A_DATABASE: u32 = 26;

/// The low byte of a result code tells the kind, the rest the details.
const PRIMARY: u32 = 0xff;

/// What is wrong, and the remedy.
pub(super) fn words(error: &sqlx::Error) -> String {
    if let Some(remedy) = of_server(error) {
        return format!("{remedy} ({})", detail(error));
    }
    let remedy = match (primary_code(error), error) {
        (Some(BUSY | LOCKED), _) => {
            "another program holds it: end the database browser, backup or copy that has it open"
        }
        (Some(FULL), _) => "the disk is full: free some space on it",
        (Some(READ_ONLY), _) => {
            "it cannot be written: check who owns the file and its folder, and whether the disk \
             is mounted read-only"
        }
        (Some(IO_FAILED), _) => {
            "the disk failed, or a quota or a size limit is reached: check both"
        }
        (Some(CORRUPT), _) => {
            "the file is damaged: stop the service, look with `store check`, and put a backup in \
             its place"
        }
        (Some(NOT_A_DATABASE), _) => {
            "the file is not an SQLite database: give another path as `store`, or put a backup in \
             its place"
        }
        (Some(CANNOT_OPEN), _) => {
            "check that the file and its folder exist and may be read and written by this user"
        }
        (_, sqlx::Error::PoolTimedOut) => "everything before it takes too long",
        _ => return error.to_string(),
    };
    format!("{remedy} ({})", detail(error))
}

/// What is wrong with a server, or on the way to it, and the remedy; by its class of error.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
fn of_server(error: &sqlx::Error) -> Option<&'static str> {
    match error {
        sqlx::Error::Io(cause) => match cause.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::NotFound => Some(
                "nobody answers there: check the host and the port in the URL, and whether the \
                 server runs",
            ),
            ErrorKind::TimedOut => Some("the server does not answer in time"),
            _ => None,
        },
        sqlx::Error::Tls(_) => Some(
            "the connection could not be secured: check `sslmode` in the URL and the server's \
             certificate",
        ),
        sqlx::Error::Database(said) => match said.try_downcast_ref::<PgDatabaseError>()?.code() {
            "28P01" | "28000" => Some(
                "the server does not let us in: check the user in the URL, and the password \
                     (PGPASSWORD, ~/.pgpass, or in the URL)",
            ),
            "3D000" => Some("make the database, or correct its name in the URL"),
            "42501" => Some(
                "the user may not do that: let it make a schema in the database, or make the \
                     schema and give it to the user",
            ),
            "25006" => {
                Some("the server takes no writes: give the URL of the primary, not of a standby")
            }
            "53100" => Some("the server's disk is full: free some space on it"),
            "53300" => Some(
                "the server has no connection left: raise its `max_connections`, or run fewer \
                     services",
            ),
            "57014" => Some("it took too long"),
            "57P01" | "57P02" | "57P03" => Some("the server is being stopped or started"),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the file itself is no good, so that trying again cannot help.
pub(super) fn is_damage(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(CORRUPT | NOT_A_DATABASE))
}

/// Why a file or a folder cannot be used, and the remedy.
pub(super) fn io_words(error: &std::io::Error) -> String {
    let remedy = match error.kind() {
        ErrorKind::IsADirectory => "it is a folder: give the path of a file as `store`",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
            "a part of the path is a file, not a folder: give another path as `store`"
        }
        ErrorKind::PermissionDenied => {
            "this user may not write there: change the owner of the folder, or give another path \
             as `store`"
        }
        ErrorKind::ReadOnlyFilesystem => {
            "the disk is mounted read-only: give a path on another one as `store`"
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full: free some space on it"
        }
        _ => return error.to_string(),
    };
    format!("{remedy} ({error})")
}

fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let said = error.as_database_error()?;
    if said.try_downcast_ref::<PgDatabaseError>().is_some() {
        return None;
    }
    let code: u32 = said.code()?.parse().ok()?;
    Some(code & PRIMARY)
}

/// The database's own words.
fn detail(error: &sqlx::Error) -> String {
    match error.as_database_error() {
        Some(said) if said.try_downcast_ref::<PgDatabaseError>().is_some() => {
            format!("PostgreSQL: {}", said.message())
        }
        Some(said) => format!("SQLite: {}", said.message()),
        None => error.to_string(),
    }
}
