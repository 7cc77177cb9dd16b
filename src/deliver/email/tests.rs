//! Mail handed to a server of our own, which can be slow, rude or out of step.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mail_parser::MessageParser;

use super::Email;
use super::far_server::{FarServer, HANG_UP, SILENCE, Script, TlsFrom, trusting};
use super::settings::{EmailSettings, Tls};
use crate::deliver::far_side::{envelope_to, inline};
use crate::deliver::{Failure, FailureKind, Receipt};
use crate::model::Message;
use crate::secret::{Redactor, Resolver};

const PASSWORD: &str = "hunter2hunter2";

fn settings(port: u16, tls: Tls) -> EmailSettings {
    EmailSettings {
        host: "localhost".into(),
        port,
        tls,
        username: Some("notify@example.com".into()),
        password: Some(inline(PASSWORD)),
        from: "Descript <notify@example.com>".parse().unwrap(),
        to: vec!["one@example.com".parse().unwrap(), "two@example.com".parse().unwrap()],
        cc: vec![],
        bcc: vec![],
        reply_to: vec![],
        live: false,
    }
}

fn email_with(settings: &EmailSettings, timeout: Duration) -> Email {
    let resolver = Resolver::of_vars(&[], Path::new("/"));
    let built = Email::with_tls(settings, timeout, &resolver, &mut Redactor::default(), trusting());
    built.map_err(|bad| bad.of("mail")).unwrap()
}

fn email(server: &FarServer, tls: Tls) -> Email {
    email_with(&settings(server.port, tls), Duration::from_secs(20))
}

async fn send(email: &Email, recipient: &str) -> Result<Receipt, Failure> {
    let message = Message::Mail {
        subject: "Export failed".into(),
        text: "Hello\n.dot\n".into(),
        html: "<p>Hello</p>".into(),
    };
    email.send(&envelope_to(recipient), &message).await
}

/// One mail to a server with these replies.
async fn attempt(replies: &[(&'static str, &'static str)]) -> Result<Receipt, Failure> {
    let server = FarServer::start(Script { replies: replies.into(), ..Script::default() }).await;
    send(&email(&server, Tls::None), "one@example.com").await
}

async fn kind(replies: &[(&'static str, &'static str)]) -> FailureKind {
    attempt(replies).await.unwrap_err().kind
}

#[tokio::test]
async fn each_recipient_has_a_transaction_and_all_share_a_connection() {
    let server = FarServer::start(Script::default()).await;
    let email = email(&server, Tls::None);

    let receipt = send(&email, "one@example.com").await.unwrap();
    send(&email, "two@example.com").await.unwrap();

    assert_eq!((receipt.status, receipt.answer.as_str()), (Some(250), "2.0.0 queued as 1"));
    assert_eq!(server.connections(), 1);
    let recipients: Vec<_> =
        server.commands().into_iter().filter(|command| command.starts_with("RCPT")).collect();
    assert_eq!(recipients, ["RCPT TO:<one@example.com>", "RCPT TO:<two@example.com>"]);
    let mails = server.mails();
    let mail = MessageParser::new().parse(mails[0].as_bytes()).unwrap();
    assert_eq!(mail.subject(), Some("Export failed"));
    assert_eq!(mail.message_id(), Some("0123456789abcdef01234567@example.com"));
    assert_eq!(mail.body_text(0).unwrap().replace("\r\n", "\n").trim_end(), "Hello\n.dot");
}

#[tokio::test]
async fn the_password_goes_only_over_an_encrypted_line() {
    for (tls, from) in [(Tls::Starttls, TlsFrom::Starttls), (Tls::Implicit, TlsFrom::FirstByte)] {
        let server = FarServer::start(Script { tls: Some(from), ..Script::default() }).await;

        send(&email(&server, tls), "one@example.com").await.unwrap();

        let commands = server.commands();
        let login = commands.iter().position(|command| command.starts_with("AUTH")).unwrap();
        let upgrade = commands.iter().position(|command| command == "STARTTLS");
        assert_eq!(upgrade, (tls == Tls::Starttls).then_some(1), "{commands:?}");
        assert!(upgrade.is_none_or(|upgrade| upgrade < login));
        assert_eq!(server.mails().len(), 1);
    }
}

