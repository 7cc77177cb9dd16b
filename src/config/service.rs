//! The `[service]` table: as it is written, and what it means.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::Defaults;
use super::length::{self, DAY, Length, SECOND};
use super::listen::{self, Listen};
use super::notes::Notes;
use super::postgres::{self, PostgresUrl};
use super::table::{Keys, Table};
use crate::problem::{Problem, nearest, suggestion};
use crate::secret::SecretSource;

/// `[service]` as it is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ServiceWritten {
    /// Where the state is kept: `sqlite://state.db` (relative to this file) or
    /// `sqlite:///var/lib/descript-notify/state.db`, or `postgres://user@host/database`, which
    /// several services may share. Left out: a file in the state directory.
    #[schemars(with = "Option<String>", extend("examples" = ["sqlite://state.db", "postgres://notify@db.example.com/notify"]))]
    store: Option<Spanned<String>>,
    /// How long ended jobs, events and sent deliveries are kept.
    #[schemars(with = "Option<Length>", extend("default" = "30d", "examples" = ["30d"]))]
    keep: Option<Spanned<String>>,
    /// A folder whose files override the built-in templates, relative to this file.
    #[schemars(with = "Option<String>", extend("examples" = ["templates"]))]
    templates: Option<Spanned<String>>,
    /// The time zone of times in messages, by its IANA name.
    #[schemars(with = "Option<String>", extend("default" = "UTC", "examples" = ["Europe/Berlin"]))]
    timezone: Option<Spanned<String>>,
    /// Where the dashboard, the API, metrics, health and callbacks are; left out: nowhere. Any
    /// other address than a loopback one needs `admin_token` or `read_token`.
    #[schemars(with = "Option<String>", extend("examples" = ["127.0.0.1:8750"]))]
    listen: Option<Spanned<String>>,
    /// Who has it may look and decide: retry and discard messages.
    #[schemars(extend("examples" = [{ "env": "DESCRIPT_NOTIFY_ADMIN_TOKEN" }]))]
    admin_token: Option<SecretSource>,
    /// Who has it may look. Where it is set nobody looks without a token.
    #[schemars(extend("examples" = [{ "env": "DESCRIPT_NOTIFY_READ_TOKEN" }]))]
    read_token: Option<SecretSource>,
    /// Whether this file and the templates are read again when they change. SIGHUP always does.
    #[schemars(extend("default" = false, "examples" = [true]))]
    watch: Option<bool>,
    /// What stands before every path behind a proxy.
    #[schemars(with = "Option<String>", extend("examples" = ["/notify"]))]
    base_path: Option<Spanned<String>>,
}

/// The file's name in the state directory.
const STORE_FILE: &str = "state.db";

/// What is true of the service as a whole.
#[derive(Debug, Clone)]
pub struct Service {
    pub store: StorePlace,
    /// How long ended jobs, events and sent deliveries are kept.
    pub keep: Duration,
    /// The folder of the operator's own templates.
    pub templates: Option<PathBuf>,
    pub timezone: TimeZone,
    /// Whether this file and the templates are read again when they change.
    pub watch: bool,
    /// The zone's IANA name.
    pub timezone_name: String,
    /// `None` where nothing listens.
    pub listen: Option<Listen>,
}

/// Where the ledger is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorePlace {
    /// A SQLite file; already joined with the config's folder where it was relative.
    Sqlite(PathBuf),
    /// A database of a PostgreSQL server, which several services may share.
    Postgres(PostgresUrl),
}

