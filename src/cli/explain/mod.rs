//! `explain`: why something was said, or was not. Each event of a job, what every rule said
//! about it, and what became of the messages; or what the rules say about an event in a file.
//!
//! What was said when the event was recorded comes from the store. Beside it stands what the
//! rules of the config say now, where that differs. This file asks; `told` writes it down.

mod told;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::Args;

use super::screen::Screen;
use super::table::shown;
use super::{Global, Stop, deliveries, event_file, settings};
use crate::config::Config;
use crate::exit::Exit;
use crate::model::{DeliveryState, EventId, EventKind, Verdict};
use crate::rules::{Facts, RuleSet};
use crate::store::{Broken, DeliveryRow, EventFilter, EventRow, JobRow, Store, StoreError};

/// So many ids are named where it is not clear which is meant.
const CANDIDATES: u32 = 5;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The id of a job, or of an event; enough of its beginning will do
    #[arg(value_name = "JOB_ID", required_unless_present = "event", conflicts_with = "event")]
    id: Option<String>,
    /// An event in a file (`-`: standard input), as `events --json` prints it; needs no store
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
    /// At most so many events of the job, the newest
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// Everything that is to be told.
#[derive(Debug, Default)]
struct Story {
    /// What is known of the job; one for each source that has seen it.
    jobs: Vec<JobRow>,
    /// Oldest first.
    events: Vec<Happening>,
    /// There are older events.
    more: bool,
}

/// One event, with what was said and what was sent.
#[derive(Debug)]
struct Happening {
    kind: EventKind,
    document: serde_json::Value,
    /// Whether the verdicts of its time are known: it comes from the store.
    recorded: bool,
    rules: Vec<Said>,
    deliveries: Vec<Sending>,
}

/// What a rule said about an event, and what it says now.
#[derive(Debug)]
struct Said {
    rule: String,
    /// `None` where it was not tried: it could not match, or was not there.
    then: Option<Verdict>,
    /// `None` where the config has no such rule any more.
    now: Option<Verdict>,
}

/// A delivery, and what happens to it next.
#[derive(Debug)]
struct Sending {
    row: DeliveryRow,
    next: String,
}

impl Said {
    /// Whether the rules' change since then makes a difference that is worth a line.
    fn differs(&self) -> bool {
        match (&self.then, &self.now) {
            // What becomes of a match, at which time, is not what the rules alone say.
            (Some(then), Some(now)) => then != now && !(then.matched() && now.matched()),
            (Some(_), None) => true,
            // Most rules are not tried, since they cannot match.
            (None, now) => now.as_ref().is_some_and(Verdict::sends),
        }
    }
}

