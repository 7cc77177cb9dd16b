//! What is known of a job and what was seen of it → what happened. Pure.
//!
//! Ingest calls [`observe`] for every job that a walk or a single read showed, and [`vanish`]
//! for one that is gone (404). Each gives the job as it is to be remembered, the events, and
//! notes for the log. The events are keyed, so that the same happening detected again, after a
//! crash or in another order, is the same event; that it is recorded once is the store's part.
//! Project names are filled in by ingest, and what is said about an event is for the rules.

mod batch;

use std::fmt;

use jiff::{SignedDuration, Timestamp};

pub use batch::{EndedJob, project_idle};

use crate::model::{
    Event, EventKey, EventKind, Fields, JobState, KnownJob, Observation, Phase, ProjectName,
};

/// How long a job that is `stopped` without a `result` is read again before that is believed.
const RESULT_GRACE: SignedDuration = SignedDuration::from_secs(60);

/// The circumstances of a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watch<'a> {
    pub source: &'a str,
    pub now: Timestamp,
    /// `first_run` is `baseline` and no complete walk has ended yet: the first sight of a job
    /// is silent, a later change of it is not.
    pub baseline: bool,
    /// What happened, happened while nobody watched.
    pub late: bool,
}

/// What follows from one look at one job.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The job as it is to be remembered; equal to what was known where nothing changed.
    pub job: KnownJob,
    pub events: Vec<Event>,
    pub notes: Vec<Note>,
}

/// Something odd that is logged and counted, and is no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A job that had ended shows an open state; it is not believed.
    Reopened { ended_as: String, seen: String },
    /// A running job shows as queued; it is not believed.
    Regressed,
    /// A job that was gone is there again.
    Returned,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reopened { ended_as, seen } => {
                write!(f, "the job had ended ({ended_as}) and now shows as {seen}: not believed")
            }
            Self::Regressed => {
                f.write_str("the job was running and now shows as queued: not believed")
            }
            Self::Returned => f.write_str("the job was gone and is there again"),
        }
    }
}

/// Whether a look at the job that shows the text already known needs no [`observe`]: what is
/// said of a job that waits for its result, or had gone, depends on more than its text.
pub fn may_skip(known: &KnownJob) -> bool {
    known.phase != Phase::Vanished && known.resultless_since.is_none()
}

/// Compares a look at a job with what is known of it, `None` for a job never seen.
pub fn observe(watch: &Watch<'_>, known: Option<&KnownJob>, seen: &Observation) -> Step {
    match known {
        None => first_sight(watch, seen),
        Some(known) => match known.phase {
            Phase::Ended => after_the_end(known, seen),
            Phase::Open => while_open(watch, known, seen),
            Phase::Vanished => {
                let back = KnownJob { phase: Phase::Open, ended_at: None, ..known.clone() };
                let mut step = while_open(watch, &back, seen);
                step.notes.insert(0, Note::Returned);
                step
            }
        },
    }
}

/// Takes note that a job is gone. One that was seen to stop has ended, though its result will
/// not be known; any other that was open has vanished.
pub fn vanish(watch: &Watch<'_>, known: &KnownJob) -> Step {
    let mut step = Step { job: known.clone(), events: Vec::new(), notes: Vec::new() };
    if known.phase != Phase::Open {
        return step;
    }
    if known.resultless_since.is_some() {
        let stopped = JobState::Stopped.as_str();
        step.events.push(event(watch, known, EventKind::Stopped, Some(stopped), &known.document));
        end(watch, &mut step.job, JobState::Stopped);
    } else {
        step.events.push(event(watch, known, EventKind::Vanished, None, &known.document));
        step.job.phase = Phase::Vanished;
        step.job.ended_at = Some(watch.now);
    }
    step
}

/// What a look shows.
enum Sight {
    Open,
    /// `stopped`, but without a `result`: it may be on its way.
    Resultless,
    Final(EventKind),
}

