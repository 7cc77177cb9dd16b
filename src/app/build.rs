//! From a config to parts that work, with everything that stands in the way told at once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::face::{self, Bound};
use super::plan::{Plan, Texts};
use super::reload::Looks;
use crate::clock::Clock;
use crate::config::{Config, StorePlace};
use crate::deliver::settings::NotifierSettings;
use crate::deliver::{self, Notifier};
use crate::model::Fingerprint;
use crate::pipeline::{
    Current, Dispatch, DispatchParts, Ingest, IngestParts, Keeper, Mode, Nudges,
};
use crate::secret::{Redactor, Resolver};
use crate::source::Client;
use crate::source::settings::SourceSettings;
use crate::store::{Access, Place, Store, StoreError};
use crate::telemetry;
use crate::web::{BindError, Site, Web};

/// A service that is ready to run.
#[derive(Debug)]
pub struct App {
    pub(super) parts: Built,
}

/// The parts of a service.
#[derive(Debug)]
pub struct Built {
    pub ingests: Vec<Loop<Ingest>>,
    pub dispatches: Vec<Loop<Dispatch>>,
    pub bench: Bench,
    pub forgetting: Forgetting,
    /// `None` where nothing listens.
    pub web: Option<Web>,
    /// What the web server shows.
    pub site: Site,
    /// Of where it listens and who may come in, which no reload changes.
    pub face: Option<Fingerprint>,
    /// Rung when a person has decided something over HTTP.
    pub decided: Arc<Notify>,
    pub watched: Watched,
}

/// Whether changes of files are looked for, and in which.
#[derive(Debug)]
pub struct Watched {
    pub is_asked_for: bool,
    pub templates: Option<PathBuf>,
    /// How the templates looked before they were read.
    pub seen: Looks,
}

/// The work of one loop.
#[derive(Debug)]
pub struct Loop<T> {
    pub name: String,
    /// Of its settings.
    pub identity: Fingerprint,
    pub work: T,
}

/// What all loops are made with.
#[derive(Debug, Clone)]
pub struct Bench {
    pub store: Store,
    pub policy: Current,
    pub nudges: Nudges,
    pub clock: Clock,
    pub mode: Mode,
}

/// What is needed to forget sources that left the config.
#[derive(Debug, Clone)]
pub struct Forgetting {
    /// The sources that there are, and how long things are kept.
    about: Arc<Mutex<(Vec<String>, Duration)>>,
    clock: Clock,
}

/// Why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The config's words cannot be followed: secrets that cannot be read, templates that are
    /// wrong. All of them.
    #[error("{}", .0.join("\n"))]
    Config(Vec<String>),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Listen(#[from] BindError),
}

impl App {
    /// Reads the secrets and the templates, opens the store, and builds every part. Nothing is
    /// polled or sent yet.
    ///
    /// # Errors
    /// [`StartError`] with everything that is in the way.
    pub async fn build(
        config: Config,
        resolver: &Resolver,
        clock: Clock,
        mode: Mode,
    ) -> Result<Self, StartError> {
        let texts = Texts::of(&config);
        let plan = Plan::of(config, texts, resolver, mode).map_err(StartError::Config)?;
        let Plan { policy, sources, notifiers, keep, store: place, face, .. } = plan;
        let watched = Watched {
            is_asked_for: plan.watch,
            templates: plan.templates,
            seen: plan.seen_templates,
        };
        let store = Store::open_at(&place, Access::Service, clock.now()).await?;
        let failed = |error: StoreError| error.of(&place);
        let identity = face.as_ref().map(|face| face.identity(resolver));
        let Bound { web, site, mut doors, decided } = face::bind(face, &store, &clock).await?;
        if !store.is_shared() {
            telemetry::recovered(store.recover(clock.now()).await.map_err(failed)?);
        }
        store.forget_wrong_waits(clock.now()).await.map_err(failed)?;
        let notifier_names: Vec<String> =
            notifiers.iter().map(|planned| planned.settings.name.clone()).collect();
        let source_names: Vec<String> =
            sources.iter().map(|planned| planned.settings.name.clone()).collect();
        tell_orphans(&store, &notifier_names).await.map_err(failed)?;
        telemetry::started(
            env!("CARGO_PKG_VERSION"),
            sources.len(),
            notifiers.len(),
            policy.rules.rules().len(),
            &place.to_string(),
        );
        telemetry::expect(&source_names, &notifier_names);
        if let Some(web) = &web {
            telemetry::listening(&web.url());
        }
        let (policy, nudges) = (Current::new(policy), Nudges::default());
        let bench = Bench { store, policy, nudges, clock: clock.clone(), mode };
        let mut ingests = Vec::new();
        for planned in sources {
            let name = planned.settings.name.clone();
            let parts = bench.ingest(planned.settings, planned.built, keep);
            let ingest = Ingest::start(parts).await.map_err(failed)?;
            let work = match doors.remove(&name) {
                Some(door) => ingest.called_by(door),
                None => ingest,
            };
            ingests.push(Loop { name, identity: planned.identity, work });
        }
        let mut dispatches = Vec::new();
        for planned in notifiers {
            let name = planned.settings.name.clone();
            let parts = bench.dispatch(planned.settings, planned.built);
            let work = Dispatch::start(parts).await.map_err(failed)?;
            dispatches.push(Loop { name, identity: planned.identity, work });
        }
        let forgetting = Forgetting::new(source_names, keep, clock);
        forgetting.of(&bench.store).await.map_err(failed)?;
        let parts = Built {
            ingests,
            dispatches,
            bench,
            forgetting,
            web,
            site,
            face: identity,
            decided,
            watched,
        };
        Ok(Self { parts })
    }
}

