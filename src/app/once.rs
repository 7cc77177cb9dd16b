//! `run --once`: one poll of every source, then delivery of what is due.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{App, Built, Loop};
use crate::pipeline::{Dispatch, Drained};
use crate::store::{Store, StoreError};
use crate::telemetry;

/// A first round, what that tells about a notifier, and what becomes of it.
const MOST_ROUNDS: usize = 3;

impl App {
    /// Polls every source once, then delivers what is due. Returns whether all went well.
    pub async fn run_once(self, stop: CancellationToken) -> bool {
        let Built { ingests, dispatches, bench, .. } = self.parts;
        let mut dispatches: Vec<(String, Dispatch)> =
            dispatches.into_iter().map(|Loop { name, work, .. }| (name, work)).collect();
        let (store, keeper) = (bench.store.clone(), bench.keeper());
        let mut polls = JoinSet::new();
        for Loop { mut work, .. } in ingests {
            polls.spawn(async move { work.poll_once().await });
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
    let problem = problem.of(store.place()).to_string();
    telemetry::store_trouble(doing, &problem, Duration::ZERO);
}
