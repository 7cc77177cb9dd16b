//! Webhooks and programs get the data itself, whole and as JSON; the console gets lines that
//! cannot begin one of their own.

use descript_notify::model::{Message, NotifierKind};
use descript_notify::render::{RenderRequest, TemplateFile, Templates};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::families::{MARK, huge, texts};
use super::support::sink::{Answer, Sink};
use super::{Reach, assert_still_shown, assert_visible, envelope_to, full, harmless, notifier};
use super::{poison, poisoned, rendered};

#[tokio::test]
async fn a_webhook_gets_every_text_unchanged_in_valid_json() {
    let sink = Sink::start().await;
    let hook = notifier(&format!("type = 'webhook'\nurl = '{}'", sink.url("/hook")));
    let mut documents: Vec<Value> = Vec::new();
    for (_, text) in texts() {
        let mut document = full("failed");
        poison(&mut document, &text, Reach::Everything);
        documents.push(document);
    }
    for text in huge() {
        let mut document = full("failed");
        document["job"]["project_name"] = text.into();
        documents.push(document);
    }
    for document in documents {
        let message = rendered(NotifierKind::Webhook, "default", &document);
        hook.send(&envelope_to(""), &message).await.unwrap();

        let received = sink.received();
        let request = received.last().unwrap();
        let body = request.json();
        assert_eq!(body.as_object().unwrap().len(), document.as_object().unwrap().len() + 2);
        assert_eq!(body["type"], "job.failed");
        for part in ["event", "job", "rule"] {
            assert_eq!(body[part], document[part], "{document}");
        }
        let ours = |(name, _): &&(String, String)| {
            [
                "host",
                "accept",
                "accept-encoding",
                "content-type",
                "content-length",
                "user-agent",
                "webhook-id",
                "webhook-timestamp",
            ]
            .contains(&name.as_str())
        };
        assert_eq!(request.headers.iter().filter(ours).count(), request.headers.len());
    }
}

#[tokio::test]
async fn a_program_gets_every_text_unchanged_on_its_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    let program =
        format!("program = ['sh', '-c', 'tee \"$0\"; env | grep -c Zebra', '{}']", kept.display());
    let command = notifier(&format!("type = 'command'\n{program}"));
    for text in texts().map(|(_, text)| text).chain(huge().take(1)) {
        let mut document = full("failed");
        poison(&mut document, &text, Reach::Everything);

        let message = rendered(NotifierKind::Command, "default", &document);
        let result = command.send(&envelope_to(""), &message).await;

        let given: Value = serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
        assert_eq!(given["job"], document["job"], "{text:?}");
        // `grep` finds nothing in the environment, and says so with its exit status.
        let failure = result.unwrap_err();
        assert_eq!(failure.status, Some(1), "{failure}");
        assert_visible(&failure.reason);
        assert!(failure.reason.len() < 2048);
    }
}

#[tokio::test]
async fn a_webhooks_own_template_keeps_its_structure() {
    const TEMPLATE: &str = r#"{ "title": "{{truncate (project) 100}}", "message": "{{headline}}: {{job.result.error_message}}",
        "plain": "{{plain job.result.agent_response}}", "raw": {{json job.result}}, "click": "{{url job.project_url}}",
        {{#each (files job "failed")}}"file {{@index}}": "{{name}}",{{/each}} "end": true }"#;
    let file = TemplateFile { path: "webhook/mine.json.hbs".into(), text: TEMPLATE.into() };
    let (templates, problems) = Templates::with_overrides(vec![file]);
    assert!(problems.is_empty(), "{problems:?}");
    for (family, text) in texts() {
        for reach in [Reach::Words, Reach::Everything] {
            let mut document = full("failed");
            poison(&mut document, &text, reach);
            let request = RenderRequest {
                kind: NotifierKind::Webhook,
                template: "mine",
                document: &document,
                now: Timestamp::UNIX_EPOCH,
                zone: &TimeZone::UTC,
            };

            let Ok(Message::Json(body)) = templates.render_strict(&request) else {
                panic!("{family}: {text:?}")
            };

            let body: Value = serde_json::from_str(&body).unwrap();
            let mut keys: Vec<&str> =
                body.as_object().unwrap().keys().map(String::as_str).collect();
            keys.retain(|key| *key != "file 0");
            assert_eq!(keys, ["click", "end", "message", "plain", "raw", "title"], "{family}");
            assert_eq!(body["raw"]["agent_response"], json!(text));
            for key in ["title", "message", "plain", "click"] {
                assert_visible(body[key].as_str().unwrap());
            }
            assert!(body["plain"].as_str().unwrap().contains(MARK), "{family}: {body}");
        }
    }
}

#[test]
fn on_a_console_a_text_begins_no_line_and_moves_no_cursor() {
    let printed = |document: &Value| match rendered(NotifierKind::Console, "default", document) {
        Message::Text(text) => text,
        other => panic!("{other:?}"),
    };
    let outer = |text: &str| text.lines().filter(|line| !line.starts_with(' ')).count();
    for reach in [Reach::Words, Reach::Everything] {
        let expected: Vec<String> = harmless(reach).iter().map(printed).collect();
        for (turn, (family, text)) in texts().enumerate() {
            for (number, document) in &poisoned(&text, reach, turn) {
                let (lines, usual) = (printed(document), &expected[*number]);

                assert_visible(&lines);
                assert_eq!(outer(&lines), outer(usual), "{family}: {lines}");
                assert_still_shown(&text, &lines, usual);
            }
        }
    }
}

#[tokio::test]
async fn what_a_service_says_is_shown_without_its_controls() {
    let sink = Sink::start().await;
    let hook = notifier(&format!("type = 'webhook'\nurl = '{}'", sink.url("/hook")));
    for text in texts().map(|(_, text)| text).chain(huge()) {
        sink.script([Answer::status(400).body(&text), Answer::status(200).body(&text)]);

        let refused = hook.send(&envelope_to(""), &Message::Json("{}".into())).await.unwrap_err();
        let taken = hook.send(&envelope_to(""), &Message::Json("{}".into())).await.unwrap();

        for said in [refused.to_string(), taken.answer] {
            assert_visible(&said);
            assert!(!said.contains('\n') && said.len() <= 1200, "{said}");
            assert_still_shown(&text, &said, MARK);
        }
    }
}
