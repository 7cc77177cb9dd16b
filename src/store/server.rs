//! Opening a store on a PostgreSQL server: the connections, the schema, the ear for what other
//! processes write.
//!
//! Several services may share it; who polls what and who sends what is settled by leases and
//! claims. Everything of ours is in one schema, the functions included that SQLite has built in.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnection, PgListener, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::place::{Place, ServerPlace};
use super::shared::Shared;
use super::sql::{Ground, Pool, Server, within};
use super::{Access, SCHEMA_VERSION, Store, StoreError};
use crate::model::Fingerprint;

/// In order; never changed once released, only added to. As many as SQLite has.
const MIGRATIONS: [&str; SCHEMA_VERSION as usize] =
    [include_str!("migrations/postgres/0001_ledger.sql")];

/// Enough for every loop of a process; a server's default is a hundred for all.
const CONNECTIONS: u32 = 12;

/// For a connection to come free, or to be made.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// After a connection was lost, and between looks while there is none.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// When nothing has been heard for so long it is asked whether anybody is there.
const SILENCE: Duration = Duration::from_secs(15);

/// What every connection is told first. A process that stands still in a transaction, or that
/// the network has lost, must not hold up the others for longer than a lease.
const MANNERS: &str = "
SET statement_timeout = '30s';
SET idle_in_transaction_session_timeout = '8s';
SET tcp_keepalives_idle = 5;
SET tcp_keepalives_interval = 2;
SET tcp_keepalives_count = 3;
SET tcp_user_timeout = '10s';
SET default_transaction_isolation = 'read committed';
SET client_min_messages = 'warning';
SET jit = off;
";

/// Hears what other processes write.
#[derive(Debug, Default)]
pub(super) struct Ear {
    /// Moves with each thing heard, and each second while nothing can be heard.
    pub(super) version: AtomicI64,
    pub(super) rings: Notify,
}

impl Ear {
    fn hear(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
        self.rings.notify_one();
    }
}

impl Store {
    /// Opens the store of a server.
    pub(super) async fn open_server(
        place: &ServerPlace,
        access: Access,
    ) -> Result<Self, StoreError> {
        let named = || Place::Server(place.clone());
        let failed = |cause: sqlx::Error| StoreError::from(cause).of(named());
        let options = place.options()?;
        let manners = format!("SET search_path = {};{MANNERS}", quoted(place.schema()));
        let manners: Arc<str> = manners.into();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .min_connections(0)
            .acquire_timeout(CONNECT_WITHIN)
            .idle_timeout(Duration::from_secs(5 * 60))
            .after_connect(move |connection, _| {
                let manners = Arc::clone(&manners);
                Box::pin(async move { connection.execute(AssertSqlSafe(manners)).await.map(drop) })
            });
        // The first one by itself: a pool would try again and again, and hide the cause.
        let first = tokio::time::timeout(CONNECT_WITHIN, PgConnection::connect_with(&options));
        let first = match first.await {
            Ok(connection) => connection.map_err(failed)?,
            Err(_) => {
                return Err(failed(std::io::Error::from(std::io::ErrorKind::TimedOut).into()));
            }
        };
        let pool = pool.connect_lazy_with(options);
        migrate(first, place, access).await.map_err(|error| error.of(named()))?;
        let owner = format!("{}-{:016x}", std::process::id(), fastrand::u64(..));
        let ground = Arc::new(Ground::new(place.schema(), owner));
        let ear = Arc::new(Ear::default());
        let listening = match access {
            Access::Service => listen(pool.clone(), Arc::clone(&ground), Arc::clone(&ear)),
            Access::Beside => JoinSet::new(),
        };
        let owner = ground.owner.clone().into();
        let both = Pool::Postgres(Server { pool, ground });
        Ok(Self {
            writer: both.clone(),
            readers: both,
            place: named(),
            owner,
            news: super::news::Newsroom::default(),
            shared: Some(Arc::new(Shared::new(ear, listening))),
            _lock: None,
        })
    }
}

/// Makes the schema where the service finds none, and brings it up to date.
async fn migrate(
    mut connection: PgConnection,
    place: &ServerPlace,
    access: Access,
) -> Result<(), StoreError> {
    let shown = || Place::Server(place.clone()).to_string();
    within(connection.execute(MANNERS)).await?;
    let version = async |connection: &mut PgConnection| -> Result<Option<i64>, sqlx::Error> {
        let table = format!("{}.version", quoted(place.schema()));
        let known: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
            .bind(&table)
            .fetch_one(&mut *connection)
            .await?;
        match known {
            false => Ok(None),
            true => {
                let number = AssertSqlSafe(format!("SELECT number FROM {table}"));
                sqlx::query_scalar(number).fetch_optional(connection).await
            }
        }
    };
    let newer = |found| StoreError::Newer { path: shown(), found, known: SCHEMA_VERSION };
    match version(&mut connection).await? {
        Some(found) if found > SCHEMA_VERSION => return Err(newer(found)),
        Some(SCHEMA_VERSION) => return Ok(connection.close().await?),
        None if access == Access::Beside => return Err(StoreError::Missing(shown())),
        Some(_) | None => {}
    }
    let mut transaction = connection.begin().await?;
    // Several services may start at once.
    let lock = Fingerprint::of(format!("migrate {}", place.schema()).as_bytes()).0;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(lock).execute(&mut *transaction).await?;
    let found = version(&mut transaction).await?;
    if found.is_none() {
        let is_there: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)")
                .bind(place.schema())
                .fetch_one(&mut *transaction)
                .await?;
        let tables: i64 =
            sqlx::query_scalar("SELECT count(*) FROM pg_tables WHERE schemaname = $1")
                .bind(place.schema())
                .fetch_one(&mut *transaction)
                .await?;
        if tables > 0 {
            return Err(StoreError::NotOurSchema(shown()));
        }
        if !is_there {
            let make = format!("CREATE SCHEMA {}", quoted(place.schema()));
            transaction.execute(AssertSqlSafe(make)).await?;
        }
    }
    let path = format!("SET LOCAL search_path = {}", quoted(place.schema()));
    transaction.execute(AssertSqlSafe(path)).await?;
    for (number, migration) in (1_i64..).zip(MIGRATIONS) {
        if number > found.unwrap_or(0) {
            within(transaction.execute(migration)).await?;
        }
    }
    transaction.execute("DELETE FROM version").await?;
    sqlx::query("INSERT INTO version (number) VALUES ($1)")
        .bind(SCHEMA_VERSION)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    connection.close().await?;
    Ok(())
}

/// Hears from now on what the other processes write, until the set is dropped or told to end.
fn listen(pool: PgPool, ground: Arc<Ground>, ear: Arc<Ear>) -> JoinSet<()> {
    let mut listening = JoinSet::new();
    listening.spawn(async move {
        loop {
            // What ends it is a lost connection; what was written meanwhile was not heard.
            let _ = hear(&pool, &ground, &ear).await;
            ear.hear();
            tokio::time::sleep(LISTEN_AGAIN).await;
        }
    });
    listening
}

async fn hear(pool: &PgPool, ground: &Ground, ear: &Ear) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(&ground.channel).await?;
    ear.hear();
    loop {
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(told))) if told.payload() == ground.owner => {}
            Ok(Ok(Some(_))) => ear.hear(),
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(cause)) => return Err(cause),
            Err(_) => {
                let asked = tokio::time::timeout(LISTEN_AGAIN * 5, listener.execute("SELECT 1"));
                let Ok(answer) = asked.await else { return Ok(()) };
                answer?;
            }
        }
    }
}

/// A name as SQL takes it, whatever letters it has.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
