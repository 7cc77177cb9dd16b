//! Kills while the store is being made.

use std::time::Duration;

use fastrand::Rng;

use crate::seed;
use crate::support::bridge::Setup;
use crate::support::eventually;
use crate::support::sink::Sink;

/// Each takes two starts of the program.
const BIRTHS: usize = 20;

#[tokio::test]
async fn a_store_whose_making_was_cut_short_is_made_whole_by_the_next_start() {
    let seed = seed();
    let mut random = Rng::with_seed(seed);
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;

    for number in 0..BIRTHS {
        for entry in std::fs::read_dir(bridge.folder()).unwrap().map(Result::unwrap) {
            if entry.file_name().to_string_lossy().starts_with("state.db") {
                std::fs::remove_file(entry.path()).unwrap();
            }
        }
        let cut_short = bridge.spawn();
        tokio::time::sleep(Duration::from_millis(random.u64(0..100))).await;
        cut_short.kill().await;
        bridge.world.forget_requests();
        let whole = bridge.spawn();
        eventually("look at the job list", || (bridge.walks() > 0).then_some(())).await;
        let listed = bridge.deliveries().await;
        let output = whole.kill().await;

        assert_eq!(output.code, None, "seed {seed}, round {number}: {output:#?}");
        assert!(listed.is_empty(), "seed {seed}, round {number}: {listed:#?}");
    }
}
