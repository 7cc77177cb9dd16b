//! Slack's Web API: the word in `error` counts, since the status is 200 also for failures.

use descript_notify::deliver::{Failure, Notifier, Receipt};
use descript_notify::model::{Envelope, EventKind, Live, Message};

use super::Then::{self, After, Broken, Later, Refused, Taken, Unsure};
use super::support::sink::{Answer, Close, Sink};
use super::{SLOW, answer, assert_table, envelope_to, notifier, send};

fn bot(sink: &Sink, more: &str) -> Notifier {
    let url = sink.url("/api");
    notifier(&format!(
        "type = 'slack'\ntoken = 'xoxb-1-abcdefghij'\nchannel = 'C0123456'\napi_url = '{url}'\n{more}"
    ))
}

fn done() -> Answer {
    answer(200, r#"{"ok":true,"channel":"C0123456","ts":"1.000100"}"#)
}

fn no(word: &str) -> Answer {
    answer(200, &format!(r#"{{"ok":false,"error":"{word}"}}"#))
}

const LATER: [&str; 9] = [
    "ratelimited",
    "rate_limited",
    "service_unavailable",
    "request_timeout",
    "team_added_to_org",
    "external_channel_migrating",
    "update_failed",
    "org_login_required",
    "accesslimited",
];

const REFUSED: [&str; 22] = [
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "invalid_arguments",
    "invalid_arg_name",
    "invalid_array_arg",
    "invalid_charset",
    "invalid_form_data",
    "invalid_json",
    "json_not_object",
    "invalid_post_type",
    "missing_post_type",
    "too_many_attachments",
    "attachment_payload_limit_exceeded",
    "markdown_text_conflict",
    "metadata_too_large",
    "invalid_metadata_format",
    "invalid_metadata_schema",
    "block_mismatch",
    "invalid_attachments",
];

const BROKEN: [&str; 29] = [
    "channel_not_found",
    "is_archived",
    "not_in_channel",
    "restricted_action",
    "restricted_action_read_only_channel",
    "no_permission",
    "ekm_access_denied",
    "messages_tab_disabled",
    "slack_connect_file_link_sharing_blocked",
    "team_not_found",
    "is_inactive",
    "method_not_supported_for_channel_type",
    "unknown_method",
    "invalid_auth",
    "not_authed",
    "account_inactive",
    "token_revoked",
    "token_expired",
    "missing_scope",
    "not_allowed_token_type",
    "two_factor_setup_required",
    "access_denied",
    "app_access_restricted",
    "team_access_not_granted",
    "enterprise_is_restricted",
    "is_bot",
    "method_deprecated",
    "deprecated_endpoint",
    "ip_not_allowed",
];

/// What means the same for a new message and for an edit.
fn common() -> Vec<(Answer, Then)> {
    const HOUR_MS: u64 = 3_600_000;
    let limited = |body: &str| answer(429, body);
    let mut table = vec![
        (done(), Taken),
        (no("message_limit_exceeded"), After(HOUR_MS)),
        (no("ratelimited").header("retry-after", "30"), After(30_000)),
        (no("service_unavailable").header("retry-after", "3"), After(3_000)),
        (limited("").header("retry-after", "12"), After(12_000)),
        (limited(r#"{"ok":false,"error":"ratelimited"}"#).header("retry-after", "7"), After(7_000)),
        (limited(""), Later),
        (answer(503, ""), Later),
        (answer(503, "").header("retry-after", "5"), After(5_000)),
        (answer(302, "").header("location", "https://slack.com/"), Refused),
        (answer(413, ""), Refused),
        (answer(404, "<html>nothing here</html>"), Broken),
        (no("a_word_of_tomorrow"), Later),
    ];
    table.extend(LATER.map(|word| (no(word), Later)));
    table.extend(REFUSED.map(|word| (no(word), Refused)));
    table.extend(BROKEN.map(|word| (no(word), Broken)));
    table
}

/// What leaves open whether it was done.
fn open() -> Vec<Answer> {
    vec![
        no("internal_error"),
        no("fatal_error"),
        answer(500, ""),
        answer(502, "<html>"),
        answer(504, ""),
        answer(200, ""),
        // A page of a proxy says 200 as well.
        answer(200, "<html>please log in</html>"),
        answer(200, "ok").closing(Close::AfterReading),
    ]
}

#[tokio::test]
async fn every_answer_to_a_message_has_its_place() {
    let sink = Sink::start().await;
    let mut table = common();
    table.extend(open().into_iter().map(|answer| (answer, Unsure)));

    assert_table(&sink, &bot(&sink, ""), &table).await;
    assert!(sink.received().iter().all(|request| request.path == "/api/chat.postMessage"));
}

/// What is said about a job whose message is known.
async fn edit(bot: &Notifier, kind: EventKind) -> Result<Receipt, Failure> {
    let handle = Some(r#"{"at":{"channel":"C0123456","ts":"1.000100"}}"#.to_owned());
    let live = Live { handle, terminal: kind.is_terminal(), about: "Film: Import".into() };
    let envelope = Envelope { kind, live: Some(live), ..envelope_to("") };
    bot.send(&envelope, &Message::Json(r#"{"text":"Import failed"}"#.into())).await
}

#[tokio::test]
async fn every_answer_to_an_edit_has_its_place_and_none_leaves_it_open() {
    let sink = Sink::start().await;
    let bot = bot(&sink, "live = true");
    let mut table = common();
    table.extend(open().into_iter().map(|answer| (answer, Later)));

    let mut wrong = Vec::new();
    for (answer, expected) in table {
        sink.script([answer.clone()]);
        let result = edit(&bot, EventKind::Started).await;
        if Then::of(&result) != expected {
            wrong.push(format!("{} {:?}: {expected:?}: {result:?}", answer.status, answer.body));
        }
    }

    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(sink.received().iter().all(|request| request.path == "/api/chat.update"));
}

#[tokio::test]
async fn a_message_that_cannot_be_edited_is_posted_anew_once() {
    let sink = Sink::start().await;
    let bot = bot(&sink, "live = true");
    for word in [
        "message_not_found",
        "edit_window_closed",
        "cant_update_message",
        "streaming_state_conflict",
    ] {
        for (second, expected) in
            [(done(), Taken), (no("is_archived"), Broken), (no("internal_error"), Unsure)]
        {
            let before = sink.count();
            sink.script([no(word), second]);

            let result = edit(&bot, EventKind::Started).await;

            assert_eq!(Then::of(&result), expected, "{word}: {result:?}");
            let calls: Vec<_> = sink.since(before).into_iter().map(|call| call.path).collect();
            assert_eq!(calls, ["/api/chat.update", "/api/chat.postMessage"], "{word}");
        }
    }
}

#[tokio::test]
async fn every_answer_to_a_reply_has_its_place() {
    let sink = Sink::start().await;
    let bot = bot(&sink, "live = true\nlive_reply = true");
    for (reply, expected) in [
        (done(), Taken),
        (no("ratelimited"), Later),
        (no("internal_error"), Unsure),
        (no("not_in_channel"), Broken),
        (no("invalid_blocks"), Refused),
    ] {
        sink.script([done(), reply]);

        let result = edit(&bot, EventKind::Failed).await;

        assert_eq!(Then::of(&result), expected, "{result:?}");
    }
    for word in [
        "cannot_reply_to_message",
        "restricted_action_thread_locked",
        "restricted_action_non_threadable_channel",
    ] {
        sink.script([done(), no(word), done()]);

        let result = edit(&bot, EventKind::Failed).await;

        assert_eq!(Then::of(&result), Taken, "{word}: {result:?}");
        let last = sink.received().pop().unwrap().json();
        assert_eq!(last.get("thread_ts"), None, "{word}");
    }
}

#[tokio::test]
async fn a_word_that_nobody_knows_is_refused_after_a_few_attempts() {
    let sink = Sink::start().await;
    let bot = bot(&sink, "");
    sink.always(no("a_word_of_tomorrow"));

    let mut kinds = Vec::new();
    for attempt in 1..=4 {
        let envelope = Envelope { attempt, ..envelope_to("") };
        let body = Message::Json(r#"{"text":"x"}"#.into());
        let result = bot.send(&envelope, &body).await;
        assert!(result.as_ref().unwrap_err().reason.contains("`a_word_of_tomorrow`"));
        kinds.push(Then::of(&result));
    }

    assert_eq!(kinds, [Later, Later, Refused, Refused]);
}

#[tokio::test]
async fn nobody_there_is_later_and_no_answer_in_time_is_unsure_unless_it_was_an_edit() {
    let sink = Sink::start().await;
    let hasty = bot(&sink, "live = true\ntimeout = '300ms'");
    sink.script([done().after(SLOW), done().after(SLOW)]);

    let slow = send(&hasty).await;
    let slow_edit = edit(&hasty, EventKind::Started).await;
    drop(sink);
    let gone = send(&hasty).await;

    assert_eq!([slow, slow_edit, gone].map(|it| Then::of(&it)), [Unsure, Later, Later]);
}

#[tokio::test]
async fn a_message_that_was_taken_may_come_with_a_wait_and_with_remarks() {
    let sink = Sink::start().await;
    let remark = r#"{"ok":true,"channel":"C0123456","ts":"1.2","response_metadata":{"warnings":["message_truncated"]}}"#;
    sink.script([answer(200, remark).header("retry-after", "2")]);

    let receipt = send(&bot(&sink, "")).await.unwrap();

    assert_eq!(receipt.pause, Some(std::time::Duration::from_secs(2)));
    assert_eq!(receipt.answer, "posted as 1.2 in C0123456; Slack remarks: message_truncated");
}
