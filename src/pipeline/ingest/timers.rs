//! What time makes, at the end of a complete walk: jobs that take long or do not move, projects
//! that have come to rest, spending that has reached a limit.
//!
//! Decided from what is known and the time alone; that each is said once is the business of its
//! key. So a restart, or a rule that is new, changes only what is due now.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, json};

use super::{Ingest, IngestParts, PollError};
use crate::diff::{EndedJob, project_idle};
use crate::model::{Event, EventId, EventKind, JobId, Pacing, ProjectName, number_of};
use crate::pipeline::policy::Policy;
use crate::rules::{After, Due, Facts, Rule, Spend, Watched, usual};
use crate::store::{Committed, Deciding, OpenJob, StoreError, WalkCommit};

/// How far back a start looks for projects that came to rest unnoticed.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(1);

/// So many periods of spending are caught up with: as many as a week has hours.
const MOST_PERIODS: usize = 168;

/// How many sayings are remembered as done; the ledger knows all of them.
const MOST_SAID: usize = 100_000;

/// What the timers remember between two walks, to spare the ledger questions.
#[derive(Debug)]
pub(super) struct Timers {
    /// Events that are in the ledger already.
    said: HashSet<EventId>,
    /// Projects of which a job has ended since they were last looked at.
    touched: HashSet<String>,
    /// A job that may have used something has ended.
    spent: bool,
    /// When the first of those has ended that were told since they were last looked at.
    spent_since: Option<Timestamp>,
    /// Nothing has been looked at since the start.
    is_new: bool,
    /// What it was looked at with: another may ask for less.
    looked_with: Option<Arc<Policy>>,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            said: HashSet::new(),
            touched: HashSet::new(),
            spent: true,
            spent_since: None,
            is_new: true,
            looked_with: None,
        }
    }
}

impl Timers {
    /// Takes note of what a walk has brought.
    pub(super) fn learn(&mut self, walk: &WalkCommit) {
        for job in walk.jobs.iter().filter(|job| job.ended_at.is_some()) {
            self.touched.extend(job.project_id.clone());
            self.spent = true;
        }
        let told: HashSet<&JobId> =
            walk.events.iter().filter_map(|event| event.job_id.as_ref()).collect();
        let ends = walk.jobs.iter().filter(|job| told.contains(&job.id));
        let ends = ends.filter_map(|job| job.ended_at.map(|at| job.stopped_at.unwrap_or(at)));
        self.spent_since = self.spent_since.into_iter().chain(ends).min();
    }

    /// Whether something may have been spent, or be too much now, that was not looked at.
    fn has_to_add_up(&self, policy: &Arc<Policy>) -> bool {
        let known = self.looked_with.as_ref().is_some_and(|known| Arc::ptr_eq(known, policy));
        self.spent || !known
    }

    /// All of it has been looked at, and `said` is written down.
    fn looked(&mut self, policy: Arc<Policy>, said: &[EventId]) {
        self.said.extend(said.iter().cloned());
        // A project that is not idle is touched again when its last job ends.
        self.touched.clear();
        self.spent = false;
        self.spent_since = None;
        self.is_new = false;
        self.looked_with = Some(policy);
    }
}

impl Ingest {
    /// Decides what the time has made, and writes it down. `late`: it was made while nobody
    /// watched.
    pub(super) async fn run_timers(&mut self, late: bool) -> Result<Committed, PollError> {
        let policy = self.parts.policy.get();
        let now = self.parts.clock.now();
        if self.timers.said.len() >= MOST_SAID {
            self.timers.said.clear();
        }
        let mut events = self.slow_jobs(&policy, now).await?;
        events.extend(self.idle_projects(&policy, now).await?);
        events.extend(self.crossed_limits(&policy, now).await?);
        let IngestParts { settings, client, store, clock, .. } = &self.parts;
        let wanted = self.names.wanted(&events, clock.now());
        self.names.learn(&settings.name, &wanted, client, store, clock).await?;
        self.names.fill(&mut events);
        for event in &mut events {
            event.late = late;
            if let (EventKind::ProjectIdle, ProjectName::Known(name)) =
                (event.kind, &event.project_name)
            {
                event.facts.insert("name".into(), json!(name));
            }
        }
        // What its rule would not say is none of its business, and is asked for again.
        events.retain(|event| match event.made_by() {
            Some(rule) => policy
                .rules
                .judge_one(rule, event.kind, &Facts::of(event))
                .is_some_and(|(_, verdict)| verdict.sends()),
            None => true,
        });
        if events.is_empty() {
            self.timers.looked(policy, &[]);
            return Ok(Committed::default());
        }
        let said: Vec<EventId> = events.iter().map(Event::id).collect();
        let decide = |event: Event, pacing: &mut Pacing| policy.decide(event, pacing, now);
        let walk = self.parts.store.begin(&self.parts.settings.name).await?;
        let commit = WalkCommit { events, ..WalkCommit::default() };
        let committed = walk.commit(&commit, Deciding { now, decide: &decide }).await?;
        self.timers.looked(policy, &said);
        self.parts.nudges.announce(&committed.decided);
        Ok(committed)
    }

