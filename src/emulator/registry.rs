//! The jobs that the emulator knows, in the order of their creation.
//!
//! Pure. A job runs by its script until somebody changes it from outside (a test, a `DELETE`);
//! from then on it is a document that stands as it was left.

use std::collections::{BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::Profile;
use super::page::Order;
use super::query::{ListQuery, OLDEST, back};
use super::script::{Script, has_ended};

/// What a job is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Job {
    Script(Script),
    /// Served as it is; not necessarily an object.
    Fixed(Value),
}

/// All jobs.
#[derive(Debug, Default)]
pub(super) struct Registry {
    jobs: HashMap<String, (Timestamp, Job)>,
    order: BTreeSet<(Timestamp, String)>,
}

/// A job's creation, its id and the job.
pub(super) type Row<'a> = (Timestamp, &'a str, &'a Job);

impl Job {
    /// The job's document at `now`.
    pub(super) fn document(&self, now: Timestamp, profile: Profile) -> Value {
        match self {
            Self::Script(script) => Value::Object(script.document(now, profile)),
            Self::Fixed(document) => document.clone(),
        }
    }

    /// Whether the list that `query` asks for shows the job.
    pub(super) fn answers(&self, query: &ListQuery, now: Timestamp) -> bool {
        let listed = match self {
            Self::Script(script) => script.is_listed(now),
            Self::Fixed(_) => true,
        };
        let is = |asked: &Option<String>, field: &str| {
            asked.is_none() || asked.as_deref() == self.text(field)
        };
        listed && is(&query.project_id, "project_id") && is(&query.job_type, "job_type")
    }

    /// The project's id, where there is one.
    pub(super) fn project_id(&self) -> Option<&str> {
        self.text("project_id")
    }

    /// Whether it has not ended at `now`.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        let document = self.document(now, Profile::Spec);
        let state = document["job_state"].as_str().unwrap_or_default();
        !has_ended(state, document.get("result"))
    }

    fn text(&self, field: &str) -> Option<&str> {
        match self {
            Self::Fixed(document) => document.get(field).and_then(Value::as_str),
            Self::Script(script) if field == "project_id" => script.project_id.as_deref(),
            Self::Script(script) => Some(&script.job_type),
        }
    }
}

impl Registry {
    /// Adds a job, or puts it in the place of the one with this id.
    pub(super) fn put(&mut self, id: &str, created_at: Timestamp, job: Job) {
        self.remove(id);
        self.order.insert((created_at, id.to_owned()));
        self.jobs.insert(id.to_owned(), (created_at, job));
    }

    /// Takes a job away; false when there is none.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let Some((created_at, _)) = self.jobs.remove(id) else { return false };
        self.order.remove(&(created_at, id.to_owned()));
        true
    }

    /// The job with this id, unless the service would have forgotten it.
    pub(super) fn get(&self, id: &str, now: Timestamp) -> Option<&Job> {
        let (created_at, job) = self.jobs.get(id)?;
        (*created_at >= back(now, OLDEST)).then_some(job)
    }

    /// The script with this id.
    pub(super) fn script_mut(&mut self, id: &str) -> Option<&mut Script> {
        match self.jobs.get_mut(id) {
            Some((_, Job::Script(script))) => Some(script),
            _ => None,
        }
    }

    /// The jobs created between the query's two dates, in `order`.
    pub(super) fn rows<'a>(
        &'a self,
        query: &ListQuery,
        order: Order,
    ) -> Box<dyn Iterator<Item = Row<'a>> + 'a> {
        let (first, last) = (query.created_after, query.created_before);
        if first > last {
            return Box::new(std::iter::empty());
        }
        let after_last = last.saturating_add(SignedDuration::from_nanos(1)).unwrap_or(last);
        let range = self.order.range((first, String::new())..(after_last, String::new()));
        let row = |(created_at, id): &'a (Timestamp, String)| {
            self.jobs.get(id).map(|(_, job)| (*created_at, id.as_str(), job))
        };
        match order {
            Order::OldestFirst => Box::new(range.filter_map(row)),
            Order::NewestFirst => Box::new(range.rev().filter_map(row)),
        }
    }

    /// Every job.
    pub(super) fn all(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values().map(|(_, job)| job)
    }

    /// Stops a job's script and changes its document; false when there is no such job or it is
    /// no object.
    pub(super) fn change(
        &mut self,
        id: &str,
        now: Timestamp,
        profile: Profile,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> bool {
        let Some((_, job)) = self.jobs.get_mut(id) else { return false };
        let mut document = job.document(now, profile);
        let Some(fields) = document.as_object_mut() else { return false };
        change(fields);
        *job = Job::Fixed(document);
        true
    }
}

