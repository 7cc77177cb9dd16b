//! `usage`: the media minutes and AI credits that ended jobs have used.
//!
//! A job counts once, on the day it ended. Days are those of `service.timezone`. Jobs are
//! remembered for 31 days after their end, so this reaches no further back.

use clap::{Args, ValueEnum};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::screen::Screen;
use super::table::Table;
use super::{Global, Stop, settings};
use crate::exit::Exit;
use crate::model::{amount, days};
use crate::store::{Store, StoreError, Used};

/// Ended jobs are forgotten after it.
const JOB_MEMORY: SignedDuration = SignedDuration::from_hours(31 * 24);

#[derive(Debug, Args)]
pub(super) struct UsageArgs {
    /// Jobs that ended this long ago at most, like `24h` or `7d`; with `--by day` whole days
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = settings::parse_length)]
    since: SignedDuration,
    /// What is summed up
    #[arg(long, value_name = "WHAT", default_value = "project")]
    by: By,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Project,
    Day,
    Type,
}

/// One line: what it is about, for people and for programs.
struct Line {
    title: String,
    fields: Value,
    used: Used,
}

pub(super) async fn usage(
    args: &UsageArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Stop> {
    let (_, config) = settings::read_quietly(global, screen)?;
    let zone = &config.service.timezone;
    let now = settings::now();
    let Ok(since) = now.checked_sub(args.since) else {
        return Err(Stop::usage("--since reaches back too far"));
    };
    let store = settings::store_of(&config).await.map_err(Stop::failed)?;
    let lines = lines(args.by, since, now, zone, &store).await;
    let lines = lines.map_err(settings::failed(&store));
    store.close().await;
    let lines = lines?;
    let total = lines.iter().fold(Used::default(), |total, line| total.and(&line.used));
    if args.json {
        screen.say_json(&document(args.by, since, now, &lines, &total));
        return Ok(Exit::Done);
    }
    if lines.is_empty() {
        screen.murmur("No job has ended in this time.");
    } else {
        screen.say(&table(args.by, &lines, &total).render(screen.width(), screen.colour()));
    }
    if args.since > JOB_MEMORY {
        screen.murmur(
            "Ended jobs are remembered for 31 days; those that ended before are not counted.",
        );
    }
    Ok(Exit::Done)
}

async fn lines(
    by: By,
    since: Timestamp,
    now: Timestamp,
    zone: &TimeZone,
    store: &Store,
) -> Result<Vec<Line>, StoreError> {
    // What ends in this very moment counts.
    let until = now.checked_add(SignedDuration::from_millis(1)).unwrap_or(now);
    Ok(match by {
        By::Project => store
            .used_by_project((since, until))
            .await?
            .into_iter()
            .map(|row| Line {
                title: row
                    .project_name
                    .clone()
                    .or_else(|| row.project_id.clone())
                    .unwrap_or_else(|| "(no project)".into()),
                fields: json!({ "source": row.source, "project_id": row.project_id,
                    "project_name": row.project_name }),
                used: row.used,
            })
            .collect(),
        By::Type => store
            .used_by_type((since, until))
            .await?
            .into_iter()
            .map(|(job_type, used)| Line {
                fields: json!({ "job_type": job_type }),
                title: job_type,
                used,
            })
            .collect(),
        By::Day => {
            let days = days(since, now, zone);
            let spans: Vec<_> = days.iter().map(|(_, since, until)| (*since, *until)).collect();
            let used = store.used_by_span(&spans).await?.into_iter();
            used.filter_map(|(place, used)| {
                let (day, ..) = days.get(place)?;
                Some(Line { title: day.clone(), fields: json!({ "day": day }), used })
            })
            .collect()
        }
    })
}

impl Used {
    fn and(&self, other: &Self) -> Self {
        Self {
            jobs: self.jobs + other.jobs,
            failed: self.failed + other.failed,
            media_seconds: self.media_seconds + other.media_seconds,
            ai_credits: self.ai_credits + other.ai_credits,
        }
    }
}

fn table(by: By, lines: &[Line], total: &Used) -> Table {
    let title = match by {
        By::Project => "PROJECT~",
        By::Day => "DAY",
        By::Type => "TYPE~",
    };
    let mut table = Table::new(&[title, "JOBS", "FAILED", "MEDIA MIN", "AI CREDITS"]);
    let rows = lines.iter().map(|line| (line.title.as_str(), &line.used));
    for (title, used) in rows.chain([("total", total)]) {
        table.row([
            title.to_owned(),
            used.jobs.to_string(),
            used.failed.to_string(),
            amount(used.media_seconds / 60.0),
            amount(used.ai_credits),
        ]);
    }
    table
}

fn document(by: By, since: Timestamp, now: Timestamp, lines: &[Line], total: &Used) -> Value {
    let by = match by {
        By::Project => "project",
        By::Day => "day",
        By::Type => "type",
    };
    let rows: Vec<Value> = lines.iter().map(|line| row(&line.fields, &line.used)).collect();
    json!({
        "by": by,
        "since": since.to_string(),
        "until": now.to_string(),
        "usage": rows,
        "total": row(&json!({}), total),
    })
}

fn row(fields: &Value, used: &Used) -> Value {
    let mut row = fields.clone();
    row["jobs"] = json!(used.jobs);
    row["failed"] = json!(used.failed);
    row["media_seconds"] = json!(used.media_seconds);
    row["ai_credits"] = json!(used.ai_credits);
    row
}
