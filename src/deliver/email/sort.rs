//! What a reply of a mail server means. Pure.
//!
//! The three digits say less than the place where they are said: 550 is about our account in
//! answer to the sender, about one address in answer to a recipient. Replies: RFC 5321,
//! section 4.2; the finer `x.y.z` codes in their texts: RFC 3463.

use crate::deliver::outcome::{FailureKind, Sorted};

/// What had been sent when the reply came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The connection, its greeting and its TLS.
    Connect,
    Login,
    Sender,
    Recipient,
    /// The announcement of the mail; nothing of it is under way.
    Data,
    /// The mail itself, up to the dot that hands it over.
    Content,
}

impl Phase {
    /// For people: what was being done.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "the connection",
            Self::Login => "the login",
            Self::Sender => "the sender's address",
            Self::Recipient => "the recipient's address",
            Self::Data => "the wish to send a mail",
            Self::Content => "the mail",
        }
    }
}

/// Sorts a reply that is not what was hoped for.
pub fn sort_reply(phase: Phase, code: u16, text: &str) -> Sorted {
    use FailureKind::{Broken, Refused};
    let later = |hint| Sorted::new(FailureKind::LATER, hint);
    let says = |fine: &str| text.split_whitespace().any(|word| word == fine);
    match (phase, code) {
        (_, 400..=499) => later(""),
        // Gmail's limit for a day; it is over tomorrow.
        (_, 500..=599) if says("5.4.5") => later("a limit of the account is reached"),
        (_, 530 | 534 | 535 | 538) => Sorted::new(Broken, "check `username`, `password` and `tls`"),
        (Phase::Connect, 500..=599) => Sorted::new(Broken, "the server takes nothing from here"),
        (Phase::Login, 500..=599) => Sorted::new(Broken, "check `username` and `password`"),
        (Phase::Sender, 552) => Sorted::new(Refused, "the mail is too big"),
        (Phase::Sender, 500..=599) if says("5.3.4") => Sorted::new(Refused, "the mail is too big"),
        (Phase::Sender, 500..=599) => {
            Sorted::new(Broken, "the server does not take mail from `from`")
        }
        // Too many recipients in old servers, a full mailbox in others.
        (Phase::Recipient, 552) => later("the mailbox is full"),
        (Phase::Recipient, 500..=599) if says("5.2.2") => later("the mailbox is full"),
        (Phase::Recipient, 500..=599) => {
            Sorted::new(Refused, "this address gets no mail there: check `to`, `cc` and `bcc`")
        }
        (Phase::Data | Phase::Content, 500..=599) => {
            Sorted::new(Refused, "the server does not take this mail")
        }
        // A reply out of step: only after the content can it have cost us a mail.
        (Phase::Content, _) => Sorted::new(FailureKind::Unsure, "a reply that does not fit"),
        _ => later("a reply that does not fit"),
    }
}

/// Sorts a connection that was lost, or a reply that did not come.
pub fn sort_silence(phase: Phase) -> FailureKind {
    match phase {
        Phase::Content => FailureKind::Unsure,
        _ => FailureKind::LATER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_has_its_place() {
        use FailureKind::{Broken, Refused, Unsure};
        const LATER: FailureKind = FailureKind::LATER;
        let table = [
            (Phase::Connect, 421, "4.7.0 try again", LATER),
            (Phase::Connect, 554, "no service for you", Broken),
            (Phase::Login, 535, "5.7.8 bad credentials", Broken),
            (Phase::Login, 534, "5.7.9 needs an app password", Broken),
            (Phase::Login, 454, "4.7.0 temporary", LATER),
            (Phase::Login, 504, "5.5.4 no such mechanism", Broken),
            (Phase::Sender, 530, "5.7.0 STARTTLS first", Broken),
            (Phase::Sender, 550, "5.7.1 not your address", Broken),
            (Phase::Sender, 554, "email address is not verified", Broken),
            (Phase::Sender, 552, "5.3.4 too big", Refused),
            (Phase::Sender, 554, "5.3.4 too big", Refused),
            (Phase::Sender, 451, "", LATER),
            (Phase::Recipient, 450, "4.2.0 greylisted", LATER),
            (Phase::Recipient, 550, "5.1.1 no such user", Refused),
            (Phase::Recipient, 551, "user not local", Refused),
            (Phase::Recipient, 553, "5.1.3 bad address", Refused),
            (Phase::Recipient, 550, "5.2.2 over quota", LATER),
            (Phase::Recipient, 552, "mailbox full", LATER),
            (Phase::Recipient, 550, "5.7.1 policy", Refused),
            (Phase::Recipient, 550, "5.4.5 daily limit exceeded", LATER),
            (Phase::Data, 451, "", LATER),
            (Phase::Data, 554, "no valid recipients", Refused),
            (Phase::Data, 250, "out of step", LATER),
            (Phase::Content, 554, "5.7.1 looks like spam", Refused),
            (Phase::Content, 552, "5.3.4 too big", Refused),
            (Phase::Content, 452, "4.3.1 no storage", LATER),
            (Phase::Content, 454, "Throttling failure: Maximum sending rate exceeded.", LATER),
            (Phase::Content, 421, "closing", LATER),
            (Phase::Content, 354, "out of step", Unsure),
        ];

        for (phase, code, text, expected) in table {
            assert_eq!(sort_reply(phase, code, text).kind, expected, "{phase:?} {code} {text}");
        }
    }

    #[test]
    fn only_silence_after_the_mail_leaves_us_unsure() {
        assert_eq!(sort_silence(Phase::Data), FailureKind::LATER);
        assert_eq!(sort_silence(Phase::Content), FailureKind::Unsure);
    }
}
