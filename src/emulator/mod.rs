//! A Descript API on this machine: for `emulate`, for `demo` and for tests.
//!
//! [`Emulator::start`] binds an address and serves `/v1/jobs`, `/v1/projects` and the three calls
//! that start a job. Jobs come from a [`Scenario`], from a file, from `POST`s, or from the process
//! itself through a [`World`]; a job's state is worked out from its time line and the clock when
//! somebody asks, nothing ticks. A [`Fault`] makes an answer wrong on purpose.
//!
//! The pure parts (time lines, pages, queries, faults, projects) know neither HTTP nor a clock.
//! Not here: `callback_url` is taken and never called, and nothing limits the pace of requests
//! but faults.

mod answer;
mod api;
mod desk;
mod dress;
mod fault;
mod fault_text;
mod ids;
mod jobs_file;
mod lifelines;
mod live;
mod page;
mod project;
mod query;
mod registry;
mod route;
mod scenario;
mod script;
mod server;
mod span;
mod state;
mod submit;
#[cfg(test)]
mod tests;
mod world;

pub use fault::{Endpoint, Fault, FaultError, FaultKind, RetryAfter};
pub use page::Order;
pub use scenario::{Scenario, ScenarioJob};
pub use script::{Listed, Step};
pub use state::RecordedRequest;
pub use world::World;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

use desk::Desk;
use ids::Ids;
use jobs_file::JobsFile;
use project::Project;
use registry::Registry;
use server::Server;
use state::State;

/// How long [`Running::stop`] waits for answers under way.
const STOP_GRACE: Duration = Duration::from_millis(500);

/// Whose manners the emulator has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Exactly the published description.
    #[default]
    Spec,
    /// The service as it was met: prefixed ids, fields and types that nobody described.
    Live,
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "spec" => Ok(Self::Spec),
            "live" => Ok(Self::Live),
            _ => Err(format!("no profile is called `{word}`: use spec or live")),
        }
    }
}

/// What the drive may still use; `None` is without end. Started jobs are charged at once, and
/// refused with 402 when it does not suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allowance {
    pub media_seconds: Option<u64>,
    pub ai_credits: Option<u64>,
}

/// How an emulator is to be.
#[derive(Clone)]
pub struct Options {
    /// Port 0 takes a free one.
    pub address: SocketAddr,
    /// The bearer token that is accepted; `None` accepts any, but not none.
    pub token: Option<String>,
    pub profile: Profile,
    pub order: Order,
    pub scenario: Option<Scenario>,
    /// A list page to serve in place of everything else.
    pub jobs_file: Option<PathBuf>,
    pub faults: Vec<Fault>,
    pub allowance: Allowance,
    /// How much faster than usual the jobs run that a `POST` starts.
    pub speed: f64,
    /// Decides the ids.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token: None,
            profile: Profile::default(),
            order: Order::default(),
            scenario: None,
            jobs_file: None,
            faults: Vec::new(),
            allowance: Allowance::default(),
            speed: 1.0,
            seed: 0,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("address", &self.address)
            .field("token", &self.token.as_ref().map(|_| "***"))
            .field("profile", &self.profile)
            .field("jobs_file", &self.jobs_file)
            .finish_non_exhaustive()
    }
}

/// Why an emulator did not start.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    #[error("the emulator cannot listen on {address}: {source}")]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error("the jobs file `{path}` cannot be served: {cause}", path = path.display())]
    JobsFile { path: PathBuf, cause: String },
    #[error("a jobs file and a scenario exclude each other: give only one of them")]
    FileAndScenario,
}

/// The emulator.
#[derive(Debug)]
pub struct Emulator;

impl Emulator {
    /// Binds the address and serves until the [`Running`] is stopped or dropped.
    ///
    /// # Errors
    /// [`EmulatorError`] when the address is taken, the jobs file is no list page, or there is
    /// both a jobs file and a scenario.
    pub async fn start(options: Options, clock: Clock) -> Result<Running, EmulatorError> {
        if options.jobs_file.is_some() && options.scenario.is_some() {
            return Err(EmulatorError::FileAndScenario);
        }
        let token = options.token.clone().map(Arc::from);
        let address = options.address;
        let mut state = state_of(options, clock.now())?;
        let bound = |source| EmulatorError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(bound)?;
        let address = listener.local_addr().map_err(bound)?;
        state.origin = format!("http://{address}");
        let world = World::new(state, clock);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let router = server::router(Server { world: world.clone(), token });
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            // axum retries what goes wrong with one connection, so this ends only with the stop.
            axum::serve(listener, router).with_graceful_shutdown(stopped).await.is_ok()
        });
        Ok(Running { address, world, stop, serving })
    }
}

/// A running emulator; dropping it stops it.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    world: World,
    stop: CancellationToken,
    serving: JoinSet<bool>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a source has as its `base_url`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Changes its jobs, projects and faults from inside the process.
    pub fn handle(&self) -> World {
        self.world.clone()
    }

    /// Stops it: no new connections, half a second for answers under way.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(STOP_GRACE, self.serving.join_next()).await.is_err() {
            self.serving.shutdown().await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn state_of(options: Options, now: Timestamp) -> Result<State, EmulatorError> {
    let scenario = options.scenario.unwrap_or_default();
    let ids = Ids { seed: options.seed, profile: options.profile };
    let mut desk = Desk::default();
    options.faults.iter().chain(&scenario.faults).for_each(|fault| desk.install(fault.clone()));
    let projects: BTreeMap<String, Project> = scenario
        .projects
        .iter()
        .map(|(name, id)| (id.clone(), Project::new(id.clone(), name, now)))
        .collect();
    let file = options.jobs_file.as_deref().map(JobsFile::open).transpose()?;
    Ok(State {
        profile: options.profile,
        order: options.order,
        speed: options.speed,
        ids,
        drive_id: ids.uuid("drive"),
        started_at: now,
        origin: String::new(),
        next_round: vec![0; scenario.jobs.len()],
        scenario,
        played: VecDeque::new(),
        jobs: Registry::default(),
        projects,
        allowance: options.allowance,
        desk,
        file,
        uploads: HashMap::new(),
        requests: VecDeque::new(),
        requests_seen: 0,
        made: 0,
    })
}
