//! `emulate --jobs FILE`: the page stays as the file has it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Api, Clock, Emulator, EmulatorError, Options, Scenario, api};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/list-jobs-example.json");

async fn serving(path: &Path) -> Api {
    api(Options { jobs_file: Some(path.to_owned()), ..Options::default() }).await
}

async fn refusal(options: Options) -> EmulatorError {
    Emulator::start(options, Clock::fixed(super::start_time())).await.unwrap_err()
}

#[tokio::test]
async fn the_published_page_is_served_whatever_the_window_and_then_ends() {
    let api = serving(Path::new(EXAMPLE)).await;
    let file: Value = serde_json::from_str(&std::fs::read_to_string(EXAMPLE).unwrap()).unwrap();

    let first = api.json("/jobs?created_after=2026-11-19T00:00:00Z&limit=1").await;
    let cursor = first["pagination"]["next_cursor"].as_str().unwrap();
    let second = api.json(&format!("/jobs?cursor={cursor}")).await;
    let any = api.json("/jobs?cursor=anything").await;

    assert_eq!(first, file);
    assert_eq!(second, json!({"data": [], "pagination": {}}));
    assert_eq!(any, second);
}

#[tokio::test]
async fn the_elements_keep_their_very_letters() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.json");
    let text = r#"[{ "job_id":"z",  "a":1.50 }, 42]"#;
    std::fs::write(&path, format!("{{\"data\":{text},\"pagination\":{{}}}}")).unwrap();
    let api = serving(&path).await;

    let body = api.get("/jobs").await.text().await.unwrap();
    let alone = api.get("/jobs/z").await.text().await.unwrap();

    assert!(body.contains(text), "{body}");
    assert_eq!(alone, r#"{ "job_id":"z",  "a":1.50 }"#);
}

#[tokio::test]
async fn a_job_stops_when_the_file_is_rewritten_and_a_half_written_file_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.json");
    let write = |state: &str| {
        let page = json!({"data": [{"job_id": "a", "job_state": state}], "pagination": {},
            "projects": [{"id": "p1", "name": "Trailer"}]});
        std::fs::write(&path, page.to_string()).unwrap();
    };
    write("running");
    let api = serving(&path).await;

    assert_eq!(api.json("/jobs/a").await["job_state"], "running");
    write("stopped");
    assert_eq!(api.json("/jobs/a").await["job_state"], "stopped");
    assert_eq!(api.json("/jobs").await["data"][0]["job_state"], "stopped");
    std::fs::write(&path, "{\"data\": [").unwrap();
    assert_eq!(api.json("/jobs/a").await["job_state"], "stopped");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(api.json("/jobs").await["data"][0]["job_state"], "stopped");
    assert_eq!(api.json("/projects/p1").await["name"], "Trailer");
    assert_eq!(api.json("/projects").await["data"][0]["id"], "p1");
}

#[tokio::test]
async fn what_the_file_does_not_hold_is_a_404_and_it_cannot_be_changed_by_request() {
    let api = serving(Path::new(EXAMPLE)).await;
    let id = "a1b2c3d4-5678-90ab-cdef-1234567890ab";

    assert_eq!(api.get("/jobs/nope").await.status(), 404);
    assert_eq!(api.get("/projects/9f36ee32-5a2c-47e7-b1a3-94991d3e3ddb").await.status(), 404);
    let cancel = api.request(reqwest::Method::DELETE, &format!("/jobs/{id}")).send().await.unwrap();
    assert_eq!(cancel.status(), 403);
    let (status, _) = api.post("/jobs/agent", json!({"project_name": "x", "prompt": "y"})).await;
    assert_eq!(status, 403);
    assert_eq!(api.json(&format!("/jobs/{id}")).await["job_state"], "running");
}

#[tokio::test]
async fn faults_and_the_bearer_count_for_a_file_too() {
    let options = Options {
        jobs_file: Some(PathBuf::from(EXAMPLE)),
        token: Some("any-token".into()),
        faults: vec!["503:on=list".parse().unwrap()],
        ..Options::default()
    };
    let api = api(options).await;

    assert_eq!(api.get("/jobs").await.status(), 503);
    assert_eq!(api.get("/jobs").await.status(), 200);
    let bare = api.client.get(format!("{}/jobs", api.running.base_url())).send().await.unwrap();
    assert_eq!(bare.status(), 401);
}

#[tokio::test]
async fn a_file_that_is_no_page_is_refused_with_the_cause() {
    let folder = tempfile::tempdir().unwrap();
    let with = |text: &str| {
        let path = folder.path().join("jobs.json");
        std::fs::write(&path, text).unwrap();
        Options { jobs_file: Some(path), ..Options::default() }
    };
    let missing = Options { jobs_file: Some("/nowhere/jobs.json".into()), ..Options::default() };
    let both = Options { scenario: Some(Scenario::demo()), ..with("{\"data\":[]}") };

    assert!(refusal(missing).await.to_string().contains("`/nowhere/jobs.json`"));
    assert!(refusal(with("[]")).await.to_string().contains("not a list page"));
    assert!(refusal(with("{\"data\":{}}")).await.to_string().contains("not an array"));
    assert!(refusal(both).await.to_string().contains("give only one"));
}
