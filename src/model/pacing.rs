//! Holding back on purpose: silences, throttles, groups, windows. What the ledger knows of
//! them when an event is decided, and what a decision asks of it.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Event, NewDelivery, Verdict};

/// Why a delivery is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// Its notifier's service refuses us.
    Notifier,
    /// It was gathered into a digest, and ends as that does.
    Digest,
    /// Its rule's `active` window is closed.
    Window,
    /// Its rule's `group` is still open.
    Group,
    /// Its rule's `throttle` let another message go.
    Throttle,
    /// It waits for a silence to expire, to be summarised.
    Silence,
}

impl Hold {
    /// Every reason.
    pub const ALL: [Self; 6] =
        [Self::Notifier, Self::Digest, Self::Window, Self::Group, Self::Throttle, Self::Silence];

    /// The word in the store and in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notifier => "notifier",
            Self::Digest => "digest",
            Self::Window => "window",
            Self::Group => "group",
            Self::Throttle => "throttle",
            Self::Silence => "silence",
        }
    }

    /// Reads the store's word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hold| hold.as_str() == word)
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A time in which nothing, or nothing that matches, is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    /// Eight hexadecimal digits.
    pub id: String,
    /// All must hold; none: everything is silenced. Each is `path=pattern` or `path!=pattern`.
    pub matchers: Vec<String>,
    pub comment: String,
    /// Who asked for it.
    pub author: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// Whether what was silenced is told, gathered, when it expires.
    pub summarise: bool,
    /// How many messages it has silenced.
    pub silenced: u64,
}

impl Silence {
    /// The word in listings: `active` while it is in force, then `expired`.
    pub fn state(&self, now: Timestamp) -> &'static str {
        if self.expires_at > now { "active" } else { "expired" }
    }
}

/// What the ledger knows of holding back, read in the transaction that decides. A decision
/// changes it for the next one of the same transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pacing {
    /// Those that have not expired.
    pub silences: Vec<Silence>,
    /// Until when a throttle lets nothing through, by rule and key.
    pub throttled: HashMap<(String, String), Timestamp>,
    /// The rules and keys of which decisions wanted to know that and it was not here.
    pub asked: BTreeSet<(String, String)>,
    /// How many messages a closed window has dropped since the rule's last one.
    pub dropped: HashMap<String, u64>,
}

/// An event's place in a message that gathers several.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// [`Hold::Group`], [`Hold::Throttle`] or [`Hold::Silence`].
    pub hold: Hold,
    pub rule: String,
    /// Tells the open gatherings of a rule apart.
    pub key: String,
    /// When the message is due, if this event is the first to join.
    pub until: Timestamp,
    /// With so many events it is due at once.
    pub most: Option<u32>,
    /// To whom it goes, as if it were about this event alone.
    pub to: Vec<NewDelivery>,
}

/// A throttle that this decision has closed: its message is on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Throttled {
    pub rule: String,
    pub key: String,
    pub until: Timestamp,
}

/// An event with what was decided about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    pub event: Event,
    /// Of the rules that were tried, by name.
    pub verdicts: Vec<(String, Verdict)>,
    /// Messages about this event alone.
    pub owed: Vec<NewDelivery>,
    /// Messages that it shares with other events.
    pub joins: Vec<Join>,
    pub throttled: Vec<Throttled>,
    /// The rules whose closed window has dropped a message.
    pub dropped: Vec<String>,
    /// The silences that have silenced a message.
    pub silenced: Vec<String>,
    /// The notifiers of messages that a throttle, a window or a silence keeps from being sent as
    /// they are.
    pub suppressed: Vec<String>,
}

impl Decided {
    /// An event about which nothing is said.
    pub fn nothing(event: Event) -> Self {
        Self {
            event,
            verdicts: Vec::new(),
            owed: Vec::new(),
            joins: Vec::new(),
            throttled: Vec::new(),
            dropped: Vec::new(),
            silenced: Vec::new(),
            suppressed: Vec::new(),
        }
    }
}
