//! The running process: builds the parts, runs the loops, stops them together.
//!
//! [`App::build`] turns a config into parts that work: secrets are read, templates loaded,
//! the store is opened. [`App::run`] is the service; [`App::run_once`] one poll of every
//! source and delivery of what is due. A loop that dies is named and takes the process down.

mod build;
mod face;
mod signals;
mod template_files;
mod watch;

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

pub use build::{App, Built, StartError, notifier, resolver};
pub use face::listening_faults;
pub use signals::stop_on_signals;
pub use template_files::{TemplateProblems, load_templates};

use self::watch::Watch;
use crate::pipeline::{Dispatch, Drained};
use crate::store::{Store, StoreError};
use crate::telemetry;

/// Under `run --once`: a first round, what that tells about a notifier, and what becomes of it.
const MOST_ROUNDS: usize = 3;

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
        let Built {
            ingests,
            dispatches,
            keeper,
            store,
            nudges,
            retry_bells,
            forgetting,
            web,
            decided,
        } = self.parts;
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
        let kept = stop.clone();
        let task = loops.spawn(async move {
            keeper.run(kept).await;
            true
        });
        names.insert(task.id(), "the keeper of held messages".into());
        let watch = Watch { store: store.clone(), nudges, retry_bells, forgetting, decided };
        let task = loops.spawn(watch.run(stop.clone()));
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
        let Built { ingests, mut dispatches, keeper, store, .. } = self.parts;
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
        if let Err(problem) = keeper.step().await {
            store_failed(&store, "releasing what was held", problem);
            well = false;
        }
        // What one round tells about a notifier can be owed to one that was done by then.
        for _ in 0..MOST_ROUNDS {
            let (back, round) = drain_all(dispatches, &store, &stop).await;
            dispatches = back;
            well &= round.well;
            if !round.sent || stop.is_cancelled() {
                break;
            }
        }
        store.close().await;
        well && !stop.is_cancelled()
    }
}

/// What a round of deliveries came to.
struct Round {
    well: bool,
    /// Something was sent, or was found not to be sendable.
    sent: bool,
}

/// Delivers what is due through every notifier.
async fn drain_all(
    dispatches: Vec<(String, Dispatch)>,
    store: &Store,
    stop: &CancellationToken,
) -> (Vec<(String, Dispatch)>, Round) {
    let mut drains = JoinSet::new();
    for (name, mut dispatch) in dispatches {
        let stop = stop.clone();
        drains.spawn(async move {
            let drained = dispatch.drain(&stop).await;
            (name, dispatch, drained)
        });
    }
    let mut back = Vec::new();
    let mut round = Round { well: true, sent: false };
    while let Some(drained) = drains.join_next().await {
        let Ok((name, dispatch, drained)) = drained else {
            round.well = false;
            continue;
        };
        match drained {
            Ok(Drained { sent, failed }) => {
                round.well &= failed == 0;
                round.sent |= sent + failed > 0;
            }
            Err(problem) => {
                store_failed(store, &format!("delivering to {name}"), problem);
                round.well = false;
            }
        }
        back.push((name, dispatch));
    }
    (back, round)
}

fn store_failed(store: &Store, doing: &str, problem: StoreError) {
    let problem = problem.of(store.path()).to_string();
    telemetry::store_trouble(doing, &problem, Duration::ZERO);
}
