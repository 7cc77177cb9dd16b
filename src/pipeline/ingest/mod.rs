//! Ingest: one source → walk → diff → rules → one commit.
//!
//! [`Ingest::poll`] is one step and says when the next is due; [`Ingest::run`] turns it until
//! told to stop. Observations of a source are diffed here and nowhere else, one walk at a
//! time, against the state read in the transaction that writes what follows from it.

mod called;
mod forget;
mod health;
mod lease;
mod look;
mod marks;
mod timers;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use self::look::{Sight, returned};
use self::timers::Timers;
use super::names::Names;
use super::policy::Current;
use super::route::Nudges;
use crate::clock::Clock;
use crate::diff;
use crate::model::{Event, Fingerprint, JobId, KnownJob, Pacing};
use crate::source::schedule::{Outcome, Schedule};
use crate::source::settings::{FirstRun, SourceSettings};
use crate::source::{ApiError, Client};
use crate::store::{
    Committed, Deciding, Marks, Place, SourceHealth, SourceMemory, Store, StoreError, WalkCommit,
};
use crate::telemetry::{self, PollNumbers};

/// Under `run --once`, what a walk finds is late only after such a gap.
const ONCE_LATE_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// The API shows jobs for 30 days.
const API_MEMORY_DAYS: i64 = 30;

/// After a failure of the store, unless polls are further apart anyway.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// So many changed jobs are written down at once: a page of them and a little more, so that the
/// first messages leave soon; then twice as many each time, since pages of the ledger that many
/// of them share are then written once.
const COMMIT_FIRST_JOBS: usize = 250;
const COMMIT_MOST_JOBS: usize = 1_000;

/// How many odd things are remembered as told.
const MOST_TOLD: usize = 1_000;

/// Whether the source is watched, or looked at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Service,
    Once,
}

/// What an ingest is made of.
#[derive(Debug, Clone)]
pub struct IngestParts {
    pub settings: SourceSettings,
    pub client: Arc<Client>,
    pub store: Store,
    pub policy: Current,
    pub nudges: Nudges,
    pub clock: Clock,
    pub keep: Duration,
    pub mode: Mode,
}

/// The loop of one source.
#[derive(Debug)]
pub struct Ingest {
    parts: IngestParts,
    memory: SourceMemory,
    names: Names,
    schedule: Schedule,
    /// A complete walk has ended since the start: what comes now is not late.
    caught_up: bool,
    health: SourceHealth,
    /// By how much the server's clock is ahead of ours.
    skew: SignedDuration,
    pruned_at: Option<Timestamp>,
    started_at: Timestamp,
    /// When the last complete walk before the start ended.
    watched_until: Option<Timestamp>,
    timers: Timers,
    /// Odd things of the list that were told already: they come again at every poll.
    told: HashSet<Fingerprint>,
    /// The only project that complete walks were shown so far, where this one is shown more.
    widened_from: Option<Fingerprint>,
    /// The list came, but the API wants fewer single reads: a matter of pace, not of health.
    slow_down: Option<ApiError>,
    called: called::Called,
}

/// What one poll came to, and when the next is due.
#[derive(Debug)]
pub struct Polled {
    pub result: Result<PollNumbers, PollError>,
    pub wait: Duration,
}

