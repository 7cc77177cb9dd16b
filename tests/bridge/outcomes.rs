//! What a job does becomes the event that the contract names, with all that the API gave.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::bridge::{Setup, rule, webhook};
use crate::support::sink::Sink;

#[tokio::test]
async fn every_end_has_an_event_of_its_own() {
    let sink = Sink::start().await;
    let (bridge, _program) = Setup::everything_to(&sink).start().await;
    let job = || bridge.run("agent");
    let jobs = [job(), job(), job(), job(), job(), job()];
    sink.wait_for(6).await;

    for (job, status) in jobs.iter().zip(["success", "partial", "error", "skipped"]) {
        assert!(bridge.world.finish(job, json!({"status": status})));
    }
    bridge.world.set_state(&jobs[4], "cancelled");
    bridge.world.remove(&jobs[5]);
    let told = sink.wait_for(12).await.split_off(6);
    bridge.looked().await;

    assert_eq!(sink.count(), 12);
    let kinds: BTreeMap<String, String> =
        told.iter().map(|told| (told.job_id(), told.kind())).collect();
    let kinds: Vec<&str> = jobs.iter().map(|job| kinds[job].as_str()).collect();
    assert_eq!(kinds, ["succeeded", "partial", "failed", "stopped", "cancelled", "vanished"]);
    assert!(told.iter().all(|told| told.json()["event"]["from"] == "running"));
}

#[tokio::test]
async fn a_jobs_messages_leave_in_the_order_of_its_life() {
    let sink = Sink::start().await;
    let (bridge, _program) = Setup::everything_to(&sink).start().await;

    let job = bridge.queue("import/project_media");
    sink.wait_for(1).await;
    bridge.world.set_state(&job, "running");
    sink.wait_for(2).await;
    bridge.world.set_progress(&job, json!({"label": "Transcribing", "percent": 40}));
    sink.wait_for(3).await;
    bridge.world.set_progress(&job, json!({"label": "Transcribing", "percent": 80}));
    sink.wait_for(4).await;
    bridge.succeed(&job);
    sink.wait_for(5).await;
    bridge.looked().await;

    assert_eq!(sink.kinds(), ["queued", "started", "progress", "progress", "succeeded"]);
    let ids: Vec<Value> = sink.bodies().iter().map(|told| told["event"]["id"].clone()).collect();
    assert!((1..5).all(|later| !ids[..later].contains(&ids[later])), "{ids:?}");
}

#[tokio::test]
async fn messages_of_one_job_that_are_owed_together_keep_their_order() {
    let sink = Sink::start().await;
    let (bridge, _program) = Setup::everything_to(&sink).start().await;
    let jobs: Vec<String> = (0..6).map(|_| bridge.queue("agent")).collect();
    sink.wait_for(6).await;

    // Each state is seen by a look of its own, but the sink takes its time with the answers.
    sink.always(crate::support::sink::Answer::ok().after(std::time::Duration::from_millis(400)));
    for job in &jobs {
        bridge.world.set_state(job, "running");
    }
    bridge.looked().await;
    for job in &jobs {
        bridge.succeed(job);
    }
    let told = sink.wait_for(18).await;

    for job in &jobs {
        let kinds: Vec<String> =
            told.iter().filter(|told| told.job_id() == *job).map(|told| told.kind()).collect();
        assert_eq!(kinds, ["queued", "started", "succeeded"]);
    }
}

#[tokio::test]
async fn what_nobody_described_reaches_the_webhook_unchanged() {
    let sink = Sink::start().await;
    let (bridge, _program) = Setup::everything_to(&sink).start().await;
    let job = json!({"job_type": "export/timeline", "job_state": "paused",
        "new_field": {"deep": [1, 2.5, "ü", null]}, "created_at": "2026-11-20 08:00"});

    let id = bridge.world.put_job(job.clone());
    let first = sink.wait_for(1).await[0].json();
    bridge.world.finish(&id, json!({"status": "skipped", "reason": {"code": 7}}));
    let last = sink.wait_for(2).await[1].json();

    assert_eq!(first["type"], "job.changed");
    assert_eq!(first["event"]["to"], "paused");
    for (field, value) in job.as_object().unwrap() {
        assert_eq!(first["job"][field], *value, "{field}");
    }
    assert_eq!(last["type"], "job.stopped");
    assert_eq!(last["job"]["result"]["reason"]["code"], 7);
    assert_eq!(last["job"]["new_field"], job["new_field"]);
}

#[tokio::test]
async fn a_rule_chooses_by_what_the_job_says() {
    let (big, other) = (Sink::start().await, Sink::start().await);
    let setup = Setup::new(
        [
            webhook("big", &big),
            webhook("other", &other),
            rule("dear agent runs", &["finished"], &["big"]),
            "when = 'job.job_type == \"agent\" && job.result.ai_credits_used > 100'\n".into(),
            "final = true\n".into(),
            rule("trailers", &["succeeded"], &["other"]),
            "[rules.match]\n\"job.project_name\" = { glob = \"Trailer*\" }\n".into(),
        ]
        .concat(),
    );
    let (bridge, _program) = setup.start().await;
    bridge.world.project("t", "Trailer 7");
    bridge.world.project("n", "News");
    let ends = |project: &str, credits: u32| {
        let job = json!({"project_id": project, "job_state": "stopped",
            "result": {"status": "success", "ai_credits_used": credits}});
        bridge.world.put_job(job)
    };

    let dear = ends("t", 500);
    let cheap = ends("t", 5);
    let news = ends("n", 5);
    big.wait_for(1).await;
    other.wait_for(1).await;
    bridge.looked().await;

    assert_eq!(bridge.deliveries().await.len(), 2);
    assert_eq!(big.received()[0].job_id(), dear);
    assert_eq!(other.received()[0].job_id(), cheap);
    assert_eq!(big.bodies()[0]["rule"]["name"], "dear agent runs");
    let verdicts = bridge.events().await;
    let of_news = verdicts.iter().find(|event| event["job"]["job_id"] == json!(news)).unwrap();
    assert!(of_news["verdicts"].to_string().contains("News"), "{of_news:#}");
}

#[tokio::test]
async fn a_download_link_goes_only_where_a_rule_asks_for_it() {
    let (open, closed) = (Sink::start().await, Sink::start().await);
    let setup = Setup::new(
        [
            webhook("open", &open),
            webhook("closed", &closed),
            rule("with link", &["succeeded"], &["open"]),
            "include_download_url = true\n".into(),
            rule("without link", &["succeeded"], &["closed"]),
        ]
        .concat(),
    );
    let (bridge, _program) = setup.start().await;
    let link = "https://storage.example.invalid/film.mp4?sig=SECRET";
    let result = json!({"status": "success", "share_url": "https://share.descript.com/view/x",
        "download_url": link, "download_url_expires_at": "2026-12-01T00:00:00Z"});

    let job = bridge.run("publish");
    bridge.looked().await;
    bridge.world.finish(&job, result.clone());
    let open = open.wait_for(1).await[0].json();
    let closed = closed.wait_for(1).await[0].json();

    assert_eq!(open["job"]["result"], result);
    assert_eq!(
        closed["job"]["result"],
        json!({"status": "success", "share_url": "https://share.descript.com/view/x"})
    );
    for listing in ["jobs", "events"] {
        let listed = bridge.cli(&[listing, "--json"]).await.succeeded().stdout;
        assert!(!listed.contains("sig=SECRET"), "{listed}");
    }
}
