//! The running process: builds the parts, runs the loops, stops them together.
//!
//! [`App::build`] turns a config into parts that work: secrets are read, templates loaded,
//! the store is opened. [`App::run`] is the service; [`App::run_once`] one poll of every
//! source and delivery of what is due. A loop that dies is named and takes the process down. A
//! reload replaces what has changed and leaves the rest running.

mod build;
mod face;
mod loops;
mod once;
mod plan;
mod reload;
mod signals;
mod template_files;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use build::{
    App, Bench, Built, Forgetting, Loop, StartError, Watched, notifier, place_of, resolver,
};
pub use face::listening_faults;
pub use reload::{Looks, Reload};
pub use signals::listen_for_signals;
pub use template_files::{TemplateProblems, load_templates};

use self::build::tell_orphans;
use self::loops::{Kind, Loops};
use self::plan::Plan;
use self::reload::{look_for_changes, plan_anew};
use self::watch::Watch;
use crate::model::Fingerprint;
use crate::pipeline::{Dispatch, Ingest};
use crate::telemetry;
use crate::web::Site;

/// For the store to close. What is committed is on disk without it.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// After a store that could not be read when a loop was to begin.
const STORE_PAUSE: Duration = Duration::from_secs(2);

/// How a service ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop. `clean`: everything in flight was settled.
    Stopped { clean: bool },
    /// A loop ended by itself: a fault of this program.
    Died { what: String },
}

impl App {
    /// Where a person finds the service in a browser; `None` where nothing listens.
    pub fn url(&self) -> Option<String> {
        self.parts.web.as_ref().map(crate::web::Web::url)
    }

    /// Runs until `stop`, then lets what is in flight end, for at most 10 s. Where `reload` is
    /// given, the config is read again when that is asked for.
    pub async fn run(self, stop: CancellationToken, reload: Option<Reload>) -> Ended {
        let Built { ingests, dispatches, bench, forgetting, web, site, face, decided, watched } =
            self.parts;
        let mut loops = Loops::new(stop.clone());
        for Loop { name, identity, work } in ingests {
            let place = loops.place(Kind::Source, &name);
            let retire = place.retire.clone();
            loops.start(Kind::Source, &name, identity, place, async move {
                work.run(retire).await;
                true
            });
        }
        for Loop { name, identity, work } in dispatches {
            let place = loops.place(Kind::Notifier, &name);
            let work = work.run(place.retire.clone(), stop.clone());
            loops.start(Kind::Notifier, &name, identity, place, work);
        }
        let keeper = bench.keeper();
        loops.keep("the keeper of held messages", keeper.run(stop.clone()));
        let (store, nudges) = (bench.store.clone(), bench.nudges.clone());
        let watch = Watch { store, nudges, forgetting: forgetting.clone(), decided };
        loops.keep("the watch over the store", watch.run(stop.clone()));
        if let Some(web) = web {
            loops.keep("the web server", web.run(stop.clone()));
        }
        let (own, looking) = (stop.clone(), JoinSet::<()>::new());
        let mut service = Service { loops, bench, forgetting, site, face, looking, stop: own };
        let died = service.attend(reload, watched).await;
        stop.cancel();
        let Service { loops, bench, mut looking, .. } = service;
        looking.abort_all();
        let clean = loops.end().await;
        // A connection that waits for a lock is not waited for.
        let _ = tokio::time::timeout(CLOSE_WITHIN, bench.store.close()).await;
        match died {
            Some(what) => Ended::Died { what },
            None => {
                telemetry::stopped(clean);
                Ended::Stopped { clean }
            }
        }
    }
}

/// A service that runs.
struct Service {
    loops: Loops,
    bench: Bench,
    forgetting: Forgetting,
    site: Site,
    face: Option<Fingerprint>,
    /// Looks for changes of files, where that is asked for.
    looking: JoinSet<()>,
    stop: CancellationToken,
}

