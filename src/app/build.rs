//! From a config to parts that work, with everything that stands in the way told at once.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use super::face::{self, Bound};
use super::template_files::load_templates;
use crate::clock::Clock;
use crate::config::{Config, StorePlace};
use crate::deliver::settings::NotifierSettings;
use crate::deliver::{self, Notifier};
use crate::pipeline::{
    Current, Dispatch, DispatchParts, Ingest, IngestParts, Keeper, Mode, Nudges, Policy, Route,
    Routes,
};
use crate::problem::Severity;
use crate::render::Templates;
use crate::rules::RuleSet;
use crate::secret::{Redactor, Resolver};
use crate::source::Client;
use crate::store::{Access, Store, StoreError};
use crate::telemetry;
use crate::web::{BindError, Web};

/// A service that is ready to run.
#[derive(Debug)]
pub struct App {
    pub(super) parts: Built,
}

/// The parts of a service.
#[derive(Debug)]
pub struct Built {
    pub ingests: Vec<(String, Ingest)>,
    pub dispatches: Vec<(String, Dispatch)>,
    pub keeper: Keeper,
    pub store: Store,
    pub nudges: Nudges,
    /// By notifier: rung when a person asks for a retry.
    pub retry_bells: Vec<(String, Arc<Notify>)>,
    pub forgetting: Forgetting,
    /// `None` where nothing listens.
    pub web: Option<Web>,
    /// Rung when a person has decided something over HTTP.
    pub decided: Arc<Notify>,
}

/// What is needed to forget sources that left the config.
#[derive(Debug)]
pub struct Forgetting {
    pub sources: Vec<String>,
    pub keep: Duration,
    pub clock: Clock,
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
        deliver::http::install_crypto();
        let mut faults = Vec::new();
        let mut redactor = redactor_of(&config, resolver);
        let templates = match load_templates(config.service.templates.as_deref()) {
            Ok((templates, problems)) => {
                for (path, _, problems) in problems {
                    let errors =
                        problems.iter().filter(|problem| problem.severity == Severity::Error);
                    faults.extend(errors.map(|problem| {
                        format!("template `{path}`: {problem}; `descript-notify check` shows where")
                    }));
                }
                templates
            }
            Err(problem) => {
                faults.push(problem);
                Templates::builtin()
            }
        };
        let mut clients = Vec::new();
        for source in &config.sources {
            match Client::build(source, resolver, &mut redactor) {
                Ok(client) => clients.push(client),
                Err(problem) => faults.push(problem.to_string()),
            }
        }
        let mut notifiers = Vec::new();
        for settings in &config.notifiers {
            match Notifier::build(settings, resolver, &mut redactor) {
                Ok(notifier) => notifiers.push(Arc::new(notifier)),
                Err(problem) => faults.push(problem.to_string()),
            }
        }
        let face = face::face(&config, resolver, mode, &mut faults);
        if !faults.is_empty() {
            return Err(StartError::Config(faults));
        }

