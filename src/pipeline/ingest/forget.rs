//! Forgetting, once an hour: what the ledger need not keep any longer.

use std::collections::HashSet;

use jiff::SignedDuration;

use super::Ingest;
use crate::model::Fingerprint;
use crate::telemetry;

/// How often old details are forgotten.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl Ingest {
    /// Forgets old details, but none of a job that the list has just `returned`.
    pub(super) async fn prune(&mut self, returned: &HashSet<Fingerprint>) {
        // A clock that runs ahead must not make us forget what the API still shows.
        let now = self.parts.clock.now().min(self.server_now());
        if self.pruned_at.is_some_and(|last| now.duration_since(last) < PRUNE_EVERY) {
            return;
        }
        self.pruned_at = Some(now);
        let source = &self.parts.settings.name;
        match self.parts.store.prune(source, self.parts.keep, returned, now).await {
            Ok(done) => telemetry::pruned(source, done.events, done.deliveries, done.jobs),
            Err(problem) => {
                let wait = PRUNE_EVERY.unsigned_abs();
                let problem = problem.of(self.parts.store.place()).to_string();
                telemetry::store_trouble("forgetting", &problem, wait);
            }
        }
    }
}
