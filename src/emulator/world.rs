//! The handle by which tests and the demo change a running emulator from inside the process.
//!
//! Every change counts at once: the next request sees it. A job that is changed here leaves its
//! time line and stands as it was left.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use crate::clock::Clock;

use super::fault::Fault;
use super::project::Project;
use super::registry::{Job, enter_state};
use super::script::project_url;
use super::state::{RecordedRequest, State};

/// A running emulator's memory. Cheap to clone; all clones mean the same emulator.
#[derive(Clone)]
pub struct World {
    state: Arc<Mutex<State>>,
    clock: Clock,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl World {
    pub(super) fn new(state: State, clock: Clock) -> Self {
        Self { state: Arc::new(Mutex::new(state)), clock }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a job, or replaces the one with its `job_id`, and returns the id.
    ///
    /// What is missing of the common fields is filled in (a queued agent job, created now); what
    /// is there stays as it is, however odd. A value that is no object is served as it is; the id
    /// returned for it is good for [`World::remove`] alone.
    pub fn put_job(&self, job: Value) -> String {
        let now = self.clock.now();
        let mut state = self.lock();
        let name = state.fresh_name();
        let Value::Object(mut fields) = job else {
            state.jobs.put(&name, now, Job::Fixed(job));
            return name;
        };
        complete(&mut fields, &name, &state, now);
        let created_at = fields["created_at"].as_str().and_then(|text| text.parse().ok());
        let id = fields["job_id"].as_str().map_or(name, str::to_owned);
        state.jobs.put(&id, created_at.unwrap_or(now), Job::Fixed(Value::Object(fields)));
        id
    }

    /// Puts a job into a state, with `stopped_at` where that goes with it; false when there is no
    /// such job.
    pub fn set_state(&self, id: &str, job_state: &str) -> bool {
        self.change(id, |job, now| enter_state(job, job_state, now))
    }

    /// Makes a job running with this `progress`; false when there is no such job.
    pub fn set_progress(&self, id: &str, progress: Value) -> bool {
        self.change(id, |job, now| {
            enter_state(job, "running", now);
            job.insert("progress".into(), progress);
        })
    }

    /// Stops a job with this `result`; false when there is no such job.
    pub fn finish(&self, id: &str, result: Value) -> bool {
        self.change(id, |job, now| {
            enter_state(job, "stopped", now);
            job.insert("result".into(), result);
        })
    }

    /// Sets one field of a job's document; false when there is no such job.
    pub fn set_field(&self, id: &str, name: &str, value: Value) -> bool {
        self.change(id, |job, _| {
            job.insert(name.to_owned(), value);
        })
    }

    /// Takes a job away, as if the service had forgotten it; false when there is none.
    pub fn remove(&self, id: &str) -> bool {
        self.lock().jobs.remove(id)
    }

    /// A job's document as the API would show it now.
    pub fn job(&self, id: &str) -> Option<Value> {
        let now = self.clock.now();
        let mut state = self.lock();
        state.advance(now);
        state.jobs.get(id, now).map(|job| job.document(now, state.profile))
    }

    /// Adds a project, or gives it another name.
    pub fn project(&self, id: &str, name: &str) {
        let now = self.clock.now();
        self.lock()
            .projects
            .entry(id.to_owned())
            .or_insert_with(|| Project::new(id.to_owned(), name, now))
            .name = name.to_owned();
    }

    /// Takes a project away; false when there is none.
    pub fn remove_project(&self, id: &str) -> bool {
        self.lock().projects.remove(id).is_some()
    }

    /// Adds a fault behind those that are in force; it counts requests from now on.
    pub fn queue_fault(&self, fault: Fault) {
        self.lock().desk.install(fault);
    }

    /// Takes every fault away.
    pub fn clear_faults(&self) {
        self.lock().desk.clear();
    }

    /// The requests so far, at most the last 10,000, oldest first.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.lock().requests.iter().cloned().collect()
    }

    /// Forgets the requests so far, so that a test can count from here.
    pub fn forget_requests(&self) {
        self.lock().requests.clear();
    }

    fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Map<String, Value>, jiff::Timestamp),
    ) -> bool {
        let now = self.clock.now();
        let mut state = self.lock();
        state.advance(now);
        let profile = state.profile;
        state.jobs.change(id, now, profile, |job| change(job, now))
    }
}

fn complete(fields: &mut Map<String, Value>, name: &str, state: &State, now: jiff::Timestamp) {
    let mut fill = |field: &str, value: Value| {
        fields.entry(field.to_owned()).or_insert(value);
    };
    fill("job_type", json!("agent"));
    fill("job_state", json!("queued"));
    fill("created_at", json!(now.to_string()));
    fill("drive_id", json!(state.drive_id));
    let project_id = fields.get("project_id").and_then(Value::as_str).map(str::to_owned);
    if !fields.contains_key("job_id") {
        let job_type = fields["job_type"].as_str().unwrap_or("agent");
        let id = state.ids.job(job_type, project_id.as_deref(), name);
        fields.insert("job_id".into(), json!(id));
    }
    if let Some(project_id) = project_id {
        fields.entry("project_url").or_insert_with(|| json!(project_url(&project_id)));
    }
}
