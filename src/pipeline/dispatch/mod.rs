//! Dispatch: what is owed through one notifier → claim → render → send → record.
//!
//! One for each notifier, so that a slow service delays nobody else. Attempts run side by
//! side; their answers are written down together with the next claim, in one transaction.
//! A service that refuses us has the whole notifier held ([`hold`]).

mod hold;
mod landing;
mod sharing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::hold::Change;
use self::landing::Flying;
use super::attempt::{Landed, attempt};
use super::policy::Current;
use super::route::Nudges;
use super::steps::Steps;
use crate::clock::Clock;
use crate::deliver::Notifier;
use crate::deliver::pace::Pacer;
use crate::deliver::settings::NotifierSettings;
use crate::model::{Event, Pacing};
use crate::store::{
    Broken, Claim, ClaimFrom, Claimed, Deciding, Notice, Settlement, Store, StoreError, Turn,
    Turned,
};
use crate::telemetry;

/// Attempts under way at once, where the notifier's pace allows as many.
const MOST_IN_FLIGHT: usize = 16;

/// What is in flight at the end gets so long.
const GRACE: Duration = Duration::from_secs(10);

/// To write down the last answers at the end, however long the rest took.
const LAST_WORD: Duration = Duration::from_secs(2);

/// After a failure of the store; doubling with each one in a row.
const STORE_PAUSE: Duration = Duration::from_secs(1);
const STORE_PAUSE_LONGEST: Duration = Duration::from_secs(8);

/// A round that is to end does not sit out a longer pause that a service asks for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longest sleep without a reason to wake: a missed bell costs at most this.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);

