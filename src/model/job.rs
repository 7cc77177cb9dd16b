//! A job as the API shows it, and what is remembered of it between two looks.

use jiff::Timestamp;

use super::{Fields, Fingerprint, JobId};

/// `job_state` of the API. An open set: a word not known here is kept as it came.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum JobState {
    Queued,
    Running,
    Stopped,
    Cancelled,
    Other(String),
}

impl JobState {
    /// Reads the API's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "queued" => Self::Queued,
            "running" => Self::Running,
            "stopped" => Self::Stopped,
            "cancelled" => Self::Cancelled,
            other => Self::Other(other.to_owned()),
        }
    }

    /// The API's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
            Self::Other(word) => word,
        }
    }
}

/// One job as one look at the API showed it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    pub id: JobId,
    /// Of the element's raw text.
    pub fingerprint: Fingerprint,
    /// The API's `job_type`; an open set.
    pub job_type: String,
    pub state: JobState,
    pub created_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    pub project_id: Option<String>,
    /// `None` where there is no `result` object; `Some("")` where it has no usable `status`.
    pub result_status: Option<String>,
    /// Of the raw `progress` object, where there is one.
    pub progress: Option<Fingerprint>,
    /// `progress.last_update_at`, to tell which of two sights is the newer.
    pub progress_at: Option<Timestamp>,
    /// Every field that the API gave, unchanged.
    pub document: Fields,
}

impl Observation {
    /// Whether the job has ended for good: stopped, cancelled, or an unknown state that
    /// comes with a result.
    pub fn is_final(&self) -> bool {
        match self.state {
            JobState::Stopped | JobState::Cancelled => true,
            JobState::Queued | JobState::Running => false,
            JobState::Other(_) => self.result_status.is_some(),
        }
    }
}

/// Where a known job stands for us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not ended: it is looked for at every poll.
    Open,
    /// Ended and settled: nothing more is said about it.
    Ended,
    /// Gone (404) before it was seen to end. If it turns up again its end is still said.
    Vanished,
}

impl Phase {
    /// The word used in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ended => "ended",
            Self::Vanished => "vanished",
        }
    }

    /// Reads the store's word; anything unknown counts as open, so that it is looked at again.
    pub fn parse(word: &str) -> Self {
        match word {
            "ended" => Self::Ended,
            "vanished" => Self::Vanished,
            _ => Self::Open,
        }
    }
}

/// What is remembered of a job.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownJob {
    pub id: JobId,
    pub job_type: String,
    pub state: JobState,
    pub phase: Phase,
    pub fingerprint: Fingerprint,
    pub progress: Option<Fingerprint>,
    /// When the progress was first seen as it is now.
    pub progress_since: Timestamp,
    /// How often its state has changed since it was first seen.
    pub changes: u32,
    pub created_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    pub first_seen_at: Timestamp,
    /// When we saw it end.
    pub ended_at: Option<Timestamp>,
    pub project_id: Option<String>,
    /// Since when it has been `stopped` without a `result`; it is read again for a while
    /// before that is believed.
    pub resultless_since: Option<Timestamp>,
    /// Every field that the API gave at the last look.
    pub document: Fields,
}
