//! `/metrics`: what was counted, and what the store says now.

use axum::http::StatusCode;
use axum::response::Response;

use super::Server;
use super::answer::{Refusal, text};
use crate::store::{JobCount, OutboxCount};
use crate::telemetry::METRICS;
use crate::telemetry::metrics::{Gauge, Stored};

/// States of jobs that have a series of their own: the API may send any word.
const JOB_STATES: [&str; 4] = ["queued", "running", "stopped", "cancelled"];
const OTHER_STATE: &str = "other";

/// States of deliveries that are shown: the others are over.
const OUTBOX_STATES: [&str; 4] = ["pending", "sending", "held", "dead"];

/// The text that Prometheus reads.
pub(super) async fn metrics(server: &Server) -> Result<Response, Refusal> {
    let parts = &server.parts;
    let jobs = parts.store.job_counts().await?;
    let outbox = parts.store.outbox().await?;
    let standings = parts.store.source_standings().await?;
    let names: Vec<&str> = parts.sources.iter().map(|source| source.name.as_str()).collect();
    let notifiers: Vec<&str> = parts.notifiers.iter().map(|(name, _)| name.as_str()).collect();
    let recent = standings.into_iter().filter(|standing| names.contains(&standing.name.as_str()));
    let stored = Stored {
        jobs: jobs_by_state(&names, &jobs),
        outbox: outbox_by_state(&notifiers, &outbox),
        last_poll_success: recent
            .filter_map(|standing| {
                let seconds = standing.last_complete_at?.as_millisecond() as f64 / 1_000.0;
                Some((standing.name, seconds))
            })
            .collect(),
    };
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(text(StatusCode::OK, kind, METRICS.render(&stored)))
}

fn jobs_by_state(sources: &[&str], counts: &[JobCount]) -> Vec<Gauge> {
    let mut gauges = Vec::new();
    for source in sources {
        for state in JOB_STATES.into_iter().chain([OTHER_STATE]) {
            let is_it = |count: &&JobCount| {
                let known = JOB_STATES.contains(&count.state.as_str());
                count.source == *source
                    && (count.state == state || (state == OTHER_STATE && !known))
            };
            let value = counts.iter().filter(is_it).map(|count| count.count).sum();
            gauges.push(Gauge { name: (*source).to_owned(), state, value });
        }
    }
    gauges
}

/// Those of the config, and those that were taken out of it while something was owed to them.
fn outbox_by_state(notifiers: &[&str], counts: &[OutboxCount]) -> Vec<Gauge> {
    let mut names = notifiers.to_vec();
    for count in counts {
        if !names.contains(&count.notifier.as_str()) {
            names.push(&count.notifier);
        }
    }
    let mut gauges = Vec::new();
    for name in names {
        for state in OUTBOX_STATES {
            let is_it = |count: &&OutboxCount| count.notifier == name && count.state == state;
            let value = counts.iter().find(is_it).map_or(0, |count| count.count);
            gauges.push(Gauge { name: name.to_owned(), state, value });
        }
    }
    gauges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_the_api_made_up_is_no_label() {
        let count =
            |state: &str, count| JobCount { source: "m".into(), state: state.into(), count };

        let gauges =
            jobs_by_state(&["m"], &[count("running", 2), count("a\"} 1\n", 3), count("b", 4)]);

        let told: Vec<_> = gauges.iter().map(|gauge| (gauge.state, gauge.value)).collect();
        assert_eq!(
            told,
            [("queued", 0), ("running", 2), ("stopped", 0), ("cancelled", 0), ("other", 7)]
        );
    }

    #[test]
    fn what_is_owed_to_a_notifier_that_is_gone_still_counts() {
        let orphan = OutboxCount { notifier: "old".into(), state: "held".into(), count: 5 };

        let gauges = outbox_by_state(&["team"], &[orphan]);

        assert_eq!(gauges.len(), 8);
        assert!(gauges.contains(&Gauge { name: "old".into(), state: "held", value: 5 }));
        assert!(gauges.contains(&Gauge { name: "team".into(), state: "dead", value: 0 }));
    }
}