/// What a dispatch is made of.
#[derive(Debug, Clone)]
pub struct DispatchParts {
    pub settings: NotifierSettings,
    pub notifier: Arc<Notifier>,
    pub store: Store,
    /// For the words, and for what is told about the notifier itself through others.
    pub policy: Current,
    pub nudges: Nudges,
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
    /// An attempt that began before this says nothing about whether it still is.
    broken_at: Instant,
    /// What of that is not written down yet.
    change: Option<Change>,
    steps: Steps,
    /// By how much the clock has stepped since the store was told.
    stepped: SignedDuration,
    /// Until when the service has told us to wait.
    paused_until: Option<Instant>,
    /// The same, as long as it is not written down for others that send through the notifier.
    untold_pause: Option<Instant>,
    /// A claim failed, and may have been written all the same.
    doubts_claims: bool,
    done: Drained,
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
        let broken = broken.map(|broken| hold::within_reason(broken, parts.clock.now()));
        Ok(Self {
            steps: Steps::new(parts.clock.clone()),
            stepped: SignedDuration::ZERO,
            parts,
            pacer,
            flights: JoinSet::new(),
            landed: Vec::new(),
            in_flight: Vec::new(),
            broken,
            broken_at: Instant::now(),
            change: None,
            paused_until: None,
            untold_pause: None,
            doubts_claims: false,
            done: Drained::default(),
        })
    }

    /// Delivers until `retire`, then lets what is in flight end: in its own time, but for at most
    /// 10 s from `stop`, with which `retire` is cancelled too. Returns whether everything could be
    /// settled.
    pub async fn run(mut self, retire: CancellationToken, stop: CancellationToken) -> bool {
        let mut pause = STORE_PAUSE;
        while !retire.is_cancelled() {
            let look = tokio::select! {
                biased;
                look = self.step() => look,
                // Only a store that is stuck takes so long.
                () = grace_after(&stop) => return self.finish(Duration::ZERO).await,
            };
            let wake = match look {
                Ok(look) => {
                    pause = STORE_PAUSE;
                    look.wake
                }
                Err(problem) => {
                    let problem = problem.of(self.parts.store.place()).to_string();
                    telemetry::store_trouble("delivering", &problem, pause);
                    let wake = Instant::now() + pause;
                    pause = (pause * 2).min(STORE_PAUSE_LONGEST);
                    wake
                }
            };
            self.wait(wake, &retire).await;
        }
        // Another one takes over: nothing is cut off for that, or it might be said twice.
        tokio::select! {
            biased;
            () = stop.cancelled() => {}
            () = self.land_all() => {}
        }
        self.finish(GRACE).await
    }

    /// Delivers what is due now and returns when nothing is; what has to wait for a retry
    /// stays owed.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn drain(&mut self, stop: &CancellationToken) -> Result<Drained, StoreError> {
        self.done = Drained::default();
        let drained = self.drain_due(stop).await;
        self.finish(GRACE).await;
        drained?;
        // What is held has not gone well, though nothing was tried.
        let name = &self.parts.settings.name;
        if self.broken.is_some()
            && self.done.failed == 0
            && self.parts.store.waiting(name).await? > 0
        {
            self.done.failed = 1;
        }
        Ok(self.done)
    }

    async fn drain_due(&mut self, stop: &CancellationToken) -> Result<(), StoreError> {
        while !stop.is_cancelled() {
            let look = self.step().await?;
            if look.idle {
                break;
            }
            let paused = self.paused_until.is_some_and(|until| until > Instant::now() + PATIENCE);
            if paused && self.flights.is_empty() && self.landed.is_empty() {
                // It is due, but not now: the next round sends it.
                self.done.failed += 1;
                break;
            }
            self.wait(look.wake, stop).await;
        }
        Ok(())
    }

    /// One turn: records what has ended, claims what is due and allowed, and sends it off.
    async fn step(&mut self) -> Result<Look, StoreError> {
        while let Some(landed) = self.flights.try_join_next() {
            self.land(landed);
        }
        let name = self.parts.settings.name.clone();
        self.heed_clock();
        if !self.stepped.is_zero() {
            telemetry::clock_stepped(&name, self.stepped);
            self.parts.store.clock_stepped(&name, self.stepped).await?;
            self.stepped = SignedDuration::ZERO;
        }
        if self.doubts_claims {
            let known = self.in_flight.iter().map(|flying| &flying.id);
            let known: Vec<_> = known.chain(self.landed.iter().map(|landed| &landed.id)).collect();
            self.parts.store.take_back(&name, &known).await?;
            self.doubts_claims = false;
        }
        let now = self.parts.clock.now();
        self.heed_others(now).await?;
        let (due, next_due) = match self.free_places() {
            0 => (0, None),
            free => self.parts.store.outlook(&name, now, free).await?,
        };
        let event = self.news(now).await?;
        let probes = due == 0 && self.probe_is_due(now);
        let (allowed, pace_wait) = self.take_permits(due + u32::from(probes));
        let settles = !self.landed.is_empty() || self.change.is_some();
        let mut claimed = Vec::new();
        let mut shared_wait = None;
        let asked = Instant::now();
        if allowed > 0 || settles {
            let until = saturating_add(now, self.parts.settings.timeout + self.slack());
            let from = if probes { ClaimFrom::Held } else { ClaimFrom::Due };
            let claim = (allowed > 0).then_some(Claim { from, most: allowed, until });
            let turned = self.turn(event.as_ref(), claim, now).await;
            // What was not claimed may be sent later, and is not to be paid for twice.
            let used = turned.as_ref().map_or(0, |turned| turned.claimed.len());
            self.pacer.give_back(allowed.saturating_sub(u32::try_from(used).unwrap_or(allowed)));
            self.doubts_claims = turned.is_err();
            let turned = turned?;
            claimed = turned.claimed;
            shared_wait = turned.wait;
            self.untold_pause = None;
            self.landed.clear();
            self.change = None;
            self.parts.nudges.announce(&turned.news);
        }
        let idle = !settles && claimed.is_empty() && due == 0 && self.flights.is_empty();
        claimed.into_iter().for_each(|claimed| self.take_off(claimed, asked));
        let soon = Instant::now();
        if let Some(wait) = shared_wait {
            // Others that send through the notifier have used its pace, or met a pause.
            self.paused_until = self.paused_until.max(Some(soon + wait));
        }
        let from_now =
            |at: Timestamp| soon + Duration::try_from(at.duration_since(now)).unwrap_or_default();
        let probe = self.broken.as_ref().map(|broken| broken.probe_due).filter(|due| *due > now);
        let paced = pace_wait.max(shared_wait).map(|wait| soon + wait);
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

    fn take_off(&mut self, claimed: Claimed, asked: Instant) {
        let flying = Flying::new(&claimed);
        if self.is_too_late(asked) {
            let settlement = flying.not_begun(self.parts.clock.now());
            self.landed.push(settlement);
            return;
        }
        let parts = self.parts.clone();
        let task = self.flights.spawn(async move { attempt(parts, claimed).await });
        self.in_flight.push(flying.by(task.id()));
    }

    /// Lets what is in flight end; each attempt has its time-out.
    async fn land_all(&mut self) {
        while let Some(landed) = self.flights.join_next().await {
            self.land(landed);
        }
    }

    /// Lets what is in flight end within `grace`, and writes down what became of it. What has
    /// not ended by then is owed again, marked. Returns whether all of it was settled.
    async fn finish(&mut self, grace: Duration) -> bool {
        let begun = tokio::time::Instant::now();
        while let Ok(Some(landed)) =
            tokio::time::timeout_at(begun + grace, self.flights.join_next()).await
        {
            self.land(landed);
        }
        self.flights.abort_all();
        let now = self.parts.clock.now();
        let clean = self.in_flight.is_empty();
        let unsettled = std::mem::take(&mut self.in_flight);
        let why = "the program stopped before the answer came";
        let unsettled = unsettled.into_iter().map(|flying| flying.unsettled(now, why.into()));
        self.landed.extend(unsettled);
        if self.landed.is_empty() && self.change.is_none() {
            return clean;
        }
        let until = (begun + grace).max(tokio::time::Instant::now() + LAST_WORD);
        let mut problem = "it took too long".to_owned();
        loop {
            match tokio::time::timeout_at(until, self.write_last(now)).await {
                Ok(Ok(())) => return clean,
                Ok(Err(failed)) => problem = failed.of(self.parts.store.place()).to_string(),
                Err(_) => break,
            }
            tokio::time::sleep(LAST_WORD / 8).await;
        }
        telemetry::store_trouble("stopping", &problem, Duration::ZERO);
        false
    }

    async fn write_last(&self, now: Timestamp) -> Result<(), StoreError> {
        let event = self.news(now).await?;
        self.turn(event.as_ref(), None, now).await.map(|_| ())
    }

    /// Writes down what has landed and what it says about the notifier, and claims.
    async fn turn(
        &self,
        event: Option<&Event>,
        claim: Option<Claim>,
        now: Timestamp,
    ) -> Result<Turned, StoreError> {
        let policy = self.parts.policy.get();
        let decide = |event: Event, pacing: &mut Pacing| policy.decide(event, pacing, now);
        let deciding = Deciding { now, decide: &decide };
        let health = self.health_change(event.map(|event| Notice { event, deciding }));
        let turn = Turn { settlements: &self.landed, health, claim };
        let rhythm = self.rhythm();
        self.parts.store.paced_turn(&self.parts.settings.name, &turn, &rhythm, now).await
    }
}

/// Ends when the grace is over that a stop leaves.
async fn grace_after(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

fn saturating_add(at: Timestamp, time: Duration) -> Timestamp {
    SignedDuration::try_from(time)
        .ok()
        .and_then(|time| at.checked_add(time).ok())
        .unwrap_or(Timestamp::MAX)
}
