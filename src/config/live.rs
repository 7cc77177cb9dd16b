//! Live notifiers against rules that hold messages back: one message about each job cannot be
//! kept up to date by messages that are left out or gathered.

use std::ops::Range;

use super::length::short;
use super::notes::Notes;
use crate::deliver::settings::NotifierSettings;

/// The names of the notifiers that are live.
#[cfg_attr(not(test), expect(dead_code, reason = "no key of a rule holds messages back yet"))]
pub(super) fn names(notifiers: &[NotifierSettings]) -> Vec<String> {
    let live = notifiers.iter().filter(|settings| settings.is_live());
    live.map(|settings| settings.name.clone()).collect()
}

/// Notes each notifier of a rule that is live, where the rule's `key` at `span` (`throttle` or
/// `group`) holds messages back. `live` are the names of all live notifiers.
#[cfg_attr(not(test), expect(dead_code, reason = "no key of a rule holds messages back yet"))]
pub(super) fn check_rule(
    key: &str,
    span: &Range<usize>,
    notify: &[String],
    live: &[String],
    notes: &mut Notes<'_>,
) {
    for name in notify.iter().filter(|name| live.contains(name)) {
        let message = format!(
            "`{}` is live: it has one message about each job, which `{key}` would keep from its end",
            short(name)
        );
        let help = format!("take `{key}` out, or `live` out of the notifier, or name another one");
        notes.error_with_help(key, span.clone(), message, help);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Defaults, parse};

    #[test]
    fn a_live_notifier_of_a_rule_that_holds_messages_back_is_a_mistake() {
        let text = "[notifiers.a]\ntype = 'discord'\nwebhook_url = { env = 'U' }\nlive = true\n\
             [notifiers.b]\ntype = 'console'\n\
             [notifiers.c]\ntype = 'slack'\ntoken = { env = 'T' }\nchannel = 'C1'\nlive = true\n\
             [notifiers.d]\ntype = 'slack'\ntoken = { env = 'T' }\nchannel = 'C1'\n";
        let defaults = Defaults { state_folder: Some("/state".into()) };
        let config = parse(text, std::path::Path::new("/"), &defaults).config.unwrap();
        let live = names(&config.notifiers);
        let mut problems = Vec::new();

        let notify = ["b", "a", "d"].map(str::to_owned);
        let mut notes = Notes::new("rule `r`", &mut problems);
        check_rule("throttle", &(3..7), &notify, &live, &mut notes);

        assert_eq!(live, ["a", "c"]);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].span, Some(3..7));
        insta::assert_snapshot!(problems[0], @"rule `r`, key `throttle`: `a` is live: it has one message about each job, which `throttle` would keep from its end");
    }
}
