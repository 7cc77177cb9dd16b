//! Pages for people: what they show, that they work without scripts, and who may press a button.

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

use super::{Stage, with_one_dead_delivery};
use crate::support::bridge::Setup;
use crate::support::sink::Sink;

const ADMIN: &str = "admin-token-0123456789";
const READ: &str = "read-token-0123456789";

/// Follows no redirect, so that each step shows.
pub async fn step_by_step(stage: Stage) -> Stage {
    let http = reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
    Stage { http, ..stage }
}

pub async fn text(stage: &Stage, path: &str) -> String {
    let answer = stage.get(path).await;
    assert_eq!(answer.headers()["content-type"], "text/html; charset=utf-8", "{path}");
    answer.text().await.unwrap()
}

/// The mark of the page's forms.
pub fn mark_of(page: &str) -> &str {
    let rest = page.split_once("name=\"mark\" value=\"").expect("a form").1;
    rest.split_once('"').unwrap().0
}

pub async fn send(stage: &Stage, path: &str, fields: &[(&str, &str)], cookie: &str) -> Response {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    stage.request(Method::POST, path).header(COOKIE, cookie).body(body).send().await.unwrap()
}

#[tokio::test]
async fn the_dashboard_shows_what_runs_what_ended_and_what_is_dead() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let progress = json!({"label": "Reading scenes", "percent": 15});
    stage.bridge.world.put_job(json!({"job_type": "publish", "job_state": "running",
        "project_id": "p-1", "progress": progress}));
    sink.wait_for(2).await;
    stage.bridge.looked().await;

    let page = text(&stage, "/").await;

    for told in [
        "source</span> main",
        "webhook</span> hook",
        "is polled",
        "Spring launch",
        "Reading scenes",
        "value=\"15\"",
        "no such field",
        &format!("formaction=\"/deliveries/{id}/retry\""),
        "1 failed in the last 24 hours.",
        "From owed to taken",
        "<time datetime=\"20",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    for way in ["<script>", "style=", "onclick", "http://", "https://"] {
        assert!(!page.contains(way), "{way}: {page}");
    }
}

#[tokio::test]
async fn a_jobs_page_tells_its_whole_story() {
    let sink = Sink::start().await;
    let (stage, _) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let job = stage.json("/api/v1/jobs").await["jobs"][0]["job_id"].as_str().unwrap().to_owned();

    let page = text(&stage, &format!("/jobs/main/{job}")).await;

    for told in [&job, "Spring launch", "failed", "matched", "refused", "no such field", "400"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let unknown = stage.get("/jobs/main/%3Cscript%3E").await;
    assert_eq!(unknown.status(), 404);
    let unknown = unknown.text().await.unwrap();
    assert!(unknown.contains("no such job is known") && !unknown.contains("<script>"), "{unknown}");
}

#[tokio::test]
async fn hostile_names_are_text() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let hostile = "<img src=x onerror=alert(1)>\"'{{page.mark}}&\u{202e}";
    stage.bridge.world.project("p-1", hostile);
    let id = stage.bridge.world.put_job(json!({"job_type": hostile, "job_state": hostile,
        "project_id": "p-1", "progress": {"label": hostile}}));
    let ended = json!({"status": "error", "error_message": hostile});
    stage.bridge.world.put_job(json!({"job_state": "stopped", "project_id": "p-1",
        "project_url": "javascript:alert(1)", "result": ended}));
    sink.wait_for(2).await;
    stage.bridge.looked().await;

    for path in ["/".to_owned(), format!("/jobs/main/{id}")] {
        let page = text(&stage, &path).await;
        assert!(page.contains("&lt;img src"), "{path}: {page}");
        assert!(!page.contains("<img") && !page.contains("\u{202e}"), "{path}: {page}");
        assert!(!page.contains("href=\"javascript"), "{path}: {page}");
    }
}

