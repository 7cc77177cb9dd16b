//! `/metrics`: what was counted, and what the store says now.

use axum::http::StatusCode;
use axum::response::Response;

use super::Server;
use super::answer::{Refusal, text};
use crate::store::OutboxCount;
use crate::telemetry::METRICS;
use crate::telemetry::metrics::{Gauge, Stored};

/// States of deliveries that are shown: the others are over.
const OUTBOX_STATES: [&str; 4] = ["pending", "sending", "held", "dead"];

/// The text that Prometheus reads.
pub(super) async fn metrics(server: &Server) -> Result<Response, Refusal> {
    let parts = &server.parts;
    let site = parts.site.get();
    let mut jobs = Vec::new();
    for source in &site.sources {
        let counts = parts.store.job_counts(&source.name).await?;
        let gauge = |(state, value)| Gauge { name: source.name.clone(), state, value };
        jobs.extend(counts.by_state().map(gauge));
    }
    let outbox = parts.store.outbox().await?;
    let standings = parts.store.source_standings().await?;
    let names: Vec<&str> = site.sources.iter().map(|source| source.name.as_str()).collect();
    let notifiers: Vec<&str> = site.notifiers.iter().map(|(name, _)| name.as_str()).collect();
    let recent = standings.into_iter().filter(|standing| names.contains(&standing.name.as_str()));
    let stored = Stored {
        jobs,
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
    fn what_is_owed_to_a_notifier_that_is_gone_still_counts() {
        let orphan = OutboxCount { notifier: "old".into(), state: "held".into(), count: 5 };

        let gauges = outbox_by_state(&["team"], &[orphan]);

        assert_eq!(gauges.len(), 8);
        assert!(gauges.contains(&Gauge { name: "old".into(), state: "held", value: 5 }));
        assert!(gauges.contains(&Gauge { name: "team".into(), state: "dead", value: 0 }));
    }
}
