//! All rules in the file's order, and the index that spares an event most of them.
//!
//! A rule that asks for a text at a path (`"job.project_id" = "…"`) is tried only for events
//! that have this text there: such rules cost an event nothing, however many there are.

use std::collections::HashMap;

use serde_json::Value;

use crate::model::{Event, EventKind, Verdict};

use super::facts::NAME_PATH;
use super::{Facts, Rule};

#[cfg(test)]
mod tests;

/// The rules, indexed.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
    by_kind: HashMap<EventKind, Candidates>,
}

/// The rules of one kind of event, by their places in the file.
#[derive(Debug, Clone, Default)]
struct Candidates {
    /// Tried for every event of the kind.
    always: Vec<usize>,
    by_path: Vec<ByText>,
}

/// The rules that ask for a text at one path.
#[derive(Debug, Clone)]
struct ByText {
    path: Vec<String>,
    rules: HashMap<String, Vec<usize>>,
}

impl RuleSet {
    /// Takes the rules in the file's order.
    pub fn new(rules: Vec<Rule>) -> Self {
        let crowds = crowds(&rules);
        let mut by_kind: HashMap<EventKind, Candidates> = HashMap::new();
        for (place, rule) in rules.iter().enumerate() {
            let key = best_key(rule, &crowds);
            for kind in &rule.on {
                by_kind.entry(*kind).or_default().add(place, key.as_ref());
            }
        }
        Self { rules, by_kind }
    }

    /// Every rule, in the file's order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What the rules say that were tried for this event, in the file's order.
    ///
    /// Rules that the index ruled out are left out: none of them matches. After a rule with
    /// `final` has matched, the rest answer [`Verdict::AfterFinal`] without being tried.
    ///
    /// Events that belong to the rule that made them are for [`judge_one`](Self::judge_one):
    /// nobody is asked about them here.
    pub fn judge(&self, event: &Event) -> Vec<(&Rule, Verdict)> {
        match self.by_kind.contains_key(&event.kind) && !event.kind.is_of_one_rule() {
            true => self.judge_facts(event.kind, &Facts::of(event)),
            false => Vec::new(),
        }
    }

    /// What one rule says, whatever others say: for events that belong to the rule that made
    /// them. `None` where there is no such rule (any more).
    pub fn judge_one(
        &self,
        rule: &str,
        kind: EventKind,
        facts: &Facts,
    ) -> Option<(&Rule, Verdict)> {
        let rule = self.get(rule)?;
        Some((rule, rule.judge(kind, facts)))
    }

    /// The rule of that name.
    pub fn get(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// Whether any rule's `on` names the kind.
    pub fn names_kind(&self, kind: EventKind) -> bool {
        self.by_kind.contains_key(&kind)
    }

    /// The rules that speak about jobs that take long.
    pub fn timed(&self) -> impl Iterator<Item = &Rule> {
        let is_timed = |rule: &&Rule| EventKind::TIMED.iter().any(|kind| rule.on.contains(kind));
        self.rules.iter().filter(|rule| rule.after.is_some()).filter(is_timed)
    }

    /// The rules that speak about what is used.
    pub fn spenders(&self) -> impl Iterator<Item = &Rule> {
        let on = |rule: &&Rule| rule.on.contains(&EventKind::SpendCrossed);
        self.rules.iter().filter(|rule| rule.spend.is_some()).filter(on)
    }

    /// The same for facts at hand.
    pub fn judge_facts(&self, kind: EventKind, facts: &Facts) -> Vec<(&Rule, Verdict)> {
        let Some(candidates) = self.by_kind.get(&kind).filter(|_| !kind.is_of_one_rule()) else {
            return Vec::new();
        };
        let tried = candidates.places(facts).into_iter().map(|place| &self.rules[place]);
        in_order(tried, kind, facts)
    }

    /// What every rule says about this event, in the file's order: the same rules match as
    /// in [`judge`](Self::judge). Of an event that belongs to one rule, each says what it would
    /// say if it were its own.
    pub fn explain(&self, event: &Event) -> Vec<(&Rule, Verdict)> {
        self.explain_facts(event.kind, &Facts::of(event))
    }

    /// The same for facts at hand, as a file may hold them.
    pub fn explain_facts(&self, kind: EventKind, facts: &Facts) -> Vec<(&Rule, Verdict)> {
        in_order(self.rules.iter(), kind, facts)
    }
}

fn in_order<'a>(
    rules: impl Iterator<Item = &'a Rule>,
    kind: EventKind,
    facts: &Facts,
) -> Vec<(&'a Rule, Verdict)> {
    let mut last_word: Option<&Rule> = None;
    let mut verdicts = Vec::new();
    for rule in rules {
        let verdict = match last_word {
            Some(last) if rule.on.contains(&kind) && !kind.is_of_one_rule() => {
                Verdict::AfterFinal { rule: last.name.clone() }
            }
            _ => rule.judge(kind, facts),
        };
        if rule.is_final && verdict.matched() {
            last_word = Some(rule);
        }
        verdicts.push((rule, verdict));
    }
    verdicts
}

impl Candidates {
    fn add(&mut self, place: usize, key: Option<&Key<'_>>) {
        let Some((path, texts)) = key else {
            self.always.push(place);
            return;
        };
        let known = self.by_path.iter().position(|by_text| by_text.path == *path);
        let at = known.unwrap_or_else(|| {
            let path = path.iter().map(|key| (*key).to_owned()).collect();
            self.by_path.push(ByText { path, rules: HashMap::new() });
            self.by_path.len() - 1
        });
        for text in *texts {
            let places = self.by_path[at].rules.entry(text.clone()).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
    }

    /// The rules to be tried, in the file's order.
    fn places(&self, facts: &Facts) -> Vec<usize> {
        let mut places = self.always.clone();
        for by_text in &self.by_path {
            let met = by_text.path.iter().try_fold(facts.document(), |value, key| value.get(key));
            if by_text.path == NAME_PATH && facts.name_is_unavailable() {
                places.extend(by_text.rules.values().flatten());
            } else if let Some(Value::String(text)) = met {
                places.extend(by_text.rules.get(text).into_iter().flatten());
            }
        }
        places.sort_unstable();
        places.dedup();
        places
    }
}

/// A path, and the texts of which one must stand there.
type Key<'a> = (Vec<&'a str>, &'a [String]);

/// How many rules ask for a text at a path.
type Crowds<'a> = HashMap<(Vec<&'a str>, &'a str), usize>;

fn keys(rule: &Rule) -> impl Iterator<Item = Key<'_>> {
    // Elements of lists are left to the condition itself.
    rule.condition
        .iter()
        .flat_map(|condition| condition.required_texts())
        .filter(|(path, _)| path.iter().all(|key| key.parse::<usize>().is_err()))
}

fn crowds(rules: &[Rule]) -> Crowds<'_> {
    let mut crowds = HashMap::new();
    for (path, texts) in rules.iter().flat_map(keys) {
        for text in texts {
            *crowds.entry((path.clone(), text.as_str())).or_default() += 1;
        }
    }
    crowds
}

/// The key that the rule shares with the fewest others.
fn best_key<'a>(rule: &'a Rule, crowds: &Crowds<'a>) -> Option<Key<'a>> {
    keys(rule).min_by_key(|(path, texts)| {
        let crowd = |text: &String| crowds.get(&(path.clone(), text.as_str())).copied();
        texts.iter().filter_map(crowd).max().unwrap_or_default()
    })
}
