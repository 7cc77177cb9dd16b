//! The crank of a source's poller, turned by hand: the emulator, the store and the clock stand
//! in this process, so what takes minutes or a restart takes neither.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::time::Duration;

use descript_notify::clock::Clock;
use descript_notify::config::{self, Defaults};
use descript_notify::deliver;
use descript_notify::emulator::{Emulator, Fault, Options, Running, World};
use descript_notify::model::EventKind;
use descript_notify::pipeline::{Current, Ingest, IngestParts, Mode, Nudges, Policy, Polled};
use descript_notify::rules::RuleSet;
use descript_notify::secret::{Redactor, Resolver};
use descript_notify::source::Client;
use descript_notify::store::{Access, EventFilter, Store};
use jiff::SignedDuration;
use serde_json::json;
use tempfile::TempDir;

const OURS: &str = "1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11";
const OTHERS: &str = "9f36ee32-5a2c-47e7-b1a3-94991d3e3ddb";

const ONLY_OURS: &str = "project_id = \"1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11\"";
const ONLY_OTHERS: &str = "project_id = \"9f36ee32-5a2c-47e7-b1a3-94991d3e3ddb\"";

/// In minutes.
const DAY: i64 = 24 * 60;

/// An emulator and a store, between which pollers come and go.
struct Stage {
    emulator: Running,
    store: Store,
    clock: Clock,
    _folder: TempDir,
}

impl Stage {
    async fn prepare() -> Self {
        deliver::http::install_crypto();
        let clock = Clock::fixed("2026-11-20T08:00:00Z".parse().unwrap());
        let emulator = Emulator::start(Options::default(), clock.clone()).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let store = Store::open(&path, Access::Service, clock.now()).await.unwrap();
        Self { emulator, store, clock, _folder: folder }
    }

    /// A poller as a start makes it, with these lines for its source.
    async fn start(&self, lines: &str) -> Ingest {
        let text = format!(
            "[service]\nstore = \"sqlite://state.db\"\n\
             [sources.main]\ntoken = \"t0ken-t0ken\"\nbase_url = \"{}\"\n{lines}\n\
             [notifiers.screen]\ntype = \"console\"\n\
             [[rules]]\nname = \"all\"\non = [\"any\", \"source_down\"]\nnotify = [\"screen\"]\n",
            self.emulator.base_url()
        );
        let parsed = config::parse(&text, Path::new("/"), &Defaults::default());
        let config = parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.problems));
        let settings = config.sources[0].clone();
        let resolver = Resolver::of_vars(&[], Path::new("/"));
        let client = Client::build(&settings, &resolver, &mut Redactor::default()).unwrap();
        let parts = IngestParts {
            settings,
            client: std::sync::Arc::new(client),
            store: self.store.clone(),
            policy: Current::new(Policy { rules: RuleSet::new(config.rules), ..Policy::default() }),
            nudges: Nudges::default(),
            clock: self.clock.clone(),
            keep: Duration::from_secs(30 * 86_400),
            mode: Mode::Service,
        };
        Ingest::start(parts).await.unwrap()
    }

    fn world(&self) -> World {
        self.emulator.handle()
    }

    fn pass(&self, minutes: i64) {
        self.clock.set(self.clock.now() + SignedDuration::from_mins(minutes));
    }

    /// A job of a project that was made so long ago and has ended.
    fn ended(&self, id: &str, project: &str, minutes_ago: i64) {
        let created_at = self.ago(minutes_ago);
        let job = json!({"job_id": id, "project_id": project, "created_at": created_at,
                         "job_state": "stopped", "result": {"status": "success"}});
        self.world().put_job(job);
    }

    /// A job of a project that was made so long ago and runs.
    fn running(&self, id: &str, project: &str, minutes_ago: i64) {
        let created_at = self.ago(minutes_ago);
        let job = json!({"job_id": id, "project_id": project, "created_at": created_at,
                         "job_state": "running"});
        self.world().put_job(job);
    }

    fn ago(&self, minutes: i64) -> String {
        (self.clock.now() - SignedDuration::from_mins(minutes)).to_string()
    }

    /// What was recorded, oldest first: the kind, about which job, and whether it was late.
    async fn events(&self) -> Vec<(EventKind, String, bool)> {
        let filter = EventFilter { most: 1_000, ..EventFilter::default() };
        let listed = self.store.events(&filter).await.unwrap();
        let told = listed.rows.into_iter().rev().map(|row| row.event);
        told.map(|event| (event.kind, event.key.subject, event.late)).collect()
    }
}

/// Turns the crank as long as it takes for all windows to have been walked twice.
async fn settle(ingest: &mut Ingest) {
    for _ in 0..3 {
        let polled = ingest.poll().await;
        assert!(polled.result.is_ok(), "{:?}", polled.result);
    }
}

fn event(kind: EventKind, job: &str, late: bool) -> (EventKind, String, bool) {
    (kind, job.to_owned(), late)
}

