//! Where messages go: the notifiers' recipients, and the bells that wake those who pay.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;

use crate::deliver::settings::NotifierSettings;
use crate::model::{Decided, DeliveryId, Event, NewDelivery, NotifierKind};
use crate::rules::Rule;
use crate::telemetry;

/// What a decision needs to know of a notifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// One nameless one, or an address each for email.
    pub recipients: Vec<String>,
    /// Several messages can be one digest. A receiver that is a program gets every event.
    pub digests: bool,
    /// One message about each job is edited as the job moves on.
    pub live: bool,
}

impl Route {
    /// The route of a notifier.
    pub fn of(settings: &NotifierSettings) -> Self {
        let digests = match settings.kind() {
            NotifierKind::Webhook | NotifierKind::Command => false,
            NotifierKind::Slack
            | NotifierKind::Discord
            | NotifierKind::Email
            | NotifierKind::Console => true,
        };
        // A live message must come to its end.
        let digests = digests && !settings.edits();
        Self { recipients: settings.recipients(), digests, live: settings.is_live() }
    }
}

/// The route of each notifier, by its name.
#[derive(Debug, Clone, Default)]
pub struct Routes(BTreeMap<String, Route>);

impl Routes {
    /// Takes the route of each notifier by its name.
    pub fn new(routes: impl IntoIterator<Item = (String, Route)>) -> Self {
        Self(routes.into_iter().collect())
    }

    /// Whether several messages to a notifier can be one digest; one that is not known cannot.
    pub fn digests(&self, notifier: &str) -> bool {
        self.0.get(notifier).is_some_and(|route| route.digests)
    }

    /// What `rule` owes for `event`: a delivery for each recipient of each of its notifiers,
    /// but nothing about a notifier through itself.
    pub fn owed(&self, rule: &Rule, event: &Event, now: Timestamp) -> Vec<NewDelivery> {
        let event_id = event.id();
        let mut owed = Vec::new();
        for notifier in rule.notified(event.kind, &event.key.subject) {
            let Some(route) = self.0.get(notifier) else { continue };
            for recipient in &route.recipients {
                owed.push(NewDelivery {
                    id: DeliveryId::of(event_id.as_str(), &rule.name, notifier, recipient),
                    event_id: event_id.clone(),
                    rule: rule.name.clone(),
                    notifier: notifier.to_owned(),
                    recipient: recipient.clone(),
                    template: rule.template.clone(),
                    include_download_url: rule.include_download_url,
                    source: event.key.source.clone(),
                    job_id: event.job_id.as_ref().map_or(String::new(), ToString::to_string),
                    kind: event.kind,
                    live: event.job_id.is_some() && route.live,
                    created_at: now,
                    held_until: None,
                    suppressed: 0,
                });
            }
        }
        owed
    }
}

/// A bell for each notifier's dispatch, and one for the keeper of what is held back.
#[derive(Debug, Clone, Default)]
pub struct Nudges {
    bells: Arc<Mutex<BTreeMap<String, Arc<Notify>>>>,
    retry_bells: Arc<Mutex<BTreeMap<String, Arc<Notify>>>>,
    keeper: Arc<Notify>,
}

impl Nudges {
    /// The bell of one notifier; it is hung when it is first asked for.
    pub fn bell(&self, notifier: &str) -> Arc<Notify> {
        let mut bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(notifier.to_owned()).or_default().clone()
    }

    /// The bell of one notifier that a person rings: it is to try again at once.
    pub fn retry_bell(&self, notifier: &str) -> Arc<Notify> {
        let mut bells = self.retry_bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.entry(notifier.to_owned()).or_default().clone()
    }

    /// Rings for one notifier.
    pub fn ring(&self, notifier: &str) {
        self.bell(notifier).notify_one();
    }

    /// The bell of the keeper of what is held back.
    pub fn keeper(&self) -> &Notify {
        &self.keeper
    }

    /// Rings for everyone who is owed something now.
    pub fn announce(&self, decided: &[Decided]) {
        for decided in decided {
            telemetry::event_recorded(&decided.event, decided.owed.len());
            decided.suppressed.iter().for_each(|notifier| telemetry::message_suppressed(notifier));
            decided.owed.iter().for_each(|delivery| self.ring(&delivery.notifier));
            let waits = |delivery: &NewDelivery| delivery.held_until.is_some();
            if !decided.joins.is_empty() || decided.owed.iter().any(waits) {
                self.keeper.notify_one();
            }
        }
    }

    /// Rings for all.
    pub fn ring_all(&self) {
        let bells = self.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.values().for_each(|bell| bell.notify_one());
        self.keeper.notify_one();
    }
}
