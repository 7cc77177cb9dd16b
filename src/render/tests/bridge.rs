//! What the built-in templates say about the bridge itself: sources and notifiers, down and up.

use super::*;

const BY_TEMPLATE: [NotifierKind; 4] =
    [NotifierKind::Slack, NotifierKind::Discord, NotifierKind::Email, NotifierKind::Console];

const DOWN_OR_UP: [&str; 5] = [
    "source down",
    "source down before its first poll",
    "source up",
    "notifier down",
    "notifier up",
];

fn told(kind: NotifierKind, part: fn(&Message) -> String) -> String {
    DOWN_OR_UP.map(|name| part(&builtin_message(kind, "default", &sample(name)))).join("\n---\n")
}

#[test]
fn both_built_in_templates_say_them_alike() {
    for kind in [NotifierKind::Slack, NotifierKind::Discord, NotifierKind::Email] {
        for name in DOWN_OR_UP {
            let document = sample(name);

            assert_eq!(
                builtin_message(kind, "default", &document),
                builtin_message(kind, "failure", &document)
            );
        }
    }
}

#[test]
fn slack_says_them() {
    insta::assert_snapshot!(told(NotifierKind::Slack, |message| {
        let body = json_of(message);
        let words = strings(&body).into_iter();
        words.filter(|text| text.contains(' ')).collect::<Vec<_>>().join("\n")
    }), @r#"
    ❌ Descript cannot be polled: main
    *Cause* the API refuses the token (401): it was revoked; make a new one in Settings &gt; API tokens
    *Down since* 2026-11-20 08:42 CET
    *Last good poll* 2026-11-20 08:42 CET
    What happens meanwhile is told when it can be polled again.
    2026-11-20 09:03 CET
    ❌ Descript cannot be polled: main: the API refuses the token (401): it was revoked; make a new one in Settings &gt; API tokens
    ---
    ❌ Descript cannot be polled: main
    *Cause* the API refuses the token (401): it was revoked; make a new one in Settings &gt; API tokens
    *Down since* 2026-11-20 08:42 CET
    *Last good poll* none yet
    What happens meanwhile is told when it can be polled again.
    2026-11-20 09:03 CET
    ❌ Descript cannot be polled: main: the API refuses the token (401): it was revoked; make a new one in Settings &gt; API tokens
    ---
    ✅ Descript is polled again: main
    *Cause* the API refuses the token (401): it was revoked; make a new one in Settings &gt; API tokens
    *Down since* 2026-11-20 08:42 CET, for 20m 34s
    What happened meanwhile is told now.
    2026-11-20 09:03 CET
    ✅ Descript is polled again: main
    ---
    ❌ Notifier team refuses messages
    *Notifier* team (slack)
    *Cause* the webhook was deleted (404 no_service)
    *Down since* 2026-11-20 08:42 CET
    What is owed to it is kept (1 message so far), and it is tried again by itself.
    2026-11-20 09:03 CET
    ❌ Notifier team refuses messages: the webhook was deleted (404 no_service)
    ---
    ✅ Notifier team takes messages again, 12 are being caught up
    *Notifier* team (slack)
    *Down since* 2026-11-20 08:42 CET, for 20m 34s
    What was kept for it follows now.
    2026-11-20 09:03 CET
    ✅ Notifier team takes messages again, 12 are being caught up
    "#);
}

#[test]
fn discord_says_them() {
    insta::assert_snapshot!(told(NotifierKind::Discord, |message| {
        let embed = &json_of(message)["embeds"][0];
        assert_eq!(embed["fields"], json!([]));
        format!("{}\n{}", strings(&embed["title"])[0], strings(&embed["description"])[0])
    }), @r#"
    ❌ Descript cannot be polled\: main
    **Cause** the API refuses the token \(401\)\: it was revoked; make a new one in Settings \> API tokens
    **Down since** 2026-11-20 08\:42 CET
    **Last good poll** 2026-11-20 08\:42 CET
    What happens meanwhile is told when it can be polled again.
    ---
    ❌ Descript cannot be polled\: main
    **Cause** the API refuses the token \(401\)\: it was revoked; make a new one in Settings \> API tokens
    **Down since** 2026-11-20 08\:42 CET
    **Last good poll** none yet
    What happens meanwhile is told when it can be polled again.
    ---
    ✅ Descript is polled again\: main
    **Cause** the API refuses the token \(401\)\: it was revoked; make a new one in Settings \> API tokens
    **Down since** 2026-11-20 08\:42 CET, for 20m 34s
    What happened meanwhile is told now.
    ---
    ❌ Notifier team refuses messages
    **Notifier** team (slack)
    **Cause** the webhook was deleted \(404 no\_service\)
    **Down since** 2026-11-20 08\:42 CET
    What is owed to it is kept (1 message so far), and it is tried again by itself.
    ---
    ✅ Notifier team takes messages again, 12 are being caught up
    **Notifier** team (slack)
    **Down since** 2026-11-20 08\:42 CET, for 20m 34s
    What was kept for it follows now.
    "#);
}

#[test]
fn a_mail_says_them() {
    insta::assert_snapshot!(told(NotifierKind::Email, |message| match message {
        Message::Mail { subject, text, .. } => format!("Subject: {subject}\n{text}"),
        other => panic!("{other:?}"),
    }), @r#"
    Subject: Descript cannot be polled: main
    Descript cannot be polled: main

    Cause:           the API refuses the token (401): it was revoked; make a new one in Settings > API tokens
    Down since:      2026-11-20 08:42 CET
    Last good poll:  2026-11-20 08:42 CET

    What happens meanwhile is told when it can be polled again.

    --
    2026-11-20 09:03 CET
    ---
    Subject: Descript cannot be polled: main
    Descript cannot be polled: main

    Cause:           the API refuses the token (401): it was revoked; make a new one in Settings > API tokens
    Down since:      2026-11-20 08:42 CET
    Last good poll:  none yet

    What happens meanwhile is told when it can be polled again.

    --
    2026-11-20 09:03 CET
    ---
    Subject: Descript is polled again: main
    Descript is polled again: main

    Cause:           the API refuses the token (401): it was revoked; make a new one in Settings > API tokens
    Down since:      2026-11-20 08:42 CET, for 20m 34s

    What happened meanwhile is told now.

    --
    2026-11-20 09:03 CET
    ---
    Subject: Notifier team refuses messages
    Notifier team refuses messages

    Notifier:        team (slack)
    Cause:           the webhook was deleted (404 no_service)
    Down since:      2026-11-20 08:42 CET

    What is owed to it is kept (1 message so far), and it is tried again by itself.

    --
    2026-11-20 09:03 CET
    ---
    Subject: Notifier team takes messages again, 12 are being caught up
    Notifier team takes messages again, 12 are being caught up

    Notifier:        team (slack)
    Down since:      2026-11-20 08:42 CET, for 20m 34s

    What was kept for it follows now.

    --
    2026-11-20 09:03 CET
    "#);
}

#[test]
fn a_mail_says_them_in_html() {
    insta::assert_snapshot!(told(NotifierKind::Email, |message| match message {
        Message::Mail { html, .. } => shown(html),
        other => panic!("{other:?}"),
    }), @r#"
    ❌ Descript cannot be polled: main
    Cause
    the API refuses the token (401): it was revoked; make a new one in Settings &gt; API tokens
    Down since
    2026-11-20 08:42 CET
    Last good poll
    2026-11-20 08:42 CET
    What happens meanwhile is told when it can be polled again.
    2026-11-20 09:03 CET · sent by the rule “sample”

    ---
    ❌ Descript cannot be polled: main
    Cause
    the API refuses the token (401): it was revoked; make a new one in Settings &gt; API tokens
    Down since
    2026-11-20 08:42 CET
    Last good poll
    none yet
    What happens meanwhile is told when it can be polled again.
    2026-11-20 09:03 CET · sent by the rule “sample”

    ---
    ✅ Descript is polled again: main
    Cause
    the API refuses the token (401): it was revoked; make a new one in Settings &gt; API tokens
    Down since
    2026-11-20 08:42 CET, for 20m 34s
    What happened meanwhile is told now.
    2026-11-20 09:03 CET · sent by the rule “sample”

    ---
    ❌ Notifier team refuses messages
    Notifier
    team (slack)
    Cause
    the webhook was deleted (404 no_service)
    Down since
    2026-11-20 08:42 CET
    What is owed to it is kept (1 message so far), and it is tried again by itself.
    2026-11-20 09:03 CET · sent by the rule “sample”

    ---
    ✅ Notifier team takes messages again, 12 are being caught up
    Notifier
    team (slack)
    Down since
    2026-11-20 08:42 CET, for 20m 34s
    What was kept for it follows now.
    2026-11-20 09:03 CET · sent by the rule “sample”
    "#);
}

#[test]
fn the_console_says_them() {
    insta::assert_snapshot!(told(NotifierKind::Console, whole), @r#"
    09:03:20 ❌ Descript cannot be polled: main
        the API refuses the token (401): it was revoked; make a new one in Settings > API tokens
        since 2026-11-20 08:42 CET; the last good poll was at 2026-11-20 08:42 CET
    ---
    09:03:20 ❌ Descript cannot be polled: main
        the API refuses the token (401): it was revoked; make a new one in Settings > API tokens
        since 2026-11-20 08:42 CET
    ---
    09:03:20 ✅ Descript is polled again: main
        since 2026-11-20 08:42 CET, for 20m 34s
    ---
    09:03:20 ❌ Notifier team refuses messages
        the webhook was deleted (404 no_service)
        since 2026-11-20 08:42 CET; 1 message kept for it so far
    ---
    09:03:20 ✅ Notifier team takes messages again, 12 are being caught up
        since 2026-11-20 08:42 CET, for 20m 34s
    "#);
}

#[test]
fn a_webhook_gets_the_document_with_its_type() {
    for (name, document_type) in [
        ("source down", "source.down"),
        ("source up", "source.up"),
        ("notifier down", "notifier.down"),
        ("notifier up", "notifier.up"),
    ] {
        let document = sample(name);
        let body = json_of(&builtin_message(NotifierKind::Webhook, "default", &document));

        assert_eq!(body["type"], document_type);
        assert_eq!(body["job"], Value::Null);
        let facts = document_type.split('.').next().unwrap();
        assert_eq!(body[facts], document[facts]);
        assert!(body[facts]["name"].is_string());
    }
}

#[test]
fn facts_that_are_missing_are_not_missed() {
    let bare = |kind: &str, facts: Value| {
        let event = json!({"id": "e", "kind": kind, "source": null, "from": null, "to": null,
            "detected_at": "2026-11-20T08:03:20Z", "late": false, "repeat": false});
        let facts_key = if kind.starts_with("source") { "source" } else { "notifier" };
        json!({"event": event, "job": null, facts_key: facts})
    };
    for kind in ["source_down", "source_up", "notifier_down", "notifier_up", "spend_crossed"] {
        for facts in [json!(null), json!({}), json!({"name": "x", "reason": null})] {
            for notifier in BY_TEMPLATE {
                let message = builtin_message(notifier, "default", &bare(kind, facts.clone()));

                let all = whole(&message).replace('\\', "");
                assert!(all.contains(&vocabulary::title(&bare(kind, facts.clone()))), "{all}");
            }
        }
    }
}

#[test]
fn one_message_is_one_and_none_are_not_said() {
    let title = |waiting: u64| {
        let mut document = sample("notifier up");
        document["notifier"]["waiting"] = waiting.into();
        vocabulary::title(&document)
    };

    assert_eq!(title(0), "Notifier team takes messages again");
    assert_eq!(title(1), "Notifier team takes messages again, 1 is being caught up");
    assert_eq!(title(12), "Notifier team takes messages again, 12 are being caught up");
}
