//! Slack's incoming webhooks: the word in the body counts before the status.

use super::Then::{After, Broken, Later, Refused, Taken, Unsure};
use super::support::sink::{Close, Sink};
use super::{SLOW, answer, assert_table, notifier, send};

fn slack(sink: &Sink, more: &str) -> descript_notify::deliver::Notifier {
    notifier(&format!("type = 'slack'\nwebhook_url = '{}'\n{more}", sink.url("/services/T/B/x")))
}

#[tokio::test]
async fn every_answer_has_its_place() {
    let sink = Sink::start().await;
    let mut table = vec![
        (answer(200, "ok"), Taken),
        // A page of a proxy says 200 as well.
        (answer(200, "<html>please log in</html>"), Unsure),
        (answer(200, ""), Unsure),
        (answer(400, "invalid_payload"), Refused),
        (answer(400, "no_text"), Refused),
        (answer(400, "invalid_blocks"), Refused),
        (answer(400, "invalid_blocks_format"), Refused),
        (answer(400, "too_many_attachments"), Refused),
        (answer(400, "user_not_found"), Refused),
        (answer(400, "a_word_of_tomorrow"), Refused),
        (answer(413, ""), Refused),
        (answer(403, "action_prohibited"), Broken),
        (answer(403, "posting_to_general_channel_denied"), Broken),
        (answer(404, "channel_not_found"), Broken),
        (answer(410, "channel_is_archived"), Broken),
        (answer(400, "channel_is_archived"), Broken),
        (answer(404, "<html>nothing here</html>"), Broken),
        (answer(302, "").header("location", "https://slack.com/"), Refused),
        (answer(429, "rate_limited").header("retry-after", "30"), After(30_000)),
        (answer(429, ""), Later),
        (answer(500, "rollup_error"), Unsure),
        (answer(500, ""), Later),
        (answer(502, "<html>"), Later),
        (answer(503, "").header("retry-after", "7"), After(7_000)),
        (answer(504, ""), Later),
        (answer(200, "ok").closing(Close::AfterReading), Unsure),
    ];
    let gone = [
        "no_team",
        "no_service_id",
        "no_service",
        "no_active_hooks",
        "invalid_token",
        "team_disabled",
    ];
    for status in [400, 403, 404] {
        table.extend(gone.map(|word| (answer(status, word), Broken)));
    }

    assert_table(&sink, &slack(&sink, ""), &table).await;
}

#[tokio::test]
async fn nobody_there_is_later_and_no_answer_in_time_is_unsure() {
    let sink = Sink::start().await;
    let hasty = slack(&sink, "timeout = '300ms'");
    sink.script([answer(200, "ok").after(SLOW)]);

    let slow = send(&hasty).await;
    drop(sink);
    let gone = send(&hasty).await;

    assert_eq!((super::Then::of(&slow), super::Then::of(&gone)), (Unsure, Later));
}

#[tokio::test]
async fn a_message_that_was_taken_may_come_with_a_wait_for_the_next() {
    let sink = Sink::start().await;
    sink.script([answer(200, "ok"), answer(200, "ok").header("retry-after", "2")]);
    let slack = slack(&sink, "");

    let pauses = [send(&slack).await, send(&slack).await].map(|taken| taken.unwrap().pause);

    assert_eq!(pauses, [None, Some(std::time::Duration::from_secs(2))]);
}
