//! What is forgotten, and when: what is done, not what is owed.

use std::collections::HashSet;
use std::time::Duration;

use descript_notify::model::{EventKind, Fingerprint, Phase};
use descript_notify::store::{EventFilter, JobFilter, Marks, Settled, Store, WalkCommit};
use jiff::Timestamp;

use super::place;
use super::stage::{at, claim, event, job, owe, recorded, settled};

const KEEP: Duration = Duration::from_secs(24 * 3600);

fn days(days: i64) -> Timestamp {
    at(days * 24 * 3600)
}

/// Whatever is known of `main`: how many events, and how many jobs.
async fn known(store: &Store) -> (usize, usize) {
    let events = EventFilter { most: 99, ..EventFilter::default() };
    let jobs = JobFilter { most: 99, ..JobFilter::default() };
    let events = store.events(&events).await.unwrap().rows.len();
    (events, store.jobs(&jobs).await.unwrap().rows.len())
}

#[tokio::test]
async fn what_is_owed_is_never_forgotten_and_what_is_done_is() {
    let place = place().await;
    let jobs = vec![job("a", Phase::Ended), job("b", Phase::Ended), job("c", Phase::Ended)];
    let commit = WalkCommit { jobs, ..WalkCommit::default() };
    crate::stage::commit(&place.store, commit, vec![]).await;
    owe(&place.store, &[event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")])
        .await;
    let claimed = claim(&place.store, 1, at(6)).await;
    place
        .store
        .turn("team", &recorded(&[settled(&claimed[0], Settled::Sent)], None), at(7))
        .await
        .unwrap();
    let returned = HashSet::from([Fingerprint::of(b"c")]);
    let keep = Duration::from_secs(24 * 3600);
    let days = |days: i64| at(days * 24 * 3600);

    let early = place.store.prune("main", keep, &returned, days(0)).await.unwrap();
    let soon = place.store.prune("main", keep, &returned, days(2)).await.unwrap();
    let late = place.store.prune("main", keep, &returned, days(40)).await.unwrap();

    assert_eq!((early.deliveries, early.events, early.jobs), (0, 0, 0));
    assert_eq!((soon.deliveries, soon.events, soon.jobs), (1, 1, 0));
    assert_eq!((late.deliveries, late.events, late.jobs), (0, 0, 1));
    assert_eq!(claim(&place.store, 9, days(41)).await.len(), 1);
}

/// A source with an ended and an open job, last looked at on that day, and a message each: one
/// that was sent and one that is owed.
async fn removed(last_look: i64) -> super::Place {
    let place = place().await;
    let jobs = vec![job("a", Phase::Ended), job("b", Phase::Open), job("c", Phase::Ended)];
    let marks = Some(Marks { last_complete_at: Some(days(last_look)), ..Marks::default() });
    let commit = WalkCommit { jobs, marks, ..WalkCommit::default() };
    crate::stage::commit(&place.store, commit, vec![]).await;
    place.store.keep_project_name("main", "p1", Some("Film"), at(0)).await.unwrap();
    let told = [event("a", EventKind::Failed, ""), event("c", EventKind::Failed, "")];
    owe(&place.store, &told).await;
    let claimed = claim(&place.store, 1, at(6)).await;
    let sent = [settled(&claimed[0], Settled::Sent)];
    place.store.turn("team", &recorded(&sent, None), at(7)).await.unwrap();
    place
}

#[tokio::test]
async fn a_source_that_left_the_config_is_forgotten_in_the_end_and_what_is_owed_is_not() {
    let place = removed(5).await;
    let forget = async |day| place.store.prune_removed(&[], KEEP, days(day)).await.unwrap();

    let at_once = forget(0).await.remove(0).1;
    let soon = forget(10).await.remove(0).1;
    let late = forget(35).await.remove(0).1;
    let last = forget(37).await.remove(0).1;

    assert_eq!((at_once.deliveries, at_once.events, at_once.jobs), (0, 0, 0));
    assert_eq!((soon.deliveries, soon.events, soon.jobs), (1, 1, 0));
    // The open one might have ended yet, had the source come back.
    assert_eq!((late.deliveries, late.events, late.jobs), (0, 0, 1));
    assert_eq!((last.deliveries, last.events, last.jobs), (0, 0, 1));
    assert_eq!(known(&place.store).await, (1, 1));
    assert_eq!(claim(&place.store, 9, days(38)).await.len(), 1);
}

#[tokio::test]
async fn of_a_source_without_anything_owed_nothing_is_left() {
    let place = removed(5).await;
    let claimed = claim(&place.store, 1, at(8)).await;
    let sent = [settled(&claimed[0], Settled::Sent)];
    place.store.turn("team", &recorded(&sent, None), at(9)).await.unwrap();

    let named = place.store.prune_removed(&["other".into()], KEEP, days(40)).await.unwrap();
    let again = place.store.prune_removed(&[], KEEP, days(40)).await.unwrap();

    assert_eq!(named.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["main"]);
    assert_eq!(known(&place.store).await, (0, 0));
    assert_eq!(place.store.remember("main").await.unwrap().marks, Marks::default());
    assert_eq!(place.store.project_name("main", "p1").await.unwrap(), None);
    assert_eq!(again, []);
}

#[tokio::test]
async fn a_source_that_is_in_the_config_is_left_alone() {
    let place = removed(5).await;

    let forgotten = place.store.prune_removed(&["main".into()], KEEP, days(400)).await.unwrap();

    assert_eq!(forgotten, []);
    assert_eq!(known(&place.store).await, (2, 3));
}
