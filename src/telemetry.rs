//! What the program tells its operator: one function for each happening.
//!
//! Logs go to standard error, as text or JSON. Only this program's own records are shown
//! below `warn`: libraries log requests, and requests hold secrets. Text from outside is
//! logged escaped (`?`), never raw. [`metrics`] are counted in the same functions.

mod leases;
mod logging;
pub mod metrics;
#[cfg(feature = "otlp")]
mod otlp;

pub use leases::{lease_elsewhere, lease_lost, lease_taken};
pub use logging::{LogFormat, end, init};

use std::time::Duration;

use tracing::{debug, error, info, warn};

use self::metrics::{DeliveryOutcome, Metrics, PollOutcome};
use crate::model::{DeliveryId, Event};

/// What this process has counted.
pub static METRICS: Metrics = Metrics::new();

/// A walk that has been written down, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PollNumbers {
    pub pages: u32,
    pub changed: usize,
    pub unchanged: usize,
    pub rejected: usize,
    pub singles: usize,
    pub open: usize,
    pub events: usize,
    pub deliveries: usize,
    pub took: Duration,
}

/// These are in the config: they are counted from zero.
pub fn expect(sources: &[String], notifiers: &[String]) {
    METRICS.expect(sources, notifiers);
}

/// The config was read again and is in force.
pub fn reloaded(sources: &str, notifiers: &str, rules: usize) {
    info!(sources, notifiers, rules, "The config was read again and is in force: {rules} rules.");
}

/// The config was read again and is not good; nothing has changed.
pub fn reload_refused(problems: &[String]) {
    for problem in problems {
        error!(problem, "The new config is refused: {problem}");
    }
    error!("The old config stays in force; see `descript-notify check`.");
}

/// What a reload cannot change.
pub fn reload_needs_restart(what: &str) {
    warn!(what, "`{what}` has changed in the config; that takes a restart, the rest is in force.");
}

/// The service can be reached over HTTP.
pub fn listening(url: &str) {
    info!(url, "Listening on {url}");
}

/// A connection could not be accepted; the next one may be.
pub fn accept_failed(reason: &str) {
    warn!(reason = ?reason, "A connection could not be accepted.");
}

/// A token of the service is short enough to be guessed.
pub fn short_secret(what: &str) {
    warn!("{what} has less than 16 characters: `openssl rand -hex 16` makes a good one.");
}

/// A callback was let in; its job is read.
pub fn called(source: &str, job_id: &str) {
    debug!(source, job_id = ?job_id, "A callback for {source} named a job.");
}

/// The span of one poll.
pub fn poll_span(source: &str) -> tracing::Span {
    tracing::info_span!("poll", source)
}

/// The span of one attempt at a delivery.
pub fn delivery_span(notifier: &str, id: &DeliveryId, attempt: u32) -> tracing::Span {
    tracing::info_span!("delivery", notifier, delivery_id = %id, attempt)
}

/// The service runs.
pub fn started(version: &str, sources: usize, notifiers: usize, rules: usize, store: &str) {
    info!(version, sources, notifiers, rules, store, "Started.");
}

/// Something in the config that is no error.
pub fn config_warning(file: &str, problem: &impl std::fmt::Display) {
    warn!(file, problem = ?problem.to_string(), "The config has a weak point.");
}

/// The service has put everything away.
pub fn stopped(clean: bool) {
    if clean {
        info!("Stopped; everything in flight was settled.");
    } else {
        warn!("Stopped; some deliveries were still in flight and will be sent again, marked.");
    }
}

impl PollNumbers {
    /// Counts what one commit has added.
    pub fn add(&mut self, events: usize, deliveries: usize) {
        self.events += events;
        self.deliveries += deliveries;
    }
}

/// A poll ended and every page came.
pub fn poll_done(source: &str, numbers: &PollNumbers) {
    let PollNumbers {
        pages,
        changed,
        unchanged,
        rejected,
        singles,
        open,
        events,
        deliveries,
        took,
    } = *numbers;
    METRICS.poll(source, PollOutcome::Ok, took);
    let took_ms = millis(took);
    if events > 0 {
        info!(
            source,
            pages,
            changed,
            unchanged,
            rejected,
            singles,
            open,
            events,
            deliveries,
            took_ms,
            "Polled {source}; events: {events}, messages owed: {deliveries}."
        );
    } else {
        debug!(
            source,
            pages,
            changed,
            unchanged,
            rejected,
            singles,
            open,
            took_ms,
            "Polled {source}: nothing new."
        );
    }
}

/// A poll failed or broke off; what it saw is kept.
pub fn poll_failed(source: &str, reason: &str, took: Duration, retry_in: Duration) {
    METRICS.poll(source, PollOutcome::Failed, took);
    let retry_in_ms = millis(retry_in);
    warn!(source, reason = ?reason, retry_in_ms, "Polling {source} failed; trying again in {}.", words(retry_in));
}

/// The first complete walk of a source has ended.
pub fn baseline_taken(source: &str, jobs: usize) {
    info!(
        source,
        jobs, "The first complete look at {source} is done; what happens from now on is told."
    );
}

/// The bridge was away for longer than the API remembers.
pub fn gap(source: &str, days: i64) {
    warn!(
        source,
        days,
        "{source} was last read {days} days ago, but the API shows 30 days only: what ended before that is not known."
    );
}

/// The API gave an element that is not a job.
pub fn element_rejected(source: &str, id: Option<&str>, cause: &str) {
    warn!(source, job_id = ?id.unwrap_or("unknown"), cause = ?cause, "Skipped an odd element in the job list of {source}.");
}

