//! Metrics: counted by the functions of [`telemetry`](super), told as Prometheus text.
//!
//! One registry a process, since logging is one too. Labels are names from the config and words of
//! closed sets, never text from outside. What stands in the store (jobs, the outbox, the last
//! poll) is not counted here: it is handed in when the text is made.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::model::{EventKind, KIND_NAMES};

/// How a poll ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollOutcome {
    /// Every page came, and it was written down.
    Ok,
    Failed,
}

/// What became of an attempt at a delivery, or that none is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryOutcome {
    Sent,
    /// It failed, and is owed still.
    Retried,
    Dead,
    /// A rule matched, and nothing is sent for it.
    Suppressed,
}

const POLL_OUTCOMES: [&str; 2] = ["ok", "failed"];
const DELIVERY_OUTCOMES: [&str; 4] = ["sent", "retried", "dead", "suppressed"];

/// Upper bounds in seconds. A poll takes milliseconds to the time-outs of its requests,
const POLL_BUCKETS: [f64; 10] = [0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0];
/// a delivery as long as retries go on.
const DELIVERY_BUCKETS: [f64; 12] =
    [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 21_600.0];

/// A number that stands in the store, with its two labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gauge {
    /// A source's or a notifier's name.
    pub name: String,
    pub state: &'static str,
    pub value: u64,
}

/// What the store says when the text is made.
#[derive(Debug, Clone, Default)]
pub struct Stored {
    pub jobs: Vec<Gauge>,
    pub outbox: Vec<Gauge>,
    /// By source, in seconds since 1970.
    pub last_poll_success: Vec<(String, f64)>,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics(Mutex<Counts>);

#[derive(Debug)]
struct Counts {
    polls: BTreeMap<String, [u64; 2]>,
    poll_seconds: Histogram<10>,
    events: BTreeMap<String, [u64; KIND_NAMES.len()]>,
    deliveries: BTreeMap<String, [u64; 4]>,
    delivery_seconds: Histogram<12>,
}

#[derive(Debug)]
struct Histogram<const N: usize> {
    bounds: [f64; N],
    /// Of each bucket alone.
    counts: [u64; N],
    beyond: u64,
    sum: f64,
}

impl Metrics {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(Counts {
            polls: BTreeMap::new(),
            poll_seconds: Histogram::new(POLL_BUCKETS),
            events: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            delivery_seconds: Histogram::new(DELIVERY_BUCKETS),
        }))
    }

    /// Begins to count for these at zero, so that the first of anything is an increase.
    pub(super) fn expect(&self, sources: &[String], notifiers: &[String]) {
        self.change(|counts| {
            for source in sources {
                counts.polls.entry(source.clone()).or_default();
            }
            for notifier in notifiers {
                counts.deliveries.entry(notifier.clone()).or_default();
            }
        });
    }

    pub(super) fn poll(&self, source: &str, outcome: PollOutcome, took: Duration) {
        self.change(|counts| {
            add(&mut counts.polls, source, outcome as usize, 1);
            counts.poll_seconds.observe(took.as_secs_f64());
        });
    }

    pub(super) fn event(&self, source: &str, kind: EventKind) {
        self.change(|counts| add(&mut counts.events, source, kind as usize, 1));
    }

    pub(super) fn delivery(&self, notifier: &str, outcome: DeliveryOutcome, count: u64) {
        self.change(|counts| add(&mut counts.deliveries, notifier, outcome as usize, count));
    }

    pub(super) fn delivered_after(&self, latency: Duration) {
        self.change(|counts| counts.delivery_seconds.observe(latency.as_secs_f64()));
    }

    /// All of it in the text format of Prometheus, version 0.0.4.
    pub fn render(&self, stored: &Stored) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut page = Page::default();
        page.family("polls_total", "counter", "Looks at the job list, by how they ended.");
        page.counts(&counts.polls, "source", "outcome", &POLL_OUTCOMES);
        page.family("poll_seconds", "histogram", "How long a look at the job list took.");
        page.histogram("poll_seconds", &counts.poll_seconds);
        page.family("jobs", "gauge", "Known jobs, by their state.");
        page.gauges("source", &stored.jobs);
        page.family("events_total", "counter", "Events recorded since the start.");
        page.events(&counts.events);
        page.family("deliveries_total", "counter", "Attempts at deliveries, by what came of them.");
        page.counts(&counts.deliveries, "notifier", "outcome", &DELIVERY_OUTCOMES);
        let help = "From the moment a message was owed until the other side had taken it.";
        page.family("delivery_seconds", "histogram", help);
        page.histogram("delivery_seconds", &counts.delivery_seconds);
        page.family("outbox", "gauge", "Messages that have not been sent, by their state.");
        page.gauges("notifier", &stored.outbox);
        let help = "When the last complete look at the job list ended.";
        page.family("last_poll_success_timestamp_seconds", "gauge", help);
        for (source, seconds) in &stored.last_poll_success {
            page.line(&[("source", source)], seconds);
        }
        page.text
    }

    fn change(&self, change: impl FnOnce(&mut Counts)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Adds to one number of a name; the name is copied only the first time.
fn add<const N: usize>(counts: &mut BTreeMap<String, [u64; N]>, name: &str, at: usize, more: u64) {
    if !counts.contains_key(name) {
        counts.insert(name.to_owned(), [0; N]);
    }
    if let Some(count) = counts.get_mut(name).and_then(|counts| counts.get_mut(at)) {
        *count += more;
    }
}

impl<const N: usize> Histogram<N> {
    const fn new(bounds: [f64; N]) -> Self {
        Self { bounds, counts: [0; N], beyond: 0, sum: 0.0 }
    }

    fn observe(&mut self, value: f64) {
        self.sum += value;
        let fits = self.bounds.iter().zip(&mut self.counts).find(|(bound, _)| value <= **bound);
        match fits {
            Some((_, count)) => *count += 1,
            None => self.beyond += 1,
        }
    }
}

/// The text under construction.
#[derive(Default)]
struct Page {
    text: String,
    name: String,
}

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.name = format!("descript_notify_{name}");
        let name = &self.name;
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.text, "{}{labels} {value}", self.name);
    }

    fn counts<const N: usize>(
        &mut self,
        counts: &BTreeMap<String, [u64; N]>,
        by: &str,
        and: &str,
        words: &[&str; N],
    ) {
        for (name, counts) in counts {
            for (word, count) in words.iter().zip(counts) {
                self.line(&[(by, name), (and, word)], count);
            }
        }
    }

    fn events(&mut self, counts: &BTreeMap<String, [u64; KIND_NAMES.len()]>) {
        for (source, counts) in counts {
            for ((_, kind), count) in KIND_NAMES.iter().zip(counts).filter(|(_, n)| **n > 0) {
                self.line(&[("source", source), ("kind", kind)], count);
            }
        }
    }

    fn gauges(&mut self, by: &str, gauges: &[Gauge]) {
        for gauge in gauges {
            self.line(&[(by, &gauge.name), ("state", gauge.state)], gauge.value);
        }
    }

    fn histogram<const N: usize>(&mut self, name: &str, histogram: &Histogram<N>) {
        let mut total = 0;
        self.name = format!("descript_notify_{name}_bucket");
        for (bound, count) in histogram.bounds.iter().zip(histogram.counts) {
            total += count;
            self.line(&[("le", &bound.to_string())], total);
        }
        total += histogram.beyond;
        self.line(&[("le", "+Inf")], total);
        self.name = format!("descript_notify_{name}_sum");
        self.line(&[], histogram.sum);
        self.name = format!("descript_notify_{name}_count");
        self.line(&[], total);
    }
}

