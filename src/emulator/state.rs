//! Everything that the emulator knows, behind one lock.
//!
//! Changed by requests and by [`super::World`]; the scenario's jobs are let in when somebody looks,
//! as far as the clock has come by then.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::desk::Desk;
use super::ids::Ids;
use super::jobs_file::JobsFile;
use super::page::Order;
use super::project::Project;
use super::registry::{Job, Registry};
use super::scenario::{Scenario, ScenarioJob};
use super::script::Script;
use super::{Allowance, Profile};

/// How many rounds of a repeating scenario are kept, so that one that runs for days stays small.
const ROUNDS_KEPT: usize = 50;

/// How many requests are remembered.
const REQUESTS_KEPT: usize = 10_000;

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedRequest {
    pub at: Timestamp,
    pub method: String,
    /// As it stood in the request line, `/v1` included.
    pub path: String,
    pub query: Option<String>,
    /// Whether it brought a bearer token that is accepted.
    pub authorised: bool,
}

/// The emulator's memory.
#[derive(Debug)]
pub(super) struct State {
    pub(super) profile: Profile,
    pub(super) order: Order,
    pub(super) speed: f64,
    pub(super) ids: Ids,
    pub(super) drive_id: String,
    pub(super) started_at: Timestamp,
    /// Where uploads go: "http://127.0.0.1:1234".
    pub(super) origin: String,
    pub(super) scenario: Scenario,
    /// For each of the scenario's jobs the round that it comes in next.
    pub(super) next_round: Vec<i64>,
    pub(super) played: VecDeque<String>,
    pub(super) jobs: Registry,
    pub(super) projects: BTreeMap<String, Project>,
    pub(super) allowance: Allowance,
    pub(super) desk: Desk,
    pub(super) file: Option<JobsFile>,
    /// The files that each import still waits for.
    pub(super) uploads: HashMap<String, BTreeSet<String>>,
    pub(super) requests: VecDeque<RecordedRequest>,
    pub(super) requests_seen: u64,
    /// How many ids were made, so that each is another.
    pub(super) made: u64,
}

impl State {
    /// How long the emulator has run.
    pub(super) fn age(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.started_at)).unwrap_or(Duration::ZERO)
    }

    /// Remembers a request.
    pub(super) fn record(&mut self, request: RecordedRequest) {
        self.requests_seen += 1;
        if self.requests.len() == REQUESTS_KEPT {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }

    /// A name for a new id that no other had, in this run or the last.
    pub(super) fn fresh_name(&mut self) -> String {
        self.made += 1;
        format!("{} made {}", self.started_at.as_millisecond(), self.made)
    }

    /// The id of the project with this name, made if there is none.
    pub(super) fn project_named(&mut self, name: &str, now: Timestamp) -> String {
        let known = self.projects.values().find(|project| project.name == name);
        if let Some(project) = known {
            return project.id.clone();
        }
        let id = self.ids.uuid(&format!("project {name}"));
        self.projects.insert(id.clone(), Project::new(id.clone(), name, now));
        id
    }

    /// Lets in what the scenario has brought by `now`.
    pub(super) fn advance(&mut self, now: Timestamp) {
        let jobs = std::mem::take(&mut self.scenario.jobs);
        let age = now.duration_since(self.started_at);
        for (index, job) in jobs.iter().enumerate() {
            let next = self.next_round[index];
            for round in due_rounds(job.at, self.scenario.repeat, next, age) {
                self.play(index, job, round);
                self.next_round[index] = round + 1;
            }
        }
        self.scenario.jobs = jobs;
        let kept = self.scenario.jobs.len() * ROUNDS_KEPT;
        while self.played.len() > kept
            && let Some(oldest) = self.played.pop_front()
        {
            self.jobs.remove(&oldest);
        }
    }

    fn play(&mut self, index: usize, job: &ScenarioJob, round: i64) {
        let offset = job.at.saturating_add(length_of(self.scenario.repeat, round));
        let created_at = self.started_at.saturating_add(offset).unwrap_or(self.started_at);
        let project_id = job.project.as_deref().map(|name| self.project_named(name, created_at));
        let name = format!("{} {round} {index}", self.started_at.as_millisecond());
        let job_id = match &job.id {
            Some(id) => id.clone(),
            None => self.ids.job(&job.job_type, project_id.as_deref(), &name),
        };
        let script = Script {
            job_id: job_id.clone(),
            job_type: job.job_type.clone(),
            drive_id: self.drive_id.clone(),
            project_id,
            created_at,
            runs_from: Some(created_at),
            listed: job.listed,
            fields: job.fields.clone(),
            steps: job.steps.clone(),
        };
        self.jobs.put(&job_id, created_at, Job::Script(script));
        self.played.push_back(job_id);
    }
}

fn length_of(repeat: Option<SignedDuration>, rounds: i64) -> SignedDuration {
    repeat.map_or(SignedDuration::ZERO, |repeat| {
        SignedDuration::from_millis_i128(repeat.as_millis() * i128::from(rounds))
    })
}

/// The rounds, from `next` on, in which a job created at `at` of each round has come by `age`.
/// A job from before the start comes once. Of a long absence only the last rounds count.
fn due_rounds(
    at: SignedDuration,
    repeat: Option<SignedDuration>,
    next: i64,
    age: SignedDuration,
) -> std::ops::Range<i64> {
    let since = age.saturating_sub(at);
    if since.is_negative() {
        return next..next;
    }
    let latest = match repeat {
        Some(repeat) if !at.is_negative() && repeat.is_positive() => {
            i64::try_from(since.as_millis() / repeat.as_millis().max(1)).unwrap_or(i64::MAX - 1)
        }
        _ => 0,
    };
    let first = next.max(latest.saturating_sub(ROUNDS_KEPT as i64 - 1));
    first..latest + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(at: i64, repeat: Option<i64>, next: i64, age: i64) -> Vec<i64> {
        let secs = SignedDuration::from_secs;
        due_rounds(secs(at), repeat.map(secs), next, secs(age)).collect()
    }

    #[test]
    fn a_job_comes_once_in_each_round() {
        assert_eq!(due(5, Some(10), 0, 4), Vec::<i64>::new());
        assert_eq!(due(5, Some(10), 0, 5), [0]);
        assert_eq!(due(5, Some(10), 1, 14), Vec::<i64>::new());
        assert_eq!(due(5, Some(10), 1, 36), [1, 2, 3]);
    }

    #[test]
    fn a_job_without_repeat_or_from_before_the_start_comes_once() {
        assert_eq!(due(5, None, 0, 500), [0]);
        assert_eq!(due(5, None, 1, 500), Vec::<i64>::new());
        assert_eq!(due(-3_600, Some(10), 0, 500), [0]);
    }

    #[test]
    fn of_a_long_absence_only_the_last_rounds_come() {
        let rounds = due(0, Some(1), 0, 100_000);

        assert_eq!(rounds.len(), ROUNDS_KEPT);
        assert_eq!(rounds.last(), Some(&100_000));
    }
}
