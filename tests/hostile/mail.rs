//! Mail: one mail, with our headers and no others, whose HTML has our tags and no others.

use descript_notify::deliver::Notifier;
use descript_notify::model::{Message, NotifierKind};
use mail_parser::MessageParser;
use serde_json::Value;

use super::families::{MARK, huge, texts};
use super::support::smtp::{Mail, SmtpSink};
use super::{Reach, assert_still_shown, assert_visible, envelope_to, full, harmless, notifier};
use super::{poison, poisoned, rendered};

fn mail(smtp: &SmtpSink) -> Notifier {
    notifier(&format!(
        "type = 'email'\nhost = '127.0.0.1'\nport = {}\ntls = 'none'\n\
         from = 'Descript <notify@example.com>'\nto = ['ann@example.com']",
        smtp.port()
    ))
}

/// What arrives at the mail server, which gets one mail to one address for each message.
async fn arrives(smtp: &SmtpSink, mail: &Notifier, template: &str, document: &Value) -> Mail {
    let before = smtp.mails().len();
    let message = rendered(NotifierKind::Email, template, document);
    mail.send(&envelope_to("ann@example.com"), &message).await.unwrap();
    let mails = smtp.mails();
    assert_eq!(mails.len(), before + 1);
    mails[before].clone()
}

/// The names of the headers of the mail and of its parts.
fn headers(raw: &str) -> Vec<String> {
    let parsed = MessageParser::default().parse(raw.as_bytes()).unwrap();
    let parts = parsed.parts.iter().flat_map(|part| &part.headers);
    parts.map(|header| header.name.as_str().to_owned()).collect()
}

fn tags(html: &str) -> Vec<String> {
    html.split('<').skip(1).map(|rest| rest.split('>').next().unwrap().to_owned()).collect()
}

/// Panics where a server could read something else than we wrote.
fn assert_on_the_wire(mail: &Mail) {
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("notify@example.com", &["ann@example.com".to_owned()][..])
    );
    for line in mail.raw.split_terminator("\r\n") {
        assert!(line.len() <= 998 && !line.contains(['\r', '\n', '\0']), "{line:?}");
        assert!(line.is_ascii(), "{line:?}");
    }
    assert!(mail.raw.ends_with("\r\n"));
}

#[tokio::test]
async fn a_hostile_text_is_only_text() {
    let smtp = SmtpSink::start().await;
    let notifier = mail(&smtp);
    for reach in [Reach::Words, Reach::Everything] {
        let mut expected = Vec::new();
        for document in &harmless(reach) {
            expected.push(arrives(&smtp, &notifier, "default", document).await);
        }
        for (turn, (family, text)) in texts().enumerate() {
            for (number, document) in &poisoned(&text, reach, turn) {
                let mail = arrives(&smtp, &notifier, "default", document).await;
                let usual = &expected[*number];

                assert_on_the_wire(&mail);
                assert_eq!(headers(&mail.raw), headers(&usual.raw), "{family}: {text:?}");
                let subject = mail.header("Subject").unwrap();
                assert_visible(&subject);
                assert!(!subject.contains(['\n', '\r']) && subject.chars().count() <= 120);
                let (words, html) = (mail.text().replace('\r', ""), mail.html().replace('\r', ""));
                assert_visible(&words);
                assert_visible(&html);
                for forged in ["Bcc:", "From:", "MAIL FROM", "RCPT", "DATA", "QUIT", "forged body"]
                {
                    assert!(
                        !words.lines().any(|line| line.starts_with(forged)),
                        "{family}: {words}"
                    );
                }
                assert_eq!(
                    tags(&html),
                    tags(&usual.html().replace('\r', "")),
                    "{family}: {text:?}"
                );
                assert_still_shown(&text, &words, &usual.text());
                assert_still_shown(&text, &html, &usual.html());
            }
        }
    }
}

#[tokio::test]
async fn a_megabyte_in_every_field_is_cut_to_a_mail_of_reasonable_size() {
    const REASONABLE_BYTES: usize = 512 * 1024;
    let smtp = SmtpSink::start().await;
    let notifier = mail(&smtp);
    for text in huge() {
        for template in ["default", "failure"] {
            let mut document = full("failed");
            poison(&mut document, &text, Reach::Words);

            let mail = arrives(&smtp, &notifier, template, &document).await;

            assert_on_the_wire(&mail);
            assert!(mail.raw.len() < REASONABLE_BYTES, "{}", mail.raw.len());
            assert!(mail.header("Subject").unwrap().contains(MARK) && mail.text().contains(MARK));
        }
    }
}

#[tokio::test]
async fn texts_that_no_template_has_seen_are_harmless_too() {
    let smtp = SmtpSink::start().await;
    let notifier = mail(&smtp);
    for (family, text) in texts() {
        // As if every escape of the templates had been forgotten.
        let message =
            Message::Mail { subject: text.clone(), text: text.clone(), html: text.clone() };
        let before = smtp.mails().len();

        notifier.send(&envelope_to("ann@example.com"), &message).await.unwrap();

        let mails = smtp.mails();
        assert_eq!(mails.len(), before + 1, "{family}");
        assert_on_the_wire(&mails[before]);
        assert_eq!(headers(&mails[before].raw), headers(&mails[0].raw), "{family}: {text:?}");
        assert_visible(&mails[before].header("Subject").unwrap());
    }
}
