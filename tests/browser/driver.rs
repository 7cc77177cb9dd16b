//! Chromium and its driver: found, started, spoken to over WebDriver (JSON over HTTP), and ended.
//!
//! A session has a driver, a browser and a folder of its own, which all go with it: on a drop,
//! a panic included, everything below the driver is killed; should the tests themselves be
//! killed, the driver's guard ends it, and a browser ends with the pipe to its driver.
//! What a test sees and does is in [`super::browser`].

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::support::PATIENCE;

/// Browsers at once: each wants a core and 200 MB.
static TURNS: Semaphore = Semaphore::const_new(3);

/// Set where a missing browser is a failure.
const REQUIRED: &str = "DESCRIPT_NOTIFY_REQUIRE_BROWSER";

const DRIVERS: [&str; 2] = ["chromedriver", "chromium-driver"];
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

/// Nothing but what a test asks for: no sandbox (containers have none), no calls home, and no
/// name of another machine is ever found.
const ARGUMENTS: [&str; 16] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-pipe",
    "--force-color-profile=srgb",
];

/// Runs the driver until it ends, or until the standard input does, which the tests hold open.
const GUARDED: &str = "exec 3<&0 2>&1; \"$0\" --port=0 3<&- </dev/null & driver=$!; \
    (cat <&3; kill $driver) >/dev/null 2>&1 & watch=$!; exec 3<&-; wait $driver; kill $watch";

const STARTS: usize = 3;
const START_WITHIN: Duration = Duration::from_secs(15);

/// A browser under control.
#[derive(Debug)]
pub struct Session {
    http: reqwest::Client,
    /// Where its commands are sent: "http://127.0.0.1:1234/session/…".
    url: String,
    guard: Child,
    _folder: TempDir,
    _turn: SemaphorePermit<'static>,
}

impl Session {
    /// A new browser with these preferences, or `None` where there is none on this machine,
    /// which is said on standard error.
    ///
    /// # Panics
    /// When there is none and there must be one, or when it does not start.
    pub async fn start(preferences: Value) -> Option<Self> {
        let (Some(driver), Some(browser)) = (found(&DRIVERS), found(&BROWSERS)) else {
            must_not_be_missing();
            return None;
        };
        let turn = TURNS.acquire().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (guard, port) = drive(&driver, folder.path()).await;
        descript_notify::deliver::http::install_crypto();
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let url = format!("http://127.0.0.1:{port}/session");
        let mut session = Self { http, url, guard, _folder: folder, _turn: turn };
        let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).to_vec();
        let profile = session._folder.path().join("profile");
        arguments.push(format!("--user-data-dir={}", profile.display()));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "goog:chromeOptions": {
                "binary": browser,
                "args": arguments,
                "prefs": preferences,
                "perfLoggingPrefs": {"enableNetwork": true, "enablePage": false},
            },
        }}});
        let born = session.ask(Method::POST, "", &wanted).await.unwrap();
        session.url = format!("{}/{}", session.url, born["sessionId"].as_str().unwrap());
        Some(session)
    }

    /// Sends a command and returns its value, or what the driver says is wrong.
    pub async fn command(&self, path: &str, body: &Value) -> Result<Value, String> {
        self.ask(Method::POST, path, body).await
    }

    /// Asks for something that takes no arguments.
    pub async fn get(&self, path: &str) -> Result<Value, String> {
        self.ask(Method::GET, path, &Value::Null).await
    }

    /// A command of the browser's own protocol.
    pub async fn cdp(&self, name: &str, parameters: Value) -> Value {
        let body = json!({"cmd": name, "params": parameters});
        self.command("/goog/cdp/execute", &body).await.unwrap()
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value, String> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if !body.is_null() {
            request = request.json(body);
        }
        let answer = request.send().await.map_err(|cause| format!("{path}: {cause}"))?;
        let document: Value = answer.json().await.map_err(|cause| format!("{path}: {cause}"))?;
        match document["value"]["error"].as_str() {
            Some(error) => Err(format!("{path}: {error}: {}", document["value"]["message"])),
            None => Ok(document["value"].clone()),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(guard) = self.guard.id() else { return };
        let mut started = vec![guard];
        // A process's children stand behind it.
        let mut next = 0;
        while let Some(pid) = started.get(next) {
            started.extend(children_of(*pid));
            next += 1;
        }
        let all: Vec<String> = started.iter().map(u32::to_string).collect();
        let _ = std::process::Command::new("sh")
            .arg("-c")
            .arg(format!("kill -KILL {} 2>/dev/null", all.join(" ")))
            .status();
    }
}

/// Starts the driver; its guard and its port. A second one is tried where the first says nothing
/// or ends: another program may have taken the port that it had chosen.
///
/// # Panics
/// When none starts; the message holds what they said.
async fn drive(driver: &Path, folder: &Path) -> (Child, u16) {
    let mut said = String::new();
    for _ in 0..STARTS {
        // What the two leave behind goes with the folder.
        let mut guard = Command::new("sh")
            .args(["-c", GUARDED])
            .arg(driver)
            .env("TMPDIR", folder)
            .env("HOME", folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stream = guard.stdout.take().unwrap();
        let port = tokio::time::timeout(START_WITHIN, port_of(stream, &mut said)).await;
        if let Ok(Some(port)) = port {
            return (guard, port);
        }
    }
    panic!("{} does not start: {said}", driver.display())
}

async fn port_of(stream: ChildStdout, said: &mut String) -> Option<u16> {
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return port.trim_end_matches('.').parse().ok();
        }
        said.push_str(&format!("{line}\n"));
    }
    None
}

/// The first of these programs that is on this machine.
fn found(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let places = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| place.is_file())
}

/// Whether nothing may be skipped.
pub fn is_required() -> bool {
    std::env::var_os(REQUIRED).is_some()
}

fn must_not_be_missing() {
    let missing =
        "there is no Chromium with its driver here (apt install chromium chromium-driver)";
    assert!(!is_required(), "{missing}");
    shout(&format!("SKIPPED: {missing}"));
}

/// Says something that must be seen also where a test passes, whose prints are swallowed.
pub fn shout(text: &str) {
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let mut stderr = std::io::stderr();
    writeln!(stderr, "\n*** {test}: {text}\n").unwrap();
}

fn children_of(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let lists = tasks.into_iter().flatten().flatten().map(|task| task.path().join("children"));
    let texts = lists.filter_map(|list| std::fs::read_to_string(list).ok());
    texts.flat_map(|text| numbers(&text)).collect()
}

fn numbers(text: &str) -> Vec<u32> {
    text.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}
