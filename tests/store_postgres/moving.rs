//! `store copy`: from a file to a server and back, with everything that a store can hold.

use descript_notify::model::Silence;
use descript_notify::store::{Place as StorePlace, copy};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, SqliteConnection};

use super::place;
use super::stage::*;

/// Every row of every table, as the database shows it.
async fn whole(path: &std::path::Path) -> Vec<String> {
    let mut file: SqliteConnection =
        SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .fetch_all(&mut file)
            .await
            .unwrap();
    let mut rows = Vec::new();
    for table in tables {
        let names: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(&table)
            .fetch_all(&mut file)
            .await
            .unwrap();
        let quoted: Vec<String> = names.iter().map(|name| format!("quote(\"{name}\")")).collect();
        let all = format!("SELECT {} FROM {table} ORDER BY 1", quoted.join(" || ',' || "));
        let of_table: Vec<String> =
            sqlx::query_scalar(AssertSqlSafe(all)).fetch_all(&mut file).await.unwrap();
        rows.extend(of_table.into_iter().map(|row| format!("{table}: {row}")));
    }
    rows
}

/// A store with something in most tables, of which some has been forgotten already.
async fn fill(store: &Store) {
    let jobs = vec![job("a", Phase::Ended), job("b", Phase::Open)];
    let marks = Some(Marks { baseline_at: Some(at(1)), ..Marks::default() });
    stage_commit(store, WalkCommit { jobs, marks, ..WalkCommit::default() }).await;
    let names: Vec<String> = (0..25).map(|number| format!("job {number:02}")).collect();
    let events: Vec<Event> = names.iter().map(|name| event(name, EventKind::Failed, "")).collect();
    owe(store, &events).await;
    break_down(store).await;
    let gather = Some(descript_notify::store::Gather { more_than: 20, most: 10 });
    let health = Some(HealthChange::Well { gather, news: None });
    let turn = Turn { settlements: &[], health, claim: due(2, at(99)) };
    let claimed = store.turn("team", &turn, at(68)).await.unwrap().claimed;
    let refused = [
        settled(&claimed[0], Settled::Dead { why: "no_text".into() }),
        settled(&claimed[1], Settled::Sent),
    ];
    store.turn("team", &recorded(&refused, None), at(69)).await.unwrap();
    store.keep_project_name("main", "p1", Some("Film \u{1F3AC}"), at(5)).await.unwrap();
    store.retry(&[claimed[0].delivery.id.clone()], at(70)).await.unwrap();
    let silence = Silence {
        id: "s1".into(),
        matchers: vec!["job.job_type=agent".into()],
        comment: "holiday".into(),
        author: "ann".into(),
        created_at: at(1),
        expires_at: at(100),
        summarise: true,
        silenced: 3,
    };
    store.add_silence(&silence).await.unwrap();
}

async fn stage_commit(store: &Store, walk: WalkCommit) {
    super::stage::commit(store, walk, vec![]).await;
}

#[tokio::test]
async fn a_store_that_moves_to_a_server_and_back_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (first, last) = (folder.path().join("a.db"), folder.path().join("b.db"));
    let file = Store::open(&first, Access::Service, at(0)).await.unwrap();
    fill(&file).await;
    file.close().await;
    drop(file);
    let server = super::StorePlace::of_url(&super::postgres::schema()).unwrap();
    let (from, back) = (StorePlace::File(first.clone()), StorePlace::File(last.clone()));

    let copied = copy(&from, &server, at(71)).await.unwrap();
    let refused = copy(&from, &server, at(71)).await.unwrap_err();
    let returned = copy(&server, &back, at(72)).await.unwrap();

    assert_eq!(copied, returned);
    assert!(copied["delivery"] > 20 && copied["group_member"] > 0, "{copied:?}");
    assert_eq!(whole(&first).await, whole(&last).await);
    assert!(refused.to_string().contains("holds something already"), "{refused}");
}

#[tokio::test]
async fn what_is_added_after_a_move_comes_after_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let file = Store::open(&path, Access::Service, at(0)).await.unwrap();
    fill(&file).await;
    file.close().await;
    drop(file);
    let place = super::StorePlace::of_url(&super::postgres::schema()).unwrap();
    copy(&StorePlace::File(path), &place, at(71)).await.unwrap();
    let store = Store::open_at(&place, Access::Service, at(72)).await.unwrap();

    owe(&store, &[event("new", EventKind::Failed, "")]).await;

    let newest = EventFilter { most: 2, ..EventFilter::default() };
    let rows = store.events(&newest).await.unwrap().rows;
    assert_eq!(rows[0].event.key.subject, "new");
    assert_eq!(rows[0].seq, rows[1].seq + 1);
}

#[tokio::test]
async fn a_store_that_a_service_works_with_stays_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let place = place().await;
    assert!(place.store.take_lease("main").await.unwrap());
    let to = StorePlace::File(path.clone());

    let polled = copy(&place.place, &to, at(1)).await.unwrap_err();
    let same = copy(&place.place, &place.place, at(1)).await.unwrap_err();
    let missing = copy(&to, &place.place, at(1)).await.unwrap_err();

    assert!(polled.to_string().contains("a service works with"), "{polled}");
    assert!(same.to_string().contains("both are the same store"), "{same}");
    assert!(matches!(missing, StoreError::Missing(_)), "{missing}");
    assert!(!path.exists());
}
