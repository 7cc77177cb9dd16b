//! Listings, pages, filters, decisions.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{Stage, with_one_dead_delivery};
use crate::support::bridge::Setup;
use crate::support::sink::Sink;

#[tokio::test]
async fn rows_are_those_of_the_command_line() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let cli = async |args: &[&str]| stage.bridge.cli(args).await.succeeded().json();

    for (key, args) in [
        ("jobs", &["jobs", "--json"][..]),
        ("events", &["events", "--json"]),
        ("deliveries", &["deliveries", "list", "--json"]),
    ] {
        let page = stage.json(&format!("/api/v1/{key}")).await;
        assert_eq!(page[key], cli(args).await[key]);
        assert_eq!(page[key].as_array().unwrap().len(), 1);
        assert_eq!(page["next_cursor"], Value::Null);
    }
    let one = stage.json(&format!("/api/v1/deliveries/{id}")).await;
    assert_eq!(one, cli(&["deliveries", "show", &id, "--json"]).await);
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap_or_a_repeat() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    for _ in 0..7 {
        let job = stage.bridge.run("agent");
        stage.bridge.succeed(&job);
    }
    sink.wait_for(7).await;
    stage.bridge.looked().await;

    for (key, id) in [("jobs", "/job_id"), ("events", "/event/id"), ("deliveries", "/id")] {
        let all = stage.json(&format!("/api/v1/{key}?limit=1000")).await;
        let ids = |page: &Value| -> Vec<Value> {
            let rows = page[key].as_array().unwrap().iter();
            rows.map(|row| row.pointer(id).unwrap().clone()).collect()
        };
        let mut paged = Vec::new();
        let mut path = format!("/api/v1/{key}?limit=3");
        loop {
            let page = stage.json(&path).await;
            paged.extend(ids(&page));
            assert!(ids(&page).len() <= 3);
            let Some(next) = page["next_cursor"].as_str() else { break };
            path = format!("/api/v1/{key}?limit=3&cursor={next}");
        }
        assert!(paged.len() >= 7, "{key}: {paged:?}");
        assert_eq!(paged, ids(&all), "{key}");
    }
}

#[tokio::test]
async fn a_listing_can_be_narrowed_as_on_the_command_line() {
    let sink = Sink::start().await;
    let (stage, _) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let count = async |path: &str| {
        let page = stage.json(&format!("/api/v1/{path}")).await;
        page.as_object().unwrap().values().find_map(Value::as_array).unwrap().len()
    };

    assert_eq!(count("jobs?state=stopped").await, 1);
    assert_eq!(count("jobs?state=running").await, 0);
    assert_eq!(count("jobs?project=Spring%20launch").await, 1);
    assert_eq!(count("jobs?project=Autumn").await, 0);
    assert_eq!(count("events?kind=failed&since=1h").await, 1);
    assert_eq!(count("events?kind=succeeded").await, 0);
    assert_eq!(count("events?since=2100-01-01T00:00:00Z").await, 0);
    assert_eq!(count("events?job=other").await, 0);
    assert_eq!(count("deliveries?state=dead&notifier=hook").await, 1);
    assert_eq!(count("deliveries?state=sent").await, 0);
}

#[tokio::test]
async fn what_makes_no_sense_is_a_problem_document() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;

    for (path, status) in [
        ("/api/v1/jobs?limit=0", 400),
        ("/api/v1/jobs?lmit=5", 400),
        ("/api/v1/events?kind=exploded", 400),
        ("/api/v1/events?cursor=abc", 400),
        ("/api/v1/deliveries?state=lost", 400),
        ("/api/v1/deliveries/0123", 404),
        ("/api/v1/nothing", 404),
        ("/api/v1/jobs/<script>", 404),
        ("/api/v2", 404),
    ] {
        let answer = stage.get(path).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
        let problem: Value = answer.json().await.unwrap();
        assert_eq!(problem["status"], status, "{path}");
        assert!(problem["detail"].as_str().unwrap().len() > 10, "{path}: {problem}");
        assert!(!problem.to_string().contains("script"), "{problem}");
    }
}

#[tokio::test]
async fn a_dead_delivery_is_retried_and_one_that_was_sent_is_not() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;

    let retried = stage.post(&format!("/api/v1/deliveries/{id}/retry")).await;
    sink.wait_for(2).await;
    stage.program.wait_for_stderr("Sent to hook").await;
    let again = loop {
        let answer = stage.post(&format!("/api/v1/deliveries/{id}/retry")).await;
        if answer.status() == StatusCode::CONFLICT {
            break answer;
        }
    };

    assert_eq!(retried.status(), 200);
    let document: Value = retried.json().await.unwrap();
    assert_eq!(document, json!({"retried": [id], "unchanged": []}));
    assert_eq!(again.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_delivery_is_discarded_and_an_unknown_one_is_not_found() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;

    let discarded = stage.post(&format!("/api/v1/deliveries/{id}/discard")).await;
    let unknown = stage.post("/api/v1/deliveries/0123456789abcdef01234567/discard").await;
    let part = stage.post(&format!("/api/v1/deliveries/{}/retry", &id[..8])).await;

    assert_eq!(discarded.status(), 200);
    assert_eq!([unknown.status(), part.status()], [StatusCode::NOT_FOUND; 2]);
    assert_eq!(stage.bridge.deliveries().await[0]["state"], "discarded");
}

#[tokio::test]
async fn a_link_to_an_exported_file_is_never_shown() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let link = "https://files.example/signed-0123456789";
    let result = json!({"status": "success", "download_url": link, "share_url": "https://s/"});
    stage.bridge.world.put_job(json!({"job_state": "stopped", "result": result}));
    sink.wait_for(1).await;
    stage.bridge.looked().await;

    for path in ["jobs", "events", "deliveries", "status"] {
        let text = stage.get(&format!("/api/v1/{path}")).await.text().await.unwrap();
        assert!(!text.contains("signed-0123456789"), "{path}: {text}");
    }
}
