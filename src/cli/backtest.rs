//! `backtest`: what other rules would make of the events that were recorded. Sends nothing,
//! writes nothing.
//!
//! Both sets of rules, the config's and the new one's, are asked about the same events, so that
//! what differs is what the new rules change, and nothing else.

use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::screen::Screen;
use super::table::{Table, shown};
use super::{Global, Stop, settings};
use crate::config::{self, Surroundings};
use crate::exit::Exit;
use crate::rules::RuleSet;
use crate::store::{Store, StoreError};
use crate::trial::{Change, Compared, Comparison, Example, Line};

/// Events are read in pieces of so many, whatever their number.
const PIECE: u32 = 500;

#[derive(Debug, Args)]
pub(super) struct BacktestArgs {
    /// The config file with the new rules
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Events of this long ago at most, like `1h` or `7d`
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = settings::parse_length)]
    since: SignedDuration,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

pub(super) async fn backtest(
    args: &BacktestArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Stop> {
    let (_, config) = settings::read_quietly(global, screen)?;
    let defaults = Surroundings::of_process().defaults();
    let loaded = config::load(&args.new, &defaults).map_err(Stop::usage)?;
    if loaded.config.is_none() {
        settings::tell(&loaded, screen);
    }
    let (new_path, new) = settings::accept(loaded)?;
    let (old, new) = (RuleSet::new(config.rules.clone()), RuleSet::new(new.rules));
    let Ok(since) = settings::now().checked_sub(args.since) else {
        return Err(Stop::usage("--since reaches back too far"));
    };
    let store = settings::store_of(&config).await.map_err(Stop::failed)?;
    let compared = compare(&old, &new, since, &store).await.map_err(settings::failed(&store));
    store.close().await;
    let compared = compared?;
    if args.json {
        screen.say_json(&document(since, &compared));
    } else if compared.lines.is_empty() {
        let events = counted(compared.events, "event");
        screen.murmur(&format!(
            "Neither set of rules has a message about the {events} since {}.",
            settings::when(since)
        ));
    } else {
        screen.say(&table(&compared).render(screen.width(), screen.colour()));
        let examples = examples(&compared);
        if !examples.is_empty() {
            screen.say(&format!("\n{}", examples.join("\n")));
        }
        screen.murmur(&conclusion(since, &new_path.display().to_string(), &compared));
    }
    Ok(Exit::Done)
}

async fn compare(
    old: &RuleSet,
    new: &RuleSet,
    since: Timestamp,
    store: &Store,
) -> Result<Compared, StoreError> {
    let mut comparison = Comparison::between(old, new);
    let mut after = None;
    loop {
        let (events, last) = store.recorded(since, after, PIECE).await?;
        events.iter().for_each(|event| comparison.take(event));
        if last.is_none() {
            return Ok(comparison.finish());
        }
        after = last;
    }
}

fn table(compared: &Compared) -> Table {
    let heads = ["RULE~", "NOTIFIER~", "NOW", "NEW", "NO LONGER", "ADDITIONALLY", "MESSAGES"];
    let mut table = Table::new(&heads);
    for line in &compared.lines {
        table.row([
            line.rule.clone(),
            line.notifier.clone(),
            line.before.to_string(),
            line.after.to_string(),
            line.no_longer.count.to_string(),
            line.additionally.count.to_string(),
            format!("{} → {}", line.messages_before, line.messages_after),
        ]);
    }
    table
}

/// A few events of each change, with the reason.
fn examples(compared: &Compared) -> Vec<String> {
    let mut lines = Vec::new();
    for line in &compared.lines {
        for (what, change) in [("no longer", &line.no_longer), ("additionally", &line.additionally)]
        {
            if change.count == 0 {
                continue;
            }
            let (rule, notifier) = (shown(&line.rule), shown(&line.notifier));
            let messages = counted(change.count, "message");
            lines.push(format!("{what}: {rule} to {notifier}, {messages}, like"));
            lines.extend(change.examples.iter().map(|one| example(one, what)));
        }
    }
    lines
}

fn example(example: &Example, what: &str) -> String {
    let document = example.event.document(None, false);
    let job = &document["job"];
    let project = job["project_name"].as_str().or(job["project_id"].as_str());
    let about = project.map_or(String::new(), |project| format!(" of {}", shown(project)));
    let by = if what == "no longer" { "the new rules say" } else { "the present rules say" };
    format!(
        "  {} {}{about}, {}; {by}: {}",
        settings::short(example.event.detected_at),
        example.event.kind,
        shown(&example.event.key.subject),
        shown(&example.silence.to_string()),
    )
}

fn conclusion(since: Timestamp, new: &str, compared: &Compared) -> String {
    let sum = |count: fn(&Line) -> u64| -> u64 { compared.lines.iter().map(count).sum() };
    let events = counted(compared.events, "event");
    let (gone, more) = (sum(|line| line.no_longer.count), sum(|line| line.additionally.count));
    if gone + more == 0 {
        return format!(
            "`{new}` says the same about the {events} since {}.",
            settings::when(since)
        );
    }
    format!(
        "About the {events} since {}, `{new}` sends {} no longer and {} additionally.",
        settings::when(since),
        counted(gone, "message"),
        counted(more, "message"),
    )
}

fn counted(count: u64, word: &str) -> String {
    settings::counted(usize::try_from(count).unwrap_or(usize::MAX), word)
}

fn document(since: Timestamp, compared: &Compared) -> Value {
    let rules: Vec<Value> = compared
        .lines
        .iter()
        .map(|line| {
            json!({
                "rule": line.rule,
                "notifier": line.notifier,
                "before": line.before,
                "after": line.after,
                "no_longer": change(&line.no_longer),
                "additionally": change(&line.additionally),
                "messages": { "before": line.messages_before, "after": line.messages_after },
            })
        })
        .collect();
    let sum = |count: fn(&Line) -> u64| -> u64 { compared.lines.iter().map(count).sum() };
    json!({
        "since": since.to_string(),
        "events": compared.events,
        "rules": rules,
        "total": {
            "before": sum(|line| line.before),
            "after": sum(|line| line.after),
            "no_longer": sum(|line| line.no_longer.count),
            "additionally": sum(|line| line.additionally.count),
            "messages": {
                "before": sum(|line| line.messages_before),
                "after": sum(|line| line.messages_after),
            },
        },
    })
}

fn change(change: &Change) -> Value {
    let examples: Vec<Value> = change
        .examples
        .iter()
        .map(|example| {
            let document = example.event.document(None, false);
            json!({
                "event": document["event"],
                "job_id": document["job"]["job_id"],
                "project_name": document["job"]["project_name"],
                "course": example.course.as_str(),
                "reason": example.silence.to_string(),
            })
        })
        .collect();
    json!({ "count": change.count, "examples": examples })
}
