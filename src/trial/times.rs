//! What time makes of decisions, one event after the other: throttles that close, groups that
//! gather, windows that hold. As the ledger does it, but for events that came long ago, each at
//! the moment when it was detected. Pure.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Course;
use crate::model::Event;
use crate::rules::{Facts, Opening, Rule};

/// What is open and closed, by rule, notifier and key.
#[derive(Debug, Default)]
pub(super) struct Times {
    throttles: HashMap<(String, String, String), Throttle>,
    groups: HashMap<(String, String, String), Group>,
    /// Until when the last closed window of a rule lasts, for which something waits.
    windows: HashMap<(String, String), Timestamp>,
}

#[derive(Debug)]
struct Throttle {
    until: Timestamp,
    /// A message at the end will tell what was held back.
    has_more: bool,
}

#[derive(Debug)]
struct Group {
    until: Timestamp,
    events: u32,
}

impl Times {
    /// What becomes of the message that `rule` makes of an event for a notifier, and how many
    /// messages more that is: none, where it goes with another.
    pub(super) fn course(
        &mut self,
        rule: &Rule,
        notifier: &str,
        event: &Event,
        facts: &Facts,
    ) -> (Course, u64) {
        let now = event.detected_at;
        let opening = rule.active.as_ref().map_or(Opening::Open, |it| it.at(event.kind, now));
        if matches!(opening, Opening::Drop { .. }) {
            return (Course::Dropped, 0);
        }
        if let Some(more) = self.throttle(rule, notifier, facts, now) {
            return (Course::Throttled, more);
        }
        if let Opening::Hold { until } = opening {
            let key = (rule.name.clone(), notifier.to_owned());
            let is_first = self.windows.insert(key, until) != Some(until);
            return (Course::Held, u64::from(is_first));
        }
        match &rule.group {
            Some(group) => {
                let key = key(rule, notifier, group.by.key(facts));
                let open = self.groups.get_mut(&key);
                if let Some(open) = open.filter(|open| open.until > now && open.events < group.max)
                {
                    open.events += 1;
                    return (Course::Grouped, 0);
                }
                let until = now.checked_add(group.wait).unwrap_or(Timestamp::MAX);
                self.groups.insert(key, Group { until, events: 1 });
                (Course::Grouped, 1)
            }
            None => (Course::Sent, 1),
        }
    }

    /// How many messages more a throttled event makes; `None` where it passes.
    fn throttle(
        &mut self,
        rule: &Rule,
        notifier: &str,
        facts: &Facts,
        now: Timestamp,
    ) -> Option<u64> {
        let throttle = rule.throttle.as_ref()?;
        let key = key(rule, notifier, throttle.by.key(facts));
        let later = |at: Timestamp| at.checked_add(throttle.every).unwrap_or(Timestamp::MAX);
        if let Some(closed) = self.throttles.get_mut(&key) {
            // The message at the end closes it again.
            while closed.until <= now && closed.has_more {
                *closed = Throttle { until: later(closed.until), has_more: false };
            }
            if closed.until > now {
                let is_first = !closed.has_more;
                closed.has_more = true;
                return Some(u64::from(is_first));
            }
        }
        self.throttles.insert(key, Throttle { until: later(now), has_more: false });
        None
    }
}

fn key(rule: &Rule, notifier: &str, by: String) -> (String, String, String) {
    (rule.name.clone(), notifier.to_owned(), by)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::config::{Defaults, parse};
    use crate::render::samples;

    /// What becomes of sample failures that happen so many seconds after the first.
    fn courses(rule: &str, at: &[i64]) -> Vec<(Course, u64)> {
        let text = format!(
            "[service]\nstore = 'sqlite://s.db'\n[sources.a]\ntoken = 'x'\n\
             [notifiers.b]\ntype = 'console'\n\
             [[rules]]\nname = 'r'\non = ['finished']\nnotify = ['b']\n{rule}\n"
        );
        let config = parse(&text, std::path::Path::new("/"), &Defaults::default()).config.unwrap();
        let sample = samples::events().into_iter().map(|(_, event)| event);
        let sample = sample.into_iter().find(|event| event.kind.as_str() == "succeeded").unwrap();
        let start: Timestamp = "2026-11-20T17:59:00Z".parse().unwrap();
        let mut times = Times::default();
        let course = |seconds: &i64| {
            let detected_at = start + SignedDuration::from_secs(*seconds);
            let event = Event { detected_at, ..sample.clone() };
            times.course(&config.rules[0], "b", &event, &Facts::of(&event))
        };
        at.iter().map(course).collect()
    }

    #[test]
    fn every_event_has_its_course_and_messages_are_counted_as_they_would_leave() {
        use Course::{Dropped, Grouped, Held, Sent, Throttled};

        assert_eq!(courses("", &[0, 1]), [(Sent, 1), (Sent, 1)]);
        assert_eq!(
            courses("throttle = { every = '1m' }", &[0, 10, 20, 70, 125, 300]),
            [(Sent, 1), (Throttled, 1), (Throttled, 0), (Throttled, 1), (Throttled, 1), (Sent, 1)]
        );
        assert_eq!(
            courses("group = { wait = '30s', max = 2 }", &[0, 10, 20, 60]),
            [(Grouped, 1), (Grouped, 0), (Grouped, 1), (Grouped, 1)]
        );
        assert_eq!(
            courses("active = { to = '18:00' }", &[0, 60, 90]),
            [(Sent, 1), (Held, 1), (Held, 0)]
        );
        assert_eq!(
            courses("active = { to = '18:00', otherwise = 'drop' }", &[0, 60]),
            [(Sent, 1), (Dropped, 0)]
        );
    }
}
