//! What every store promises, on a real PostgreSQL server: the same tests as on a file, and what
//! several processes promise each other that share a store.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "../store/attending.rs"]
mod attending;
#[path = "../store/forgetting.rs"]
mod forgetting;
#[path = "../store/ledger.rs"]
mod ledger;
#[path = "../support/postgres.rs"]
#[allow(dead_code, reason = "others restart theirs")]
mod postgres;
#[path = "../store/stage.rs"]
mod stage;

mod moving;
mod sharing;

use descript_notify::store::{Access, Place as StorePlace, Store};

use stage::at;

struct Place {
    url: String,
    place: StorePlace,
    store: Store,
}

async fn place() -> Place {
    let url = postgres::schema();
    let place = StorePlace::of_url(&url).unwrap();
    let store = Store::open_at(&place, Access::Service, at(0)).await.unwrap();
    Place { url, place, store }
}
