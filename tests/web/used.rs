//! What jobs have used, on the first page.

use serde_json::json;

use super::Stage;
use super::pages::text;
use crate::support::bridge::{Setup, rule, webhook};
use crate::support::sink::Sink;

#[tokio::test]
async fn the_dashboard_adds_up_what_has_been_used_by_day_project_and_type() {
    let sink = Sink::start().await;
    let hostile = "<b>\"&'{{spend}}\u{202e}";
    let spend = format!(
        "{}[[rules]]\nname = '<i>budget'\non = [\"spend_crossed\"]\nnotify = [\"hook\"]\n\
         spend = {{ credits = 10, per = \"month\" }}\n",
        rule("ends", &["finished"], &["hook"]),
    );
    let setup = Setup::new(format!("{}{spend}", webhook("hook", &sink)));
    let stage = Stage::start(setup).await;
    assert!(text(&stage, "/").await.contains("No job has ended in this time."));
    stage.bridge.world.project("p-1", hostile);
    stage.bridge.world.project("p-2", "Spring launch");
    for (project, job_type, status, seconds, credits) in [
        ("p-1", "import/project_media", "success", 90.0, 2.0),
        ("p-2", "agent", "error", 0.0, 5.5),
        ("p-2", "publish", "partial", 120.0, 0.0),
    ] {
        let result = json!({"status": status, "media_seconds_used": seconds,
            "ai_credits_used": credits, "error_message": "no"});
        stage.bridge.world.put_job(json!({"job_type": job_type, "job_state": "stopped",
            "project_id": project, "result": result}));
    }
    sink.wait_for(3).await;

    let page = loop {
        let page = text(&stage, "/").await;
        if page.contains("3.5 media minutes in 30 days") {
            break page;
        }
    };

    let usage = page.split_once("<section id=\"usage\"").unwrap().1;
    for told in [
        "7.5 AI credits in 30 days",
        "7.5 of 10 credits",
        "this month",
        "value=\"75\"",
        "&lt;i&gt;budget",
        "Spring launch",
        "&lt;b&gt;",
        "<th scope=\"row\">AI edit</th>",
        "days are those of UTC",
    ] {
        assert!(usage.contains(told), "{told}: {usage}");
    }
    assert!(!usage.contains("<b>") && !usage.contains("<i>"), "{usage}");
    assert!(!usage.contains('\u{202e}'), "{usage}");
    let of_spring = usage.split_once("Spring launch").unwrap().1;
    let cells: Vec<&str> = of_spring
        .split("<td class=\"number\">")
        .skip(1)
        .take(4)
        .map(|cell| cell.split('<').next().unwrap())
        .collect();
    assert_eq!(cells, ["2", "2", "2", "5.5"]);
}
