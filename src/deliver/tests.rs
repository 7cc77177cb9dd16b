//! What holds for every type of notifier that talks to somebody, in two sentences; `console`
//! has its own pair beside it, since its other side is this very process.

use std::path::Path;

use serde_json::json;

use super::command::settings::CommandSettings;
use super::discord::settings::DiscordSettings;
use super::email::far_server::{FarServer, Script};
use super::email::settings::{EmailSettings, Tls};
use super::far_side::{FarSide, envelope_to, inline, settings};
use super::settings::TypeSettings;
use super::slack::settings::SlackSettings;
use super::webhook::settings::{Success, WaitFrom, WebhookSettings};
use super::{Failure, FailureKind, Notifier};
use crate::model::{Envelope, Message, NotifierKind};
use crate::secret::{Redactor, Resolver};

const SECRET: &str = "s3cr3ts3cr3ts3cr3ts3cr3t";

const ALL: [NotifierKind; 5] = [
    NotifierKind::Slack,
    NotifierKind::Discord,
    NotifierKind::Email,
    NotifierKind::Webhook,
    NotifierKind::Command,
];

/// How the other side feels about a message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mood {
    Busy,
    /// It does not take this message.
    Picky,
    /// It refuses, and repeats what it was sent.
    Indiscreet,
}

/// A notifier of this kind, and the far sides that must outlive it.
async fn facing(kind: NotifierKind, mood: Mood) -> (Notifier, Option<FarSide>, Option<FarServer>) {
    let (mut http, mut smtp) = (None, None);
    let echo = format!("{SECRET} https://127.0.0.1/x/{SECRET}");
    let (status, body) = match mood {
        Mood::Busy => (503, "busy".to_owned()),
        Mood::Picky => (400, "bad request".to_owned()),
        Mood::Indiscreet => (403, echo.clone()),
    };
    let mut url = async |path: String| {
        let far_side = http.insert(FarSide::answering(status, &body).await);
        far_side.url(&path)
    };
    let settings_of_type = match kind {
        NotifierKind::Slack => {
            let webhook_url = inline(url(format!("/services/T0/B0/{SECRET}")).await);
            TypeSettings::Slack(SlackSettings::Webhook { webhook_url })
        }
        NotifierKind::Discord => {
            let webhook_url = inline(url(format!("/api/webhooks/12/{SECRET}")).await);
            TypeSettings::Discord(DiscordSettings { webhook_url, live: false })
        }
        NotifierKind::Webhook => TypeSettings::Webhook(WebhookSettings {
            url: inline(url(format!("/hook/{SECRET}")).await),
            method: "POST".into(),
            headers: vec![("authorization".into(), inline(format!("Bearer {SECRET}-header")))],
            secrets: vec![inline("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")],
            ok: Success::default(),
            retry_after: WaitFrom::default(),
        }),
        NotifierKind::Email => {
            let reply = match mood {
                Mood::Busy => "451 busy",
                Mood::Picky => "550 5.1.1 no such user",
                Mood::Indiscreet => format!("550 5.7.1 {echo}").leak(),
            };
            let script = Script { replies: vec![("RCPT", reply)], ..Script::default() };
            let server = smtp.insert(FarServer::start(script).await);
            TypeSettings::Email(mail_settings(server.port))
        }
        NotifierKind::Command => {
            let script = match mood {
                Mood::Busy => "exit 75",
                Mood::Picky | Mood::Indiscreet => "env >&2; cat >&2; exit 65",
            };
            let program = ["sh", "-c", script].map(str::to_owned).to_vec();
            TypeSettings::Command(CommandSettings { program })
        }
        NotifierKind::Console => TypeSettings::Console,
    };
    let resolver = Resolver::of_vars(
        &[("PATH", "/usr/local/bin:/usr/bin:/bin"), ("TOKEN", SECRET)],
        Path::new("/"),
    );
    let settings = settings(settings_of_type);
    let notifier = Notifier::build(&settings, &resolver, &mut Redactor::default()).unwrap();
    assert_eq!(notifier.kind(), kind);
    (notifier, http, smtp)
}

fn mail_settings(port: u16) -> EmailSettings {
    EmailSettings {
        host: "127.0.0.1".into(),
        port,
        tls: Tls::None,
        username: Some("me".into()),
        password: Some(inline(SECRET)),
        from: "me@example.com".parse().unwrap(),
        to: vec!["you@example.com".parse().unwrap()],
        cc: vec![],
        bcc: vec![],
        reply_to: vec![],
        live: false,
    }
}

fn message(kind: NotifierKind) -> (Envelope, Message) {
    let message = match kind {
        NotifierKind::Email => {
            Message::Mail { subject: "s".into(), text: "t".into(), html: "<p>h</p>".into() }
        }
        NotifierKind::Console => Message::Text("t".into()),
        _ => Message::Json(json!({ "text": "t", "content": "c" }).to_string()),
    };
    let recipient = if kind == NotifierKind::Email { "you@example.com" } else { "" };
    (envelope_to(recipient), message)
}

async fn failure(kind: NotifierKind, mood: Mood) -> Failure {
    let (notifier, _http, _smtp) = facing(kind, mood).await;
    let (envelope, message) = message(kind);
    notifier.send(&envelope, &message).await.unwrap_err()
}

#[tokio::test]
async fn a_busy_server_means_later_and_a_bad_request_means_never() {
    for kind in ALL {
        let busy = failure(kind, Mood::Busy).await;
        let picky = failure(kind, Mood::Picky).await;

        assert_eq!(busy.kind, FailureKind::LATER, "{kind}: {busy}");
        assert_eq!(picky.kind, FailureKind::Refused, "{kind}: {picky}");
    }
}

#[tokio::test]
async fn no_error_and_no_debug_output_shows_the_secret() {
    for kind in ALL {
        let (notifier, _http, _smtp) = facing(kind, Mood::Indiscreet).await;
        let (envelope, message) = message(kind);
        let sent = notifier.send(&envelope, &message).await.unwrap_err();
        let probed = notifier.probe().await;
        // With nobody there the error comes from another library.
        drop((_http, _smtp));
        let gone = notifier.send(&envelope, &message).await.unwrap_err();

        let shown = format!("{notifier:#?} {sent:?} {sent} {probed:?} {gone:?} {gone}");
        assert!(!shown.contains("s3cr3t"), "{kind}: {shown}");
        assert!(!shown.contains("AAECAwQF"), "{kind}: {shown}");
    }
}

#[tokio::test]
async fn a_message_in_another_form_is_refused_by_every_type() {
    for kind in NotifierKind::ALL {
        let (notifier, _http, _smtp) = facing(kind, Mood::Picky).await;
        let (envelope, mut other) = message(kind);
        other = match other {
            Message::Text(_) => Message::Json("{}".into()),
            _ => Message::Text("t".into()),
        };

        let failure = notifier.send(&envelope, &other).await.unwrap_err();

        assert_eq!(failure.kind, FailureKind::Refused, "{kind}");
    }
}
