//! Where a key that stands in the wrong place belongs.
//!
//! Used for the help of "unknown key": a key that is right somewhere else is a better guess
//! than one that is spelt alike.

use super::active::ActiveWritten;
use super::flood::{GroupWritten, ThrottleWritten};
use super::notifier;
use super::rule::RuleWritten;
use super::service::ServiceWritten;
use super::source::SourceWritten;
use super::spend::SpendWritten;
use super::table::Keys;
use crate::model::NotifierKind;

/// Says where a key belongs, if it is a key of any table.
pub(super) fn home_of(key: &str) -> Option<String> {
    if matches!(key, "job" | "event") || key.starts_with("job.") || key.starts_with("event.") {
        return Some(
            "conditions stand under [rules.match], as in \"job.job_type\" = \"agent\"".into(),
        );
    }
    let mut homes: Vec<String> = Vec::new();
    let mut look = |keys: Keys, home: String| {
        if keys.names().any(|name| name == key) {
            homes.push(home);
        }
    };
    look(Keys::of::<ServiceWritten>(&[]), "[service]".into());
    look(Keys::of::<SourceWritten>(&[]), "[sources.…]".into());
    look(notifier::common_keys(), "any notifier".into());
    for kind in NotifierKind::ALL {
        look(notifier::own_keys(kind), format!("a notifier of type {kind}"));
    }
    look(Keys::of::<RuleWritten>(&[]), "[[rules]]".into());
    look(Keys::of::<ThrottleWritten>(&[]), "a rule's `throttle`".into());
    look(Keys::of::<GroupWritten>(&[]), "a rule's `group`".into());
    look(Keys::of::<ActiveWritten>(&[]), "a rule's `active`".into());
    look(Keys::of::<SpendWritten>(&[]), "a rule's `spend`".into());
    (!homes.is_empty()).then(|| format!("`{key}` belongs in {}", homes.join(", or ")))
}
