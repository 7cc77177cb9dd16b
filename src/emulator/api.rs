//! The calls of the API: from a request and the emulator's memory to an answer.
//!
//! No HTTP in here; the `POST`s stand in `submit`.

use jiff::Timestamp;
use serde_json::json;

use super::answer::{Answer, Payload};
use super::desk::Effects;
use super::fault::{FaultKind, RetryAfter};
use super::page::page;
use super::project;
use super::query::ListQuery;
use super::registry::{Job, Row, enter_state};
use super::route::Route;
use super::state::State;
use super::submit;

/// What the rate limit is said to be, per minute.
const RATE_LIMIT: u64 = 120;

/// A request, taken apart.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) route: Route,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
    pub(super) authorised: bool,
    pub(super) now: Timestamp,
}

/// Answers a request, faults that stand in place of the answer included.
pub(super) fn answer(state: &mut State, asked: &Asked<'_>, effects: &Effects) -> Answer {
    match &effects.spoilt {
        None | Some(FaultKind::Cut) => {}
        Some(kind) => return spoilt(kind, state, asked.now),
    }
    state.advance(asked.now);
    if let Route::Upload { job_id, media } = &asked.route {
        return submit::upload(state, job_id, media, asked.now);
    }
    if !asked.authorised {
        return Answer::unauthorised(state.profile);
    }
    let now = asked.now;
    match &asked.route {
        Route::List => list(state, asked, effects),
        Route::Get(id) => get(state, id, now),
        Route::Cancel(id) => cancel(state, id, now),
        Route::Projects => projects(state, asked.query),
        Route::Project(id) => one_project(state, id),
        Route::Import | Route::Agent | Route::Publish if state.file.is_some() => read_only(),
        Route::Import => submit::import(state, asked.body, now),
        Route::Agent => submit::agent(state, asked.body, now),
        Route::Publish => submit::publish(state, asked.body, now),
        Route::WrongMethod => Answer::error(405, "this path takes other methods"),
        Route::Upload { .. } | Route::Unknown => Answer::error(404, "there is no such path"),
    }
}

fn list(state: &mut State, asked: &Asked<'_>, effects: &Effects) -> Answer {
    let now = asked.now;
    if let Some(file) = &mut state.file {
        let mut names = url::form_urlencoded::parse(asked.query.as_bytes());
        return file.list(names.any(|(name, _)| name == "cursor"));
    }
    let query = match ListQuery::parse(asked.query, now, state.profile) {
        Ok(query) => query,
        Err(message) => return Answer::invalid(state.profile, &message),
    };
    let page = page(
        state.jobs.rows(&query, state.order).filter(|(_, _, job)| job.answers(&query, now)),
        |row: &Row<'_>| (row.0, row.1),
        state.order,
        query.cursor.as_ref(),
        query.limit,
        effects.bend,
    );
    let mut elements: Vec<String> =
        page.rows.iter().map(|(_, _, job)| job.document(now, state.profile).to_string()).collect();
    if effects.odd_element {
        elements.insert(elements.len() / 2, odd_element().to_string());
    }
    Answer::page(&elements, page.next.as_deref())
}

/// Something among the jobs that has no id and a number for a state.
fn odd_element() -> serde_json::Value {
    json!({"job_type": ["agent"], "job_state": 7, "created_at": null})
}

fn get(state: &mut State, id: &str, now: Timestamp) -> Answer {
    if let Some(file) = &mut state.file {
        return file.job(id);
    }
    match state.jobs.get(id, now) {
        Some(job) => Answer::json(200, &job.document(now, state.profile)),
        None => Answer::no_job(id),
    }
}

/// Cancelling a job that has ended changes nothing and is no error.
fn cancel(state: &mut State, id: &str, now: Timestamp) -> Answer {
    if state.file.is_some() {
        return read_only();
    }
    let open = match state.jobs.get(id, now).map(|job| Job::is_open(job, now)) {
        None => return Answer::no_job(id),
        Some(open) => open,
    };
    if open {
        state.jobs.change(id, now, state.profile, |job| enter_state(job, "cancelled", now));
    }
    Answer::empty(204)
}

fn projects(state: &mut State, query: &str) -> Answer {
    match &mut state.file {
        Some(file) => file.projects(),
        None => project::list(&state.projects, query, state.profile),
    }
}

fn one_project(state: &mut State, id: &str) -> Answer {
    if let Some(file) = &mut state.file {
        return file.project(id);
    }
    match state.projects.get(id) {
        Some(project) => Answer::json(200, &project.document(&state.drive_id)),
        None => Answer::no_project(),
    }
}

fn read_only() -> Answer {
    Answer::error(403, "these jobs come from a file: change them by rewriting it")
}

fn spoilt(kind: &FaultKind, state: &State, now: Timestamp) -> Answer {
    match kind {
        FaultKind::Status { status, retry_after } => {
            let message = match status {
                429 => "too many requests, please slow down",
                500.. => "something went wrong on our side",
                _ => "the request was refused",
            };
            let mut answer = Answer::error(*status, message);
            if *status == 429 {
                let consumed = state.requests_seen.max(RATE_LIMIT);
                answer = answer
                    .with("x-ratelimit-remaining", "0")
                    .with("x-ratelimit-consumed", consumed.to_string());
            }
            match retry_after {
                Some(wait) => answer.with("retry-after", retry_text(wait, now)),
                None => answer,
            }
        }
        FaultKind::Html { status } => {
            let page = format!(
                "<!doctype html>\n<html><head><title>{status}</title></head>\n\
                 <body><h1>{status}</h1><p>The proxy has no better answer.</p></body></html>\n"
            );
            Answer::text(*status, "text/html; charset=utf-8", page)
        }
        FaultKind::NotJson => Answer::raw_json("{\"data\": [oops".into()),
        FaultKind::NotObject => Answer::raw_json("[\"data\", \"pagination\"]".into()),
        FaultKind::Huge { mib } => {
            Answer { payload: Payload::Huge { mib: *mib }, ..Answer::raw_json(String::new()) }
        }
        FaultKind::Bomb { mib } => {
            Answer { payload: Payload::Bomb { mib: *mib }, ..Answer::raw_json(String::new()) }
        }
        // The others bend an answer and never stand in its place.
        _ => Answer::error(500, "this fault does not spoil answers"),
    }
}

fn retry_text(wait: &RetryAfter, now: Timestamp) -> String {
    match wait {
        RetryAfter::Seconds(seconds) => seconds.to_string(),
        RetryAfter::Date(ahead) => http_date(now.saturating_add(*ahead).unwrap_or(Timestamp::MAX)),
        RetryAfter::Text(text) => text.clone(),
    }
}

/// A time as HTTP headers write it.
pub(super) fn http_date(time: Timestamp) -> String {
    time.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