impl Sight {
    fn of(seen: &Observation) -> Self {
        match (&seen.state, seen.result_status.as_deref()) {
            (JobState::Queued | JobState::Running, _) | (JobState::Other(_), None) => Self::Open,
            (JobState::Stopped, None) => Self::Resultless,
            (JobState::Stopped, Some("success")) => Self::Final(EventKind::Succeeded),
            (JobState::Stopped, Some("partial")) => Self::Final(EventKind::Partial),
            (JobState::Stopped, Some("error")) => Self::Final(EventKind::Failed),
            (JobState::Stopped, Some(_)) => Self::Final(EventKind::Stopped),
            (JobState::Cancelled, _) => Self::Final(EventKind::Cancelled),
            (JobState::Other(_), Some(_)) => Self::Final(EventKind::Changed),
        }
    }
}

fn first_sight(watch: &Watch<'_>, seen: &Observation) -> Step {
    let mut job = KnownJob {
        id: seen.id.clone(),
        job_type: seen.job_type.clone(),
        state: seen.state.clone(),
        phase: Phase::Open,
        fingerprint: seen.fingerprint,
        progress: seen.progress,
        progress_since: watch.now,
        changes: 0,
        created_at: seen.created_at,
        stopped_at: seen.stopped_at,
        first_seen_at: watch.now,
        ended_at: None,
        project_id: seen.project_id.clone(),
        resultless_since: None,
        document: seen.document.clone(),
    };
    let kind = match Sight::of(seen) {
        Sight::Open => Some(open_kind(&seen.state)),
        Sight::Final(kind) => Some(kind),
        Sight::Resultless => None,
    };
    let events = kind
        .filter(|_| !watch.baseline)
        .map(|kind| first_event(watch, &job, kind, seen))
        .into_iter()
        .collect();
    match Sight::of(seen) {
        Sight::Open => {}
        Sight::Final(_) => end(watch, &mut job, seen.state.clone()),
        Sight::Resultless if watch.baseline && is_stale(watch, seen) => {
            end(watch, &mut job, seen.state.clone());
        }
        Sight::Resultless => job.resultless_since = Some(watch.now),
    }
    Step { job, events, notes: Vec::new() }
}

fn while_open(watch: &Watch<'_>, known: &KnownJob, seen: &Observation) -> Step {
    let unchanged = |note| Step { job: known.clone(), events: Vec::new(), notes: vec![note] };
    match Sight::of(seen) {
        Sight::Final(kind) => {
            let mut job = updated(known, seen);
            end(watch, &mut job, seen.state.clone());
            let events = vec![change(watch, known, &job, kind, seen)];
            Step { job, events, notes: Vec::new() }
        }
        Sight::Resultless => {
            // Until it is believed, the state stays what it was: `from` is told by it.
            let mut job = updated(known, seen);
            // The clock may have been set back meanwhile.
            let since = known.resultless_since.unwrap_or(watch.now).min(watch.now);
            job.resultless_since = Some(since);
            let mut events = Vec::new();
            if watch.now.duration_since(since) >= RESULT_GRACE {
                end(watch, &mut job, seen.state.clone());
                events.push(change(watch, known, &job, EventKind::Stopped, seen));
            }
            Step { job, events, notes: Vec::new() }
        }
        Sight::Open if known.resultless_since.is_some() => unchanged(Note::Reopened {
            ended_as: JobState::Stopped.as_str().to_owned(),
            seen: seen.state.as_str().to_owned(),
        }),
        Sight::Open if known.state == JobState::Running && seen.state == JobState::Queued => {
            unchanged(Note::Regressed)
        }
        Sight::Open => {
            let mut job = updated(known, seen);
            let moved = seen.progress.is_some() && seen.progress != known.progress;
            if moved || seen.state != known.state {
                job.progress_since = watch.now;
            }
            let mut events = Vec::new();
            if seen.state != known.state {
                move_to(&mut job, seen.state.clone());
                events.push(change(watch, known, &job, open_kind(&seen.state), seen));
            } else if moved && seen.state == JobState::Running {
                events.push(change(watch, known, &job, EventKind::Progress, seen));
            }
            Step { job, events, notes: Vec::new() }
        }
    }
}

