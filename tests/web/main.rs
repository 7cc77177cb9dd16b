//! The service over HTTP, by the built program: what it answers, to whom, and how long it waits.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

mod access;
mod api;
mod asking;
mod callbacks;
mod health;
mod limits;
mod many;
mod openapi;
mod pages;
mod previews;
mod silences;
mod stream;
mod used;

use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use support::bridge::{Bridge, Setup};
use support::eventually;
use support::program::Program;
use support::sink::{Answer, Sink};

/// A bridge that listens.
struct Stage {
    bridge: Bridge,
    program: Program,
    /// Where it listens: "127.0.0.1:1234".
    address: String,
    http: reqwest::Client,
}

impl Stage {
    /// Listens on a free port, and has looked at everything once.
    async fn start(setup: Setup) -> Self {
        Self::start_at(setup, "127.0.0.1:0").await
    }

    async fn start_at(setup: Setup, listen: &str) -> Self {
        let (bridge, program) = setup.service(&format!("listen = \"{listen}\"")).start().await;
        let address = eventually("address in the log", || address_of(&program)).await;
        descript_notify::deliver::http::install_crypto();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { bridge, program, address, http }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn post(&self, path: &str) -> Response {
        self.request(Method::POST, path).send().await.unwrap()
    }

    /// A document that is answered with 200.
    async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Sends bytes as they are, and reads until the other side closes.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is a close, too.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn address_of(program: &Program) -> Option<String> {
    let log = program.stderr();
    let rest = log.split_once("Listening on http://")?.1;
    Some(rest.split_once('/')?.0.to_owned())
}

/// A stage with one delivery that the sink has refused for good; its id.
async fn with_one_dead_delivery(sink: &Sink, setup: Setup) -> (Stage, String) {
    let stage = Stage::start(setup).await;
    stage.bridge.world.project("p-1", "Spring launch");
    sink.script([Answer::status(400).body("no such field")]);
    let result = json!({"status": "error", "error_message": "no"});
    let job = json!({"job_state": "stopped", "project_id": "p-1", "result": result});
    stage.bridge.world.put_job(job);
    stage.program.wait_for_stderr("Gave up a message to hook").await;
    // It is logged before it is written down.
    let id = loop {
        let rows = stage.bridge.deliveries().await;
        if rows[0]["state"] == "dead" {
            break rows[0]["id"].as_str().unwrap().to_owned();
        }
    };
    (stage, id)
}
