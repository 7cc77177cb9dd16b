//! The web server's wiring: tokens read, the address taken, channels between it and the loops.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use super::plan::identity_of;
use crate::clock::Clock;
use crate::config::{Config, Listen};
use crate::model::{EventKind, Fingerprint, JobId};
use crate::pipeline::Mode;
use crate::render::Templates;
use crate::rules::{Rule, Spend};
use crate::secret::{Resolver, Secret, SecretSource};
use crate::store::Store;
use crate::telemetry;
use crate::trial::readable;
use crate::web::{Access, BindError, Door, Shown, Site, WatchedSource, Web, WebParts};

/// Ids of callbacks that wait for a source's task while it polls.
const MOST_CALLS: usize = 256;

/// A shorter secret is told of.
const SECRET_SHORTEST_CHARS: usize = 16;

/// What the web server needs of the config, with its secrets read.
pub(super) struct Face {
    listen: Listen,
    access: Access,
    /// By source.
    keys: Vec<(String, Secret)>,
    shown: Shown,
}

impl Face {
    /// Has the web server show these sources and notifiers from now on. A source that `stays`
    /// keeps its door; gives the loops' ends of those that are new.
    pub(super) fn show(
        &mut self,
        site: &Site,
        stays: impl Fn(&str) -> bool,
    ) -> HashMap<String, mpsc::Receiver<JobId>> {
        let mut shown = std::mem::take(&mut self.shown);
        let mut called = HashMap::new();
        let before = site.get();
        for (source, key) in self.keys.drain(..) {
            let known = before.doors.get(&source).filter(|_| stays(&source));
            let calls = known.map_or_else(
                || {
                    let (calls, receiver) = mpsc::channel(MOST_CALLS);
                    called.insert(source.clone(), receiver);
                    calls
                },
                |known| known.calls.clone(),
            );
            shown.doors.insert(source, Door { key, calls });
        }
        site.replace(shown);
        called
    }

    /// What cannot change while the process runs: where it listens, and who may come in.
    pub(super) fn identity(&self, resolver: &Resolver) -> Fingerprint {
        let tokens = [&self.listen.admin_token, &self.listen.read_token];
        identity_of(&self.listen, tokens.into_iter().flatten(), resolver)
    }
}

/// The web server with its address taken, and the loops' ends of the channels.
#[derive(Debug, Default)]
pub(super) struct Bound {
    pub(super) web: Option<Web>,
    pub(super) site: Site,
    /// The doors for callbacks, by source.
    pub(super) doors: HashMap<String, mpsc::Receiver<JobId>>,
    /// Rung when a person has decided something about deliveries.
    pub(super) decided: Arc<Notify>,
}

/// Reads what is needed to listen; `None` where nothing is to. Notes the secrets that cannot
/// be read.
pub(super) fn face(
    config: &Config,
    templates: &Templates,
    resolver: &Resolver,
    mode: Mode,
    faults: &mut Vec<String>,
) -> Option<Face> {
    let listen = config.service.listen.as_ref().filter(|_| mode == Mode::Service)?;
    let mut read = |what: String, secret: &SecretSource| match resolver.resolve(secret) {
        Ok(secret) => {
            if secret.expose().chars().count() < SECRET_SHORTEST_CHARS {
                telemetry::short_secret(&what);
            }
            Some(secret)
        }
        Err(cause) => {
            faults.push(format!("{what} cannot be read: {cause}"));
            None
        }
    };
    let mut token = |name: &str, secret: &Option<SecretSource>| {
        secret.as_ref().and_then(|secret| read(format!("the `{name}` of the service"), secret))
    };
    let admin = token("admin_token", &listen.admin_token);
    let viewer = token("read_token", &listen.read_token);
    let mut keys = Vec::new();
    for source in &config.sources {
        let what = || format!("the `callback_key` of source `{}`", source.name);
        let key = source.callback_key.as_ref().and_then(|key| read(what(), key));
        keys.extend(key.map(|key| (source.name.clone(), key)));
    }
    let watched = config.sources.iter().map(|source| WatchedSource {
        name: source.name.clone(),
        longest_interval: source.poll_interval.max(source.idle_interval),
    });
    let notifiers = config.notifiers.iter().map(|known| (known.name.clone(), known.kind()));
    Some(Face {
        access: Access::new(listen.address.ip().is_loopback(), admin, viewer),
        listen: listen.clone(),
        keys,
        shown: Shown {
            sources: watched.collect(),
            notifiers: notifiers.collect(),
            doors: BTreeMap::new(),
            templates: templates.clone(),
            zone: config.service.timezone.clone(),
            limits: config.rules.iter().filter_map(limit).collect(),
        },
    })
}

/// What may be used before a rule speaks, with the rule's name.
fn limit(rule: &Rule) -> Option<(String, Spend)> {
    let spend = rule.spend.clone().filter(|_| rule.on.contains(&EventKind::SpendCrossed));
    spend.map(|spend| (rule.name.clone(), spend))
}

/// What of the tokens and keys for listening cannot be read, in words.
pub fn listening_faults(config: &Config, resolver: &Resolver) -> Vec<String> {
    let mut faults = Vec::new();
    face(config, &Templates::builtin(), resolver, Mode::Service, &mut faults);
    faults
}

/// Takes the address, where something is to listen.
pub(super) async fn bind(
    face: Option<Face>,
    store: &Store,
    clock: &Clock,
) -> Result<Bound, BindError> {
    let mut bound = Bound::default();
    let Some(mut face) = face else { return Ok(bound) };
    bound.doors = face.show(&bound.site, |_| false);
    let parts = WebParts {
        store: store.clone(),
        clock: clock.clone(),
        started_at: clock.now(),
        site: bound.site.clone(),
        access: face.access,
        base_path: face.listen.base_path,
        decided: bound.decided.clone(),
        read: readable,
    };
    bound.web = Some(Web::bind(face.listen.address, parts).await?);
    Ok(bound)
}
