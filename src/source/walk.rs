//! One walk over the job list: every page, every job once.
//!
//! Ingest calls [`walk`] at each poll and hands what was seen to `diff`. A walk is complete
//! only when every page came; what an incomplete one saw counts all the same. Nothing is
//! stored and nothing is decided here.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::client::{Client, ListQuery, PAGE_SIZE, PageText};
use super::error::ApiError;
use super::wire::{self, Element, Next, Rejected};
use crate::clock::Clock;
use crate::model::{Fingerprint, JobId, Observation};

/// A list that is longer than this is no list: 100,000 jobs.
const MAX_PAGES: u32 = 1_000;

/// What a walk found.
#[derive(Debug, Clone, PartialEq)]
pub struct Walk {
    /// When it began, by the server's clock: the first page's `Date`; ours where that is missing.
    pub started_at: Timestamp,
    /// When it began, by our clock: the difference tells by how much ours is wrong.
    pub asked_at: Timestamp,
    /// One look per job, in the list's order, without those whose text was known already.
    pub seen: Vec<Sighting>,
    /// The elements whose text was known already.
    pub unchanged: Vec<Fingerprint>,
    pub rejected: Vec<Rejected>,
    /// How many pages came.
    pub pages: u32,
    /// The API did not take `created_after`, so that it chose the window itself.
    pub narrowed: bool,
    /// `Ok` when every page came.
    pub end: Result<(), ApiError>,
}

/// A job as the list showed it, in the list's own text: read, it takes many times the room, and
/// a long list is kept until it has been written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub id: JobId,
    pub fingerprint: Fingerprint,
    text: Box<str>,
}

impl Sighting {
    /// What the text says; there is always something, since it has been read before.
    pub fn read(&self) -> Option<Observation> {
        wire::read_job(&self.text).ok()
    }
}

/// Fetches every page of the jobs created after `created_after`.
///
/// `is_known` says of a fingerprint whether the job with that text needs no second look; such
/// elements are not parsed. When the API does not take a cursor the walk starts over once; when
/// it does not take `created_after` it is asked once more without. A page that is too large is
/// asked for again with fewer jobs on it.
pub async fn walk(
    client: &Client,
    created_after: Option<Timestamp>,
    clock: &Clock,
    is_known: &(dyn Fn(Fingerprint) -> bool + Sync),
) -> Walk {
    let asked_at = clock.now();
    let mut found = Finds::default();
    let mut created_after = created_after;
    let mut narrowed = false;
    let end = loop {
        match lap(client, created_after, &mut found, is_known).await {
            Ok(()) => break Ok(()),
            Err(Fall { error: ApiError::Invalid { message }, at_cursor: true })
                if !found.restarted =>
            {
                tracing::warn!(message, "the API no longer takes the list's cursor: starting over");
                found.restarted = true;
            }
            Err(Fall { error: ApiError::Invalid { message }, at_cursor: false })
                if created_after.is_some() =>
            {
                tracing::error!(
                    message,
                    created_after = created_after.map(tracing::field::display),
                    "the API does not take `created_after`: asking for its default window, \
                     so older jobs may be missed"
                );
                created_after = None;
                narrowed = true;
            }
            Err(fall) => break Err(fall.error),
        }
    };
    Walk {
        started_at: found.date.unwrap_or(asked_at),
        asked_at,
        seen: found.seen,
        unchanged: found.unchanged,
        rejected: found.rejected,
        pages: found.pages,
        narrowed,
        end,
    }
}

/// What has been found so far, over all laps.
#[derive(Default)]
struct Finds {
    seen: Vec<Sighting>,
    place: HashMap<JobId, usize>,
    unchanged: Vec<Fingerprint>,
    rejected: Vec<Rejected>,
    /// The elements in `unchanged` and `rejected`, so that each counts once.
    set_aside: HashSet<Fingerprint>,
    pages: u32,
    date: Option<Timestamp>,
    restarted: bool,
}

impl Finds {
    /// Takes one element with its text in. Of two looks at one job the further-along one
    /// counts, of two equal ones the newer.
    fn take(&mut self, element: Element, text: &str) {
        match element {
            Element::Unchanged(fingerprint) => {
                if self.set_aside.insert(fingerprint) {
                    self.unchanged.push(fingerprint);
                }
            }
            Element::Rejected(rejected) => {
                if self.set_aside.insert(rejected.fingerprint) {
                    self.rejected.push(rejected);
                }
            }
            Element::Seen(seen) => {
                let fingerprint = seen.fingerprint;
                let sighting = Sighting { id: seen.id.clone(), fingerprint, text: text.into() };
                match self.place.entry(seen.id.clone()) {
                    Entry::Vacant(free) => {
                        free.insert(self.seen.len());
                        self.seen.push(sighting);
                    }
                    Entry::Occupied(place) => {
                        let earlier = &mut self.seen[*place.get()];
                        let is_older =
                            |earlier: Observation| wire::compare_progress(&seen, &earlier).is_ge();
                        if earlier.read().is_none_or(is_older) {
                            *earlier = sighting;
                        }
                    }
                }
            }
        }
    }
}

/// Why a lap did not reach the end, and whether it had a cursor by then.
struct Fall {
    error: ApiError,
    at_cursor: bool,
}

/// Walks from the first page to the last.
async fn lap(
    client: &Client,
    created_after: Option<Timestamp>,
    found: &mut Finds,
    is_known: &(dyn Fn(Fingerprint) -> bool + Sync),
) -> Result<(), Fall> {
    let mut passed = HashSet::new();
    let mut cursor: Option<String> = None;
    loop {
        let at_cursor = cursor.is_some();
        let fall = |error| Fall { error, at_cursor };
        let odd = |reason: &str| Fall { error: ApiError::trouble(reason), at_cursor };
        if found.pages >= MAX_PAGES {
            return Err(odd("the job list has more than 1000 pages"));
        }
        let page = page(client, created_after, cursor.as_deref()).await.map_err(fall)?;
        if found.pages == 0 {
            found.date = page.date;
        }
        let page_of_jobs =
            wire::read_page(&page.text).map_err(|odd| fall(ApiError::trouble(odd.to_string())))?;
        found.pages += 1;
        for raw in page_of_jobs.elements {
            let element = wire::read_element(raw, &|fingerprint| is_known(fingerprint));
            found.take(element, raw.get());
        }
        match page_of_jobs.next {
            Next::End => return Ok(()),
            Next::Odd => return Err(odd("the job list's cursor is not a text")),
            Next::Cursor(next) => {
                if !passed.insert(next.clone()) {
                    return Err(odd("the job list goes in circles: a cursor came twice"));
                }
                cursor = Some(next);
            }
        }
    }
}

/// Fetches the page at `cursor`, as long as pages can be and are small enough to be read.
async fn page(
    client: &Client,
    created_after: Option<Timestamp>,
    cursor: Option<&str>,
) -> Result<PageText, ApiError> {
    let mut limit = PAGE_SIZE;
    loop {
        match client.list(&ListQuery { created_after, cursor, limit }).await {
            Err(ApiError::TooLarge { kib }) if limit > 1 => {
                limit /= 2;
                tracing::warn!(
                    limit,
                    "a page of the job list is larger than {kib} KiB: asking for fewer jobs at once"
                );
            }
            // The way to what follows it, the cursor, stands behind it.
            Err(ApiError::TooLarge { kib }) => {
                return Err(ApiError::trouble(format!(
                    "one job of the list is larger than {kib} KiB, and what the list holds behind \
                     it cannot be reached: set the source's `project_id` to a project without that \
                     job, or wait until it leaves the list, 30 days after it was made"
                )));
            }
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests;
