//! The calls that start a job, their refusals, and uploads.

use serde_json::{Value, json};

use super::{Allowance, Api, Options, Profile, api, plain};

const IMPORT: &str = "/jobs/import/project_media";

async fn import(api: &Api, media: Value) -> Value {
    let body = json!({"project_name": "Trailer", "add_media": media,
        "add_compositions": [{"name": "Rough cut", "clips": []}]});
    let (status, created) = api.post(IMPORT, body).await;
    assert_eq!(status, 201, "{created}");
    created
}

fn url(name: &str) -> Value {
    json!({"url": format!("https://media.example/{name}")})
}

async fn job(api: &Api, created: &Value) -> Value {
    api.json(&format!("/jobs/{}", created["job_id"].as_str().unwrap())).await
}

#[tokio::test]
async fn an_import_runs_by_itself_and_fills_its_project() {
    let api = plain().await;

    let created = import(&api, json!({"a.mp4": url("a.mp4")})).await;

    assert_eq!(job(&api, &created).await["job_state"], "queued");
    api.at(2);
    assert_eq!(job(&api, &created).await["progress"]["label"], "Fetching media");
    api.at(6);
    let ended = job(&api, &created).await;
    assert_eq!(ended["result"]["status"], "success");
    assert_eq!(ended["result"]["created_compositions"][0]["name"], "Rough cut");
    let id = created["project_id"].as_str().unwrap();
    assert_eq!(created["project_url"], format!("https://web.descript.com/{id}"));
    let project = api.json(&format!("/projects/{id}")).await;
    assert_eq!(project["name"], "Trailer");
    assert_eq!(project["media_files"]["a.mp4"]["type"], "video");
}

#[tokio::test]
async fn an_import_of_files_that_cannot_all_be_had_succeeds_in_part() {
    let api = plain().await;
    let bad = json!({"url": "https://files.invalid/b.mp4"});

    let created = import(&api, json!({"a.mp4": url("a.mp4"), "b.mp4": bad})).await;
    api.at(10);

    let ended = job(&api, &created).await;
    assert_eq!(ended["result"]["status"], "partial");
    assert_eq!(ended["result"]["media_status"]["b.mp4"]["status"], "failed");
}

#[tokio::test]
async fn an_import_waits_for_its_upload() {
    let api = api(Options { profile: Profile::Live, ..Options::default() }).await;
    let file = json!({"content_type": "video/mp4", "file_size": 3});

    let created = import(&api, json!({"Takes/one ü.mp4": file})).await;
    api.at(3_600);
    let stuck = job(&api, &created).await;
    let upload = &created["upload_urls"]["Takes/one ü.mp4"]["upload_url"];
    let put = api.client.put(upload.as_str().unwrap()).body("abc").send().await.unwrap();
    let again = api.client.put(upload.as_str().unwrap()).body("abc").send().await.unwrap();

    assert_eq!(stuck["job_state"], "running");
    assert_eq!(stuck["progress"]["waiting_for_uploads"], true);
    assert_eq!((put.status().as_u16(), again.status().as_u16()), (200, 404));
    api.at(3_606);
    assert_eq!(job(&api, &created).await["result"]["status"], "success");
}

#[tokio::test]
async fn an_agent_and_a_publish_run_one_after_the_other_in_a_project() {
    let api = plain().await;
    let (status, agent) =
        api.post("/jobs/agent", json!({"project_name": "Talk", "prompt": "cut it"})).await;
    let project_id = agent["project_id"].clone();
    let publish = json!({"project_id": project_id, "media_type": "Video"});

    let (busy, refusal) = api.post("/jobs/publish", publish.clone()).await;
    api.at(5);
    let (free, published) = api.post("/jobs/publish", publish).await;
    api.at(13);

    assert_eq!((status, busy, free), (201, 429, 201));
    assert_eq!(refusal["error"], "rate_limit_exceeded");
    assert_eq!(refusal["message"], "A job is already running for this project");
    assert_eq!(job(&api, &agent).await["result"]["ai_credits_used"], 25);
    let ended = job(&api, &published).await;
    assert_eq!(ended["result"]["status"], "success");
    assert_eq!(ended["result"]["download_url_expires_at"], "2026-11-21T08:00:13Z");
}

