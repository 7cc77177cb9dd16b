//! What time makes, from a config's text over the emulated API to the ledger: jobs that take
//! long or do not move, projects that come to rest, spending that reaches a limit. The clock is
//! the test's, so that hours and restarts take no time.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod idle;
mod slow;
mod spend;

use std::path::{Path, PathBuf};
use std::time::Duration;

use descript_notify::clock::Clock;
use descript_notify::config::{self, Config, Defaults};
use descript_notify::deliver;
use descript_notify::emulator::{Emulator, Fault, Options, Running, World};
use descript_notify::model::{Event, EventKind};
use descript_notify::pipeline::{
    Current, Ingest, IngestParts, Mode, Nudges, Policy, Polled, Route, Routes,
};
use descript_notify::rules::RuleSet;
use descript_notify::secret::{Redactor, Resolver};
use descript_notify::source::Client;
use descript_notify::store::{Access, DeliveryFilter, EventFilter, Store};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, Executor};
use tempfile::TempDir;

/// Two Drives and a store, between which pollers come and go.
struct Stage {
    main: Running,
    other: Running,
    store: Store,
    clock: Clock,
    rules: String,
    folder: TempDir,
}

/// The kinds that time makes.
const MADE: [EventKind; 4] =
    [EventKind::Overdue, EventKind::Stalled, EventKind::ProjectIdle, EventKind::SpendCrossed];

impl Stage {
    /// A Friday, eight in the morning.
    async fn prepare(rules: &str) -> Self {
        deliver::http::install_crypto();
        let clock = Clock::fixed("2026-11-20T08:00:00Z".parse().unwrap());
        let main = Emulator::start(Options::default(), clock.clone()).await.unwrap();
        let other = Emulator::start(Options::default(), clock.clone()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let store = Store::open(&path, Access::Service, clock.now()).await.unwrap();
        Self { main, other, store, clock, rules: rules.to_owned(), folder }
    }

    /// What a reload puts in the place of the policy: other rules.
    fn policy(&self, rules: &str) -> Policy {
        let config = self.config(rules);
        let routes = config.notifiers.iter();
        let routes = routes.map(|settings| (settings.name.clone(), Route::of(settings)));
        let rules = RuleSet::new(config.rules);
        Policy { routes: Routes::new(routes), rules, ..Policy::default() }
    }

    fn config(&self, rules: &str) -> Config {
        let source = |name: &str, at: &Running| {
            let url = at.base_url();
            format!("[sources.{name}]\ntoken = \"t0ken-t0ken\"\nbase_url = \"{url}\"\n")
        };
        let text = format!(
            "[service]\nstore = \"sqlite://state.db\"\n{}{}\
             [notifiers.screen]\ntype = \"console\"\n{rules}",
            source("main", &self.main),
            source("other", &self.other),
        );
        let parsed = config::parse(&text, Path::new("/"), &Defaults::default());
        parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.problems))
    }

    /// A poller of the main source as a start makes it.
    async fn start(&self) -> Ingest {
        self.start_source(0).await
    }

    async fn start_source(&self, place: usize) -> Ingest {
        self.start_with(place, &Current::new(self.policy(&self.rules))).await
    }

    async fn start_with(&self, place: usize, policy: &Current) -> Ingest {
        let settings = self.config(&self.rules).sources[place].clone();
        let resolver = Resolver::of_vars(&[], Path::new("/"));
        let client = Client::build(&settings, &resolver, &mut Redactor::default()).unwrap();
        let parts = IngestParts {
            settings,
            client: std::sync::Arc::new(client),
            store: self.store.clone(),
            policy: policy.clone(),
            nudges: Nudges::default(),
            clock: self.clock.clone(),
            keep: Duration::from_secs(30 * 86_400),
            mode: Mode::Service,
        };
        Ingest::start(parts).await.unwrap()
    }

    fn world(&self) -> World {
        self.main.handle()
    }

    fn fault(&self, fault: &str) {
        self.world().queue_fault(fault.parse::<Fault>().unwrap());
    }

    fn pass(&self, minutes: i64) {
        self.clock.set(self.clock.now() + SignedDuration::from_mins(minutes));
    }

    fn set(&self, now: &str) {
        self.clock.set(now.parse().unwrap());
    }

    /// A job that runs since now.
    fn run(&self, id: &str, project: &str) {
        self.world().put_job(json!({"job_id": id, "project_id": project, "job_state": "running"}));
    }

    fn finish(&self, id: &str, result: Value) {
        assert!(self.world().finish(id, result), "no job {id}");
    }

    /// What time has made, oldest first.
    async fn made(&self) -> Vec<Event> {
        let filter = EventFilter { most: 1_000, ..EventFilter::default() };
        let listed = self.store.events(&filter).await.unwrap();
        let told = listed.rows.into_iter().rev().map(|row| row.event);
        told.filter(|event| MADE.contains(&event.kind)).collect()
    }

    /// How many messages are owed for what time has made.
    async fn owed(&self) -> usize {
        let filter = DeliveryFilter { most: 1_000, ..DeliveryFilter::default() };
        let listed = self.store.deliveries(&filter).await.unwrap();
        listed.rows.iter().filter(|row| MADE.contains(&row.delivery.kind)).count()
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// From now on no event of this kind can be written down; `None`: all can again.
    async fn refuse(&self, kind: Option<EventKind>) {
        let mut file = SqliteConnectOptions::new().filename(self.file()).connect().await.unwrap();
        file.execute("DROP TRIGGER IF EXISTS refuse").await.unwrap();
        if let Some(kind) = kind {
            let trigger = format!(
                "CREATE TRIGGER refuse BEFORE INSERT ON event WHEN NEW.kind = '{kind}'
                 BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
            );
            file.execute(sqlx::AssertSqlSafe(trigger)).await.unwrap();
        }
        file.close().await.unwrap();
    }
}

/// One look that goes well.
async fn look(ingest: &mut Ingest) {
    let polled: Polled = ingest.poll().await;
    assert!(polled.result.is_ok(), "{:?}", polled.result);
}
