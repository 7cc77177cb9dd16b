//! A storm: very many jobs end at once, and the service behind the notifier has no room for
//! half of what it gets. Everything is delivered, nothing twice, and memory stays small.
//!
//! `STORM_JOBS` sets another number of jobs.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]
#![cfg(target_os = "linux")]

#[path = "support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use support::bridge::{Setup, rule};

/// As many as a busy agency has in a month.
const JOBS: usize = 10_000;

/// How much memory the storm may cost.
const MOST_GROWTH_KIB: u64 = 50 * 1024;

/// So often in a row a message finds no room; waits double, so the last of many thousands would
/// otherwise take half an hour by bad luck.
const MOST_REFUSALS: usize = 4;

/// On a machine that is busy with something else.
const PATIENCE: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "a test has no other way to be told")]
#[expect(clippy::print_stdout, reason = "what it took is told with --nocapture")]
async fn ten_thousand_ends_at_once_are_all_told_once_in_little_memory() {
    let jobs = std::env::var("STORM_JOBS").map_or(JOBS, |count| count.parse().unwrap());
    let service = BusyService::start().await;
    let notifier = format!(
        "\n[notifiers.hook]\ntype = \"webhook\"\nurl = \"{}\"\nrate = \"unlimited\"\n",
        service.url
    );
    let setup = Setup::new(notifier + &rule("all", &["any"], &["hook"]))
        .intervals("poll_interval = \"3s\"\nidle_interval = \"3s\"");
    let bridge = setup.prepare().await;
    let program = bridge.launch(&["--log", "error", "run"]).start();
    bridge.looked().await;
    let (before, _) = program.memory_kib();

    let begun = Instant::now();
    for number in 0..jobs {
        bridge.world.put_job(ended(number));
    }
    let put = begun.elapsed();
    service.wait_until_taken(jobs).await;
    let took = begun.elapsed();
    bridge.looked().await;
    let (after, peak) = program.memory_kib();

    let check = bridge.cli(&["store", "check", "--json"]).await.succeeded().json();
    let tally = service.tally.lock().unwrap();
    let refused: usize = tally.refusals.values().sum();
    println!(
        "{jobs} jobs, {} attempts, in {took:?} (put in {put:?}); from {before} KiB to {after} KiB, \
         at most {peak} KiB",
        tally.taken.values().sum::<usize>() + refused,
    );
    assert_eq!(tally.taken.len(), jobs);
    assert!(tally.taken.values().all(|times| *times == 1), "something was told twice");
    assert!(refused > jobs * 3 / 4, "only {refused} were refused");
    assert!(peak < before + MOST_GROWTH_KIB, "from {before} KiB to {peak} KiB");
    assert_eq!(check["deliveries"], json!({ "sent": jobs }));
    assert_eq!(program.stderr(), "");
}

/// A job that has ended, as large as they are.
fn ended(number: usize) -> Value {
    json!({
        "job_state": "stopped",
        "project_id": format!("project-{}", number % 40),
        "result": {
            "status": "success",
            "agent_response": "I removed the filler words and tightened the pauses. ".repeat(12),
            "project_changed": true,
            "media_seconds_used": 0,
            "ai_credits_used": number % 90,
        },
    })
}

/// Answers 429 half of the time, by chance, without naming a wait: one would hold the whole
/// notifier for its length, as it should, and the storm would be a matter of that.
#[derive(Debug)]
struct BusyService {
    url: String,
    tally: Arc<Mutex<Tally>>,
    count: watch::Receiver<usize>,
    _serving: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Tally {
    /// How often each message was taken, by its id.
    taken: HashMap<String, usize>,
    refusals: HashMap<String, usize>,
}

type Desk = (Arc<Mutex<Tally>>, watch::Sender<usize>);

impl BusyService {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (sender, count) = watch::channel(0);
        let tally: Arc<Mutex<Tally>> = Arc::default();
        let desk: Desk = (tally.clone(), sender);
        let router = Router::new().fallback(answer).with_state(desk);
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, tally, count, _serving: serving }
    }

    async fn wait_until_taken(&self, count: usize) {
        let mut taken = self.count.clone();
        let waited = tokio::time::timeout(PATIENCE, taken.wait_for(|taken| *taken >= count)).await;
        assert!(waited.is_ok(), "only {:?} were taken in {PATIENCE:?}", self.count.borrow());
    }
}

async fn answer(State((tally, count)): State<Desk>, headers: HeaderMap) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let mut tally = tally.lock().unwrap();
    let refusals = tally.refusals.entry(id.clone()).or_default();
    if *refusals < MOST_REFUSALS && fastrand::bool() {
        *refusals += 1;
        return StatusCode::TOO_MANY_REQUESTS;
    }
    *tally.taken.entry(id).or_default() += 1;
    count.send_replace(tally.taken.len());
    StatusCode::OK
}
