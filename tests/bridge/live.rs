//! Live messages, end to end: one message for each job, from its beginning to its outcome.

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::bridge::{Bridge, Setup, email, rule};
use crate::support::chat::{CHANNEL, Chat, Posted, TOKEN};
use crate::support::program::{Program, Signal};
use crate::support::smtp::{Mail, SmtpSink};

async fn services() -> [(&'static str, Chat); 2] {
    [("slack", Chat::slack().await), ("discord", Chat::discord().await)]
}

fn live(kind: &str, chat: &Chat, lines: &str) -> String {
    let own = chat.lines(kind);
    format!("\n[notifiers.there]\n{own}\nlive = true\nrate = \"unlimited\"\n{lines}\n")
}

async fn telling(kind: &str, chat: &Chat, lines: &str) -> (Bridge, Program) {
    let config = live(kind, chat, lines) + &rule("all", &["any"], &["there"]);
    Setup::new(config).start().await
}

async fn stop(program: Program) {
    program.signal(Signal::Term).await;
    program.end(PATIENCE).await;
}

/// Waits until a message says this.
async fn told(chat: &Chat, word: &str) -> Vec<Posted> {
    let says = |message: &Posted| message.bodies.last().unwrap().to_string().contains(word);
    chat.wait_until(word, |messages| messages.iter().any(says)).await
}

/// Waits until the ledger knows of so many messages that they were sent.
async fn written_down(bridge: &Bridge, count: usize) {
    let all_sent = async {
        loop {
            let rows = bridge.deliveries().await;
            if rows.len() == count && rows.iter().all(|row| row["state"] == "sent") {
                break;
            }
        }
    };
    let waited = tokio::time::timeout(PATIENCE, all_sent).await;
    assert!(waited.is_ok(), "{:#?}", bridge.deliveries().await);
}

#[tokio::test]
async fn a_job_has_one_message_that_moves_with_it_to_its_outcome() {
    for (kind, chat) in services().await {
        let (bridge, _program) = telling(kind, &chat, "").await;

        let job = bridge.queue("agent");
        told(&chat, "AI edit queued").await;
        bridge.world.set_state(&job, "running");
        told(&chat, "AI edit started").await;
        bridge.world.set_progress(&job, json!({"label": "Cutting filler words", "percent": 45}));
        told(&chat, "Cutting filler words").await;
        bridge.succeed(&job);
        let messages = told(&chat, "AI edit succeeded").await;
        written_down(&bridge, 4).await;

        assert_eq!(messages.len(), 1, "{kind}: {messages:#?}");
        assert_eq!(messages[0].bodies.len(), 4, "{kind}: {messages:#?}");
        assert_eq!(chat.sink.count(), 4);
        for body in &messages[0].bodies {
            assert_quiet(kind, body);
        }
    }
}

/// Nothing in it pings anybody, whatever the job's text.
fn assert_quiet(kind: &str, body: &Value) {
    if kind == "discord" {
        assert_eq!(body["allowed_mentions"], json!({"parse": []}));
        return;
    }
    assert_eq!((&body["unfurl_links"], &body["unfurl_media"]), (&json!(false), &json!(false)));
    assert_eq!((body.get("link_names"), &body["channel"]), (None, &json!(CHANNEL)));
    assert!(!body["text"].as_str().unwrap().is_empty());
}

#[tokio::test]
async fn a_restart_goes_on_editing_the_same_message() {
    for (kind, chat) in services().await {
        let (bridge, program) = telling(kind, &chat, "").await;
        let job = bridge.queue("agent");
        told(&chat, "AI edit queued").await;
        stop(program).await;

        let program = bridge.start().await;
        bridge.world.set_state(&job, "running");
        told(&chat, "AI edit started").await;
        written_down(&bridge, 2).await;
        program.kill().await;
        let _again = bridge.start().await;
        bridge.succeed(&job);
        let messages = told(&chat, "AI edit succeeded").await;

        assert_eq!(messages.len(), 1, "{kind}: {messages:#?}");
        assert_eq!(messages[0].bodies.len(), 3, "{kind}: {messages:#?}");
    }
}

#[tokio::test]
async fn a_message_that_somebody_deleted_is_posted_anew_and_edited_from_then_on() {
    for (kind, chat) in services().await {
        let (bridge, _program) = telling(kind, &chat, "").await;
        let job = bridge.queue("agent");
        let first = told(&chat, "AI edit queued").await.remove(0);

        chat.delete(&first.id);
        bridge.world.set_state(&job, "running");
        told(&chat, "AI edit started").await;
        bridge.succeed(&job);
        let messages = told(&chat, "AI edit succeeded").await;

        assert_eq!(messages.len(), 2, "{kind}: {messages:#?}");
        assert_eq!([messages[0].bodies.len(), messages[1].bodies.len()], [1, 2], "{kind}");
    }
}

#[tokio::test]
async fn an_end_is_also_a_reply_in_the_thread_of_the_message() {
    let chat = Chat::slack().await;
    let (bridge, _program) = telling("slack", &chat, "live_reply = true").await;

    let job = bridge.run("agent");
    told(&chat, "AI edit started").await;
    bridge.succeed(&job);
    let messages =
        chat.wait_until("reply", |messages| messages.iter().any(|it| it.thread.is_some())).await;
    bridge.looked().await;

    assert_eq!(chat.messages().len(), 2, "{messages:#?}");
    assert_eq!(messages[1].thread.as_ref(), Some(&messages[0].id));
    let text = messages[1].bodies[0]["text"].as_str().unwrap();
    assert!(text.contains("AI edit succeeded"), "{text}");
    assert_quiet("slack", &messages[1].bodies[0]);
}

#[tokio::test]
async fn all_rules_share_the_message_and_its_reply() {
    let chat = Chat::slack().await;
    let config = live("slack", &chat, "live_reply = true")
        + &rule("all", &["any"], &["there"])
        + &rule("ends", &["finished"], &["there"])
        + "template = \"failure\"\n";
    let (bridge, _program) = Setup::new(config).start().await;

    let job = bridge.run("agent");
    told(&chat, "AI edit started").await;
    bridge.succeed(&job);
    // Started, its end by each rule, and one reply.
    chat.sink.wait_for(4).await;
    bridge.looked().await;

    let messages = chat.messages();
    assert_eq!((messages.len(), chat.sink.count()), (2, 4), "{messages:#?}");
    assert_eq!(messages[0].bodies.len(), 3, "{messages:#?}");
}

#[tokio::test]
async fn a_start_that_had_to_wait_does_not_make_an_ended_job_run_again() {
    let chat = Chat::slack().await;
    let (bridge, program) = telling("slack", &chat, "").await;
    let job = bridge.queue("agent");
    told(&chat, "AI edit queued").await;

    let busy = crate::support::sink::Answer::status(503);
    chat.sink.script([busy]);
    bridge.world.set_state(&job, "running");
    program.wait_for_stderr("Not sent to there yet").await;
    bridge.succeed(&job);
    told(&chat, "AI edit succeeded").await;
    // The start is tried again after its back-off, and has nothing to say any more.
    written_down(&bridge, 3).await;

    let messages = chat.messages();
    assert_eq!(messages.len(), 1);
    let last = messages[0].bodies.last().unwrap();
    assert!(last.to_string().contains("AI edit succeeded"), "{messages:#?}");
}

#[tokio::test]
async fn after_a_time_of_being_refused_every_message_comes_to_its_end() {
    /// More than are gathered where messages are not edited.
    const JOBS: usize = 22;
    for (kind, chat) in services().await {
        let (bridge, program) = telling(kind, &chat, "").await;
        let jobs: Vec<String> = (0..JOBS).map(|_| bridge.run("agent")).collect();
        written_down(&bridge, JOBS).await;

        chat.refuse(true);
        jobs.iter().for_each(|job| bridge.succeed(job));
        program.wait_for_stderr("there refuses us").await;
        bridge.looked().await;
        chat.refuse(false);
        let held =
            bridge.deliveries().await.into_iter().find(|row| row["state"] == "held").unwrap();
        bridge.cli(&["deliveries", "retry", held["id"].as_str().unwrap()]).await.succeeded();
        written_down(&bridge, 2 * JOBS).await;

        let messages = chat.messages();
        assert_eq!(messages.len(), JOBS, "{kind}");
        let ended = |message: &Posted| {
            message.bodies.last().unwrap().to_string().contains("AI edit succeeded")
        };
        assert!(messages.iter().all(ended), "{kind}: {messages:#?}");
    }
}

#[tokio::test]
async fn a_bot_without_live_posts_each_message() {
    let chat = Chat::slack().await;
    let config = format!(
        "\n[notifiers.there]\n{}\nrate = \"unlimited\"\n{}",
        chat.lines("slack"),
        rule("all", &["any"], &["there"])
    );
    let (bridge, _program) = Setup::new(config).start().await;

    let job = bridge.run("agent");
    told(&chat, "AI edit started").await;
    bridge.succeed(&job);
    let messages = told(&chat, "AI edit succeeded").await;

    assert_eq!(messages.len(), 2, "{messages:#?}");
    assert!(messages.iter().all(|message| message.bodies.len() == 1));
}

#[tokio::test]
async fn a_bot_is_asked_for_its_token_and_tried_with_a_test_message() {
    let chat = Chat::slack().await;
    let config = live("slack", &chat, "") + &rule("all", &["any"], &["there"]);
    let bridge = Setup::new(config).prepare().await;

    let checked = bridge.cli(&["check", "--online"]).await.succeeded();
    let tested = bridge.cli(&["send-test", "there"]).await.succeeded();

    assert!(checked.stdout.contains("notify in Acme"), "{checked:#?}");
    assert!(tested.stdout.contains("posted as 1700000000.000001 in C0123456"), "{tested:#?}");
    assert_eq!(chat.messages().len(), 1);
    let shown = format!("{checked:?} {tested:?}");
    assert!(!shown.contains(TOKEN), "{shown}");
}

#[tokio::test]
async fn a_live_job_is_one_thread_of_mails() {
    let smtp = SmtpSink::start().await;
    let lines = "to = [\"ann@example.com\", \"bob@example.com\"]\nlive = true";
    let config = email("mail", &smtp, lines) + &rule("all", &["any"], &["mail"]);
    let (bridge, _program) = Setup::new(config).start().await;
    bridge.world.project("p-1", "Spring launch");

    let job = json!({"job_type": "agent", "job_state": "running", "project_id": "p-1"});
    let job = bridge.world.put_job(job);
    smtp.wait_for(2).await;
    bridge.succeed(&job);
    let mails = smtp.wait_for(4).await;

    for who in ["ann@example.com", "bob@example.com"] {
        let own: Vec<&Mail> = mails.iter().filter(|mail| mail.to == [who]).collect();
        let header = |mail: &Mail, name: &str| mail.header(name).unwrap();
        let [first, second] = own.as_slice() else { panic!("{own:#?}") };
        assert_eq!(header(first, "Subject"), "Spring launch: AI edit");
        assert_eq!(header(second, "Subject"), "Re: Spring launch: AI edit");
        let id = header(first, "Message-ID");
        assert!(header(second, "References").ends_with(&id), "{second:#?}");
        assert_eq!(header(second, "In-Reply-To"), id);
        assert!(second.text().contains("AI edit succeeded"), "{}", second.text());
    }
}
