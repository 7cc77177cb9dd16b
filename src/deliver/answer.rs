//! What a service answered over HTTP, ready to be sorted. Pure.
//!
//! Each service's `sort.rs` reads an [`Answer`] and says what to do next. [`tidy`] makes text
//! from outside fit for a log, the ledger and a terminal. Getting the answer is `http`'s part.

use std::time::Duration;

use jiff::Timestamp;

use super::outcome::{Failure, FailureKind, Receipt, Sorted};
use super::retry::parse_retry_after;
use crate::secret::Redactor;

/// As much of a foreign text as is kept, in bytes.
pub const KEPT_BYTES: usize = 1024;

/// One answer over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Names are in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Whether the whole body came.
    pub complete: bool,
}

impl Answer {
    /// The first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The wait that `Retry-After` names.
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        parse_retry_after(self.header("retry-after")?, now)
    }

    /// The receipt, or the failure that `sorted` makes of it, with the service's words.
    pub(super) fn settle(
        &self,
        service: &str,
        sorted: Result<(), Sorted>,
        redactor: &Redactor,
    ) -> Result<Receipt, Failure> {
        let status = Some(i32::from(self.status));
        let answer = tidy(&self.body, redactor);
        let Err(Sorted { kind, hint }) = sorted else {
            return Ok(Receipt { status, answer, pause: None, handle: None });
        };
        let mut reason = format!("{service} answered {}", self.status);
        for part in [hint, answer.as_str()].into_iter().filter(|part| !part.is_empty()) {
            reason.push_str(": ");
            reason.push_str(part);
        }
        Err(Failure { kind, status, reason, pause: None })
    }
}

/// Sorts what means the same everywhere: a busy or a failing server, and a redirect. `wait` is
/// the one that the service named. `None`: the service's own table decides.
pub(super) fn sort_common(answer: &Answer, wait: Option<Duration>) -> Option<Sorted> {
    let kind = FailureKind::after(wait);
    match answer.status {
        408 | 425 => Some(Sorted::new(kind, "")),
        429 => Some(Sorted::new(kind, "too many messages")),
        500..=599 => Some(Sorted::new(kind, "the server has a fault of its own")),
        300..=399 => Some(Sorted::new(
            FailureKind::Refused,
            "a redirect, which is not followed: put the final URL into the config",
        )),
        _ => None,
    }
}

/// Takes the secrets out, shows control characters instead of sending them to a terminal, and
/// cuts to [`KEPT_BYTES`]. In this order: half a secret would not be recognised.
pub(super) fn tidy(text: &str, redactor: &Redactor) -> String {
    let mut tidied = String::new();
    if text.is_empty() {
        return tidied;
    }
    for c in redactor.clean(text).trim().chars() {
        let before = tidied.len();
        match c {
            '\n' | '\r' | '\t' => tidied.push(' '),
            c if c.is_control() || is_invisible(c) => tidied.extend(c.escape_unicode()),
            c => tidied.push(c),
        }
        if tidied.len() > KEPT_BYTES - '…'.len_utf8() {
            tidied.truncate(before);
            tidied.push('…');
            break;
        }
    }
    tidied
}

/// Characters that nobody sees and that turn the direction of text, end a line, or make a text
/// look like another one. The joiners U+200C and U+200D stay: scripts and emoji need them.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::Secret;

    #[test]
    fn a_foreign_text_cannot_steer_a_terminal_nor_show_a_secret() {
        let mut redactor = Redactor::default();
        redactor.learn(&Secret::new("hunter2hunter2"));

        let tidied = tidy(" a\u{1b}]0;x\u{7}\nb \u{202e}hunter2hunter2 ", &redactor);

        assert_eq!(tidied, r"a\u{1b}]0;x\u{7} b \u{202e}***");
    }

    #[test]
    fn a_secret_at_the_border_is_taken_out_whole() {
        let mut redactor = Redactor::default();
        redactor.learn(&Secret::new("hunter2hunter2"));
        let text = format!("{}hunter2hunter2", "x".repeat(KEPT_BYTES - 8));

        let tidied = tidy(&text, &redactor);

        assert!(!tidied.contains("hun"), "{tidied}");
    }

    #[test]
    fn a_redirect_is_refused_with_its_remedy_and_a_named_wait_is_no_failed_attempt() {
        let at = |status| Answer { status, ..Answer::default() };
        let wait = Some(Duration::from_secs(7));

        let moved = sort_common(&at(302), None).unwrap();
        let named = sort_common(&at(503), wait).unwrap();

        assert_eq!(moved.kind, FailureKind::Refused);
        assert_eq!(named.kind, FailureKind::Later { wait, counts: false });
        assert_eq!(sort_common(&at(500), None).unwrap().kind, FailureKind::LATER);
        assert_eq!(sort_common(&at(400), None), None);
    }

    proptest! {
        #[test]
        fn a_tidied_text_is_short_and_has_no_control_characters(text in "\\PC{0,900}|(?s).{0,900}") {
            let tidied = tidy(&text, &Redactor::default());

            prop_assert!(tidied.len() <= KEPT_BYTES);
            prop_assert!(!tidied.chars().any(|c| c.is_control() || is_invisible(c)));
        }
    }
}
