//! Everything around the process fails, in turn and at once; the process stays alive.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::task::JoinSet;

use crate::busy::Busy;
use crate::seed;
use crate::story::{End, Life, Story};
use crate::support::mood::api_faults;
use crate::support::program::Signal;
use crate::support::{GLANCE, PATIENCE};

/// Stages side by side: a failed look costs seconds of waiting, and no work.
const STAGES: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_all_faults_are_over_everything_was_told_once() {
    let seed = seed();
    let mut random = Rng::with_seed(seed);
    let (mut faults, _) = api_faults();
    random.shuffle(&mut faults);
    let share = faults.len().div_ceil(STAGES);

    let mut stages = JoinSet::new();
    for part in faults.chunks(share) {
        stages.spawn(storm(part.to_vec(), random.fork()));
    }

    while let Some(stage) = stages.join_next().await {
        let (faults, story) = match stage {
            Ok(done) => done,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        };
        let wrong = story.faults();
        assert!(wrong.is_empty(), "seed {seed}, {faults:?}: {wrong:#?}");
        assert!(story.ends.len() > 20, "too little happened to prove anything");
        let late = story.events.iter().filter(|event| event["event"]["late"] == true).count();
        assert_eq!(late, 0, "nothing is late while the process watches");
    }
}

/// Lets a stage meet these faults of the API, with bad services besides, until all of it is
/// over.
async fn storm(faults: Vec<&'static str>, mut random: Rng) -> (Vec<&'static str>, Story) {
    let stage = Busy::prepare().await;
    let over = AtomicBool::new(false);
    let from = Instant::now();
    let program = stage.bridge.start().await;
    stage.misbehave(&mut random);
    let mut of_jobs = random.fork();
    let (ends, ()) = tokio::join!(stage.days(&mut of_jobs, &over), async {
        for fault in &faults {
            stage.bridge.fault(fault);
            stage.spoil_a_mail(&mut random);
            weathered(&stage).await;
            stage.bridge.world.clear_faults();
        }
        stage.behave();
        over.store(true, Ordering::Relaxed);
    });
    stage.drained().await;
    stage.bridge.looked().await;
    program.signal(Signal::Term).await;
    let output = program.end(PATIENCE).await;
    assert_eq!(output.code, Some(0), "{output:#?}");
    let lives = vec![Life { from, to: Instant::now(), end: End::Stopped }];
    (faults, stage.story(ends, lives).await)
}

/// Waits until the fault has been met and the next looks went well, or it has bent enough of
/// them.
async fn weathered(stage: &Busy) {
    let begun = Instant::now();
    let before = stage.bridge.walks();
    // A failed look is followed by a wait of seconds; five looks have the fault behind them.
    while stage.bridge.walks() < before + 5 || begun.elapsed() < Duration::from_secs(1) {
        assert!(begun.elapsed() < PATIENCE, "no look at the list any more");
        tokio::time::sleep(GLANCE).await;
    }
}
