//! Which events a preview is made of.

use std::collections::HashMap;

use super::{Occasion, Origin, PreviewArgs};
use crate::cli::{Stop, event_file, explain, settings};
use crate::config::Config;
use crate::model::{Event, EventKind, Verdict};
use crate::render::samples;
use crate::rules::{Facts, Rule};
use crate::store::{Store, StoreError};
use crate::trial::Trial;

/// So many of the newest events of a kind are looked through for one that a rule matches.
const LOOKED_THROUGH: u32 = 25;

/// So many events of a job are looked through for one of the kind that is asked for.
const OF_A_JOB: u32 = 1_000;

/// Rules, each with an event that it is to speak about, in the file's order.
type Chosen<'t> = Vec<(&'t Rule, Occasion)>;

/// Chooses by what the command line says; where it says nothing, for each rule the newest event
/// in the store that it matches, or samples of the events that it is about.
pub(super) async fn occasions<'t>(
    args: &PreviewArgs,
    config: &Config,
    trial: &'t Trial<'_>,
) -> Result<Chosen<'t>, Stop> {
    let rules = trial.rules().rules().iter();
    let wanted = |rule: &&Rule| args.rule.as_ref().is_none_or(|name| *name == rule.name);
    let rules: Vec<&Rule> = rules.filter(wanted).collect();
    if let Some(file) = &args.event {
        let events = event_file::read(file)?;
        let occasions = events.into_iter().map(|event| Occasion {
            kind: event.kind,
            facts: Facts::of_document(event.document),
            origin: Origin::File,
        });
        return Ok(speaking(&rules, occasions.collect(), args, trial));
    }
    if let Some(job) = &args.job {
        let event = of_job(job, args.kind, config).await?;
        return Ok(speaking(&rules, vec![stored(&event)], args, trial));
    }
    let store = match args.samples {
        true => None,
        false => match settings::store_of(config).await {
            Ok(store) => Some(store),
            // Nothing has run yet: samples will do.
            Err(StoreError::Missing(_)) => None,
            Err(problem) => return Err(Stop::failed(problem)),
        },
    };
    let chosen = of_rules(&rules, args, trial, store.as_ref()).await;
    if let Some(store) = &store {
        store.close().await;
    }
    chosen
}

/// Every rule that speaks about these events; one that was named speaks anyway.
fn speaking<'t>(
    rules: &[&'t Rule],
    occasions: Vec<Occasion>,
    args: &PreviewArgs,
    trial: &Trial<'_>,
) -> Chosen<'t> {
    let mut chosen = Vec::new();
    for occasion in occasions {
        for rule in rules {
            let verdict = trial.verdict(&rule.name, occasion.kind, &occasion.facts);
            if args.rule.is_some() || verdict.as_ref().is_some_and(Verdict::sends) {
                let facts = Facts::of_document(occasion.facts.document().clone());
                let origin = occasion.origin.clone();
                chosen.push((*rule, Occasion { kind: occasion.kind, facts, origin }));
            }
        }
    }
    chosen
}

/// The newest event of a job, of the kind that is asked for.
async fn of_job(job: &str, kind: Option<EventKind>, config: &Config) -> Result<Event, Stop> {
    let store = settings::store_of(config).await.map_err(Stop::failed)?;
    let found = explain::find(&store, job, OF_A_JOB).await;
    store.close().await;
    let mut events = found?.events.into_iter().map(|row| row.event);
    events.find(|event| kind.is_none_or(|kind| event.kind == kind)).ok_or_else(|| {
        let what = kind.map_or(String::new(), |kind| format!(" `{kind}`"));
        Stop::failed(format!(
            "no event{what} of this job is stored: `descript-notify events --job JOB_ID` lists \
             those that are"
        ))
    })
}

async fn of_rules<'t>(
    rules: &[&'t Rule],
    args: &PreviewArgs,
    trial: &Trial<'_>,
    store: Option<&Store>,
) -> Result<Chosen<'t>, Stop> {
    let mut latest: HashMap<EventKind, Vec<Event>> = HashMap::new();
    let mut chosen = Vec::new();
    for rule in rules {
        let mut kinds: Vec<EventKind> = rule.on.iter().copied().collect();
        if let Some(kind) = args.kind {
            // A rule that was named speaks about what it is not for, too.
            kinds.retain(|known| *known == kind);
            if kinds.is_empty() && args.rule.is_some() {
                kinds.push(kind);
            }
        }
        if let Some(store) = store {
            for kind in &kinds {
                if !latest.contains_key(kind) {
                    let rows = store.latest(*kind, LOOKED_THROUGH).await;
                    let rows = rows.map_err(settings::failed(store))?;
                    latest.insert(*kind, rows.into_iter().map(|row| row.event).collect());
                }
            }
        }
        let matching = kinds.iter().filter_map(|kind| latest.get(kind)).flatten().filter(|event| {
            let verdict = trial.verdict(&rule.name, event.kind, &Facts::of(event));
            verdict.as_ref().is_some_and(Verdict::sends)
        });
        match matching.max_by_key(|event| event.detected_at) {
            Some(event) => chosen.push((*rule, stored(event))),
            None => chosen.extend(of_samples(&kinds, args).into_iter().map(|one| (*rule, one))),
        }
    }
    Ok(chosen)
}

/// The samples of one kind that was asked for, else the first of each.
fn of_samples(kinds: &[EventKind], args: &PreviewArgs) -> Vec<Occasion> {
    let most = if args.kind.is_some() { usize::MAX } else { 1 };
    let all = samples::events();
    let of_kind = |kind: &EventKind| {
        let kind = *kind;
        let same = all.iter().filter(move |(_, event)| event.kind == kind).take(most);
        same.map(|(name, event)| Occasion {
            kind: event.kind,
            facts: Facts::of(event),
            origin: Origin::Sample(name),
        })
    };
    kinds.iter().flat_map(of_kind).collect()
}

fn stored(event: &Event) -> Occasion {
    Occasion { kind: event.kind, facts: Facts::of(event), origin: Origin::Stored }
}
