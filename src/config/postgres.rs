//! The URL of a store on a PostgreSQL server: what it may say, with every mistake found before
//! anything is connected to. It may hold a password, so it is kept and shown as a secret is.

use std::ops::Range;

use url::Url;

use super::notes::Notes;
use crate::problem::suggestion;
use crate::secret::Secret;

/// `postgres://user@host/database`, with a password where the operator wants it there.
#[derive(Debug, Clone)]
pub struct PostgresUrl(Secret);

/// How it is written.
pub(super) const FORM: &str = "write postgres://user@host/database; the password comes from PGPASSWORD or ~/.pgpass, or stands before the @";

/// What a URL may say about itself: the driver's words, and `schema`, which is ours.
const PARAMETERS: [&str; 12] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "port",
    "schema",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// How the connection is guarded.
const SSL_MODES: [&str; 6] = ["allow", "disable", "prefer", "require", "verify-ca", "verify-full"];

impl PostgresUrl {
    /// For the one place that connects.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl PartialEq for PostgresUrl {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for PostgresUrl {}

/// Whether a store is meant to be on such a server.
pub(super) fn is_meant(text: &str) -> bool {
    text.starts_with("postgres:") || text.starts_with("postgresql:")
}

/// Reads it; `None` where it cannot be used, which has been noted then.
pub(super) fn read(text: &str, span: Range<usize>, notes: &mut Notes<'_>) -> Option<PostgresUrl> {
    match faults(text) {
        Ok(()) => Some(PostgresUrl(Secret::new(text))),
        Err((message, help)) => {
            notes.error_with_help("store", span, message, help);
            None
        }
    }
}

/// What is wrong with it, and the remedy; neither quotes what may be a password.
fn faults(text: &str) -> Result<(), (String, String)> {
    let wrong = |message: &str| Err((message.to_owned(), FORM.to_owned()));
    let Ok(url) = Url::parse(text) else { return wrong("this is not a URL") };
    if !text.contains("://") {
        return wrong("a store on a server begins with postgres://");
    }
    let mut names_host = url.host_str().is_some_and(|host| !host.is_empty());
    let mut names_database = url.path().len() > 1;
    if url.path().trim_start_matches('/').contains('/') {
        return wrong("a database's name holds no `/`");
    }
    if url.fragment().is_some() {
        return wrong("a URL of a store has no `#`; write %23 where a password holds one");
    }
    for (key, value) in url.query_pairs() {
        match &*key {
            "password" => {
                return wrong("a password does not stand among the parameters");
            }
            "host" | "hostaddr" => names_host = true,
            "dbname" => names_database = true,
            "sslmode" if !SSL_MODES.contains(&&*value) => {
                return Err((
                    "`sslmode` has a value that is not known".to_owned(),
                    suggestion(&value, &SSL_MODES),
                ));
            }
            "port" if value.parse::<u16>().is_err() => return wrong("`port` is not a number"),
            "schema" if value.is_empty() || value.starts_with("pg_") => {
                return wrong("a schema cannot be called so");
            }
            known if PARAMETERS.contains(&known) => {}
            unknown => {
                let known = unknown.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                let named = if known { format!(" `{unknown}`") } else { String::new() };
                return Err((
                    format!("the URL of a store has no parameter{named}"),
                    suggestion(unknown, &PARAMETERS),
                ));
            }
        }
    }
    match (names_host, names_database) {
        (false, _) => wrong("the URL names no host"),
        (_, false) => wrong("the URL names no database"),
        (true, true) => Ok(()),
    }
}
