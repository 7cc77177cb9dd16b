//! Makes a mail of a rendered message. Pure.
//!
//! Subject and bodies may hold anything; what leaves is one header line and two clean texts.
//! Addresses come from the config alone. The `Message-ID` is the delivery's, so that a copy
//! sent twice can be told. Mails about one job refer to a root that never was, which is enough
//! for clients to thread them; live ones refer to the first mail as well, and share its
//! subject, since some clients part what has another one.

use std::time::SystemTime;

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message as Mail};
use serde::{Deserialize, Serialize};

use super::settings::EmailSettings;
use crate::deliver::answer::is_invisible;
use crate::deliver::cut::{Markup, cut};
use crate::deliver::live::Handle;
use crate::model::{Envelope, Fingerprint};

/// What clients show of a subject, and far from the 998 bytes that a line may have.
pub const SUBJECT_MAX: usize = 120;

/// A mail, and the two addresses of its transaction.
#[derive(Debug)]
pub struct Outgoing {
    pub from: Address,
    pub to: Address,
    pub content: Vec<u8>,
    /// How later mails about the job refer to this one, the first.
    pub handle: Option<String>,
}

/// The first mail about a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct First {
    message_id: String,
    subject: String,
}

/// Makes the mail for the envelope's recipient.
///
/// # Errors
/// Why no mail can be made, for people.
pub fn mail(
    settings: &EmailSettings,
    envelope: &Envelope,
    subject: &str,
    text: &str,
    html: &str,
) -> Result<Outgoing, String> {
    let to: Address = envelope
        .recipient
        .parse()
        .map_err(|_| format!("`{}` is not an address", one_line(&envelope.recipient)))?;
    let from = &settings.from;
    let domain = from.email.domain();
    let message_id = format!("<{}@{domain}>", envelope.delivery_id);
    let first = envelope.live.as_ref().and_then(Handle::<First>::known).map(|known| known.at);
    let mut handle = None;
    let subject = match (&envelope.live, &first) {
        (None, _) => subject_line(subject),
        (Some(_), Some(first)) => format!("Re: {}", subject_line(&first.subject)),
        (Some(live), None) => {
            let subject = subject_line(&live.about);
            let first = First { message_id: message_id.clone(), subject: subject.clone() };
            handle = Handle::new(first, live).text();
            subject
        }
    };
    let mut builder = Mail::builder()
        .from(clean(from))
        .subject(subject)
        .date(SystemTime::try_from(envelope.now).unwrap_or(SystemTime::UNIX_EPOCH))
        .message_id(Some(message_id))
        .envelope(
            lettre::address::Envelope::new(Some(from.email.clone()), vec![to.clone()])
                .map_err(|error| error.to_string())?,
        );
    for mailbox in &settings.to {
        builder = builder.to(clean(mailbox));
    }
    for mailbox in &settings.cc {
        builder = builder.cc(clean(mailbox));
    }
    for mailbox in &settings.reply_to {
        builder = builder.reply_to(clean(mailbox));
    }
    if !envelope.thread.is_empty() {
        let root = format!("<job-{}@{domain}>", Fingerprint::of(envelope.thread.as_bytes()));
        builder = match first.map(|first| first.message_id) {
            Some(first) => builder.references(format!("{root} {first}")).in_reply_to(first),
            None => builder.in_reply_to(root.clone()).references(root),
        };
    }
    // RFC 3834, and Exchange's own way of saying the same: no vacation answers, please.
    for (name, value) in [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")]
    {
        let name = HeaderName::new_from_ascii_str(name);
        builder = builder.raw_header(HeaderValue::new(name, value.to_owned()));
    }
    let content = builder
        .multipart(MultiPart::alternative_plain_html(body(text), body(html)))
        .map_err(|error| error.to_string())?
        .formatted();
    Ok(Outgoing { from: from.email.clone(), to, content, handle })
}

/// The subject that a mail leaves with: one line, never empty, cut to what clients show.
pub fn subject_line(subject: &str) -> String {
    match cut(&one_line(subject), SUBJECT_MAX, Markup::Plain) {
        subject if subject.is_empty() => "(no subject)".to_owned(),
        // Decoders would take it for an encoded word.
        subject => subject.replace("=?", "= ?"),
    }
}

/// A mailbox whose name is one clean line: lettre breaks on others.
fn clean(mailbox: &Mailbox) -> Mailbox {
    let name = mailbox.name.as_deref().map(one_line).filter(|name| !name.is_empty());
    Mailbox::new(name, mailbox.email.clone())
}

/// Without controls, line ends and what nobody sees; white space collapsed.
fn one_line(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| if c.is_control() || c.is_whitespace() { ' ' } else { c })
        .filter(|c| !is_invisible(*c))
        .collect();
    plain.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// A body whose lines end in line feeds alone, the way lettre makes whole ones of them: a lone
/// carriage return means the end of a mail to some servers.
pub fn body(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if c == '\r' { '\n' } else { c })
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

#[cfg(test)]
mod tests {
    use lettre::message::Mailbox;
    use mail_parser::MessageParser;
    use proptest::prelude::*;

    use super::*;
    use crate::deliver::email::settings::Tls;
    use crate::deliver::far_side::envelope_to;
    use crate::model::Live;

    fn settings() -> EmailSettings {
        let mailbox = |text: &str| text.parse::<Mailbox>().unwrap();
        EmailSettings {
            host: "localhost".into(),
            port: 25,
            tls: Tls::None,
            username: None,
            password: None,
            from: mailbox("Déscript <notify@example.com>"),
            to: vec![mailbox("Ed <editors@example.com>"), mailbox("two@example.com")],
            cc: vec![mailbox("cc@example.com")],
            bcc: vec![mailbox("secret@example.com")],
            reply_to: vec![mailbox("help@example.com")],
            live: false,
        }
    }

    fn made(subject: &str, text: &str, html: &str) -> String {
        let mail = mail(&settings(), &envelope_to("secret@example.com"), subject, text, html);
        String::from_utf8(mail.unwrap().content).unwrap()
    }

    #[test]
    fn the_headers_of_a_mail_are_these() {
        let mail = made("Export failed: Äpfel", "Hello", "<p>Hello</p>");

        let (headers, _) = mail.split_once("Content-Type: multipart/alternative").unwrap();
        insta::assert_snapshot!(headers.replace('\r', ""), @r"
        From: =?utf-8?b?RMOpc2NyaXB0?= <notify@example.com>
        Subject: Export failed: =?utf-8?b?w4RwZmVs?=
        Date: Mon, 23 Nov 2026 15:13:00 +0000
        Message-ID: <0123456789abcdef01234567@example.com>
        To: Ed <editors@example.com>, two@example.com
        Cc: cc@example.com
        Reply-To: help@example.com
        In-Reply-To: <job-e36b26490d985b9d@example.com>
        References: <job-e36b26490d985b9d@example.com>
        Auto-Submitted: auto-generated
        X-Auto-Response-Suppress: All
        MIME-Version: 1.0
        ");
    }

    /// A mail about a job whose first mail has this handle.
    fn live(handle: Option<String>) -> (Outgoing, String) {
        let live = Live { handle, terminal: false, about: "Film =?x\n: Import".into() };
        let envelope = Envelope { live: Some(live), ..envelope_to("two@example.com") };
        let mail = mail(&settings(), &envelope, "Film: Import failed", "t", "h").unwrap();
        let text = String::from_utf8(mail.content.clone()).unwrap();
        (mail, text)
    }

    #[test]
    fn the_mails_of_a_live_job_share_a_subject_and_refer_to_the_first() {
        let (first, said) = live(None);
        let handle = first.handle.unwrap().replace("0123456789abcdef01234567", "first");
        let (later, answer) = live(Some(handle));

        assert!(said.contains("Subject: Film = ?x : Import\r\n"), "{said}");
        assert!(said.contains("In-Reply-To: <job-e36b26490d985b9d@example.com>"), "{said}");
        assert_eq!(later.handle, None);
        assert!(answer.contains("Subject: Re: Film = ?x : Import\r\n"), "{answer}");
        assert!(answer.contains("In-Reply-To: <first@example.com>\r\n"), "{answer}");
        let both = "References: <job-e36b26490d985b9d@example.com> <first@example.com>\r\n";
        assert!(answer.contains(both), "{answer}");
        assert!(answer.contains("Message-ID: <0123456789abcdef01234567@example.com>"), "{answer}");
    }

    #[test]
    fn text_comes_before_html_and_both_come_back_as_they_were() {
        let long = "word ".repeat(400);
        let mail = made("s", &format!("Grüße\n.\n{long}"), "<p>Grüße</p>");

        let parsed = MessageParser::new().parse(mail.as_bytes()).unwrap();
        assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n"), format!("Grüße\n.\n{long}"));
        assert_eq!(parsed.body_html(0).unwrap(), "<p>Grüße</p>");
        assert!(mail.find("text/plain").unwrap() < mail.find("text/html").unwrap());
    }

    #[test]
    fn a_recipient_that_is_no_address_is_no_mail() {
        let hostile = envelope_to("a@b.example>\r\nBcc: x@y.example");

        assert!(mail(&settings(), &hostile, "s", "t", "h").is_err());
    }

    proptest! {
        #[test]
        fn no_text_makes_a_header_or_a_long_line(
            subject in "(?s)(.|\r\n|\n|\0|=\\?utf-8\\?q\\?x\\?=|\u{202e}|x{300}){0,60}",
            body in "(?s)(.|\r|\r\n|\n\\.\r\n|\0|x{600}){0,40}",
        ) {
            let mail = made(&subject, &body, &body);

            for line in mail.split("\r\n") {
                prop_assert!(line.len() <= 998, "{}", line.len());
                prop_assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
            }
            let parsed = MessageParser::new().parse(mail.as_bytes()).unwrap();
            prop_assert_eq!(parsed.headers().len(), 13, "{}", mail);
            let shown = parsed.subject().unwrap();
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_invisible(c)));
        }

        #[test]
        fn no_display_name_breaks_a_mail(name in "(?s)(.|\r\n|\0|\"){0,40}") {
            let mut settings = settings();
            settings.from.name = Some(name);

            let mail = mail(&settings, &envelope_to("editors@example.com"), "s", "t", "h").unwrap();

            let parsed = MessageParser::new().parse(&mail.content).unwrap();
            let address = parsed.from().unwrap().first().unwrap().address().unwrap();
            prop_assert_eq!(address, "notify@example.com");
        }
    }
}
