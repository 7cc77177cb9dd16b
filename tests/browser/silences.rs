//! A silence, asked for from a page of ours: what it keeps quiet shows why on the job's page.

use serde_json::json;

use crate::browser::{Browser, LOOKS};
use crate::home;
use crate::support::bridge::Setup;
use crate::support::sink::Sink;
use crate::support::stage::Stage;

/// Sends a request from the page, as its script would; the answer's status and document.
const ASK: &str = "const [method, path, body, done] = arguments; \
    fetch(path, {method, body: body && JSON.stringify(body)})\
    .then(async answer => done([answer.status, await answer.json()]), cause => done([0, `${cause}`]))";

#[tokio::test]
async fn a_silence_is_told_where_it_kept_a_message_and_no_longer_after_its_end() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };
    browser.go("/").await;
    browser.until_shown("#live", "Live").await;
    let wish = json!({"for": "2h", "comment": "moving house", "matchers": ["job.job_type=agent"]});

    let added = browser.script_later(ASK, json!(["POST", "/api/v1/silences", wish])).await;
    assert_eq!(added[0], 201, "{added}");
    let id = added[1]["silences"][0]["id"].as_str().unwrap().to_owned();
    let silenced = stage.bridge.run("agent");
    browser.until_shown("#running", "AI edit").await;
    browser.click("#running a").await;
    browser.until_shown("#story", &format!("matched, but silence `{id}` is on")).await;
    browser.until_shown("#said", "No message is owed about this job.").await;
    for look in LOOKS {
        browser.look(look).await;
        browser.fits().await;
        browser.is_accessible(&format!("a silenced job, {}", look.name)).await;
    }
    let path = format!("/api/v1/silences/{id}");
    let ended = browser.script_later(ASK, json!(["DELETE", path, null])).await;
    assert_eq!(ended[0], 200, "{ended}");
    stage.bridge.succeed(&silenced);

    browser.until_shown("#said", "sent").await;
    assert_eq!(sink.kinds(), ["succeeded"]);
    browser.close().await;
}
