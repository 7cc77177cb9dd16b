//! What is remembered of a live message: where it is, and what it tells already. Pure.
//!
//! `slack`, `discord` and `email` put a place of their own into a [`Handle`]; the ledger keeps
//! its text and gives it back with the next envelope about the job.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::outcome::Receipt;
use crate::model::{EventKind, Live};

/// A live message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Handle<P> {
    /// Where its service has it.
    pub(super) at: P,
    /// Whether it tells the job's end.
    #[serde(default)]
    ended: bool,
    /// The end that was replied in its thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    replied: Option<String>,
}

impl<P: Serialize + DeserializeOwned> Handle<P> {
    /// A message that has just been posted.
    pub(super) fn new(at: P, live: &Live) -> Self {
        Self { at, ended: live.terminal, replied: None }
    }

    /// The message that is known; `None` where there is none, or where what was written down
    /// cannot be read, so that it is posted anew.
    pub(super) fn known(live: &Live) -> Option<Self> {
        serde_json::from_str(live.handle.as_ref()?).ok()
    }

    /// Whether the message tells the job's end and what is to be said now does not: an edit
    /// would make it run again.
    pub(super) fn is_over_for(&self, live: &Live) -> bool {
        self.ended && !live.terminal
    }

    /// Whether this end has not been replied yet.
    pub(super) fn lacks_reply(&self, kind: EventKind) -> bool {
        self.replied.as_deref() != Some(kind.as_str())
    }

    /// The same after an edit.
    #[must_use]
    pub(super) fn edited(self, live: &Live) -> Self {
        Self { ended: self.ended || live.terminal, ..self }
    }

    /// The same after a reply that tells this end.
    #[must_use]
    pub(super) fn replied(self, kind: EventKind) -> Self {
        Self { replied: Some(kind.as_str().to_owned()), ..self }
    }

    /// The words that the ledger keeps. `None`, which no place of ours gives, is nothing kept.
    pub(super) fn text(&self) -> Option<String> {
        serde_json::to_string(self).ok()
    }
}

/// The receipt of what need not be said: the message tells more already.
pub(super) fn nothing_to_say() -> Receipt {
    let answer = "nothing was sent: the job's message tells its end already".to_owned();
    Receipt { status: None, answer, pause: None, handle: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(handle: Option<String>, terminal: bool) -> Live {
        Live { handle, terminal, about: "Film: Import".into() }
    }

    #[test]
    fn a_handle_is_read_back_as_it_was_and_junk_is_none() {
        let handle = Handle::new("here".to_owned(), &live(None, true)).replied(EventKind::Failed);

        let known = Handle::<String>::known(&live(handle.text(), false));

        assert_eq!(known, Some(handle));
        for junk in ["", "{}", r#"{"at":5}"#, "null"] {
            assert_eq!(Handle::<String>::known(&live(Some(junk.into()), false)), None, "{junk}");
        }
    }

    #[test]
    fn a_message_that_tells_the_end_is_edited_only_by_an_end() {
        let (start, end) = (live(None, false), live(None, true));

        let running = Handle::new((), &start);
        let ended = running.clone().edited(&end);

        assert!(!running.is_over_for(&start) && !running.is_over_for(&end));
        assert!(ended.is_over_for(&start) && !ended.is_over_for(&end));
        assert!(ended.edited(&start).is_over_for(&start));
    }

    #[test]
    fn each_end_is_replied_once() {
        let handle = Handle::new((), &live(None, true));
        let replied = handle.clone().replied(EventKind::Vanished);

        assert!(handle.lacks_reply(EventKind::Vanished));
        assert!(!replied.lacks_reply(EventKind::Vanished));
        assert!(replied.lacks_reply(EventKind::Succeeded));
    }
}
