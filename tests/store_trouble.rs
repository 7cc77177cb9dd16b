//! A store in trouble: what stands in the way at the start is said with its file and the
//! remedy; what comes while the service runs stops nothing, loses nothing, and is over when
//! it ends.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use descript_notify::app::{App, Ended, resolver};
use descript_notify::clock::Clock;
use descript_notify::config::{self, Defaults};
use descript_notify::pipeline::Mode;
use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use support::bridge::{Bridge, Setup, TOKEN, rule, webhook};
use support::program::{Program, Signal};
use support::sink::{Answer, Received, Sink};
use support::{GLANCE, PATIENCE, eventually};

#[tokio::test]
async fn a_file_that_is_no_good_is_named_with_the_remedy() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;
    bridge.cli(&["run", "--once"]).await.succeeded();
    let good = std::fs::read(bridge.store()).unwrap();
    let mut garbage = good.clone();
    garbage[4096..].fill(0xa5);
    let foreign = b"These are not the bytes of a database, not at all.".repeat(99);

    for (what, bytes, remedy) in [
        ("garbage", garbage, "put a backup in its place"),
        ("truncated", good[..good.len() / 2].to_vec(), "put a backup in its place"),
        ("foreign", foreign, "give another path as `store`"),
    ] {
        std::fs::write(bridge.store(), &bytes).unwrap();

        let refused = bridge.cli(&["run"]).await;

        assert_refused(&refused, what, &["state.db", remedy]);
        assert_eq!(std::fs::read(bridge.store()).unwrap(), bytes, "{what}: left alone");
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_with_both_versions() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;
    bridge.cli(&["run", "--once"]).await.succeeded();
    let mut file = open(&bridge.store()).await;
    file.execute("PRAGMA user_version = 99").await.unwrap();
    file.close().await.unwrap();

    for args in [&["run"][..], &["jobs"], &["store", "check"]] {
        let refused = bridge.cli(args).await;

        let known = format!("knows {}", descript_notify::store::SCHEMA_VERSION);
        assert_refused(&refused, "newer", &["state.db", "schema is 99", &known]);
    }
}

#[tokio::test]
async fn a_path_where_no_store_can_be_is_named_with_the_remedy() {
    let sink = Sink::start().await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let inside = |name: &str| folder.path().join(name).display().to_string();

    for (path, remedy) in [
        (folder.path().display().to_string(), "it is a folder"),
        (inside("file/state.db"), "a part of the path is a file"),
        (inside("file/deeper/state.db"), "a part of the path is a file"),
        // Nobody makes folders there, whoever runs this.
        ("/sys/descript-notify/state.db".to_owned(), "as `store`"),
    ] {
        let bridge = Setup::everything_to(&sink).prepare().await;
        let config = std::fs::read_to_string(bridge.config()).unwrap();
        let config = config.replace("sqlite://state.db", &format!("sqlite://{path}"));
        std::fs::write(bridge.config(), config).unwrap();

        let refused = bridge.cli(&["run"]).await;

        assert_refused(&refused, &path, &[&path, remedy]);
    }
}

#[tokio::test]
async fn a_lock_that_another_program_holds_delays_and_loses_nothing() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;
    let in_flight = one_message_in_flight(&bridge, &sink).await;
    let mut other = open(&bridge.store()).await;

    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    let job = bridge.run("agent");
    program.wait_for_stderr("another program holds it").await;
    let (before, walks) = (program.memory_kib().0, bridge.walks());
    eventually("next look at the list", || (bridge.walks() > walks).then_some(())).await;
    assert_eq!(sink.count(), 1, "nothing is said that is not on disk");
    let (after, _) = program.memory_kib();
    other.execute("ROLLBACK").await.unwrap();

    let told = sink.wait_for(2).await;
    bridge.looked().await;
    assert_eq!(jobs_of(&told), [in_flight, job]);
    assert_each_said_once(&sink);
    assert!(program.stderr().contains("state.db"), "{}", program.stderr());
    assert!(after < before + 10 * 1024, "{before} KiB, then {after} KiB");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_lock() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;
    one_message_in_flight(&bridge, &sink).await;
    let mut other = open(&bridge.store()).await;

    other.execute("BEGIN EXCLUSIVE").await.unwrap();
    let walks = bridge.walks();
    eventually("walk that cannot be kept", || (bridge.walks() > walks).then_some(())).await;
    let told = Instant::now();
    program.signal(Signal::Term).await;
    let ended = program.end(PATIENCE).await;

    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert!(told.elapsed() < Duration::from_secs(16), "{:?}", told.elapsed());
}

