//! The loops that run: one for each source and notifier, started, retired and replaced by their
//! settings. One that ends though nobody told it to is found out.

use std::collections::{HashMap, HashSet};

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::model::Fingerprint;

/// Every loop of the process.
pub(super) struct Loops {
    /// Each says whether it has settled everything.
    set: JoinSet<bool>,
    names: HashMap<Id, String>,
    running: HashMap<(Kind, String), Running>,
    /// Those that were told to end.
    retired: HashSet<Id>,
    stop: CancellationToken,
}

/// What a loop is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Source,
    Notifier,
}

struct Running {
    identity: Fingerprint,
    task: Id,
    retire: CancellationToken,
    /// Cancelled when the loop has ended.
    ended: CancellationToken,
}

/// A place for a new loop.
pub(super) struct Place {
    /// Cancelled when this loop, or the process, is to end.
    pub(super) retire: CancellationToken,
    /// Cancelled when the one before has ended; `None` where there was none.
    free: Option<CancellationToken>,
    ended: CancellationToken,
}

impl Loops {
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self {
            set: JoinSet::new(),
            names: HashMap::new(),
            running: HashMap::new(),
            retired: HashSet::new(),
            stop,
        }
    }

    /// Whether such a loop runs already.
    pub(super) fn runs(&self, kind: Kind, name: &str, identity: Fingerprint) -> bool {
        self.running
            .get(&(kind, name.to_owned()))
            .is_some_and(|running| running.identity == identity)
    }

    /// Tells those of a kind to end that are not among `names`.
    pub(super) fn keep_only(&mut self, kind: Kind, names: &[String]) {
        let gone: Vec<(Kind, String)> = self
            .running
            .keys()
            .filter(|(of, name)| *of == kind && !names.contains(name))
            .cloned()
            .collect();
        for key in gone {
            if let Some(running) = self.running.remove(&key) {
                self.retire(&running);
            }
        }
    }

    /// Tells the loop of that name to end, if there is one, and gives its place.
    pub(super) fn place(&mut self, kind: Kind, name: &str) -> Place {
        let before = self.running.remove(&(kind, name.to_owned()));
        if let Some(before) = &before {
            self.retire(before);
        }
        let free = before.map(|before| before.ended);
        Place { retire: self.stop.child_token(), free, ended: CancellationToken::new() }
    }

    /// Starts a loop in its place, as soon as the one before has ended.
    pub(super) fn start(
        &mut self,
        kind: Kind,
        name: &str,
        identity: Fingerprint,
        place: Place,
        work: impl Future<Output = bool> + Send + 'static,
    ) {
        let Place { retire, free, ended } = place;
        let guard = ended.clone().drop_guard();
        let task = self.set.spawn(async move {
            // Also where it panics.
            let _guard = guard;
            if let Some(before) = free {
                before.cancelled().await;
            }
            work.await
        });
        let words = match kind {
            Kind::Source => "the poller of source",
            Kind::Notifier => "the sender of notifier",
        };
        self.names.insert(task.id(), format!("{words} `{name}`"));
        let running = Running { identity, task: task.id(), retire, ended };
        self.running.insert((kind, name.to_owned()), running);
    }

    /// Starts a loop that lives as long as the process.
    pub(super) fn keep(&mut self, name: &str, work: impl Future<Output = ()> + Send + 'static) {
        let task = self.set.spawn(async move {
            work.await;
            true
        });
        self.names.insert(task.id(), name.to_owned());
    }

    /// Waits until a loop has ended by itself, and names it.
    pub(super) async fn fault(&mut self) -> String {
        while let Some(ended) = self.set.join_next_with_id().await {
            let task = ended.as_ref().map_or_else(JoinError::id, |(task, _)| *task);
            let name = self.names.remove(&task).unwrap_or_else(|| "a loop".into());
            match ended {
                Ok(_) if self.retired.remove(&task) => {}
                Ok(_) => return name,
                Err(cause) => return format!("{name} ({cause})"),
            }
        }
        std::future::pending().await
    }

    /// Waits for all of them to end. Returns whether each has settled everything.
    pub(super) async fn end(mut self) -> bool {
        let mut clean = true;
        while let Some(ended) = self.set.join_next().await {
            clean &= ended.unwrap_or(false);
        }
        clean
    }

    fn retire(&mut self, running: &Running) {
        self.retired.insert(running.task);
        running.retire.cancel();
    }
}
