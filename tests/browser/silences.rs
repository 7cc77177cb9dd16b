//! A silence, asked for on the dashboard: what it keeps quiet shows why on the job's page.

use serde_json::json;

use crate::browser::Browser;
use crate::home;
use crate::support::bridge::Setup;
use crate::support::sink::Sink;
use crate::support::stage::Stage;

#[tokio::test]
async fn a_silence_is_added_told_where_it_kept_a_message_and_ended_by_a_click() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };
    browser.go("/").await;
    browser.until_shown("#live", "Live").await;

    browser.click("#add-silence summary").await;
    browser.type_into("#silence-match", "job.job_type=agent").await;
    browser.type_into("#silence-comment", "moving <b>house</b>").await;
    browser.click("#silence-add").await;
    browser.until_shown("#silences", "moving <b>house</b>").await;
    let silenced = stage.bridge.run("agent");
    browser.until_shown("#running", "AI edit").await;
    browser.in_every_look("silence-dashboard").await;
    browser.click("#running a").await;
    browser.until_shown("#story", "matched, but silence `").await;
    browser.until_shown("#said", "No message is owed about this job.").await;
    browser.go("/").await;
    browser.until_shown("#live", "Live").await;
    browser.click("#silences button").await;
    browser.until_shown("#silences", "Nothing is silenced.").await;
    stage.bridge.succeed(&silenced);

    browser.until_shown("#settled", "hook").await;
    assert_eq!(sink.kinds(), ["succeeded"]);
    browser.close().await;
}

#[tokio::test]
async fn what_is_typed_into_the_form_stays_over_an_update_and_a_mistake() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let job = stage.bridge.run("agent");
    sink.wait_for(1).await;
    let Some(mut browser) = Browser::open(&home(&stage)).await else { return };
    browser.expect("status of 400");

    browser.go(&format!("/jobs/main/{job}")).await;
    browser.click("a[href*='silences/new']").await;
    browser.until("document.querySelector('#silence-match')?.value.includes('job.')").await;
    browser.type_into("#silence-comment", "half a wo").await;
    browser.type_into("#silence-other", "3 moons").await;
    browser.click("#silence-add").await;

    browser.until_shown("#silence-problem", "write a number and a unit").await;
    assert_eq!(
        browser.value("document.querySelector('#silence-comment').value").await,
        "half a wo"
    );
    assert_eq!(browser.value("document.querySelector('#silence-other').value").await, "3 moons");
    browser.in_every_look("silence-form").await;
    browser.go("/").await;
    browser.until_shown("#live", "Live").await;
    browser.click("#add-silence summary").await;
    browser.type_into("#silence-comment", "half a wo").await;
    stage.bridge.succeed(&job);
    browser.until_shown("#ended", "succeeded").await;
    assert_eq!(
        browser.value("document.querySelector('#silence-comment').value").await,
        json!("half a wo")
    );
    browser.close().await;
}