/// A label's value as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told_with_its_labels() {
        let metrics = Metrics::new();
        metrics.expect(&["main".into()], &["team".into()]);

        metrics.poll("main", PollOutcome::Ok, Duration::from_millis(30));
        metrics.poll("main", PollOutcome::Failed, Duration::from_secs(90));
        metrics.event("main", EventKind::Failed);
        metrics.delivery("team", DeliveryOutcome::Sent, 1);
        let stored = Stored {
            jobs: vec![Gauge { name: "main".into(), state: "running", value: 3 }],
            last_poll_success: vec![("main".into(), 1_700_000_000.25)],
            ..Stored::default()
        };
        let text = metrics.render(&stored);

        let told = |line: &str| assert!(text.lines().any(|told| told == line), "{line}\n{text}");
        told("# TYPE descript_notify_polls_total counter");
        told(r#"descript_notify_polls_total{source="main",outcome="failed"} 1"#);
        told(r#"descript_notify_poll_seconds_bucket{le="0.025"} 0"#);
        told(r#"descript_notify_poll_seconds_bucket{le="0.05"} 1"#);
        told(r#"descript_notify_poll_seconds_bucket{le="+Inf"} 2"#);
        told("descript_notify_poll_seconds_count 2");
        told("descript_notify_poll_seconds_sum 90.03");
        told(r#"descript_notify_jobs{source="main",state="running"} 3"#);
        told(r#"descript_notify_events_total{source="main",kind="failed"} 1"#);
        told(r#"descript_notify_deliveries_total{notifier="team",outcome="sent"} 1"#);
        told(r#"descript_notify_deliveries_total{notifier="team",outcome="suppressed"} 0"#);
        told(r#"descript_notify_last_poll_success_timestamp_seconds{source="main"} 1700000000.25"#);
    }

    #[test]
    fn a_label_cannot_break_out_of_its_line() {
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }
}
