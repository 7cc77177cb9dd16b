//! Several services on one store, as processes, and the faults that befall them: one is killed,
//! one stands still for longer than its lease, one is cut off from the database, the database is
//! restarted. Nothing is lost, only what was under way is repeated, and marked; the pace and the
//! order hold for all of them together.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

mod stage;
mod wire;

use std::time::Duration;

use stage::{REPLICAS, Replicas};
use support::postgres::{self, OwnServer};
use support::program::Signal;
use support::{PATIENCE, eventually};
use wire::State;

/// Between a death and the first poll of another.
const TAKEOVER: Duration = Duration::from_secs(15);

/// As many as one replica has under way at once.
const IN_FLIGHT: usize = 64;

const FAST: &str = "rate = \"unlimited\"";

#[tokio::test(flavor = "multi_thread")]
async fn the_source_of_a_replica_that_was_killed_is_taken_over_and_nothing_is_lost() {
    let mut replicas = Replicas::start(&postgres::schema(), FAST).await;
    let first = replicas.polling().await.expect("one of them polls");
    replicas.happen(20);
    replicas.busy().await;

    replicas.kill(first).await;
    let (second, took) = replicas.taken_over_from(first).await;
    replicas.happen(20);
    replicas.told().await;

    assert_ne!(first, second);
    assert!(took < TAKEOVER, "{took:?}");
    replicas.judge(IN_FLIGHT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_stood_still_for_longer_than_its_lease_writes_nothing_of_what_it_knew() {
    let mut replicas = Replicas::start(&postgres::schema(), FAST).await;
    let first = replicas.polling().await.expect("one of them polls");
    replicas.happen(20);
    replicas.busy().await;

    replicas.signal(first, Signal::Stop).await;
    let (second, took) = replicas.taken_over_from(first).await;
    replicas.happen(20);
    replicas.told().await;
    replicas.signal(first, Signal::Continue).await;
    replicas.program(first).wait_for_stderr("waiting to take over").await;
    replicas.happen(20);
    replicas.told().await;

    assert!(took < TAKEOVER, "{took:?}");
    assert_eq!(replicas.polling().await, Some(second));
    replicas.judge(IN_FLIGHT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_without_the_database_sends_nothing_and_comes_back() {
    for state in [State::Cut, State::Dead] {
        let mut replicas = Replicas::start(&postgres::schema(), FAST).await;
        let first = replicas.polling().await.expect("one of them polls");
        replicas.happen(10);
        replicas.busy().await;

        replicas.wires[first].set(state);
        let (_, took) = replicas.taken_over_from(first).await;
        let sent = replicas.sent_by(first).len();
        replicas.happen(20);
        replicas.told().await;
        assert_eq!(replicas.sent_by(first).len(), sent, "{state:?}");
        replicas.wires[first].set(State::Whole);
        replicas.happen(1);
        let back = || {
            replicas.happen(2);
            (replicas.sent_by(first).len() > sent).then_some(())
        };
        eventually("message of the one that was cut off", back).await;
        replicas.told().await;

        assert!(took < TAKEOVER, "{state:?}: {took:?}");
        replicas.judge(IN_FLIGHT);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pace_of_a_notifier_is_one_for_all_replicas() {
    let every = Duration::from_millis(200);
    let mut replicas = Replicas::start(&postgres::schema(), "rate = \"5/s\"\nburst = 3").await;
    replicas.happen(15);
    replicas.busy().await;
    let first = replicas.polling().await.expect("one of them polls");
    replicas.kill(first).await;

    replicas.told().await;

    replicas.judge(IN_FLIGHT);
    let came: Vec<_> = replicas.sink.received().iter().map(|message| message.at).collect();
    // What two processes make of one permit each may meet on the way.
    let slack = Duration::from_millis(150);
    for (number, begun) in came.iter().enumerate() {
        for (more, ended) in came.iter().enumerate().skip(number) {
            let span = ended.duration_since(*begun) + slack;
            let allowed = 3 + span.as_micros() / every.as_micros();
            let count = (more - number + 1) as u128;
            assert!(count <= allowed, "{count} messages in {span:?}");
        }
    }
    let senders = (0..REPLICAS).filter(|number| !replicas.sent_by(*number).is_empty());
    assert!(senders.count() > 1, "one of them has sent everything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_restarted_costs_nothing_but_time() {
    let Some(mut server) = OwnServer::start() else { postgres::skip() };
    let url = format!("{}?schema=restarted", server.url);
    let mut replicas = Replicas::start(&url, FAST).await;
    replicas.happen(20);
    replicas.busy().await;

    server.restart();
    replicas.happen(20);
    replicas.told().await;

    for number in 0..REPLICAS {
        let told = replicas.program(number).stderr();
        assert!(!told.contains("panicked"), "{told}");
    }
    replicas.judge(IN_FLIGHT * REPLICAS);
    assert!(PATIENCE > TAKEOVER);
}