    /// Jobs that take longer than a rule's `after`, or whose progress has not moved for it.
    async fn slow_jobs(&self, policy: &Policy, now: Timestamp) -> Result<Vec<Event>, StoreError> {
        let mut usual_times = HashMap::new();
        let mut due = Vec::new();
        for rule in policy.rules.timed() {
            for job in self.memory.open.iter().filter(|job| job.resultless_since.is_none()) {
                let usual = match rule.after {
                    Some(After::Usual) => self.usual(&job.job_type, &mut usual_times).await?,
                    _ => None,
                };
                for saying in rule.timers(&self.watched(job), usual, now) {
                    due.push((rule, job, saying));
                }
            }
        }
        let mut events = Vec::new();
        for (rule, job, saying) in due {
            let event = self.timer_event(rule, job, &saying, now);
            if self.timers.said.contains(&event.id()) {
                continue;
            }
            let source = &self.parts.settings.name;
            let row = self.parts.store.job(source, job.id.as_str()).await?;
            let Some(known) = row.map(|row| row.job) else { continue };
            let state = Some(known.state.as_str().to_owned());
            let job = Some(known.document);
            events.push(Event { from: state.clone(), to: state, job, ..event });
        }
        Ok(events)
    }

    /// The saying as an event that tells nothing of the job yet: enough for its key.
    fn timer_event(&self, rule: &Rule, job: &OpenJob, saying: &Due, now: Timestamp) -> Event {
        // Of a standstill: a later one is another.
        let progress = match (saying.kind, job.progress) {
            (EventKind::Stalled, Some(progress)) => progress.0.to_string(),
            _ => String::new(),
        };
        let source = &self.parts.settings.name;
        let timer = saying.facts();
        Event::of_timer(saying.kind, &rule.name, timer, &progress, source, &job.id, now)
    }

    fn watched(&self, job: &OpenJob) -> Watched {
        // The server tells when a job was made.
        let since = job.created_at.and_then(|at| at.checked_sub(self.skew).ok());
        Watched {
            running: job.running,
            since: since.unwrap_or(job.since),
            progress_since: job.progress_since,
        }
    }

    async fn usual(
        &self,
        job_type: &str,
        known: &mut HashMap<String, Option<SignedDuration>>,
    ) -> Result<Option<SignedDuration>, StoreError> {
        if let Some(usual) = known.get(job_type) {
            return Ok(*usual);
        }
        let usual = usual(&self.parts.store.durations(job_type).await?);
        known.insert(job_type.to_owned(), usual);
        Ok(usual)
    }

    /// Projects whose last unfinished job has ended.
    async fn idle_projects(
        &self,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Vec<Event>, StoreError> {
        if !policy.rules.names_kind(EventKind::ProjectIdle) {
            return Ok(Vec::new());
        }
        let source = self.parts.settings.name.clone();
        let mut touched: HashSet<String> = self.timers.touched.clone();
        if self.timers.is_new {
            // The one before may have died between an end and this.
            let watched_until = self.watched_until.unwrap_or(self.started_at).min(self.started_at);
            let since = watched_until.checked_sub(LOOK_BACK).unwrap_or(Timestamp::MIN);
            touched.extend(self.parts.store.projects_ended_since(&source, since).await?);
        }
        let open: HashSet<&String> =
            self.memory.open.iter().filter_map(|job| job.project_id.as_ref()).collect();
        let mut events = Vec::new();
        for project in touched.iter().filter(|project| !open.contains(project)) {
            let (jobs, since_idle) = self.parts.store.batch(&source, project, now).await?;
            let ended: Vec<EndedJob> = jobs
                .into_iter()
                .filter_map(|(job, kind)| {
                    Some(EndedJob {
                        id: job.id,
                        kind,
                        created_at: job.created_at,
                        ended_at: job.ended_at?,
                        document: job.document,
                    })
                })
                .collect();
            events.extend(project_idle(&source, project, &ended, since_idle, now));
        }
        Ok(events)
    }

    /// Limits of spending that ended jobs have reached.
    async fn crossed_limits(
        &self,
        policy: &Arc<Policy>,
        now: Timestamp,
    ) -> Result<Vec<Event>, StoreError> {
        let mut events = Vec::new();
        if !self.timers.has_to_add_up(policy) {
            return Ok(events);
        }
        let spenders =
            policy.rules.spenders().filter_map(|rule| Some((rule, rule.spend.as_ref()?)));
        for (rule, spend, (from, to)) in spenders.flat_map(|(rule, spend)| {
            let periods = self.periods(spend, now).into_iter();
            periods.map(move |period| (rule, spend, period))
        }) {
            let mut facts = Map::new();
            facts.insert("rule".into(), json!(rule.name));
            facts.insert("unit".into(), json!(spend.unit.as_str()));
            facts.insert("amount".into(), json!(number_of(spend.amount)));
            facts.insert("per".into(), json!(spend.per.as_str()));
            facts.insert("from".into(), json!(from.to_string()));
            facts.insert("to".into(), json!(to.to_string()));
            let kind = EventKind::SpendCrossed;
            let event = Event::about_itself(kind, "", &rule.name, from, now, facts);
            if self.timers.said.contains(&event.id()) {
                continue;
            }
            let used = spend.counts(&self.parts.store.used(from, to).await?);
            if let Some(used) = used.filter(|used| *used >= spend.amount) {
                let mut event = event;
                event.facts.insert("used".into(), json!(number_of((used * 100.0).round() / 100.0)));
                events.push(event);
            }
        }
        Ok(events)
    }

    /// The periods that have to be added up: this one, and those before in which a job has ended
    /// that was seen only now.
    fn periods(&self, spend: &Spend, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
        let current = spend.period(now);
        let mut periods = Vec::new();
        let mut at = self.timers.spent_since.unwrap_or(now);
        while at < current.0 && periods.len() < MOST_PERIODS {
            let period = spend.period(at);
            at = period.1;
            periods.push(period);
        }
        periods.push(current);
        periods
    }
}
