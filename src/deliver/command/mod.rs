//! A command: runs a program for each event, with the event's document on its standard input.
//!
//! No shell is involved. The program gets a bare environment, since ours may hold secrets. Its
//! exit status decides: 0 is taken, 65 (`EX_DATAERR`) refused for good, 75 (`EX_TEMPFAIL`) and
//! all others are tried again. What it prints is kept up to the limit of an answer.

pub mod settings;
#[cfg(test)]
mod tests;

use std::io::ErrorKind;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command as Process};

use self::settings::CommandSettings;
use super::answer::{KEPT_BYTES, tidy};
use super::outcome::{BadKey, Failure, FailureKind, Receipt};
use crate::model::Message;
use crate::secret::{Redactor, Resolver, SecretSource};

/// What a program needs of our environment; anything else may be a secret.
const PASSED: [&str; 4] = ["PATH", "HOME", "LANG", "TZ"];

/// `EX_DATAERR` of sysexits.h: the input is wrong, and will be wrong again.
const EXIT_REFUSED: i32 = 65;

/// How long the output of a program that has ended may go on: something it left behind could
/// hold it open for ever.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A program that is ready to be run.
#[derive(Debug)]
pub(super) struct Command {
    program: String,
    arguments: Vec<String>,
    environment: Vec<(&'static str, String)>,
    redactor: Redactor,
}

impl Command {
    pub(super) fn build(
        settings: &CommandSettings,
        resolver: &Resolver,
        redactor: &Redactor,
    ) -> Result<Self, BadKey> {
        let Some((program, arguments)) = settings.program.split_first() else {
            return Err(BadKey::new("program", "it is empty", "write [\"/path/to/program\"]"));
        };
        // The resolver is the one that has read the environment.
        let variable = |name: &'static str| {
            let value = resolver.resolve(&SecretSource::Env(name.into())).ok()?;
            Some((name, value.expose().to_owned()))
        };
        Ok(Self {
            program: program.clone(),
            arguments: arguments.to_vec(),
            environment: PASSED.into_iter().filter_map(variable).collect(),
            redactor: redactor.clone(),
        })
    }

    /// Runs the program to its end. It is killed where this future is dropped.
    pub(super) async fn send(&self, message: &Message) -> Result<Receipt, Failure> {
        let Message::Json(document) = message else {
            return Err(Failure::wrong_form("a JSON document"));
        };
        let mut child = Process::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.not_started(&error))?;
        let (status, said) = converse(&mut child, document).await.map_err(|error| {
            Failure::new(FailureKind::Unsure, format!("the program was lost sight of: {error}"))
        })?;
        let answer = tidy(&String::from_utf8_lossy(&said), &self.redactor);
        judge(status, answer)
    }

    /// Whether the program could be started.
    pub(super) fn probe(&self) -> Result<String, Failure> {
        let path = self.environment.iter().find(|(name, _)| *name == "PATH");
        let path = path.map_or("/usr/local/bin:/bin:/usr/bin", |(_, value)| value.as_str());
        let found = if self.program.contains('/') {
            is_executable(&self.program)
        } else {
            path.split(':').any(|folder| is_executable(&format!("{folder}/{}", self.program)))
        };
        if found {
            return Ok(format!("`{}` can be run", self.program));
        }
        let reason = format!("`{}` is not there, or may not be run", self.program);
        Err(Failure::new(FailureKind::Broken, reason))
    }

    fn not_started(&self, error: &std::io::Error) -> Failure {
        let kind = match error.kind() {
            ErrorKind::NotFound | ErrorKind::PermissionDenied | ErrorKind::InvalidInput => {
                FailureKind::Broken
            }
            // Most likely the machine is short of something.
            _ => FailureKind::LATER,
        };
        Failure::new(kind, format!("`{}` cannot be run: {error}", self.program))
    }
}

/// Feeds the program, and hears it out until it ends.
async fn converse(child: &mut Child, document: &str) -> std::io::Result<(ExitStatus, Vec<u8>)> {
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let stdin = child.stdin.take();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let status = {
        let talk = async {
            tokio::join!(
                feed(stdin, document),
                hear(stdout, &mut said),
                hear(stderr, &mut complained)
            )
        };
        tokio::pin!(talk);
        tokio::select! {
            _ = &mut talk => child.wait().await?,
            status = child.wait() => {
                let _ = tokio::time::timeout(LAST_WORDS, &mut talk).await;
                status?
            }
        }
    };
    if !said.is_empty() && !complained.is_empty() && !said.ends_with(b"\n") {
        said.push(b'\n');
    }
    said.extend(complained);
    Ok((status, said))
}

/// A program that does not care for the document may close its input, or just end.
async fn feed(stdin: Option<ChildStdin>, document: &str) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(document.as_bytes()).await;
        let _ = stdin.shutdown().await;
    }
}

/// Keeps the beginning, and reads the rest as well: a full pipe would stop the program.
async fn hear(stream: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) {
    let Some(mut stream) = stream else { return };
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        // Twice what is shown, so that a secret at the border is still whole when it is sought.
        let room = (2 * KEPT_BYTES).saturating_sub(kept.len());
        kept.extend_from_slice(&piece[..read.min(room)]);
    }
}

fn judge(status: ExitStatus, answer: String) -> Result<Receipt, Failure> {
    let code = status.code();
    if status.success() {
        return Ok(Receipt { status: code, answer, pause: None, handle: None });
    }
    let (kind, what) = match code {
        Some(EXIT_REFUSED) => {
            (FailureKind::Refused, "the program refused the event (exit status 65)".to_owned())
        }
        Some(code) => (FailureKind::LATER, format!("the program ended with exit status {code}")),
        None => (FailureKind::LATER, format!("the program was killed ({status})")),
    };
    let reason = if answer.is_empty() { what } else { format!("{what}: {answer}") };
    Err(Failure { kind, status: code, reason, pause: None })
}

fn is_executable(path: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path)
        .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
