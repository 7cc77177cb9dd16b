//! One turn with the ledger: what has landed is written down, and what is due is claimed.
//!
//! Attempts go on beside it, and take off from what was claimed ahead. Only the turn that tells
//! of the notifier's own health has the ledger's word before anything else happens.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;

use super::attempt;
use super::hold::{Change, health_change};
use super::landing::Flying;
use super::{Dispatch, DispatchParts, MOST_IN_FLIGHT};
use crate::model::{Event, Pacing};
use crate::pipeline::steps::moved;
use crate::store::{
    Broken, Claim, Deciding, Gather, Notice, Rhythm, Settled, Settlement, StoreError, Turn, Turned,
};

/// What is written down in one turn.
struct Entry {
    settlements: Arc<Vec<Settlement>>,
    change: Option<Change>,
    broken: Option<Broken>,
    gather: Option<Gather>,
    /// What is told of the change, through others.
    news: Option<Event>,
    claim: Option<Claim>,
    rhythm: Rhythm,
}

impl Dispatch {
    /// Writes down what has landed and what it says about the notifier, and claims. What lands
    /// meanwhile is for the next turn. After a failure everything is still to be written.
    pub(super) async fn turn(
        &mut self,
        news: Option<Event>,
        claim: Option<Claim>,
        now: Timestamp,
    ) -> Result<Turned, StoreError> {
        self.settling = Arc::new(std::mem::take(&mut self.landed));
        self.claims = claim.is_some();
        self.first_landed = None;
        let change = self.change;
        let rhythm = self.rhythm();
        let told_pause = self.untold_pause.take();
        let entry = Entry {
            settlements: self.settling.clone(),
            change,
            broken: self.broken.clone(),
            gather: self.gather(),
            news,
            claim,
            rhythm,
        };
        let parts = self.parts.clone();
        let mut writing = pin!(write(&parts, &entry, now));
        let beside = change.is_none();
        let turned = loop {
            tokio::select! {
                biased;
                turned = &mut writing => break turned,
                Some(landed) = self.flights.join_next(), if beside && !self.flights.is_empty() => {
                    self.land(landed);
                    self.take_off();
                }
            }
        };
        if turned.is_err() {
            self.untold_pause = self.untold_pause.max(told_pause);
            self.unsettle();
            return turned;
        }
        self.settling = Arc::default();
        self.claims = false;
        if !beside {
            self.change = None;
        }
        turned
    }

    /// What a turn that failed or was cut off should have written is still to be written, and
    /// what it claimed may have been.
    pub(super) fn unsettle(&mut self) {
        self.doubts_claims |= std::mem::take(&mut self.claims);
        let settling = std::mem::take(&mut self.settling);
        if settling.is_empty() {
            return;
        }
        let step = self.stepped;
        let settling = settling.iter().cloned().map(|mut settlement| {
            if let Settled::Again { due_at, .. } = &mut settlement.next {
                *due_at = moved(*due_at, step);
            }
            settlement
        });
        self.landed.splice(0..0, settling);
        self.first_landed.get_or_insert_with(Instant::now);
    }

    /// Lets go of what was claimed ahead: it is owed as if it had never been claimed.
    pub(super) fn let_go(&mut self) {
        let left = self.ahead.close();
        if left > 0 {
            self.backlog = false;
            self.pacer.give_back(u32::try_from(left).unwrap_or(u32::MAX));
            self.doubts_claims = true;
        }
    }

    /// Undoes the claims that this dispatch does not know of.
    pub(super) async fn take_back(&mut self) -> Result<(), StoreError> {
        if !self.doubts_claims {
            return Ok(());
        }
        let known = self.in_flight.iter().map(|flying| &flying.id);
        let known = known.chain(self.landed.iter().map(|landed| &landed.id));
        let known = known.chain(self.ahead.waiting().map(|claimed| &claimed.delivery.id));
        let known: Vec<_> = known.collect();
        self.parts.store.take_back(&self.parts.settings.name, &known).await?;
        self.doubts_claims = false;
        Ok(())
    }

    /// Sends off what was claimed, as far as there are places.
    pub(super) fn take_off(&mut self) {
        if self.ahead.asked_at().is_some_and(|asked| self.is_too_late(asked)) {
            self.let_go();
        }
        while self.flights.len() < MOST_IN_FLIGHT
            && let Some(claimed) = self.ahead.next()
        {
            let flying = Flying::new(&claimed);
            // A large future is not to be moved about.
            let task = self.flights.spawn(Box::pin(attempt(self.parts.clone(), claimed)));
            self.in_flight.push(flying.by(task.id()));
        }
    }
}

async fn write(parts: &DispatchParts, entry: &Entry, now: Timestamp) -> Result<Turned, StoreError> {
    let policy = parts.policy.get();
    let decide = |event: Event, pacing: &mut Pacing| policy.decide(event, pacing, now);
    let deciding = Deciding { now, decide: &decide };
    let news = entry.news.as_ref().map(|event| Notice { event, deciding });
    let health = health_change(entry.change, entry.broken.as_ref(), entry.gather, news);
    let turn = Turn { settlements: &entry.settlements, health, claim: entry.claim };
    parts.store.paced_turn(&parts.settings.name, &turn, &entry.rhythm, now).await
}
