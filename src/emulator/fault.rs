//! Faults: what the emulator does wrong on purpose.
//!
//! The types alone. How a person writes a fault, with the list of them all, stands in
//! `fault_text`; which request meets one is decided at the `desk`.

use std::time::Duration;

use jiff::SignedDuration;

/// Which requests a fault is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    Any,
    /// `GET /jobs`
    List,
    /// `GET /jobs/{id}`
    Get,
    /// `DELETE /jobs/{id}`
    Cancel,
    /// `GET /projects`
    Projects,
    /// `GET /projects/{id}`
    Project,
    /// The three `POST`s.
    Start,
}

/// The `Retry-After` of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RetryAfter {
    Seconds(u64),
    /// As an HTTP date so far ahead.
    Date(Duration),
    /// As it stands here, sense or not.
    Text(String),
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub enum FaultKind {
    Status { status: u16, retry_after: Option<RetryAfter> },
    Html { status: u16 },
    NotJson,
    NotObject,
    Cut,
    Huge { mib: u32 },
    Bomb { mib: u32 },
    Slow { pause: Duration },
    Wait { pause: Duration },
    Gzip,
    ContentType(String),
    OddElement,
    RepeatCursor,
    Shift { rows: i64 },
    Skew { by: SignedDuration },
}

impl FaultKind {
    /// Whether it lasts when nobody says how often.
    fn lasts(&self) -> bool {
        match self {
            Self::Slow { .. }
            | Self::Wait { .. }
            | Self::Gzip
            | Self::ContentType(_)
            | Self::OddElement
            | Self::RepeatCursor
            | Self::Shift { .. }
            | Self::Skew { .. } => true,
            Self::Status { .. }
            | Self::Html { .. }
            | Self::NotJson
            | Self::NotObject
            | Self::Cut
            | Self::Huge { .. }
            | Self::Bomb { .. } => false,
        }
    }
}

/// What goes wrong, where and when.
///
/// Written `KIND[=VALUE][:KEY=VALUE]…`, for instance `429:retry-after=2s:on=list:times=3`:
///
/// | kind | what it does |
/// | --- | --- |
/// | `400` … `599` | answers that status with an error body; `429` brings the rate-limit headers |
/// | `html`, `html=200` | a proxy's HTML page, with status 502 or the one given |
/// | `not-json`, `not-object` | a 200 whose body is no JSON, or JSON that is no object |
/// | `cut` | the connection closes in the middle of the body |
/// | `huge=20`, `bomb=64` | a body of so many MiB, plain or packed with gzip |
/// | `slow=100ms` | the body comes in ten pieces, each after that time |
/// | `wait=2s` | nothing comes for that time |
/// | `gzip` | the body is packed |
/// | `content-type=text/html` | the right body under the wrong type |
/// | `odd-element` | one thing among the jobs is none |
/// | `repeat-cursor` | the next cursor is always the one asked with |
/// | `shift`, `shift=-1` | rows come in (or leave) at the front between two pages |
/// | `skew=-1h` | the `Date` header is wrong by that much |
///
/// Keys: `on=any|list|get|cancel|projects|project|start`, `from=N` (the Nth such request is the
/// first), `times=N|always`, `after=10s` and `for=30s` (counted from the start), and for a status
/// `retry-after=2s`, `retry-after-date=2s` or `retry-after-text=soon`. What spoils an answer
/// happens once unless `times` says more; from `slow` on, the table's kinds last.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    pub kind: FaultKind,
    pub on: Endpoint,
    /// The first request it meets, of those it is about; counted from 1.
    pub from: u64,
    /// How often it happens; `None` for always.
    pub times: Option<u64>,
    /// It happens only so long after the emulator's start.
    pub after: Duration,
    /// It is over so long after that; `None` for never.
    pub lasting: Option<Duration>,
}

/// A fault that was written wrongly; the text says what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FaultError(pub(super) String);

impl Fault {
    /// The fault at any request, once or for ever as its kind has it.
    pub fn new(kind: FaultKind) -> Self {
        let times = if kind.lasts() { None } else { Some(1) };
        Self { kind, on: Endpoint::Any, from: 1, times, after: Duration::ZERO, lasting: None }
    }

    /// A refusal with this status and no `Retry-After`.
    pub fn status(status: u16) -> Self {
        Self::new(FaultKind::Status { status, retry_after: None })
    }

    /// Restricts it to some requests.
    #[must_use]
    pub fn on(mut self, endpoint: Endpoint) -> Self {
        self.on = endpoint;
        self
    }

    /// Says how often it happens.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    /// Says which request is the first it meets, counted from 1.
    #[must_use]
    pub fn from(mut self, request: u64) -> Self {
        self.from = request;
        self
    }
}
