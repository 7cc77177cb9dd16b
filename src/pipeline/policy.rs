//! What the config asks for, as the loops use it: rules, routes, templates, the time zone. A
//! reload replaces it as a whole, between two decisions.

use std::sync::{Arc, PoisonError, RwLock};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::decide::decide;
use super::route::Routes;
use crate::model::{Decided, Event, Pacing};
use crate::render::Templates;
use crate::rules::RuleSet;

/// What to say, to whom, and in which words.
#[derive(Debug, Clone)]
pub struct Policy {
    pub rules: RuleSet,
    pub routes: Routes,
    pub templates: Templates,
    /// For the times in messages.
    pub zone: TimeZone,
}

impl Default for Policy {
    /// Says nothing.
    fn default() -> Self {
        Self {
            rules: RuleSet::default(),
            routes: Routes::default(),
            templates: Templates::builtin(),
            zone: TimeZone::UTC,
        }
    }
}

impl Policy {
    /// What the rules say about `event` at `now`, and what is owed for it.
    pub fn decide(&self, event: Event, pacing: &mut Pacing, now: Timestamp) -> Decided {
        decide(self, event, pacing, now)
    }
}

/// The policy that is in force. Cheap to clone; all clones see a change.
#[derive(Debug, Clone, Default)]
pub struct Current(Arc<RwLock<Arc<Policy>>>);

impl Current {
    /// Begins with a policy.
    pub fn new(policy: Policy) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(policy))))
    }

    /// The policy as it is now; it stays as it is while it is held.
    pub fn get(&self) -> Arc<Policy> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another in its place.
    pub fn replace(&self, policy: Policy) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(policy);
    }
}
