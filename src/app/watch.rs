//! The watch over the store: what commands beside the service have written, and what has become
//! old in it and belongs to nobody.
//!
//! Anything that another process writes may have made something due, so all look. A person who
//! asks for a retry also ends the pause of a notifier that is held; nothing else does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::build::Forgetting;
use crate::pipeline::Nudges;
use crate::store::{Store, StoreError};
use crate::telemetry;

/// How often it is asked whether another process has written to the store.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// How often sources that left the config are looked for; the first time at the start.
const FORGET_EVERY: Duration = Duration::from_secs(24 * 3600);

/// After something was heard from another service: what comes close together is looked at once.
const BREATH: Duration = Duration::from_millis(50);

/// How long the store must have answered until claims of others are taken back: as long as they
/// may need to find it again and to write down what became of their attempts.
const STEADY: Duration = Duration::from_secs(12);

/// A gap between two answers after which that begins anew.
const GAP: Duration = Duration::from_secs(4);

/// What the watch looks after.
pub(super) struct Watch {
    pub(super) store: Store,
    pub(super) nudges: Nudges,
    pub(super) forgetting: Forgetting,
    /// Rung when a person has decided something over HTTP.
    pub(super) decided: Arc<Notify>,
}

/// What was there at the last look.
struct Seen {
    version: i64,
    retries: BTreeMap<String, i64>,
}

/// Since when the store has answered without a gap.
#[derive(Debug, Default)]
struct Contact {
    since: Option<Instant>,
    last: Option<Instant>,
}

impl Watch {
    /// Watches until `stop`.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut seen = self.look().await.ok();
        let mut forget_at = Instant::now() + FORGET_EVERY;
        let mut contact = Contact::default();
        loop {
            let mut asked = false;
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.decided.notified() => asked = true,
                () = self.store.heard() => tokio::time::sleep(BREATH).await,
                () = tokio::time::sleep(WATCH_EVERY) => {}
            }
            // A store in trouble is told by those who need it.
            if let Ok(now) = self.notice(seen.as_ref(), asked).await {
                seen = Some(now);
            }
            if self.store.is_shared() {
                self.take_back_lost(&mut contact).await;
            }
            if Instant::now() >= forget_at {
                forget_at += FORGET_EVERY;
                self.forget().await;
            }
        }
    }

    /// Rings for what has changed since the last look. What this process has written itself, as
    /// when it was `asked` to, does not show in the version.
    async fn notice(&self, last: Option<&Seen>, asked: bool) -> Result<Seen, StoreError> {
        if let Some(Seen { version, retries }) = last.filter(|_| !asked)
            && *version == self.store.data_version().await?
        {
            return Ok(Seen { version: *version, retries: retries.clone() });
        }
        let now = self.look().await?;
        let before = |name: &str| last.and_then(|last| last.retries.get(name));
        for (name, count) in &now.retries {
            if last.is_some() && Some(count) != before(name) {
                self.nudges.retry_bell(name).notify_one();
            }
        }
        self.store.tell_change();
        self.nudges.ring_all();
        Ok(now)
    }

    /// Takes back what other services had claimed and did not write the end of.
    async fn take_back_lost(&self, contact: &mut Contact) {
        if contact.last.is_some_and(|last| last.elapsed() < WATCH_EVERY) {
            return;
        }
        let Ok(Ok(lost)) = tokio::time::timeout(GAP, self.store.lost_claims()).await else {
            contact.since = None;
            return;
        };
        let now = Instant::now();
        if contact.last.is_none_or(|last| now.duration_since(last) > GAP) {
            contact.since = None;
        }
        contact.last = Some(now);
        let since = *contact.since.get_or_insert(now);
        if lost == 0 || now.duration_since(since) < STEADY {
            return;
        }
        match self.store.recover(self.forgetting.now()).await {
            Ok(0) => {}
            Ok(count) => {
                telemetry::recovered(count);
                self.nudges.ring_all();
            }
            Err(problem) => {
                let problem = problem.of(self.store.place()).to_string();
                telemetry::store_trouble("taking back lost claims", &problem, WATCH_EVERY);
            }
        }
    }

    async fn look(&self) -> Result<Seen, StoreError> {
        // In this order: what is written in between shows at the next look.
        let version = self.store.data_version().await?;
        Ok(Seen { version, retries: self.store.retries().await? })
    }

    async fn forget(&self) {
        if let Err(problem) = self.forgetting.of(&self.store).await {
            let problem = problem.of(self.store.place()).to_string();
            telemetry::store_trouble("forgetting", &problem, FORGET_EVERY);
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::clock::Clock;
    use crate::model::{Decided, DeliveryId, Event, EventKind, NewDelivery, Pacing};
    use crate::store::{Access, Deciding, SourceHealth};

    /// What is owed to a notifier about a source.
    fn owed(notifier: &str, source: &str, now: Timestamp) -> Decided {
        let facts = serde_json::Map::new();
        let event = Event::about_itself(EventKind::SourceDown, source, source, now, now, facts);
        let owed = NewDelivery {
            id: DeliveryId::of(event.id().as_str(), "r", notifier, ""),
            event_id: event.id(),
            rule: "r".into(),
            notifier: notifier.into(),
            recipient: String::new(),
            template: "default".into(),
            include_download_url: false,
            source: source.into(),
            job_id: String::new(),
            kind: event.kind,
            live: false,
            created_at: now,
            held_until: None,
            suppressed: 0,
        };
        Decided { owed: vec![owed], ..Decided::nothing(event) }
    }

    /// Whether a bell has been rung since it was last asked.
    async fn rang(bell: &Notify) -> bool {
        tokio::select! {
            biased;
            () = bell.notified() => true,
            () = std::future::ready(()) => false,
        }
    }

    #[tokio::test]
    async fn only_a_retry_ends_a_pause_and_only_that_of_its_notifier() {
        let now = Timestamp::UNIX_EPOCH;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.db");
        let store = Store::open(&path, Access::Service, now).await.unwrap();
        let decided = [owed("team", "a", now), owed("team", "b", now), owed("crew", "c", now)];
        let ids = decided.each_ref().map(|decided| decided.owed[0].id.clone());
        let events = decided.each_ref().map(|decided| decided.event.clone());
        let decide = |event: Event, _: &mut Pacing| {
            decided.iter().find(|decided| decided.event == event).unwrap().clone()
        };
        let deciding = Deciding { now, decide: &decide };
        store.set_source_health("a", &SourceHealth::default(), &events, deciding).await.unwrap();
        let beside = Store::open(&path, Access::Beside, now).await.unwrap();
        let nudges = Nudges::default();
        let [team, crew] = ["team", "crew"].map(|name| nudges.retry_bell(name));
        let due = nudges.bell("team");
        let forgetting = Forgetting::new(Vec::new(), Duration::MAX, Clock::fixed(now));
        let decided = Arc::default();
        let watch = Watch { store, nudges, forgetting, decided };
        let seen = watch.look().await.unwrap();

        let seen = watch.notice(Some(&seen), false).await.unwrap();
        assert_eq!((rang(&team).await, rang(&crew).await, rang(&due).await), (false, false, false));

        beside.discard(&ids[..1], now).await.unwrap();
        let seen = watch.notice(Some(&seen), false).await.unwrap();
        assert_eq!((rang(&team).await, rang(&crew).await, rang(&due).await), (false, false, true));

        beside.retry(&ids[1..2], now).await.unwrap();
        watch.notice(Some(&seen), false).await.unwrap();
        assert_eq!((rang(&team).await, rang(&crew).await, rang(&due).await), (true, false, true));
    }
}
