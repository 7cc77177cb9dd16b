//! How far the source has been read, and of which jobs: what a complete walk leaves behind.
//!
//! The list may be restricted to one project. When that is lifted or changed, what it now shows
//! is news to us and not to the world: a walk reaches back as the first one did, and what it
//! shows for the first time is as silent as it was then.

use jiff::Timestamp;

use super::Ingest;
use crate::model::{Fingerprint, Observation};
use crate::source::window;
use crate::store::Marks;

impl Ingest {
    /// The marks after one more complete walk.
    pub(super) fn marks_after(&self, walk_started: Timestamp, narrowed: bool) -> Marks {
        let marks = self.memory.marks;
        let now = self.parts.clock.now();
        let walks = window::Marks { last: marks.last_walk, before_last: marks.watermark };
        let walks = match (narrowed, self.widened_from) {
            // What lies before the API's own window has not been walked over.
            (true, _) => walks,
            // What is newly shown has been walked over once.
            (false, Some(_)) => window::Marks::default().advance(walk_started),
            (false, None) => walks.advance(walk_started),
        };
        Marks {
            baseline_at: marks.baseline_at.or(Some(now)),
            watermark: walks.watermark(),
            last_walk: walks.last,
            last_complete_at: Some(now),
            project: self.project(),
        }
    }

    /// The project that the list is restricted to.
    fn project(&self) -> Option<Fingerprint> {
        self.parts.settings.project_id.as_ref().map(|id| Fingerprint::of(id.as_bytes()))
    }

    /// The project that complete walks were restricted to, where this one is not.
    pub(super) fn only_project_so_far(&self) -> Option<Fingerprint> {
        self.memory.marks.project.filter(|so_far| self.project() != Some(*so_far))
    }

    /// Whether the list did not show the job until the source's `project_id` was changed: its
    /// first sight is then as silent as that of a first walk.
    pub(super) fn is_newly_shown(&self, seen: &Observation) -> bool {
        let project = seen.project_id.as_ref().map(|id| Fingerprint::of(id.as_bytes()));
        self.widened_from.is_some_and(|so_far| project != Some(so_far))
    }
}
