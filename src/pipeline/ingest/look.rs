//! Looking: the list as far back as it pays, then single reads of open jobs that left it.

use std::collections::HashSet;

use jiff::Timestamp;

use super::Ingest;
use crate::model::{Fingerprint, JobId, Observation};
use crate::source::walk::{self, walk};
use crate::source::window::{self, WindowState};
use crate::source::{ApiError, Single};
use crate::store::{OpenJob, StoreError};
use crate::telemetry;

/// What was seen of jobs.
#[derive(Debug, Default)]
pub(super) struct Sight {
    pub(super) seen: Vec<Observation>,
    pub(super) gone: Vec<JobId>,
    pub(super) reads: Vec<(JobId, Timestamp, bool)>,
    /// What the API said about all of our requests.
    pub(super) trouble: Option<ApiError>,
}

impl Sight {
    /// Every job that it tells something about.
    pub(super) fn ids(&self) -> Vec<&JobId> {
        self.seen.iter().map(|job| &job.id).chain(&self.gone).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty() && self.gone.is_empty() && self.reads.is_empty()
    }
}

impl Ingest {
    /// The list, as far back as the plan says.
    pub(super) async fn walk(&self) -> Result<walk::Walk, StoreError> {
        let now = self.server_now();
        let marks = &self.memory.marks;
        let lookback = self.parts.settings.lookback;
        let mut open: Vec<_> = self.memory.open.iter().map(window_job).collect();
        self.count_newer(&mut open).await?;
        let widened = self.widened_from.is_some();
        let watermark = marks.watermark;
        let plan = window::plan(&WindowState { now, watermark, lookback, widened, open: &open });
        let resting: HashSet<Fingerprint> = self
            .memory
            .open
            .iter()
            .filter(|job| job.resultless_since.is_none())
            .map(|job| job.fingerprint)
            .collect();
        let is_known = |fingerprint: Fingerprint| {
            self.memory.ended.contains(&fingerprint) || resting.contains(&fingerprint)
        };
        Ok(walk(&self.parts.client, Some(plan.created_after), &self.parts.clock, &is_known).await)
    }

    /// Tells of each open job how many known ones are newer, where any is so old that the plan
    /// depends on it.
    async fn count_newer(&self, open: &mut [window::OpenJob]) -> Result<(), StoreError> {
        let Some(recent) = self.memory.marks.watermark else { return Ok(()) };
        let Some(oldest) = open.iter().filter_map(|job| job.created_at).min() else {
            return Ok(());
        };
        if oldest >= recent {
            return Ok(());
        }
        let source = &self.parts.settings.name;
        let newer = self.parts.store.newer_than_open(source, oldest).await?;
        for job in open {
            job.known_newer = newer.get(&job.id).copied().unwrap_or(0);
        }
        Ok(())
    }

    /// Reads open jobs that a complete walk did not return, one by one.
    pub(super) async fn read_singles(&self, returned: &HashSet<Fingerprint>) -> Sight {
        let source = &self.parts.settings.name;
        let mut sight = Sight::default();
        let missing: Vec<window::OpenJob> = self
            .memory
            .open
            .iter()
            .filter(|job| !returned.contains(&job.fingerprint))
            .map(window_job)
            .collect();
        let interval = self.parts.settings.poll_interval;
        for id in window::singles(&missing, self.parts.clock.now(), interval) {
            let answer = self.parts.client.job(&id).await;
            let now = self.parts.clock.now();
            match answer {
                Ok(Single::Seen(job)) => {
                    sight.reads.push((id, now, false));
                    sight.seen.push(*job);
                }
                Ok(Single::Gone) => sight.gone.push(id),
                Ok(Single::Forbidden) => {
                    if !self.is_forbidden(&id) {
                        telemetry::job_forbidden(source, id.as_str());
                    }
                    sight.reads.push((id, now, true));
                }
                // One job that cannot be read must not slow down the list: its turn comes
                // again. What the API says about all requests is heeded.
                Err(trouble) => {
                    telemetry::single_failed(source, id.as_str(), &trouble.to_string());
                    let forbidden = self.is_forbidden(&id);
                    sight.reads.push((id, now, forbidden));
                    let for_all =
                        matches!(trouble, ApiError::Limited { .. } | ApiError::Refused { .. });
                    sight.trouble = for_all.then_some(trouble);
                    break;
                }
            }
        }
        sight
    }

    fn is_forbidden(&self, id: &JobId) -> bool {
        self.memory.open.iter().any(|job| job.id == *id && job.forbidden)
    }

    pub(super) fn server_now(&self) -> Timestamp {
        let now = self.parts.clock.now();
        now.checked_add(self.skew).unwrap_or(now)
    }
}

/// An open job as the plan of a walk sees it.
fn window_job(job: &OpenJob) -> window::OpenJob {
    window::OpenJob {
        id: job.id.clone(),
        created_at: job.created_at,
        known_newer: 0,
        last_read_at: job.last_read_at,
        forbidden: job.forbidden,
        resultless: job.resultless_since.is_some(),
    }
}

/// The fingerprints of everything that the list returned.
pub(super) fn returned(found: &walk::Walk) -> HashSet<Fingerprint> {
    let seen = found.seen.iter().map(|job| job.fingerprint);
    found.unchanged.iter().copied().chain(seen).collect()
}
