//! The job API of the bench: a list that is quick to give and to change, and its request log.
//!
//! The crate's emulator works jobs out from their time lines at each request; with thousands of
//! jobs that would take the processor from what is measured. This one keeps every job as the
//! text it is shown as. It keeps to `created_after`, `cursor` and pages of 100, so the bridge
//! asks here exactly what it asks of the real list.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

const PAGE: usize = 100;

/// Jobs are spread over so many projects, whose names are asked for singly.
const PROJECTS: usize = 3;

/// What was asked since the last [`Board::forget`].
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The first requests of polls: those without a cursor.
    pub polls: Vec<Instant>,
    /// All requests, those included.
    pub requests: usize,
}

/// How a job is shown.
#[derive(Debug, Clone, Copy)]
pub enum Shown {
    Running,
    Succeeded,
}

/// A running job API.
#[derive(Debug)]
pub struct Board {
    pub base_url: String,
    state: Arc<Mutex<Inner>>,
    _serving: JoinSet<()>,
}

#[derive(Debug)]
struct Inner {
    /// Newest first: when each was created, and its text.
    jobs: Vec<(Timestamp, String)>,
    asked: Asked,
}

impl Board {
    /// Serves the jobs whose ages are given, youngest first, as long as the value lives.
    pub async fn start(now: Timestamp, jobs: &[(SignedDuration, Shown)]) -> Self {
        let jobs = jobs
            .iter()
            .enumerate()
            .map(|(number, (age, shown))| (now - *age, text(number, now - *age, *shown)))
            .collect();
        let state = Arc::new(Mutex::new(Inner { jobs, asked: Asked::default() }));
        let router = Router::new()
            .route("/v1/jobs", get(list))
            .route("/v1/jobs/{id}", get(single))
            .route("/v1/projects/{id}", get(project))
            .with_state(state.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base_url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.expect("a server") });
        Self { base_url, state, _serving: serving }
    }

    /// Ends the jobs with these numbers, all at once.
    pub fn finish(&self, numbers: impl IntoIterator<Item = usize>) {
        let mut state = self.state.lock().expect("no panic");
        for number in numbers {
            let created = state.jobs[number].0;
            state.jobs[number].1 = text(number, created, Shown::Succeeded);
        }
    }

    /// What was asked so far.
    pub fn asked(&self) -> Asked {
        self.state.lock().expect("no panic").asked.clone()
    }

    /// The id of a project; the first three have jobs.
    pub fn project(number: usize) -> String {
        format!("9f36ee32-5a2c-47e7-b1a3-{number:012}")
    }

    /// Counts from here.
    pub fn forget(&self) {
        self.state.lock().expect("no panic").asked = Asked::default();
    }
}

fn id(number: usize) -> String {
    format!("6dc3f30a-58c2-4174-96a6-{number:012}")
}

/// A job in the form of the published description.
fn text(number: usize, created: Timestamp, shown: Shown) -> String {
    let id = id(number);
    let project = Board::project(number % PROJECTS);
    let rest = match shown {
        Shown::Running => format!(
            r#""job_state":"running","progress":{{"label":"Uploading media","percent":40,"last_update_at":"{created}"}}"#
        ),
        Shown::Succeeded => format!(
            r#""job_state":"stopped","stopped_at":"{created}","result":{{"status":"success","media_status":{{"Misc/intro.mp4":{{"status":"success","duration_seconds":10.5}}}},"media_seconds_used":11}}"#
        ),
    };
    format!(
        r#"{{"job_id":"{id}","job_type":"import/project_media","created_at":"{created}","drive_id":"c9c5c47e-158a-49f7-846b-4f6ee2a229a2","project_id":"{project}","project_url":"https://web.descript.com/{project}",{rest}}}"#
    )
}

async fn list(
    State(state): State<Arc<Mutex<Inner>>>,
    Query(query): Query<HashMap<String, String>>,
) -> impl IntoResponse {
    let asked_at = Instant::now();
    let after: Option<Timestamp> = query.get("created_after").and_then(|text| text.parse().ok());
    let cursor = query.get("cursor").and_then(|text| text.parse::<usize>().ok());
    let mut state = state.lock().expect("no panic");
    state.asked.requests += 1;
    if cursor.is_none() {
        state.asked.polls.push(asked_at);
    }
    let listed = match after {
        Some(after) => state.jobs.partition_point(|(created, _)| *created > after),
        None => state.jobs.len(),
    };
    let from = cursor.unwrap_or(0).min(listed);
    let to = (from + PAGE).min(listed);
    let next = if to < listed { format!(r#"{{"next_cursor":"{to}"}}"#) } else { "{}".into() };
    let texts: Vec<&str> = state.jobs[from..to].iter().map(|(_, text)| text.as_str()).collect();
    let body = format!(r#"{{"data":[{}],"pagination":{next}}}"#, texts.join(","));
    ([(CONTENT_TYPE, "application/json")], body)
}

async fn single(
    State(state): State<Arc<Mutex<Inner>>>,
    Path(asked): Path<String>,
) -> impl IntoResponse {
    let mut state = state.lock().expect("no panic");
    state.asked.requests += 1;
    let number = asked.rsplit('-').next().and_then(|digits| digits.parse::<usize>().ok());
    let text = number.and_then(|number| state.jobs.get(number)).map(|(_, text)| text.clone());
    ([(CONTENT_TYPE, "application/json")], text.expect("a job that was listed"))
}

async fn project(
    State(state): State<Arc<Mutex<Inner>>>,
    Path(asked): Path<String>,
) -> impl IntoResponse {
    state.lock().expect("no panic").asked.requests += 1;
    let body = format!(r#"{{"id":"{asked}","name":"Client A/Episode 12"}}"#);
    ([(CONTENT_TYPE, "application/json")], body)
}
