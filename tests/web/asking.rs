//! Silences that people ask for on a page, with and without the right to.

use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::pages::{mark_of, send, step_by_step, text};
use super::{Stage, with_one_dead_delivery};
use crate::support::bridge::Setup;
use crate::support::sink::Sink;

const ADMIN: &str = "admin-token-0123456789";
const READ: &str = "read-token-0123456789";
const HOSTILE: &str = "<img src=x onerror=alert(1)>\"'{{page.mark}}&";

/// A text of a page as a browser reads it.
fn as_read(text: &str) -> String {
    let marks = [("&quot;", "\""), ("&lt;", "<"), ("&gt;", ">"), ("&#x3D;", "="), ("&amp;", "&")];
    marks.iter().fold(text.to_owned(), |text, (mark, letter)| text.replace(mark, letter))
}

async fn silences(stage: &Stage) -> Vec<Value> {
    stage.json("/api/v1/silences").await["silences"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_silence_is_asked_for_listed_and_ended_by_forms() {
    let sink = Sink::start().await;
    let stage = step_by_step(Stage::start(Setup::everything_to(&sink)).await).await;
    let page = text(&stage, "/").await;
    assert!(page.contains("Nothing is silenced."), "{page}");
    let wish = [
        ("mark", mark_of(&page)),
        ("for", "4h"),
        ("other", ""),
        ("match", "job.job_type=agent\r\n\r\nevent.kind!=failed\r\n"),
        ("comment", HOSTILE),
        ("author", HOSTILE),
        ("summarise", "yes"),
    ];

    let asked = send(&stage, "/silences", &wish, "").await;
    stage.bridge.run("agent");
    stage.bridge.run("publish");
    let told = sink.wait_for(1).await;
    let page = text(&stage, "/").await;
    let silence = &silences(&stage).await[0];
    let end = format!("/silences/{}/expire", silence["id"].as_str().unwrap());
    let ended = send(&stage, &end, &[("mark", mark_of(&page))], "").await;
    let again = send(&stage, &end, &[("mark", mark_of(&page))], "").await;

    assert_eq!(asked.status(), StatusCode::SEE_OTHER);
    assert_eq!(asked.headers()[LOCATION], "/#silences");
    assert_eq!(told[0].json()["job"]["job_type"], "publish");
    assert_eq!(silence["matchers"], json!(["job.job_type=agent", "event.kind!=failed"]));
    assert_eq!((&silence["silenced"], &silence["summarise"]), (&json!(1), &json!(true)));
    for told in ["job.job_type&#x3D;agent", "&lt;img src", "in 4 h, then tells", &end] {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains("<img"), "{page}");
    assert_eq!((ended.status().as_u16(), again.status().as_u16()), (303, 404));
    assert!(text(&stage, "/").await.contains("Nothing is silenced."));
}

#[tokio::test]
async fn what_makes_no_sense_comes_back_with_what_was_typed() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let page = text(&stage, "/").await;
    let good = [("for", "1d"), ("other", ""), ("match", ""), ("comment", "why"), ("author", "ada")];

    for (field, value, reason) in [
        ("other", "soon", "write a number and a unit"),
        ("for", "other", "write a number and a unit"),
        ("match", "name=<b>", "does not begin with one of"),
        ("match", "job.a=[", "unclosed character class"),
        ("comment", " ", "say why"),
        ("author", "a\u{7}", "without control characters"),
    ] {
        let mut wish = vec![("mark", mark_of(&page))];
        wish.extend(good.map(|(name, known)| (name, if name == field { value } else { known })));
        let answer = send(&stage, "/silences", &wish, "").await;

        assert_eq!(answer.status(), 400, "{field} {value}");
        let back = answer.text().await.unwrap();
        assert!(back.contains("role=\"alert\"") && back.contains(reason), "{reason}: {back}");
        assert!(back.contains("aria-invalid=\"true\""), "{back}");
        let kept = if field == "author" { "value=\"why\"" } else { "value=\"ada\"" };
        assert!(back.contains(kept) && !back.contains("<b>"), "{kept}: {back}");
    }
    let wish = [("mark", mark_of(&page)), ("for", "1h"), ("comment", "c"), ("match", "name=<b>")];
    let back = send(&stage, "/silences", &wish, "").await.text().await.unwrap();
    assert!(back.contains("name&#x3D;&lt;b&gt;</textarea>"), "{back}");
    assert_eq!(silences(&stage).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_job_and_a_dead_message_lead_to_a_form_about_their_project() {
    let sink = Sink::start().await;
    let (stage, _) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let stage = step_by_step(stage).await;
    let hostile = "[*] \"x\" {a,b}\\ &<i>";
    stage.bridge.world.project(hostile, "Another");
    let ended = json!({"job_state": "stopped", "project_id": hostile,
        "result": {"status": "success"}});
    let id = stage.bridge.world.put_job(ended.clone());
    sink.wait_for(2).await;
    let page = text(&stage, &format!("/jobs/main/{id}")).await;
    let link = |page: &str, words: &str| {
        let before = page.split_once(words).unwrap_or_else(|| panic!("{words}: {page}")).0;
        as_read(before.rsplit_once("href=\"").unwrap().1.split('"').next().unwrap())
    };

    let of_project = link(&page, ">Silence this project<");
    let of_job = link(&page, ">Silence this job<");
    let of_dead = link(&text(&stage, "/").await, ">Silence…<");
    let form = text(&stage, &of_project).await;
    let typed = form.split_once("<textarea").unwrap().1.split_once(">\n").unwrap().1;
    let typed = typed.split_once("</textarea>").unwrap().0;
    let typed = as_read(typed);
    let wish = [("mark", mark_of(&form)), ("for", "1h"), ("match", &typed), ("comment", "c")];
    let asked = send(&stage, "/silences", &wish, "").await;
    stage.bridge.world.put_job(ended);
    stage.bridge.run("publish");
    let told = sink.wait_for(3).await;

    assert!(text(&stage, &of_job).await.contains(&format!("job.job_id&#x3D;{id}")));
    assert!(text(&stage, &of_dead).await.contains("job.project_name&#x3D;Spring launch"));
    assert!(!form.contains("<i>"), "{form}");
    assert_eq!(asked.status(), StatusCode::SEE_OTHER);
    assert_eq!(told[2].json()["job"]["job_type"], "publish");
    assert_eq!(silences(&stage).await[0]["silenced"], 1);
}

#[tokio::test]
async fn who_may_only_look_sees_silences_and_no_way_to_change_them() {
    let sink = Sink::start().await;
    let setup = Setup::everything_to(&sink)
        .service("base_path = \"/notify\"\nadmin_token = { env = \"ADMIN\" }\nread_token = { env = \"READ\" }")
        .var("ADMIN", ADMIN)
        .var("READ", READ);
    let stage = step_by_step(Stage::start(setup).await).await;
    let cookie = async |token: &str| {
        let answer = send(&stage, "/notify/login", &[("token", token)], "").await;
        let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().to_owned();
        cookie.split(';').next().unwrap().to_owned()
    };
    let get = async |path: &str, cookie: &str| {
        let answer = stage.request(Method::GET, path).header(COOKIE, cookie).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (looks, decides) = (cookie(READ).await, cookie(ADMIN).await);
    let (_, page) = get("/notify/", &decides).await;
    let wish = [("mark", mark_of(&page)), ("for", "1h"), ("comment", "moving house")];

    let forged = send(&stage, "/silences", &[("mark", "0"), ("comment", "c")], &decides).await;
    let refused = send(&stage, "/silences", &wish, &looks).await;
    let nobody = send(&stage, "/silences", &wish, "").await;
    let asked = send(&stage, "/notify/silences", &wish, &decides).await;
    let (_, seen) = get("/notify/", &looks).await;
    let (form, _) = get("/notify/silences/new", &looks).await;
    let (_, own) = get("/notify/", &decides).await;
    let end = own.split_once("/expire\"").unwrap().0.rsplit_once('"').unwrap().1.to_owned();
    let end = format!("{end}/expire");
    let kept = send(&stage, &end, &[("mark", mark_of(&seen))], &looks).await;
    let crossed = stage
        .request(Method::POST, &end)
        .header(COOKIE, &decides)
        .header("sec-fetch-site", "cross-site")
        .body(format!("mark={}", mark_of(&own)))
        .send()
        .await
        .unwrap();

    assert_eq!([forged.status().as_u16(), refused.status().as_u16()], [403, 401]);
    assert_eq!([nobody.status().as_u16(), form, kept.status().as_u16()], [401; 3]);
    assert_eq!(crossed.status(), StatusCode::FORBIDDEN);
    assert_eq!(asked.headers()[LOCATION], "/notify/#silences");
    assert!(end.starts_with("/notify/silences/"), "{end}");
    assert!(seen.contains("moving house") && seen.contains("<strong>everything</strong>"));
    assert!(!seen.contains("expire") && !seen.contains("Add a silence"), "{seen}");
    assert_eq!(stage.get(&end).await.status(), StatusCode::METHOD_NOT_ALLOWED);
    let (_, after) = get("/notify/", &looks).await;
    assert!(after.contains("moving house"), "{after}");
}
