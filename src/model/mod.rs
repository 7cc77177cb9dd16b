//! The product's words: ids, jobs, events, verdicts, deliveries, messages.
//!
//! Pure data that every room may speak. Nothing here does I/O, asks a clock or
//! knows another room; times come in as values.

mod calendar;
mod delivery;
mod document;
mod event;
mod fields;
mod id;
mod job;
mod length;
mod message;
mod pacing;
mod timer;
mod usage;
mod verdict;

pub use calendar::days;
pub use delivery::{Attempt, AttemptOutcome, Delivery, DeliveryState, NewDelivery};
pub use document::{grouped_document, without_download_url, without_overtaken};
pub use event::{Event, EventKey, EventKind, KIND_NAMES, ProjectName, RuleView};
pub use fields::Fields;
pub use id::{DeliveryId, EmptyId, EventId, Fingerprint, JobId};
pub use job::{JobState, KnownJob, Observation, Phase};
pub use length::{parse_length, show_length};
pub use message::{Envelope, Live, Message, NotifierKind, Readable};
pub use pacing::{Decided, Hold, Join, Pacing, Silence, Throttled};
pub use timer::TimerFacts;
pub use usage::{Usage, amount, outcome_of, usage_of};
pub use verdict::Verdict;

pub use usage::number_of;