/// An ended job is never announced again; only what is remembered of it follows the API.
fn after_the_end(known: &KnownJob, seen: &Observation) -> Step {
    if let Sight::Open = Sight::of(seen) {
        let note = Note::Reopened {
            ended_as: known.state.as_str().to_owned(),
            seen: seen.state.as_str().to_owned(),
        };
        return Step { job: known.clone(), events: Vec::new(), notes: vec![note] };
    }
    let mut job = updated(known, seen);
    move_to(&mut job, seen.state.clone());
    Step { job, events: Vec::new(), notes: Vec::new() }
}

/// Whether a job seen `stopped` without a result stopped too long ago for one to come.
fn is_stale(watch: &Watch<'_>, seen: &Observation) -> bool {
    seen.stopped_at.is_none_or(|at| watch.now.duration_since(at) > RESULT_GRACE)
}

/// What it means that a job is in this state, which is none that ends it.
fn open_kind(state: &JobState) -> EventKind {
    match state {
        JobState::Queued => EventKind::Queued,
        JobState::Running => EventKind::Started,
        JobState::Stopped | JobState::Cancelled | JobState::Other(_) => EventKind::Changed,
    }
}

/// What is known, with all that a look shows but the state. Progress that is no longer shown
/// is remembered: if it comes again it is no news.
fn updated(known: &KnownJob, seen: &Observation) -> KnownJob {
    KnownJob {
        job_type: seen.job_type.clone(),
        fingerprint: seen.fingerprint,
        progress: seen.progress.or(known.progress),
        created_at: seen.created_at.or(known.created_at),
        stopped_at: seen.stopped_at.or(known.stopped_at),
        project_id: seen.project_id.clone().or_else(|| known.project_id.clone()),
        document: seen.document.clone(),
        ..known.clone()
    }
}

fn move_to(job: &mut KnownJob, state: JobState) {
    if job.state != state {
        job.state = state;
        job.changes += 1;
    }
}

fn end(watch: &Watch<'_>, job: &mut KnownJob, state: JobState) {
    move_to(job, state);
    job.phase = Phase::Ended;
    job.ended_at = Some(watch.now);
    job.resultless_since = None;
}

fn first_event(watch: &Watch<'_>, job: &KnownJob, kind: EventKind, seen: &Observation) -> Event {
    let mut event = event(watch, job, kind, Some(seen.state.as_str()), &seen.document);
    event.from = None;
    event.key.occurrence = occurrence(kind, None, job, seen);
    event
}

fn change(
    watch: &Watch<'_>,
    known: &KnownJob,
    job: &KnownJob,
    kind: EventKind,
    seen: &Observation,
) -> Event {
    let mut event = event(watch, known, kind, Some(seen.state.as_str()), &seen.document);
    event.key.occurrence = occurrence(kind, event.from.as_deref(), job, seen);
    event
}

/// What tells this event from others of its slot; `job` is the job after the change.
fn occurrence(kind: EventKind, from: Option<&str>, job: &KnownJob, seen: &Observation) -> String {
    match kind {
        EventKind::Progress => seen.progress.map(|it| it.to_string()).unwrap_or_default(),
        EventKind::Changed => {
            format!("{}>{}>{}", from.unwrap_or(""), seen.state.as_str(), job.changes)
        }
        _ => String::new(),
    }
}

fn event(
    watch: &Watch<'_>,
    known: &KnownJob,
    kind: EventKind,
    to: Option<&str>,
    document: &Fields,
) -> Event {
    // An open job is remembered as stopped only when it was first seen so, without a result.
    let first_seen_so = known.phase == Phase::Open && known.state == JobState::Stopped;
    Event {
        key: EventKey {
            source: watch.source.to_owned(),
            subject: known.id.as_str().to_owned(),
            slot: kind.slot(),
            occurrence: String::new(),
        },
        kind,
        from: (!first_seen_so).then(|| known.state.as_str().to_owned()),
        to: to.map(str::to_owned),
        detected_at: watch.now,
        late: watch.late,
        job_id: Some(known.id.clone()),
        project_name: ProjectName::None,
        facts: serde_json::Map::new(),
        timer: None,
        job: Some(document.clone()),
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
