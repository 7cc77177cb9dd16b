//! Called: jobs of which a callback told, read one by one while the source's task rests.
//!
//! A callback is a hint: the job is read from the API like any open job that left the list, and
//! goes through the same diff and the same commit. So what is told twice, too early or wrongly
//! changes nothing. Reads keep a pace of their own, and none is made for a job that has ended, that
//! the API did not know a moment ago, or while the API is in trouble; the next poll finds what is
//! left out here.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::look::Sight;
use super::{Ingest, PollError, Polled};
use crate::model::{JobId, Observation, Phase};
use crate::source::schedule::Outcome;
use crate::source::window::{self, WindowState};
use crate::source::{ApiError, Single};
use crate::telemetry;

/// So many ids wait to be read.
const MOST_WAITING: usize = 256;

/// How many reads may leave at once after a rest, and the pace after that.
const BURST: u32 = 20;
const INTERVAL: Duration = Duration::from_millis(500);

/// How long an id is not asked for again that led to nothing, and how many are remembered.
const IN_VAIN_FOR: Duration = Duration::from_secs(60);
const MOST_IN_VAIN: usize = 1_000;

/// What callbacks have told a source's task.
#[derive(Debug, Default)]
pub(super) struct Called {
    door: Option<mpsc::Receiver<JobId>>,
    /// Each id once.
    waiting: VecDeque<JobId>,
    in_vain: HashMap<JobId, Instant>,
    /// When the next read would be due if all had left evenly.
    due: Option<Instant>,
}

impl Ingest {
    /// The same, with a door through which the ids of callbacks come.
    #[must_use]
    pub fn called_by(mut self, door: mpsc::Receiver<JobId>) -> Self {
        self.called.door = Some(door);
        self
    }

    /// Sleeps until the next poll is due, and reads meanwhile what callbacks tell of.
    pub(super) async fn rest(&mut self, polled: &Polled) {
        let mut due = Instant::now() + polled.wait;
        // An API that refuses us, or is in trouble, is not asked more than its schedule says.
        let mut well = polled.result.is_ok();
        loop {
            let read_at = self.called.read_at(Instant::now()).filter(|_| well);
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(due) => return,
                call = self.called.receive() => self.called.queue(call, Instant::now()),
                () = tokio::time::sleep_until(read_at.unwrap_or(due)), if read_at.is_some() => {
                    let Some(id) = self.called.waiting.pop_front() else { continue };
                    match self.read_called(&id).await {
                        Ok(()) => {}
                        Err(error) => {
                            well = false;
                            due = self.after_failure(&id, &error, due);
                        }
                    }
                    // A job that runs is looked at more often than none.
                    if self.memory.open.iter().any(|job| !job.forbidden) {
                        due = due.min(Instant::now() + self.parts.settings.poll_interval);
                    }
                }
            }
        }
    }

    /// Reads one job, and writes down what has happened to it.
    async fn read_called(&mut self, id: &JobId) -> Result<(), PollError> {
        let source = &self.parts.settings.name;
        let known = self.parts.store.phase_of(source, id.as_str()).await?;
        if known == Some(Phase::Ended) {
            return Ok(());
        }
        self.called.spend(Instant::now());
        let mut sight = Sight::default();
        match self.parts.client.job(id).await? {
            Single::Seen(job) if known.is_some() || self.would_be_listed(&job) => {
                sight.reads.push((id.clone(), self.parts.clock.now(), false));
                sight.seen.push(*job);
            }
            Single::Gone if known.is_some() => sight.gone.push(id.clone()),
            Single::Seen(_) | Single::Gone | Single::Forbidden => {
                self.called.note_in_vain(id.clone(), Instant::now());
                return Ok(());
            }
        }
        let first_walk = self.memory.marks.baseline_at.is_none();
        self.decide_and_commit(&sight, None, first_walk).await?;
        Ok(())
    }

    /// Whether a job that is not known is one that the next list would show first: not of
    /// another project, and not so old that it has been walked over.
    fn would_be_listed(&self, job: &Observation) -> bool {
        let settings = &self.parts.settings;
        let ours = settings.project_id.is_none() || settings.project_id == job.project_id;
        let plan = window::plan(&WindowState {
            now: self.server_now(),
            watermark: self.memory.marks.watermark,
            lookback: settings.lookback,
            widened: self.widened_from.is_some(),
            open: &[],
        });
        ours && job.created_at.is_none_or(|created| created > plan.created_after)
    }

    /// Tells why a job could not be read, and when the next poll is due then.
    fn after_failure(&mut self, id: &JobId, error: &PollError, due: Instant) -> Instant {
        let source = &self.parts.settings.name;
        match error {
            PollError::Api(error) => {
                telemetry::single_failed(source, id.as_str(), &error.to_string());
                // What the API says about all of our requests is heeded, as after a poll.
                if matches!(error, ApiError::Limited { .. } | ApiError::Refused { .. }) {
                    let outcome = Outcome::Failed(error);
                    let wait = self.schedule.after(outcome, Duration::ZERO, fastrand::f64());
                    return due.max(Instant::now() + wait);
                }
            }
            PollError::Store(problem) => {
                let wait = due.saturating_duration_since(Instant::now());
                telemetry::store_trouble("reading a called job", &problem.to_string(), wait);
            }
        }
        due
    }
}

