//! Decisions about what could not be sent: by a click, by a key, with and without scripts.

use serde_json::json;

use crate::browser::{Browser, ENTER, PHONE, TAB};
use crate::home;
use crate::support::bridge::Setup;
use crate::support::sink::Sink;
use crate::support::stage::with_one_dead_delivery;

#[tokio::test]
async fn a_dead_message_is_retried_by_a_click_and_shown_as_sent() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };
    browser.go("/").await;
    browser.until_shown("#unsent", "1 dead").await;

    browser.click(&format!("#retry-{id}")).await;

    browser.until_shown("#settled", "sent").await;
    browser.until_shown("#settled", "failed: Spring launch").await;
    browser.until_shown("#unsent", "Nothing is owed to anybody.").await;
    assert_eq!(browser.path().await, "/");
    assert_eq!(sink.count(), 2);
    browser.close().await;
}

#[tokio::test]
async fn a_dead_message_is_discarded_on_its_jobs_page_by_a_thumb() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };
    browser.look(PHONE).await;
    browser.go("/").await;
    browser.click("#unsent a").await;
    browser.until("location.pathname.startsWith('/jobs/main/')").await;
    let page = browser.path().await;
    let size = format!("document.querySelector('#discard-{id}').getBoundingClientRect().height");
    assert!(browser.value(&size).await.as_f64() >= Some(40.0), "too small for a thumb");

    browser.click(&format!("#discard-{id}")).await;

    browser.until_shown("#said", "discarded").await;
    assert_eq!(browser.count("#said form").await, 0);
    assert_eq!(browser.path().await, page);
    assert_eq!(sink.count(), 1);
    browser.close().await;
}

#[tokio::test]
async fn without_scripts_pages_are_whole_and_buttons_work() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let Some(browser) = Browser::without_scripts(&home(&stage)).await else { return };
    browser.go("/").await;
    browser.until_shown("#ended", "Spring launch").await;
    assert!(browser.text("#ended time").await.ends_with("UTC"), "a script has run");
    assert_eq!(browser.text("#live").await, "");

    browser.click(&format!("#retry-{id}")).await;
    sink.wait_for(2).await;
    // Nothing comes by itself here.
    while !browser.text("#settled").await.contains("failed: Spring launch") {
        browser.go("/").await;
    }

    assert!(browser.text("#settled").await.contains("sent"));
    browser.close().await;
}

#[tokio::test]
async fn a_keyboard_is_enough() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };
    browser.go("/").await;
    browser.until_shown("#live", "Live").await;
    let focused = "document.activeElement.id || document.activeElement.innerText";

    browser.press(TAB).await;
    assert_eq!(browser.value(focused).await, "Skip to the content");
    let seen = "document.activeElement.getBoundingClientRect().left >= 0";
    assert_eq!(browser.value(seen).await, true);
    browser.press(ENTER).await;
    browser.until("location.hash === '#main'").await;
    let mut passed = Vec::new();
    while browser.value(focused).await != json!(format!("retry-{id}")) {
        browser.press(TAB).await;
        let outline = browser.value("getComputedStyle(document.activeElement).outlineStyle").await;
        passed.push(browser.value(focused).await);
        assert_eq!(outline, "solid", "no ring around {passed:?}");
        assert!(passed.len() < 30, "{passed:?}");
    }
    browser.press(ENTER).await;

    browser.until_shown("#settled", "failed: Spring launch").await;
    assert!(!passed.contains(&json!("descript-notify")), "the content was not skipped to");
    browser.close().await;
}

#[tokio::test]
async fn a_double_click_is_a_click() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };
    browser.go("/").await;

    browser.click_twice(&format!("#retry-{id}")).await;

    browser.until_shown("#settled", "failed: Spring launch").await;
    assert_eq!(browser.path().await, "/");
    assert_eq!(sink.count(), 2);
    browser.close().await;
}
