//! What is left when something goes wrong in the middle: all of a walk or nothing of it, and a
//! row that cannot be read costs only itself.

use descript_notify::model::{Decided, DeliveryState, Event, EventKind, Pacing, Phase, Verdict};
use descript_notify::store::{
    Deciding, EventFilter, EventRow, Gather, HealthChange, JobFilter, Marks, Settled, Turn,
    WalkCommit,
};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};

use super::stage::{at, break_down, claim, due, event, job, owe, owed, recorded, settled};
use super::{Place, place};

/// Another hand on the store's file.
async fn hand_on(place: &Place) -> SqliteConnection {
    SqliteConnectOptions::new().filename(&place.path).connect().await.unwrap()
}

async fn write(place: &Place, statement: &'static str) {
    sqlx::raw_sql(statement).execute(&mut hand_on(place).await).await.unwrap();
}

#[tokio::test]
async fn a_walk_that_is_not_committed_leaves_nothing() {
    let place = place().await;

    let mut walk = place.store.begin("main").await.unwrap();
    walk.known(&[]).await.unwrap();
    drop(walk);

    let jobs = place.store.jobs(&JobFilter { most: 9, ..JobFilter::default() }).await.unwrap();
    assert!(jobs.rows.is_empty());
    assert!(!jobs.more);
}

#[tokio::test]
async fn a_walk_is_written_whole_or_not_at_all() {
    let place = place().await;
    let happened = event("a", EventKind::Failed, "");
    let commit = WalkCommit {
        jobs: vec![job("a", Phase::Ended)],
        events: vec![happened],
        marks: Some(Marks { baseline_at: Some(at(1)), ..Marks::default() }),
        ..WalkCommit::default()
    };
    let decide = |event: Event, _: &mut Pacing| Decided {
        verdicts: vec![("r".into(), Verdict::Send)],
        owed: vec![owed(&event, "r", "team")],
        ..Decided::nothing(event)
    };
    let deciding = Deciding { now: at(5), decide: &decide };

    for table in ["job", "event", "verdict", "delivery", "source"] {
        let trigger = format!(
            "CREATE TRIGGER stop BEFORE INSERT ON {table} BEGIN SELECT raise(ABORT, 'stop'); END"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(trigger))
            .execute(&mut hand_on(&place).await)
            .await
            .unwrap();

        let stopped = place.store.begin("main").await.unwrap().commit(&commit, deciding).await;

        assert!(stopped.is_err(), "{table}");
        write(&place, "DROP TRIGGER stop").await;
        let memory = place.store.remember("main").await.unwrap();
        assert_eq!((memory.marks, memory.ended.len()), (Marks::default(), 0), "{table}");
        let events = EventFilter { most: 9, ..EventFilter::default() };
        assert_eq!(place.store.events(&events).await.unwrap().rows.len(), 0, "{table}");
        assert_eq!(place.store.outbox().await.unwrap(), [], "{table}");
    }
    let committed =
        place.store.begin("main").await.unwrap().commit(&commit, deciding).await.unwrap();
    assert_eq!((committed.decided.len(), committed.deliveries), (1, 1));
}

