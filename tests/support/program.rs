//! The built binary, run as a user would run it: in an environment that holds nothing but
//! what the test gives, with its output readable while it runs.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::PATIENCE;

/// How a program that has ended was.
#[derive(Debug, Clone)]
pub struct Output {
    /// `None` when a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Standard output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|cause| {
            panic!("no JSON ({cause}): {}\nstderr: {}", self.stdout, self.stderr)
        })
    }

    /// The same, when the program ended well.
    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }
}

/// A running program; it is killed when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    stdout: Capture,
    stderr: Capture,
    readers: JoinSet<()>,
}

/// What has been written to a stream so far.
type Capture = watch::Receiver<String>;

/// How a program is to be started.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    args: Vec<String>,
    vars: Vec<(String, String)>,
    folder: Option<Arc<Path>>,
    /// What a shell does before it becomes the program.
    before: Option<String>,
}

impl Launch {
    pub fn of<'a>(args: impl IntoIterator<Item = &'a str>) -> Self {
        let args = args.into_iter().map(str::to_owned).collect();
        Self { args, ..Self::default() }
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn var(mut self, name: &str, value: &str) -> Self {
        self.vars.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn vars(mut self, vars: &[(String, String)]) -> Self {
        self.vars.extend_from_slice(vars);
        self
    }

    /// The folder that it is started in; else the tests' own.
    #[must_use]
    pub fn inside(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// A shell's command that is run first, in the same process.
    #[must_use]
    pub fn after_shell(mut self, before: &str) -> Self {
        self.before = Some(before.to_owned());
        self
    }

    /// Starts it.
    pub fn start(&self) -> Program {
        let mut child = self.command().stdin(Stdio::null()).spawn().unwrap();
        let mut readers = JoinSet::new();
        let stdout = capture(&mut readers, child.stdout.take());
        let stderr = capture(&mut readers, child.stderr.take());
        Program { child, stdout, stderr, readers }
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn run_to_end(&self) -> Output {
        self.start().end(PATIENCE).await
    }

    /// The command itself, for tests that arrange the streams in their own way.
    pub fn command(&self) -> Command {
        let program = env!("CARGO_BIN_EXE_descript-notify");
        let mut command = match &self.before {
            None => Command::new(program),
            Some(before) => {
                let mut shell = Command::new("sh");
                shell.arg("-c").arg(format!("{before}; exec \"$0\" \"$@\"")).arg(program);
                shell
            }
        };
        command
            .args(&self.args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .envs(self.vars.iter().map(|(name, value)| (name, value)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if let Some(folder) = &self.folder {
            command.current_dir(folder);
        }
        command
    }
}

/// A signal that tests send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Term,
    Int,
    Hup,
    Stop,
    Continue,
}

impl Program {
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the program has ended already")
    }

    /// How much memory it uses now and has used at most, in KiB.
    pub fn memory_kib(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_end_matches("kB").trim().parse().unwrap()
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    /// Everything on standard output so far.
    pub fn stdout(&self) -> String {
        self.stdout.borrow().clone()
    }

    /// Everything on standard error so far.
    pub fn stderr(&self) -> String {
        self.stderr.borrow().clone()
    }

    pub async fn wait_for_stdout(&self, text: &str) {
        self.wait_for(&self.stdout, "standard output", text).await;
    }

    pub async fn wait_for_stderr(&self, text: &str) {
        self.wait_for(&self.stderr, "standard error", text).await;
    }

    async fn wait_for(&self, stream: &Capture, name: &str, text: &str) {
        let mut stream = stream.clone();
        let found = tokio::time::timeout(PATIENCE, stream.wait_for(|all| all.contains(text)));
        // A stream that has ended without the text fails at once.
        if !matches!(found.await, Ok(Ok(_))) {
            let (out, err) = (self.stdout(), self.stderr());
            panic!("`{text}` was not on {name}\nstdout:\n{out}\nstderr:\n{err}");
        }
    }

    pub async fn signal(&self, signal: Signal) {
        let name = match signal {
            Signal::Term => "TERM",
            Signal::Int => "INT",
            Signal::Hup => "HUP",
            Signal::Stop => "STOP",
            Signal::Continue => "CONT",
        };
        // `kill` is a command of every shell, but not a program on every machine.
        let mut shell = Command::new("sh");
        let sent = shell.arg("-c").arg(format!("kill -{name} {}", self.pid())).status().await;
        assert!(sent.unwrap().success(), "SIG{name} could not be sent");
    }

    /// Ends it at once and waits for that (SIGKILL). The output's code is `None`, unless it
    /// had ended by itself before.
    pub async fn kill(mut self) -> Output {
        self.child.start_kill().unwrap();
        self.end(PATIENCE).await
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it has not ended `within` that time.
    pub async fn end(mut self, within: Duration) -> Output {
        let status: ExitStatus = match tokio::time::timeout(within, self.child.wait()).await {
            Ok(status) => status.unwrap(),
            Err(_) => panic!(
                "still running after {within:?}\nstdout:\n{}\nstderr:\n{}",
                self.stdout(),
                self.stderr()
            ),
        };
        // What it wrote last may still be in the pipes.
        let drained = async { while self.readers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(PATIENCE, drained).await;
        Output { code: status.code(), stdout: self.stdout(), stderr: self.stderr() }
    }
}

fn capture(
    readers: &mut JoinSet<()>,
    stream: Option<impl AsyncRead + Unpin + Send + 'static>,
) -> Capture {
    let (sender, captured) = watch::channel(String::new());
    let mut stream = stream.expect("the streams are piped");
    readers.spawn(async move {
        let mut bytes = Vec::new();
        let mut piece = [0; 8192];
        while let Ok(length @ 1..) = stream.read(&mut piece).await {
            bytes.extend_from_slice(&piece[..length]);
            // A character that came in two pieces is whole again with the second.
            sender.send_replace(String::from_utf8_lossy(&bytes).into_owned());
        }
    });
    captured
}
