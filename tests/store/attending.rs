//! What a person decides of single deliveries, those that were gathered among them.

use descript_notify::model::{DeliveryId, DeliveryState, Event, EventKind};
use descript_notify::store::{Claimed, DeliveryFilter, Gather, HealthChange, Settled, Store, Turn};

use super::stage::{at, break_down, claim, due, event, owe, recorded, settled, state_of};
use super::{Place, place};

/// Has 25 messages been held and gathered by tens, and the three digests claimed.
async fn digests(store: &Store) -> Vec<Claimed> {
    let names: Vec<String> = (0..25).map(|number| format!("job {number:02}")).collect();
    let events: Vec<Event> = names.iter().map(|name| event(name, EventKind::Failed, "")).collect();
    owe(store, &events).await;
    break_down(store).await;
    let gather = Some(Gather { more_than: 20, most: 10 });
    let health = Some(HealthChange::Well { gather, news: None });
    let turn = Turn { settlements: &[], health, claim: due(99, at(99)) };
    store.turn("team", &turn, at(68)).await.unwrap().claimed
}

/// The same with the first digest refused; its id and those of its members.
async fn dead_digest(store: &Store) -> (DeliveryId, Vec<DeliveryId>) {
    let digests = digests(store).await;
    let refused = [settled(&digests[0], Settled::Dead { why: "no_text".into() })];
    store.turn("team", &recorded(&refused, None), at(69)).await.unwrap();
    let digest = digests[0].delivery.id.clone();
    let filter = DeliveryFilter { state: Some(DeliveryState::Held), most: 99, notifier: None };
    let held = store.deliveries(&filter).await.unwrap().rows;
    let of_it =
        held.into_iter().filter(|row| row.digest.as_ref().is_some_and(|(id, _)| *id == digest));
    let members: Vec<DeliveryId> = of_it.map(|row| row.delivery.id).collect();
    assert_eq!(members.len(), 10);
    (digest, members)
}

#[tokio::test]
async fn only_what_is_not_sent_can_be_retried_or_discarded() {
    let place = place().await;
    owe(&place.store, &[event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")])
        .await;
    let claimed = claim(&place.store, 2, at(6)).await;
    let done = [
        settled(&claimed[0], Settled::Sent),
        settled(&claimed[1], Settled::Dead { why: "no".into() }),
    ];
    place.store.turn("team", &recorded(&done, None), at(7)).await.unwrap();
    let both: Vec<_> = claimed.iter().map(|claimed| claimed.delivery.id.clone()).collect();

    let dead = place.store.dead().await.unwrap();
    let retried = place.store.retry(&both, at(8)).await.unwrap();
    let discarded = place.store.discard(&both, at(9)).await.unwrap();

    assert_eq!(dead, both[1..]);
    assert_eq!(retried, both[1..]);
    assert_eq!(discarded, both[1..]);
    let filter = DeliveryFilter { state: Some(DeliveryState::Sent), most: 9, notifier: None };
    assert_eq!(place.store.deliveries(&filter).await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn a_long_catch_up_is_gathered_into_digests_and_nothing_is_dropped() {
    let place = place().await;
    let names: Vec<String> = (0..25).map(|number| format!("job {number:02}")).collect();
    let events: Vec<Event> = names.iter().map(|name| event(name, EventKind::Failed, "")).collect();
    owe(&place.store, &events).await;
    break_down(&place.store).await;

    let gather = Some(Gather { more_than: 20, most: 10 });
    let health = Some(HealthChange::Well { gather, news: None });
    let turn = Turn { settlements: &[], health, claim: due(99, at(99)) };
    let digests = place.store.turn("team", &turn, at(68)).await.unwrap().claimed;
    let sent: Vec<_> = digests.iter().map(|digest| settled(digest, Settled::Sent)).collect();
    let again =
        place.store.turn("team", &recorded(&sent, due(99, at(99))), at(69)).await.unwrap().claimed;

    let told: Vec<&str> = digests
        .iter()
        .flat_map(|digest| digest.events.iter().map(|event| event.key.subject.as_str()))
        .collect();
    assert_eq!(digests.iter().map(|digest| digest.events.len()).collect::<Vec<_>>(), [10, 10, 5]);
    assert_eq!(told, names);
    assert!(digests.iter().all(|digest| digest.is_digest));
    assert_eq!(again, []);
    let filter = DeliveryFilter { state: Some(DeliveryState::Sent), most: 99, notifier: None };
    assert_eq!(place.store.deliveries(&filter).await.unwrap().rows.len(), 28);
}

#[tokio::test]
async fn a_gathered_message_names_its_digest_and_goes_its_way() {
    let Place { store, .. } = &place().await;
    let (digest, members) = dead_digest(store).await;

    let retried = store.retry(&members, at(70)).await.unwrap();
    let discarded = store.discard(&members, at(70)).await.unwrap();
    let row = store.find_delivery(members[0].as_str()).await.unwrap().remove(0);
    store.retry(std::slice::from_ref(&digest), at(71)).await.unwrap();
    let again = claim(store, 1, at(72)).await;
    let sent = [settled(&again[0], Settled::Sent)];
    store.turn("team", &recorded(&sent, None), at(73)).await.unwrap();

    assert_eq!((retried, discarded), (vec![], vec![]));
    assert_eq!(row.digest, Some((digest.clone(), DeliveryState::Dead)));
    assert_eq!((again[0].delivery.id.clone(), again[0].events.len()), (digest, 10));
    for member in &members {
        assert_eq!(state_of(store, member).await, DeliveryState::Sent);
    }
}

#[tokio::test]
async fn a_dead_digest_that_is_discarded_takes_its_members_with_it_and_no_others() {
    let Place { store, .. } = &place().await;
    let (digest, members) = dead_digest(store).await;

    let discarded = store.discard(std::slice::from_ref(&digest), at(70)).await.unwrap();

    assert_eq!(discarded, [digest]);
    for member in &members {
        assert_eq!(state_of(store, member).await, DeliveryState::Discarded);
    }
    let filter = DeliveryFilter { state: Some(DeliveryState::Held), most: 99, notifier: None };
    // Those of the two digests that are under way.
    assert_eq!(store.deliveries(&filter).await.unwrap().rows.len(), 15);
}

#[tokio::test]
async fn retries_are_counted_for_their_notifier_and_nothing_else_is() {
    let Place { store, .. } = &place().await;
    owe(store, &[event("a", EventKind::Failed, ""), event("b", EventKind::Failed, "")]).await;
    break_down(store).await;
    let filter = DeliveryFilter { state: None, most: 9, notifier: None };
    let rows = store.deliveries(&filter).await.unwrap().rows;
    let ids: Vec<DeliveryId> = rows.into_iter().map(|row| row.delivery.id).collect();

    store.discard(&ids[..1], at(8)).await.unwrap();
    let before = store.retries().await.unwrap();
    store.retry(&ids[1..], at(9)).await.unwrap();
    store.retry(&ids, at(10)).await.unwrap();
    let nothing = store.retry(&ids[..1], at(11)).await.unwrap();

    assert_eq!(before.len(), 0);
    assert_eq!(nothing, []);
    assert_eq!(store.retries().await.unwrap(), [("team".to_owned(), 2)].into());
}
