//! What two sets of rules make of the same events: message by message. Pure.
//!
//! The measure is what reaches whom: (event, rule, notifier), each with its [`Course`]. Events
//! come one by one, oldest first, so that nothing need be held of them but the counts and a few
//! examples.

use std::collections::BTreeMap;
use std::fmt;

use super::times::Times;
use super::{Course, Decision, decisions};
use crate::model::{Event, Verdict};
use crate::rules::{Facts, Opening, Rule, RuleSet};

/// So many examples of a change are kept.
const EXAMPLES_MAX: usize = 3;

/// Counts, as events come in.
#[derive(Debug)]
pub struct Comparison<'r> {
    old: &'r RuleSet,
    new: &'r RuleSet,
    old_times: Times,
    new_times: Times,
    events: u64,
    lines: BTreeMap<(usize, String), Line>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Compared {
    /// How many events there were.
    pub events: u64,
    /// What every rule says to each notifier that it has said something to: in the order of
    /// the old rules, then of those that only the new have.
    pub lines: Vec<Line>,
}

/// What a rule says to a notifier, by the old rules and by the new.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Line {
    pub rule: String,
    pub notifier: String,
    /// Events told by the old rules.
    pub before: u64,
    /// Events told by the new rules.
    pub after: u64,
    /// Messages that those make, after throttles, groups and windows.
    pub messages_before: u64,
    pub messages_after: u64,
    /// Those of the old that the new do not send.
    pub no_longer: Change,
    /// Those of the new that the old do not send.
    pub additionally: Change,
}

/// How often something changes, with a few examples: the newest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Change {
    pub count: u64,
    /// Oldest first.
    pub examples: Vec<Example>,
}

/// An event whose message comes or goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    pub event: Event,
    /// What becomes of its message where it is sent.
    pub course: Course,
    /// Why it is not sent by the other rules.
    pub silence: Silence,
}

/// Why a set of rules does not send a message that another one sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Silence {
    /// The rule does not send.
    Says(Verdict),
    /// The rule sends, to others.
    Notifies(Vec<String>),
    NoSuchRule,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Says(verdict) => verdict.fmt(f),
            Self::Notifies(others) => write!(f, "it notifies {} only", others.join(", ")),
            Self::NoSuchRule => f.write_str("nothing, there is no such rule"),
        }
    }
}

impl<'r> Comparison<'r> {
    /// Compares these rules.
    pub fn between(old: &'r RuleSet, new: &'r RuleSet) -> Self {
        Self {
            old,
            new,
            old_times: Times::default(),
            new_times: Times::default(),
            events: 0,
            lines: BTreeMap::new(),
        }
    }

    /// Takes in one event. They come oldest first.
    pub fn take(&mut self, event: &Event) {
        self.events += 1;
        let facts = Facts::of(event);
        let before = in_time(self.old, event, &facts, &mut self.old_times);
        let after = in_time(self.new, event, &facts, &mut self.new_times);
        for (decision, messages) in &before {
            let stays = is_among(&after, decision);
            let line = self.line(decision);
            line.before += 1;
            line.messages_before += messages;
            if !stays {
                line.no_longer.add(event, decision.course);
            }
        }
        for (decision, messages) in &after {
            let was = is_among(&before, decision);
            let line = self.line(decision);
            line.after += 1;
            line.messages_after += messages;
            if !was {
                line.additionally.add(event, decision.course);
            }
        }
    }

    /// The counts, with the reason of each example.
    pub fn finish(self) -> Compared {
        let mut lines: Vec<Line> = self.lines.into_values().collect();
        for line in &mut lines {
            line.no_longer.explain(&line.rule, self.new);
            line.additionally.explain(&line.rule, self.old);
        }
        Compared { events: self.events, lines }
    }

    fn line(&mut self, decision: &Decision<'_>) -> &mut Line {
        let name = &decision.rule.name;
        let place = |rules: &RuleSet| rules.rules().iter().position(|rule| rule.name == *name);
        let rule = place(self.old).or_else(|| Some(self.old.rules().len() + place(self.new)?));
        let key = (rule.unwrap_or(usize::MAX), decision.notifier.to_owned());
        self.lines.entry(key).or_insert_with(|| Line {
            rule: name.clone(),
            notifier: decision.notifier.to_owned(),
            ..Line::default()
        })
    }
}

/// The decisions of a set of rules that come to something, each with the messages that it adds.
fn in_time<'r>(
    rules: &'r RuleSet,
    event: &Event,
    facts: &Facts,
    times: &mut Times,
) -> Vec<(Decision<'r>, u64)> {
    let own =
        |decision: &Decision<'_>| event.made_by().is_none_or(|rule| decision.rule.name == rule);
    let decided = decisions(rules, event.kind, facts).into_iter().filter(own);
    let timed = decided.map(|decision| {
        let (course, messages) = times.course(decision.rule, decision.notifier, event, facts);
        (Decision { course, ..decision }, messages)
    });
    timed.filter(|(decision, _)| decision.course != Course::Dropped).collect()
}

/// Whether the same rule decides for the same notifier.
fn is_among(others: &[(Decision<'_>, u64)], decision: &Decision<'_>) -> bool {
    let is_same = |(other, _): &(Decision<'_>, u64)| {
        other.rule.name == decision.rule.name && other.notifier == decision.notifier
    };
    others.iter().any(is_same)
}

impl Change {
    fn add(&mut self, event: &Event, course: Course) {
        self.count += 1;
        if self.examples.len() == EXAMPLES_MAX {
            self.examples.remove(0);
        }
        self.examples.push(Example { event: event.clone(), course, silence: Silence::NoSuchRule });
    }

    fn explain(&mut self, rule: &str, silent: &RuleSet) {
        for example in &mut self.examples {
            let said = silent.explain(&example.event);
            let own = said.into_iter().find(|(known, _)| known.name == rule);
            example.silence = match own {
                None => Silence::NoSuchRule,
                Some((rule, verdict)) if verdict.sends() => dropped(rule, &example.event)
                    .map_or_else(|| Silence::Notifies(rule.notify.clone()), Silence::Says),
                Some((_, verdict)) => Silence::Says(verdict),
            };
        }
    }
}

/// Where the rule's window is closed for this event and drops it.
fn dropped(rule: &Rule, event: &Event) -> Option<Verdict> {
    match rule.active.as_ref()?.at(event.kind, event.detected_at) {
        Opening::Drop { until } => Some(Verdict::Dropped { until }),
        Opening::Open | Opening::Hold { .. } => None,
    }
}