impl Service {
    /// Attends to reloads until the stop, or until a loop dies, which it names.
    async fn attend(&mut self, reload: Option<Reload>, watched: Watched) -> Option<String> {
        let (ask, mut changes) = mpsc::channel(1);
        let (mut requests, from) = match reload {
            Some(Reload { path, defaults, seen, requests }) => {
                self.look(watched, path.clone(), seen, &ask);
                (Some(requests), Some((path, defaults)))
            }
            None => (None, None),
        };
        let stop = self.stop.clone();
        loop {
            let asked = async {
                match &mut requests {
                    Some(requests) => requests.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased; // a loop that ends because of the stop did not die
                () = stop.cancelled() => return None,
                what = self.loops.fault() => return Some(what),
                Some(()) = asked => {}
                Some(()) = changes.recv() => {}
            }
            let Some((path, defaults)) = &from else { continue };
            match plan_anew(path, defaults, &resolver(path)) {
                Ok((mut plan, seen)) => {
                    let watched = Watched {
                        is_asked_for: plan.watch,
                        templates: plan.templates.take(),
                        seen: std::mem::take(&mut plan.seen_templates),
                    };
                    self.look(watched, path.clone(), seen, &ask);
                    self.apply(plan, path).await;
                }
                Err(problems) => telemetry::reload_refused(&problems),
            }
        }
    }

    /// Looks for changes of the files from now on, where the config asks for that.
    fn look(&mut self, watched: Watched, path: PathBuf, seen: Looks, ask: &mpsc::Sender<()>) {
        self.looking.abort_all();
        if watched.is_asked_for {
            let seen = (seen, watched.seen);
            self.looking.spawn(look_for_changes(path, watched.templates, seen, ask.clone()));
        }
    }

    /// Puts a plan in the place of what runs.
    async fn apply(&mut self, plan: Plan, path: &std::path::Path) {
        let Plan { policy, sources, notifiers, keep, store, face, .. } = plan;
        if !store.is(self.bench.store.place()) {
            telemetry::reload_needs_restart("store");
        }
        let identity = face.as_ref().map(|face| face.identity(&resolver(path)));
        if identity != self.face {
            telemetry::reload_needs_restart("listen");
        }
        let stays = |name: &str| {
            sources.iter().any(|planned| {
                planned.settings.name == name
                    && self.loops.runs(Kind::Source, name, planned.identity)
            })
        };
        let doors = face.map(|mut face| face.show(&self.site, stays));
        let mut doors = doors.unwrap_or_default();
        let rules = policy.rules.rules().len();
        self.bench.policy.replace(policy);
        let source_names: Vec<String> =
            sources.iter().map(|planned| planned.settings.name.clone()).collect();
        let notifier_names: Vec<String> =
            notifiers.iter().map(|planned| planned.settings.name.clone()).collect();
        self.forgetting.change(source_names.clone(), keep);
        telemetry::expect(&source_names, &notifier_names);
        let names =
            |names: &[String]| names.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        telemetry::reloaded(&names(&source_names), &names(&notifier_names), rules);

        self.loops.keep_only(Kind::Source, &source_names);
        for planned in sources {
            let name = planned.settings.name.clone();
            let door = doors.remove(&name);
            if self.loops.runs(Kind::Source, &name, planned.identity) && door.is_none() {
                continue;
            }
            let place = self.loops.place(Kind::Source, &name);
            let parts = self.bench.ingest(planned.settings, planned.built, keep);
            let retire = place.retire.clone();
            self.loops.start(Kind::Source, &name, planned.identity, place, async move {
                let begun = begin(&retire, parts, |parts| Ingest::start(parts.clone())).await;
                let Some(ingest) = begun else { return true };
                match door {
                    Some(door) => ingest.called_by(door).run(retire).await,
                    None => ingest.run(retire).await,
                }
                true
            });
        }
        self.loops.keep_only(Kind::Notifier, &notifier_names);
        for planned in notifiers {
            let name = planned.settings.name.clone();
            if self.loops.runs(Kind::Notifier, &name, planned.identity) {
                continue;
            }
            let place = self.loops.place(Kind::Notifier, &name);
            let parts = self.bench.dispatch(planned.settings, planned.built);
            let retire = place.retire.clone();
            let stop = self.stop.clone();
            self.loops.start(Kind::Notifier, &name, planned.identity, place, async move {
                let begun = begin(&retire, parts, |parts| Dispatch::start(parts.clone())).await;
                match begun {
                    Some(dispatch) => dispatch.run(retire, stop).await,
                    None => true,
                }
            });
        }
        if let Err(problem) = tell_orphans(&self.bench.store, &notifier_names).await {
            let problem = problem.of(self.bench.store.place()).to_string();
            telemetry::store_trouble(
                "looking for messages of removed notifiers",
                &problem,
                Duration::ZERO,
            );
        }
        // A rule may look at what is held with other eyes.
        self.bench.nudges.ring_all();
    }
}

/// Begins a loop's work as soon as the store can be read; `None` where it is to end before that.
async fn begin<P, T, F>(retire: &CancellationToken, parts: P, start: impl Fn(&P) -> F) -> Option<T>
where
    F: Future<Output = Result<T, crate::store::StoreError>>,
{
    while !retire.is_cancelled() {
        match start(&parts).await {
            Ok(begun) => return Some(begun),
            Err(problem) => {
                telemetry::store_trouble("beginning anew", &problem.to_string(), STORE_PAUSE);
            }
        }
        tokio::select! {
            biased;
            () = retire.cancelled() => {}
            () = tokio::time::sleep(STORE_PAUSE) => {}
        }
    }
    None
}
