//! The program under test, run as a user runs it: a config file, `run`, and signals.
//!
//! What it uses is read from `/proc`, so this bench is for Linux.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::board::Board;
use crate::sink::Sink;

/// The binary that was built with this bench.
pub const BINARY: &str = env!("CARGO_BIN_EXE_descript-notify");

/// The first source.
pub const SOURCE: &str = "main";

/// Long enough for a service that hangs to be told from one that is slow.
const PATIENCE: Duration = Duration::from_secs(60);

/// About 250 bytes once rendered, as a chat message is.
const TEMPLATE: &str = r#"{"text": "{{job.project_name}}: {{job.job_type}} {{event.kind}}, see {{job.project_url}}", "job": "{{job.job_id}}", "at": "{{event.detected_at}}"}"#;

/// A folder with a config, and the store once the service has run.
#[derive(Debug)]
pub struct Home(TempDir);

/// The one rule of most measurements.
const RULE: &str = r#"
[[rules]]
name = "ended"
on = ["finished"]
notify = ["hook"]
"#;

impl Home {
    /// One source, one rule, one webhook without a pace, one template.
    pub fn new(board: &Board, sink: &Sink, poll_interval: Duration) -> Self {
        Self::with(board, sink, poll_interval, 1, RULE)
    }

    /// The same with so many sources, and other rules.
    pub fn with(
        board: &Board,
        sink: &Sink,
        poll_interval: Duration,
        sources: usize,
        rules: &str,
    ) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let mut config = format!(
            r#"
[service]
store = "sqlite://state.db"
templates = "templates"

[notifiers.hook]
type = "webhook"
url = "{}"
rate = "unlimited"
{rules}"#,
            sink.url
        );
        let poll_ms = poll_interval.as_millis();
        for number in 0..sources {
            let name = if number == 0 { SOURCE.to_owned() } else { format!("s{number}") };
            config.push_str(&format!(
                r#"
[sources.{name}]
token = "bench-token"
base_url = "{}"
poll_interval = "{poll_ms}ms"
idle_interval = "{poll_ms}ms"
"#,
                board.base_url
            ));
        }
        let templates = folder.path().join("templates/webhook");
        fs::create_dir_all(&templates).expect("a folder");
        fs::write(templates.join("default.json.hbs"), TEMPLATE).expect("a template");
        fs::write(folder.path().join("rules.toml"), config).expect("a config");
        Self(folder)
    }

    /// Where the service keeps its store.
    pub fn store(&self) -> PathBuf {
        self.file("state.db")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// A running service; killed when dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    process: PathBuf,
    pub spawned_at: Instant,
}

/// What a process uses, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    pub resident: u64,
    /// Without what is mapped from files, which other processes may share.
    pub private: u64,
}

impl Service {
    /// Starts the service. Its log goes to a file, as it would to a journal.
    pub fn start(home: &Home) -> Self {
        let log = fs::File::create(home.file("log")).expect("a log");
        let spawned_at = Instant::now();
        let child = Command::new(BINARY)
            .args(["run", "--config"])
            .arg(home.file("rules.toml"))
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the binary starts");
        let process = Path::new("/proc").join(child.id().expect("it runs").to_string());
        Self { child, process, spawned_at }
    }

    /// Waits until so many polls were begun since the board last forgot: all but the last of
    /// them are over. Returns when the first was begun.
    pub async fn polled(&mut self, board: &Board, polls: usize) -> Instant {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let asked = board.asked();
            if asked.polls.len() >= polls {
                return asked.polls[0];
            }
            let ended = self.child.try_wait().expect("a state");
            assert!(ended.is_none(), "the service ended by itself: {ended:?}");
            assert!(Instant::now() < deadline, "{} polls after {PATIENCE:?}", asked.polls.len());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Asks it to end with SIGTERM and returns how long that took.
    pub async fn stop(mut self) -> Duration {
        let pid = self.child.id().expect("it runs").to_string();
        let asked_at = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill");
        assert!(sent.success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it stops");
        let took = asked_at.elapsed();
        assert!(ended.expect("a state").success(), "it ends with 0");
        took
    }

    /// Processor time so far, of all threads that live.
    pub fn cpu(&self) -> Duration {
        let mut total_ns = 0;
        for task in fs::read_dir(self.process.join("task")).expect("threads") {
            // A thread may end in between.
            let Ok(text) = fs::read_to_string(task.expect("a thread").path().join("schedstat"))
            else {
                continue;
            };
            let on_cpu_ns = text.split(' ').next().and_then(|field| field.parse::<u64>().ok());
            total_ns += on_cpu_ns.unwrap_or(0);
        }
        Duration::from_nanos(total_ns)
    }

    /// What it has in memory now.
    pub fn memory(&self) -> Memory {
        let status = fs::read_to_string(self.process.join("status")).expect("a status");
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
            let kib: u64 = line.split_whitespace().next().and_then(|it| it.parse().ok()).expect("");
            kib * 1024
        };
        Memory { resident: bytes("VmRSS:"), private: bytes("RssAnon:") }
    }
}
