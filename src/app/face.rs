//! The web server's wiring: tokens read, the address taken, channels between it and the loops.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};

use crate::clock::Clock;
use crate::config::{Config, Listen};
use crate::model::JobId;
use crate::pipeline::Mode;
use crate::secret::{Resolver, Secret, SecretSource};
use crate::store::Store;
use crate::telemetry;
use crate::web::{Access, BindError, Door, WatchedSource, Web, WebParts};

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
    sources: Vec<WatchedSource>,
    notifiers: Vec<(String, crate::model::NotifierKind)>,
}

/// The web server with its address taken, and the loops' ends of the channels.
#[derive(Debug, Default)]
pub(super) struct Bound {
    pub(super) web: Option<Web>,
    /// The doors for callbacks, by source.
    pub(super) doors: HashMap<String, mpsc::Receiver<JobId>>,
    /// Rung when a person has decided something about deliveries.
    pub(super) decided: Arc<Notify>,
}

/// Reads what is needed to listen; `None` where nothing is to. Notes the secrets that cannot
/// be read.
pub(super) fn face(
    config: &Config,
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
        sources: watched.collect(),
        notifiers: notifiers.collect(),
    })
}

/// What of the tokens and keys for listening cannot be read, in words.
pub fn listening_faults(config: &Config, resolver: &Resolver) -> Vec<String> {
    let mut faults = Vec::new();
    face(config, resolver, Mode::Service, &mut faults);
    faults
}

/// Takes the address, where something is to listen.
pub(super) async fn bind(
    face: Option<Face>,
    store: &Store,
    clock: &Clock,
) -> Result<Bound, BindError> {
    let mut bound = Bound::default();
    let Some(face) = face else { return Ok(bound) };
    let mut doors = BTreeMap::new();
    for (source, key) in face.keys {
        let (calls, called) = mpsc::channel(MOST_CALLS);
        doors.insert(source.clone(), Door { key, calls });
        bound.doors.insert(source, called);
    }
    let parts = WebParts {
        store: store.clone(),
        clock: clock.clone(),
        started_at: clock.now(),
        sources: face.sources,
        notifiers: face.notifiers,
        access: face.access,
        base_path: face.listen.base_path,
        doors,
        decided: bound.decided.clone(),
    };
    bound.web = Some(Web::bind(face.listen.address, parts).await?);
    Ok(bound)
}
