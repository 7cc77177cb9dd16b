//! Messages as they look, on the page of their job.

use serde_json::{Value, json};

use super::Stage;
use super::pages::text;
use crate::support::bridge::{Setup, rule, webhook};
use crate::support::sink::{Answer, Sink};

/// The previews of a page, by what they are called.
fn previews(page: &str) -> Vec<(String, String)> {
    let parts = page.split("<details id=\"preview-").skip(1);
    let read = |part: &str| {
        let (title, rest) =
            part.split_once("<summary>").unwrap().1.split_once("</summary>").unwrap();
        (title.to_owned(), rest.split_once("</details>").unwrap().0.to_owned())
    };
    parts.map(read).collect()
}

fn chat(sink: &Sink) -> String {
    let hook = sink.url("/services/T000/B000/hook");
    format!("[notifiers.team]\ntype = \"slack\"\nwebhook_url = \"{hook}\"\nrate = \"unlimited\"\n")
}

fn failed(project: &str) -> Value {
    let result = json!({"status": "error", "error_message": "no <media> & *no* music"});
    json!({"job_type": "agent", "job_state": "stopped", "project_id": project, "result": result})
}

#[tokio::test]
async fn a_message_is_shown_as_people_read_it_and_a_document_as_programs_do() {
    let sink = Sink::start().await;
    let mail = "[notifiers.mail]\ntype = \"email\"\nhost = \"127.0.0.1\"\nport = 9\ntls = \"none\"\n\
        from = \"a@example.com\"\nto = [\"b@example.com\"]\n";
    let rest = format!(
        "{}{}{mail}{}",
        webhook("hook", &sink),
        chat(&sink),
        rule("ends", &["finished"], &["hook", "team", "mail"])
    );
    let stage = Stage::start(Setup::new(rest)).await;
    stage.bridge.world.project("p-1", "<img src=x>*Spring*\u{202e}");
    sink.script([Answer::status(400).body("no"), Answer::status(400).body("no")]);
    let id = stage.bridge.world.put_job(failed("p-1"));
    sink.wait_for(2).await;

    let page = loop {
        let page = text(&stage, &format!("/jobs/main/{id}")).await;
        if page.matches(">dead<").count() == 2 {
            break page;
        }
    };

    let shown = previews(&page);
    let of = |title: &str| {
        let found = shown.iter().find(|(known, _)| known.ends_with(title));
        &found.unwrap_or_else(|| panic!("{title}: {shown:?}")).1
    };
    let slack = of("What a retry would send: failed to team");
    assert!(slack.contains("&lt;img src&#x3D;x&gt;*Spring*"), "{slack}");
    assert!(slack.contains("no &lt;media&gt; &amp; *no* music"), "{slack}");
    assert!(!slack.contains("blocks"), "{slack}");
    let hook = of("What a retry would send: failed to hook");
    assert!(hook.contains("&quot;type&quot;: &quot;job.failed&quot;"), "{hook}");
    let mail = of(": failed to mail (b@example.com)");
    assert!(mail.contains("Subject</span>") && mail.contains("*Spring*"), "{mail}");
    assert!(!page.contains("<img") && !page.contains("<media") && !page.contains('\u{202e}'));
}

#[tokio::test]
async fn a_link_to_an_exported_file_is_sent_and_never_shown() {
    let sink = Sink::start().await;
    let asking = rule("exports", &["succeeded"], &["hook"]) + "include_download_url = true\n";
    let setup = Setup::new(format!("{}{asking}", webhook("hook", &sink)));
    let stage = Stage::start(setup).await;
    let result = json!({"status": "success", "download_url": "https://files.example/secret-export",
        "download_url_expires_at": "2030-01-01T00:00:00Z"});
    let id = stage.bridge.world.put_job(json!({"job_type": "publish", "job_state": "stopped",
        "project_id": "p-1", "result": result}));

    let sent = sink.wait_for(1).await;
    let page = loop {
        let page = text(&stage, &format!("/jobs/main/{id}")).await;
        if page.contains("How it looked") {
            break page;
        }
    };

    assert!(sent[0].text().contains("secret-export"));
    assert!(page.contains("left-out-of-previews.invalid"), "{page}");
    assert!(!page.contains("secret-export"), "{page}");
}

#[tokio::test]
async fn a_message_that_gathers_is_on_the_page_of_each_of_its_jobs() {
    let sink = Sink::start().await;
    let gathering =
        rule("ends", &["finished"], &["team"]) + "group = { wait = \"1h\", max = 50 }\n";
    let stage = Stage::start(Setup::new(format!("{}{gathering}", chat(&sink)))).await;
    let ids = [("p-1", "Spring launch"), ("p-2", "Autumn recap")].map(|(project, name)| {
        stage.bridge.world.project(project, name);
        stage.bridge.world.put_job(failed(project))
    });
    stage.bridge.looked().await;
    stage.bridge.looked().await;

    for id in ids {
        let page = text(&stage, &format!("/jobs/main/{id}")).await;

        let shown = previews(&page);
        assert_eq!(shown.len(), 1, "{page}");
        assert_eq!(shown[0].0, "What would be sent now: failed to team");
        assert!(shown[0].1.contains("Spring launch") && shown[0].1.contains("Autumn recap"));
        assert!(page.contains("gathers with others until"), "{page}");
    }
}
