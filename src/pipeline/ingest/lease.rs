//! The right to poll a source, where several services share a store: one of them has it.
//!
//! Renewed by a task of its own, so that a long poll does not lose it. Who has it no longer, or
//! cannot know whether it has, polls no more, forgets what it remembers and waits for its turn.
//! What it would still write is refused by the store.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{Ingest, IngestParts, ONCE_LATE_AFTER, PollError};
use crate::store::{LEASE_LASTS, Store, StoreError};
use crate::telemetry;

/// Between two renewals, and for each of them.
const RENEW_EVERY: Duration = Duration::from_secs(3);
const RENEW_WITHIN: Duration = Duration::from_millis(2_500);

/// Between two looks whether it is free.
const LOOK_EVERY: Duration = Duration::from_millis(1_500);

/// For the store to answer when it is asked for or left.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// A lease that cannot be renewed is over for us so long before it is for others.
const MARGIN: Duration = Duration::from_secs(1);

/// A lease that this service has.
#[derive(Debug)]
pub(super) struct Lease {
    store: Store,
    source: String,
    held: watch::Receiver<bool>,
    renewing: JoinSet<()>,
}

impl Lease {
    /// Takes it if it is free.
    pub(super) async fn take(store: &Store, source: &str) -> Result<Option<Self>, StoreError> {
        let asked = Instant::now();
        // One that comes after all ends by itself.
        let taken = timeout(ANSWER_WITHIN, store.take_lease(source)).await.unwrap_or(Ok(false))?;
        if !taken {
            return Ok(None);
        }
        let (tell, held) = watch::channel(true);
        let (renewed, name) = (store.clone(), source.to_owned());
        let mut renewing = JoinSet::new();
        renewing.spawn(async move {
            renew(&renewed, &name, asked).await;
            tell.send_replace(false);
        });
        Ok(Some(Self { store: store.clone(), source: source.to_owned(), held, renewing }))
    }

    /// Ends when it is ours no longer.
    pub(super) async fn lost(&self) {
        let mut held = self.held.clone();
        // The task that tells it ends with it.
        let _ = held.wait_for(|held| !held).await;
    }

    /// Leaves it to others at once.
    pub(super) async fn end(mut self) {
        self.renewing.abort_all();
        // Where that fails it ends by itself.
        let _ = timeout(ANSWER_WITHIN, self.store.end_lease(&self.source)).await;
    }
}

/// Renews until that is refused, or has failed for too long.
async fn renew(store: &Store, source: &str, mut since: Instant) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let asked = Instant::now();
        match timeout(RENEW_WITHIN, store.renew_lease(source)).await {
            Ok(Ok(true)) => since = asked,
            Ok(Ok(false)) => return,
            Ok(Err(_)) | Err(_) if since.elapsed() + MARGIN >= LEASE_LASTS => return,
            Ok(Err(_)) | Err(_) => {}
        }
    }
}

impl Ingest {
    /// Polls whenever the source is this service's to poll, until `stop`.
    pub(super) async fn run_in_turn(mut self, stop: &CancellationToken) {
        let mut waited = false;
        while let Some(lease) = self.wait_for_lease(&mut waited, stop).await {
            telemetry::lease_taken(&self.parts.settings.name, waited);
            match self.begin_anew(waited).await {
                Ok(()) => {
                    tokio::select! {
                        biased;
                        () = self.poll_until(stop) => {}
                        () = lease.lost() => {
                            telemetry::lease_lost(&self.parts.settings.name);
                        }
                    }
                }
                Err(problem) => {
                    let problem = problem.of(self.parts.store.place()).to_string();
                    telemetry::store_trouble("beginning to poll", &problem, LOOK_EVERY);
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
            lease.end().await;
            waited = true;
        }
    }

    /// Polls until `stop`, or until another service does.
    pub(super) async fn poll_until(&mut self, stop: &CancellationToken) {
        loop {
            let polled = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                polled = self.poll() => polled,
            };
            if polled.result.as_ref().is_err_and(PollError::is_of_another) {
                return;
            }
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = self.rest(&polled) => {}
            }
        }
    }

    /// One poll, where the source is this service's to poll; where it is not, it is polled by
    /// another, and all is well.
    pub async fn poll_once(&mut self) -> bool {
        if !self.parts.store.is_shared() {
            return self.poll().await.result.is_ok();
        }
        let lease = match Lease::take(&self.parts.store, &self.parts.settings.name).await {
            Ok(Some(lease)) => lease,
            Ok(None) => {
                telemetry::lease_elsewhere(&self.parts.settings.name);
                return true;
            }
            Err(problem) => {
                let problem = problem.of(self.parts.store.place()).to_string();
                telemetry::store_trouble("beginning to poll", &problem, Duration::ZERO);
                return false;
            }
        };
        let well = match self.begin_anew(false).await {
            Ok(()) => self.poll().await.result.is_ok(),
            Err(_) => false,
        };
        lease.end().await;
        well
    }

    async fn wait_for_lease(&self, waited: &mut bool, stop: &CancellationToken) -> Option<Lease> {
        let IngestParts { store, settings, .. } = &self.parts;
        while !stop.is_cancelled() {
            let taken = tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                taken = Lease::take(store, &settings.name) => taken,
            };
            match taken {
                Ok(Some(lease)) => return Some(lease),
                Ok(None) if !*waited => telemetry::lease_elsewhere(&settings.name),
                Ok(None) => {}
                Err(problem) => {
                    let problem = problem.of(store.place()).to_string();
                    telemetry::store_trouble("waiting to poll", &problem, LOOK_EVERY);
                }
            }
            *waited = true;
            tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        None
    }

    /// Others may have polled since this was remembered. Who takes over from another continues
    /// what was watched until a moment ago; a start does not.
    async fn begin_anew(&mut self, takes_over: bool) -> Result<(), StoreError> {
        let fresh = Self::start(self.parts.clone()).await?;
        let watched = fresh
            .watched_until
            .is_some_and(|last| self.parts.clock.now().duration_since(last) <= ONCE_LATE_AFTER);
        let caught_up = fresh.caught_up || (takes_over && watched);
        let called = std::mem::take(&mut self.called);
        *self = Self { caught_up, called, ..fresh };
        Ok(())
    }
}

impl PollError {
    /// Another service polls now.
    pub(super) fn is_of_another(&self) -> bool {
        matches!(self, Self::Store(StoreError::LeaseLost(_)))
    }
}