#[tokio::test]
async fn without_starttls_or_with_a_strange_certificate_nothing_is_said() {
    let stripped = Script {
        replies: vec![("EHLO", "250-far.example\r\n250 AUTH PLAIN")],
        ..Script::default()
    };
    let injected = Script {
        replies: vec![("STARTTLS", "220 go ahead\r\n250 AUTH PLAIN")],
        tls: Some(TlsFrom::Starttls),
        ..Script::default()
    };
    for script in [stripped, injected] {
        let server = FarServer::start(script).await;
        let failure = send(&email(&server, Tls::Starttls), "one@example.com").await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Broken, "{failure}");
        assert!(!server.commands().iter().any(|command| command.starts_with("AUTH")));
    }

    let server = FarServer::start(Script { tls: Some(TlsFrom::FirstByte), ..Script::default() });
    let server = server.await;
    let mut email = email(&server, Tls::Implicit);
    let nobody = rustls::ClientConfig::builder()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    email.server.tls_config = Arc::new(nobody);
    let failure = send(&email, "one@example.com").await.unwrap_err();

    assert_eq!(failure.kind, FailureKind::Broken);
    insta::assert_snapshot!(failure, @"the server's certificate is not valid: UnknownIssuer; nothing was sent, since it could be read on the way");
    assert!(server.commands().is_empty());
}

#[tokio::test]
async fn a_reply_is_sorted_by_where_it_came() {
    use FailureKind::{Broken, Refused, Unsure};
    const LATER: FailureKind = FailureKind::LATER;

    assert_eq!(kind(&[("greeting", "421 too many connections")]).await, LATER);
    assert_eq!(kind(&[("AUTH", "535 5.7.8 no")]).await, Broken);
    assert_eq!(kind(&[("AUTH", "454 4.7.0 not now")]).await, LATER);
    assert_eq!(kind(&[("MAIL", "550 not your address")]).await, Broken);
    assert_eq!(kind(&[("RCPT", "550 5.1.1 no such user")]).await, Refused);
    assert_eq!(kind(&[("RCPT", "450 4.2.0 greylisted")]).await, LATER);
    assert_eq!(kind(&[("DATA", "451 not now")]).await, LATER);
    assert_eq!(kind(&[(".", "554 5.7.1 spam")]).await, Refused);
    assert_eq!(kind(&[(".", "452 4.3.1 full")]).await, LATER);
    assert_eq!(kind(&[(".", "354 out of step")]).await, Unsure);
    assert_eq!(kind(&[("EHLO", "250 far.example")]).await, Broken);
    let failure = attempt(&[("RCPT", "550-5.1.1 no\r\n550 5.1.1 such user")]).await.unwrap_err();
    assert_eq!(failure.status, Some(550));
    insta::assert_snapshot!(failure, @"the mail server answered 550 to the recipient's address: this address gets no mail there: check `to`, `cc` and `bcc`: 5.1.1 no such user");
}

#[tokio::test]
async fn a_line_that_is_cut_after_the_mail_leaves_us_unsure() {
    for command in ["greeting", "AUTH", "MAIL", "RCPT", "DATA"] {
        assert_eq!(kind(&[(command, HANG_UP)]).await, FailureKind::LATER, "{command}");
    }
    assert_eq!(kind(&[(".", HANG_UP)]).await, FailureKind::Unsure);
}

