//! The running process: builds the parts, runs the loops, stops them together.
//!
//! [`App::build`] turns a config into parts that work: secrets are read, templates loaded,
//! the store is opened. [`App::run`] is the service; [`App::run_once`] one poll of every
//! source and delivery of what is due. A loop that dies is named and takes the process down.

mod build;
mod face;
mod signals;
mod template_files;

use std::collections::HashMap;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use build::{App, Built, StartError, notifier, resolver};
pub use face::listening_faults;
pub use signals::stop_on_signals;
pub use template_files::{TemplateProblems, load_templates};

use crate::pipeline::Drained;
use crate::telemetry;

/// How often it is asked whether another process has written to the store.
const WATCH_EVERY: Duration = Duration::from_secs(1);

/// For the store to close. What is committed is on disk without it.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// How a service ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop. `clean`: everything in flight was settled.
    Stopped { clean: bool },
    /// A loop ended by itself: a fault of this program.
    Died { what: String },
}

impl App {
    /// Where a person finds the service in a browser; `None` where nothing listens.
    pub fn url(&self) -> Option<String> {
        self.parts.web.as_ref().map(crate::web::Web::url)
    }

    /// Runs until `stop`, then lets what is in flight end, for at most 10 s.
    pub async fn run(self, stop: CancellationToken) -> Ended {
        let Built { ingests, dispatches, store, nudges, retry_bells, web, decided } = self.parts;
        // Each says whether it has settled everything; its name is known also when it panics.
        let mut loops: JoinSet<bool> = JoinSet::new();
        let mut names = HashMap::new();
        for (name, ingest) in ingests {
            let stop = stop.clone();
            let task = loops.spawn(async move {
                ingest.run(stop).await;
                true
            });
            names.insert(task.id(), format!("the poller of source `{name}`"));
        }
        for (name, dispatch) in dispatches {
            let task = loops.spawn(dispatch.run(stop.clone()));
            names.insert(task.id(), format!("the sender of notifier `{name}`"));
        }
        let watched = (store.clone(), stop.clone());
        let task = loops.spawn(async move {
            let (store, stop) = watched;
            let ring = || {
                retry_bells.iter().for_each(|bell| bell.notify_one());
                nudges.ring_all();
            };
            watch_store(&store, ring, &decided, &stop).await;
            true
        });
        names.insert(task.id(), "the watch over the store".into());
        if let Some(web) = web {
            let stop = stop.clone();
            let task = loops.spawn(async move {
                web.run(stop).await;
                true
            });
            names.insert(task.id(), "the web server".into());
        }

        let died = tokio::select! {
            biased; // a loop that ends because of the stop did not die
            () = stop.cancelled() => None,
            Some(ended) = loops.join_next_with_id() => {
                let task = ended.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
                let name = names.remove(&task).unwrap_or_else(|| "a loop".into());
                Some(ended.map_or_else(|cause| format!("{name} ({cause})"), |_| name.clone()))
            }
        };
        stop.cancel();
        let mut clean = true;
        while let Some(ended) = loops.join_next().await {
            clean &= ended.unwrap_or(false);
        }
        // A connection that waits for a lock is not waited for.
        let _ = tokio::time::timeout(CLOSE_WITHIN, store.close()).await;
        match died {
            Some(what) => Ended::Died { what },
            None => {
                telemetry::stopped(clean);
                Ended::Stopped { clean }
            }
        }
    }

    /// Polls every source once, then delivers what is due. Returns whether all went well.
    pub async fn run_once(self, stop: CancellationToken) -> bool {
        let Built { ingests, dispatches, store, .. } = self.parts;
        let mut polls = JoinSet::new();
        for (_, mut ingest) in ingests {
            polls.spawn(async move { ingest.poll().await.result.is_ok() });
        }
        let mut well = true;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return false,
                polled = polls.join_next() => match polled {
                    Some(polled) => well &= polled.unwrap_or(false),
                    None => break,
                },
            }
        }
        let mut drains = JoinSet::new();
        for (name, dispatch) in dispatches {
            let stop = stop.clone();
            drains.spawn(async move { (name, dispatch.drain(&stop).await) });
        }
        while let Some(drained) = drains.join_next().await {
            match drained {
                Ok((_, Ok(Drained { failed, .. }))) => well &= failed == 0,
                Ok((name, Err(problem))) => {
                    let doing = format!("delivering to {name}");
                    let problem = problem.of(store.path()).to_string();
                    telemetry::store_trouble(&doing, &problem, Duration::ZERO);
                    well = false;
                }
                Err(_) => well = false,
            }
        }
        store.close().await;
        well && !stop.is_cancelled()
    }
}

/// Rings when a person may have asked for a retry: over HTTP, or with another process, which has
/// written then.
async fn watch_store(
    store: &crate::store::Store,
    ring: impl Fn(),
    decided: &Notify,
    stop: &CancellationToken,
) {
    let mut last = store.data_version().await.ok();
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = decided.notified() => {
                ring();
                continue;
            }
            () = tokio::time::sleep(WATCH_EVERY) => {}
        }
        let version = store.data_version().await.ok();
        if version.is_some() && version != last {
            last = version;
            store.tell_change();
            ring();
        }
    }
}
