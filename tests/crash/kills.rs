//! Two hundred sudden deaths.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::busy::Busy;
use crate::seed;
use crate::story::{End, Life};
use crate::support::mood::api_faults;
use crate::support::program::{Output, Signal};
use crate::support::{PATIENCE, eventually};

/// As many as run in a minute and a half on two cores.
const KILLS: usize = 200;

/// How long it lives after its first look, on a machine that has nothing else to do.
const LONGEST_LIFE: Duration = Duration::from_millis(250);

/// In the last part of the kills the services behave, so that what waits for a retry goes out.
const QUIET_PART: usize = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_two_hundred_times_it_loses_nothing_and_repeats_only_what_was_under_way() {
    let seed = seed();
    let mut random = Rng::with_seed(seed);
    let stage = Busy::prepare().await;
    let over = AtomicBool::new(false);

    stage.misbehave(&mut random);
    let mut of_jobs = random.fork();
    let (ends, (lives, last)) = tokio::join!(stage.days(&mut of_jobs, &over), async {
        let lives = lives(&stage, &mut random).await;
        over.store(true, Ordering::Relaxed);
        (lives, stage.bridge.spawn())
    });
    stage.drained().await;
    stage.bridge.looked().await;
    stage.bridge.looked().await;
    let story = stage.story(ends, lives).await;

    let kills = story.lives.iter().filter(|life| life.end == End::Killed).count();
    eprintln!(
        "{} jobs, {} events, {} messages, {} arrivals, {} repeats, {kills} kills",
        story.ends.len(),
        story.events.len(),
        story.owed.len(),
        story.arrivals.len(),
        story.repeats(),
    );
    let faults = story.faults();
    assert!(faults.is_empty(), "seed {seed}: {} faults: {faults:#?}", faults.len());
    assert!(story.ends.len() > kills / 2, "too little happened to prove anything");
    assert!(story.repeats() > 0, "no kill met a message under way");
    assert_eq!(last.stderr().matches("panicked").count(), 0, "{}", last.stderr());
}

/// One life after another, until there were enough kills.
async fn lives(stage: &Busy, random: &mut Rng) -> Vec<Life> {
    let most = how_many();
    let mut lives: Vec<Life> = Vec::new();
    let mut killed = 0;
    while killed < most {
        if killed == most - most / QUIET_PART {
            stage.behave();
        }
        let quiet = killed >= most - most / QUIET_PART;
        if !quiet && random.u32(0..20) == 0 {
            let (faults, _) = api_faults();
            stage.bridge.fault(random.choice(faults).unwrap());
        }
        if !quiet && random.u32(0..3) == 0 {
            stage.spoil_a_mail(random);
        }
        let life = live(stage, random).await;
        killed += usize::from(life.end == End::Killed);
        lives.push(life);
    }
    lives
}

/// One life of the process, from its start to a kill, or a stop for a change.
async fn live(stage: &Busy, random: &mut Rng) -> Life {
    stage.bridge.world.forget_requests();
    let from = Instant::now();
    let program = stage.bridge.spawn();
    if random.u32(0..6) == 0 {
        // It has hardly begun.
        tokio::time::sleep(Duration::from_millis(random.u64(0..60))).await;
        let output = program.kill().await;
        return life(from, End::Killed, &output);
    }
    // How long it takes until it works depends on the machine, and so does how much it gets done
    // in a time: on one that is busy elsewhere it would never get anywhere.
    let walks = || (stage.bridge.walks() > 0).then_some(());
    eventually("first look of a life", walks).await;
    let longest = LONGEST_LIFE.max(from.elapsed() * 2);
    tokio::time::sleep(longest.mul_f64(random.f64())).await;
    match random.u32(0..10) {
        0 => {
            program.signal(Signal::Term).await;
            let output = program.end(PATIENCE).await;
            life(from, End::Stopped, &output)
        }
        1 => {
            program.signal(Signal::Stop).await;
            tokio::time::sleep(Duration::from_millis(random.u64(0..150))).await;
            if random.bool() {
                program.signal(Signal::Continue).await;
                tokio::time::sleep(Duration::from_millis(random.u64(0..100))).await;
            }
            let output = program.kill().await;
            life(from, End::Killed, &output)
        }
        _ => {
            let output = program.kill().await;
            life(from, End::Killed, &output)
        }
    }
}

/// The life that left this output; it must have ended as it was meant to.
fn life(from: Instant, end: End, output: &Output) -> Life {
    let code = match end {
        End::Killed => None,
        End::Stopped => Some(0),
    };
    assert_eq!(output.code, code, "it ended by itself: {output:#?}");
    let sound =
        !["panicked", "malformed", "store failed"].iter().any(|w| output.stderr.contains(w));
    assert!(sound, "{}", output.stderr);
    Life { from, to: Instant::now(), end }
}

#[expect(clippy::disallowed_methods, reason = "a test has no other way to be told")]
fn how_many() -> usize {
    std::env::var("CRASH_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS)
}
