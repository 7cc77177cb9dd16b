//! Any other endpoint: its status, and what the config says of `ok` and `retry_after`.

use descript_notify::deliver::Notifier;

use super::Then::{After, Broken, Later, Refused, Taken, Unsure};
use super::support::sink::{Answer, Close, Sink};
use super::{SLOW, Then, answer, assert_table, notifier, send};

fn hook(sink: &Sink, more: &str) -> Notifier {
    notifier(&format!("type = 'webhook'\nurl = '{}'\n{more}", sink.url("/hook")))
}

#[tokio::test]
async fn every_answer_has_its_place() {
    let sink = Sink::start().await;
    let date = "Mon, 23 Nov 2026 15:13:20 GMT";
    let mut table = vec![
        (answer(301, "").header("location", "/elsewhere"), Refused),
        (answer(307, "").header("location", "/elsewhere"), Refused),
        (answer(410, "gone"), Broken),
        (answer(408, ""), Later),
        (answer(425, ""), Later),
        (answer(429, ""), Later),
        (answer(429, "").header("retry-after", "12"), After(12_000)),
        (answer(429, "").header("retry-after", date), After(20_000)),
        (answer(503, "").header("retry-after", "999999"), After(3_600_000)),
        (answer(503, "").header("retry-after", "soon"), Later),
        // The status has come; what is missing is only for people.
        (answer(200, "abcdef").closing(Close::MidBody), Taken),
        (answer(200, "").closing(Close::AfterReading), Unsure),
        (answer(200, "").closing(Close::Before), Unsure),
    ];
    table.extend([200, 201, 202, 204, 299].map(|status| (answer(status, ""), Taken)));
    table.extend([401, 403, 404, 407].map(|status| (answer(status, ""), Broken)));
    table.extend([400, 405, 409, 413, 415, 422].map(|status| (answer(status, ""), Refused)));
    table.extend([500, 502, 503, 504].map(|status| (answer(status, ""), Later)));

    assert_table(&sink, &hook(&sink, ""), &table).await;
}

#[tokio::test]
async fn nobody_there_is_later_and_no_answer_in_time_is_unsure() {
    let sink = Sink::start().await;
    let hasty = hook(&sink, "timeout = '300ms'");
    sink.script([answer(200, "").after(SLOW)]);

    let slow = send(&hasty).await;
    drop(sink);
    let gone = send(&hasty).await;

    assert_eq!((Then::of(&slow), Then::of(&gone)), (Unsure, Later));
}

#[tokio::test]
async fn only_the_statuses_that_the_config_names_count() {
    let sink = Sink::start().await;
    let table = [
        (answer(201, ""), Taken),
        // A PUT that was there before.
        (answer(409, ""), Taken),
        (answer(200, ""), Unsure),
        (answer(204, ""), Unsure),
        (answer(400, ""), Refused),
        (answer(410, ""), Broken),
        (answer(500, ""), Later),
    ];

    assert_table(&sink, &hook(&sink, "ok = { status = [201, 409] }"), &table).await;
}

#[tokio::test]
async fn telegram_says_in_the_body_whether_and_when() {
    let sink = Sink::start().await;
    let telegram = "ok = { json = { pointer = '/ok', equals = true } }\n\
                    retry_after = { json = '/parameters/retry_after' }";
    let limited = r#"{"ok":false,"error_code":429,"parameters":{"retry_after":31}}"#;
    let long = format!("{{\"pad\":\"{}\",\"ok\":true}}", "x".repeat(64 * 1024));
    let table = [
        (answer(200, r#"{"ok":true,"result":{"message_id":7}}"#), Taken),
        (answer(200, r#"{"ok":false,"description":"not now"}"#), Later),
        (answer(200, limited), After(31_000)),
        (answer(429, limited), After(31_000)),
        (answer(429, "{}").header("retry-after", "3"), After(3_000)),
        (answer(400, r#"{"ok":false,"description":"Bad Request: message is too long"}"#), Refused),
        (answer(401, r#"{"ok":false,"description":"Unauthorized"}"#), Broken),
        (answer(403, r#"{"ok":false,"description":"Forbidden: bot was kicked"}"#), Broken),
        (answer(200, "{}"), Later),
        (answer(200, "null"), Later),
        (answer(200, "<html>please log in</html>"), Unsure),
        (answer(200, ""), Unsure),
        (answer(200, &long), Unsure),
        (answer(200, r#"{"ok":true}"#).closing(Close::MidBody), Unsure),
    ];

    assert_table(&sink, &hook(&sink, telegram), &table).await;
}

#[tokio::test]
async fn matrix_names_its_wait_in_milliseconds() {
    let sink = Sink::start().await;
    let matrix = "method = 'PUT'\nretry_after = { json = '/retry_after_ms', unit = 'ms' }";
    let limited = answer(429, r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2500}"#);
    let table: [(Answer, Then); 2] =
        [(answer(200, r#"{"event_id":"$1"}"#), Taken), (limited, After(2_500))];

    assert_table(&sink, &hook(&sink, matrix), &table).await;
}

#[tokio::test]
async fn why_a_body_did_not_do_is_told_with_its_words() {
    let sink = Sink::start().await;
    sink.script([answer(200, r#"{"ok":false,"description":"chat is locked"}"#)]);
    let hook = hook(&sink, "ok = { json = { pointer = '/ok', equals = true } }");

    let failure = send(&hook).await.unwrap_err();

    insta::assert_snapshot!(failure, @r#"the webhook answered 200: its body is not as `ok` wants it: {"ok":false,"description":"chat is locked"}"#);
}
