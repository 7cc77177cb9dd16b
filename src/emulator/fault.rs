//! Faults: what the emulator does wrong on purpose, and how a person writes it.
//!
//! A fault is written `KIND[=VALUE][:KEY=VALUE]…`, on the command line and in scenario files:
//!
//! | kind | what it does |
//! | --- | --- |
//! | `400` … `599` | answers that status with an error body; `429` brings the rate-limit headers |
//! | `html`, `html=200` | a proxy's HTML page, with status 502 or the one given |
//! | `not-json`, `not-object` | a 200 whose body is no JSON, or JSON that is no object |
//! | `cut` | the connection closes in the middle of the body |
//! | `huge=20`, `bomb=64` | a body of so many MiB, plain or packed with gzip |
//! | `slow=100ms` | the body comes in ten pieces, each after that time |
//! | `wait=2s` | nothing comes for that time |
//! | `gzip` | the body is packed |
//! | `content-type=text/html` | the right body under the wrong type |
//! | `odd-element` | one thing among the jobs is none |
//! | `repeat-cursor` | the next cursor is always the one asked with |
//! | `shift`, `shift=-1` | rows come in (or leave) at the front between two pages |
//! | `skew=-1h` | the `Date` header is wrong by that much |
//!
//! Keys: `on=any|list|get|cancel|projects|project|start`, `from=N` (the Nth such request is the
//! first), `times=N|always`, `after=10s` and `for=30s` (counted from the start), and for a status
//! `retry-after=2s`, `retry-after-date=2s` or `retry-after-text=soon`. What spoils an answer
//! happens once unless `times` says more; from `slow` on, the table's kinds last.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;

use crate::problem::suggestion;

use super::span;

const WORDS: [&str; 16] = [
    "429",
    "500",
    "html",
    "not-json",
    "not-object",
    "cut",
    "huge",
    "bomb",
    "slow",
    "wait",
    "gzip",
    "content-type",
    "odd-element",
    "repeat-cursor",
    "shift",
    "skew",
];

const KEYS: [&str; 8] =
    ["on", "from", "times", "after", "for", "retry-after", "retry-after-date", "retry-after-text"];

const HUGE_MIB: u32 = 20;
const BOMB_MIB: u32 = 64;
const MAX_MIB: u32 = 4_096;

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

const ENDPOINTS: [(&str, Endpoint); 7] = [
    ("any", Endpoint::Any),
    ("list", Endpoint::List),
    ("get", Endpoint::Get),
    ("cancel", Endpoint::Cancel),
    ("projects", Endpoint::Projects),
    ("project", Endpoint::Project),
    ("start", Endpoint::Start),
];

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
pub struct FaultError(String);

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

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut parts = text.split(':');
        let head = parts.next().unwrap_or_default();
        let (word, value) = match head.split_once('=') {
            Some((word, value)) => (word, Some(value)),
            None => (head, None),
        };
        let mut fault = Self::new(kind(word, value).map_err(FaultError)?);
        for part in parts {
            let Some((key, value)) = part.split_once('=') else {
                return Err(FaultError(format!(
                    "`{part}` should be a key and a value, like `times=3`"
                )));
            };
            fault.set(key, value).map_err(FaultError)?;
        }
        Ok(fault)
    }
}

impl Fault {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "on" => self.on = value.parse()?,
            "from" => self.from = number(key, value)?,
            "times" if value == "always" => self.times = None,
            "times" => self.times = Some(number(key, value)?),
            "after" => self.after = span::unsigned(value)?,
            "for" => self.lasting = Some(span::unsigned(value)?),
            "retry-after" | "retry-after-date" | "retry-after-text" => {
                let FaultKind::Status { retry_after, .. } = &mut self.kind else {
                    return Err(format!("`{key}` goes with a status, like `429:{key}={value}`"));
                };
                *retry_after = Some(match key {
                    "retry-after" => RetryAfter::Seconds(seconds(value)?),
                    "retry-after-date" => RetryAfter::Date(span::unsigned(value)?),
                    _ => RetryAfter::Text(value.to_owned()),
                });
            }
            _ => return Err(format!("a fault has no key `{key}`: {}", suggestion(key, &KEYS))),
        }
        Ok(())
    }
}

