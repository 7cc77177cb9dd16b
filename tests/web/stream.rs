//! News as it is committed.

use reqwest::Response;
use serde_json::Value;

use super::{Stage, with_one_dead_delivery};
use crate::support::PATIENCE;
use crate::support::bridge::Setup;
use crate::support::sink::Sink;

/// What has come of a stream so far.
struct News {
    answer: Response,
    text: String,
}

impl News {
    async fn open(stage: &Stage) -> Self {
        let answer = stage.get("/api/v1/stream").await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        let mut news = Self { answer, text: String::new() };
        news.until("hello", |_| true).await;
        news
    }

    /// Reads until a piece of news of this name fits.
    async fn until(&mut self, name: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(found) = self.all(name).into_iter().find(&fits) {
                    return found;
                }
                let piece = self.answer.chunk().await.unwrap().expect("the stream has ended");
                self.text.push_str(std::str::from_utf8(&piece).unwrap());
            }
        });
        found.await.unwrap_or_else(|_| panic!("no {name}: {}", self.text))
    }

    fn all(&self, name: &str) -> Vec<Value> {
        let pieces = self.text.split("\n\n");
        let named = pieces.filter_map(|piece| {
            let mut lines = piece.lines();
            let is_it = lines.any(|line| line == format!("event: {name}"));
            let data = piece.lines().find_map(|line| line.strip_prefix("data: "));
            data.filter(|_| is_it).and_then(|data| serde_json::from_str(data).ok())
        });
        named.collect()
    }
}

#[tokio::test]
async fn what_happens_and_what_is_sent_is_told_at_once() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let mut news = News::open(&stage).await;

    let job = stage.bridge.run("agent");
    let event = news.until("event", |told| told["job"]["job_id"] == job).await;
    let sent = news.until("delivery", |told| told["job_id"] == job).await;

    assert_eq!(event["event"]["kind"], "started");
    assert_eq!(event["verdicts"][0]["reason"], "matched");
    assert_eq!(sent["state"], "sent");
    assert_eq!(sent["notifier"], "hook");
    assert_eq!(event, stage.json("/api/v1/events").await["events"][0]);
}

#[tokio::test]
async fn a_persons_decision_is_told_whoever_wrote_it() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let mut news = News::open(&stage).await;

    stage.post(&format!("/api/v1/deliveries/{id}/retry")).await;
    news.until("delivery", |told| told["id"] == id && told["state"] == "sent").await;
    stage.bridge.cli(&["deliveries", "discard", &id]).await;
    let states: Vec<Value> =
        news.all("delivery").iter().map(|told| told["state"].clone()).collect();

    assert_eq!(states, ["pending", "sent"]);
}

#[tokio::test]
async fn another_process_that_writes_is_noticed() {
    let sink = Sink::start().await;
    let (stage, id) = with_one_dead_delivery(&sink, Setup::everything_to(&sink)).await;
    let mut news = News::open(&stage).await;

    stage.bridge.cli(&["deliveries", "discard", &id]).await.succeeded();

    news.until("changed", |_| true).await;
}

#[tokio::test]
async fn when_nothing_happens_nothing_is_told() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let mut news = News::open(&stage).await;

    for _ in 0..3 {
        stage.bridge.looked().await;
    }
    let job = stage.bridge.run("agent");
    news.until("event", |told| told["job"]["job_id"] == job).await;

    let before = news.text.split("event: event").next().unwrap();
    assert_eq!(before.matches("event: ").count(), 2, "hello and jobs: {before}");
}

#[tokio::test]
async fn there_are_only_so_many_streams_and_a_closed_one_makes_room() {
    let sink = Sink::start().await;
    let stage = Stage::start(Setup::everything_to(&sink)).await;
    let mut open = Vec::new();
    let refused = loop {
        let answer = stage.get("/api/v1/stream").await;
        match answer.status().as_u16() {
            200 => open.push(answer),
            status => break status,
        }
        assert!(open.len() < 200);
    };
    assert_eq!(refused, 503);

    open.clear();

    // The other side notices when the connection is closed, which takes a moment.
    while stage.get("/api/v1/stream").await.status() != 200 {}
}
