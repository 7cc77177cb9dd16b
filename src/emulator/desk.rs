//! The desk that hands out faults: counts requests and says what goes wrong with this one.
//!
//! Pure but for its counters; `age` is how long the emulator has run. At most one fault spoils an
//! answer (the others wait for their turn); any number of lasting ones bend it.

use std::time::Duration;

use jiff::SignedDuration;

use super::fault::{Endpoint, Fault, FaultKind};
use super::page::Bend;

/// What goes wrong with one request.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Effects {
    /// What stands in place of the answer, or cuts it.
    pub(super) spoilt: Option<FaultKind>,
    /// How long nothing comes.
    pub(super) wait: Duration,
    /// The pause before each piece of the body.
    pub(super) slow: Option<Duration>,
    pub(super) gzip: bool,
    pub(super) content_type: Option<String>,
    pub(super) odd_element: bool,
    pub(super) skew: SignedDuration,
    pub(super) bend: Bend,
}

#[derive(Debug)]
struct Installed {
    fault: Fault,
    /// How many requests it was about.
    seen: u64,
    /// At how many it happened.
    happened: u64,
}

/// The faults in force.
#[derive(Debug, Default)]
pub(super) struct Desk {
    installed: Vec<Installed>,
}

impl Desk {
    /// Adds a fault; its count of requests begins now.
    pub(super) fn install(&mut self, fault: Fault) {
        self.installed.push(Installed { fault, seen: 0, happened: 0 });
    }

    /// Takes every fault away.
    pub(super) fn clear(&mut self) {
        self.installed.clear();
    }

    /// Counts a request and says what goes wrong with it.
    pub(super) fn effects(&mut self, endpoint: Endpoint, age: Duration) -> Effects {
        let mut effects = Effects::default();
        for installed in &mut self.installed {
            if installed.meets(endpoint, age) && effects.take(&installed.fault.kind) {
                installed.happened += 1;
            }
        }
        effects
    }
}

impl Installed {
    fn meets(&mut self, endpoint: Endpoint, age: Duration) -> bool {
        let fault = &self.fault;
        let about = fault.on == Endpoint::Any || fault.on == endpoint;
        let begun = age >= fault.after;
        let over = fault.lasting.is_some_and(|lasting| age >= fault.after + lasting);
        if !about || !begun || over {
            return false;
        }
        self.seen += 1;
        self.seen >= fault.from && fault.times.is_none_or(|times| self.happened < times)
    }
}

impl Effects {
    /// Adds a fault's effect; false when an answer is spoilt already.
    fn take(&mut self, kind: &FaultKind) -> bool {
        match kind {
            FaultKind::Slow { pause } => self.slow = Some(*pause),
            FaultKind::Wait { pause } => self.wait += *pause,
            FaultKind::Gzip => self.gzip = true,
            FaultKind::ContentType(name) => self.content_type = Some(name.clone()),
            FaultKind::OddElement => self.odd_element = true,
            FaultKind::RepeatCursor => self.bend.repeat = true,
            FaultKind::Shift { rows } => self.bend.shift = Some(*rows),
            FaultKind::Skew { by } => self.skew = self.skew.saturating_add(*by),
            FaultKind::Status { .. }
            | FaultKind::Html { .. }
            | FaultKind::NotJson
            | FaultKind::NotObject
            | FaultKind::Cut
            | FaultKind::Huge { .. }
            | FaultKind::Bomb { .. } => {
                if self.spoilt.is_some() {
                    return false;
                }
                self.spoilt = Some(kind.clone());
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk(faults: &[&str]) -> Desk {
        let mut desk = Desk::default();
        faults.iter().for_each(|text| desk.install(text.parse().unwrap()));
        desk
    }

    fn spoilt(desk: &mut Desk, endpoint: Endpoint, secs: u64) -> Option<FaultKind> {
        desk.effects(endpoint, Duration::from_secs(secs)).spoilt
    }

    fn status(status: u16) -> Option<FaultKind> {
        Some(FaultKind::Status { status, retry_after: None })
    }

    #[test]
    fn faults_wait_for_their_turn() {
        let mut desk = desk(&["429", "500", "cut"]);

        let turns: Vec<_> = (0..4).map(|_| spoilt(&mut desk, Endpoint::List, 0)).collect();

        assert_eq!(turns, [status(429), status(500), Some(FaultKind::Cut), None]);
    }

    #[test]
    fn a_fault_counts_only_the_requests_it_is_about() {
        let mut desk = desk(&["500:on=get:from=2:times=2"]);
        let mut ask = |endpoint| spoilt(&mut desk, endpoint, 0);

        assert_eq!(ask(Endpoint::Get), None);
        assert_eq!(ask(Endpoint::List), None);
        assert_eq!(ask(Endpoint::Get), status(500));
        assert_eq!(ask(Endpoint::Get), status(500));
        assert_eq!(ask(Endpoint::Get), None);
    }

    #[test]
    fn a_fault_has_its_time() {
        let mut desk = desk(&["503:after=10s:for=5s:times=always"]);

        let met: Vec<u64> =
            (8..17).filter(|secs| spoilt(&mut desk, Endpoint::Any, *secs).is_some()).collect();

        assert_eq!(met, [10, 11, 12, 13, 14]);
    }

    #[test]
    fn lasting_faults_add_up() {
        let mut desk = desk(&["slow=1s", "wait=2s", "wait=3s", "shift=-1", "skew=1h", "gzip"]);

        let effects = desk.effects(Endpoint::List, Duration::ZERO);

        assert_eq!(effects.wait, Duration::from_secs(5));
        assert_eq!(effects.slow, Some(Duration::from_secs(1)));
        assert_eq!(effects.bend, Bend { repeat: false, shift: Some(-1) });
        assert_eq!(effects.skew, SignedDuration::from_hours(1));
        assert!(effects.gzip);
    }
}