#[tokio::test]
async fn speed_brings_the_end_nearer() {
    let api = api(Options { speed: 5.0, ..Options::default() }).await;
    let body = json!({"project_name": "Talk", "prompt": "what would you cut?"});

    let (_, created) = api.post("/jobs/agent", body).await;
    api.at(1);

    assert_eq!(job(&api, &created).await["result"]["project_changed"], false);
}

#[tokio::test]
async fn what_the_description_does_not_allow_is_a_400() {
    let api = plain().await;
    let known = import(&api, json!({})).await["project_id"].clone();
    api.at(10);

    for (path, body, part) in [
        (IMPORT, json!([]), "object"),
        (IMPORT, json!({"add_media": {"a": {"url": "nowhere"}}}), "add_media.a"),
        (IMPORT, json!({"colour": "red"}), "\"colour\" is not allowed"),
        ("/jobs/agent", json!({"project_name": "x", "prompt": " "}), "prompt"),
        ("/jobs/agent", json!({"prompt": "x"}), "exactly one"),
        ("/jobs/publish", json!({}), "project_id"),
        ("/jobs/publish", json!({"project_id": "p1"}), "GUID"),
        ("/jobs/publish", json!({"project_id": known, "resolution": "8K"}), "resolution"),
    ] {
        let (status, answer) = api.post(path, body.clone()).await;

        assert_eq!(status, 400, "{path} {body}");
        assert!(answer["message"].as_str().unwrap().contains(part), "{answer}");
    }
}

#[tokio::test]
async fn a_project_or_composition_that_is_not_there_is_a_404() {
    let api = plain().await;
    let known = import(&api, json!({})).await["project_id"].clone();
    api.at(10);
    let stranger = json!({"project_id": "1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11", "prompt": "x"});
    let no_composition = json!({"project_id": known, "composition_id": "zzzzz"});

    assert_eq!(api.post("/jobs/agent", stranger).await.0, 404);
    assert_eq!(api.post("/jobs/publish", no_composition).await.0, 404);
}

#[tokio::test]
async fn a_file_that_is_there_already_clashes() {
    for (profile, expected) in [(Profile::Spec, 400), (Profile::Live, 409)] {
        let api = api(Options { profile, ..Options::default() }).await;
        let created = import(&api, json!({"a.mp4": url("a.mp4")})).await;
        api.at(10);

        let body =
            json!({"project_id": created["project_id"], "add_media": {"a.mp4": url("a.mp4")}});

        assert_eq!(api.post(IMPORT, body).await.0, expected);
    }
}

#[tokio::test]
async fn sound_alone_is_not_published_as_video() {
    let api = plain().await;
    let created = import(&api, json!({"a.wav": url("a.wav")})).await;
    api.at(10);
    let body = |kind| json!({"project_id": created["project_id"], "media_type": kind});

    let (video, refusal) = api.post("/jobs/publish", body("Video")).await;
    let (audio, _) = api.post("/jobs/publish", body("Audio")).await;

    assert_eq!((video, audio), (422, 201));
    assert_eq!(refusal["error"], "unprocessable_entity");
}

#[tokio::test]
async fn what_exceeds_the_allowance_is_a_402() {
    let allowance = Allowance { media_seconds: Some(60), ai_credits: Some(30) };
    let api = api(Options { allowance, ..Options::default() }).await;
    let agent = |name| json!({"project_name": name, "prompt": "cut it"});

    assert_eq!(api.post("/jobs/agent", agent("one")).await.0, 201);
    let (status, refusal) = api.post("/jobs/agent", agent("two")).await;
    assert_eq!(status, 402);
    assert_eq!(refusal["error"], "payment_required");
    assert_eq!(refusal["message"], "not enough AI credits (25 required, 5 available)");
    let two = json!({"add_media": {"a.mp4": url("a"), "b.mp4": url("b")}});
    assert_eq!(api.post(IMPORT, two).await.0, 402);
}

#[tokio::test]
async fn the_live_service_prefixes_ids_and_says_more() {
    let api = api(Options { profile: Profile::Live, ..Options::default() }).await;

    let body = json!({"project_name": "Talk", "prompt": "cut it"});
    let (_, created) = api.post("/jobs/agent", body).await;

    let project_id = created["project_id"].as_str().unwrap();
    let prefix = format!("project-agent-edit-{project_id}-");
    assert!(created["job_id"].as_str().unwrap().starts_with(&prefix));
    assert_eq!(created["resolved_model"], "auto");
    api.at(5);
    let ended = job(&api, &created).await;
    assert_ne!(ended["project_url"], created["project_url"], "it gains a composition");
}
