//! What the program itself writes about hostile jobs: logs, tables, stories, the console.

use serde_json::json;

use super::families::{MARK, texts};
use super::is_unseen;
use super::support::bridge::{Setup, rule, webhook};
use super::support::sink::{Answer, Sink};

#[tokio::test]
async fn no_log_line_no_table_and_no_story_can_be_forged_or_steer_a_terminal() {
    let sink = Sink::start().await;
    let (_, rude) = texts().find(|(family, _)| *family == "log").unwrap();
    sink.always(Answer::status(400).body(&rude));
    let notifiers = webhook("hook", &sink) + "[notifiers.screen]\ntype = \"console\"\n";
    let setup = Setup::new(notifiers + &rule("all", &["any"], &["hook", "screen"]));
    let bridge = setup.prepare().await;
    let program = bridge.launch(&["--log", "trace", "run"]).start();
    bridge.looked().await;

    let mut jobs = 0;
    let mut last = String::new();
    for (number, (_, text)) in texts().enumerate() {
        let project = format!("p-{number}");
        bridge.world.project(&project, &text);
        last = bridge
            .world
            .put_job(json!({"job_type": text, "job_state": "stopped", "project_id": project,
            "result": {"status": "error", "error_message": text, "error_code": text}}));
        jobs += 1;
    }
    sink.wait_for(jobs).await;
    bridge.looked().await;
    let dead = bridge.cli(&["deliveries", "list", "--notifier", "hook", "--json"]).await.json();
    let id = dead["deliveries"][0]["id"].as_str().unwrap().to_owned();

    let mut written = vec![program.stderr(), program.stdout()];
    let commands: [&[&str]; 8] = [
        &["jobs"],
        &["events"],
        &["deliveries", "list"],
        &["deliveries", "show", &id],
        &["explain", &last],
        &["preview", "--job", &last],
        &["usage"],
        &["usage", "--by", "type"],
    ];
    for command in commands {
        let output = bridge.cli(command).await;
        written.extend([output.stdout, output.stderr]);
    }
    for text in &written {
        assert!(
            !text.contains(is_unseen),
            "{:?}",
            text.lines().find(|line| line.contains(is_unseen))
        );
    }
    assert!(written.iter().any(|text| text.contains(MARK)));
    // Every line has the time of its writing at its beginning; none is made by a job.
    for line in written[0].lines().filter(|line| !line.trim().is_empty()) {
        assert!(line.starts_with("20") && !line.starts_with("2026-11-23T15:13:00Z"), "{line}");
    }
}