impl Called {
    /// The next id that comes through the door; never where there is none.
    async fn receive(&mut self) -> JobId {
        if let Some(door) = &mut self.door
            && let Some(id) = door.recv().await
        {
            return id;
        }
        self.door = None;
        std::future::pending().await
    }

    fn queue(&mut self, id: JobId, now: Instant) {
        let in_vain = self.in_vain.get(&id).is_some_and(|until| *until > now);
        let full = self.waiting.len() >= MOST_WAITING;
        if !in_vain && !full && !self.waiting.contains(&id) {
            self.waiting.push_back(id);
        }
    }

    /// When the next id may be read, if one waits.
    fn read_at(&self, now: Instant) -> Option<Instant> {
        self.waiting.front()?;
        let due = self.due.map_or(now, |due| due.checked_sub(INTERVAL * BURST).unwrap_or(now));
        Some(due.max(now))
    }

    /// Takes the place of one read.
    fn spend(&mut self, now: Instant) {
        self.due = Some(self.due.map_or(now, |due| due.max(now)) + INTERVAL);
    }

    fn note_in_vain(&mut self, id: JobId, now: Instant) {
        if self.in_vain.len() >= MOST_IN_VAIN {
            self.in_vain.retain(|_, until| *until > now);
        }
        if self.in_vain.len() >= MOST_IN_VAIN {
            self.in_vain.clear();
        }
        self.in_vain.insert(id, now + IN_VAIN_FOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: impl ToString) -> JobId {
        JobId::parse(&text.to_string()).unwrap()
    }

    #[test]
    fn an_id_waits_once_and_a_flood_fills_no_more_than_there_is_room_for() {
        let now = Instant::now();
        let mut called = Called::default();

        for round in 0..3 * MOST_WAITING {
            called.queue(id("same"), now);
            called.queue(id(round), now);
        }

        assert_eq!(called.waiting.len(), MOST_WAITING);
        assert_eq!(called.waiting.iter().filter(|waiting| **waiting == id("same")).count(), 1);
    }

    #[test]
    fn an_id_that_led_to_nothing_is_left_alone_for_a_while() {
        let now = Instant::now();
        let mut called = Called::default();
        called.note_in_vain(id("a"), now);

        called.queue(id("a"), now + IN_VAIN_FOR - Duration::from_secs(1));
        assert!(called.waiting.is_empty());
        called.queue(id("a"), now + IN_VAIN_FOR);

        assert_eq!(called.waiting.len(), 1);
    }

    #[test]
    fn reads_leave_in_a_burst_and_then_evenly() {
        let now = Instant::now();
        let mut called = Called::default();
        assert_eq!(called.read_at(now), None);
        called.queue(id("a"), now);

        let mut waits = Vec::new();
        for _ in 0..BURST + 3 {
            waits.push(called.read_at(now).unwrap() - now);
            called.spend(now);
        }

        assert!(waits[..20].iter().all(Duration::is_zero), "{waits:?}");
        let rest: Vec<u128> = waits[20..].iter().map(Duration::as_millis).collect();
        assert_eq!(rest, [0, 500, 1_000]);
    }
}
