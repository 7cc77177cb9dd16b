//! Dry runs: what a config would say about events, without a store, a clock or a network. Pure.
//!
//! [`Trial`] holds a config's rules, notifiers and templates. It gives the [`Decision`]s about
//! an event and the exact [`Made`] message of each. [`Trial::run`] plays the cases of
//! `[[test]]` tables and tells every fault of each; [`Comparison`] counts what two sets of
//! rules make of the same events. `check`, `test-rules`, `preview` and `backtest` ask here, so
//! that they all mean the same.
//!
//! A case or a preview decides one event at a time; a comparison takes all of them in their order,
//! so that what depends on the events before, or on the time of day, shows in each [`Course`].

mod case;
mod compare;
mod fault;
mod reading;
#[cfg(test)]
mod tests;
mod times;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

pub use case::Outcome;
pub use compare::{Change, Compared, Comparison, Example, Line, Silence};
pub use fault::{Fault, Missed};
pub use reading::{readable, words_of};

use crate::config::Config;
use crate::deliver::fitted;
use crate::deliver::settings::NotifierSettings;
use crate::model::{EventKind, Message, RuleView, Verdict, without_download_url};
use crate::render::{RenderRequest, Templates};
use crate::rules::{Facts, Rule, RuleSet};

/// What becomes of a message that a rule owes to a notifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Course {
    /// It leaves by itself, as soon as the notifier can.
    Sent,
    /// It goes with the others of its group.
    Grouped,
    /// It waits for its rule's window.
    Held,
    /// It is counted, and told with others when the throttle's time is over.
    Throttled,
    /// Its rule's window is closed and drops it.
    Dropped,
}

impl Course {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Grouped => "grouped",
            Self::Held => "held",
            Self::Throttled => "throttled",
            Self::Dropped => "dropped",
        }
    }
}

/// What a rule decides about an event, for one notifier.
#[derive(Debug, Clone, Copy)]
pub struct Decision<'r> {
    pub rule: &'r Rule,
    pub notifier: &'r str,
    pub course: Course,
}

/// What `rules` decide about an event, in the file's order: a decision for each notifier of
/// each rule that sends.
pub fn decisions<'r>(rules: &'r RuleSet, kind: EventKind, facts: &Facts) -> Vec<Decision<'r>> {
    let about = subject(kind, facts.document());
    // Each speaks for itself where an event belongs to one rule.
    let judged = match kind.is_of_one_rule() {
        true => rules.explain_facts(kind, facts),
        false => rules.judge_facts(kind, facts),
    };
    let sending = judged.into_iter().filter(|(_, said)| said.sends());
    let each = sending.flat_map(|(rule, _)| {
        let told = rule.notified(kind, about).into_iter();
        told.map(move |notifier| Decision { rule, notifier, course: Course::Sent })
    });
    each.collect()
}

/// What an event about the bridge is about; empty for one about a job.
fn subject(kind: EventKind, document: &Value) -> &str {
    let name = kind.facts_key().and_then(|key| document[key]["name"].as_str());
    name.unwrap_or_default()
}

/// A message as its service would get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub message: Message,
    /// Why the template failed, so that the built-in one stands in for it.
    pub fell_back: Option<String>,
}

/// A config that is tried out.
#[derive(Debug)]
pub struct Trial<'a> {
    rules: RuleSet,
    notifiers: &'a [NotifierSettings],
    templates: &'a Templates,
    zone: &'a TimeZone,
}

impl<'a> Trial<'a> {
    /// Takes a config and the templates that belong to it.
    pub fn new(config: &'a Config, templates: &'a Templates) -> Self {
        Self {
            rules: RuleSet::new(config.rules.clone()),
            notifiers: &config.notifiers,
            templates,
            zone: &config.service.timezone,
        }
    }

    /// The rules, indexed.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The settings of a notifier.
    pub fn notifier(&self, name: &str) -> Option<&'a NotifierSettings> {
        self.notifiers.iter().find(|known| known.name == name)
    }

    /// The message that `rule` makes of an event's document for a notifier.
    pub fn message(
        &self,
        rule: &Rule,
        notifier: &NotifierSettings,
        document: &Value,
        now: Timestamp,
    ) -> Made {
        let mut document = document.clone();
        if let Value::Object(fields) = &mut document {
            let view = RuleView { name: rule.name.clone(), suppressed: 0, held: None };
            fields.insert("rule".into(), json!(view));
        }
        if !rule.include_download_url {
            document = without_download_url(document);
        }
        let kind = notifier.kind();
        let rendered = self.templates.render(&RenderRequest {
            kind,
            template: &rule.template,
            document: &document,
            now,
            zone: self.zone,
        });
        Made { message: fitted(kind, rendered.message), fell_back: rendered.fell_back }
    }

    /// What a rule says about an event, the rules before it included; `None` where there is no
    /// such rule.
    pub fn verdict(&self, rule: &str, kind: EventKind, facts: &Facts) -> Option<Verdict> {
        let said = self.rules.explain_facts(kind, facts);
        said.into_iter().find(|(known, _)| known.name == rule).map(|(_, verdict)| verdict)
    }
}
