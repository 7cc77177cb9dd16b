//! The face: a dashboard, health, metrics, a JSON API, a stream of news, the door for callbacks.
//!
//! `app` binds a [`Web`] and runs it beside the loops. One request comes in: `route` says what it
//! asks for and `access` whether it may; then one file answers. Everything that is told comes
//! from the store; nothing is polled for those who only watch, `stream` hands on what the store
//! tells after each commit. What a person decides is written into the store, and a bell that
//! `app` handed in wakes those who act on it; the ids of callbacks leave through channels.
//!
//! Not here: TLS (a proxy's business), and anything that fetches or sends.

mod access;
mod answer;
mod api;
mod callback;
mod changes;
mod forms;
mod health;
mod limits;
mod metrics;
mod page;
mod query;
mod route;
mod serve;
mod session;
mod silences;
mod stream;
mod usage;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::request::Parts;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use access::Right;
use page::Pages;
use session::Forms;
use usage::Usage;

pub use access::Access;
pub use callback::Door;

use crate::clock::Clock;
use crate::model::{Message, NotifierKind, Readable};
use crate::render::Templates;
use crate::rules::Spend;
use crate::store::Store;

/// Streams that are open at once; each holds a connection.
const MOST_STREAMS: usize = 64;

/// What a web server is made of.
#[derive(Debug)]
pub struct WebParts {
    pub store: Store,
    pub clock: Clock,
    pub started_at: Timestamp,
    /// What a reload of the config can change.
    pub site: Site,
    pub access: Access,
    /// What stands before every path behind a proxy; empty for nothing.
    pub base_path: String,
    /// Rung when a person has decided something about deliveries.
    pub decided: Arc<Notify>,
    /// How a person reads a message of a type of notifier.
    pub read: fn(NotifierKind, Message) -> Readable,
}

/// What of the config is shown, in its order.
#[derive(Debug)]
pub struct Shown {
    pub sources: Vec<WatchedSource>,
    pub notifiers: Vec<(String, NotifierKind)>,
    /// The doors for callbacks, by source.
    pub doors: BTreeMap<String, Door>,
    /// What messages look like.
    pub templates: Templates,
    /// Whose days are counted, and whose times stand in messages.
    pub zone: TimeZone,
    /// What may be used before a rule speaks, with its name.
    pub limits: Vec<(String, Spend)>,
}

impl Default for Shown {
    /// Nothing.
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            notifiers: Vec::new(),
            doors: BTreeMap::new(),
            templates: Templates::builtin(),
            zone: TimeZone::UTC,
            limits: Vec::new(),
        }
    }
}

/// What is shown now. Cheap to clone; all clones see a change.
#[derive(Debug, Clone, Default)]
pub struct Site(Arc<RwLock<Arc<Shown>>>);

impl Site {
    /// What is shown; it stays as it is while it is held.
    pub fn get(&self) -> Arc<Shown> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another in its place.
    pub fn replace(&self, shown: Shown) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(shown);
    }
}

/// A source, as far as it can be told whether its last poll is recent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedSource {
    pub name: String,
    /// The longest time between two polls that go well.
    pub longest_interval: Duration,
}

/// Why there is no web server.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error(
        "nothing can listen on {address}: {cause}; end what uses the address, or change `listen` in [service]"
    )]
    Address { address: SocketAddr, cause: std::io::Error },
    #[error("the system gives no random numbers: {0}")]
    Random(std::io::Error),
    #[error("a page is wrong, which is a fault of this program: {0}")]
    Page(String),
}

/// A web server that has its address and serves nobody yet.
#[derive(Debug)]
pub struct Web {
    listener: TcpListener,
    address: SocketAddr,
    parts: WebParts,
    pages: Pages,
    forms: Forms,
}

/// What every request is answered from.
#[derive(Debug)]
struct Server {
    parts: WebParts,
    pages: Pages,
    forms: Forms,
    streams: Arc<Semaphore>,
    usage: Usage,
    stop: CancellationToken,
}

impl Web {
    /// Takes the address; port 0 takes a free one.
    ///
    /// # Errors
    /// [`BindError`] when the address is in use or is not of this machine.
    pub async fn bind(address: SocketAddr, parts: WebParts) -> Result<Self, BindError> {
        let failed = |cause| BindError::Address { address, cause };
        let pages = Pages::new().map_err(BindError::Page)?;
        let forms = Forms::new().map_err(BindError::Random)?;
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, parts, pages, forms })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address for a person, with a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}{}/", self.address, self.parts.base_path)
    }

    /// Serves until `stop`, then lets answers under way end, for a few seconds at most.
    pub async fn run(self, stop: CancellationToken) {
        let streams = Arc::new(Semaphore::new(MOST_STREAMS));
        let Self { listener, parts, pages, forms, .. } = self;
        let server =
            Server { parts, pages, forms, streams, usage: Usage::default(), stop: stop.clone() };
        let server = Arc::new(server);
        let adding = usage::add_up_when_asked(&server, &stop);
        tokio::join!(serve::serve(listener, server.clone(), stop.clone()), adding);
    }
}

impl Server {
    /// What the sender of a request may do.
    fn right_of(&self, head: &Parts) -> Right {
        self.parts.access.of_request(&head.headers, self.parts.clock.now())
    }
}
