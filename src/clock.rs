//! The one place that asks what time it is.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

/// Tells the time: the system's, or one that a test sets.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    #[default]
    System,
    Fixed(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// A clock that stands at `now` until [`Clock::set`] moves it.
    pub fn fixed(now: Timestamp) -> Self {
        Self::Fixed(Arc::new(Mutex::new(now)))
    }

    /// The time, cut to whole milliseconds, which is what the store keeps.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    pub fn now(&self) -> Timestamp {
        let now = match self {
            Self::System => Timestamp::now(),
            Self::Fixed(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        };
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Moves a fixed clock; the system's clock is left alone.
    pub fn set(&self, now: Timestamp) {
        if let Self::Fixed(current) = self {
            *current.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
    }
}