/// Puts a document into a state, with the fields that go with it and without those that do not.
pub(super) fn enter_state(fields: &mut Map<String, Value>, state: &str, now: Timestamp) {
    fields.insert("job_state".into(), json!(state));
    if state != "running" {
        fields.remove("progress");
    }
    if matches!(state, "stopped" | "cancelled") {
        fields.entry("stopped_at").or_insert_with(|| json!(now.to_string()));
    } else {
        fields.remove("stopped_at");
        fields.remove("result");
    }
    if state == "cancelled" {
        fields.remove("result");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_bounds_of_the_window_belong_to_it() {
        let now = at("2026-11-20T08:00:00Z");
        let mut registry = Registry::default();
        for (id, time) in [("a", "2026-11-19T00:00:00Z"), ("b", "2026-11-19T01:00:00Z")] {
            registry.put(id, at(time), Job::Fixed(json!({"job_id": id})));
        }
        let ids = |query: &str| -> Vec<String> {
            let query = ListQuery::parse(query, now, Profile::Spec).unwrap();
            registry.rows(&query, Order::OldestFirst).map(|row| row.1.to_owned()).collect()
        };

        assert_eq!(ids("created_after=2026-11-19T00:00:00Z"), ["a", "b"]);
        assert_eq!(ids("created_after=2026-11-19T00:00:00.001Z"), ["b"]);
        assert_eq!(ids("created_before=2026-11-19T01:00:00Z"), ["a", "b"]);
        assert_eq!(ids("created_before=2026-11-19T00:59:59Z"), ["a"]);
        assert!(
            ids("created_after=2026-11-19T03:00:00Z&created_before=2026-11-19T02:00:00Z")
                .is_empty()
        );
    }

    #[test]
    fn a_job_is_forgotten_after_thirty_days() {
        let mut registry = Registry::default();
        registry.put("a", at("2026-10-01T00:00:00Z"), Job::Fixed(json!({})));

        assert!(registry.get("a", at("2026-10-31T00:00:00Z")).is_some());
        assert!(registry.get("a", at("2026-10-31T00:00:01Z")).is_none());
    }

    #[test]
    fn a_job_that_is_put_again_stands_once_and_at_its_new_place() {
        let mut registry = Registry::default();
        registry.put("a", at("2026-11-19T00:00:00Z"), Job::Fixed(json!({"n": 1})));
        registry.put("a", at("2026-11-19T02:00:00Z"), Job::Fixed(json!({"n": 2})));
        let query = ListQuery::parse("", at("2026-11-20T00:00:00Z"), Profile::Spec).unwrap();

        let rows: Vec<Row<'_>> = registry.rows(&query, Order::NewestFirst).collect();

        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].0, at("2026-11-19T02:00:00Z"));
    }

    #[test]
    fn a_state_brings_and_takes_the_fields_that_go_with_it() {
        let now = at("2026-11-20T08:00:00Z");
        let mut job = json!({"job_state": "running", "progress": {"label": "x"}});
        let fields = job.as_object_mut().unwrap();

        enter_state(fields, "cancelled", now);
        assert_eq!(
            json!(fields),
            json!({"job_state": "cancelled", "stopped_at": "2026-11-20T08:00:00Z"})
        );

        enter_state(fields, "running", now);
        assert_eq!(json!(fields), json!({"job_state": "running"}));
    }
}
