//! Where a store is: a file, or a schema of a PostgreSQL server.
//!
//! Shown without what is secret in it, so that errors and listings may name it.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;
use url::Url;

use super::StoreError;
use crate::secret::Secret;

/// The schema of a store whose URL names none.
const SCHEMA: &str = "descript_notify";

/// What our connections are called on the server, where the URL does not say.
const APPLICATION: &str = "descript-notify";

/// The parameter that is ours; all others are the driver's.
const SCHEMA_KEY: &str = "schema";

/// Where a store is.
#[derive(Debug, Clone)]
pub enum Place {
    /// An SQLite file.
    File(PathBuf),
    Server(ServerPlace),
}

/// A schema of a PostgreSQL server.
#[derive(Debug, Clone)]
pub struct ServerPlace {
    url: Secret,
    schema: String,
    shown: String,
}

impl Place {
    /// Reads a PostgreSQL URL: `postgres://user@host/database?schema=name`.
    ///
    /// # Errors
    /// [`StoreError::Url`] says what is wrong with it.
    pub fn of_url(url: &str) -> Result<Self, StoreError> {
        // What the parser says could show a part of the password.
        let wrong = |why: &str| StoreError::Url(why.to_owned());
        let mut parsed = Url::parse(url).map_err(|cause| wrong(&cause.to_string()))?;
        let mut schema = SCHEMA.to_owned();
        let mut others = Vec::new();
        for (key, value) in parsed.query_pairs() {
            match &*key {
                SCHEMA_KEY => schema = value.into_owned(),
                _ => others.push((key.into_owned(), value.into_owned())),
            }
        }
        if schema.is_empty() || schema.starts_with("pg_") || schema.contains('\0') {
            return Err(wrong("a schema cannot be called so"));
        }
        parsed.set_query(None);
        if !others.is_empty() {
            parsed.query_pairs_mut().extend_pairs(others);
        }
        let shown = shown(&parsed, &schema);
        Ok(Self::Server(ServerPlace { url: Secret::new(parsed.as_str()), schema, shown }))
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Server(_) => None,
        }
    }

    /// Whether both are the same store.
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(other)) => one == other,
            (Self::Server(one), Self::Server(other)) => {
                one.url.expose() == other.url.expose() && one.schema == other.schema
            }
            _ => false,
        }
    }
}

impl ServerPlace {
    pub(super) fn schema(&self) -> &str {
        &self.schema
    }

    /// How to connect: what the URL leaves open comes from the usual variables and `.pgpass`.
    pub(super) fn options(&self) -> Result<PgConnectOptions, StoreError> {
        let options = PgConnectOptions::from_str(self.url.expose())
            .map_err(|_| StoreError::Url("one of its parameters has a wrong value".into()))?;
        let named = options.get_application_name().is_some();
        let options = if named { options } else { options.application_name(APPLICATION) };
        Ok(options.statement_cache_capacity(256).disable_statement_logging())
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Server(server) => f.write_str(&server.shown),
        }
    }
}

/// The URL with nothing but who, where and what: a password can stand in its parameters too.
fn shown(url: &Url, schema: &str) -> String {
    let user = match url.username() {
        "" => Cow::Borrowed(""),
        user => Cow::Owned(format!("{user}@")),
    };
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let schema = match schema {
        SCHEMA => String::new(),
        other => format!("?{SCHEMA_KEY}={other}"),
    };
    format!("postgres://{user}{host}{port}{}{schema}", url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_without_its_password_and_parameters() {
        let shown = |url| {
            let place = Place::of_url(url).unwrap();
            assert!(!format!("{place:?}").contains("s3cr3t"), "{place:?}");
            place.to_string()
        };

        insta::assert_snapshot!(
            shown("postgresql://ann:s3cr3t@db.example.com:5433/notify?sslmode=require&password=s3cr3t"),
            @"postgres://ann@db.example.com:5433/notify"
        );
        insta::assert_snapshot!(
            shown("postgres:///notify?host=/run/postgresql&schema=two&user=s3cr3t"),
            @"postgres:///notify?schema=two"
        );
    }

    #[test]
    fn what_the_url_says_is_how_it_connects() {
        let place = Place::of_url("postgres://ann:pw@db:5433/notify?sslmode=require&schema=two");
        let Ok(Place::Server(server)) = place else { panic!("{place:?}") };

        let options = server.options().unwrap();

        assert_eq!((options.get_host(), options.get_port()), ("db", 5433));
        assert_eq!(options.get_database(), Some("notify"));
        assert_eq!(options.get_application_name(), Some("descript-notify"));
        assert_eq!(server.schema(), "two");
    }
}
