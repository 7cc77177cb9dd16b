//! What an answer of any HTTP endpoint means. Pure.
//!
//! Standard Webhooks asks receivers for 2xx, and for 410 where nothing more should come. The
//! rest is common sense: an answer about us holds the notifier, one about the message does not.

use jiff::Timestamp;

use crate::deliver::answer::{Answer, sort_common};
use crate::deliver::outcome::{FailureKind, Sorted};

/// Sorts the answer to a message.
///
/// # Errors
/// What to do next.
pub fn sort(answer: &Answer, now: Timestamp) -> Result<(), Sorted> {
    if (200..300).contains(&answer.status) {
        return Ok(());
    }
    if let Some(sorted) = sort_common(answer, now) {
        return Err(sorted);
    }
    Err(match answer.status {
        401 | 403 | 407 => Sorted::new(
            FailureKind::Broken,
            "it does not let us in: check the headers, the secrets and the URL",
        ),
        404 => Sorted::new(FailureKind::Broken, "nothing is there: check the URL"),
        410 => Sorted::new(FailureKind::Broken, "it wants no more messages: take it out"),
        _ => Sorted::new(FailureKind::Refused, "it does not take this message"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_place() {
        use FailureKind::{Broken, Refused};
        let table: &[(&[u16], Option<FailureKind>)] = &[
            (&[200, 201, 202, 204, 299], None),
            (&[301, 302, 304, 307, 308], Some(Refused)),
            (&[400, 402, 405, 406, 409, 413, 415, 422, 451], Some(Refused)),
            (&[401, 403, 404, 407, 410], Some(Broken)),
            (&[408, 425, 429, 500, 502, 503, 504, 599], Some(FailureKind::LATER)),
        ];

        for (statuses, expected) in table {
            for status in *statuses {
                let answer = Answer { status: *status, ..Answer::default() };
                let kind = sort(&answer, Timestamp::UNIX_EPOCH).err().map(|sorted| sorted.kind);
                assert_eq!(kind, *expected, "{status}");
            }
        }
    }
}