#[tokio::test]
async fn a_button_retries_and_only_from_a_page_of_ours() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let stage = step_by_step(stage).await;
    let page = text(&stage, "/").await;
    let mark = mark_of(&page);
    let path = format!("/deliveries/{id}/retry");

    let forged = send(&stage, &path, &[("mark", "0123"), ("back", "/")], "").await;
    let crossed = stage
        .request(Method::POST, &path)
        .header("sec-fetch-site", "cross-site")
        .body(format!("mark={mark}"))
        .send()
        .await
        .unwrap();
    assert_eq!([forged.status(), crossed.status()], [StatusCode::FORBIDDEN; 2]);
    assert_eq!(stage.get(&path).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(sink.count(), 1);
    let evil = [("mark", mark), ("back", "//evil.example/")];
    let pressed = send(&stage, &path, &evil, "").await;
    sink.wait_for(2).await;

    assert_eq!(pressed.status(), StatusCode::SEE_OTHER);
    assert_eq!(pressed.headers()[LOCATION], "/");
}

#[tokio::test]
async fn a_browser_logs_in_with_a_token_and_out_again() {
    let sink = Sink::start().await;
    let setup = Setup::everything_to(&sink)
        .service("base_path = \"/notify\"\nadmin_token = { env = \"ADMIN\" }\nread_token = { env = \"READ\" }")
        .var("ADMIN", ADMIN)
        .var("READ", READ);
    let (stage, id) = with_one_dead_delivery(&sink, setup).await;
    let stage = step_by_step(stage).await;
    let with = async |path: &str, cookie: &str| {
        let answer = stage.request(Method::GET, path).header(COOKIE, cookie).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };

    let (status, form) = with("/", "").await;
    assert_eq!(status, 401);
    assert!(form.contains("action=\"/notify/login\"") && !form.contains("Spring"), "{form}");
    let wrong = send(&stage, "/login", &[("token", "guess")], "").await;
    assert_eq!(wrong.status(), 401);
    assert!(wrong.headers().get(SET_COOKIE).is_none());

    let looks = cookie_of(&send(&stage, "/notify/login", &[("token", READ)], "").await);
    let decides = cookie_of(&send(&stage, "/login", &[("token", ADMIN)], "").await);
    let (status, page) = with("/notify/", &looks).await;
    assert_eq!(status, 200);
    assert!(page.contains("Spring launch") && !page.contains("formaction"), "{page}");
    let path = format!("/notify/deliveries/{id}/discard");
    let refused = send(&stage, &path, &[("mark", mark_of(&page))], &looks).await;
    assert_eq!(refused.status(), 401);

    let (_, page) = with("/", &decides).await;
    let stolen = send(&stage, &path, &[("mark", mark_of(&page))], &looks).await;
    assert_eq!(stolen.status(), 401);
    let done = send(&stage, &path, &[("mark", mark_of(&page))], &decides).await;
    assert_eq!(done.headers()[LOCATION], "/notify/");
    assert_eq!(stage.bridge.deliveries().await[0]["state"], "discarded");
    let out = send(&stage, "/logout", &[("mark", mark_of(&page))], &decides).await;
    assert_eq!(cookie_of(&out), "descript_notify_session=");
}

/// What a browser would send back; checks that scripts and other sites do not get it.
fn cookie_of(answer: &Response) -> String {
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(cookie.contains("; Path=/notify/;"), "{cookie}");
    assert!(!cookie.contains(ADMIN) && !cookie.contains(READ), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn what_a_page_loads_is_ours_and_may_be_kept() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let page = text(&stage, "/").await;

    let mut loaded = 0;
    for start in ["src=\"", "rel=\"stylesheet\" href=\""] {
        for rest in page.split(start).skip(1) {
            let path = rest.split('"').next().unwrap();
            assert!(path.starts_with("/static/"), "{path}");
            let answer = stage.get(path).await;
            assert_eq!(answer.status(), 200, "{path}");
            assert!(answer.headers()["cache-control"].to_str().unwrap().contains("immutable"));
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
            loaded += 1;
        }
    }
    assert_eq!(loaded, 2);
    for path in ["/static/..%2f..%2fetc%2fpasswd", "/static/app.rs", "/static/"] {
        assert_eq!(stage.get(path).await.status(), 404, "{path}");
    }
}
