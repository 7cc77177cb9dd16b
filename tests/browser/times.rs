//! Times, as the reader's clock would tell them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::browser::Browser;
use crate::home;
use crate::support::bridge::Setup;
use crate::support::sink::Sink;
use crate::support::stage::with_one_dead_delivery;

#[tokio::test]
async fn times_are_told_in_the_readers_zone_and_words() {
    let sink = Sink::start().await;
    let (stage, _) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };

    for zone in ["Pacific/Kiritimati", "America/St_Johns"] {
        browser.cdp("Emulation.setLocaleOverride", json!({"locale": "de-DE"})).await;
        browser.cdp("Emulation.setTimezoneOverride", json!({"timezoneId": zone})).await;
        browser.go("/").await;
        browser.until("document.querySelector('#ended time').title").await;

        let at = browser.value("document.querySelector('#ended time').dateTime").await;
        let at: Timestamp = at.as_str().unwrap().parse().unwrap();
        let there = at.to_zoned_datetime(TimeZone::get(zone).unwrap());
        let exact = browser.value("document.querySelector('#ended time').title").await;
        assert_eq!(exact, there.strftime("%d.%m.%Y, %H:%M:%S").to_string(), "{zone}");
        let short = browser.text("#ended time").await;
        assert!(short.contains(&there.strftime("%H:%M").to_string()), "{zone}: {short}");
    }
    browser.close().await;
}