/// `RLIMIT_FSIZE` stands for a full disk: no file may grow. A program is killed for trying,
/// unless it was told not to mind, as a disk does not kill either.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_delays_and_loses_nothing() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;
    let program = bridge.launch(&["run"]).after_shell("trap '' XFSZ").start();
    bridge.looked().await;
    let in_flight = one_message_in_flight(&bridge, &sink).await;

    disk_of(&program, "1024").await;
    let mut jobs: Vec<String> = (0..50).map(|_| bridge.run("agent")).collect();
    program.wait_for_stderr("The store failed while delivering").await;
    program.wait_for_stderr("Polling main failed").await;
    let (before, _) = program.memory_kib();
    bridge.looked().await;
    bridge.looked().await;
    let (after, _) = program.memory_kib();
    assert_eq!(sink.count(), 1, "nothing is said that is not on disk");
    let written = bridge.cli(&["deliveries", "list", "--json"]).await.succeeded().json();
    assert_eq!(written["deliveries"][0]["state"], "sending", "{written:#}");
    let log = program.stderr();
    disk_of(&program, "unlimited").await;

    let told = sink.wait_for(51).await;
    bridge.looked().await;
    jobs.push(in_flight);
    jobs.sort();
    let mut told = jobs_of(&told);
    told.sort();
    assert_eq!(told, jobs);
    assert_each_said_once(&sink);
    assert!(log.contains("state.db") && log.contains("check both"), "{log}");
    assert!(after < before + 10 * 1024, "{before} KiB, then {after} KiB");
    bridge.cli(&["store", "check"]).await.succeeded();
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test itself waits for the service to stop")]
async fn a_clock_that_steps_by_hours_delays_nothing_and_repeats_nothing() {
    let sink = Sink::start().await;
    let notifier = webhook("hook", &sink) + "retry_for = \"1h\"\n";
    let bridge = Setup::new(notifier + &rule("all", &["any"], &["hook"])).prepare().await;
    let (clock, stop) = (Clock::fixed(now()), CancellationToken::new());
    let mut tasks = JoinSet::new();
    let hours = Hours::run(&mut tasks, clock.clone());
    let app = in_process(&bridge, clock).await;
    let running = tokio::spawn(app.run(stop.clone(), None));
    bridge.looked().await;

    let mut expected = 0;
    for step in [-5, 9, -48, 0, 30] {
        sink.script([Answer::status(503)]);
        let job = bridge.run("agent");
        expected += 2;
        sink.wait_for(expected - 1).await;
        // Its next attempt is due in a second of the old time.
        hours.set(step);
        let begun = Instant::now();
        sink.wait_for(expected).await;
        bridge.succeed(&job);
        expected += 1;
        sink.wait_for(expected).await;
        assert!(begun.elapsed() < Duration::from_secs(12), "{step} h: {:?}", begun.elapsed());
    }
    let walks = bridge.walks();
    let begun = Instant::now();
    bridge.looked().await;
    bridge.looked().await;
    let looks = (bridge.walks() - walks) as u128;
    assert!(looks <= 2 + begun.elapsed().as_millis() / 150, "{looks} in {:?}", begun.elapsed());

    stop.cancel();
    assert_eq!(running.await.unwrap(), Ended::Stopped { clean: true });
    assert_eq!(sink.count(), expected);
    let rows = bridge.deliveries().await;
    assert_eq!(rows.len(), 10);
    assert!(rows.iter().all(|row| row["state"] == "sent"), "{rows:#?}");
}

/// The service inside this test, with a clock that can be set.
async fn in_process(bridge: &Bridge, clock: Clock) -> App {
    let text = std::fs::read_to_string(bridge.config()).unwrap();
    let text = text.replace("{ env = \"DESCRIPT_API_TOKEN\" }", &format!("\"{TOKEN}\""));
    let parsed = config::parse(&text, bridge.folder(), &Defaults { state_folder: None });
    let config = parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.problems));
    App::build(config, &resolver(&bridge.config()), clock, Mode::Service).await.unwrap()
}

/// A clock that goes on as it should, and is wrong by so many hours.
struct Hours(tokio::sync::watch::Sender<i64>);

impl Hours {
    fn run(tasks: &mut JoinSet<()>, clock: Clock) -> Self {
        let (hours, wrong) = tokio::sync::watch::channel(0);
        tasks.spawn(async move {
            loop {
                let step = SignedDuration::from_hours(*wrong.borrow());
                clock.set(now() + step);
                tokio::time::sleep(GLANCE).await;
            }
        });
        Self(hours)
    }

    fn set(&self, hours: i64) {
        self.0.send_replace(hours);
    }
}

fn now() -> Timestamp {
    Clock::System.now()
}

/// A message that has gone out and whose answer comes while the store is in trouble.
async fn one_message_in_flight(bridge: &Bridge, sink: &Sink) -> String {
    sink.script([Answer::ok().after(Duration::from_millis(1500))]);
    let job = bridge.run("agent");
    sink.wait_for(1).await;
    job
}

async fn open(file: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(file).connect().await.unwrap()
}

#[cfg(target_os = "linux")]
async fn disk_of(program: &Program, bytes: &str) {
    let mut command = tokio::process::Command::new("prlimit");
    let pid = program.pid().to_string();
    let set = command.args(["--pid", &pid, &format!("--fsize={bytes}:")]).status().await;
    assert!(set.unwrap().success(), "prlimit");
}

fn jobs_of(told: &[Received]) -> Vec<String> {
    told.iter().map(Received::job_id).collect()
}

fn assert_each_said_once(sink: &Sink) {
    let mut ids: Vec<String> =
        sink.received().iter().map(|it| it.header("webhook-id").unwrap().to_owned()).collect();
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

fn assert_refused(refused: &support::program::Output, what: &str, told: &[&str]) {
    assert_eq!(refused.code, Some(1), "{what}: {refused:#?}");
    for told in told {
        assert!(refused.stderr.contains(told), "{what}: no `{told}` in {}", refused.stderr);
    }
    assert_eq!(refused.stdout, "", "{what}");
}
