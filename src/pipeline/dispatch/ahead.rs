//! Claiming ahead: how much is taken from the ledger at once, and what of it waits for a place.
//!
//! A transaction costs the same for one message as for a hundred. So where a service takes
//! messages faster than they can be claimed one by one, more are claimed than are under way, and
//! the next transaction runs beside the attempts. What is claimed counts as under way after a
//! crash; so the window opens only while the service keeps up, and closes at the first doubt.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::MOST_IN_FLIGHT;
use crate::store::Claimed;

/// The most that are claimed and not yet recorded: waiting here, under way, or answered.
pub(super) const MOST_CLAIMED: usize = 64;

/// An answer is written down after this at the latest, however few there are.
const LINGER: Duration = Duration::from_millis(10);

/// What has waited here for longer goes back: another order may be right by now.
const STALE: Duration = Duration::from_secs(2);

/// What is claimed and waits for a place among the attempts, and how much may be.
#[derive(Debug)]
pub(super) struct Ahead {
    ready: VecDeque<Claimed>,
    /// When the oldest of them was claimed.
    claimed_at: Instant,
    most: usize,
}

impl Default for Ahead {
    fn default() -> Self {
        Self { ready: VecDeque::new(), claimed_at: Instant::now(), most: MOST_IN_FLIGHT }
    }
}

impl Ahead {
    /// How many more may be claimed beside those under way.
    pub(super) fn places(&self, under_way: usize) -> usize {
        self.most.saturating_sub(under_way + self.ready.len())
    }

    /// Takes in what was claimed after it was asked for then.
    pub(super) fn add(&mut self, claimed: Vec<Claimed>, asked: Instant) {
        if self.ready.is_empty() {
            self.claimed_at = asked;
        }
        self.ready.extend(claimed);
    }

    /// The next one to send.
    pub(super) fn next(&mut self) -> Option<Claimed> {
        self.ready.pop_front()
    }

    pub(super) fn waiting(&self) -> impl Iterator<Item = &Claimed> {
        self.ready.iter()
    }

    /// When the claim of what waits was asked for: the oldest.
    pub(super) fn asked_at(&self) -> Option<Instant> {
        (!self.ready.is_empty()).then_some(self.claimed_at)
    }

    pub(super) fn is_stale(&self) -> bool {
        self.asked_at().is_some_and(|asked| asked.elapsed() > STALE)
    }

    /// Lets go of what waits and of the wider window; returns how many there were. The ledger is
    /// still to be told.
    pub(super) fn close(&mut self) -> usize {
        self.most = MOST_IN_FLIGHT;
        std::mem::take(&mut self.ready).len()
    }

    /// Learns from a turn: `landed` attempts ended while it was written, and it gave as many as it
    /// could (`full`). A service that answers as fast as that is given more at once.
    pub(super) fn learn(&mut self, landed: usize, full: bool) {
        let fast = landed.saturating_mul(4) >= self.most.min(2 * MOST_IN_FLIGHT);
        self.most = match fast && full {
            true => (self.most * 2).min(MOST_CLAIMED),
            false if landed == 0 => (self.most / 2).max(MOST_IN_FLIGHT),
            false => self.most,
        };
    }

    /// Until when answers are better gathered than written down now; `None`: write.
    pub(super) fn gathers_until(
        &self,
        landed: usize,
        first_landed: Option<Instant>,
    ) -> Option<Instant> {
        let until = first_landed? + LINGER;
        let enough = self.ready.is_empty() || landed >= self.most / 2;
        (!enough && until > Instant::now()).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_opens_while_the_service_keeps_up_and_there_is_more_to_send() {
        let mut ahead = Ahead::default();
        assert_eq!(ahead.places(0), MOST_IN_FLIGHT);

        ahead.learn(MOST_IN_FLIGHT, true);
        assert_eq!(ahead.places(MOST_IN_FLIGHT), MOST_IN_FLIGHT);

        for _ in 0..10 {
            ahead.learn(MOST_IN_FLIGHT, true);
        }
        assert_eq!(ahead.places(0), MOST_CLAIMED);
    }

    #[test]
    fn a_slow_service_and_a_short_backlog_have_no_more_than_what_is_under_way() {
        let mut ahead = Ahead::default();

        ahead.learn(1, true);
        ahead.learn(MOST_IN_FLIGHT, false);
        assert_eq!(ahead.places(0), MOST_IN_FLIGHT);

        ahead.learn(MOST_IN_FLIGHT, true);
        ahead.learn(0, true);
        assert_eq!(ahead.places(0), MOST_IN_FLIGHT);
    }

    #[test]
    fn answers_are_gathered_only_while_there_is_something_left_to_send() {
        let ahead = Ahead::default();

        assert_eq!(ahead.gathers_until(1, Some(Instant::now())), None);
        assert_eq!(ahead.gathers_until(0, None), None);
    }
}
