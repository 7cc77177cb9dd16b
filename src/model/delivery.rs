//! What is owed: a message about an event, to one recipient through one notifier.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;

use super::{DeliveryId, EventId, EventKind, Hold};

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// Owed; sent when it is due.
    Pending,
    /// Claimed: an attempt is under way.
    Sending,
    Sent,
    /// Owed, but waiting for a window, a group or a broken notifier.
    Held,
    /// Given up: refused, or tried for too long. Kept and listed.
    Dead,
    /// A person decided against it.
    Discarded,
}

impl DeliveryState {
    /// Every state, in the order of a delivery's life.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Sending, Self::Sent, Self::Held, Self::Dead, Self::Discarded];

    /// The word in the store, in listings and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Held => "held",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
        }
    }
}

impl FromStr for DeliveryState {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|state| state.as_str() == word).ok_or_else(|| {
            format!("no delivery state is called `{word}`: use pending, sending, sent, held, dead or discarded")
        })
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A delivery as it is first owed.
#[derive(Debug, Clone, PartialEq)]
pub struct NewDelivery {
    pub id: DeliveryId,
    pub event_id: EventId,
    pub rule: String,
    pub notifier: String,
    /// The address for email, else empty.
    pub recipient: String,
    pub template: String,
    pub include_download_url: bool,
    pub source: String,
    /// The job it is about, or empty: messages about one job to one notifier keep their order.
    pub job_id: String,
    pub kind: EventKind,
    /// Whether it edits the one message about its job.
    pub live: bool,
    pub created_at: Timestamp,
    /// Its rule's window is closed until then.
    pub held_until: Option<Timestamp>,
    /// How many messages of the rule were held back before this one.
    pub suppressed: u64,
}

/// A delivery as the ledger has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub event_id: EventId,
    pub rule: String,
    pub notifier: String,
    pub recipient: String,
    pub template: String,
    pub include_download_url: bool,
    pub source: String,
    pub job_id: String,
    pub kind: EventKind,
    pub state: DeliveryState,
    /// How many attempts have been started.
    pub attempts: u32,
    /// Attempts that count for the back-off: a wait that the service named is not one.
    pub failures: u32,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
    pub first_attempt_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    /// An earlier attempt may have got through.
    pub repeat: bool,
    /// Why it is held, where it is.
    pub hold: Option<Hold>,
    /// How many messages of the rule were held back before this one.
    pub suppressed: u64,
    pub last_error: Option<String>,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AttemptOutcome {
    /// The other side has it.
    Sent,
    /// The other side cannot take it now.
    Later,
    /// This message will never be taken.
    Refused,
    /// The other side refuses us.
    Broken,
    /// It may or may not have got through.
    Unsure,
}

impl AttemptOutcome {
    /// Reads the store's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Sent, Self::Later, Self::Refused, Self::Broken, Self::Unsure]
            .into_iter()
            .find(|outcome| outcome.as_str() == word)
    }

    /// The word in the store and in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Later => "later",
            Self::Refused => "refused",
            Self::Broken => "broken",
            Self::Unsure => "unsure",
        }
    }
}

/// One try at a delivery, as `deliveries show` tells it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attempt {
    pub number: u32,
    pub started_at: Timestamp,
    pub took_ms: i64,
    pub outcome: AttemptOutcome,
    /// The status of HTTP, the reply code of SMTP, the exit status of a command.
    pub status: Option<i32>,
    /// What the other side said, cut and with secrets taken out.
    pub answer: String,
}
