//! The emulator over HTTP: each test starts one on a free port, with a clock that stands still.

mod faults;
mod file;
mod jobs;
mod list;
mod posts;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;

use crate::clock::Clock;

use super::{
    Allowance, Emulator, EmulatorError, Endpoint, Fault, Options, Order, Profile, Running,
    Scenario, World,
};

/// A running emulator, a client for it, and the clock that both go by.
struct Api {
    running: Running,
    client: Client,
    clock: Clock,
}

const START: &str = "2026-11-20T08:00:00Z";

fn start_time() -> Timestamp {
    START.parse().unwrap()
}

async fn api(options: Options) -> Api {
    // A second installation is refused, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Clock::fixed(start_time());
    let running = Emulator::start(options, clock.clone()).await.unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    Api { running, client, clock }
}

async fn plain() -> Api {
    api(Options::default()).await
}

async fn faulty(faults: &[&str]) -> Api {
    let faults = faults.iter().map(|text| text.parse().unwrap()).collect();
    api(Options { faults, ..Options::default() }).await
}

impl Api {
    fn world(&self) -> World {
        self.running.handle()
    }

    /// Moves the clock to so many seconds after the start.
    fn at(&self, secs: i64) {
        self.clock.set(start_time() + SignedDuration::from_secs(secs));
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.running.base_url()))
            .bearer_auth("any-token")
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let response = self.request(Method::POST, path).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// The ids on the page that the path asks for.
    async fn ids(&self, path: &str) -> Vec<String> {
        let page = self.json(path).await;
        let data = page["data"].as_array().unwrap();
        data.iter().map(|job| job["job_id"].as_str().unwrap().to_owned()).collect()
    }
}
