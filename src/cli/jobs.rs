//! `jobs`: what is known of jobs, beside a running service or without one.

use clap::Args;
use serde_json::{Value, json};

use super::screen::Screen;
use super::table::Table;
use super::{Global, Stop, settings};
use crate::exit::Exit;
use crate::store::{JobFilter, JobRow};

#[derive(Debug, Args)]
pub(super) struct JobsArgs {
    /// Only jobs in this state, like `running` or `stopped`
    #[arg(long, value_name = "STATE")]
    state: Option<String>,
    /// Only jobs of this project: its id or its exact name
    #[arg(long, value_name = "PROJECT")]
    project: Option<String>,
    /// At most so many, newest first
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// One JSON document instead of a table
    #[arg(long)]
    json: bool,
}

pub(super) async fn jobs(args: &JobsArgs, global: &Global, screen: &Screen) -> Result<Exit, Stop> {
    let store = settings::store_beside(global, screen).await?;
    let filter =
        JobFilter { state: args.state.clone(), project: args.project.clone(), most: args.limit };
    let listed = store.jobs(&filter).await.map_err(settings::failed(&store))?;
    store.close().await;
    if args.json {
        let jobs: Vec<Value> = listed.rows.iter().map(JobRow::document).collect();
        screen.say_json(&json!({ "jobs": jobs }));
        return Ok(Exit::Done);
    }
    let mut table = Table::new(&["CREATED (UTC)", "STATE", "RESULT", "TYPE~", "PROJECT~", "JOB~"]);
    for row in &listed.rows {
        let job = &row.job;
        let result = job.document.get("result").and_then(|result| result.get("status"));
        let project = row.project_name.clone().or_else(|| job.project_id.clone());
        table.row([
            settings::short(job.created_at.unwrap_or(job.first_seen_at)),
            job.state.as_str().to_owned(),
            result.and_then(Value::as_str).unwrap_or("").to_owned(),
            job.job_type.clone(),
            project.unwrap_or_default(),
            job.id.to_string(),
        ]);
    }
    settings::say_table(screen, &table, listed.rows.len(), listed.more, "job");
    Ok(Exit::Done)
}
