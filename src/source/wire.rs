//! The API's JSON, read leniently: a page of jobs, one job, a project's name. Pure.
//!
//! [`walk`](super::walk) and the client hand texts in; observations come out.
//! The elements of a page are read one by one from their raw text, so an odd one costs only
//! itself, and one whose text is already known is not parsed at all. `job_id` is the one
//! field a job must have; whatever else is missing or of an odd type counts as not given,
//! and every field is kept as it came in the observation's document.

use std::borrow::Cow;
use std::cmp::Ordering;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::model::{Fields, Fingerprint, JobId, JobState, Observation};

/// One page of the job list, its elements not yet read.
#[derive(Debug)]
pub struct Page<'a> {
    pub elements: Vec<&'a RawValue>,
    pub next: Next,
}

/// What follows a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing: the cursor is missing, null or empty.
    End,
    Cursor(String),
    /// Something that cannot be followed.
    Odd,
}

/// One element of a page.
#[derive(Debug)]
pub enum Element {
    /// Its text is known already.
    Unchanged(Fingerprint),
    Seen(Box<Observation>),
    Rejected(Rejected),
}

/// An element that is no job. Holds nothing of its content but the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its `job_id`, where one could be made out; control characters are escaped.
    pub id: Option<String>,
    pub cause: String,
    /// Of its raw text, so that it need not be logged at every look.
    pub fingerprint: Fingerprint,
}

/// The text is not what was asked for. Quotes nothing of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

/// Splits a page into its elements.
///
/// # Errors
/// [`Unreadable`] when the text is not JSON, is cut short, or is no list of jobs.
pub fn read_page(text: &str) -> Result<Page<'_>, Unreadable> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
        #[serde(borrow, default)]
        pagination: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Pagination {
        #[serde(default)]
        next_cursor: Option<Value>,
    }
    let head: Head<'_> =
        serde_json::from_str(text).map_err(|error| unreadable(&error, "a list of jobs"))?;
    let next = match head.pagination.map(|raw| serde_json::from_str::<Pagination>(raw.get())) {
        None => Next::End,
        Some(Ok(Pagination { next_cursor: None | Some(Value::Null) })) => Next::End,
        Some(Ok(Pagination { next_cursor: Some(Value::String(cursor)) })) if cursor.is_empty() => {
            Next::End
        }
        Some(Ok(Pagination { next_cursor: Some(Value::String(cursor)) })) => Next::Cursor(cursor),
        Some(_) => Next::Odd,
    };
    Ok(Page { elements: head.data, next })
}

/// Reads one element of a page, unless its fingerprint is known.
pub fn read_element(raw: &RawValue, is_known: &dyn Fn(Fingerprint) -> bool) -> Element {
    let fingerprint = Fingerprint::of(raw.get().as_bytes());
    if is_known(fingerprint) {
        return Element::Unchanged(fingerprint);
    }
    match read_job(raw.get()) {
        Ok(seen) => Element::Seen(Box::new(seen)),
        Err(rejected) => Element::Rejected(rejected),
    }
}

/// Reads one job: an element of a page, or the answer to a single read.
///
/// # Errors
/// [`Rejected`] when the text is not a JSON object with a usable `job_id`.
pub fn read_job(text: &str) -> Result<Observation, Rejected> {
    let text = text.trim();
    let fingerprint = Fingerprint::of(text.as_bytes());
    let reject = |cause: String| Rejected { id: glimpse_id(text), cause, fingerprint };
    if !text.starts_with('{') {
        return Err(reject("it is not an object".into()));
    }
    let document = Fields::parse(text).map_err(|error| reject(error.to_string()))?;
    let id = match document.get("job_id") {
        Some(Value::String(id)) => JobId::parse(id).map_err(|error| reject(error.to_string()))?,
        Some(_) => return Err(reject("its `job_id` is not a string".into())),
        None => return Err(reject("it has no `job_id`".into())),
    };
    let progress = document.get("progress").filter(|progress| !progress.is_null());
    Ok(Observation {
        id,
        fingerprint,
        job_type: word(document.get("job_type")),
        state: JobState::parse(&word(document.get("job_state"))),
        created_at: timestamp(document.get("created_at")),
        stopped_at: timestamp(document.get("stopped_at")),
        project_id: document
            .get("project_id")
            .and_then(Value::as_str)
            .filter(|id| !id.is_empty())
            .map(str::to_owned),
        result_status: document.get("result").and_then(result_status),
        // Of the value with its keys sorted: another order of keys is no progress.
        progress: progress.map(|progress| Fingerprint::of(progress.to_string().as_bytes())),
        progress_at: timestamp(progress.and_then(|progress| progress.get("last_update_at"))),
        document,
    })
}

/// Reads the answer to `GET /projects/{id}`: the project's name, where it has one.
///
/// # Errors
/// [`Unreadable`] when the text is not a JSON object.
pub fn read_project_name(text: &str) -> Result<Option<String>, Unreadable> {
    let project: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| unreadable(&error, "a project"))?;
    Ok(project
        .get("name")
        .and_then(Value::as_str)
        .filter(|name| !name.trim().is_empty())
        .map(str::to_owned))
}

/// Of two looks at one job, says how far the first is along, compared with the second: ended
/// beats open, then the later `stopped_at`, then running beats queued, then the later progress.
pub fn compare_progress(one: &Observation, other: &Observation) -> Ordering {
    let settled = |seen: &Observation| match (&seen.state, &seen.result_status) {
        (JobState::Stopped, None) => 1,
        _ if seen.is_final() => 2,
        _ => 0,
    };
    let rank = |seen: &Observation| i32::from(seen.state != JobState::Queued);
    let key = |seen: &Observation| (settled(seen), seen.stopped_at, rank(seen), seen.progress_at);
    key(one).cmp(&key(other))
}

fn unreadable(error: &serde_json::Error, what: &str) -> Unreadable {
    use serde_json::error::Category;

    // serde_json's own words may quote the text.
    Unreadable(match error.classify() {
        Category::Eof => "the answer is cut short".into(),
        Category::Data => format!("the answer is JSON, but not {what}"),
        Category::Syntax | Category::Io => {
            format!("the answer is not JSON (line {}, column {})", error.line(), error.column())
        }
    })
}

/// The most characters of an id that cannot be read in full; live ids have about 100.
const GLIMPSE_MAX_CHARS: usize = 128;

/// Looks for the id in a text that cannot be read as a whole.
fn glimpse_id(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(borrow)]
        job_id: &'a RawValue,
    }
    let head: Head<'_> = serde_json::from_str(text).ok()?;
    let id: Cow<'_, str> = match serde_json::from_str::<String>(head.job_id.get()) {
        Ok(id) => id.into(),
        Err(_) => head.job_id.get().into(),
    };
    Some(id.chars().take(GLIMPSE_MAX_CHARS).flat_map(char::escape_debug).collect())
}

/// A word of an open set; where it is not a string its JSON stands for it.
fn word(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(word)) if !word.is_empty() => word.clone(),
        None | Some(Value::Null | Value::String(_)) => "unknown".into(),
        Some(other) => other.to_string(),
    }
}

fn timestamp(value: Option<&Value>) -> Option<Timestamp> {
    value?.as_str()?.parse().ok()
}

fn result_status(result: &Value) -> Option<String> {
    match result {
        Value::Null => None,
        result => Some(result.get("status").and_then(Value::as_str).unwrap_or("").to_owned()),
    }
}

#[cfg(test)]
mod tests;