/// Why a poll was not complete. What it saw is kept all the same.
#[derive(Debug, thiserror::Error)]
pub enum PollError {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PollError {
    /// The same, with the store named.
    fn of(self, store: &Place) -> Self {
        match self {
            Self::Store(problem) => Self::Store(problem.of(store)),
            Self::Api(error) => Self::Api(error),
        }
    }
}

/// What `diff` says of a whole sight.
#[derive(Debug, Default)]
struct Differences {
    jobs: Vec<KnownJob>,
    outdated: Vec<Fingerprint>,
    events: Vec<Event>,
    oddities: Vec<(JobId, Fingerprint, String)>,
}

impl Differences {
    fn take(&mut self, known: Option<&KnownJob>, step: diff::Step, about: Fingerprint) {
        let before = known.map(|known| known.fingerprint);
        self.outdated.extend(before.filter(|before| *before != step.job.fingerprint));
        let odd = step.notes.iter().map(|note| (step.job.id.clone(), about, note.to_string()));
        self.oddities.extend(odd);
        self.events.extend(step.events);
        self.jobs.push(step.job);
    }
}

impl Ingest {
    /// Reads what is known of the source.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn start(parts: IngestParts) -> Result<Self, StoreError> {
        let memory = parts.store.remember(&parts.settings.name).await?;
        let health = parts.store.source_health(&parts.settings.name).await?;
        let now = parts.clock.now();
        if let Some(last) = memory.marks.last_complete_at {
            let days = now.duration_since(last).as_hours() / 24;
            if days > API_MEMORY_DAYS {
                telemetry::gap(&parts.settings.name, days);
            }
        }
        let late_after = match parts.mode {
            Mode::Service => SignedDuration::ZERO,
            Mode::Once => ONCE_LATE_AFTER,
        };
        let caught_up = parts.mode == Mode::Once
            && memory
                .marks
                .last_complete_at
                .is_some_and(|last| now.duration_since(last) <= late_after);
        Ok(Self {
            watched_until: memory.marks.last_complete_at,
            schedule: Schedule::new(parts.settings.poll_interval, parts.settings.idle_interval),
            parts,
            memory,
            health,
            names: Names::default(),
            caught_up,
            skew: SignedDuration::ZERO,
            pruned_at: None,
            started_at: now,
            timers: Timers::default(),
            told: HashSet::new(),
            widened_from: None,
            slow_down: None,
            called: called::Called::default(),
        })
    }

