//! Names that want to be more than names.

use serde_json::{Value, json};

use crate::browser::{Browser, LOOKS, Look, NARROW};
use crate::home;
use crate::support::bridge::Setup;
use crate::support::sink::{Answer, Sink};
use crate::support::stage::Stage;

/// Each sets the canary where it is taken for more than text.
fn hostile() -> Vec<String> {
    [
        "<script>window.canary=1</script>",
        "\"><img src=x onerror=window.canary=1>",
        "'><svg onload=window.canary=1>",
        "</td></tr></table></pre></title><script>window.canary=1</script>",
        "{{page.mark}}{{{page}}} ${window.canary=1} &lt;script&gt;",
        "javascript:window.canary=1",
        "gnp.exe\u{202e}\u{2066}\u{200f} the other way \u{0}\u{1b}[2J",
        "first\nsecond\r\nthird\tfourth\u{2028}fifth",
        "👩‍👩‍👧‍👦🏳️‍🌈 Z\u{351}\u{351}\u{351}\u{351}\u{351}algo 漢字 ﷽",
    ]
    .into_iter()
    .map(str::to_owned)
    .chain(["W".repeat(5_000), "five thousand ".repeat(360), "🎬".repeat(1_300)])
    .collect()
}

/// What is on a page that should not be there.
const INTRUDERS: &str = "[
    ...document.querySelectorAll('img, iframe, object, embed, base, svg[onload]'),
    ...[...document.scripts].filter(it => !it.src.startsWith(location.origin + '/')),
    ...[...document.querySelectorAll('*')].filter(it =>
        [...it.attributes].some(one => one.name.startsWith('on') || one.name === 'style')),
    ...[...document.links].filter(it => !['http:', 'https:'].includes(it.protocol)),
].map(it => it.outerHTML.slice(0, 300))";

async fn is_harmless(browser: &Browser, looks: &[Look]) {
    assert_eq!(browser.value("window.canary ?? null").await, Value::Null);
    assert_eq!(browser.value(INTRUDERS).await, json!([]));
    let text = browser.text("body").await;
    let hidden = ['\u{202e}', '\u{2066}', '\u{200f}', '\u{0}', '\u{1b}', '\u{2028}'];
    assert!(!text.contains(hidden), "{text}");
    assert_eq!(browser.count("main").await, 1);
    assert_eq!(browser.value("document.title.endsWith(' · descript-notify')").await, true);
    for look in looks {
        browser.look(*look).await;
        browser.fits().await;
    }
}

#[tokio::test]
async fn hostile_names_are_text_and_break_no_page() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let world = &stage.bridge.world;
    let mut jobs = Vec::new();
    for (number, name) in hostile().iter().enumerate() {
        let project = format!("p-{number}");
        world.project(&project, name);
        // The answer is shown, too.
        sink.script([Answer::status(400).body(name)]);
        jobs.push(world.put_job(json!({"job_type": name, "job_state": "running",
            "project_id": project, "project_url": "javascript:window.canary=1",
            "progress": {"label": name, "percent": 30}})));
        sink.wait_for(2 * number + 1).await;
        let failed = json!({"status": "error", "error_message": name, "error_code": name});
        jobs.push(
            world.put_job(json!({"job_type": name, "job_state": "stopped",
            "project_id": project, "result": failed,
            "project_url": format!("https://evil.example/{name}\" onclick=window.canary=1 x=\"")})),
        );
        sink.wait_for(2 * number + 2).await;
    }
    let Some(browser) = Browser::open(&home(&stage)).await else { return };

    browser.go("/").await;
    browser.until_shown("#live", "Live").await;
    browser.until_shown("#running", "<script>window.canary=1</script>").await;
    // The list shows the newest.
    browser.until_shown("#unsent", "javascript:window.canary=1").await;
    is_harmless(&browser, &[NARROW, LOOKS[0], LOOKS[3]]).await;
    browser.picture("hostile-dashboard-phone-dark").await;

    for job in jobs {
        browser.go(&format!("/jobs/main/{job}")).await;
        browser.click("#document summary").await;
        is_harmless(&browser, &[NARROW, LOOKS[3]]).await;
    }
    browser.picture("hostile-job-phone-dark").await;
    browser.close().await;
}
