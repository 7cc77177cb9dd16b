//! What each service answers, and what follows from it: one table for each.
//!
//! A row is an answer of a real server on this machine and its place among taken, later,
//! refused, broken and unsure, as it comes out of [`Notifier::send`]. Notifiers are read from
//! a config, the way a user writes them.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

mod bot;
mod command;
mod discord;
mod mail;
mod slack;
mod webhook;

use std::path::Path;
use std::time::Duration;

use descript_notify::config::{self, Defaults};
use descript_notify::deliver::{Failure, FailureKind, Notifier, Receipt};
use descript_notify::model::{DeliveryId, Envelope, EventKind, Message};
use descript_notify::secret::{Redactor, Resolver};

use self::support::sink::{Answer, Sink};

/// What follows from an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    Taken,
    /// Tried again after our own back-off.
    Later,
    /// Tried again after so many milliseconds, which the service named.
    After(u64),
    /// This message is dead.
    Refused,
    /// The notifier is held.
    Broken,
    /// Tried again, marked as a possible repeat.
    Unsure,
}

impl Then {
    fn of(result: &Result<Receipt, Failure>) -> Self {
        let Err(failure) = result else { return Self::Taken };
        match failure.kind {
            FailureKind::Later { wait: None, .. } => Self::Later,
            FailureKind::Later { wait: Some(wait), .. } => {
                Self::After(u64::try_from(wait.as_millis()).unwrap())
            }
            FailureKind::Refused => Self::Refused,
            FailureKind::Broken => Self::Broken,
            FailureKind::Unsure => Self::Unsure,
        }
    }
}

/// The notifier that these lines of a config make.
fn notifier(lines: &str) -> Notifier {
    let text = format!("[notifiers.it]\n{lines}\n");
    let parsed = config::parse(&text, Path::new("/"), &defaults());
    let config = parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.problems));
    let resolver = Resolver::of_vars(&[("PATH", "/usr/local/bin:/usr/bin:/bin")], Path::new("/"));
    Notifier::build(&config.notifiers[0], &resolver, &mut Redactor::default()).unwrap()
}

fn defaults() -> Defaults {
    Defaults { state_folder: Some("/state".into()) }
}

fn envelope_to(recipient: &str) -> Envelope {
    Envelope {
        delivery_id: DeliveryId::from_stored("0123456789abcdef01234567"),
        recipient: recipient.into(),
        kind: EventKind::Failed,
        now: "2026-11-23T15:13:00Z".parse().unwrap(),
        attempt: 1,
        thread: "main/job-1".into(),
        live: None,
    }
}

/// A message that every service over HTTP takes.
async fn send(notifier: &Notifier) -> Result<Receipt, Failure> {
    let body = r#"{"text":"Export failed","content":"Export failed"}"#;
    notifier.send(&envelope_to(""), &Message::Json(body.into())).await
}

/// Sends one message for each row, and tells every row that came out differently.
async fn assert_table(sink: &Sink, notifier: &Notifier, table: &[(Answer, Then)]) {
    let mut wrong = Vec::new();
    for (answer, expected) in table {
        sink.script([answer.clone()]);
        let result = send(notifier).await;
        if Then::of(&result) != *expected {
            wrong.push(format!(
                "{} {:?}: expected {expected:?}: {result:?}",
                answer.status, answer.body
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn answer(status: u16, body: &str) -> Answer {
    Answer::status(status).body(body)
}

/// Longer than the impatient wait, and shorter than any test.
const SLOW: Duration = Duration::from_secs(5);