impl FromStr for Endpoint {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let known = ENDPOINTS.iter().find(|(name, _)| *name == word);
        known.map(|(_, endpoint)| *endpoint).ok_or_else(|| {
            format!(
                "no requests are called `{word}`: {}",
                suggestion(word, &ENDPOINTS.map(|e| e.0))
            )
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = ENDPOINTS.iter().find(|(_, endpoint)| endpoint == self);
        f.write_str(known.map_or("any", |(name, _)| name))
    }
}

fn kind(word: &str, value: Option<&str>) -> Result<FaultKind, String> {
    if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
        return match (status(word), value) {
            (Some(status), None) => Ok(FaultKind::Status { status, retry_after: None }),
            (None, _) => Err(format!("`{word}` is not an error status: use 400 to 599")),
            (_, Some(_)) => Err(format!("`{word}` takes no value, only keys after a colon")),
        };
    }
    let needed =
        |example: &str| value.ok_or_else(|| format!("`{word}` needs a value, like `{example}`"));
    let kind = match word {
        "html" => {
            let asked = value.unwrap_or("502");
            let page = status(asked).or((asked == "200").then_some(200));
            let status =
                page.ok_or_else(|| format!("`{asked}` is not a status: use 200 or 400 to 599"))?;
            FaultKind::Html { status }
        }
        "huge" => FaultKind::Huge { mib: mebibytes(value, HUGE_MIB)? },
        "bomb" => FaultKind::Bomb { mib: mebibytes(value, BOMB_MIB)? },
        "slow" => FaultKind::Slow { pause: span::unsigned(needed("slow=100ms")?)? },
        "wait" => FaultKind::Wait { pause: span::unsigned(needed("wait=2s")?)? },
        "skew" => FaultKind::Skew { by: span::signed(needed("skew=-1h")?)? },
        "content-type" => FaultKind::ContentType(header(needed("content-type=text/html")?)?),
        "shift" => FaultKind::Shift { rows: number(word, value.unwrap_or("1"))? },
        _ => return plain(word, value),
    };
    Ok(kind)
}

fn plain(word: &str, value: Option<&str>) -> Result<FaultKind, String> {
    let kind = match word {
        "not-json" => FaultKind::NotJson,
        "not-object" => FaultKind::NotObject,
        "cut" => FaultKind::Cut,
        "gzip" => FaultKind::Gzip,
        "odd-element" => FaultKind::OddElement,
        "repeat-cursor" => FaultKind::RepeatCursor,
        _ => return Err(format!("no fault is called `{word}`: {}", suggestion(word, &WORDS))),
    };
    match value {
        None => Ok(kind),
        Some(_) => Err(format!("`{word}` takes no value, only keys after a colon")),
    }
}

fn status(text: &str) -> Option<u16> {
    text.parse().ok().filter(|status| (400..=599).contains(status))
}

fn seconds(text: &str) -> Result<u64, String> {
    if let Ok(seconds) = text.parse() {
        return Ok(seconds);
    }
    let wait = span::unsigned(text)?;
    Ok(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

fn mebibytes(value: Option<&str>, default: u32) -> Result<u32, String> {
    let Some(text) = value else { return Ok(default) };
    text.parse().ok().filter(|mib| (1..=MAX_MIB).contains(mib)).ok_or_else(|| {
        format!("`{text}` is not a size in MiB: use a whole number from 1 to {MAX_MIB}")
    })
}

fn header(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Ok(text.to_owned());
    }
    Err("a content type is written in visible ASCII, like `text/html`".into())
}

fn number<N: FromStr>(key: &str, value: &str) -> Result<N, String> {
    value.parse().map_err(|_| format!("`{key}` is a whole number, not `{value}`"))
}

#[cfg(test)]
mod tests;
