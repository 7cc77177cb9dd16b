//! Where the messages go: answers 200 at once, and remembers what came and when.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A running sink.
#[derive(Debug)]
pub struct Sink {
    pub url: String,
    came: Arc<Mutex<Vec<Arrival>>>,
    _serving: JoinSet<()>,
}

/// One message.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub at: Instant,
    pub body: Bytes,
    /// Its `webhook-id`; empty where it has none.
    id: String,
}

impl Sink {
    /// Listens as long as the value lives.
    pub async fn start() -> Self {
        let came = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().route("/hook", post(take)).with_state(came.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, router).await.expect("a server") });
        Self { url, came, _serving: serving }
    }

    /// Waits for so many messages since the last [`Sink::forget`], each with an id of its own.
    ///
    /// # Panics
    /// When they have not come by then, or one came twice.
    pub async fn wait_for(&self, count: usize, longest: Duration) -> Vec<Arrival> {
        let deadline = Instant::now() + longest;
        while self.came.lock().expect("no panic").len() < count {
            let came = self.came.lock().expect("no panic").len();
            assert!(Instant::now() < deadline, "{came} of {count} messages after {longest:?}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let came = self.came.lock().expect("no panic").clone();
        let ids: HashSet<&str> = came.iter().map(|arrival| arrival.id.as_str()).collect();
        assert_eq!((came.len(), ids.len()), (count, count), "every message comes once");
        came
    }

    /// Counts from here.
    pub fn forget(&self) {
        self.came.lock().expect("no panic").clear();
    }
}

async fn take(State(came): State<Arc<Mutex<Vec<Arrival>>>>, headers: HeaderMap, body: Bytes) {
    let at = Instant::now();
    let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    came.lock().expect("no panic").push(Arrival { at, body, id: id.to_owned() });
}
