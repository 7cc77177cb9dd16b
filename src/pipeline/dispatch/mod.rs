//! Dispatch: what is owed through one notifier → claim → render → send → record.
//!
//! One for each notifier, so that a slow service delays nobody else. Attempts run side by
//! side; their answers are written down together with the next claim, in one transaction
//! ([`turn`]), of which there is more at once where the service is fast ([`ahead`]).
//! A service that refuses us has the whole notifier held ([`hold`]).

mod ahead;
mod ending;
mod hold;
mod landing;
mod sharing;
mod turn;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::ahead::Ahead;
use self::ending::{GRACE, grace_after};
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
use crate::store::{Broken, Claim, ClaimFrom, Settlement, Store, StoreError};
use crate::telemetry;

/// Attempts under way at once, where the notifier's pace allows as many.
const MOST_IN_FLIGHT: usize = 16;

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
    parts: Arc<DispatchParts>,
    pacer: Pacer,
    flights: JoinSet<Landed>,
    /// Answers that are not written down yet, and when the first of them came.
    landed: Vec<Settlement>,
    first_landed: Option<Instant>,
    /// Answers that are being written down.
    settling: Arc<Vec<Settlement>>,
    /// What was claimed and waits for a place.
    ahead: Ahead,
    /// The last claim was given as many as it asked for: there is more.
    backlog: bool,
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
    /// Until when others that send through the notifier have used its pace, or met a pause.
    used_until: Option<Instant>,
    /// A claim is being written.
    claims: bool,
    /// A claim failed, and may have been written all the same; or one was let go of.
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
            parts: Arc::new(parts),
            pacer,
            flights: JoinSet::new(),
            landed: Vec::new(),
            first_landed: None,
            settling: Arc::default(),
            ahead: Ahead::default(),
            backlog: false,
            in_flight: Vec::new(),
            broken,
            broken_at: Instant::now(),
            change: None,
            paused_until: None,
            untold_pause: None,
            used_until: None,
            claims: false,
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
        self.let_go();
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
            let paused = self.paused_until.max(self.used_until);
            let paused = paused.is_some_and(|until| until > Instant::now() + PATIENCE);
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
        self.unsettle();
        while let Some(landed) = self.flights.try_join_next() {
            self.land(landed);
        }
        self.take_off();
        let name = self.parts.settings.name.clone();
        self.heed_clock();
        if !self.stepped.is_zero() {
            telemetry::clock_stepped(&name, self.stepped);
            self.parts.store.clock_stepped(&name, self.stepped).await?;
            self.stepped = SignedDuration::ZERO;
        }
        if self.ahead.is_stale() {
            self.let_go();
        }
        self.take_back().await?;
        let now = self.parts.clock.now();
        self.heed_others(now).await?;
        let free = self.free_places();
        let (due, next_due) = match free {
            0 => (0, None),
            // There is more, so there is nothing to ask.
            _ if self.backlog => (free, None),
            _ => self.parts.store.outlook(&name, now, free).await?,
        };
        let guessed = std::mem::take(&mut self.backlog);
        let event = self.news(now).await?;
        let probes = due == 0 && self.probe_is_due(now);
        let (allowed, pace_wait) = self.take_permits(due + u32::from(probes));
        let settles = !self.landed.is_empty() || self.change.is_some();
        let mut claimed = 0;
        let mut shared_wait = None;
        if allowed > 0 || settles {
            let until = saturating_add(now, self.parts.settings.timeout + self.slack());
            let from = if probes { ClaimFrom::Held } else { ClaimFrom::Due };
            let claim = (allowed > 0).then_some(Claim { from, most: allowed, until });
            let asked = Instant::now();
            let turned = self.turn(event, claim, now).await;
            // What was not claimed may be sent later, and is not to be paid for twice.
            let used = turned.as_ref().map_or(0, |turned| turned.claimed.len());
            self.pacer.give_back(allowed.saturating_sub(u32::try_from(used).unwrap_or(allowed)));
            let turned = turned?;
            claimed = used;
            shared_wait = turned.wait;
            self.backlog = !probes && used > 0 && u32::try_from(used) == Ok(free);
            self.ahead.learn(self.landed.len(), self.backlog);
            self.ahead.add(turned.claimed, asked);
            self.parts.nudges.announce(&turned.news);
            // What has landed meanwhile may say that nothing more is to leave now.
            match self.change.is_some() || self.is_paused() {
                true => self.let_go(),
                false => self.take_off(),
            }
        }
        let idle = !settles && claimed == 0 && due == 0 && self.flights.is_empty();
        let soon = Instant::now();
        self.used_until = self.used_until.max(shared_wait.map(|wait| soon + wait));
        let from_now =
            |at: Timestamp| soon + Duration::try_from(at.duration_since(now)).unwrap_or_default();
        let probe = self.broken.as_ref().map(|broken| broken.probe_due).filter(|due| *due > now);
        let paced = pace_wait.max(shared_wait).map(|wait| soon + wait);
        // What was just written down may have a retry, or let a follower go: neither was in
        // the outlook above, if there was one.
        let again = (settles || guessed || self.doubts_claims) && !self.backlog;
        let again = again.then_some(soon);
        let longest = soon + LONGEST_SLEEP;
        let wakes = [again, probe.map(from_now), paced, next_due.map(from_now)];
        let wake = wakes.into_iter().flatten().fold(longest, Instant::min);
        Ok(Look { wake, idle })
    }

    fn free_places(&self) -> u32 {
        let free = match self.broken.is_some() {
            true => usize::from(self.flights.is_empty()),
            false => self.ahead.places(self.flights.len()),
        };
        u32::try_from(free).unwrap_or(0)
    }

    /// Whether the service has told us to wait.
    fn is_paused(&self) -> bool {
        self.paused_until.is_some_and(|until| until > Instant::now())
    }

    /// Sleeps until something ends, is owed, falls due, or the stop.
    async fn wait(&mut self, until: Instant, stop: &CancellationToken) {
        loop {
            // As long as there is more to send, answers are written down many at a time.
            let gathers = self.ahead.gathers_until(self.landed.len(), self.first_landed);
            let wake = gathers.map_or(until, |gathers| gathers.min(until));
            let landed = tokio::select! {
                biased;
                () = stop.cancelled() => None,
                Some(landed) = self.flights.join_next(), if !self.flights.is_empty() => Some(landed),
                () = self.parts.retry_bell.notified() => {
                    self.probe_now();
                    None
                }
                () = self.parts.bell.notified() => None,
                () = tokio::time::sleep_until(wake.into()) => None,
            };
            let Some(landed) = landed else { return };
            self.land(landed);
            if self.change.is_some() || self.is_paused() {
                return self.let_go();
            }
            self.take_off();
            if self.ahead.gathers_until(self.landed.len(), self.first_landed).is_none() {
                return;
            }
        }
    }
}

fn saturating_add(at: Timestamp, time: Duration) -> Timestamp {
    SignedDuration::try_from(time)
        .ok()
        .and_then(|time| at.checked_add(time).ok())
        .unwrap_or(Timestamp::MAX)
}
