//! Mail: the same three digits mean another thing at each step, and what comes after them in
//! the text (`x.y.z`) can change it.

use descript_notify::deliver::{Failure, Notifier, Receipt};
use descript_notify::model::Message;

use super::Then::{self, Broken, Later, Refused, Taken, Unsure};
use super::support::smtp::{Reply, SmtpSink, Step};
use super::{envelope_to, notifier};

fn mail(port: u16, more: &str) -> Notifier {
    notifier(&format!(
        "type = 'email'\nhost = '127.0.0.1'\nport = {port}\nusername = 'me'\n\
         password = 'correct horse'\nfrom = 'Descript <notify@example.com>'\n\
         to = ['one@example.com', 'two@example.com', 'three@example.com']\n{more}"
    ))
}

const PLAIN: &str = "tls = 'none'";

async fn send_to(notifier: &Notifier, recipient: &str) -> Result<Receipt, Failure> {
    let message = Message::Mail {
        subject: "Export failed".into(),
        text: "It failed.".into(),
        html: "<p>It failed.</p>".into(),
    };
    notifier.send(&envelope_to(recipient), &message).await
}

#[tokio::test]
async fn every_reply_has_its_place_at_each_step() {
    use Reply::{HangUp, Line};
    use Step::{Auth, Body, Data, Greeting, Mail, Rcpt};
    let table = [
        (Greeting, Line("421 4.3.2 too many connections"), Later),
        (Greeting, Line("554 5.3.2 no service from there"), Broken),
        (Greeting, HangUp, Later),
        (Auth, Line("535 5.7.8 bad credentials"), Broken),
        (Auth, Line("534 5.7.9 needs an app password"), Broken),
        (Auth, Line("530 5.7.0 must issue STARTTLS first"), Broken),
        (Auth, Line("538 5.7.11 encryption required"), Broken),
        (Auth, Line("454 4.7.0 temporary authentication failure"), Later),
        (Auth, HangUp, Later),
        (Mail, Line("550 5.7.1 not your address"), Broken),
        (Mail, Line("553 5.7.1 sender address rejected"), Broken),
        (Mail, Line("554 Message rejected: Email address is not verified."), Broken),
        (Mail, Line("530 5.7.0 authentication required"), Broken),
        (Mail, Line("552 5.3.4 message too big"), Refused),
        (Mail, Line("554 5.3.4 message too big"), Refused),
        (Mail, Line("421 4.7.0 try again later"), Later),
        (Mail, Line("451 4.3.0 local error"), Later),
        (Mail, Line("452 4.3.1 no storage"), Later),
        (Mail, Line("454 Throttling failure: Daily message quota exceeded."), Later),
        (Mail, Line("550 5.4.5 daily sending quota exceeded"), Later),
        (Mail, HangUp, Later),
        (Rcpt, Line("550 5.1.1 no such user"), Refused),
        (Rcpt, Line("551 5.1.6 user has moved"), Refused),
        (Rcpt, Line("553 5.1.3 bad address"), Refused),
        (Rcpt, Line("550 5.7.1 policy"), Refused),
        (Rcpt, Line("550 5.2.2 mailbox full"), Later),
        (Rcpt, Line("552 5.2.2 mailbox full"), Later),
        (Rcpt, Line("552 too many recipients"), Later),
        (Rcpt, Line("452 4.2.2 mailbox full"), Later),
        (Rcpt, Line("450 4.2.0 greylisted"), Later),
        (Rcpt, HangUp, Later),
        (Data, Line("451 4.3.0 not now"), Later),
        (Data, Line("554 5.5.1 no valid recipients"), Refused),
        (Data, HangUp, Later),
        (Body, Line("554 5.7.1 looks like spam"), Refused),
        (Body, Line("550 5.7.1 policy"), Refused),
        (Body, Line("552 5.3.4 message too big"), Refused),
        (Body, Line("451 4.7.1 try again later"), Later),
        (Body, Line("452 4.3.1 no storage"), Later),
        (Body, Line("454 Throttling failure: Maximum sending rate exceeded."), Later),
        (Body, Line("421 4.4.2 closing"), Later),
        (Body, Line("550 5.4.5 daily sending quota exceeded"), Later),
        (Body, Line("354 out of step"), Unsure),
        (Body, HangUp, Unsure),
    ];

    let mut wrong = Vec::new();
    for (step, reply, expected) in table {
        let sink = SmtpSink::start().await;
        sink.script(step, [reply.clone()]);
        let result = send_to(&mail(sink.port(), PLAIN), "one@example.com").await;
        if Then::of(&result) != expected {
            wrong.push(format!("{step:?} {reply:?}: expected {expected:?}: {result:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn one_refused_address_does_not_lose_the_others() {
    let sink = SmtpSink::start().await;
    sink.script(Step::Rcpt, [Reply::Line("250 2.1.5 fine"), Reply::Line("550 5.1.1 no such user")]);
    let mail = mail(sink.port(), PLAIN);

    let mut ends = Vec::new();
    for recipient in ["one@example.com", "two@example.com", "three@example.com"] {
        ends.push(Then::of(&send_to(&mail, recipient).await));
    }

    assert_eq!(ends, [Taken, Refused, Taken]);
    let reached: Vec<Vec<String>> = sink.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(reached, [["one@example.com"], ["three@example.com"]]);
}

#[tokio::test]
async fn without_encryption_the_password_stays_here() {
    let sink = SmtpSink::start().await;

    let starttls = send_to(&mail(sink.port(), "tls = 'starttls'"), "one@example.com").await;
    let implicit =
        send_to(&mail(sink.port(), "tls = 'implicit'\ntimeout = '1s'"), "one@example.com").await;

    assert_eq!((Then::of(&starttls), Then::of(&implicit)), (Broken, Later));
    assert_eq!((sink.logins(), sink.mails().len()), (0, 0));
}

#[tokio::test]
async fn nobody_there_is_later() {
    let port = SmtpSink::start().await.port();

    assert_eq!(Then::of(&send_to(&mail(port, PLAIN), "one@example.com").await), Later);
}