#[tokio::test]
async fn a_message_whose_event_cannot_be_read_is_given_up_alone() {
    for damage in [
        "UPDATE event SET document = '{\"cut' WHERE job_id = 'b'",
        "UPDATE event SET document = CAST(x'ff' AS TEXT) WHERE job_id = 'b'",
        "UPDATE event SET kind = 'exploded' WHERE job_id = 'b'",
        "UPDATE event SET detected_ms = 9223372036854775807 WHERE job_id = 'b'",
        "UPDATE delivery SET kind = 'exploded' WHERE job_id = 'b'",
        "PRAGMA foreign_keys = OFF; DELETE FROM event WHERE job_id = 'b'",
    ] {
        let place = place().await;
        let names = ["a", "b", "c"];
        owe(&place.store, &names.map(|name| event(name, EventKind::Failed, ""))).await;
        write(&place, damage).await;

        let claimed = claim(&place.store, 9, at(6)).await;

        let jobs: Vec<&str> = claimed.iter().map(|one| one.delivery.job_id.as_str()).collect();
        assert_eq!(jobs, ["a", "c"], "{damage}");
        let outbox = place.store.outbox().await.unwrap();
        let states: Vec<(&str, u64)> =
            outbox.iter().map(|count| (count.state.as_str(), count.count)).collect();
        assert_eq!(states, [("dead", 1), ("sending", 2)], "{damage}");
        let dead = place.store.dead().await.unwrap();
        let error: String = sqlx::query_scalar("SELECT last_error FROM delivery WHERE id = $1")
            .bind(dead[0].as_str())
            .fetch_one(&mut hand_on(&place).await)
            .await
            .unwrap();
        assert!(error.starts_with("it cannot be sent: the store "), "{damage}: {error}");
        assert!(error.ends_with("put a backup of the store in its place"), "{damage}: {error}");
    }
}

#[tokio::test]
async fn of_a_digest_only_the_member_that_cannot_be_read_is_given_up() {
    let place = place().await;
    let names = ["a", "b", "c"];
    owe(&place.store, &names.map(|name| event(name, EventKind::Failed, ""))).await;
    break_down(&place.store).await;
    write(&place, "UPDATE event SET document = 'x' WHERE job_id = 'b'").await;

    let gather = Some(Gather { more_than: 2, most: 10 });
    let health = Some(HealthChange::Well { gather, news: None });
    let turn = Turn { settlements: &[], health, claim: due(9, at(99)) };
    let claimed = place.store.turn("team", &turn, at(68)).await.unwrap().claimed;
    let sent = [settled(&claimed[0], Settled::Sent)];
    place.store.turn("team", &recorded(&sent, None), at(69)).await.unwrap();

    let told: Vec<&str> =
        claimed[0].events.iter().map(|event| event.key.subject.as_str()).collect();
    assert_eq!((claimed.len(), told), (1, vec!["a", "c"]));
    let dead = place.store.dead().await.unwrap();
    assert_eq!(dead.len(), 1);
    let dead = place.store.find_delivery(dead[0].as_str()).await.unwrap().remove(0);
    assert_eq!((dead.delivery.job_id.as_str(), dead.delivery.state), ("b", DeliveryState::Dead));
    assert_eq!(place.store.outbox().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_digest_of_which_nothing_can_be_read_is_given_up() {
    let place = place().await;
    let names = ["a", "b", "c"];
    owe(&place.store, &names.map(|name| event(name, EventKind::Failed, ""))).await;
    break_down(&place.store).await;
    write(&place, "UPDATE event SET document = 'x'").await;

    let gather = Some(Gather { more_than: 2, most: 10 });
    let health = Some(HealthChange::Well { gather, news: None });
    let turn = Turn { settlements: &[], health, claim: due(9, at(99)) };
    let claimed = place.store.turn("team", &turn, at(68)).await.unwrap().claimed;

    assert_eq!(claimed, []);
    assert_eq!(place.store.dead().await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_damaged_event_costs_a_listing_only_itself() {
    let place = place().await;
    let events = ["a", "b", "c"].map(|name| event(name, EventKind::Failed, ""));
    owe(&place.store, &events).await;
    write(&place, "UPDATE event SET document = 'torn' WHERE job_id = 'b'").await;

    let filter = EventFilter { most: 9, ..EventFilter::default() };
    let listed = place.store.events(&filter).await.unwrap();
    let recent = place.store.recent_events(&[EventKind::Failed], 9).await.unwrap();

    let jobs = |rows: &[EventRow]| -> Vec<String> {
        rows.iter().map(|row| row.event.key.subject.clone()).collect()
    };
    assert_eq!(jobs(&listed.rows), ["c", "a"]);
    assert_eq!(jobs(&recent), ["c", "a"]);
}
