//! Landing: what an attempt's end means for its message and for those to come.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use super::Dispatch;
use crate::deliver::retry::Backoff;
use crate::deliver::{Failure, FailureKind, Receipt};
use crate::model::{Attempt, AttemptOutcome, DeliveryId};
use crate::pipeline::attempt::Landed;
use crate::pipeline::settle::{pause_after, settle};
use crate::pipeline::steps::moved;
use crate::store::{Claimed, Settled, Settlement};
use crate::telemetry;

/// An attempt under way.
#[derive(Debug, Clone)]
pub(super) struct Flying {
    pub(super) id: DeliveryId,
    fence: i64,
    source: String,
    job_id: String,
    number: u32,
    failures: u32,
    task: Option<tokio::task::Id>,
    /// By how much the clock has stepped since it took off.
    stepped: SignedDuration,
}

impl Dispatch {
    /// Decides what becomes of an attempt; it is written down with the next turn.
    pub(super) fn land(&mut self, landed: Result<Landed, tokio::task::JoinError>) {
        self.heed_clock();
        let landed = match landed {
            Ok(landed) => landed,
            Err(cause) => return self.crash(&cause),
        };
        let Landed { mut claimed, result, started_at, begun, took } = landed;
        let known = self.in_flight.iter().position(|flying| flying.id == claimed.delivery.id);
        if let Some(flying) = known.map(|index| self.in_flight.swap_remove(index)) {
            let first = &mut claimed.delivery.first_attempt_at;
            *first = first.map(|first| moved(first, flying.stepped));
        }
        let now = self.parts.clock.now();
        let settings = &self.parts.settings;
        let next = settle(
            &claimed,
            &result,
            now,
            settings.retry_for,
            &Backoff::default(),
            fastrand::f64(),
        );
        self.tell(&claimed, &result, &next, now, took);
        self.heed(&result, &next, begun, now);
        let (outcome, status, answer, handle) = match result {
            Ok(receipt) => (AttemptOutcome::Sent, receipt.status, receipt.answer, receipt.handle),
            Err(failure) => (failure.kind.outcome(), failure.status, failure.reason, None),
        };
        let took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        let number = claimed.delivery.attempts;
        self.first_landed.get_or_insert_with(Instant::now);
        self.landed.push(Settlement {
            id: claimed.delivery.id,
            fence: claimed.fence,
            source: claimed.delivery.source,
            job_id: claimed.delivery.job_id,
            attempt: Attempt { number, started_at, took_ms, outcome, status, answer },
            next,
            handle,
        });
    }

    /// An attempt has panicked, which is a fault of this program: it may have got through, and
    /// must neither be lost nor be tried in a tight circle.
    fn crash(&mut self, cause: &tokio::task::JoinError) {
        let known = self.in_flight.iter().position(|flying| flying.task == Some(cause.id()));
        let Some(flying) = known.map(|index| self.in_flight.swap_remove(index)) else { return };
        self.done.failed += 1;
        let now = self.parts.clock.now();
        let wait = Backoff::default().wait(flying.failures + 1, None, fastrand::f64());
        let why = "the attempt broke down, which is a fault of this program".to_owned();
        telemetry::message_delayed(
            &self.parts.settings.name,
            &flying.id,
            flying.number,
            &format!("{why}: {cause}"),
            wait,
        );
        let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
        let mut settlement = flying.unsettled(now, why.clone());
        let due_at = moved(now, wait);
        settlement.next = Settled::Again { due_at, why, counted: true, unsure: true };
        self.first_landed.get_or_insert_with(Instant::now);
        self.landed.push(settlement);
    }

    /// When the clock has stepped, so have the times that are kept in memory; those in the
    /// store follow with the next turn.
    pub(super) fn heed_clock(&mut self) {
        let step = self.steps.since_last();
        if step.is_zero() {
            return;
        }
        self.stepped = self.stepped.saturating_add(step);
        self.let_go();
        for flying in &mut self.in_flight {
            flying.stepped = flying.stepped.saturating_add(step);
        }
        for settlement in &mut self.landed {
            if let Settled::Again { due_at, .. } = &mut settlement.next {
                *due_at = moved(*due_at, step);
            }
        }
        if let Some(broken) = &mut self.broken {
            broken.probe_due = moved(broken.probe_due, step);
        }
    }

    /// Draws the lessons of an answer for the messages to come.
    fn heed(
        &mut self,
        result: &Result<Receipt, Failure>,
        next: &Settled,
        begun: Instant,
        now: Timestamp,
    ) {
        match result {
            Ok(_) => self.done.sent += 1,
            Err(_) => self.done.failed += 1,
        }
        if let Some(pause) = pause_after(result, next, now) {
            let until = Instant::now() + pause;
            self.pacer.hold_until(until);
            self.paused_until = self.paused_until.max(Some(until));
            self.untold_pause = self.untold_pause.max(Some(until));
        }
        match result.as_ref().map_err(|failure| (failure.kind, &failure.reason)) {
            // To refuse one message is to talk to us.
            Ok(_) | Err((FailureKind::Refused, _)) => self.is_well(begun),
            Err((FailureKind::Broken, reason)) => self.is_broken(reason, begun, now),
            Err((FailureKind::Later { .. } | FailureKind::Unsure, _)) => {}
        }
    }