#[tokio::test]
async fn a_silent_server_is_left_in_time() {
    for (command, expected) in [
        ("greeting", FailureKind::LATER),
        ("AUTH", FailureKind::LATER),
        ("MAIL", FailureKind::LATER),
        (".", FailureKind::Unsure),
    ] {
        let script = Script { replies: vec![(command, SILENCE)], ..Script::default() };
        let server = FarServer::start(script).await;
        let hasty = email_with(&settings(server.port, Tls::None), Duration::from_secs(1));

        let failure = send(&hasty, "one@example.com").await.unwrap_err();

        assert_eq!(failure.kind, expected, "{command}: {failure}");
    }
}

#[tokio::test]
async fn a_connection_that_saw_an_error_is_not_used_again() {
    let script = Script { replies: vec![("RCPT TO:<two", "450 not now")], ..Script::default() };
    let server = FarServer::start(script).await;
    let email = email(&server, Tls::None);

    send(&email, "one@example.com").await.unwrap();
    send(&email, "two@example.com").await.unwrap_err();
    send(&email, "one@example.com").await.unwrap();

    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn an_attempt_broken_off_leaves_no_connection_behind() {
    let script = Script { replies: vec![("RCPT TO:<two", SILENCE)], ..Script::default() };
    let server = FarServer::start(script).await;
    let email = email(&server, Tls::None);
    send(&email, "one@example.com").await.unwrap();

    let broken_off =
        tokio::time::timeout(Duration::from_millis(100), send(&email, "two@example.com")).await;

    assert!(broken_off.is_err());
    assert!(email.kept.lock().unwrap().is_none());
}

#[tokio::test]
async fn a_kept_connection_that_the_server_has_closed_is_replaced_within_the_attempt() {
    let script = Script { mails_per_connection: Some(1), ..Script::default() };
    let server = FarServer::start(script).await;
    let email = email(&server, Tls::None);

    send(&email, "one@example.com").await.unwrap();
    send(&email, "two@example.com").await.unwrap();

    assert_eq!((server.connections(), server.mails().len()), (2, 2));
}

#[tokio::test]
async fn a_probe_logs_in_and_sends_nothing() {
    let server = FarServer::start(Script::default()).await;
    let bad = Script { replies: vec![("AUTH", "535 5.7.8 no")], ..Script::default() };
    let bad = FarServer::start(bad).await;

    let said = email(&server, Tls::None).probe().await.unwrap();
    let failure = email(&bad, Tls::None).probe().await.unwrap_err();

    assert_eq!(said, "the mail server is there and takes the password");
    assert_eq!(server.commands()[2..], ["NOOP", "QUIT"]);
    assert_eq!(failure.kind, FailureKind::Broken);
}

#[tokio::test]
async fn a_password_that_the_server_repeats_is_not_shown() {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD
        .encode(format!("\0notify@example.com\0{PASSWORD}"));
    let reply: &'static str = format!("535 what is {encoded} or {PASSWORD}?").leak();

    let failure = attempt(&[("AUTH", reply)]).await.unwrap_err();

    insta::assert_snapshot!(failure, @"the mail server answered 535 to the login: check `username`, `password` and `tls`: what is *** or ***?");
}

#[test]
fn a_table_that_would_give_the_password_away_is_refused() {
    let why = |change: fn(&mut EmailSettings)| {
        let mut settings = settings(25, Tls::None);
        change(&mut settings);
        let resolver = Resolver::of_vars(&[], Path::new("/"));
        let redactor = &mut Redactor::default();
        let built = Email::build(&settings, Duration::from_secs(1), &resolver, redactor);
        built.map_err(|bad| bad.of("mail")).unwrap_err().to_string()
    };

    insta::assert_snapshot!(why(|it| it.host = "smtp.example.com".into()), @r#"notifier `mail`, key `tls`: the password would go over the network in the clear; use "starttls" or "implicit""#);
    insta::assert_snapshot!(why(|it| it.password = None), @"notifier `mail`, key `password`: it is missing; a username needs a password");
    insta::assert_snapshot!(why(|it| it.username = None), @"notifier `mail`, key `username`: it is missing; a password needs a username");
}
