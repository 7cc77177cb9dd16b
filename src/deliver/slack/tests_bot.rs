//! Slack's bot against a Web API of our own: which calls it makes for one message, and what it
//! remembers of it.

use serde_json::{Value, json};

use super::payload;
use super::settings::{BotSettings, SlackSettings};
use crate::deliver::far_side::{FarSide, Reply, Seen, built, envelope, inline, settings};
use crate::deliver::settings::TypeSettings;
use crate::deliver::{Failure, FailureKind, Notifier, Receipt};
use crate::model::{Envelope, EventKind, Live, Message};

const TOKEN: &str = "xoxb-s3cr3ts3cr3ts3cr3t";

fn bot(far_side: &FarSide) -> Notifier {
    built(&settings(TypeSettings::Slack(SlackSettings::Bot(BotSettings {
        token: inline(TOKEN),
        channel: "C1".into(),
        api_url: far_side.url("/api").parse().unwrap(),
        live: true,
        live_reply: true,
    }))))
}

/// What is said about a job whose message has this handle.
fn about(kind: EventKind, handle: Option<&str>) -> Envelope {
    let handle = handle.map(str::to_owned);
    let live = Live { handle, terminal: kind.is_terminal(), about: "Film: Import".into() };
    Envelope { kind, live: Some(live), ..envelope() }
}

async fn say(bot: &Notifier, envelope: &Envelope) -> Result<Receipt, Failure> {
    let block =
        json!({ "type": "section", "text": { "type": "mrkdwn", "text": "*Film* &lt;x&gt;" } });
    let body = json!({ "text": "Import &amp; more", "blocks": [block], "link_names": true });
    bot.send(envelope, &Message::Json(body.to_string())).await
}