/// Reads the table; `None` where the store cannot be placed, which has been noted then.
pub(super) fn read(
    mut table: Table<'_>,
    folder: &Path,
    defaults: &Defaults,
    notes: &mut Notes<'_>,
) -> Option<Service> {
    let keys = Keys::of::<ServiceWritten>(&[]);
    table.check_keys(&keys, notes);
    let written: ServiceWritten = table.read(&keys, notes);

    let keep = length::within(written.keep.as_ref(), "keep", 30 * DAY, SECOND..=3650 * DAY, notes);
    if let Some(span) = written.keep.as_ref().map(Spanned::span)
        && (SECOND..DAY).contains(&keep)
    {
        let message =
            format!("ended jobs and sent messages are forgotten after {}", length::show(keep));
        notes.key(
            "keep",
            Problem::warning(message).at(span).help("did you mean days, like \"30d\"?"),
        );
    }
    let (timezone, timezone_name) = timezone(written.timezone.as_ref(), notes);
    let ServiceWritten { listen, admin_token, read_token, base_path, .. } = written;
    let listen =
        listen::read(listen::Written { listen, admin_token, read_token, base_path }, notes);
    Some(Service {
        store: store(written.store.as_ref(), folder, defaults, notes)?,
        keep,
        watch: written.watch.unwrap_or(false),
        templates: written.templates.and_then(|templates| {
            if templates.get_ref().is_empty() {
                notes.error("templates", templates.span(), "a folder's name must not be empty");
                return None;
            }
            Some(folder.join(templates.into_inner()))
        }),
        timezone,
        timezone_name,
        listen,
    })
}

fn store(
    written: Option<&Spanned<String>>,
    folder: &Path,
    defaults: &Defaults,
    notes: &mut Notes<'_>,
) -> Option<StorePlace> {
    let Some(written) = written else {
        let Some(state) = &defaults.state_folder else {
            let message = "there is no state directory to keep the store in";
            notes.whole(Problem::error(message).help("add store = \"sqlite://state.db\""));
            return None;
        };
        return Some(StorePlace::Sqlite(state.join(STORE_FILE)));
    };
    let text = written.get_ref().as_str();
    if postgres::is_meant(text) {
        return postgres::read(text, written.span(), notes).map(StorePlace::Postgres);
    }
    let wrong = match text.strip_prefix("sqlite://") {
        None => "a store begins with sqlite:// or postgres://",
        Some("") => "the store has no file name",
        Some(path) if path.ends_with('/') => "this is a folder, and the store is a file",
        Some(path) if path.contains(":memory:") => "a store in memory would forget what is owed",
        Some(path) if path.contains(['?', '#']) => "a store takes no parameters",
        Some(path) if path.starts_with('~') => "`~` is not expanded here",
        Some(path) if path.contains('\0') => "a file's name cannot hold a zero byte",
        Some(path) => return Some(StorePlace::Sqlite(folder.join(path))),
    };
    let help = "write sqlite://state.db (relative to this file) or sqlite:///var/lib/descript-notify/state.db";
    notes.error_with_help("store", written.span(), wrong, help);
    None
}

fn timezone(written: Option<&Spanned<String>>, notes: &mut Notes<'_>) -> (TimeZone, String) {
    let named = written.and_then(|written| zone_called(written, notes));
    named.unwrap_or_else(|| (TimeZone::UTC, "UTC".to_owned()))
}

/// The zone that a `timezone` names, with its IANA name; `None` where there is no such one,
/// which has been noted then.
pub(super) fn zone_called(
    written: &Spanned<String>,
    notes: &mut Notes<'_>,
) -> Option<(TimeZone, String)> {
    let name = written.get_ref();
    match jiff::tz::db().get(name) {
        Ok(zone) => {
            let name = zone.iana_name().unwrap_or(name).to_owned();
            Some((zone, name))
        }
        Err(_) => {
            let known: Vec<String> =
                jiff::tz::db().available().map(|zone| zone.to_string()).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let help = match nearest(name, known.iter().copied()) {
                Some(_) => suggestion(name, &known),
                None => "use an IANA name, like Europe/Berlin or America/New_York".to_owned(),
            };
            let message = format!("no time zone is called `{}`", length::short(name));
            notes.error_with_help("timezone", written.span(), message, help);
            None
        }
    }
}
