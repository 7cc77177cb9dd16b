//! `emulate --jobs FILE`: a list page that a file holds, served as it stands there.
//!
//! The file is read anew at each request, so a test stops a job by rewriting it. While it cannot
//! be read or is no page (it may be half written), the last good one stays. An optional
//! `projects` array of objects with `id` answers `GET /projects/{id}`. Filters and `limit` do
//! not count, nor do the faults that bend paging or data.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::EmulatorError;
use super::answer::Answer;

/// The file and what it last held.
#[derive(Debug)]
pub(super) struct JobsFile {
    path: PathBuf,
    page: FilePage,
}

#[derive(Debug, Deserialize)]
struct FilePage {
    data: Box<RawValue>,
    #[serde(default)]
    pagination: Option<Box<RawValue>>,
    #[serde(default)]
    projects: Vec<Box<RawValue>>,
}

/// The one field by which a single answer is found.
#[derive(Deserialize)]
struct Named {
    #[serde(alias = "job_id")]
    id: String,
}

impl JobsFile {
    /// Opens the file.
    ///
    /// # Errors
    /// [`EmulatorError::JobsFile`] when it cannot be read or is no list page.
    pub(super) fn open(path: &Path) -> Result<Self, EmulatorError> {
        let page =
            read(path).map_err(|cause| EmulatorError::JobsFile { path: path.to_owned(), cause })?;
        Ok(Self { path: path.to_owned(), page })
    }

    /// The list: the file's `data` and `pagination`; an empty last page to any cursor.
    pub(super) fn list(&mut self, has_cursor: bool) -> Answer {
        if has_cursor {
            return Answer::page(&[], None);
        }
        self.refresh();
        let pagination = self.page.pagination.as_ref().map_or("{}", |raw| raw.get());
        let data = self.page.data.get();
        Answer::raw_json(format!("{{\"data\":{data},\"pagination\":{pagination}}}"))
    }

    /// One job of the file.
    pub(super) fn job(&mut self, job_id: &str) -> Answer {
        self.refresh();
        let data: Vec<&RawValue> = serde_json::from_str(self.page.data.get()).unwrap_or_default();
        match data.into_iter().find(|raw| is_named(raw, job_id)) {
            Some(raw) => Answer::raw_json(raw.get().to_owned()),
            None => Answer::no_job(job_id),
        }
    }

    /// The file's projects, on one page.
    pub(super) fn projects(&mut self) -> Answer {
        self.refresh();
        let projects: Vec<String> =
            self.page.projects.iter().map(|raw| raw.get().to_owned()).collect();
        Answer::page(&projects, None)
    }

    /// One project of the file.
    pub(super) fn project(&mut self, project_id: &str) -> Answer {
        self.refresh();
        match self.page.projects.iter().find(|raw| is_named(raw, project_id)) {
            Some(raw) => Answer::raw_json(raw.get().to_owned()),
            None => Answer::no_project(),
        }
    }

    fn refresh(&mut self) {
        if let Ok(page) = read(&self.path) {
            self.page = page;
        }
    }
}

fn is_named(raw: &RawValue, id: &str) -> bool {
    serde_json::from_str::<Named>(raw.get()).is_ok_and(|named| named.id == id)
}

fn read(path: &Path) -> Result<FilePage, String> {
    let text = std::fs::read_to_string(path).map_err(|cause| cause.to_string())?;
    let page: FilePage = serde_json::from_str(&text)
        .map_err(|cause| format!("it is not a list page with `data`: {cause}"))?;
    if page.data.get().starts_with('[') {
        Ok(page)
    } else {
        Err("its `data` is not an array".into())
    }
}
