//! A page that stays open: it shows what happens, and a reader keeps the place.

use serde_json::json;

use crate::browser::{Browser, PHONE};
use crate::home;
use crate::support::bridge::Setup;
use crate::support::sink::Sink;
use crate::support::stage::{Stage, with_one_dead_delivery};

/// True as long as the page is the one that was opened.
const SAME_PAGE: &str = "window.isTheSamePage === true";

async fn mark_page(browser: &Browser) {
    browser.until_shown("#live", "Live").await;
    browser.script("window.isTheSamePage = true", json!([])).await;
}

#[tokio::test]
async fn what_happens_shows_on_the_open_dashboard() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };
    stage.bridge.world.project("p-1", "Spring launch");
    browser.go("/").await;
    mark_page(&browser).await;
    browser.until_shown("#running", "No job is queued or running.").await;

    let running = json!({"job_type": "publish", "job_state": "running", "project_id": "p-1"});
    let job = stage.bridge.world.put_job(running);
    browser.until_shown("#running", "Spring launch").await;
    stage.bridge.world.set_progress(&job, json!({"label": "Mixing", "percent": 40}));
    browser.until_shown("#running", "Mixing").await;
    stage.bridge.succeed(&job);
    browser.until_shown("#ended", "succeeded").await;
    browser.until_shown("#settled", "succeeded: Spring launch").await;
    browser.until_shown("#running", "No job is queued or running.").await;

    assert_eq!(browser.value(SAME_PAGE).await, true);
    browser.close().await;
}

#[tokio::test]
async fn an_update_leaves_focus_place_and_unfolded_parts_as_they_are() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };
    let job = stage.json("/api/v1/jobs").await["jobs"][0]["job_id"].as_str().unwrap().to_owned();
    browser.look(PHONE).await;
    browser.go(&format!("/jobs/main/{job}")).await;
    mark_page(&browser).await;
    let attempts = format!("#attempts-{id}");
    browser.click(&format!("{attempts} summary")).await;
    browser.script("document.getElementById('document').open = true", json!([])).await;
    let place = "document.querySelector('details[open] summary').scrollIntoView({block: 'start'})";
    browser.value(place).await;
    let top = format!("document.querySelector('{attempts} summary').getBoundingClientRect().top");
    let focus = "document.activeElement.closest('details')?.id + document.activeElement.tagName";
    let (top_before, focus_before) = (browser.value(&top).await, browser.value(focus).await);
    assert_eq!(focus_before, format!("attempts-{id}SUMMARY"));

    stage.post(&format!("/api/v1/deliveries/{id}/retry")).await;

    // Both attempts, unfolded.
    let tried = format!("document.querySelectorAll('{attempts}[open] li').length === 2");
    browser.until(&tried).await;
    assert_eq!(browser.value(focus).await, focus_before);
    assert_eq!(browser.value("document.getElementById('document').open").await, true);
    let moved = browser.value(&top).await.as_f64().unwrap() - top_before.as_f64().unwrap();
    assert!(moved.abs() < 120.0, "the page jumped by {moved}");
    assert_eq!(browser.value(SAME_PAGE).await, true);
    browser.close().await;
}

#[tokio::test]
async fn a_link_keeps_the_focus_when_rows_come_in_above_it() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };
    stage.bridge.world.project("p-1", "Spring launch");
    stage.bridge.world.project("p-2", "Founder interview");
    let running = |project: &str| json!({"job_state": "running", "project_id": project});
    let job = stage.bridge.world.put_job(running("p-1"));
    browser.go("/").await;
    mark_page(&browser).await;
    browser.until_shown("#running", "Spring launch").await;
    browser.value("document.querySelector('#running a').focus()").await;

    stage.bridge.world.put_job(running("p-2"));
    browser.until_shown("#running", "Founder interview").await;

    let focused = browser.value("document.activeElement.href ?? ''").await;
    assert!(focused.as_str().unwrap().ends_with(&job), "{focused}");
    browser.close().await;
}

#[tokio::test]
async fn a_page_is_live_again_by_itself_after_a_restart() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let Some(mut browser) = Browser::open(&home(&stage)).await else { return };
    browser.expect("net::ERR_");
    browser.go("/").await;
    mark_page(&browser).await;

    let stage = stage.restart().await;
    browser.until_shown("#live", "Live").await;
    stage.bridge.run("agent");
    browser.until_shown("#running", "AI edit").await;

    assert_eq!(browser.value(SAME_PAGE).await, true);
    browser.close().await;
}

#[tokio::test]
async fn many_pages_and_many_tabs_do_not_use_up_the_connections() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let job = stage.bridge.run("agent");
    sink.wait_for(1).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };

    for _ in 0..5 {
        browser.go("/").await;
        browser.until_shown("#live", "Live").await;
        browser.click("#running a").await;
        browser.until_shown("#live", "Live").await;
    }
    browser.back().await;
    browser.until_shown("#live", "Live").await;
    mark_page(&browser).await;
    stage.bridge.succeed(&job);
    browser.until_shown("#ended", "succeeded").await;
    for _ in 0..8 {
        browser.new_tab().await;
        browser.go("/").await;
        browser.until_shown("#live", "Live").await;
    }

    browser.close().await;
}
