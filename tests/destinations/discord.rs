//! Discord's webhooks: the code in the body counts before the status, and the headers tell
//! how full the bucket is.

use std::time::Duration;

use descript_notify::deliver::{Failure, FailureKind, Notifier, Receipt};
use descript_notify::model::{Envelope, EventKind, Live, Message};

use super::Then::{After, Broken, Later, Refused, Taken, Unsure};
use super::support::sink::{Answer, Close, Sink};
use super::{SLOW, Then, answer, assert_table, envelope_to, notifier, send};

fn discord(sink: &Sink, more: &str) -> Notifier {
    notifier(&format!(
        "type = 'discord'\nwebhook_url = '{}'\n{more}",
        sink.url("/api/webhooks/1/x")
    ))
}

/// An answer as the API gives it, with a code of its own.
fn code(status: u16, code: u32) -> Answer {
    answer(status, &format!(r#"{{"message":"words","code":{code}}}"#))
}

fn html(status: u16) -> Answer {
    answer(status, "<!DOCTYPE html><title>denied</title>").header("content-type", "text/html")
}

const TEN_MINUTES_MS: u64 = 600_000;

#[tokio::test]
async fn every_answer_has_its_place() {
    let sink = Sink::start().await;
    let limited = |body: &str| answer(429, body);
    let table = [
        (answer(200, r#"{"id":"1"}"#), Taken),
        (answer(204, ""), Taken),
        // Too much at a time.
        (limited(r#"{"message":"x","retry_after":1.337,"global":false}"#), After(1_337)),
        (limited(r#"{"retry_after":41.5}"#).header("retry-after", "42"), After(41_500)),
        (limited("{}").header("retry-after", "2"), After(2_000)),
        (limited("{}").header("x-ratelimit-reset-after", "0.75"), After(750)),
        (limited("{}"), Later),
        (code(400, 20_016), Later),
        (code(403, 20_022), Later),
        (code(400, 20_028), Later),
        (code(400, 20_029), Later),
        (code(400, 30_046), Later),
        (code(400, 40_062), Later),
        // The service's own faults.
        (answer(500, ""), Unsure),
        (answer(502, "<html>"), Later),
        (answer(503, "").header("retry-after", "5"), After(5_000)),
        (code(503, 130_000), Later),
        (answer(504, ""), Unsure),
        (answer(200, "").closing(Close::AfterReading), Unsure),
        // The message.
        (answer(400, r#"{"code":50035,"errors":{"embeds":{"0":{}}}}"#), Refused),
        (code(400, 50_006), Refused),
        (code(400, 50_109), Refused),
        (code(413, 40_005), Refused),
        (answer(413, ""), Refused),
        (code(400, 200_000), Refused),
        (code(403, 200_001), Refused),
        (code(400, 240_000), Refused),
        // The webhook or its channel.
        (code(404, 10_015), Broken),
        (answer(404, ""), Broken),
        (code(401, 50_027), Broken),
        (code(404, 10_003), Broken),
        (code(403, 50_001), Broken),
        (code(403, 50_013), Broken),
        (code(400, 220_001), Broken),
        (code(400, 220_002), Broken),
        (code(400, 220_003), Broken),
        (code(400, 220_004), Broken),
        (code(403, 160_005), Broken),
        (code(400, 50_083), Broken),
        // The guard in front of it.
        (code(403, 40_333), After(TEN_MINUTES_MS)),
        (html(403), After(TEN_MINUTES_MS)),
        (html(429), After(TEN_MINUTES_MS)),
        (html(429).header("retry-after", "1800"), After(3 * TEN_MINUTES_MS)),
    ];

    assert_table(&sink, &discord(&sink, ""), &table).await;
}

#[tokio::test]
async fn nobody_there_is_later_and_no_answer_in_time_is_unsure() {
    let sink = Sink::start().await;
    let hasty = discord(&sink, "timeout = '300ms'");
    sink.script([answer(200, "{}").after(SLOW)]);

    let slow = send(&hasty).await;
    drop(sink);
    let gone = send(&hasty).await;

    assert_eq!((Then::of(&slow), Then::of(&gone)), (Unsure, Later));
}

#[tokio::test]
async fn an_empty_bucket_asks_for_a_pause_before_anything_is_refused() {
    let sink = Sink::start().await;
    let bucket = |left: &str| {
        answer(200, "{}")
            .header("x-ratelimit-limit", "5")
            .header("x-ratelimit-remaining", left)
            .header("x-ratelimit-reset-after", "1.25")
            .header("x-ratelimit-bucket", "abcd1234")
    };
    sink.script([bucket("1"), bucket("0"), answer(204, "")]);
    let discord = discord(&sink, "");

    let mut pauses = Vec::new();
    for _ in 0..3 {
        pauses.push(send(&discord).await.unwrap().pause);
    }

    assert_eq!(pauses, [None, Some(Duration::from_millis(1250)), None]);
}

#[tokio::test]
async fn a_message_that_is_refused_may_empty_the_bucket_too() {
    let sink = Sink::start().await;
    let refused = |left: &str| {
        answer(400, r#"{"code":50035,"message":"Invalid Form Body"}"#)
            .header("x-ratelimit-remaining", left)
            .header("x-ratelimit-reset-after", "1.25")
    };
    sink.script([refused("1"), refused("0")]);
    let discord = discord(&sink, "");

    let first = send(&discord).await.unwrap_err();
    let second = send(&discord).await.unwrap_err();

    assert_eq!((first.kind, first.pause), (FailureKind::Refused, None));
    let pause = Some(Duration::from_millis(1250));
    assert_eq!((second.kind, second.pause), (FailureKind::Refused, pause));
}

#[tokio::test]
async fn the_limit_of_a_channel_is_kept_though_the_bucket_looks_full() {
    let sink = Sink::start().await;
    let hidden = answer(429, r#"{"message":"slow down","retry_after":43.2,"global":false}"#)
        .header("x-ratelimit-remaining", "4")
        .header("x-ratelimit-reset-after", "0.1")
        .header("x-ratelimit-scope", "shared");
    let global = answer(429, r#"{"message":"slow down","retry_after":1,"global":true}"#)
        .header("x-ratelimit-global", "true");
    sink.script([hidden, global]);
    let discord = discord(&sink, "");

    let hidden = send(&discord).await.unwrap_err();
    let global = send(&discord).await.unwrap_err();

    let wait = Some(Duration::from_millis(43_200));
    assert_eq!(hidden.kind, FailureKind::Later { wait, counts: false });
    assert!(hidden.reason.contains("in the channel, by others too"), "{hidden}");
    assert!(global.reason.contains("from this address, to all webhooks"), "{global}");
}

/// What is said about a job whose message is known.
async fn edit(discord: &Notifier) -> Result<Receipt, Failure> {
    let handle = Some(r#"{"at":{"message":"77"}}"#.to_owned());
    let live = Live { handle, terminal: false, about: "Film: Import".into() };
    let envelope = Envelope { kind: EventKind::Started, live: Some(live), ..envelope_to("") };
    discord.send(&envelope, &Message::Json(r#"{"content":"Import started"}"#.into())).await
}

#[tokio::test]
async fn every_answer_to_an_edit_has_its_place_and_none_leaves_it_open() {
    let sink = Sink::start().await;
    let discord = discord(&sink, "live = true");
    let table = [
        (answer(200, r#"{"id":"77"}"#), Taken),
        (code(403, 20_022), Later),
        (code(400, 30_046), Later),
        (answer(429, r#"{"retry_after":1.5}"#), After(1_500)),
        (answer(500, ""), Later),
        (answer(504, ""), Later),
        (answer(200, "").closing(Close::AfterReading), Later),
        (code(400, 50_035), Refused),
        (code(404, 10_015), Broken),
        (code(404, 10_003), Broken),
        (code(401, 50_027), Broken),
        (answer(404, ""), Broken),
        (html(403), After(TEN_MINUTES_MS)),
    ];

    for (answer, expected) in table {
        sink.script([answer.clone()]);
        let result = edit(&discord).await;
        assert_eq!(Then::of(&result), expected, "{} {}: {result:?}", answer.status, answer.body);
    }
    assert!(sink.received().iter().all(|request| request.method == "PATCH"));
}

#[tokio::test]
async fn a_message_that_cannot_be_edited_is_posted_anew_once() {
    let sink = Sink::start().await;
    let discord = discord(&sink, "live = true");
    for gone in [code(404, 10_008), code(403, 50_005)] {
        for (second, expected) in [
            (answer(200, r#"{"id":"78"}"#), Taken),
            (code(404, 10_015), Broken),
            (answer(500, ""), Unsure),
        ] {
            let before = sink.count();
            sink.script([gone.clone(), second]);

            let result = edit(&discord).await;

            assert_eq!(Then::of(&result), expected, "{result:?}");
            let calls: Vec<_> = sink.since(before).into_iter().map(|call| call.method).collect();
            assert_eq!(calls, ["PATCH", "POST"]);
        }
    }
}