fn ok(ts: &str) -> Reply {
    Reply::status(200, &format!(r#"{{"ok":true,"channel":"C1","ts":"{ts}"}}"#))
}

fn no(word: &str) -> Reply {
    Reply::status(200, &format!(r#"{{"ok":false,"error":"{word}"}}"#))
}

/// The calls that were made, by their names.
fn calls(far_side: &FarSide) -> Vec<String> {
    far_side.seen().iter().map(|seen| seen.line.replace("POST /api/", "")).collect()
}

const KNOWN: &str = r#"{"at":{"channel":"C1","ts":"1.000100"}}"#;
const ENDED: &str = r#"{"at":{"channel":"C1","ts":"1.000100"},"ended":true}"#;

#[tokio::test]
async fn a_message_is_posted_with_the_token_and_its_place_is_kept() {
    let far_side = FarSide::start(vec![ok("1.000100")]).await;

    let receipt = say(&bot(&far_side), &about(EventKind::Queued, None)).await.unwrap();

    assert_eq!(receipt.answer, "posted as 1.000100 in C1");
    assert_eq!(
        receipt.handle.as_deref(),
        Some(r#"{"at":{"channel":"C1","ts":"1.000100"},"ended":false}"#)
    );
    let [seen] = far_side.seen().try_into().unwrap();
    assert_eq!(seen.line, "POST /api/chat.postMessage");
    assert_eq!(seen.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    assert_eq!(seen.header("content-type"), Some("application/json; charset=utf-8"));
    insta::assert_json_snapshot!(seen.json(), @r#"
    {
      "blocks": [
        {
          "text": {
            "text": "*Film* &lt;x&gt;",
            "type": "mrkdwn",
            "verbatim": true
          },
          "type": "section"
        }
      ],
      "channel": "C1",
      "text": "Import &amp; more",
      "unfurl_links": false,
      "unfurl_media": false
    }
    "#);
}

#[tokio::test]
async fn a_message_that_is_known_is_edited_where_it_is() {
    let far_side = FarSide::start(vec![ok("1.000100")]).await;

    let receipt = say(&bot(&far_side), &about(EventKind::Started, Some(KNOWN))).await.unwrap();

    assert_eq!(receipt.answer, "edited 1.000100 in C1");
    assert!(receipt.handle.is_some());
    let [seen] = far_side.seen().try_into().unwrap();
    assert_eq!(seen.line, "POST /api/chat.update");
    insta::assert_json_snapshot!(seen.json(), @r#"
    {
      "attachments": [],
      "blocks": [
        {
          "text": {
            "text": "*Film* &lt;x&gt;",
            "type": "mrkdwn",
            "verbatim": true
          },
          "type": "section"
        }
      ],
      "channel": "C1",
      "parse": "none",
      "text": "Import &amp; more",
      "ts": "1.000100",
      "unfurl_links": false,
      "unfurl_media": false
    }
    "#);
}

#[tokio::test]
async fn an_end_is_also_a_short_reply_and_only_once() {
    let far_side = FarSide::start(vec![ok("1.000100"), ok("2.000100"), ok("1.000100")]).await;
    let bot = bot(&far_side);

    let first = say(&bot, &about(EventKind::Failed, Some(KNOWN))).await.unwrap();
    let other_rule = about(EventKind::Failed, first.handle.as_deref());
    say(&bot, &other_rule).await.unwrap();

    assert_eq!(first.answer, "edited 1.000100 in C1, and replied to it");
    assert_eq!(calls(&far_side), ["chat.update", "chat.postMessage", "chat.update"]);
    insta::assert_json_snapshot!(far_side.seen()[1].json(), @r#"
    {
      "blocks": [
        {
          "text": {
            "text": "Import &amp; more",
            "type": "mrkdwn",
            "verbatim": true
          },
          "type": "section"
        }
      ],
      "channel": "C1",
      "text": "Import &amp; more",
      "thread_ts": "1.000100",
      "unfurl_links": false,
      "unfurl_media": false
    }
    "#);
}

#[tokio::test]
async fn a_job_first_seen_ended_is_a_new_message_which_needs_no_reply() {
    let far_side = FarSide::start(vec![ok("1.000100")]).await;
    let bot = bot(&far_side);

    let posted = say(&bot, &about(EventKind::Succeeded, None)).await.unwrap();
    say(&bot, &about(EventKind::Succeeded, posted.handle.as_deref())).await.unwrap();

    assert_eq!(calls(&far_side), ["chat.postMessage", "chat.update"]);
}

#[tokio::test]
async fn a_message_that_is_gone_is_posted_anew() {
    for word in [
        "message_not_found",
        "edit_window_closed",
        "cant_update_message",
        "streaming_state_conflict",
    ] {
        let far_side = FarSide::start(vec![no(word), ok("9.000900")]).await;

        let receipt = say(&bot(&far_side), &about(EventKind::Failed, Some(KNOWN))).await.unwrap();

        assert_eq!(calls(&far_side), ["chat.update", "chat.postMessage"], "{word}");
        assert!(receipt.handle.unwrap().contains("9.000900"), "{word}");
    }
}

#[tokio::test]
async fn a_message_in_a_channel_that_the_config_no_longer_names_is_posted_anew() {
    let elsewhere = r#"{"at":{"channel":"C_OLD","ts":"1.000100"}}"#;
    let far_side = FarSide::start(vec![no("channel_not_found"), ok("9.000900")]).await;
    let gone = FarSide::start(vec![no("channel_not_found")]).await;

    let moved = say(&bot(&far_side), &about(EventKind::Started, Some(elsewhere))).await;
    let failure = say(&bot(&gone), &about(EventKind::Started, Some(KNOWN))).await.unwrap_err();

    assert!(moved.unwrap().handle.unwrap().contains("9.000900"));
    assert_eq!((failure.kind, calls(&gone).len()), (FailureKind::Broken, 1));
    insta::assert_snapshot!(failure, @"Slack answered `channel_not_found`: there is no such channel, or the app is not in it: check `channel`");
}

#[tokio::test]
async fn what_is_late_does_not_make_an_ended_job_run_again() {
    let far_side = FarSide::start(vec![ok("1.000100")]).await;
    let bot = bot(&far_side);

    for kind in [EventKind::Queued, EventKind::Started, EventKind::Progress, EventKind::Changed] {
        let receipt = say(&bot, &about(kind, Some(ENDED))).await.unwrap();
        assert_eq!((receipt.handle, receipt.status), (None, None), "{kind}");
    }

    assert_eq!(far_side.seen().len(), 0);
}

#[tokio::test]
async fn a_reply_that_must_wait_is_made_up_for_after_another_edit() {
    let busy = Reply::with_headers(429, &[("retry-after", "7")], b"");
    let replies = vec![ok("1.000100"), busy, ok("1.000100"), ok("2.000100")];
    let far_side = FarSide::start(replies).await;
    let bot = bot(&far_side);
    let end = about(EventKind::Failed, Some(KNOWN));

    let failure = say(&bot, &end).await.unwrap_err();
    let again = say(&bot, &end).await.unwrap();

    let wait = Some(std::time::Duration::from_secs(7));
    assert_eq!(failure.kind, FailureKind::Later { wait, counts: false });
    insta::assert_snapshot!(failure, @"the message was edited, the reply to it failed: Slack answered 429: too many messages");
    assert!(again.handle.unwrap().contains(r#""replied":"failed""#));
}

#[tokio::test]
async fn a_reply_that_no_thread_takes_goes_to_the_channel() {
    for word in [
        "cannot_reply_to_message",
        "restricted_action_thread_locked",
        "restricted_action_non_threadable_channel",
    ] {
        let far_side = FarSide::start(vec![ok("1.000100"), no(word), ok("2.000100")]).await;

        say(&bot(&far_side), &about(EventKind::Failed, Some(KNOWN))).await.unwrap();

        assert_eq!(calls(&far_side), ["chat.update", "chat.postMessage", "chat.postMessage"]);
        assert_eq!(far_side.seen()[2].json().get("thread_ts"), None, "{word}");
    }
}

#[tokio::test]
async fn an_edit_of_unknown_fate_is_made_again_and_marks_nothing() {
    let edit = about(EventKind::Started, Some(KNOWN));
    for reply in [no("fatal_error"), Reply::status(500, ""), Reply::CutAfterReading] {
        let (edited, posted) =
            (FarSide::start(vec![reply.clone()]).await, FarSide::start(vec![reply]).await);

        let edited = say(&bot(&edited), &edit).await.unwrap_err();
        let posted = say(&bot(&posted), &about(EventKind::Queued, None)).await.unwrap_err();

        assert_eq!(edited.kind, FailureKind::LATER, "{edited}");
        assert_eq!(posted.kind, FailureKind::Unsure, "{posted}");
    }
}

#[tokio::test]
async fn a_message_that_is_not_live_may_choose_its_thread() {
    let far_side = FarSide::start(vec![ok("1.000100")]).await;
    let bot = bot(&far_side);
    let body =
        Message::Json(json!({ "text": "x", "thread_ts": "7.1", "channel": "C2" }).to_string());

    let plain = bot.send(&envelope(), &body).await.unwrap();
    bot.send(&about(EventKind::Queued, None), &body).await.unwrap();

    assert_eq!(plain.handle, None);
    let seen: Vec<Value> = far_side.seen().iter().map(Seen::json).collect();
    assert_eq!((&seen[0]["thread_ts"], &seen[0]["channel"]), (&json!("7.1"), &json!("C1")));
    assert_eq!(seen[1].get("thread_ts"), None);
}

#[tokio::test]
async fn a_probe_asks_who_the_token_is_and_posts_nothing() {
    let body = r#"{"ok":true,"team":"Acme","user":"notify","bot_id":"B1"}"#;
    let alive = FarSide::answering(200, body).await;
    let gone = FarSide::answering(200, r#"{"ok":false,"error":"invalid_auth"}"#).await;

    assert_eq!(bot(&alive).probe().await.unwrap(), "Slack knows the token (notify in Acme)");
    assert_eq!(calls(&alive), ["auth.test"]);
    let failure = bot(&gone).probe().await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Broken);
    insta::assert_snapshot!(failure, @"Slack answered `invalid_auth`: the token is not valid (any more): put in the app's bot token (xoxb-…)");
}

#[tokio::test]
async fn no_answer_and_no_debug_output_shows_the_token() {
    let echo = format!(
        r#"{{"ok":false,"error":"{TOKEN}","response_metadata":{{"messages":["{TOKEN}"]}}}}"#
    );
    let far_side = FarSide::answering(200, &echo).await;
    let bot = bot(&far_side);

    let failure = say(&bot, &about(EventKind::Queued, None)).await.unwrap_err();

    let shown = format!("{bot:#?} {failure} {failure:?} {:?}", bot.probe().await);
    assert!(!shown.contains("s3cr3t"), "{shown}");
}

#[test]
fn an_attachment_alone_gets_a_text_in_which_nothing_comes_to_life() {
    let plain = json!({ "type": "plain_text", "text": "<!channel> & co" });
    let block = json!({ "type": "header", "text": plain });
    let body = json!({ "attachments": [{ "blocks": [block] }] }).to_string();

    let (post, edit) = (payload::post(&body, "C1"), payload::edit(&body, "C1", "1.2"));

    assert_eq!(post["text"], "&lt;!channel&gt; &amp; co");
    assert_eq!((&edit["text"], &edit["blocks"]), (&post["text"], &json!([])));
    assert_eq!(edit["attachments"], post["attachments"]);
}
