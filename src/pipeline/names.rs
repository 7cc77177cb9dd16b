//! Project names: asked for only when there is something to say, and not often.

use std::collections::HashMap;
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
    /// Puts the name of its project into each event.
    pub(super) async fn fill(
        &mut self,
        events: &mut [Event],
        client: &Client,
        store: &Store,
        clock: &Clock,
    ) -> Result<(), StoreError> {
        let deadline = Instant::now() + PATIENCE;
        let mut found: HashMap<String, ProjectName> = HashMap::new();
        for event in events {
            let Some(project) = project_of(event) else { continue };
            let name = match found.get(&project) {
                Some(name) => name.clone(),
                None => {
                    let source = event.key.source.clone();
                    let name = self.name(&source, &project, client, store, clock, deadline).await?;
                    found.insert(project, name.clone());
                    name
                }
            };
            event.project_name = name;
        }
        Ok(())
    }

    async fn name(
        &mut self,
        source: &str,
        project: &str,
        client: &Client,
        store: &Store,
        clock: &Clock,
        deadline: Instant,
    ) -> Result<ProjectName, StoreError> {
        let now = clock.now();
        if !self.known.contains_key(project)
            && let Some(stored) = store.project_name(source, project).await?
        {
            self.keep(project, stored);
        }
        let known = self.known.get(project);
        if let Some((name, asked)) = known
            && now.duration_since(*asked).abs() < FRESH
        {
            return Ok(named(name.clone()));
        }
        let last = known.and_then(|(name, _)| name.clone());
        if Instant::now() >= deadline {
            // Not even begun: each request takes its place in the token's budget.
            return Ok(last.map_or(ProjectName::Unavailable, ProjectName::Known));
        }
        let reason = match tokio::time::timeout_at(deadline, client.project_name(project)).await {
            Ok(Ok(name)) => {
                store.keep_project_name(source, project, name.as_deref(), now).await?;
                // A project that is gone keeps the name it had.
                let name = name.or(last);
                self.keep(project, (name.clone(), now));
                return Ok(named(name));
            }
            Ok(Err(cause)) => cause.to_string(),
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        telemetry::name_unavailable(source, project, &reason);
        Ok(last.map_or(ProjectName::Unavailable, ProjectName::Known))
    }

    fn keep(&mut self, project: &str, entry: (Option<String>, Timestamp)) {
        if self.known.len() >= MOST_IN_MEMORY {
            self.known.clear();
        }
        self.known.insert(project.to_owned(), entry);
    }
}

fn named(name: Option<String>) -> ProjectName {
    name.map_or(ProjectName::None, ProjectName::Known)
}

/// The id of the project that an event's job belongs to.
fn project_of(event: &Event) -> Option<String> {
    let project = match event.kind {
        EventKind::ProjectIdle => &event.key.subject,
        _ => event.job.as_ref()?.get("project_id")?.as_str()?,
    };
    (!project.is_empty()).then(|| project.to_owned())
}
