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
mod limit;
mod measure;
mod service;
mod sink;

use std::process::ExitCode;
use std::time::Duration;

use figures::{Burst, Figures};

/// The whole run, whatever hangs.
const LONGEST: Duration = Duration::from_secs(300);

/// How much is measured.
struct Plan {
    bursts: usize,
    burst_messages: usize,
    posts: usize,
    paced_messages: usize,
    interval: Duration,
    rest: Duration,
    starts: usize,
}

impl Plan {
    const FULL: Self = Self {
        bursts: 5,
        burst_messages: 2_000,
        posts: 20_000,
        paced_messages: 100,
        interval: Duration::from_millis(200),
        rest: Duration::from_secs(10),
        starts: 7,
    };

    const QUICK: Self = Self {
        bursts: 1,
        burst_messages: 500,
        posts: 4_000,
        paced_messages: 20,
        interval: Duration::from_millis(200),
        rest: Duration::from_secs(3),
        starts: 3,
    };
}

fn main() -> ExitCode {
    let asked_for = |word: &str| std::env::args().any(|argument| argument == word);
    let plan = if asked_for("--quick") { Plan::QUICK } else { Plan::FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let figures = runtime
        .block_on(async { tokio::time::timeout(LONGEST, measure(&plan)).await })
        .expect("the bench ends in time");
    println!("{}", figures.shown());
    let misses = if asked_for("--check") { figures.misses() } else { Vec::new() };
    misses.iter().for_each(|miss| println!("missed: {miss}"));
    if misses.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn measure(plan: &Plan) -> Figures {
    println!("at rest …");
    let (idle, start_ms, stop_ms) = measure::rest(plan.rest, plan.starts).await;
    println!("one job at a time …");
    let latency = measure::latency(plan.interval, plan.paced_messages).await;
    let mut burst = Burst::default();
    for round in 1..=plan.bursts {
        println!("many at once, round {round} of {} …", plan.bursts);
        measure::burst(&mut burst, plan.burst_messages, plan.posts).await;
    }
    let binary_bytes = std::fs::metadata(service::BINARY).expect("the binary").len();
    Figures { burst, latency, idle, start_ms, stop_ms, binary_bytes }
}
