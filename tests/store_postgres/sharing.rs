//! Several services on one store, each with connections of its own: who polls, who sends, at
//! whose pace; and who is not let in.

use std::time::Duration;

use descript_notify::store::{LEASE_LASTS, Rhythm};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::stage::*;
use super::{Place, StorePlace, place};

impl Place {
    /// Another service on the same store.
    async fn another(&self) -> Store {
        Store::open_at(&self.place, Access::Service, at(0)).await.unwrap()
    }

    /// Runs a statement in the store's schema.
    async fn write(&self, statement: &str) {
        let StorePlace::Server(_) = &self.place else { unreachable!("it is a server") };
        let (base, schema) = self.url.split_once("?schema=").unwrap();
        let mut connection = PgConnection::connect(base).await.unwrap();
        let statement = format!("SET search_path = {schema}; {statement}");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
}

async fn walk_of(store: &Store) -> Result<Committed, StoreError> {
    let decide = |event: Event, _: &mut Pacing| Decided::nothing(event);
    let deciding = Deciding { now: at(5), decide: &decide };
    store.begin("main").await?.commit(&WalkCommit::default(), deciding).await
}

#[tokio::test]
async fn a_source_is_polled_by_one_and_a_new_owner_shuts_out_the_last_one() {
    let place = place().await;
    let (one, other) = (&place.store, place.another().await);

    assert!(one.take_lease("main").await.unwrap());
    assert!(!other.take_lease("main").await.unwrap());
    assert!(matches!(walk_of(&other).await, Err(StoreError::LeaseLost(_))));
    walk_of(one).await.unwrap();

    // As when `one` stands still for longer than its lease.
    place.write("UPDATE lease SET until_ms = now_ms() - 1").await;
    assert!(other.take_lease("main").await.unwrap());
    let refused = walk_of(one).await.unwrap_err();
    assert!(!one.renew_lease("main").await.unwrap());
    walk_of(&other).await.unwrap();

    insta::assert_snapshot!(refused, @"another service polls `main` now: what was seen here is left to it");
    // Also when nobody has it any more: what `one` remembers is old until it has it again.
    other.end_lease("main").await.unwrap();
    assert!(walk_of(one).await.is_err());
    assert!(one.take_lease("main").await.unwrap());
    walk_of(one).await.unwrap();
    assert!(LEASE_LASTS < Duration::from_secs(15));
}

#[tokio::test]
async fn two_services_share_what_is_due_and_neither_gets_what_the_other_has() {
    let place = place().await;
    let other = place.another().await;
    let names: Vec<String> = (0..20).map(|number| format!("job {number}")).collect();
    let events: Vec<Event> = names.iter().map(|name| event(name, EventKind::Failed, "")).collect();
    owe(&place.store, &events).await;

    let claims = tokio::join!(
        claim(&place.store, 8, at(6)),
        claim(&other, 8, at(6)),
        claim(&place.store, 8, at(6)),
        claim(&other, 8, at(6)),
    );

    let claims = [claims.0, claims.1, claims.2, claims.3].concat();
    let ids: HashSet<String> = claims.iter().map(|claim| claim.delivery.id.to_string()).collect();
    assert_eq!((claims.len(), ids.len()), (20, 20));
}

#[tokio::test]
async fn a_claim_that_runs_is_nobody_elses_and_one_whose_time_is_over_is() {
    let place = place().await;
    let other = place.another().await;
    owe(&place.store, &[event("a", EventKind::Failed, "")]).await;
    let claimed = claim(&place.store, 1, at(6)).await;

    assert_eq!((other.lost_claims().await.unwrap(), other.recover(at(7)).await.unwrap()), (0, 0));
    place.write("UPDATE delivery SET claimed_until_ms = now_ms() - 1").await;
    assert_eq!((other.lost_claims().await.unwrap(), other.recover(at(7)).await.unwrap()), (1, 1));
    let again = claim(&other, 1, at(8)).await;

    assert_eq!(again[0].delivery.id, claimed[0].delivery.id);
    assert!(again[0].delivery.repeat);
    let attempts = other.attempts(&claimed[0].delivery.id).await.unwrap();
    assert_eq!(attempts[0].outcome, AttemptOutcome::Unsure);
    // The first one's answer comes too late.
    let late = [settled(&claimed[0], Settled::Sent)];
    place.store.turn("team", &recorded(&late, None), at(9)).await.unwrap();
    assert_eq!(state_of(&other, &claimed[0].delivery.id).await, DeliveryState::Sending);
}

#[tokio::test]
async fn the_pace_is_one_for_all_and_so_is_a_pause_that_a_service_asks_for() {
    let place = place().await;
    let other = place.another().await;
    let names: Vec<String> = (0..9).map(|number| format!("job {number}")).collect();
    let events: Vec<Event> = names.iter().map(|name| event(name, EventKind::Failed, "")).collect();
    owe(&place.store, &events).await;
    let rhythm = Rhythm { every: Duration::from_secs(3600), burst: 3, pause: None };
    let turn = Turn { claim: due(2, at(99)), ..Turn::default() };

    let first = place.store.paced_turn("team", &turn, &rhythm, at(6)).await.unwrap();
    let second = other.paced_turn("team", &turn, &rhythm, at(6)).await.unwrap();
    let third = place.store.paced_turn("team", &turn, &rhythm, at(6)).await.unwrap();

    assert_eq!((first.claimed.len(), first.wait), (2, None));
    assert_eq!(second.claimed.len(), 1);
    assert_eq!(third.claimed.len(), 0);
    assert!(third.wait > Some(Duration::from_secs(3590)), "{:?}", third.wait);
    let unlimited = Rhythm { every: Duration::ZERO, burst: 1, pause: None };
    let paused = Rhythm { pause: Some(Duration::from_secs(7200)), ..unlimited };
    other.paced_turn("team", &Turn::default(), &paused, at(6)).await.unwrap();
    let waits = place.store.paced_turn("team", &turn, &unlimited, at(6)).await.unwrap();
    assert_eq!(waits.claimed.len(), 0);
    assert!(waits.wait > Some(Duration::from_secs(7100)), "{:?}", waits.wait);
}

#[tokio::test]
async fn two_that_are_refused_tell_it_once() {
    let place = place().await;
    let other = place.another().await;
    let down = |since: Timestamp| {
        let facts = serde_json::Map::new();
        Event::about_itself(EventKind::NotifierDown, "", "team", since, since, facts)
    };
    let decide = |event: Event, _: &mut Pacing| Decided::nothing(event);
    let deciding = Deciding { now: at(5), decide: &decide };
    let mut told = 0;

    for (store, since) in [(&place.store, at(6)), (&other, at(7))] {
        let event = down(since);
        let broken = Broken { since, reason: "revoked".into(), probes: 1, probe_due: at(66) };
        let news = Some(descript_notify::store::Notice { event: &event, deciding });
        let health = Some(HealthChange::Broken { broken: &broken, news });
        let turn = Turn { health, ..Turn::default() };
        told += store.turn("team", &turn, at(7)).await.unwrap().news.len();
    }

    assert_eq!(told, 1);
    assert_eq!(other.broken("team").await.unwrap().unwrap().since, at(6));
}

#[tokio::test]
async fn what_another_service_writes_is_heard() {
    let place = place().await;
    let other = place.another().await;
    let before = place.store.data_version().await.unwrap();
    // It may just have begun to listen.
    tokio::time::timeout(Duration::from_secs(10), place.store.heard()).await.unwrap();

    owe(&other, &[event("a", EventKind::Failed, "")]).await;

    tokio::time::timeout(Duration::from_secs(10), place.store.heard()).await.unwrap();
    assert!(place.store.data_version().await.unwrap() > before);
}

#[tokio::test]
async fn a_name_with_a_zero_byte_stops_nothing() {
    let place = place().await;
    let mut odd = event("a", EventKind::Failed, "");
    odd.project_name = ProjectName::Known("Fi\0lm".into());
    odd.job.as_mut().unwrap().edit(|job| {
        job.insert("title".into(), json!("a\0b \\u0000"));
    });

    owe(&place.store, &[odd.clone()]).await;
    let claimed = claim(&place.store, 1, at(6)).await;

    let told = &claimed[0].events[0];
    assert_eq!(told.project_name, ProjectName::Known("Fi\u{fffd}lm".into()));
    assert_eq!(told.job, odd.job);
}

#[tokio::test]
async fn who_may_not_use_a_server_is_told_what_to_do_and_no_password_is_shown() {
    let place = place().await;
    let (base, _) = place.url.split_once("?schema=").unwrap();
    let with_password = base.replace("postgres@", "postgres:hunter2@");
    let refused = async |url: String, access| {
        let place = StorePlace::of_url(&url).unwrap();
        let told = Store::open_at(&place, access, at(0)).await.unwrap_err();
        assert!(!format!("{told} {told:?}").contains("hunter2"), "{told:?}");
        told.to_string()
    };
    let new = |name: &str| format!("{with_password}?schema={name}");

    let missing = refused(new("nobody_made_it"), Access::Beside).await;
    let no_database = format!("{}/nowhere", with_password.strip_suffix("/postgres").unwrap());
    let no_database = refused(no_database, Access::Service).await;
    let nobody = "postgres://ann:hunter2@127.0.0.1:1/notify".to_owned();
    let nobody = refused(nobody, Access::Service).await;
    place.write("CREATE SCHEMA foreign_one; CREATE TABLE foreign_one.version_of (a int)").await;
    let foreign = refused(new("foreign_one"), Access::Service).await;
    place.write("UPDATE version SET number = 999; DROP SCHEMA foreign_one CASCADE").await;
    let newer = Store::open_at(&place.place, Access::Service, at(0)).await.unwrap_err();

    assert!(missing.contains("has `descript-notify run` been started"), "{missing}");
    assert!(no_database.contains("make the database"), "{no_database}");
    assert!(nobody.contains("nobody answers there"), "{nobody}");
    assert!(foreign.contains("add ?schema=NAME"), "{foreign}");
    assert!(newer.to_string().contains("its schema is 999, this program knows 1"), "{newer}");
}
