//! Every page in both colour schemes, on a desk and on a phone: it fits, all can use it, and a
//! picture of it is in `target/screenshots`.

use serde_json::json;

use crate::browser::Browser;
use crate::home;
use crate::support::bridge::{Setup, rule, webhook};
use crate::support::sink::{Answer, Sink};
use crate::support::stage::Stage;

/// A stage where everything that a page can show is there; one job's id.
async fn busy(sink: &Sink, shut: &Sink) -> (Stage, String) {
    shut.always(Answer::status(401).body("this hook was revoked"));
    let rest = [
        webhook("team", sink),
        webhook("producers", shut),
        rule("failures", &["failed", "partial"], &["team", "producers"]),
        rule("everything that ended", &["finished"], &["producers"]),
        rule("wins", &["succeeded", "started"], &["team"]),
    ];
    let stage = Stage::start(Setup::new(rest.concat())).await;
    let world = &stage.bridge.world;
    for (id, name) in [
        ("p-1", "Spring launch"),
        ("p-2", "Podcast episode 112: The long way home, with a guest whose name takes a line"),
        ("p-3", "Founder interview"),
    ] {
        world.project(id, name);
    }
    sink.script([Answer::status(400).body("{\"error\": \"no such field\"}")]);
    let result = json!({"status": "error", "error_code": "import_unreadable",
        "error_message": "The file `interview take 3.mov` is not a video that can be read"});
    let failed = world.put_job(json!({"job_type": "import/project_media", "job_state": "stopped",
        "project_id": "p-1", "result": result,
        "project_url": "https://web.descript.com/1ad4e4b2-e939-4fa3-ad03-9a8ac7340e8c"}));
    stage.program.wait_for_stderr("Gave up a message to team").await;
    let ended = |kind: &str, project: &str, result: serde_json::Value| json!({"job_type": kind, "job_state": "stopped", "project_id": project, "result": result});
    let done = json!({"status": "success", "ai_credits_used": 32});
    world.put_job(ended("agent", "p-3", done));
    let media = json!({"guest.wav": {"status": "failed", "error_message": "the link answered 403"},
        "host.wav": {"status": "success", "duration_seconds": 1800}});
    let partly = json!({"status": "partial", "media_status": media});
    world.put_job(ended("import/project_media", "p-2", partly));
    world.put_job(json!({"job_type": "publish", "job_state": "cancelled", "project_id": "p-3"}));
    for (project, progress) in [
        ("p-1", json!({"label": "Reading scenes", "percent": 15})),
        ("p-2", json!({"label": "Transcribing the second speaker"})),
        ("p-3", json!({"label": "Rendering", "percent": 90})),
    ] {
        world.put_job(json!({"job_type": "publish", "job_state": "running",
            "project_id": project, "progress": progress}));
    }
    world.put_job(json!({"job_type": "agent", "job_state": "queued", "project_id": "p-1"}));
    stage.program.wait_for_stderr("refuses us").await;
    stage.bridge.looked().await;
    (stage, failed)
}

#[tokio::test]
async fn an_empty_dashboard_is_fit_to_be_seen() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };

    browser.go("/").await;
    browser.until_shown("#live", "Live").await;

    browser.in_every_look("dashboard-empty").await;
    browser.close().await;
}

#[tokio::test]
async fn a_busy_dashboard_and_a_jobs_page_are_fit_to_be_seen() {
    let (sink, shut) = (Sink::start().await, Sink::start().await);
    let (stage, job) = busy(&sink, &shut).await;
    let Some(browser) = Browser::open(&home(&stage)).await else { return };

    browser.go("/").await;
    browser.until_shown("#live", "Live").await;
    browser.until_shown("#standing", "refuses messages").await;
    browser.until_shown("#unsent", "held").await;
    browser.in_every_look("dashboard-busy").await;

    browser.go(&format!("/jobs/main/{job}")).await;
    browser.until_shown("#live", "Live").await;
    for summary in ["#said summary", "#document summary"] {
        browser.click(summary).await;
    }
    browser.in_every_look("job").await;
    browser.close().await;
}

#[tokio::test]
async fn the_door_and_a_problem_are_fit_to_be_seen() {
    let sink = Sink::start().await;
    let setup = Setup::everything_to(&sink)
        .service("admin_token = { env = \"ADMIN\" }")
        .var("ADMIN", "admin-token-0123456789");
    let stage = Stage::start(setup).await;
    let Some(mut browser) = Browser::open(&home(&stage)).await else { return };
    browser.expect("status of 401");
    browser.expect("status of 404");

    browser.go("/login").await;
    browser.type_into("#token", "a guess").await;
    browser.click("main button").await;
    browser.until_shown("[role=alert]", "not known").await;
    browser.in_every_look("login").await;

    browser.go("/jobs/main/unknown").await;
    browser.until_shown("main", "no such job is known").await;
    browser.in_every_look("problem").await;
    browser.close().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_page_would_be_seen() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let Some(mut browser) = Browser::open(&home(&stage)).await else { return };
    browser.expect("status of 404");
    browser.go("/").await;
    browser.until_shown("#live", "Live").await;

    let spoil = "const bad = document.createElement('p'); bad.id = 'bad'; \
        bad.append(document.createElement('img'), 'pale'); \
        document.querySelector('main').append(bad); \
        bad.style.color = '#ccc'; bad.style.background = '#fff'; \
        bad.firstChild.src = 'http://127.0.0.1:9/elsewhere.png'";
    browser.script(spoil, json!([])).await;
    if let Some(barriers) = browser.barriers().await {
        let found: Vec<&str> =
            barriers.as_array().unwrap().iter().filter_map(|it| it[0].as_str()).collect();
        assert!(found.contains(&"color-contrast") && found.contains(&"image-alt"), "{barriers:#}");
    }
    browser.go("/nowhere").await;
    browser.stray("data:text/html,<img src=http://127.0.0.1:9/elsewhere.png>").await;
    let faults = browser.faults().await.join("\n");

    assert!(faults.contains("violates the following Content Security Policy"), "{faults}");
    assert!(faults.contains("asked for from elsewhere: http://127.0.0.1:9/"), "{faults}");
    assert!(!faults.contains("404"), "what is expected is no fault: {faults}");
    browser.leave();
}
