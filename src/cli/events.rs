//! `events`: what happened, and what the rules said about it.

use clap::Args;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::screen::Screen;
use super::table::Table;
use super::{Global, Stop, settings};
use crate::exit::Exit;
use crate::model::{EventKind, KIND_NAMES, Verdict};
use crate::problem::suggestion;
use crate::store::{EventFilter, EventRow};

#[derive(Debug, Args)]
pub(super) struct EventsArgs {
    /// Only events of this kind, like `failed`
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: Option<EventKind>,
    /// Only events of this long ago, like `1h` or `7d`
    #[arg(long, value_name = "TIME", value_parser = settings::parse_length)]
    since: Option<SignedDuration>,
    /// Only events about this job
    #[arg(long, value_name = "JOB_ID")]
    job: Option<String>,
    /// At most so many, newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

pub(super) async fn events(
    args: &EventsArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Stop> {
    let store = settings::store_beside(global, screen).await?;
    let filter = EventFilter {
        kind: args.kind,
        since: args.since.and_then(|ago| settings::now().checked_sub(ago).ok()),
        job_id: args.job.clone(),
        most: args.limit,
    };
    let listed = store.events(&filter).await.map_err(settings::failed(&store))?;
    store.close().await;
    if args.json {
        let events: Vec<Value> = listed.rows.iter().map(EventRow::document).collect();
        screen.say_json(&json!({ "events": events }));
        return Ok(Exit::Done);
    }
    let mut table =
        Table::new(&["DETECTED (UTC)", "EVENT", "PROJECT~", "JOB~", "RULES THAT MATCHED~"]);
    for row in &listed.rows {
        let document = row.event.document(None, false);
        let job = &document["job"];
        let project = job["project_name"].as_str().or(job["project_id"].as_str());
        let matched: Vec<String> = row
            .verdicts
            .iter()
            .filter(|(_, verdict)| verdict.sends() || verdict.matched())
            .map(|(rule, verdict)| format!("{rule}{}", held_back(verdict)))
            .collect();
        table.row([
            settings::short(row.event.detected_at),
            format!("{}{}", row.event.kind, if row.event.late { " (late)" } else { "" }),
            project.unwrap_or_default().to_owned(),
            row.event.key.subject.clone(),
            matched.join(", "),
        ]);
    }
    settings::say_table(screen, &table, listed.rows.len(), listed.more, "event");
    Ok(Exit::Done)
}

/// What became of a message that was not owed at once.
fn held_back(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Throttled { .. } => " (throttled)",
        Verdict::Gathered { .. } => " (grouped)",
        Verdict::Held { .. } => " (held)",
        Verdict::Dropped { .. } => " (dropped)",
        Verdict::Silenced { .. } => " (silenced)",
        _ => "",
    }
}

pub(super) fn parse_kind(word: &str) -> Result<EventKind, String> {
    let names = KIND_NAMES.map(|(_, name)| name);
    word.parse().map_err(|message| format!("{message}: {}", suggestion(word, &names)))
}
