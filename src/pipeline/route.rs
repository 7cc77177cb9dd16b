//! From a verdict to what is owed, and the bells that wake those who pay.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::model::{DeliveryId, Event, EventKind, NewDelivery};
use crate::rules::{Rule, RuleSet};
use crate::store::Decided;
use crate::telemetry;

/// Which recipients each notifier has: one nameless one, or an address each for email; and
/// which notifiers are live.
#[derive(Debug, Clone, Default)]
pub struct Routes(BTreeMap<String, Vec<String>>, BTreeSet<String>);

impl Routes {
    /// Takes the recipients of each notifier by its name.
    pub fn new(recipients: impl IntoIterator<Item = (String, Vec<String>)>) -> Self {
        Self(recipients.into_iter().collect(), BTreeSet::new())
    }

    /// The same with the notifiers that edit one message about each job.
    #[must_use]
    pub fn live(self, notifiers: impl IntoIterator<Item = String>) -> Self {
        Self(self.0, notifiers.into_iter().collect())
    }

    /// What the rules say about `event`, and what is owed for it.
    pub fn decide(&self, rules: &RuleSet, event: Event, now: Timestamp) -> Decided {
        let verdicts = rules.judge(&event);
        let owed = verdicts
            .iter()
            .filter(|(_, verdict)| verdict.sends())
            .flat_map(|(rule, _)| self.owed(rule, &event, now))
            .collect();
        let verdicts =
            verdicts.into_iter().map(|(rule, verdict)| (rule.name.clone(), verdict)).collect();
        Decided { event, verdicts, owed }
    }

    /// What `rule` owes for `event`: a delivery for each recipient of each of its notifiers,
    /// but nothing about a notifier through itself.
    fn owed(&self, rule: &Rule, event: &Event, now: Timestamp) -> Vec<NewDelivery> {
        let event_id = event.id();
        let mut owed = Vec::new();
        let about_itself = |notifier: &&String| {
            matches!(event.kind, EventKind::NotifierDown | EventKind::NotifierUp)
                && **notifier == event.key.subject
        };
        for notifier in rule.notify.iter().filter(|notifier| !about_itself(notifier)) {
            for recipient in self.0.get(notifier).into_iter().flatten() {
                owed.push(NewDelivery {
                    id: DeliveryId::of(event_id.as_str(), &rule.name, notifier, recipient),
                    event_id: event_id.clone(),
                    rule: rule.name.clone(),
                    notifier: notifier.clone(),
                    recipient: recipient.clone(),
                    template: rule.template.clone(),
                    include_download_url: rule.include_download_url,
                    source: event.key.source.clone(),
                    job_id: event.job_id.as_ref().map_or(String::new(), ToString::to_string),
                    kind: event.kind,
                    live: event.job_id.is_some() && self.1.contains(notifier),
                    created_at: now,
                });
            }
        }
        owed
    }
}

/// A bell for each notifier's dispatch.
#[derive(Debug, Clone, Default)]
pub struct Nudges(BTreeMap<String, Arc<Notify>>);

impl Nudges {
    /// Hangs a bell for each notifier.
    pub fn new(notifiers: impl IntoIterator<Item = String>) -> Self {
        Self(notifiers.into_iter().map(|name| (name, Arc::default())).collect())
    }

    /// The bell of one notifier; a silent one for a name that is not known.
    pub fn bell(&self, notifier: &str) -> Arc<Notify> {
        self.0.get(notifier).cloned().unwrap_or_default()
    }

    fn ring(&self, notifier: &str) {
        if let Some(bell) = self.0.get(notifier) {
            bell.notify_one();
        }
    }

    /// Rings for everyone who is owed something now.
    pub fn announce(&self, decided: &[Decided]) {
        for Decided { event, owed, .. } in decided {
            telemetry::event_recorded(event, owed.len());
            owed.iter().for_each(|delivery| self.ring(&delivery.notifier));
        }
    }

    /// Rings for all.
    pub fn ring_all(&self) {
        self.0.values().for_each(|bell| bell.notify_one());
    }
}
