//! Dispatch: what is owed through one notifier → claim → render → send → record.
//!
//! One for each notifier, so that a slow service delays nobody else. Attempts run side by
//! side; their answers are written down together with the next claim, in one transaction.
//! A service that refuses us has the whole notifier held ([`hold`]).

mod hold;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::hold::Change;
use super::attempt::{Landed, attempt};
use super::route::{Nudges, Routes};
use super::settle::{pause_after, settle};
use crate::clock::Clock;
use crate::deliver::pace::Pacer;
use crate::deliver::retry::Backoff;
use crate::deliver::settings::NotifierSettings;
use crate::deliver::{Failure, FailureKind, Notifier, Receipt};
use crate::model::{Attempt, AttemptOutcome, DeliveryId};
use crate::render::Templates;
use crate::rules::RuleSet;
use crate::store::{
    Broken, Claim, ClaimFrom, Claimed, Settled, Settlement, Store, StoreError, Turn,
};
use crate::telemetry;

/// Attempts under way at once, where the notifier's pace allows as many.
const MOST_IN_FLIGHT: usize = 16;

/// How much longer than its time-out a claim holds.
const CLAIM_SLACK: Duration = Duration::from_secs(30);

/// What is in flight at the end gets so long.
const GRACE: Duration = Duration::from_secs(10);

/// After a failure of the store.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// Longest sleep without a reason to wake: a missed bell costs at most this.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// What a dispatch is made of.
#[derive(Debug, Clone)]
pub struct DispatchParts {
    pub settings: NotifierSettings,
    pub notifier: Arc<Notifier>,
    pub store: Store,
    pub templates: Arc<Templates>,
    /// For what is told about the notifier itself, through others.
    pub rules: Arc<RuleSet>,
    pub routes: Arc<Routes>,
    pub nudges: Nudges,
    pub zone: TimeZone,
    pub clock: Clock,
    /// Rung when something new is owed.
    pub bell: Arc<Notify>,
    /// Rung when a person asks for a retry: a pause ends at once.
    pub retry_bell: Arc<Notify>,
}

/// What a dispatch that was drained has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drained {
    pub sent: usize,
    pub failed: usize,
}

/// The loop of one notifier.
#[derive(Debug)]
pub struct Dispatch {
    parts: DispatchParts,
    pacer: Pacer,
    flights: JoinSet<Landed>,
    /// Answers that are not written down yet.
    landed: Vec<Settlement>,
    /// What is in flight, in case the grace ends first.
    in_flight: Vec<Flying>,
    /// Since when and why the notifier is held, if it is.
    broken: Option<Broken>,
    /// What of that is not written down yet.
    change: Option<Change>,
    done: Drained,
}

/// An attempt under way.
#[derive(Debug, Clone)]
struct Flying {
    id: DeliveryId,
    fence: i64,
    source: String,
    job_id: String,
    number: u32,
}

/// What a step found.
struct Look {
    /// When to look again at the latest.
    wake: Instant,
    /// Nothing is due, in flight, or waiting to be written down.
    idle: bool,
}

