//! `store`: whether the file is sound, and a copy of it, beside a running service or without
//! one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::screen::Screen;
use super::{Global, Stop, settings};
use crate::exit::Exit;
use crate::store::{self, Access, Condition, Counts, Existing, Place, Store, StoreError};

#[derive(Debug, Args)]
pub(super) struct StoreArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read the whole store: is it sound, and what does it hold
    Check(CheckArgs),
    /// Write a copy of the store while the service runs
    Backup(BackupArgs),
    /// Move everything into another, empty store: from a file to a server, or back
    Copy(CopyArgs),
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct BackupArgs {
    /// Where the copy goes; its folder must exist
    file: PathBuf,
    /// Replace the file that is there
    #[arg(long)]
    force: bool,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CopyArgs {
    /// A store that no service works with: sqlite://PATH, or postgres://USER@HOST/DATABASE
    from: String,
    /// An empty store, which is made where there is none
    to: String,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

pub(super) async fn store(
    args: &StoreArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Stop> {
    let place = || settings::store_place(global, screen);
    match &args.action {
        Action::Check(args) => check(args, &place()?, screen).await,
        Action::Backup(args) => backup(args, &place()?, screen).await,
        Action::Copy(args) => copy(args, screen).await,
    }
}

async fn check(args: &CheckArgs, place: &Place, screen: &Screen) -> Result<Exit, Stop> {
    let condition = match condition(place).await {
        // What is too damaged to be opened has been checked all the same.
        Err(error) if error.is_damage() => {
            Condition { faults: vec![error.of(place).to_string()], ..Condition::default() }
        }
        other => other.map_err(|error| Stop::failed(error.of(place)))?,
    };
    let sound = condition.faults.is_empty();
    if args.json {
        screen.say_json(&document(place, &condition));
    } else {
        screen.say(&report(place, &condition));
        for fault in &condition.faults {
            screen.complain(fault);
        }
        if !sound {
            screen.murmur("Stop the service and put a backup in the store's place.");
        }
    }
    Ok(if sound { Exit::Done } else { Exit::Failed })
}

async fn condition(place: &Place) -> Result<Condition, StoreError> {
    let store = Store::open_at(place, Access::Beside, settings::now()).await?;
    let condition = store.condition().await;
    store.close().await;
    condition
}

async fn backup(args: &BackupArgs, place: &Place, screen: &Screen) -> Result<Exit, Stop> {
    let failed = |error: StoreError| Stop::failed(error.of(place));
    let store = Store::open_at(place, Access::Beside, settings::now()).await.map_err(failed)?;
    let existing = if args.force { Existing::Replace } else { Existing::Keep };
    let copied = store.backup(&args.file, existing).await;
    store.close().await;
    let bytes = copied.map_err(failed)?;
    let file = args.file.display().to_string();
    if args.json {
        screen.say_json(&json!({ "backup": file, "bytes": bytes }));
    } else {
        screen.say(&format!("copied the store to {file} ({})", size(bytes)));
    }
    Ok(Exit::Done)
}

/// Both stores are named on the command line: no config can be about two.
async fn copy(args: &CopyArgs, screen: &Screen) -> Result<Exit, Stop> {
    let (from, to) = (named(&args.from)?, named(&args.to)?);
    let copied = store::copy(&from, &to, settings::now()).await.map_err(Stop::failed)?;
    if args.json {
        let document = json!({ "from": from.to_string(), "to": to.to_string(), "rows": copied });
        screen.say_json(&document);
    } else {
        let rows: u64 = copied.values().sum();
        let of = |table: &str| copied.get(table).copied().unwrap_or_default();
        let (jobs, events, deliveries) = (of("job"), of("event"), of("delivery"));
        screen.say(&format!(
            "copied {from} to {to}: {rows} rows, among them {jobs} jobs, {events} events and \
             {deliveries} deliveries"
        ));
    }
    Ok(Exit::Done)
}

/// A store as the config names it; what is no URL is the path of a file.
fn named(text: &str) -> Result<Place, Stop> {
    match text.split_once("://") {
        Some(("postgres" | "postgresql", _)) => Place::of_url(text).map_err(Stop::usage),
        Some(("sqlite", path)) if !path.is_empty() => Ok(Place::File(path.into())),
        None if !text.is_empty() => Ok(Place::File(text.into())),
        _ => Err(Stop::usage("a store begins with sqlite:// or postgres://")),
    }
}

fn document(place: &Place, condition: &Condition) -> Value {
    let counts = condition.counts.as_ref();
    let oldest = counts.and_then(|counts| counts.oldest_owed).map(|at| at.to_string());
    json!({
        "store": place.to_string(),
        "ok": condition.faults.is_empty(),
        "problems": condition.faults,
        "schema": condition.schema,
        "file_bytes": condition.bytes,
        "wal_bytes": condition.wal_bytes,
        "jobs": counts.map(|counts| &counts.jobs),
        "events": counts.map(|counts| counts.events),
        "deliveries": counts.map(|counts| &counts.deliveries),
        "oldest_owed": oldest,
    })
}

fn report(place: &Place, condition: &Condition) -> String {
    let sound = if condition.faults.is_empty() { "sound" } else { "damaged" };
    let mut lines = vec![
        format!("store        {place}"),
        format!("condition    {sound}"),
        format!("schema       {}", condition.schema),
        match condition.wal_bytes {
            Some(log) => format!(
                "size         {}, and {} in the log beside it",
                size(condition.bytes),
                size(log)
            ),
            None => format!("size         {}", size(condition.bytes)),
        },
    ];
    if let Some(Counts { jobs, events, deliveries, oldest_owed }) = &condition.counts {
        lines.push(format!("jobs         {}", listed(jobs)));
        lines.push(format!("events       {events}"));
        lines.push(format!("deliveries   {}", listed(deliveries)));
        lines.push(match oldest_owed {
            Some(since) => format!("oldest owed  since {}", settings::when(*since)),
            None => "oldest owed  nothing is owed".into(),
        });
    }
    lines.join("\n")
}

/// "3 ended, 1 open".
fn listed(counts: &BTreeMap<String, u64>) -> String {
    if counts.is_empty() {
        return "none".into();
    }
    let words: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    words.join(", ")
}

/// A size for people: three digits at most, and the unit.
fn size(bytes: u64) -> String {
    const KIB: u64 = 1024;
    const MIB: u64 = KIB * KIB;
    let tenths = |unit: u64| format!("{}.{}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..KIB => format!("{bytes} bytes"),
        KIB..MIB => format!("{} KiB", tenths(KIB)),
        _ => format!("{} MiB", tenths(MIB)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_told_in_the_unit_that_fits() {
        let told = [0, 1023, 1024, 1536, 5 * 1024 * 1024 + 600_000].map(size);

        assert_eq!(told, ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 KiB", "5.5 MiB"]);
    }
}
