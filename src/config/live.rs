//! Live notifiers against rules that hold messages back: one message about each job cannot be
//! kept up to date by messages that are left out or gathered.

use std::ops::Range;

use super::length::short;
use super::notes::Notes;
use crate::deliver::settings::NotifierSettings;

/// The names of the notifiers that are live.
pub(super) fn names(notifiers: &[NotifierSettings]) -> Vec<String> {
    let live = notifiers.iter().filter(|settings| settings.is_live());
    live.map(|settings| settings.name.clone()).collect()
}

/// Notes each notifier of a rule that is live, where the rule's `key` at `span` (`throttle` or
/// `group`) holds messages back. `live` are the names of all live notifiers.
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
    use crate::config::{Defaults, parse};

    #[test]
    fn a_live_notifier_of_a_rule_that_holds_messages_back_is_a_mistake() {
        let text = "[notifiers.a]\ntype = 'discord'\nwebhook_url = { env = 'U' }\nlive = true\n\
             [notifiers.b]\ntype = 'console'\n\
             [notifiers.d]\ntype = 'slack'\ntoken = { env = 'T' }\nchannel = 'C1'\n\
             [[rules]]\nname = 'r'\non = ['finished']\nnotify = ['b', 'a', 'd']\n\
             throttle = { every = '1m' }\n";
        let defaults = Defaults { state_folder: Some("/state".into()) };

        let parsed = parse(text, std::path::Path::new("/"), &defaults);

        assert_eq!(parsed.problems.len(), 1, "{:?}", parsed.problems);
        let place = parsed.problems[0].span.clone().unwrap();
        assert_eq!(&text[place], "throttle");
        insta::assert_snapshot!(parsed.problems[0], @"rule `r`, key `throttle`: `a` is live: it has one message about each job, which `throttle` would keep from its end");
    }
}