impl Bench {
    /// What the loop of a source is made of.
    pub(super) fn ingest(
        &self,
        settings: SourceSettings,
        client: Client,
        keep: Duration,
    ) -> IngestParts {
        IngestParts {
            settings,
            client: Arc::new(client),
            store: self.store.clone(),
            policy: self.policy.clone(),
            nudges: self.nudges.clone(),
            clock: self.clock.clone(),
            keep,
            mode: self.mode,
        }
    }

    /// What the loop of a notifier is made of.
    pub(super) fn dispatch(
        &self,
        settings: NotifierSettings,
        notifier: Arc<Notifier>,
    ) -> DispatchParts {
        DispatchParts {
            bell: self.nudges.bell(&settings.name),
            retry_bell: self.nudges.retry_bell(&settings.name),
            settings,
            notifier,
            store: self.store.clone(),
            policy: self.policy.clone(),
            nudges: self.nudges.clone(),
            clock: self.clock.clone(),
        }
    }

    /// The keeper of what is held back.
    pub(super) fn keeper(&self) -> Keeper {
        Keeper {
            store: self.store.clone(),
            policy: self.policy.clone(),
            nudges: self.nudges.clone(),
            clock: self.clock.clone(),
        }
    }
}

impl Forgetting {
    /// Keeps what these sources have, for so long.
    pub fn new(sources: Vec<String>, keep: Duration, clock: Clock) -> Self {
        Self { about: Arc::new(Mutex::new((sources, keep))), clock }
    }

    /// The time.
    pub(super) fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// The same for other sources from now on.
    pub fn change(&self, sources: Vec<String>, keep: Duration) {
        *self.about.lock().unwrap_or_else(PoisonError::into_inner) = (sources, keep);
    }

    /// Forgets what is known of sources that left the config, as far as it is old enough.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn of(&self, store: &Store) -> Result<(), StoreError> {
        let (sources, keep) = self.about.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let forgotten = store.prune_removed(&sources, keep, self.clock.now()).await?;
        for (source, done) in forgotten {
            telemetry::pruned(&source, done.events, done.deliveries, done.jobs);
        }
        Ok(())
    }
}

/// Builds one notifier alone, for a test message or a probe.
///
/// # Errors
/// What is wrong with its settings, in words.
pub fn notifier(settings: &NotifierSettings, resolver: &Resolver) -> Result<Notifier, String> {
    deliver::http::install_crypto();
    let mut redactor = Redactor::default();
    Notifier::build(settings, resolver, &mut redactor).map_err(|problem| problem.to_string())
}

/// Where the config says that the store is.
///
/// # Errors
/// [`StoreError::Url`] says what is wrong with it.
pub fn place_of(store: &StorePlace) -> Result<Place, StoreError> {
    match store {
        StorePlace::Sqlite(path) => Ok(Place::File(path.clone())),
        StorePlace::Postgres(url) => Place::of_url(url.expose()),
    }
}

/// Reads secrets for the config file at `path`.
pub fn resolver(path: &Path) -> Resolver {
    Resolver::of_process(path.parent().unwrap_or(Path::new("")))
}

/// What is owed to a notifier that was taken out of the config is shown, not lost.
pub(super) async fn tell_orphans(store: &Store, notifiers: &[String]) -> Result<(), StoreError> {
    for count in store.outbox().await? {
        if !notifiers.contains(&count.notifier) && count.state != "dead" {
            telemetry::orphans(&count.notifier, count.count);
        }
    }
    Ok(())
}
