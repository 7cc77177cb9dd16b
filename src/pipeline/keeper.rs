//! The keeper of what is held back on purpose: closed windows, open groups, throttles,
//! silences that are to be summarised. When the time of one comes, it is owed.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::policy::{Current, Policy};
use super::route::Nudges;
use crate::clock::Clock;
use crate::model::{EventKind, Hold};
use crate::rules::Opening;
use crate::store::{Freed, HeldBack, Releasing, Store, StoreError};
use crate::telemetry;

/// So many events one digest after a closed window holds: as many as a template sees.
const DIGEST_MOST: usize = 200;

/// The longest sleep: a clock that steps is noticed, and a missed bell costs at most this.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// After a failure of the store.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// Releases what was held back, for all notifiers.
#[derive(Debug, Clone)]
pub struct Keeper {
    pub store: Store,
    pub policy: Current,
    pub nudges: Nudges,
    pub clock: Clock,
}

impl Keeper {
    /// Releases until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let now = self.clock.now();
            let sleep = match self.step().await {
                Ok(Some(next)) => Duration::try_from(next.duration_since(now)).unwrap_or_default(),
                Ok(None) => LONGEST_SLEEP,
                Err(problem) => {
                    let problem = problem.of(self.store.place()).to_string();
                    telemetry::store_trouble("releasing what was held", &problem, STORE_PAUSE);
                    STORE_PAUSE
                }
            };
            let until = Instant::now() + sleep.min(LONGEST_SLEEP);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.nudges.keeper().notified() => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }

    /// Releases what is due, and says when the next one will be.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn step(&self) -> Result<Option<Timestamp>, StoreError> {
        let now = self.clock.now();
        let next = self.store.next_release().await?;
        if next.is_none_or(|next| next > now) {
            return Ok(next);
        }
        let policy = self.policy.get();
        let free = |held: &HeldBack| freed(&policy, held, now);
        let digest_most = |notifier: &str| policy.routes.digests(notifier).then_some(DIGEST_MOST);
        let releasing = Releasing { free: &free, digest_most: &digest_most };
        let notifiers = self.store.release(releasing, now).await?;
        notifiers.iter().for_each(|notifier| self.nudges.ring(notifier));
        self.store.next_release().await
    }
}

/// What becomes of a message whose time has come. One whose rule is gone is owed.
fn freed(policy: &Policy, held: &HeldBack, now: Timestamp) -> Freed {
    let rule = policy.rules.get(&held.rule);
    if let Some(active) = rule.and_then(|rule| rule.active.as_ref()) {
        // One event that passes takes those with it that share its message. What was taken while
        // the window was open is not dropped since it has closed.
        let closed_until = |kind: &EventKind| match active.at(*kind, now) {
            Opening::Hold { until } => Some(until),
            Opening::Open | Opening::Drop { .. } => None,
        };
        let closed: Option<Vec<Timestamp>> = held.kinds.iter().map(closed_until).collect();
        if let Some(until) = closed.and_then(|until| until.into_iter().min()) {
            return Freed::Until(until);
        }
    }
    let every = rule.and_then(|rule| rule.throttle.as_ref()).map(|throttle| throttle.every);
    let throttled_until = every
        .filter(|_| held.hold == Hold::Throttle)
        .map(|every| now.checked_add(every).unwrap_or(Timestamp::MAX));
    Freed::Now { throttled_until }
}
