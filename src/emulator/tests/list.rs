//! `GET /v1/jobs`: its parameters, its pages, its bearer.

use reqwest::Method;
use serde_json::json;

use super::{Emulator, EmulatorError, Options, Order, Profile, api, plain};

const PROJECT: &str = "9f36ee32-5a2c-47e7-b1a3-94991d3e3ddb";

#[tokio::test]
async fn a_list_is_asked_for_page_by_page() {
    let api = plain().await;
    for n in 0..25 {
        let created_at = format!("2026-11-20T07:00:{n:02}Z");
        api.world().put_job(json!({"job_id": format!("job-{n:02}"), "created_at": created_at}));
    }

    let first = api.json("/jobs").await;
    let cursor = first["pagination"]["next_cursor"].as_str().unwrap();
    let second = api.json(&format!("/jobs?cursor={cursor}")).await;

    assert_eq!(first["data"].as_array().unwrap().len(), 20);
    assert_eq!(first["data"][0]["job_id"], "job-24");
    assert_eq!(second["data"].as_array().unwrap().len(), 5);
    assert_eq!(second["data"][4]["job_id"], "job-00");
    assert_eq!(second["pagination"], json!({}));
    assert_eq!(api.ids("/jobs?limit=3").await, ["job-24", "job-23", "job-22"]);
}

#[tokio::test]
async fn the_list_can_begin_with_the_oldest() {
    let api = api(Options { order: Order::OldestFirst, ..Options::default() }).await;
    api.world().put_job(json!({"job_id": "old", "created_at": "2026-11-19T00:00:00Z"}));
    api.world().put_job(json!({"job_id": "new"}));

    assert_eq!(api.ids("/jobs").await, ["old", "new"]);
}

#[tokio::test]
async fn the_list_is_narrowed_by_time_project_and_type() {
    let api = plain().await;
    let put = |id: &str, created_at: &str, job_type: &str, project_id: &str| {
        api.world().put_job(json!({"job_id": id, "created_at": created_at,
            "job_type": job_type, "project_id": project_id}));
    };
    put("old", "2026-11-01T00:00:00Z", "agent", PROJECT);
    put("import", "2026-11-18T00:00:00Z", "import/project_media", PROJECT);
    put("agent", "2026-11-19T00:00:00Z", "agent", "other");

    assert_eq!(api.ids("/jobs").await, ["agent", "import"]);
    assert_eq!(api.ids("/jobs?created_after=2026-10-25T00:00:00Z").await.len(), 3);
    assert_eq!(api.ids("/jobs?created_before=2026-11-18T12:00:00Z").await, ["import"]);
    assert_eq!(api.ids(&format!("/jobs?project_id={PROJECT}")).await, ["import"]);
    assert_eq!(api.ids("/jobs?type=agent").await, ["agent"]);
}

#[tokio::test]
async fn a_wrong_parameter_is_a_400_that_names_it() {
    let spec = plain().await;
    let live = api(Options { profile: Profile::Live, ..Options::default() }).await;

    for query in ["limit=0", "limit=500", "type=publish", "project_id=x", "cursor=x"] {
        let response = spec.get(&format!("/jobs?{query}")).await;

        assert_eq!(response.status(), 400, "{query}");
        let body: serde_json::Value = response.json().await.unwrap();
        let name = query.split('=').next().unwrap();
        assert_eq!(body["error"], "invalid_input");
        assert!(body["message"].as_str().unwrap().contains(name), "{body}");
    }
    assert_eq!(live.get("/jobs?type=publish").await.status(), 200);
    assert!(live.json("/jobs?limit=0").await["details"][0]["message"].is_string());
}

#[tokio::test]
async fn without_the_right_token_there_is_a_401() {
    let api = api(Options { token: Some("right".into()), ..Options::default() }).await;
    let url = format!("{}/jobs", api.running.base_url());

    let none = api.client.get(&url).send().await.unwrap();
    let wrong = api.client.get(&url).bearer_auth("wrong").send().await.unwrap();
    let right = api.client.get(&url).bearer_auth("right").send().await.unwrap();

    assert_eq!(none.status(), 401);
    assert_eq!(right.status(), 200);
    assert_eq!(wrong.status(), 401);
    let body: serde_json::Value = wrong.json().await.unwrap();
    assert_eq!(body["error"], "unauthorized");
    let seen: Vec<bool> = api.world().requests().iter().map(|r| r.authorised).collect();
    assert_eq!(seen, [false, false, true]);
}

#[tokio::test]
async fn any_token_will_do_where_none_is_set_but_not_none() {
    let api = plain().await;
    let url = format!("{}/jobs", api.running.base_url());

    let none = api.client.get(&url).send().await.unwrap();

    assert_eq!(none.status(), 401);
    assert_eq!(api.get("/jobs").await.status(), 200);
}

#[tokio::test]
async fn every_request_is_remembered_as_it_came() {
    let api = plain().await;

    api.get("/jobs?limit=100&created_after=2026-11-19T00%3A00%3A00Z").await;
    api.request(Method::DELETE, "/jobs/a%2Fb").send().await.unwrap();

    let requests = api.world().requests();
    assert_eq!(requests.len(), 2);
    assert_eq!((requests[0].method.as_str(), requests[0].path.as_str()), ("GET", "/v1/jobs"));
    let query = requests[0].query.as_deref();
    assert_eq!(query, Some("limit=100&created_after=2026-11-19T00%3A00%3A00Z"));
    assert_eq!(requests[1].path, "/v1/jobs/a%2Fb");
    api.world().forget_requests();
    assert!(api.world().requests().is_empty());
}

#[tokio::test]
async fn an_unknown_path_and_a_wrong_method_have_the_usual_body() {
    let api = plain().await;

    let unknown = api.get("/status").await;
    let wrong = api.request(Method::PUT, "/jobs").send().await.unwrap();

    assert_eq!(unknown.status(), 404);
    assert_eq!(wrong.status(), 405);
    let body: serde_json::Value = unknown.json().await.unwrap();
    assert_eq!(body["error"], "not_found");
}

#[tokio::test]
async fn a_stopped_emulator_frees_its_address() {
    let api = plain().await;
    let address = api.running.address();
    let taken = Emulator::start(Options { address, ..Options::default() }, api.clock.clone());

    assert!(matches!(taken.await, Err(EmulatorError::Bind { .. })));

    api.running.stop().await;
    assert!(api.client.get(format!("http://{address}/v1/jobs")).send().await.is_err());
}

#[tokio::test]
async fn the_options_do_not_show_the_token() {
    let options = Options { token: Some("dsc_hidden".into()), ..Options::default() };

    assert!(!format!("{options:?}").contains("hidden"));
}