    fn tell(
        &self,
        claimed: &Claimed,
        result: &Result<Receipt, Failure>,
        next: &Settled,
        now: Timestamp,
        took: Duration,
    ) {
        let name = &self.parts.settings.name;
        let (id, attempts) = (&claimed.delivery.id, claimed.delivery.attempts);
        match (result, next) {
            (Ok(_), _) => {
                let latency = now.duration_since(claimed.delivery.created_at);
                let latency = Duration::try_from(latency).unwrap_or_default();
                telemetry::message_sent(name, id, attempts, took, latency);
            }
            (Err(failure), Settled::Dead { .. }) => {
                telemetry::message_dead(name, id, attempts, &failure.reason);
            }
            (Err(failure), Settled::Again { due_at, .. }) => {
                let wait = Duration::try_from(due_at.duration_since(now)).unwrap_or_default();
                telemetry::message_delayed(name, id, attempts, &failure.reason, wait);
            }
            // Told of the notifier as a whole.
            (Err(_), Settled::Held { .. } | Settled::Sent) => telemetry::message_held(name),
        }
    }
}

impl Flying {
    pub(super) fn new(claimed: &Claimed) -> Self {
        Self {
            id: claimed.delivery.id.clone(),
            fence: claimed.fence,
            source: claimed.delivery.source.clone(),
            job_id: claimed.delivery.job_id.clone(),
            number: claimed.delivery.attempts,
            failures: claimed.delivery.failures,
            task: None,
            stepped: SignedDuration::ZERO,
        }
    }

    /// The same with the task that flies it.
    pub(super) fn by(self, task: tokio::task::Id) -> Self {
        Self { task: Some(task), ..self }
    }

    /// What becomes of an attempt that did not end: it may have got through.
    pub(super) fn unsettled(self, now: Timestamp, why: String) -> Settlement {
        Settlement {
            id: self.id,
            fence: self.fence,
            source: self.source,
            job_id: self.job_id,
            attempt: Attempt {
                number: self.number,
                started_at: now,
                took_ms: 0,
                outcome: AttemptOutcome::Unsure,
                status: None,
                answer: why.clone(),
            },
            next: Settled::Again { due_at: now, why, counted: false, unsure: true },
            handle: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::deliver::Notifier;
    use crate::deliver::settings::{NotifierSettings, Pace, TypeSettings};
    use crate::model::{Decided, Event, EventKind, NewDelivery, Pacing};
    use crate::pipeline::{Current, DispatchParts, Nudges};
    use crate::secret::{Redactor, Resolver};
    use crate::store::{Access, Claim, ClaimFrom, Deciding, Store, Turn, WalkCommit};

    async fn dispatch(store: &Store, clock: &Clock) -> Dispatch {
        let settings = NotifierSettings {
            name: "team".into(),
            settings: TypeSettings::Console,
            timeout: Duration::from_secs(10),
            pace: Pace::Unlimited,
            retry_for: Duration::from_secs(60),
        };
        let resolver = Resolver::of_vars(&[], std::path::Path::new(""));
        let notifier = Notifier::build(&settings, &resolver, &mut Redactor::default()).unwrap();
        let parts = DispatchParts {
            settings,
            notifier: Arc::new(notifier),
            store: store.clone(),
            policy: Current::default(),
            nudges: Nudges::default(),
            clock: clock.clone(),
            bell: Arc::default(),
            retry_bell: Arc::default(),
        };
        Dispatch::start(parts).await.unwrap()
    }

    fn owed(now: Timestamp) -> Decided {
        let facts = serde_json::Map::new();
        let event = Event::about_itself(EventKind::SourceDown, "main", "main", now, now, facts);
        let owed = NewDelivery {
            id: DeliveryId::of(event.id().as_str(), "r", "team", ""),
            event_id: event.id(),
            rule: "r".into(),
            notifier: "team".into(),
            recipient: String::new(),
            template: "default".into(),
            include_download_url: false,
            source: "main".into(),
            job_id: String::new(),
            kind: event.kind,
            live: false,
            created_at: now,
            held_until: None,
            suppressed: 0,
        };
        Decided { owed: vec![owed], ..Decided::nothing(event) }
    }

    #[tokio::test]
    async fn what_an_attempt_that_panicked_had_claimed_is_tried_again_after_a_while() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::fixed("2026-11-20T08:00:00Z".parse().unwrap());
        let now = clock.now();
        let store = Store::open(&folder.path().join("s.db"), Access::Service, now).await.unwrap();
        let owed = owed(now);
        let commit = WalkCommit { events: vec![owed.event.clone()], ..WalkCommit::default() };
        let decide = |_: Event, _: &mut Pacing| owed.clone();
        let deciding = Deciding { now, decide: &decide };
        store.begin("main").await.unwrap().commit(&commit, deciding).await.unwrap();
        let claim = Some(Claim { from: ClaimFrom::Due, most: 1, until: now });
        let turn = Turn { claim, ..Turn::default() };
        let claimed = store.turn("team", &turn, now).await.unwrap().claimed.remove(0);
        let mut dispatch = dispatch(&store, &clock).await;

        let task = dispatch.flights.spawn(async { panic!("a fault") });
        dispatch.in_flight.push(Flying::new(&claimed).by(task.id()));
        let ended = dispatch.flights.join_next().await.unwrap();
        dispatch.land(ended);
        dispatch.step().await.unwrap();

        let row = store.find_delivery(claimed.delivery.id.as_str()).await.unwrap().remove(0);
        assert_eq!(row.delivery.state.as_str(), "pending");
        assert!(row.delivery.due_at > now && row.delivery.repeat);
        let attempts = store.attempts(&claimed.delivery.id).await.unwrap();
        assert_eq!(attempts[0].outcome, AttemptOutcome::Unsure);
    }
}