/// A job did something that it should not; nothing is said about it.
pub fn oddity(source: &str, job_id: &str, what: &str) {
    warn!(source, job_id = ?job_id, what = ?what, "A job of {source} behaved oddly.");
}

/// A single job may not be read (403).
pub fn job_forbidden(source: &str, job_id: &str) {
    warn!(source, job_id = ?job_id, "A job of {source} may not be read any more; it is asked for every 15 minutes.");
}

/// A single job could not be read this time; its turn comes again.
pub fn single_failed(source: &str, job_id: &str, reason: &str) {
    warn!(source, job_id = ?job_id, reason = ?reason, "A job of {source} could not be read; it is asked for again.");
}

/// A project's name could not be asked for.
pub fn name_unavailable(source: &str, project_id: &str, reason: &str) {
    debug!(source, project_id = ?project_id, reason = ?reason, "The name of a project is not available.");
}

/// An event was recorded.
pub fn event_recorded(event: &Event, owed: usize) {
    let (source, kind, late) = (&event.key.source, event.kind.as_str(), event.late);
    let job_id = &event.key.subject;
    METRICS.event(source, event.kind);
    info!(source, kind, job_id = ?job_id, event_id = %event.id(), late, owed, "Event: {kind}.");
}

/// A message was taken by the other side, so long after it was first owed.
pub fn message_sent(
    notifier: &str,
    id: &DeliveryId,
    attempts: u32,
    took: Duration,
    latency: Duration,
) {
    METRICS.delivery(notifier, DeliveryOutcome::Sent, 1);
    METRICS.delivered_after(latency);
    let took_ms = millis(took);
    info!(notifier, delivery_id = %id, attempts, took_ms, "Sent to {notifier}.");
}

/// An attempt failed; the message is owed still.
pub fn message_delayed(
    notifier: &str,
    id: &DeliveryId,
    attempts: u32,
    reason: &str,
    wait: Duration,
) {
    METRICS.delivery(notifier, DeliveryOutcome::Retried, 1);
    let wait_ms = millis(wait);
    warn!(notifier, delivery_id = %id, attempts, reason = ?reason, wait_ms, "Not sent to {notifier} yet; trying again in {}.", words(wait));
}

/// A throttle, a window or a silence keeps a message from being sent as it is.
pub fn message_suppressed(notifier: &str) {
    METRICS.delivery(notifier, DeliveryOutcome::Suppressed, 1);
}

/// A message is given up. It stays in the ledger.
pub fn message_dead(notifier: &str, id: &DeliveryId, attempts: u32, reason: &str) {
    METRICS.delivery(notifier, DeliveryOutcome::Dead, 1);
    error!(notifier, delivery_id = %id, attempts, reason = ?reason, "Gave up a message to {notifier}; it is kept: see `deliveries show {id}`.");
}

/// An attempt met a notifier that refuses us: it waits, and is told of the notifier as a whole.
pub fn message_held(notifier: &str) {
    METRICS.delivery(notifier, DeliveryOutcome::Retried, 1);
}

/// The service behind a notifier refuses us; what is owed to it waits.
pub fn notifier_broken(notifier: &str, reason: &str, wait: Duration) {
    error!(notifier, reason = ?reason, "{notifier} refuses us; what is owed to it is kept and tried again in {}.", words(wait));
}

/// A notifier that had refused us takes messages again.
pub fn notifier_back(notifier: &str) {
    info!(notifier, "{notifier} takes messages again.");
}

/// A template failed when it was used; the built-in form went out.
pub fn template_failed(notifier: &str, template: &str, reason: &str) {
    error!(notifier, template, reason = ?reason, "A template failed; the built-in one was used instead. See `descript-notify check`.");
}

/// What a dead process left in flight is owed again.
pub fn recovered(count: u64) {
    if count > 0 {
        warn!(
            count,
            "{count} messages were in flight when the last run ended; they are sent again, marked as possible repeats."
        );
    }
}

/// Messages are owed to a notifier that the config does not have.
pub fn orphans(notifier: &str, count: u64) {
    warn!(
        notifier,
        count,
        "{count} messages are owed to `{notifier}`, which is not in the config; they are kept: see `deliveries list --notifier {notifier}`."
    );
}

/// The store failed; the loop goes on and tries again.
pub fn store_trouble(doing: &str, reason: &str, wait: Duration) {
    error!(doing, reason = ?reason, "The store failed while {doing}; trying again in {}.", words(wait));
}

/// A row of the store cannot be read, and is left out of what was asked for.
pub fn row_unreadable(reason: &str) {
    error!(reason = ?reason, "A damaged row of the store was left out; see `descript-notify store check`.");
}

/// The time of day has stepped; what waits is moved with it.
pub fn clock_stepped(notifier: &str, step: jiff::SignedDuration) {
    let seconds = step.as_secs();
    warn!(
        notifier,
        seconds,
        "The clock has stepped by {seconds} s; what waits for {notifier} waits as long as before."
    );
}

/// Old details were forgotten.
pub fn pruned(source: &str, events: u64, deliveries: u64, jobs: u64) {
    debug!(source, events, deliveries, jobs, "Forgot what is older than `keep`.");
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A length of time for a sentence: two units at most.
fn words(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{} ms", time.as_millis()),
        seconds @ 1..60 => format!("{seconds} s"),
        seconds @ 60..3600 if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds @ 60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_told_in_two_units_at_most() {
        let told = [90, 60, 59, 7260].map(|seconds| words(Duration::from_secs(seconds)));

        assert_eq!(told, ["1 min 30 s", "1 min", "59 s", "2 h 1 min"]);
        assert_eq!(words(Duration::from_millis(250)), "250 ms");
    }
}