pub(super) async fn explain(
    args: &ExplainArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Stop> {
    let (_, config) = settings::read_quietly(global, screen)?;
    let rules = RuleSet::new(config.rules.clone());
    let story = match (&args.event, &args.id) {
        (Some(file), _) => of_file(file, &rules)?,
        (None, id) => {
            of_store(id.as_deref().unwrap_or_default(), args.limit, &config, &rules).await?
        }
    };
    if args.json {
        screen.say_json(&told::document(&story));
        return Ok(Exit::Done);
    }
    screen.say(&told::text(&story));
    if story.more {
        let shown = settings::counted(story.events.len(), "event");
        screen.murmur(&format!("These are the newest {shown}; --limit shows more."));
    }
    if !story.jobs.is_empty() && story.events.is_empty() {
        screen.murmur(
            "Nothing that happened to it is stored: it was known before the first look had ended \
             (the baseline), or its events were forgotten after `keep`.",
        );
    }
    Ok(Exit::Done)
}

fn of_file(file: &Path, rules: &RuleSet) -> Result<Story, Stop> {
    let events = event_file::read(file)?;
    let judged = events.into_iter().map(|event| {
        let facts = Facts::of_document(event.document);
        let now = rules.explain_facts(event.kind, &facts);
        let said = now.into_iter().map(|(rule, verdict)| Said {
            rule: rule.name.clone(),
            then: None,
            now: Some(verdict),
        });
        Happening {
            kind: event.kind,
            document: facts.document().clone(),
            recorded: false,
            rules: said.collect(),
            deliveries: Vec::new(),
        }
    });
    Ok(Story { events: judged.collect(), ..Story::default() })
}

async fn of_store(id: &str, limit: u32, config: &Config, rules: &RuleSet) -> Result<Story, Stop> {
    let store = settings::store_of(config).await.map_err(Stop::failed)?;
    let found = find(&store, id, limit).await;
    let story = match found {
        Ok(found) => found.judged(&store, rules).await.map_err(settings::failed(&store)),
        Err(stop) => Err(stop),
    };
    store.close().await;
    story
}

/// What an id stands for.
pub(super) struct Found {
    jobs: Vec<JobRow>,
    /// Newest first.
    pub(super) events: Vec<EventRow>,
    more: bool,
}

/// Finds the job, or else the event, whose id begins so, with the newest of its events.
pub(super) async fn find(store: &Store, id: &str, limit: u32) -> Result<Found, Stop> {
    let failed = settings::failed(store);
    let named = shown(id);
    if id.is_empty() {
        return Err(Stop::usage("an id is not empty: see `descript-notify jobs`"));
    }
    let ids = store.job_ids(id, CANDIDATES).await.map_err(&failed)?;
    match ids.as_slice() {
        [job] => {
            let filter =
                EventFilter { job_id: Some(job.clone()), most: limit, ..EventFilter::default() };
            let jobs = store.jobs_called(job).await.map_err(&failed)?;
            let listed = store.events(&filter).await.map_err(&failed)?;
            Ok(Found { jobs, events: listed.rows, more: listed.more })
        }
        [] => {
            let hexadecimal = id.bytes().all(|byte| byte.is_ascii_hexdigit());
            let mut events = match hexadecimal {
                true => store.find_event(&id.to_ascii_lowercase()).await.map_err(&failed)?,
                false => Vec::new(),
            };
            match events.len() {
                0 => Err(Stop::failed(format!(
                    "no job's id begins with `{named}`: see `descript-notify jobs`. A job that is \
                     not listed there was never seen, or ended more than 31 days ago"
                ))),
                1 => Ok(Found { jobs: Vec::new(), events, more: false }),
                _ => {
                    events.clear();
                    Err(Stop::failed(format!(
                        "several events' ids begin with `{named}`: give more of it"
                    )))
                }
            }
        }
        several => {
            let some: Vec<String> = several.iter().map(|id| format!("  {}", shown(id))).collect();
            Err(Stop::failed(format!(
                "several jobs' ids begin with `{named}`: give more of it\n{}",
                some.join("\n")
            )))
        }
    }
}

impl Found {
    async fn judged(self, store: &Store, rules: &RuleSet) -> Result<Story, StoreError> {
        let ids: Vec<EventId> = self.events.iter().map(|row| row.event.id()).collect();
        let now = settings::now();
        let mut broken: HashMap<String, Option<Broken>> = HashMap::new();
        let mut sendings: HashMap<EventId, Vec<Sending>> = HashMap::new();
        for (event, row) in store.deliveries_about(&ids).await? {
            let name = &row.delivery.notifier;
            if row.delivery.state == DeliveryState::Held && !broken.contains_key(name) {
                broken.insert(name.clone(), store.broken(name).await?);
            }
            let held_by = broken.get(name).and_then(Option::as_ref);
            let next = deliveries::next(&row, held_by, now);
            sendings.entry(event).or_default().push(Sending { row, next });
        }
        let mut events: Vec<Happening> = self
            .events
            .into_iter()
            .map(|row| {
                let deliveries = sendings.remove(&row.event.id()).unwrap_or_default();
                happening(row, rules, deliveries)
            })
            .collect();
        events.reverse();
        Ok(Story { jobs: self.jobs, events, more: self.more })
    }
}

fn happening(row: EventRow, rules: &RuleSet, deliveries: Vec<Sending>) -> Happening {
    let facts = Facts::of(&row.event);
    let mut then: HashMap<String, Verdict> = row.verdicts.iter().cloned().collect();
    let mut said: Vec<Said> = rules
        .explain_facts(row.event.kind, &facts)
        .into_iter()
        .map(|(rule, now)| Said {
            then: then.remove(&rule.name),
            rule: rule.name.clone(),
            now: Some(now),
        })
        .collect();
    // Those that the config no longer has, in the order of their time.
    for (rule, verdict) in row.verdicts {
        if then.contains_key(&rule) {
            said.push(Said { rule, then: Some(verdict), now: None });
        }
    }
    Happening {
        kind: row.event.kind,
        document: facts.document().clone(),
        recorded: true,
        rules: said,
        deliveries,
    }
}
