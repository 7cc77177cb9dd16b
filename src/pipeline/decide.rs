//! From an event to what is owed for it: match → silence → window that drops → throttle →
//! group → window that holds → owe. Pure: what the ledger knows comes in as [`Pacing`].

use std::cell::OnceCell;

use jiff::Timestamp;

use super::policy::Policy;
use crate::model::{Decided, Event, Hold, Join, NewDelivery, Pacing, Silence, Throttled, Verdict};
use crate::rules::{Facts, Matcher, Opening, Rule};

/// What the rules say about `event`, and what is owed for it.
pub(super) fn decide(
    policy: &Policy,
    event: Event,
    pacing: &mut Pacing,
    now: Timestamp,
) -> Decided {
    let maker = event.made_by();
    // Most events are of kinds that no rule names: those cost nothing.
    if maker.is_none() && !policy.rules.names_kind(event.kind) {
        return Decided::nothing(event);
    }
    let facts = Facts::of(&event);
    let judged: Vec<(&Rule, Verdict)> = match maker {
        // It belongs to the rule that made it.
        Some(rule) => policy.rules.judge_one(rule, event.kind, &facts).into_iter().collect(),
        None => policy.rules.judge_facts(event.kind, &facts),
    };
    let mut case = Case {
        policy,
        silences: OnceCell::new(),
        facts: &facts,
        now,
        decided: Decided::nothing(event),
    };
    for (rule, verdict) in judged {
        let verdict = match verdict.sends() {
            true => case.course(rule, verdict, pacing),
            false => verdict,
        };
        case.decided.verdicts.push((rule.name.clone(), verdict));
    }
    case.decided
}

/// An event on its way through the rules that match.
struct Case<'a> {
    policy: &'a Policy,
    /// What each silence asks for, read once; `None` for one that cannot be read.
    silences: OnceCell<Vec<Option<Vec<Matcher>>>>,
    facts: &'a Facts,
    now: Timestamp,
    decided: Decided,
}

impl Case<'_> {
    /// What becomes of a message that `rule` has asked for.
    fn course(&mut self, rule: &Rule, verdict: Verdict, pacing: &mut Pacing) -> Verdict {
        if let Some(silenced) = self.silence(rule, &pacing.silences) {
            self.decided.suppressed.extend(rule.notify.iter().cloned());
            return silenced;
        }
        let kind = self.decided.event.kind;
        let opening =
            rule.active.as_ref().map_or(Opening::Open, |active| active.at(kind, self.now));
        if let Opening::Drop { until } = opening {
            *pacing.dropped.entry(rule.name.clone()).or_default() += 1;
            self.decided.dropped.push(rule.name.clone());
            self.decided.suppressed.extend(rule.notify.iter().cloned());
            return Verdict::Dropped { until };
        }
        if let Some(until) = self.throttle(rule, pacing) {
            self.decided.suppressed.extend(rule.notify.iter().cloned());
            return Verdict::Throttled { until };
        }
        match (opening, &rule.group) {
            (Opening::Hold { until }, _) => {
                let owed = self.owed(rule).into_iter();
                self.decided.owed.extend(
                    owed.map(|delivery| NewDelivery { held_until: Some(until), ..delivery }),
                );
                Verdict::Held { until }
            }
            (_, Some(group)) => {
                let until = later(self.now, group.wait);
                let key = group.by.key(self.facts);
                self.join(rule, Hold::Group, key, until, Some(group.max));
                Verdict::Gathered { until }
            }
            _ => {
                let suppressed = pacing.dropped.remove(&rule.name).unwrap_or_default();
                let owed = self.owed(rule).into_iter();
                self.decided
                    .owed
                    .extend(owed.map(|delivery| NewDelivery { suppressed, ..delivery }));
                verdict
            }
        }
    }

    fn silence(&mut self, rule: &Rule, silences: &[Silence]) -> Option<Verdict> {
        let asked = self.silences.get_or_init(|| silences.iter().map(matchers).collect());
        let fits = |matchers: &Option<Vec<Matcher>>| {
            let holds = |matcher: &Matcher| matcher.holds(self.facts, &rule.name);
            matchers.as_ref().is_some_and(|matchers| matchers.iter().all(holds))
        };
        let about = silences.iter().zip(asked).filter(|(_, matchers)| fits(matchers));
        // One that summarises loses nothing, so it goes first.
        let first = about.map(|(silence, _)| silence).min_by_key(|silence| !silence.summarise)?;
        if first.summarise {
            self.join(rule, Hold::Silence, first.id.clone(), first.expires_at, None);
        }
        self.decided.silenced.push(first.id.clone());
        Some(Verdict::Silenced { silence: first.id.clone() })
    }

    /// Until when the rule's throttle holds this back; closes it where it does not.
    fn throttle(&mut self, rule: &Rule, pacing: &mut Pacing) -> Option<Timestamp> {
        let throttle = rule.throttle.as_ref()?;
        let key = throttle.by.key(self.facts);
        let place = (rule.name.clone(), key.clone());
        let next = later(self.now, throttle.every);
        let until = pacing.throttled.get(&place).copied();
        if until.is_none() {
            pacing.asked.insert(place.clone());
        }
        if let Some(until) = until {
            // One that ends later than a new one would was closed by a clock that was wrong.
            if until > self.now && until <= next {
                self.join(rule, Hold::Throttle, key, until, None);
                return Some(until);
            }
        }
        pacing.throttled.insert(place, next);
        self.decided.throttled.push(Throttled { rule: rule.name.clone(), key, until: next });
        None
    }

    fn join(&mut self, rule: &Rule, hold: Hold, key: String, until: Timestamp, most: Option<u32>) {
        let to = self.owed(rule);
        if !to.is_empty() {
            self.decided.joins.push(Join { hold, rule: rule.name.clone(), key, until, most, to });
        }
    }

    fn owed(&self, rule: &Rule) -> Vec<NewDelivery> {
        self.policy.routes.owed(rule, &self.decided.event, self.now)
    }
}

/// They were checked when the silence was added. One that cannot be read silences nothing.
fn matchers(silence: &Silence) -> Option<Vec<Matcher>> {
    silence.matchers.iter().map(|matcher| Matcher::parse(matcher).ok()).collect()
}

fn later(now: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
