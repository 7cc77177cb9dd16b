//! Each fault, as a client meets it.

use std::time::Duration;

use reqwest::Response;
use serde_json::{Value, json};

use super::{Api, Endpoint, Fault, faulty, plain};

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

fn fill(api: &Api, count: u32) {
    for n in 0..count {
        let created_at = format!("2026-11-20T07:00:{n:02}Z");
        api.world().put_job(json!({"job_id": format!("job-{n}"), "created_at": created_at}));
    }
}

/// The ids of a walk of at most `pages` pages of `limit`.
async fn walk(api: &Api, limit: u32, pages: u32) -> Vec<String> {
    let mut ids = Vec::new();
    let mut cursor = String::new();
    for _ in 0..pages {
        let page = api.json(&format!("/jobs?limit={limit}{cursor}")).await;
        let data = page["data"].as_array().unwrap();
        ids.extend(data.iter().map(|job| job["job_id"].as_str().unwrap().to_owned()));
        match page["pagination"]["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    ids
}

#[tokio::test]
async fn a_429_has_its_headers_with_and_without_a_wait() {
    let api = faulty(&[
        "429",
        "429:retry-after=2s",
        "429:retry-after-date=90s",
        "503:retry-after-text=x",
    ])
    .await;

    let bare = api.get("/jobs").await;
    let seconds = api.get("/jobs").await;
    let date = api.get("/jobs").await;
    let text = api.get("/jobs").await;
    let after = api.get("/jobs").await;

    assert_eq!(bare.status(), 429);
    assert_eq!(header(&bare, "retry-after"), None);
    assert_eq!(header(&bare, "x-ratelimit-remaining"), Some("0"));
    assert!(header(&bare, "x-ratelimit-consumed").is_some());
    assert_eq!(header(&seconds, "retry-after"), Some("2"));
    assert_eq!(header(&date, "retry-after"), Some("Fri, 20 Nov 2026 08:01:30 GMT"));
    assert_eq!((text.status().as_u16(), header(&text, "retry-after")), (503, Some("x")));
    assert_eq!(after.status(), 200);
    let body: Value = bare.json().await.unwrap();
    assert_eq!(body["error"], "rate_limit_exceeded");
}

#[tokio::test]
async fn a_fault_meets_the_requests_it_is_about_and_no_others() {
    let api = faulty(&["500:on=get:times=2"]).await;
    let id = api.world().put_job(json!({}));
    let path = format!("/jobs/{id}");

    assert_eq!(api.get("/jobs").await.status(), 200);
    assert_eq!(api.get(&path).await.status(), 500);
    assert_eq!(api.get(&path).await.status(), 500);
    assert_eq!(api.get(&path).await.status(), 200);
}

#[tokio::test]
async fn a_fault_that_is_queued_meets_the_next_request_and_can_be_taken_back() {
    let api = plain().await;

    api.world().queue_fault(Fault::status(403).on(Endpoint::List));
    assert_eq!(api.get("/jobs").await.status(), 403);
    assert_eq!(api.get("/jobs").await.status(), 200);

    api.world().queue_fault(Fault::status(500).from(2).times(1));
    assert_eq!(api.get("/jobs").await.status(), 200);
    api.world().clear_faults();
    assert_eq!(api.get("/jobs").await.status(), 200);
}

#[tokio::test]
async fn a_fault_has_its_time_by_the_clock() {
    let api = faulty(&["503:times=always:after=10s:for=5s"]).await;

    assert_eq!(api.get("/jobs").await.status(), 200);
    api.at(12);
    assert_eq!(api.get("/jobs").await.status(), 503);
    api.at(15);
    assert_eq!(api.get("/jobs").await.status(), 200);
}

#[tokio::test]
async fn a_proxys_page_is_html() {
    let api = faulty(&["html", "html=200"]).await;

    let bad_gateway = api.get("/jobs").await;
    let fine = api.get("/jobs").await;

    assert_eq!(bad_gateway.status(), 502);
    assert_eq!(header(&bad_gateway, "content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(fine.status(), 200);
    assert!(fine.text().await.unwrap().starts_with("<!doctype html>"));
}

#[tokio::test]
async fn a_body_can_be_no_json_or_no_object() {
    let api = faulty(&["not-json", "not-object"]).await;

    let broken = api.get("/jobs").await.text().await.unwrap();
    let list: Value = api.json("/jobs").await;

    assert!(serde_json::from_str::<Value>(&broken).is_err());
    assert!(list.is_array());
}

#[tokio::test]
async fn a_cut_body_ends_before_its_length() {
    let api = faulty(&["cut", "cut"]).await;
    fill(&api, 5);

    let mut cut = api.get("/jobs").await;
    let length = cut.content_length().unwrap();
    let mut came = 0;
    let ended = loop {
        match cut.chunk().await {
            Ok(Some(chunk)) => came += chunk.len() as u64,
            other => break other,
        }
    };

    assert!(ended.is_err());
    assert!(came > 0 && came < length, "{came} of {length}");
    assert!(api.get("/jobs").await.json::<Value>().await.is_err());
    assert_eq!(api.ids("/jobs").await.len(), 5);
}

#[tokio::test]
async fn a_slow_body_comes_whole_in_the_end() {
    let api = faulty(&["slow=2ms"]).await;
    fill(&api, 5);
    let begun = std::time::Instant::now();

    let ids = api.ids("/jobs").await;

    assert_eq!(ids.len(), 5);
    assert!(begun.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn a_body_that_is_too_slow_or_does_not_come_runs_into_the_clients_limit() {
    for fault in ["slow=1h", "wait=1h"] {
        let api = faulty(&[fault]).await;
        let request = api.request(reqwest::Method::GET, "/jobs");

        let sent = request.timeout(Duration::from_millis(50)).send().await;
        let failed = match sent {
            Ok(response) => response.text().await.err(),
            Err(error) => Some(error),
        };

        assert!(failed.is_some_and(|error| error.is_timeout()), "{fault}");
    }
}

#[tokio::test]
async fn a_packed_body_unpacks() {
    let api = faulty(&["gzip"]).await;
    fill(&api, 3);

    assert_eq!(api.ids("/jobs").await.len(), 3);
}

#[tokio::test]
async fn a_bomb_is_small_on_the_wire_and_large_when_unpacked() {
    let api = faulty(&["bomb=3", "bomb=3"]).await;
    let bare = reqwest::Client::builder().no_proxy().no_gzip().build().unwrap();
    let url = format!("{}/jobs", api.running.base_url());

    let packed = bare.get(url).bearer_auth("x").send().await.unwrap();
    let encoding = header(&packed, "content-encoding").map(str::to_owned);
    let packed = packed.bytes().await.unwrap();
    let unpacked = api.get("/jobs").await.bytes().await.unwrap();

    assert_eq!(encoding.as_deref(), Some("gzip"));
    assert!(packed.len() < 100_000, "{}", packed.len());
    assert!(unpacked.len() > 3 * 1024 * 1024);
    let document: Value = serde_json::from_slice(&unpacked).unwrap();
    assert_eq!(document["data"], json!([]));
}

#[tokio::test]
async fn a_huge_body_is_as_huge_as_it_says() {
    let api = faulty(&["huge=2"]).await;

    let document = api.json("/jobs").await;

    assert_eq!(document["padding"].as_str().unwrap().len(), 2 * 1024 * 1024);
}

#[tokio::test]
async fn the_right_body_can_come_under_the_wrong_type() {
    let api = faulty(&["content-type=text/plain"]).await;

    let response = api.get("/jobs").await;

    assert_eq!(header(&response, "content-type"), Some("text/plain"));
    assert!(response.json::<Value>().await.is_ok());
}

#[tokio::test]
async fn one_odd_thing_stands_among_the_jobs() {
    let api = faulty(&["odd-element"]).await;
    fill(&api, 4);

    let page = api.json("/jobs").await;

    let data = page["data"].as_array().unwrap();
    assert_eq!(data.len(), 5);
    assert_eq!(data[2]["job_state"], 7);
    assert_eq!(data.iter().filter(|job| job["job_id"].is_string()).count(), 4);
}

#[tokio::test]
async fn a_repeated_cursor_leads_nowhere_new() {
    let api = faulty(&["repeat-cursor"]).await;
    fill(&api, 4);

    let first = api.json("/jobs?limit=2").await;
    let cursor = first["pagination"]["next_cursor"].as_str().unwrap();
    let second = api.json(&format!("/jobs?limit=2&cursor={cursor}")).await;

    assert_eq!(second["pagination"]["next_cursor"], cursor);
    assert_eq!(walk(&api, 2, 6).await.len(), 12, "it never ends by itself");
}

#[tokio::test]
async fn shifting_rows_come_twice_or_not_at_all() {
    let twice = faulty(&["shift"]).await;
    let never = faulty(&["shift=-1"]).await;
    fill(&twice, 4);
    fill(&never, 4);

    assert_eq!(walk(&twice, 2, 9).await, ["job-3", "job-2", "job-2", "job-1", "job-1", "job-0"]);
    assert_eq!(walk(&never, 2, 9).await, ["job-3", "job-2", "job-0"]);
}

#[tokio::test]
async fn the_date_is_the_clocks_unless_it_is_skewed() {
    let right = plain().await;
    let wrong = faulty(&["skew=-1h"]).await;

    let (right, wrong) = (right.get("/jobs").await, wrong.get("/jobs").await);

    assert_eq!(header(&right, "date"), Some("Fri, 20 Nov 2026 08:00:00 GMT"));
    assert_eq!(header(&wrong, "date"), Some("Fri, 20 Nov 2026 07:00:00 GMT"));
}
