//! One poll of a page of 100 jobs without the network: the text → what happened → the store.
//!
//! *Unchanged*: every element's text is known, as in nearly every poll. *Changed*: all of them
//! ended since the last look. The store is a real file with full sync, as in the service.
#![expect(clippy::unwrap_used, reason = "a bench that goes wrong stops")]

use std::collections::{HashMap, HashSet};
use std::hint::black_box;

use descript_notify::diff::{self, Watch};
use descript_notify::model::{
    Decided, DeliveryId, Event, Fingerprint, JobId, KnownJob, NewDelivery, Observation, Pacing,
    Verdict,
};
use descript_notify::source::wire::{self, Element};
use descript_notify::store::{Access, Deciding, Marks, Store, WalkCommit};
use divan::Bencher;
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const PAGE: usize = 100;

fn main() {
    divan::main();
}

#[divan::bench]
fn read_100_unchanged(bencher: Bencher<'_, '_>) {
    let text = page(0, Shown::Running);
    let known: HashSet<Fingerprint> = seen(&text).iter().map(|job| job.fingerprint).collect();

    bencher.bench(|| look(black_box(&text), &known));
}

#[divan::bench]
fn read_and_diff_100_changed(bencher: Bencher<'_, '_>) {
    let known = known(&page(0, Shown::Running));
    let text = page(0, Shown::Ended);

    bencher.bench(|| happened(&known, &look(black_box(&text), &HashSet::new())));
}

#[divan::bench(sample_count = 50, sample_size = 1)]
fn commit_100_unchanged(bencher: Bencher<'_, '_>) {
    let place = Place::new();
    let text = page(0, Shown::Running);
    place.write(known(&text).into_values().collect());
    let fingerprints: HashSet<Fingerprint> =
        seen(&text).iter().map(|job| job.fingerprint).collect();

    bencher.bench_local(|| {
        let seen = look(&text, &fingerprints);
        assert!(seen.is_empty());
        let marks = Some(Marks { last_walk: Some(at()), ..Marks::default() });
        place.commit(&[], |_| WalkCommit { marks, ..WalkCommit::default() })
    });
}

#[divan::bench(sample_count = 50, sample_size = 1)]
fn commit_100_changed(bencher: Bencher<'_, '_>) {
    let place = Place::new();
    let mut batch = 0;

    bencher
        .with_inputs(|| {
            batch += 1;
            place.write(known(&page(batch, Shown::Running)).into_values().collect());
            page(batch, Shown::Ended)
        })
        .bench_local_values(|text| {
            let seen = look(&text, &HashSet::new());
            let ids: Vec<&JobId> = seen.iter().map(|job| &job.id).collect();
            let committed = place.commit(&ids, |known| {
                let steps = happened(known, &seen);
                let jobs = steps.iter().map(|step| step.job.clone()).collect();
                let events = steps.into_iter().flat_map(|step| step.events).collect();
                WalkCommit { jobs, events, ..WalkCommit::default() }
            });
            assert_eq!(committed, PAGE);
        });
}

/// A store in a folder of its own.
struct Place {
    _folder: TempDir,
    runtime: Runtime,
    store: Store,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let path = folder.path().join("state.db");
        let store = runtime.block_on(Store::open(&path, Access::Service, at())).unwrap();
        Self { _folder: folder, runtime, store }
    }

    fn write(&self, jobs: Vec<KnownJob>) {
        self.commit(&[], |_| WalkCommit { jobs, ..WalkCommit::default() });
    }

    /// One walk's transaction; returns how many deliveries it has added.
    fn commit(
        &self,
        ids: &[&JobId],
        decide: impl FnOnce(&HashMap<JobId, KnownJob>) -> WalkCommit,
    ) -> usize {
        self.runtime.block_on(async {
            let mut walk = self.store.begin("main").await.unwrap();
            let known = walk.known(ids).await.unwrap();
            let owing = |event: Event, _: &mut Pacing| owing(event);
            let deciding = Deciding { now: at(), decide: &owing };
            walk.commit(&decide(&known), deciding).await.unwrap().deliveries
        })
    }
}

/// Reads a page as a walk does, leaving out what is known.
fn look(text: &str, known: &HashSet<Fingerprint>) -> Vec<Observation> {
    let page = wire::read_page(text).unwrap();
    let elements = page.elements.into_iter();
    elements
        .filter_map(|raw| match wire::read_element(raw, &|it| known.contains(&it)) {
            Element::Seen(seen) => Some(*seen),
            Element::Unchanged(_) => None,
            Element::Rejected(rejected) => unreachable!("{rejected:?}"),
        })
        .collect()
}

fn happened(known: &HashMap<JobId, KnownJob>, seen: &[Observation]) -> Vec<diff::Step> {
    let watch = Watch { source: "main", now: at(), baseline: false, late: false };
    seen.iter().map(|job| diff::observe(&watch, known.get(&job.id), job)).collect()
}

fn seen(text: &str) -> Vec<Observation> {
    look(text, &HashSet::new())
}

/// What is remembered of a page that was the first one.
fn known(text: &str) -> HashMap<JobId, KnownJob> {
    let steps = happened(&HashMap::new(), &seen(text)).into_iter();
    steps.map(|step| (step.job.id.clone(), step.job)).collect()
}

/// One message is owed for the event.
fn owing(event: Event) -> Decided {
    let owed = NewDelivery {
        id: DeliveryId::of(event.id().as_str(), "ended", "team", ""),
        event_id: event.id(),
        rule: "ended".into(),
        notifier: "team".into(),
        recipient: String::new(),
        template: "default".into(),
        include_download_url: false,
        source: "main".into(),
        job_id: event.key.subject.clone(),
        kind: event.kind,
        live: false,
        created_at: at(),
        held_until: None,
        suppressed: 0,
    };
    let verdicts = vec![("ended".into(), Verdict::Send)];
    Decided { verdicts, owed: vec![owed], ..Decided::nothing(event) }
}

enum Shown {
    Running,
    Ended,
}

/// 100 jobs in the form of the published description; each `batch` has its own.
fn page(batch: usize, shown: Shown) -> String {
    let rest = match shown {
        Shown::Running => {
            r#""job_state":"running","progress":{"label":"Uploading media","last_update_at":"2026-11-20T08:01:00Z"}"#
        }
        Shown::Ended => {
            r#""job_state":"stopped","stopped_at":"2026-11-20T08:05:00Z","result":{"status":"success","media_status":{"Misc/intro.mp4":{"status":"success","duration_seconds":10.5}},"media_seconds_used":11}"#
        }
    };
    let jobs: Vec<String> = (0..PAGE)
        .map(|number| {
            format!(
                r#"{{"job_id":"6dc3f30a-58c2-4174-{batch:04}-{number:012}","job_type":"import/project_media","created_at":"2026-11-20T08:00:00Z","drive_id":"c9c5c47e-158a-49f7-846b-4f6ee2a229a2","project_id":"9f36ee32-5a2c-47e7-b1a3-94991d3e3ddb","project_url":"https://web.descript.com/9f36ee32-5a2c-47e7-b1a3-94991d3e3ddb",{rest}}}"#
            )
        })
        .collect();
    format!(r#"{{"data":[{}],"pagination":{{}}}}"#, jobs.join(","))
}

fn at() -> Timestamp {
    Timestamp::constant(1_795_161_800, 0)
}
