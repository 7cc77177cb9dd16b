//! Finds, reads and judges the config for the commands that need one.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::screen::Screen;
use super::table::Table;
use super::{Global, LogFormatArg, Stop};
use crate::app;
use crate::clock::Clock;
use crate::config::{self, Config, Loaded, Surroundings};
use crate::problem::{Colour, Problem, Severity, report};
use crate::store::{Access, Place, Store, StoreError};
use crate::telemetry;

/// Reads the config, tells everything that is wrong with it, and refuses it where that is an
/// error.
pub(super) fn read(global: &Global, screen: &Screen) -> Result<(PathBuf, Config), Stop> {
    let loaded = load(global)?;
    let as_logs = matches!(global.log_format, LogFormatArg::Json) && loaded.config.is_some();
    if as_logs {
        // Who reads the log by machine reads these by machine too.
        let file = loaded.path.display().to_string();
        loaded.problems.iter().for_each(|problem| telemetry::config_warning(&file, problem));
    } else {
        tell(&loaded, screen);
    }
    accept(loaded)
}

/// The same for listings: what is only a warning would be repeated with each of them.
pub(super) fn read_quietly(global: &Global, screen: &Screen) -> Result<(PathBuf, Config), Stop> {
    let loaded = load(global)?;
    if loaded.config.is_none() {
        tell(&loaded, screen);
    }
    accept(loaded)
}

/// The config, or how many mistakes it has.
pub(super) fn accept(loaded: Loaded) -> Result<(PathBuf, Config), Stop> {
    match loaded.config {
        Some(config) => Ok((loaded.path, config)),
        None => Err(Stop::usage(summary(&loaded.path, &loaded.problems))),
    }
}

/// Where the config file is.
pub(super) fn place(global: &Global) -> Result<PathBuf, Stop> {
    config::find(global.config.as_deref(), &Surroundings::of_process()).map_err(Stop::usage)
}

/// Finds and reads the config file.
pub(super) fn load(global: &Global) -> Result<Loaded, Stop> {
    let surroundings = Surroundings::of_process();
    let path = config::find(global.config.as_deref(), &surroundings).map_err(Stop::usage)?;
    config::load(&path, &surroundings.defaults()).map_err(Stop::usage)
}

/// What a config leaves open, from the surroundings of this process.
pub(super) fn defaults() -> config::Defaults {
    Surroundings::of_process().defaults()
}

/// Shows the problems of a config on standard error.
pub(super) fn tell(loaded: &Loaded, screen: &Screen) {
    show_problems(&loaded.path, &loaded.masked, &loaded.problems, screen);
}

/// Shows the problems of a file on standard error; its text is free of secrets.
pub(super) fn show_problems(path: &Path, masked: &str, problems: &[Problem], screen: &Screen) {
    if problems.is_empty() {
        return;
    }
    let colour = if screen.error_colour() { Colour::Always } else { Colour::Never };
    screen.murmur(&report(&path.display().to_string(), masked, problems, colour));
}

/// "`rules.toml` has 3 errors and 1 warning".
pub(super) fn summary(path: &Path, problems: &[Problem]) -> String {
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let warnings = problems.len() - errors;
    let found = found(errors, warnings);
    format!("`{}` has {found}", path.display())
}

/// "3 errors and 1 warning".
pub(super) fn found(errors: usize, warnings: usize) -> String {
    match (errors, warnings) {
        (errors, 0) => counted(errors, "error"),
        (0, warnings) => counted(warnings, "warning"),
        (errors, warnings) => {
            format!("{} and {}", counted(errors, "error"), counted(warnings, "warning"))
        }
    }
}

/// Opens the store beside a running service.
pub(super) async fn store_beside(global: &Global, screen: &Screen) -> Result<Store, Stop> {
    let place = store_place(global, screen)?;
    Store::open_at(&place, Access::Beside, now()).await.map_err(Stop::failed)
}

/// The same with the config at hand.
///
/// # Errors
/// [`StoreError`], for a command that can do without a store that is missing.
pub(super) async fn store_of(config: &Config) -> Result<Store, StoreError> {
    let place = app::place_of(&config.service.store)?;
    Store::open_at(&place, Access::Beside, now()).await
}

/// Where the config says that the store is.
pub(super) fn store_place(global: &Global, screen: &Screen) -> Result<Place, Stop> {
    let (_, config) = read_quietly(global, screen)?;
    app::place_of(&config.service.store).map_err(Stop::usage)
}

/// A failure of this store as the end of a command.
pub(super) fn failed(store: &Store) -> impl Fn(StoreError) -> Stop {
    |error| Stop::failed(error.of(store.place()))
}

/// The time, for commands that have no service around them.
pub(super) fn now() -> Timestamp {
    Clock::System.now()
}

/// A time in a sentence: UTC, to the second.
pub(super) fn when(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A time in a column: what is listed is rarely older than a month.
pub(super) fn short(at: Timestamp) -> String {
    at.strftime("%m-%d %H:%M:%S").to_string()
}

/// A length of time on the command line, as the config writes it.
pub(super) fn parse_length(text: &str) -> Result<SignedDuration, String> {
    crate::model::parse_length(text)
        .and_then(|length| SignedDuration::try_from(length).ok())
        .ok_or_else(|| "write a number and a unit, like `10m` or `7d`".into())
}

/// "1 job", "2 jobs", "3 deliveries".
pub(super) fn counted(count: usize, word: &str) -> String {
    match (count, word.strip_suffix('y')) {
        (1, _) => format!("1 {word}"),
        (count, Some(stem)) => format!("{count} {stem}ies"),
        (count, None) => format!("{count} {word}s"),
    }
}

/// A table, or that there is nothing to list; and that there would be more.
pub(super) fn say_table(screen: &Screen, table: &Table, rows: usize, more: bool, word: &str) {
    if rows == 0 {
        screen.murmur(&format!("No {} to list.", counted(0, word).trim_start_matches("0 ")));
        return;
    }
    screen.say(&table.render(screen.width(), screen.colour()));
    if more {
        screen.murmur(&format!("These are the newest {rows}; --limit shows more."));
    }
}
