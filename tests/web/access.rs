//! Who may look and decide, and what a browser must not be talked into.

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode};

use super::{Stage, with_one_dead_delivery};
use crate::support::bridge::Setup;
use crate::support::sink::Sink;

const ADMIN: &str = "admin-token-0123456789";
const READ: &str = "read-token-0123456789";

/// What needs a token where any does.
const PATHS: [&str; 7] = [
    "/metrics",
    "/api/v1/status",
    "/api/v1/jobs",
    "/api/v1/events",
    "/api/v1/deliveries",
    "/api/v1/stream",
    "/api/v1/openapi.json",
];

fn with_tokens(sink: &Sink) -> Setup {
    Setup::everything_to(sink)
        .service("admin_token = { env = \"ADMIN\" }\nread_token = { env = \"READ\" }")
        .var("ADMIN", ADMIN)
        .var("READ", READ)
}

#[tokio::test]
async fn with_a_read_token_nobody_looks_without_one() {
    let sink = Sink::start().await;
    let stage = Stage::start_at(with_tokens(&sink), "0.0.0.0:0").await;
    let port = stage.address.rsplit(':').next().unwrap().to_owned();
    let stage = Stage { address: format!("127.0.0.1:{port}"), ..stage };
    let status = async |path: &str, token: Option<&str>| {
        let request = stage.request(Method::GET, path);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.send().await.unwrap().status().as_u16()
    };

    for path in PATHS {
        assert_eq!(status(path, None).await, 401, "{path}");
        assert_eq!(status(path, Some("guess-0123456789")).await, 401, "{path}");
        assert_eq!(status(path, Some(READ)).await, 200, "{path}");
        assert_eq!(status(path, Some(ADMIN)).await, 200, "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(status(path, None).await, 200, "{path}");
    }
    let refused = stage.get("/api/v1/jobs").await;
    assert_eq!(refused.headers()["www-authenticate"], "Bearer realm=\"descript-notify\"");
}

#[tokio::test]
async fn only_the_admin_token_decides() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, with_tokens(&sink)).await;
    let path = format!("/api/v1/deliveries/{id}/discard");
    let status = async |token: &str| {
        let answer = stage.request(Method::POST, &path).bearer_auth(token).send().await;
        answer.unwrap().status()
    };

    assert_eq!(stage.post(&path).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(status(READ).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status("").await, StatusCode::UNAUTHORIZED);
    assert_eq!(stage.bridge.deliveries().await[0]["state"], "dead");
    assert_eq!(status(ADMIN).await, StatusCode::OK);
    assert_eq!(stage.bridge.deliveries().await[0]["state"], "discarded");
}

#[tokio::test]
async fn without_an_admin_token_a_read_token_leaves_nothing_to_decide() {
    let sink = Sink::start().await;
    let setup = Setup::everything_to(&sink).service("read_token = { env = \"READ\" }");
    let (stage, id) = with_one_dead_delivery(&sink, setup.var("READ", READ)).await;
    let path = format!("/api/v1/deliveries/{id}/discard");

    let refused = stage.request(Method::POST, &path).bearer_auth(READ).send().await.unwrap();

    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    assert_eq!(stage.bridge.deliveries().await[0]["state"], "dead");
}

#[tokio::test]
async fn another_site_can_neither_ask_for_a_change_nor_pose_as_this_machine() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let path = format!("/api/v1/deliveries/{id}/discard");
    let status = async |method: Method, path: &str, name: &'static str, value: &str| {
        let headers = HeaderMap::from_iter([(
            reqwest::header::HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )]);
        stage.request(method, path).headers(headers).send().await.unwrap().status().as_u16()
    };

    assert_eq!(status(Method::POST, &path, "origin", "https://evil.example").await, 403);
    assert_eq!(status(Method::POST, &path, "origin", "null").await, 403);
    assert_eq!(status(Method::POST, &path, "sec-fetch-site", "cross-site").await, 403);
    assert_eq!(status(Method::POST, &path, "host", "evil.example:8750").await, 421);
    assert_eq!(status(Method::GET, "/api/v1/stream", "sec-fetch-site", "cross-site").await, 403);
    for path in PATHS {
        assert_eq!(status(Method::GET, path, "host", "evil.example").await, 421, "{path}");
    }
    for method in [Method::GET, Method::PUT, Method::OPTIONS, Method::DELETE] {
        let answer = stage.request(method, &path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers()["allow"], "POST");
        assert!(answer.headers().get("access-control-allow-origin").is_none());
    }
    assert_eq!(stage.bridge.deliveries().await[0]["state"], "dead");
    let own = format!("http://{}", stage.address);
    assert_eq!(status(Method::POST, &path, "origin", &own).await, 200);
}

#[tokio::test]
async fn every_answer_carries_the_headers_that_keep_a_browser_out_of_mischief() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;

    for path in ["/healthz", "/api/v1/jobs", "/nothing", "/metrics"] {
        let headers = stage.get(path).await.headers().clone();
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn no_secret_of_the_service_is_in_an_answer_or_in_the_log() {
    let sink = Sink::start().await;
    let key = "callback-key-0123456789";
    let setup = with_tokens(&sink).source("callback_key = { env = \"KEY\" }").var("KEY", key);
    let (stage, id) = with_one_dead_delivery(&sink, setup).await;
    let wrong = stage.post("/callback/main?key=wrong-key-0123456789").await;
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);

    let mut told = stage.program.stderr();
    for path in PATHS.into_iter().filter(|path| !path.ends_with("stream")) {
        let answer = stage.request(Method::GET, path).bearer_auth(READ).send().await.unwrap();
        told.push_str(&answer.text().await.unwrap());
    }
    let one = stage.request(Method::GET, &format!("/api/v1/deliveries/{id}")).bearer_auth(READ);
    told.push_str(&one.send().await.unwrap().text().await.unwrap());

    for secret in [ADMIN, READ, key, "wrong-key", "drive-token", &sink.url("/hook")] {
        assert!(!told.contains(secret), "{secret}: {told}");
    }
}

#[tokio::test]
async fn behind_a_proxy_every_path_stands_below_the_base_path_too() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink).service("base_path = \"/notify/\"")).await;

    for path in ["/notify/healthz", "/healthz", "/notify/api/v1/status", "/api/v1/status"] {
        assert_eq!(stage.get(path).await.status(), 200, "{path}");
    }
    assert_eq!(stage.get("/notifyapi/v1/status").await.status(), 404);
    assert!(stage.program.stderr().contains("/notify/"));
}
