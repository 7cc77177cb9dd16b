//! Project names: asked for only when there is something to say, and not often.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::model::{Event, EventKind, ProjectName};
use crate::source::Client;
use crate::store::{Store, StoreError};
use crate::telemetry;

/// For all the names of one walk together: a message without a name beats a late one.
const PATIENCE: Duration = Duration::from_secs(2);

/// A name is asked for at most so often.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// How many names are kept in memory; the store has the rest.
const MOST_IN_MEMORY: usize = 10_000;

/// The names of one source's projects.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: HashMap<String, (Option<String>, Timestamp)>,
}

impl Names {
    /// The projects of these events whose names have to be asked for, each once.
    pub(super) fn wanted(&self, events: &[Event], now: Timestamp) -> Vec<String> {
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        for project in events.iter().filter_map(project_of) {
            if !self.is_fresh(project, now) {
                wanted.insert(project);
            }
        }
        wanted.into_iter().map(str::to_owned).collect()
    }

    /// Asks for the names of these projects, the ledger first.
    pub(super) async fn learn(
        &mut self,
        source: &str,
        projects: &[String],
        client: &Client,
        store: &Store,
        clock: &Clock,
    ) -> Result<(), StoreError> {
        let deadline = Instant::now() + PATIENCE;
        if self.known.len() + projects.len() > MOST_IN_MEMORY {
            self.known.clear();
        }
        for project in projects {
            self.learn_one(source, project, client, store, clock, deadline).await?;
        }
        Ok(())
    }

    /// Puts the name of its project into each event, as far as it is known.
    pub(super) fn fill(&self, events: &mut [Event]) {
        for event in events {
            let Some(project) = project_of(event) else { continue };
            event.project_name = match self.known.get(project) {
                Some((Some(name), _)) => ProjectName::Known(name.clone()),
                Some((None, _)) => ProjectName::None,
                None => ProjectName::Unavailable,
            };
        }
    }

    fn is_fresh(&self, project: &str, now: Timestamp) -> bool {
        let asked = self.known.get(project).map(|(_, asked)| *asked);
        asked.is_some_and(|asked| now.duration_since(asked).abs() < FRESH)
    }

    async fn learn_one(
        &mut self,
        source: &str,
        project: &str,
        client: &Client,
        store: &Store,
        clock: &Clock,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let now = clock.now();
        if !self.known.contains_key(project)
            && let Some(stored) = store.project_name(source, project).await?
        {
            self.known.insert(project.to_owned(), stored);
        }
        // A last name, however old, is better than none. One begun late would be in vain: each
        // request takes its place in the token's budget.
        if self.is_fresh(project, now) || Instant::now() >= deadline {
            return Ok(());
        }
        let reason = match tokio::time::timeout_at(deadline, client.project_name(project)).await {
            Ok(Ok(name)) => {
                store.keep_project_name(source, project, name.as_deref(), now).await?;
                // A project that is gone keeps the name it had.
                let last = self.known.remove(project).and_then(|(name, _)| name);
                self.known.insert(project.to_owned(), (name.or(last), now));
                return Ok(());
            }
            Ok(Err(cause)) => cause.to_string(),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        telemetry::name_unavailable(source, project, &reason);
        Ok(())
    }
}

/// The id of the project that an event's job belongs to.
fn project_of(event: &Event) -> Option<&str> {
    let project = match event.kind {
        EventKind::ProjectIdle => &event.key.subject,
        _ => event.job.as_ref()?.get("project_id")?.as_str()?,
    };
    (!project.is_empty()).then_some(project)
}
