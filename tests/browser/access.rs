//! Who sees what: the door, a visitor who may only look, one who may decide.

use crate::browser::{Browser, ENTER};
use crate::home;
use crate::support::bridge::Setup;
use crate::support::sink::Sink;
use crate::support::stage::with_one_dead_delivery;

const ADMIN: &str = "admin-token-0123456789";
const READ: &str = "read-token-0123456789";

fn with_tokens(setup: Setup) -> Setup {
    setup
        .service("admin_token = { env = \"ADMIN\" }\nread_token = { env = \"READ\" }")
        .var("ADMIN", ADMIN)
        .var("READ", READ)
}

#[tokio::test]
async fn a_token_opens_the_pages_for_looking_or_for_deciding() {
    let sink = Sink::start().await;
    let setup = with_tokens(Setup::everything_to(&sink));
    let (stage, id) = with_one_dead_delivery(&sink, setup).await;
    let Some(mut browser) = Browser::open(&home(&stage)).await else { return };
    browser.expect("status of 401");
    let retry = format!("#retry-{id}");

    browser.go("/").await;
    assert_eq!(browser.value("document.activeElement.id").await, "token");
    assert!(!browser.text("body").await.contains("Spring"));
    browser.type_into("#token", "a guess").await;
    browser.press(ENTER).await;
    browser.until_shown("[role=alert]", "That token is not known here.").await;
    browser.type_into("#token", READ).await;
    browser.click("main button").await;

    browser.until_shown("#unsent", "1 dead").await;
    browser.until_shown("#live", "Live").await;
    assert_eq!(browser.count("main form, main button").await, 0);
    assert!(!browser.value("document.cookie").await.as_str().unwrap().contains("session"));
    browser.click(".top a[href$='/login']").await;
    browser.until("document.querySelector('#token')").await;
    browser.type_into("#token", ADMIN).await;
    browser.press(ENTER).await;

    browser.until("document.querySelector('#unsent form')").await;
    browser.click(&retry).await;
    browser.until_shown("#settled", "failed: Spring launch").await;
    browser.click(".top form button").await;
    browser.until("document.querySelector('#token')").await;
    assert!(!browser.text("body").await.contains("Spring"));
    browser.close().await;
}

#[tokio::test]
async fn a_page_left_open_asks_for_the_token_when_its_session_has_ended() {
    let sink = Sink::start().await;
    let setup = with_tokens(Setup::everything_to(&sink));
    let (stage, _) = with_one_dead_delivery(&sink, setup).await;
    let Some(mut browser) = Browser::open(&home(&stage)).await else { return };
    browser.expect("status of 401");
    browser.go("/login").await;
    browser.type_into("#token", READ).await;
    browser.press(ENTER).await;
    browser.until_shown("#live", "Live").await;

    browser.cdp("Network.clearBrowserCookies", serde_json::json!({})).await;
    stage.bridge.run("agent");

    browser.until("document.querySelector('#token')").await;
    assert!(!browser.text("body").await.contains("Spring"));
    browser.close().await;
}

#[tokio::test]
async fn a_page_that_outlives_the_service_still_decides_and_logs_out() {
    let sink = Sink::start().await;
    let setup = with_tokens(Setup::everything_to(&sink));
    let (stage, id) = with_one_dead_delivery(&sink, setup).await;
    let Some(mut browser) = Browser::open(&home(&stage)).await else { return };
    browser.expect("status of 401");
    browser.expect("net::ERR_");
    browser.go("/login").await;
    browser.type_into("#token", ADMIN).await;
    browser.press(ENTER).await;
    browser.until_shown("#live", "Live").await;

    let stage = stage.restart().await;
    stage.bridge.run("agent");
    browser.until_shown("#running", "AI edit").await;
    browser.click(".top form button").await;

    browser.until("document.querySelector('#token')").await;
    browser.type_into("#token", ADMIN).await;
    browser.press(ENTER).await;
    browser.until_shown("#live", "Live").await;
    let stage = stage.restart().await;
    stage.bridge.run("publish");
    browser.until_shown("#running", "Publish").await;
    browser.click(&format!("#retry-{id}")).await;
    browser.until_shown("#settled", "failed: Spring launch").await;
    browser.close().await;
}
