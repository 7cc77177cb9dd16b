//! A whole stage: an emulator inside the test, a config file, and the program between them.
//!
//! [`Setup`] says what differs from the usual; [`Setup::prepare`] starts the emulator and
//! writes the config; [`Bridge::start`] runs the service until it has looked at everything
//! once. Then a test moves jobs through [`Bridge::world`] and sees what arrives.

use std::path::{Path, PathBuf};

use descript_notify::clock::Clock;
use descript_notify::emulator::{Emulator, Fault, Options, RecordedRequest, Running, World};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{Launch, Output, Program};
use super::sink::Sink;
use super::smtp::SmtpSink;
use super::{eventually, set_mode};

/// What the emulator accepts, and the program reads from its environment.
pub const TOKEN: &str = "drive-token-0123456789abcdef";

/// The variable that holds [`TOKEN`].
pub const TOKEN_VAR: &str = "DESCRIPT_API_TOKEN";

/// What a bridge is to be like.
#[derive(Debug, Default)]
pub struct Setup {
    service: String,
    /// `None` for the usual short ones.
    intervals: Option<String>,
    source: String,
    rest: String,
    vars: Vec<(String, String)>,
    options: Options,
    /// The URL of the store, where it is not the usual file.
    store: Option<String>,
}

/// As short as it takes for a test to be over soon.
const INTERVALS: &str = "poll_interval = \"100ms\"\nidle_interval = \"100ms\"";

impl Setup {
    /// A bridge with these notifiers and rules, in the config's own words.
    pub fn new(rest: impl Into<String>) -> Self {
        let options = Options { token: Some(TOKEN.into()), ..Options::default() };
        let vars = vec![(TOKEN_VAR.to_owned(), TOKEN.to_owned())];
        Self { rest: rest.into(), options, vars, ..Self::default() }
    }

    /// Every event goes to one webhook.
    pub fn everything_to(sink: &Sink) -> Self {
        Self::new(format!("{}{}", webhook("hook", sink), rule("all", &["any"], &["hook"])))
    }

    /// Lines for `[service]`.
    #[must_use]
    pub fn service(mut self, lines: &str) -> Self {
        self.service.push_str(&format!("{lines}\n"));
        self
    }

    /// Lines for the source.
    #[must_use]
    pub fn source(mut self, lines: &str) -> Self {
        self.source.push_str(&format!("{lines}\n"));
        self
    }

    /// The source's intervals, where the usual ones will not do.
    #[must_use]
    pub fn intervals(mut self, lines: &str) -> Self {
        self.intervals = Some(lines.to_owned());
        self
    }

    /// Another store than a file in the config's folder.
    #[must_use]
    pub fn store(mut self, url: &str) -> Self {
        self.store = Some(url.to_owned());
        self
    }

    /// A variable in the program's environment.
    #[must_use]
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Changes how the emulator is.
    #[must_use]
    pub fn emulator(mut self, change: impl FnOnce(&mut Options)) -> Self {
        change(&mut self.options);
        self
    }

    /// Starts the emulator and writes the config; the program does not run yet.
    pub async fn prepare(self) -> Bridge {
        let emulator = Emulator::start(self.options, Clock::System).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "[service]\nstore = \"{}\"\n{}\n[sources.main]\n\
             token = {{ env = \"{TOKEN_VAR}\" }}\nbase_url = \"{}\"\n{}\n{}\n{}",
            self.store.clone().unwrap_or_else(usual_store),
            self.service,
            emulator.base_url(),
            self.intervals.as_deref().unwrap_or(INTERVALS),
            self.source,
            self.rest,
        );
        let file = folder.path().join("rules.toml");
        std::fs::write(&file, config).unwrap();
        // The URLs of sinks stand in it, which are secrets elsewhere.
        set_mode(&file, 0o600);
        let world = emulator.handle();
        Bridge { folder, world, vars: self.vars, _emulator: emulator }
    }

    /// Starts all of it, and waits until the first look is over.
    pub async fn start(self) -> (Bridge, Program) {
        let bridge = self.prepare().await;
        let program = bridge.start().await;
        (bridge, program)
    }
}

/// The stage that a program runs on.
#[derive(Debug)]
pub struct Bridge {
    folder: TempDir,
    pub world: World,
    vars: Vec<(String, String)>,
    _emulator: Running,
}