#[tokio::test]
async fn a_limit_on_single_reads_sets_the_pace_and_is_no_trouble_of_the_source() {
    let stage = Stage::prepare().await;
    let mut ingest = stage.start("").await;
    stage.running("a", OURS, 1);
    settle(&mut ingest).await;
    // The list no longer shows it, so it is read by its id.
    stage.running("a", OURS, 40 * DAY);
    stage.pass(1);
    stage.world().queue_fault("429:on=get:retry-after=77s:times=always".parse::<Fault>().unwrap());

    let first = ingest.poll().await;
    stage.pass(30);
    let second = ingest.poll().await;

    let wait = |polled: &Polled| polled.wait.as_secs();
    assert!(first.result.is_ok() && second.result.is_ok(), "{first:?} {second:?}");
    assert!((77..=85).contains(&wait(&first)) && (77..=85).contains(&wait(&second)));
    assert_eq!(stage.events().await.len(), 0);
    let health = stage.store.source_health("main").await.unwrap();
    assert_eq!(health.failing_since, None);
}

#[tokio::test]
async fn a_token_that_is_refused_at_a_single_read_is_told_at_once() {
    let stage = Stage::prepare().await;
    let mut ingest = stage.start("").await;
    stage.running("a", OURS, 1);
    settle(&mut ingest).await;
    stage.running("a", OURS, 40 * DAY);
    stage.pass(1);
    stage.world().queue_fault("401:on=get:times=always".parse::<Fault>().unwrap());

    let polled = ingest.poll().await;

    assert!(polled.result.is_err());
    assert_eq!(stage.events().await, [event(EventKind::SourceDown, "main", false)]);
}

#[tokio::test]
async fn a_widened_list_is_read_as_far_back_as_a_first_one_and_as_silently() {
    let stage = Stage::prepare().await;
    stage.ended("other, long ended", OTHERS, 3 * DAY);
    stage.running("other, running", OTHERS, 3 * DAY);
    let mut narrow = stage.start(ONLY_OURS).await;
    settle(&mut narrow).await;
    stage.pass(5 * 60);
    // While nobody watches.
    stage.ended("ours, ended meanwhile", OURS, 60);
    stage.ended("other, ended meanwhile", OTHERS, 60);

    let mut wide = stage.start("").await;
    settle(&mut wide).await;
    stage.world().finish("other, running", json!({"status": "success"}));
    stage.ended("other, new", OTHERS, 0);
    settle(&mut wide).await;

    assert_eq!(
        stage.events().await,
        [
            event(EventKind::Succeeded, "ours, ended meanwhile", true),
            event(EventKind::Succeeded, "other, new", false),
            event(EventKind::Succeeded, "other, running", false),
        ]
    );
}

#[tokio::test]
async fn a_widened_list_is_announced_where_a_first_one_would_be() {
    let stage = Stage::prepare().await;
    stage.ended("other", OTHERS, DAY);
    let mut narrow = stage.start(&format!("{ONLY_OURS}\nfirst_run = \"notify\"")).await;
    settle(&mut narrow).await;

    let mut wide = stage.start(&format!("{ONLY_OTHERS}\nfirst_run = \"notify\"")).await;
    settle(&mut wide).await;

    assert_eq!(stage.events().await, [event(EventKind::Succeeded, "other", true)]);
}

#[tokio::test]
async fn a_widened_list_stays_widened_until_all_of_it_has_come() {
    let stage = Stage::prepare().await;
    let mut narrow = stage.start(ONLY_OURS).await;
    settle(&mut narrow).await;
    stage.ended("other", OTHERS, DAY);

    let mut broken_off = stage.start("").await;
    stage.world().queue_fault("500:on=list".parse::<Fault>().unwrap());
    assert!(broken_off.poll().await.result.is_err());
    drop(broken_off);
    let mut wide = stage.start("").await;
    settle(&mut wide).await;

    assert_eq!(stage.events().await, []);
    assert_eq!(stage.store.remember("main").await.unwrap().ended.len(), 1);
}

#[tokio::test]
async fn a_narrowed_list_forgets_nothing_that_runs() {
    let stage = Stage::prepare().await;
    stage.running("ours", OURS, 5);
    stage.running("other", OTHERS, 5);
    let mut wide = stage.start("").await;
    settle(&mut wide).await;
    stage.pass(60);
    stage.ended("ours, ended meanwhile", OURS, 30);

    let mut narrow = stage.start(ONLY_OURS).await;
    settle(&mut narrow).await;
    stage.world().finish("other", json!({"status": "error"}));
    stage.pass(1);
    settle(&mut narrow).await;

    let told = stage.events().await;
    assert!(told.contains(&event(EventKind::Succeeded, "ours, ended meanwhile", true)), "{told:?}");
    assert!(told.contains(&event(EventKind::Failed, "other", false)), "{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
}