impl Dispatch {
    /// A dispatch with an unused burst; whether its notifier is held is read from the store.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn start(parts: DispatchParts) -> Result<Self, StoreError> {
        let pacer = Pacer::new(parts.settings.pace);
        let broken = parts.store.broken(&parts.settings.name).await?;
        Ok(Self {
            parts,
            pacer,
            flights: JoinSet::new(),
            landed: Vec::new(),
            in_flight: Vec::new(),
            broken,
            change: None,
            done: Drained::default(),
        })
    }

    /// Delivers until `stop`, then lets what is in flight end, for at most 10 s. Returns
    /// whether everything could be settled.
    pub async fn run(mut self, stop: CancellationToken) -> bool {
        while !stop.is_cancelled() {
            let wake = match self.step().await {
                Ok(look) => look.wake,
                Err(problem) => {
                    telemetry::store_trouble("delivering", &problem.to_string(), STORE_PAUSE);
                    Instant::now() + STORE_PAUSE
                }
            };
            self.wait(wake, &stop).await;
        }
        self.finish().await
    }

    /// Delivers what is due now and returns when nothing is; what has to wait for a retry
    /// stays owed.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn drain(mut self, stop: &CancellationToken) -> Result<Drained, StoreError> {
        while !stop.is_cancelled() {
            let look = self.step().await?;
            if look.idle {
                break;
            }
            self.wait(look.wake, stop).await;
        }
        self.finish().await;
        // What is held has not gone well, though nothing was tried.
        self.done.failed += usize::from(self.broken.is_some() && self.done.failed == 0);
        Ok(self.done)
    }

    /// One turn: records what has ended, claims what is due and allowed, and sends it off.
    async fn step(&mut self) -> Result<Look, StoreError> {
        while let Some(landed) = self.flights.try_join_next() {
            self.land(landed);
        }
        let now = self.parts.clock.now();
        let name = self.parts.settings.name.clone();
        let (due, next_due) = match self.free_places() {
            0 => (0, None),
            free => self.parts.store.outlook(&name, now, free).await?,
        };
        let probes = due == 0 && self.probe_is_due(now);
        let (allowed, pace_wait) = self.take_permits(due + u32::from(probes));
        let settles = !self.landed.is_empty() || self.change.is_some();
        let mut claimed = Vec::new();
        if allowed > 0 || settles {
            let notices = self.notices(now).await?;
            let until = saturating_add(now, self.parts.settings.timeout + CLAIM_SLACK);
            let from = if probes { ClaimFrom::Held } else { ClaimFrom::Due };
            let turn = Turn {
                settlements: &self.landed,
                health: self.health_change(&notices),
                claim: (allowed > 0).then_some(Claim { from, most: allowed, until }),
            };
            claimed = self.parts.store.turn(&name, &turn, now).await?;
            self.landed.clear();
            self.change = None;
            self.parts.nudges.announce(&notices);
        }
        let idle = !settles && claimed.is_empty() && due == 0 && self.flights.is_empty();
        claimed.into_iter().for_each(|claimed| self.take_off(claimed));
        let soon = Instant::now();
        let from_now =
            |at: Timestamp| soon + Duration::try_from(at.duration_since(now)).unwrap_or_default();
        let probe = self.broken.as_ref().map(|broken| broken.probe_due).filter(|due| *due > now);
        let paced = pace_wait.map(|wait| soon + wait);
        // What was just written down may have a retry, or let a follower go: neither was in
        // the outlook above.
        let again = settles.then_some(soon);
        let longest = soon + LONGEST_SLEEP;
        let wakes = [again, probe.map(from_now), paced, next_due.map(from_now)];
        let wake = wakes.into_iter().flatten().fold(longest, Instant::min);
        Ok(Look { wake, idle })
    }

    fn free_places(&self) -> u32 {
        let most = if self.broken.is_some() { 1 } else { MOST_IN_FLIGHT };
        u32::try_from(most.saturating_sub(self.flights.len())).unwrap_or(0)
    }

    /// Takes the right to send for up to `due` messages, and the wait for the next one where
    /// the pace allows fewer.
    fn take_permits(&self, due: u32) -> (u32, Option<Duration>) {
        for taken in 0..due {
            if let Err(wait) = self.pacer.try_take(Instant::now()) {
                return (taken, Some(wait));
            }
        }
        (due, None)
    }

    /// Sleeps until something ends, is owed, falls due, or the stop.
    async fn wait(&mut self, until: Instant, stop: &CancellationToken) {
        let landed = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            Some(landed) = self.flights.join_next(), if !self.flights.is_empty() => Some(landed),
            () = self.parts.retry_bell.notified() => {
                self.probe_now();
                None
            }
            () = self.parts.bell.notified() => None,
            () = tokio::time::sleep_until(until.into()) => None,
        };
        if let Some(landed) = landed {
            self.land(landed);
        }
    }

    fn take_off(&mut self, claimed: Claimed) {
        self.in_flight.push(Flying {
            id: claimed.delivery.id.clone(),
            fence: claimed.fence,
            source: claimed.delivery.source.clone(),
            job_id: claimed.delivery.job_id.clone(),
            number: claimed.delivery.attempts,
        });
        let parts = self.parts.clone();
        self.flights.spawn(async move { attempt(parts, claimed).await });
    }

    /// Decides what becomes of an attempt; it is written down with the next turn.
    fn land(&mut self, landed: Result<Landed, tokio::task::JoinError>) {
        // A panic in an attempt leaves its claim in flight; it is settled as unsure at the end.
        let Ok(Landed { claimed, result, started_at, took }) = landed else { return };
        self.in_flight.retain(|flying| flying.id != claimed.delivery.id);
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
        self.heed(&result, &next, started_at, now);
        let (outcome, status, answer) = match result {
            Ok(receipt) => (AttemptOutcome::Sent, receipt.status, receipt.answer),
            Err(failure) => (failure.kind.outcome(), failure.status, failure.reason),
        };
        let took_ms = i64::try_from(took.as_millis()).unwrap_or(i64::MAX);
        let number = claimed.delivery.attempts;
        self.landed.push(Settlement {
            id: claimed.delivery.id,
            fence: claimed.fence,
            source: claimed.delivery.source,
            job_id: claimed.delivery.job_id,
            attempt: Attempt { number, started_at, took_ms, outcome, status, answer },
            next,
        });
    }

    /// Draws the lessons of an answer for the messages to come.
    fn heed(
        &mut self,
        result: &Result<Receipt, Failure>,
        next: &Settled,
        started_at: Timestamp,
        now: Timestamp,
    ) {
        match result {
            Ok(_) => self.done.sent += 1,
            Err(_) => self.done.failed += 1,
        }
        if let Some(pause) = pause_after(result, next, now) {
            self.pacer.hold_until(Instant::now() + pause);
        }
        match result.as_ref().map_err(|failure| (failure.kind, &failure.reason)) {
            // To refuse one message is to talk to us.
            Ok(_) | Err((FailureKind::Refused, _)) => self.is_well(started_at),
            Err((FailureKind::Broken, reason)) => self.is_broken(reason, now),
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
            (Ok(_), _) => telemetry::message_sent(name, id, attempts, took),
            (Err(failure), Settled::Dead { .. }) => {
                telemetry::message_dead(name, id, attempts, &failure.reason);
            }
            (Err(failure), Settled::Again { due_at, .. }) => {
                let wait = Duration::try_from(due_at.duration_since(now)).unwrap_or_default();
                telemetry::message_delayed(name, id, attempts, &failure.reason, wait);
            }
            // Told of the notifier as a whole.
            (Err(_), Settled::Held { .. } | Settled::Sent) => {}
        }
    }

    /// Lets what is in flight end, and writes down what became of it. What has not ended by
    /// then is owed again, marked. Returns whether all of it was settled.
    async fn finish(&mut self) -> bool {
        let deadline = tokio::time::Instant::now() + GRACE;
        while let Ok(Some(landed)) =
            tokio::time::timeout_at(deadline, self.flights.join_next()).await
        {
            self.land(landed);
        }
        self.flights.abort_all();
        let now = self.parts.clock.now();
        let clean = self.in_flight.is_empty();
        let unsettled = std::mem::take(&mut self.in_flight);
        self.landed.extend(unsettled.into_iter().map(|flying| flying.unsettled(now)));
        if self.landed.is_empty() && self.change.is_none() {
            return clean;
        }
        let name = &self.parts.settings.name;
        let notices = self.notices(now).await.unwrap_or_default();
        let health = self.health_change(&notices);
        let turn = Turn { settlements: &self.landed, health, claim: None };
        match self.parts.store.turn(name, &turn, now).await {
            Ok(_) => clean,
            Err(problem) => {
                telemetry::store_trouble("stopping", &problem.to_string(), Duration::ZERO);
                false
            }
        }
    }
}

impl Flying {
    /// What becomes of an attempt that did not end in time: it may have got through.
    fn unsettled(self, now: Timestamp) -> Settlement {
        let why = "the program stopped before the answer came".to_owned();
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
        }
    }
}

fn saturating_add(at: Timestamp, time: Duration) -> Timestamp {
    SignedDuration::try_from(time)
        .ok()
        .and_then(|time| at.checked_add(time).ok())
        .unwrap_or(Timestamp::MAX)
}
