//! Jobs: single reads, cancelling, changes from inside, scenarios, the live service's manners.

use jiff::Timestamp;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Api, Options, Profile, Scenario, api, plain};

async fn with_scenario(text: &str, profile: Profile) -> Api {
    let scenario = Some(Scenario::parse(text).unwrap());
    api(Options { scenario, profile, ..Options::default() }).await
}

const ONE_AGENT: &str = r#"
    [[jobs]]
    at = "1s"
    type = "agent"
    project = "Spring launch"
    steps = [
        { at = "2s", state = "running", progress = { label = "Editing" } },
        { at = "5s", state = "stopped", result = { status = "success" } },
    ]
"#;

#[tokio::test]
async fn a_job_is_read_alone_and_a_404_names_it() {
    let api = plain().await;
    api.world().put_job(json!({"job_id": "a/b ü", "note": "kept"}));

    let found = api.json("/jobs/a%2Fb%20%C3%BC").await;
    let missing = api.get("/jobs/nope").await;

    assert_eq!(found["note"], "kept");
    assert_eq!(found["job_state"], "queued");
    assert_eq!(missing.status(), 404);
    let body: Value = missing.json().await.unwrap();
    assert_eq!(body["error"], "not_found");
    assert!(body["message"].as_str().unwrap().contains("nope"));
}

#[tokio::test]
async fn a_cancelled_job_has_stopped_without_a_result() {
    let api = with_scenario(ONE_AGENT, Profile::Spec).await;
    api.at(4);
    let id = api.ids("/jobs").await.remove(0);

    let answer = api.request(Method::DELETE, &format!("/jobs/{id}")).send().await.unwrap();

    assert_eq!(answer.status(), 204);
    assert_eq!(answer.text().await.unwrap(), "");
    api.at(60);
    let job = api.json(&format!("/jobs/{id}")).await;
    assert_eq!(job["job_state"], "cancelled");
    assert_eq!(job["stopped_at"], "2026-11-20T08:00:04Z");
    assert_eq!((job.get("result"), job.get("progress")), (None, None));
}

#[tokio::test]
async fn cancelling_what_has_ended_changes_nothing_and_what_is_not_there_is_a_404() {
    let api = plain().await;
    let id = api.world().put_job(json!({"job_state": "running"}));
    api.world().finish(&id, json!({"status": "success"}));

    let ended = api.request(Method::DELETE, &format!("/jobs/{id}")).send().await.unwrap();
    let missing = api.request(Method::DELETE, "/jobs/nope").send().await.unwrap();

    assert_eq!((ended.status().as_u16(), missing.status().as_u16()), (204, 404));
    assert_eq!(api.json(&format!("/jobs/{id}")).await["job_state"], "stopped");
}

#[tokio::test]
async fn what_the_process_changes_counts_at_the_next_request() {
    let api = plain().await;
    let world = api.world();
    let id = world.put_job(json!({"project_id": "p1"}));
    let path = format!("/jobs/{id}");

    assert!(world.set_progress(&id, json!({"label": "Rendering"})));
    assert_eq!(api.json(&path).await["progress"]["label"], "Rendering");
    assert!(world.set_field(&id, "project_url", json!("https://elsewhere.example")));
    assert!(world.finish(&id, json!({"status": "error", "error_message": "broke"})));
    let job = api.json(&path).await;
    assert_eq!(job["result"]["error_message"], "broke");
    assert_eq!(job["project_url"], "https://elsewhere.example");
    assert_eq!(job.get("progress"), None);
    assert_eq!(world.job(&id), Some(job));
    assert!(world.set_state(&id, "running"));
    assert_eq!(api.json(&path).await.get("stopped_at"), None);
    assert!(world.remove(&id));
    assert_eq!(api.get(&path).await.status(), 404);
    assert!(!world.set_state(&id, "running"));
}