    /// Polls until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        match self.parts.store.is_shared() {
            true => self.run_in_turn(&stop).await,
            false => self.poll_until(&stop).await,
        }
    }

    /// One poll: everything from the list request to the commit.
    pub async fn poll(&mut self) -> Polled {
        let begun = Instant::now();
        let span = telemetry::poll_span(&self.parts.settings.name);
        let result = self.try_poll(begun).instrument(span).await;
        let result = result.map_err(|error| error.of(self.parts.store.place()));
        let open = self.memory.open.iter().any(|job| !job.forbidden);
        let mut after = |outcome| self.schedule.after(outcome, begun.elapsed(), fastrand::f64());
        let wait = match (&result, self.slow_down.take()) {
            (Ok(_), Some(error)) => after(Outcome::Failed(&error)),
            (Ok(_), None) if open => after(Outcome::Busy),
            (Ok(_), None) => after(Outcome::Idle),
            (Err(PollError::Api(error)), _) => after(Outcome::Failed(error)),
            // The API has no part in it, so it is asked as often as usual.
            (Err(PollError::Store(_)), _) => self.parts.settings.poll_interval.max(STORE_PAUSE),
        };
        self.note_health(result.as_ref().err()).await;
        match &result {
            Ok(numbers) => telemetry::poll_done(&self.parts.settings.name, numbers),
            Err(error) => {
                let (name, took) = (&self.parts.settings.name, begun.elapsed());
                telemetry::poll_failed(name, &error.to_string(), took, wait);
            }
        }
        Polled { result, wait }
    }

    async fn try_poll(&mut self, begun: Instant) -> Result<PollNumbers, PollError> {
        self.widened_from = self.only_project_so_far();
        let found = self.walk().await?;
        for odd in &found.rejected {
            if self.tell_once(odd.fingerprint) {
                let source = &self.parts.settings.name;
                telemetry::element_rejected(source, odd.id.as_deref(), &odd.cause);
            }
        }
        if found.pages > 0 {
            self.skew = found.started_at.duration_since(found.asked_at);
        }
        let complete = found.end.is_ok();
        let mut returned = returned(&found);
        let mut numbers = PollNumbers {
            pages: found.pages,
            changed: found.seen.len(),
            unchanged: found.unchanged.len(),
            rejected: found.rejected.len(),
            ..PollNumbers::default()
        };
        let was_first = self.memory.marks.baseline_at.is_none();
        let marks = complete.then(|| self.marks_after(found.started_at, found.narrowed));
        // A long list is written down piece by piece: less memory, and the first messages leave
        // sooner. The marks go with the last piece, so a crash between two leaves a walk that
        // was not complete. Single reads come after: what the list told must not wait for them.
        let mut rest = found.seen.into_iter().peekable();
        let mut jobs = COMMIT_FIRST_JOBS;
        loop {
            let piece = rest.by_ref().take(jobs);
            jobs = (jobs * 2).min(COMMIT_MOST_JOBS);
            let seen = piece.filter_map(|sighting| sighting.read()).collect();
            let piece = Sight { seen, ..Sight::default() };
            let marks = marks.filter(|_| rest.peek().is_none());
            let (committed, remembered) = self.decide_and_commit(&piece, marks, was_first).await?;
            numbers.add(committed.decided.len(), committed.deliveries);
            returned.extend(remembered);
            if rest.peek().is_none() {
                break;
            }
        }
        self.memory.listed(&returned, self.parts.clock.now());
        let mut trouble = None;
        if complete {
            let mut sight = self.read_singles(&returned).await;
            numbers.singles = sight.reads.len() + sight.gone.len();
            trouble = sight.trouble.take();
            if !sight.is_empty() {
                let (committed, _) = self.decide_and_commit(&sight, None, was_first).await?;
                numbers.add(committed.decided.len(), committed.deliveries);
            }
        }
        numbers.open = self.memory.open.len();
        numbers.took = begun.elapsed();
        found.end?;
        if was_first {
            telemetry::baseline_taken(&self.parts.settings.name, numbers.changed);
        }
        let late = !std::mem::replace(&mut self.caught_up, true);
        let made = self.run_timers(late).await?;
        numbers.add(made.decided.len(), made.deliveries);
        self.prune(&returned).await;
        match trouble {
            Some(refused @ ApiError::Refused { .. }) => Err(refused.into()),
            limited => {
                self.slow_down = limited;
                Ok(numbers)
            }
        }
    }

    /// Diffs, asks the rules, and writes it all down in one transaction. Also returns by which
    /// texts the jobs are remembered: not by the one just seen where that is not believed.
    async fn decide_and_commit(
        &mut self,
        sight: &Sight,
        marks: Option<Marks>,
        first_walk: bool,
    ) -> Result<(Committed, Vec<Fingerprint>), StoreError> {
        let source = self.parts.settings.name.clone();
        let ids = sight.ids();
        let now = self.parts.clock.now();
        let mut transaction = self.parts.store.begin(&source).await?;
        let known = transaction.known(&ids).await?;
        let mut found = self.differences(sight, known, now, first_walk);
        let wanted = self.names.wanted(&found.events, now);
        if !wanted.is_empty() {
            // A request must not hold the transaction; what was found is found anew after it.
            drop(transaction);
            let IngestParts { client, store, clock, .. } = &self.parts;
            self.names.learn(&source, &wanted, client, store, clock).await?;
            transaction = self.parts.store.begin(&source).await?;
            let known = transaction.known(&ids).await?;
            found = self.differences(sight, known, now, first_walk);
        }
        let Differences { jobs, outdated, mut events, oddities } = found;
        self.names.fill(&mut events);
        for (job, about, what) in oddities {
            if self.tell_once(about) {
                telemetry::oddity(&source, job.as_str(), &what);
            }
        }
        let reads = sight.reads.clone();
        let commit = WalkCommit { jobs, outdated, reads, marks, events };
        let policy = self.parts.policy.get();
        let decide = |event: Event, pacing: &mut Pacing| policy.decide(event, pacing, now);
        let committed = transaction.commit(&commit, Deciding { now, decide: &decide }).await?;
        self.memory.learn(&commit);
        self.timers.learn(&commit);
        self.parts.nudges.announce(&committed.decided);
        Ok((committed, commit.jobs.iter().map(|job| job.fingerprint).collect()))
    }

    /// What happened, by the pure `diff`.
    fn differences(
        &self,
        sight: &Sight,
        mut known: HashMap<JobId, KnownJob>,
        now: Timestamp,
        first_walk: bool,
    ) -> Differences {
        let source = &self.parts.settings.name;
        let is_silent = self.parts.settings.first_run == FirstRun::Baseline;
        let baseline = is_silent && first_walk;
        let watch = diff::Watch { source, now, baseline, late: !self.caught_up };
        let mut found = Differences::default();
        for seen in &sight.seen {
            let before = known.get(&seen.id);
            let baseline = baseline || (is_silent && self.is_newly_shown(seen));
            let watch = diff::Watch { baseline, ..watch };
            found.take(before, diff::observe(&watch, before, seen), seen.fingerprint);
        }
        for id in &sight.gone {
            if let Some(job) = known.remove(id) {
                found.take(Some(&job), diff::vanish(&watch, &job), job.fingerprint);
            }
        }
        found
    }

    /// Whether this is the first time; what is odd shows at every poll.
    fn tell_once(&mut self, about: Fingerprint) -> bool {
        if self.told.len() >= MOST_TOLD {
            self.told.clear();
        }
        self.told.insert(about)
    }
}