        let StorePlace::Sqlite(path) = &config.service.store;
        let store = Store::open(path, Access::Service, clock.now()).await?;
        let failed = |error: StoreError| error.of(path);
        let Bound { web, mut doors, decided } = face::bind(face, &store, &clock).await?;
        telemetry::recovered(store.recover(clock.now()).await.map_err(failed)?);
        store.forget_wrong_waits(clock.now()).await.map_err(failed)?;
        tell_orphans(&store, &config.notifiers).await.map_err(failed)?;
        let nudges = Nudges::default();
        let routes = config.notifiers.iter();
        let routes = routes.map(|settings| (settings.name.clone(), Route::of(settings)));
        let routes = Routes::new(routes);
        let sources: Vec<String> =
            config.sources.iter().map(|source| source.name.clone()).collect();
        telemetry::started(
            env!("CARGO_PKG_VERSION"),
            sources.len(),
            config.notifiers.len(),
            config.rules.len(),
            &path.display().to_string(),
        );
        let notifier_names: Vec<String> =
            config.notifiers.iter().map(|settings| settings.name.clone()).collect();
        telemetry::expect(&sources, &notifier_names);
        if let Some(web) = &web {
            telemetry::listening(&web.url());
        }
        let zone = config.service.timezone.clone();
        let rules = RuleSet::new(config.rules);
        let policy = Current::new(Policy { rules, routes, templates, zone });
        let mut ingests = Vec::new();
        for (settings, client) in config.sources.into_iter().zip(clients) {
            let name = settings.name.clone();
            let parts = IngestParts {
                settings,
                client,
                store: store.clone(),
                policy: policy.clone(),
                nudges: nudges.clone(),
                clock: clock.clone(),
                keep: config.service.keep,
                mode,
            };
            let ingest = Ingest::start(parts).await.map_err(failed)?;
            let ingest = match doors.remove(&name) {
                Some(door) => ingest.called_by(door),
                None => ingest,
            };
            ingests.push((name, ingest));
        }
        let mut dispatches = Vec::new();
        let mut retry_bells = Vec::new();
        for (settings, notifier) in config.notifiers.into_iter().zip(notifiers) {
            let name = settings.name.clone();
            let retry_bell = Arc::new(Notify::new());
            retry_bells.push((name.clone(), retry_bell.clone()));
            let parts = DispatchParts {
                bell: nudges.bell(&name),
                settings,
                notifier,
                store: store.clone(),
                policy: policy.clone(),
                nudges: nudges.clone(),
                clock: clock.clone(),
                retry_bell,
            };
            dispatches.push((name, Dispatch::start(parts).await.map_err(failed)?));
        }
        let keeper =
            Keeper { store: store.clone(), policy, nudges: nudges.clone(), clock: clock.clone() };
        let forgetting = Forgetting { sources, keep: config.service.keep, clock };
        forgetting.of(&store).await.map_err(failed)?;
        let parts = Built {
            ingests,
            dispatches,
            keeper,
            store,
            nudges,
            retry_bells,
            forgetting,
            web,
            decided,
        };
        Ok(Self { parts })
    }
}

impl Forgetting {
    /// Forgets what is known of sources that left the config, as far as it is old enough.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn of(&self, store: &Store) -> Result<(), StoreError> {
        let forgotten = store.prune_removed(&self.sources, self.keep, self.clock.now()).await?;
        for (source, done) in forgotten {
            telemetry::pruned(&source, done.events, done.deliveries, done.jobs);
        }
        Ok(())
    }
}

/// Knows every secret before the first part is built: any service may echo any of them.
fn redactor_of(config: &Config, resolver: &Resolver) -> Redactor {
    let mut redactor = Redactor::default();
    let tokens = config.sources.iter().map(|source| &source.token);
    let others = config.notifiers.iter().flat_map(NotifierSettings::secrets);
    let keys = config.sources.iter().filter_map(|source| source.callback_key.as_ref());
    let listen = config.service.listen.iter();
    let own = listen.flat_map(|listen| [&listen.admin_token, &listen.read_token]).flatten();
    // What cannot be read is told by the part that needs it.
    let known = tokens
        .chain(others)
        .chain(keys)
        .chain(own)
        .filter_map(|secret| resolver.resolve(secret).ok());
    known.for_each(|secret| redactor.learn(&secret));
    redactor
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

/// Reads secrets for the config file at `path`.
pub fn resolver(path: &Path) -> Resolver {
    Resolver::of_process(path.parent().unwrap_or(Path::new("")))
}

/// What is owed to a notifier that was taken out of the config is shown, not lost.
async fn tell_orphans(store: &Store, notifiers: &[NotifierSettings]) -> Result<(), StoreError> {
    for count in store.outbox().await? {
        let known = notifiers.iter().any(|settings| settings.name == count.notifier);
        if !known && count.state != "dead" {
            telemetry::orphans(&count.notifier, count.count);
        }
    }
    Ok(())
}
