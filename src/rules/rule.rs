//! One rule, parsed: what it is about, and what it says about an event.

use std::collections::BTreeSet;

use crate::model::{EventKind, Verdict};

use super::{
    Active, After, Answer, Condition, Expression, Facts, Finding, Group, Repeat, Spend, Throttle,
};

/// A rule with nothing left to check.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Unique.
    pub name: String,
    pub on: BTreeSet<EventKind>,
    /// `match`
    pub condition: Option<Condition>,
    pub when: Option<Expression>,
    /// No later rule is tried for an event that this one matched.
    pub is_final: bool,
    /// The notifiers that get its messages.
    pub notify: Vec<String>,
    pub template: String,
    pub include_download_url: bool,
    /// For `overdue` and `stalled`.
    pub after: Option<After>,
    pub repeat: Option<Repeat>,
    pub throttle: Option<Throttle>,
    pub group: Option<Group>,
    pub active: Option<Active>,
    /// For `spend_crossed`.
    pub spend: Option<Spend>,
}

impl Rule {
    /// The notifiers that get its message about an event of this kind: none is told about
    /// itself. `subject` is what the event is about.
    pub fn notified(&self, kind: EventKind, subject: &str) -> Vec<&str> {
        let about_one = matches!(kind, EventKind::NotifierDown | EventKind::NotifierUp);
        let names = self.notify.iter().map(String::as_str);
        names.filter(|name| !(about_one && *name == subject)).collect()
    }

    /// What the rule says about an event of this kind, other rules aside.
    ///
    /// `match` and `when` must both hold. What does not hold outweighs what could not be
    /// decided: no name of a project would make such a rule match.
    pub fn judge(&self, kind: EventKind, facts: &Facts) -> Verdict {
        if !self.on.contains(&kind) {
            return Verdict::NotThisEvent;
        }
        let found = self.condition.as_ref().map_or(Finding::Holds, |match_| match_.check(facts));
        if let Finding::Fails { condition, expected, met } = found {
            return Verdict::ConditionFailed { condition, expected, met };
        }
        let answer = self.when.as_ref().map_or(Answer::Holds, |when| when.evaluate(facts));
        let expression = || self.when.as_ref().map(Expression::shown).unwrap_or_default();
        match (answer, found) {
            (Answer::DoesNotHold { reason }, _) => {
                Verdict::ExpressionFalse { expression: expression(), reason }
            }
            (_, Finding::Undecided { condition, reason }) => {
                Verdict::Undecided { condition, reason }
            }
            (Answer::Undecided { reason }, _) => {
                Verdict::Undecided { condition: expression(), reason }
            }
            (Answer::Holds, _) => Verdict::Send,
        }
    }
}
