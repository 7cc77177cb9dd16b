//! `send-test`: one marked message through one notifier, now, past the ledger.

use clap::Args;
use serde_json::{Value, json};

use super::screen::Screen;
use super::table::shown;
use super::{Global, Stop, settings};
use crate::app::{load_templates, notifier, resolver};
use crate::deliver::settings::NotifierSettings;
use crate::exit::Exit;
use crate::model::{
    DeliveryId, Envelope, Event, EventKey, EventKind, JobId, ProjectName, RuleView,
};
use crate::problem::suggestion;
use crate::render::{RenderRequest, Templates};

#[derive(Debug, Args)]
pub(super) struct SendTestArgs {
    /// The notifier's name in the config
    notifier: String,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

pub(super) async fn send_test(
    args: &SendTestArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Stop> {
    let (path, config) = settings::read(global, screen)?;
    let Some(settings) = config.notifiers.iter().find(|known| known.name == args.notifier) else {
        let names: Vec<&str> = config.notifiers.iter().map(|known| known.name.as_str()).collect();
        let help = suggestion(&args.notifier, &names);
        return Err(Stop::usage(format!("no notifier is called `{}`: {help}", args.notifier)));
    };
    let sender = notifier(settings, &resolver(&path)).map_err(Stop::usage)?;
    let (templates, _) =
        load_templates(config.service.templates.as_deref()).map_err(Stop::usage)?;
    let mut answers = Vec::new();
    for recipient in settings.recipients() {
        let (envelope, message) =
            test_message(settings, &recipient, &templates, &config.service.timezone);
        let result = sender.send(&envelope, &message).await;
        answers.push(match result {
            Ok(receipt) => (true, recipient, receipt.status, receipt.answer),
            Err(failure) => (false, recipient, failure.status, failure.reason),
        });
    }
    let well = answers.iter().all(|(sent, ..)| *sent);
    if args.json {
        let told: Vec<Value> = answers
            .iter()
            .map(|(sent, recipient, status, answer)| {
                json!({"sent": sent, "recipient": recipient, "status": status, "answer": answer})
            })
            .collect();
        screen.say_json(&json!({ "notifier": args.notifier, "answers": told }));
    } else {
        for (sent, recipient, status, answer) in &answers {
            let to = if recipient.is_empty() { String::new() } else { format!(" for {recipient}") };
            let answer =
                if answer.is_empty() { String::new() } else { format!(": {}", shown(answer)) };
            if *sent {
                let status = status.map_or(String::new(), |status| format!(" ({status})"));
                screen.say(&format!("{}{to} took the test message{status}{answer}", args.notifier));
            } else {
                // The reason names the status itself.
                screen.complain(&format!("{}{to} did not take it{answer}", args.notifier));
            }
        }
    }
    Ok(if well { Exit::Done } else { Exit::Failed })
}

fn test_message(
    settings: &NotifierSettings,
    recipient: &str,
    templates: &Templates,
    zone: &jiff::tz::TimeZone,
) -> (Envelope, crate::model::Message) {
    let now = settings::now();
    let event = test_event(now);
    let rule = RuleView { name: "send-test".into(), suppressed: 0, held: None };
    let document = event.document(Some(&rule), false);
    let rendered = templates.render(&RenderRequest {
        kind: settings.kind(),
        template: "default",
        document: &document,
        now,
        zone,
    });
    // Each test is a message of its own, so that no receiver takes it for one it knows.
    let unique = format!("{}-{:016x}", event.id(), fastrand::u64(..));
    let envelope = Envelope {
        delivery_id: DeliveryId::of(&unique, "send-test", &settings.name, recipient),
        recipient: recipient.to_owned(),
        kind: event.kind,
        now,
        attempt: 1,
        thread: String::new(),
        live: None,
    };
    (envelope, rendered.message)
}

/// A make-believe job that says that it is one.
fn test_event(now: jiff::Timestamp) -> Event {
    let job = json!({
        "job_id": "send-test",
        "job_type": "agent",
        "job_state": "stopped",
        "created_at": (now - jiff::SignedDuration::from_secs(42)).to_string(),
        "stopped_at": now.to_string(),
        "project_id": "test",
        "project_url": "https://web.descript.com/",
        "result": {
            "status": "success",
            "agent_response": "This is a test message from descript-notify: no job has ended, and nothing needs to be done.",
            "project_changed": true,
        },
    });
    Event {
        key: EventKey {
            source: "send-test".into(),
            subject: "send-test".into(),
            slot: EventKind::Succeeded.slot(),
            occurrence: now.to_string(),
        },
        kind: EventKind::Succeeded,
        from: Some("running".into()),
        to: Some("stopped".into()),
        detected_at: now,
        late: false,
        job_id: JobId::parse("send-test").ok(),
        project_name: ProjectName::Known("TEST (not a real project)".into()),
        facts: serde_json::Map::new(),
        timer: None,
        job: job.as_object().cloned().map(Into::into),
    }
}