#[tokio::test]
async fn what_is_no_job_is_served_as_it_is() {
    let api = plain().await;
    let odd = api.world().put_job(json!(42));

    assert_eq!(api.json("/jobs").await["data"], json!([42]));
    assert!(!api.world().set_state(&odd, "running"));
    assert!(api.world().remove(&odd));
    assert_eq!(api.json("/jobs").await["data"], json!([]));
}

#[tokio::test]
async fn a_scenario_runs_by_the_clock() {
    let api = with_scenario(ONE_AGENT, Profile::Spec).await;
    let states = async |secs| {
        api.at(secs);
        let page = api.json("/jobs").await;
        page["data"].as_array().unwrap().iter().map(|job| job["job_state"].clone()).collect()
    };

    let seen: Vec<Vec<Value>> =
        vec![states(0).await, states(1).await, states(3).await, states(6).await];

    assert_eq!(json!(seen), json!([[], ["queued"], ["running"], ["stopped"]]));
}

#[tokio::test]
async fn a_repeating_scenario_brings_fresh_jobs() {
    let api = with_scenario(&format!("repeat = \"10s\"\n{ONE_AGENT}"), Profile::Spec).await;

    api.at(25);
    let ids = api.ids("/jobs").await;

    assert_eq!(ids.len(), 3);
    assert!(ids[0] != ids[1] && ids[1] != ids[2]);
    let job = api.json(&format!("/jobs/{}", ids[0])).await;
    assert_eq!(job["created_at"], "2026-11-20T08:00:21Z");
}

#[tokio::test]
async fn the_projects_of_a_scenario_have_their_names() {
    let api = with_scenario(ONE_AGENT, Profile::Spec).await;
    api.at(1);
    let job = api.json("/jobs").await["data"][0].clone();

    let project = api.json(&format!("/projects/{}", job["project_id"].as_str().unwrap())).await;
    let listed = api.json("/projects").await;
    let missing = api.get("/projects/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11").await;

    assert_eq!(project["name"], "Spring launch");
    assert_eq!(project["drive_id"], job["drive_id"]);
    assert_eq!(listed["data"][0]["id"], job["project_id"]);
    assert_eq!(missing.status(), 404);
    api.world().project("p1", "Another");
    assert_eq!(api.json("/projects/p1").await["name"], "Another");
    assert!(api.world().remove_project("p1"));
    assert_eq!(api.get("/projects/p1").await.status(), 404);
}

#[tokio::test]
async fn the_demo_shows_its_first_outcome_after_three_seconds() {
    let api = api(Options { scenario: Some(Scenario::demo()), ..Options::default() }).await;

    api.at(3);
    let page = api.json("/jobs").await;

    let first = page["data"].as_array().unwrap().last().unwrap();
    assert_eq!(first["job_state"], "stopped");
    assert_eq!(first["result"]["status"], "success");
}

#[tokio::test]
async fn the_live_profile_shows_what_nobody_described() {
    let scenario = Some(Scenario::live());
    let api = api(Options { scenario, profile: Profile::Live, ..Options::default() }).await;

    api.at(4);
    let early = api.json("/jobs?limit=100").await;
    api.at(14);
    let page = api.json("/jobs?limit=100").await;

    let jobs = page["data"].as_array().unwrap();
    let of_type =
        |kind: &str| jobs.iter().find(|job| job["job_type"] == kind).cloned().unwrap_or_default();
    let is_export = |job: &Value| job["job_type"] == "export/timeline";
    assert!(!early["data"].as_array().unwrap().iter().any(is_export), "listed before its end");
    assert_eq!(of_type("export/timeline")["job_state"], "stopped");
    assert_eq!(of_type("import/drive_media").get("project_id"), None);
    assert!(jobs.iter().any(|job| job["job_state"] == "paused"));
    assert!(jobs.iter().any(|job| job["result"]["status"] == "skipped"));
    assert!(jobs.iter().any(|job| job["progress"]["waiting_for_uploads"] == true));
    let agent = of_type("agent");
    assert!(agent["job_id"].as_str().unwrap().starts_with("project-agent-edit-"));
    for job in jobs {
        assert!(job["created_at"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{job}");
    }
}