impl Bridge {
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("rules.toml")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn store(&self) -> PathBuf {
        self.folder.path().join("state.db")
    }

    /// A command with the bridge's config and environment.
    pub fn launch(&self, args: &[&str]) -> Launch {
        let config = self.config();
        let config = config.to_str().unwrap();
        Launch::of(["--config", config].into_iter().chain(args.iter().copied())).vars(&self.vars)
    }

    /// Starts the service and does not wait for anything.
    pub fn spawn(&self) -> Program {
        self.launch(&["run"]).start()
    }

    /// Starts the service and waits until it has looked at everything once.
    pub async fn start(&self) -> Program {
        let program = self.spawn();
        self.looked().await;
        program
    }

    /// Waits for a look at the list that began after this call, and for what follows from it
    /// to be written down.
    pub async fn looked(&self) {
        let before = self.walks();
        // The next one may have begun already, so the end of the second is waited for, which
        // is the beginning of the third.
        let enough = || (self.walks() >= before + 2).then_some(());
        eventually("look at the job list", enough).await;
    }

    /// How many looks at the list have begun.
    pub fn walks(&self) -> usize {
        self.world.requests().iter().filter(|request| is_first_page(request)).count()
    }

    /// Runs a command with the bridge's config to its end.
    pub async fn cli(&self, args: &[&str]) -> Output {
        self.launch(args).run_to_end().await
    }

    /// What the ledger holds, oldest first.
    pub async fn deliveries(&self) -> Vec<Value> {
        self.listing("deliveries", &["deliveries", "list", "--limit", "100000", "--json"]).await
    }

    /// The events, oldest first.
    pub async fn events(&self) -> Vec<Value> {
        self.listing("events", &["events", "--limit", "100000", "--json"]).await
    }

    async fn listing(&self, key: &str, args: &[&str]) -> Vec<Value> {
        let document = self.cli(args).await.succeeded().json();
        let mut rows = document[key].as_array().unwrap().clone();
        rows.reverse();
        rows
    }

    /// A job that is queued now.
    pub fn queue(&self, job_type: &str) -> String {
        self.world.put_job(json!({"job_type": job_type}))
    }

    /// A job that runs now.
    pub fn run(&self, job_type: &str) -> String {
        self.world.put_job(json!({"job_type": job_type, "job_state": "running"}))
    }

    /// Ends a job well.
    pub fn succeed(&self, id: &str) {
        assert!(self.world.finish(id, json!({"status": "success"})), "no job {id}");
    }

    /// The emulator does this wrong from now on.
    pub fn fault(&self, fault: &str) {
        self.world.queue_fault(fault.parse::<Fault>().unwrap());
    }
}

/// A file beside the config; with `DESCRIPT_NOTIFY_TEST_STORE=postgres` a schema of a server, so
/// that a whole suite can be run on one.
#[expect(clippy::disallowed_methods, reason = "a test has no other way to be told")]
fn usual_store() -> String {
    match std::env::var("DESCRIPT_NOTIFY_TEST_STORE").as_deref() {
        Ok("postgres") => super::postgres::schema(),
        _ => "sqlite://state.db".into(),
    }
}

fn is_first_page(request: &RecordedRequest) -> bool {
    let query = request.query.as_deref().unwrap_or_default();
    request.method == "GET" && request.path == "/v1/jobs" && !query.contains("cursor=")
}

/// A webhook notifier at the sink, as fast as it can be.
pub fn webhook(name: &str, sink: &Sink) -> String {
    let url = sink.url(&format!("/{name}"));
    format!("\n[notifiers.{name}]\ntype = \"webhook\"\nurl = \"{url}\"\nrate = \"unlimited\"\n")
}

/// A mail notifier at the sink; `lines` follow.
pub fn email(name: &str, smtp: &SmtpSink, lines: &str) -> String {
    format!(
        "\n[notifiers.{name}]\ntype = \"email\"\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\n\
         from = \"Descript <notify@example.com>\"\nrate = \"unlimited\"\n{lines}\n",
        smtp.port()
    )
}

/// A rule without conditions.
pub fn rule(name: &str, on: &[&str], notify: &[&str]) -> String {
    format!("\n[[rules]]\nname = \"{name}\"\non = {on:?}\nnotify = {notify:?}\n")
}
