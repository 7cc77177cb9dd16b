//! How a service at rest, and one with much to say, grow with what they know.

use std::fmt::Write as _;
use std::time::Duration;

use descript_notify::clock::Clock;
use jiff::SignedDuration;

use crate::board::{Board, Shown};
use crate::figures::{Grown, GrownRules};
use crate::ledger::fill;
use crate::measure::{PATIENCE, STEADY};
use crate::service::{Home, Service};
use crate::sink::Sink;

/// What the list shows at each poll: a page, of which one job runs.
const LISTED: usize = 100;

/// Polls that are watched, of each source.
const POLLS: usize = 20;

/// Messages of a burst.
const MESSAGES: usize = 1_000;

/// A service that knows `jobs`, of which the list still shows 100. Its store is filled before.
pub async fn of_jobs(jobs: usize) -> Grown {
    let (sink, board) = (Sink::start().await, listed().await);
    let home = Home::new(&board, &sink, Duration::from_millis(500));
    fill(&home.store(), jobs.saturating_sub(LISTED), Clock::System.now()).await;
    at_rest(&home, &board, jobs, 1, Duration::from_millis(500)).await
}

/// A service that polls so many sources, each of which shows 100 jobs.
pub async fn of_sources(sources: usize) -> Grown {
    let interval = Duration::from_secs(if sources > 100 { 5 } else { 1 });
    let (sink, board) = (Sink::start().await, listed().await);
    let home = Home::with(&board, &sink, interval, sources, "");
    at_rest(&home, &board, sources, sources, interval).await
}

async fn listed() -> Board {
    let jobs: Vec<_> = (0..LISTED)
        .map(|number| {
            let age = SignedDuration::from_secs(i64::try_from(number).expect("small"));
            (age, if number == 0 { Shown::Running } else { Shown::Succeeded })
        })
        .collect();
    Board::start(Clock::System.now(), &jobs).await
}

async fn at_rest(
    home: &Home,
    board: &Board,
    count: usize,
    sources: usize,
    interval: Duration,
) -> Grown {
    let mut service = Service::start(home);
    service.polled(board, STEADY * sources).await;
    service.stop().await;

    board.forget();
    let mut service = Service::start(home);
    service.polled(board, sources).await;
    let start_ms = board.asked().polls[sources - 1] - service.spawned_at;
    service.polled(board, STEADY * sources).await;
    tokio::time::sleep(interval / 2).await;
    board.forget();
    let cpu_before = service.cpu();
    let watched = u32::try_from(POLLS.div_ceil(sources).max(2)).expect("small");
    tokio::time::sleep(interval * watched).await;
    let (asked, cpu) = (board.asked(), service.cpu() - cpu_before);
    let grown = Grown {
        count,
        start_ms: start_ms.as_secs_f64() * 1e3,
        poll_cpu_ms: cpu.as_secs_f64() * 1e3 / asked.polls.len() as f64,
        requests_per_poll: asked.requests as f64 / asked.polls.len() as f64,
        memory: service.memory(),
    };
    service.stop().await;
    grown
}

/// A service with `rules`, each about another project: 1,000 jobs of three projects end at once,
/// and one rule is about each of those.
pub async fn of_rules(rules: usize) -> GrownRules {
    let age = |number: usize| SignedDuration::from_millis(number.try_into().expect("small"));
    let jobs: Vec<_> = (1..=MESSAGES).map(|number| (age(number), Shown::Running)).collect();
    let sink = Sink::start().await;
    let board = Board::start(Clock::System.now(), &jobs).await;
    let mut text = String::new();
    for number in 0..rules.max(1) {
        // Where there is one rule, it is about all of them.
        let projects = match (rules, number) {
            (0..3, _) => (0..3).map(|number| format!("{:?}", Board::project(number))).collect(),
            (_, 0..3) => vec![format!("{:?}", Board::project(number))],
            // Short: the file of a config has its limit.
            _ => vec![format!("\"p{number}\"")],
        };
        let about = format!("match.\"job.project_id\" = [{}]", projects.join(", "));
        let rule = format!("name = \"{number}\"\non = [\"finished\"]\nnotify = [\"hook\"]");
        write!(text, "\n[[rules]]\n{rule}\n{about}\n").expect("memory");
    }
    let home = Home::with(&board, &sink, Duration::from_secs(1), 1, &text);
    let mut service = Service::start(&home);
    let start_ms = service.polled(&board, 1).await - service.spawned_at;
    service.polled(&board, STEADY + 1).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let memory = service.memory();
    let cpu_before = service.cpu();
    board.finish(0..MESSAGES);
    sink.wait_for(MESSAGES, PATIENCE).await;
    let cpu = service.cpu() - cpu_before;
    service.stop().await;
    GrownRules {
        count: rules,
        start_ms: start_ms.as_secs_f64() * 1e3,
        memory,
        cpu_s: cpu.as_secs_f64() * 1e3 / MESSAGES as f64,
    }
}
