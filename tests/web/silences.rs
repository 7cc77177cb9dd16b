//! Silences over HTTP: asked for, listed, ended; and who may do that.

use reqwest::Method;
use serde_json::json;

use super::Stage;
use crate::support::bridge::Setup;
use crate::support::sink::Sink;

const ADMIN: &str = "admin-token-0123456789";

#[tokio::test]
async fn a_silence_holds_from_its_wish_to_its_end() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let wish = json!({"for": "2h", "comment": "moving house", "author": "ada",
        "matchers": ["job.job_type=agent"]});

    let request = stage.request(Method::POST, "/api/v1/silences").body(wish.to_string());
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 201);
    stage.bridge.run("agent");
    stage.bridge.run("publish");
    let told = sink.wait_for(1).await;
    let listed = stage.json("/api/v1/silences").await;
    let silence = &listed["silences"][0];
    let path = format!("/api/v1/silences/{}", silence["id"].as_str().unwrap());
    let ended = stage.request(Method::DELETE, &path).send().await.unwrap();
    let again = stage.request(Method::DELETE, &path).send().await.unwrap();
    stage.bridge.run("agent");
    let after = sink.wait_for(2).await;

    assert_eq!(told[0].json()["job"]["job_type"], "publish");
    assert_eq!((&silence["state"], &silence["silenced"]), (&json!("active"), &json!(1)));
    assert_eq!((ended.status().as_u16(), again.status().as_u16()), (200, 404));
    assert_eq!(after[1].json()["job"]["job_type"], "agent");
}

#[tokio::test]
async fn a_wish_that_makes_no_sense_is_refused_with_the_reason() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;

    for (wish, reason) in [
        (json!({"for": "2", "comment": "c"}), "write a number and a unit"),
        (json!({"for": "2h", "comment": " "}), "say why"),
        (
            json!({"for": "2h", "comment": "c", "matchers": ["name=x"]}),
            "does not begin with one of",
        ),
        (json!({"for": "9999d", "comment": "c"}), "at most 366 days"),
        (json!({"for": "2h", "comment": "c", "until": 5}), "unknown field"),
        (json!([]), "not a silence"),
    ] {
        let request = stage.request(Method::POST, "/api/v1/silences").body(wish.to_string());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 400, "{wish}");
        let told = answer.text().await.unwrap();
        assert!(told.contains(reason), "{wish}: {told}");
    }
    assert_eq!(stage.json("/api/v1/silences").await["silences"], json!([]));
}

#[tokio::test]
async fn only_who_has_the_admin_token_may_silence() {
    let sink = Sink::start().await;
    let setup = Setup::everything_to(&sink).service("admin_token = { env = \"ADMIN\" }");
    let stage = Stage::start(setup.var("ADMIN", ADMIN)).await;
    let wish = json!({"for": "2h", "comment": "c"}).to_string();
    let post = || stage.request(Method::POST, "/api/v1/silences").body(wish.clone());

    let without = post().send().await.unwrap().status().as_u16();
    let with = post().bearer_auth(ADMIN).send().await.unwrap().status().as_u16();
    let from_elsewhere = post().bearer_auth(ADMIN).header("sec-fetch-site", "cross-site");
    let from_elsewhere = from_elsewhere.send().await.unwrap().status().as_u16();

    assert_eq!((without, with, from_elsewhere), (401, 201, 403));
}
