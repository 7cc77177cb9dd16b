//! The first page of a store that has grown large.

use std::time::{Duration, Instant};

use descript_notify::clock::Clock;
use reqwest::{Client, Method};
use serde_json::json;

use super::{Stage, address_of};
use crate::support::bridge::Setup;
use crate::support::sink::Sink;
use crate::support::{eventually, many};

const MOST_BYTES: usize = 100_000;

/// The aim is 50 ms; this may be a debug build that runs among other tests.
const MOST: Duration = Duration::from_millis(400);

/// A hundred thousand jobs are a month's.
const STEP_MS: i64 = 25_000;

#[expect(clippy::print_stderr, reason = "shown where the test fails or is asked to")]
#[tokio::test]
async fn a_hundred_thousand_jobs_make_the_first_page_neither_large_nor_slow() {
    let sink = Sink::start().await;
    let setup = Setup::everything_to(&sink).service("listen = \"127.0.0.1:0\"");
    let (bridge, program) = setup.start().await;
    program.kill().await;
    many::fill(&bridge.store(), Clock::System.now().as_millisecond(), STEP_MS).await;
    let program = bridge.start().await;
    let address = eventually("address in the log", || address_of(&program)).await;
    descript_notify::deliver::http::install_crypto();
    let http = Client::builder().no_proxy().build().unwrap();
    let stage = Stage { bridge, program, address, http };
    let label = "x".repeat(100);
    for _ in 0..40 {
        stage.bridge.world.put_job(json!({"job_type": "publish", "job_state": "running",
            "project_id": label, "progress": {"label": label, "percent": 15}}));
    }
    stage.bridge.looked().await;
    let matchers: Vec<String> = (0..6).map(|n| format!("job.p{n}={label}")).collect();
    let wish = json!({"for": "1h", "comment": label, "author": label, "matchers": matchers});
    for _ in 0..12 {
        let request = stage.request(Method::POST, "/api/v1/silences").body(wish.to_string());
        assert_eq!(request.send().await.unwrap().status(), 201);
    }

    let mut took = Vec::new();
    let mut first = None;
    let page = loop {
        let begun = Instant::now();
        let page = stage.get("/").await.text().await.unwrap();
        took.push(begun.elapsed());
        first.get_or_insert(begun.elapsed());
        // What has been used is added up beside the first pages.
        if took.len() >= 20 && page.contains("media minutes in 30 days") {
            break page;
        }
    };
    took.sort();

    let (best, median) = (took[0], took[took.len() / 2]);
    for full in ["There are more", ">dead<", ">held<", ">pending<", "And 4 more"] {
        assert!(page.contains(full), "{full}");
    }
    eprintln!("{} bytes; first {first:?}, best {best:?}, median {median:?}", page.len());
    assert!(page.len() < MOST_BYTES, "{}", page.len());
    assert!(best < MOST, "{best:?}");
}
