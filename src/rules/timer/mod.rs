//! `after` and `repeat`: when a job that takes long, or does not move, is worth a message.
//!
//! Decided from what is known of the job and the time alone: nothing is remembered between
//! two decisions, so a restart, a clock set back or a rule that is new change only what is due
//! now. That a saying goes out once is the business of the event's key, which has its number.

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use crate::model::{EventKind, TimerFacts};

use super::Rule;

/// A rule's `after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    Fixed(SignedDuration),
    /// Longer than what such jobs usually take: see [`usual`].
    Usual,
}

/// A rule's `repeat` and `repeat_max`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat {
    /// The time between two sayings.
    pub every: SignedDuration,
    /// How often it is said again.
    pub most: u32,
}

/// What a timer looks at: a job that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watched {
    /// Else it is queued, or in an open state that is not known here.
    pub running: bool,
    /// When the job was made.
    pub since: Timestamp,
    /// When its progress was first seen as it is now.
    pub progress_since: Timestamp,
}

/// A saying that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// One of [`EventKind::TIMED`].
    pub kind: EventKind,
    /// 0 for the first saying, then the number of the repeat: the newest that is due.
    pub number: u32,
    /// The time after which the rule speaks.
    pub after: SignedDuration,
    /// How long the job has taken, or its progress not moved.
    pub waited: SignedDuration,
}

/// Fewer runs say nothing about what is usual.
const USUAL_RUNS_MIN: usize = 20;

/// The percentile that counts as usual.
const USUAL_PERCENT: usize = 95;

/// By how much a job must take longer than usual: times are kept in milliseconds.
const LONGER: SignedDuration = SignedDuration::from_millis(1);

/// The time that most such jobs take: the 95th percentile (nearest rank) of the durations of
/// earlier runs; `None` below 20 runs.
pub fn usual(durations: &[SignedDuration]) -> Option<SignedDuration> {
    if durations.len() < USUAL_RUNS_MIN {
        return None;
    }
    let mut sorted = durations.to_vec();
    let rank = (durations.len() * USUAL_PERCENT).div_ceil(100);
    let (_, nearest, _) = sorted.select_nth_unstable(rank.saturating_sub(1));
    Some(*nearest)
}

impl Due {
    /// What the event tells about its timer.
    pub fn facts(&self) -> TimerFacts {
        TimerFacts { after: self.after, waited: self.waited, number: self.number }
    }
}

impl Rule {
    /// The sayings that are due now, at most one for each of `overdue` and `stalled` in `on`.
    ///
    /// `usual` is what jobs of this type usually take, where that is known; a rule with
    /// `after = "usual"` is silent without it.
    pub fn timers(&self, job: &Watched, usual: Option<SignedDuration>, now: Timestamp) -> Vec<Due> {
        self.running(job, usual).filter_map(|timer| timer.due(now)).collect()
    }

    /// When something more falls due, if the job stays as it is and `usual` does too.
    pub fn next_timer(
        &self,
        job: &Watched,
        usual: Option<SignedDuration>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        self.running(job, usual).filter_map(|timer| timer.next(now)).min()
    }

    fn running(&self, job: &Watched, usual: Option<SignedDuration>) -> impl Iterator<Item = Timer> {
        let (after, first) = match self.after {
            Some(After::Fixed(after)) => (Some(after), Some(after)),
            Some(After::Usual) => (usual, usual.map(|usual| usual.saturating_add(LONGER))),
            None => (None, None),
        };
        let repeat = self.repeat.filter(|repeat| repeat.every.is_positive());
        let timer =
            move |kind, since| Some(Timer { kind, since, after: after?, first: first?, repeat });
        let overdue = self.on.contains(&EventKind::Overdue);
        let stalled = self.on.contains(&EventKind::Stalled) && job.running;
        let overdue = overdue.then(|| timer(EventKind::Overdue, job.since));
        let stalled = stalled.then(|| timer(EventKind::Stalled, job.progress_since));
        overdue.into_iter().chain(stalled).flatten()
    }
}

/// One kind's timer on one job.
struct Timer {
    kind: EventKind,
    since: Timestamp,
    after: SignedDuration,
    /// How long after `since` the first saying is due.
    first: SignedDuration,
    repeat: Option<Repeat>,
}

impl Timer {
    fn due(&self, now: Timestamp) -> Option<Due> {
        let number = self.number(now)?;
        let waited = now.duration_since(self.since);
        Some(Due { kind: self.kind, number, after: self.after, waited })
    }

    /// The newest saying that is due.
    fn number(&self, now: Timestamp) -> Option<u32> {
        let over = now.duration_since(self.since).saturating_sub(self.first);
        if over.is_negative() {
            return None;
        }
        let Some(Repeat { every, most }) = self.repeat else { return Some(0) };
        let passed = over.as_nanos() / every.as_nanos();
        Some(u32::try_from(passed).map_or(most, |passed| passed.min(most)))
    }

    fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let wait = match (self.number(now), self.repeat) {
            (None, _) => self.first,
            (Some(number), Some(Repeat { every, most })) if number < most => {
                let more = i32::try_from(number + 1).ok()?;
                self.first.checked_add(every.checked_mul(more)?)?
            }
            _ => return None,
        };
        self.since.checked_add(wait).ok()
    }
}
