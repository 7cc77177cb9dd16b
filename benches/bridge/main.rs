//! The whole way, from a job that ends to a message, with the binary run as a user runs it.
//!
//! A job API and a sink stand in this process; nothing leaves the machine. Throughput is told
//! as a share of a plain POST loop in the same run, since only ratios travel between machines.
//! `--quick` takes small numbers, and `--check` fails where a floor is missed. What the figures
//! mean stands in `benches/README.md`.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that goes wrong stops, and its table goes to the screen"
)]

mod board;
mod figures;
mod growth;
mod ledger;
mod limit;
mod measure;
mod service;
mod shown;
mod sink;

use std::process::ExitCode;
use std::time::Duration;

use figures::{Burst, Figures};

/// A part of the run, whatever hangs.
const LONGEST: Duration = Duration::from_secs(600);

/// How much is measured.
struct Plan {
    bursts: usize,
    burst_messages: usize,
    posts: usize,
    paced_messages: usize,
    interval: Duration,
    rest: Duration,
    starts: usize,
    /// How many jobs are known, rules there are, sources there are.
    jobs: Vec<usize>,
    rules: Vec<usize>,
    sources: Vec<usize>,
}

impl Plan {
    fn full() -> Self {
        Self {
            bursts: 5,
            burst_messages: 10_000,
            posts: 40_000,
            paced_messages: 100,
            interval: Duration::from_millis(200),
            rest: Duration::from_secs(10),
            starts: 7,
            jobs: vec![100, 1_000, 10_000, 100_000, 1_000_000],
            rules: vec![1, 10, 100, 1_000, 10_000],
            sources: vec![1, 10, 100, 1_000],
        }
    }

    fn quick() -> Self {
        Self {
            bursts: 1,
            burst_messages: 500,
            posts: 4_000,
            paced_messages: 20,
            interval: Duration::from_millis(200),
            rest: Duration::from_secs(3),
            starts: 3,
            jobs: vec![100, 10_000],
            rules: vec![10, 1_000],
            sources: vec![1, 100],
        }
    }

    /// With what the command line asks for instead.
    fn asked(mut self, arguments: &[String]) -> Self {
        let numbers = |name: &str| -> Option<Vec<usize>> {
            let place = arguments.iter().position(|argument| argument == name)?;
            let list = arguments.get(place + 1).expect("a number after it");
            Some(list.split(',').map(|number| number.parse().expect("a number")).collect())
        };
        let number = |name: &str| numbers(name).map(|numbers| numbers[0]);
        self.bursts = number("--bursts").unwrap_or(self.bursts);
        self.burst_messages = number("--messages").unwrap_or(self.burst_messages);
        self.jobs = numbers("--jobs").unwrap_or(self.jobs);
        self.rules = numbers("--rules").unwrap_or(self.rules);
        self.sources = numbers("--sources").unwrap_or(self.sources);
        self
    }
}

/// What `--only` can name.
const PARTS: [&str; 6] = ["rest", "latency", "burst", "jobs", "rules", "sources"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let asked_for = |word: &str| arguments.iter().any(|argument| argument == word);
    let plan = if asked_for("--quick") { Plan::quick() } else { Plan::full() };
    let plan = plan.asked(&arguments);
    let only = arguments.iter().position(|argument| argument == "--only");
    let only = only.map(|place| arguments.get(place + 1).map_or("", String::as_str));
    assert!(only.is_none_or(|part| PARTS.contains(&part)), "--only takes one of {PARTS:?}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let mut figures = Figures::default();
    for part in PARTS {
        if only.is_none_or(|only| only == part) {
            let measuring =
                async { tokio::time::timeout(LONGEST, measure(part, &plan, &mut figures)).await };
            runtime.block_on(measuring).expect("the bench ends in time");
        }
    }
    println!("{}", shown::table(&figures));
    let misses = if asked_for("--check") { figures.misses() } else { Vec::new() };
    misses.iter().for_each(|miss| println!("missed: {miss}"));
    if misses.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn measure(part: &str, plan: &Plan, figures: &mut Figures) {
    match part {
        "rest" => {
            println!("at rest …");
            figures.rest = Some(measure::rest(plan.rest, plan.starts).await);
        }
        "latency" => {
            println!("one job at a time …");
            figures.latency = Some(measure::latency(plan.interval, plan.paced_messages).await);
        }
        "burst" => {
            let mut burst = Burst::default();
            for round in 1..=plan.bursts {
                println!("many at once, round {round} of {} …", plan.bursts);
                measure::burst(&mut burst, plan.burst_messages, plan.posts).await;
            }
            figures.burst = Some(burst);
        }
        "jobs" => {
            for jobs in &plan.jobs {
                println!("{jobs} known jobs …");
                figures.jobs.push(growth::of_jobs(*jobs).await);
            }
        }
        "rules" => {
            for rules in &plan.rules {
                println!("{rules} rules …");
                figures.rules.push(growth::of_rules(*rules).await);
            }
        }
        _ => {
            for sources in &plan.sources {
                println!("{sources} sources …");
                figures.sources.push(growth::of_sources(*sources).await);
            }
        }
    }
}
