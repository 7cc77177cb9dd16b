//! The console: prints the message on standard output.
//!
//! For a first try and for `demo`. Terminal controls were taken out in `render`. Printing
//! happens on a thread of its own, since a reader that has stopped would hold up the others.

use std::fmt;
use std::io::{ErrorKind, Write};
use std::sync::Arc;

use tokio::sync::Mutex;

use super::outcome::{Failure, FailureKind, Receipt};
use crate::model::Message;

type Out = Box<dyn Write + Send>;

/// Standard output, or a stand-in.
#[derive(Clone)]
pub(super) struct Console {
    /// Waited for before a thread is taken, so that a stuck reader holds one and no more.
    out: Arc<Mutex<Out>>,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Console")
    }
}

impl Console {
    pub(super) fn stdout() -> Self {
        Self::on(std::io::stdout())
    }

    fn on(out: impl Write + Send + 'static) -> Self {
        Self { out: Arc::new(Mutex::new(Box::new(out))) }
    }

    pub(super) async fn send(&self, message: &Message) -> Result<Receipt, Failure> {
        let Message::Text(text) = message else {
            return Err(Failure::wrong_form("text"));
        };
        // One piece, so that nothing else comes in between.
        let line = format!("{}\n", text.trim_end());
        let mut out = Arc::clone(&self.out).lock_owned().await;
        let printed = tokio::task::spawn_blocking(move || {
            out.write_all(line.as_bytes())?;
            out.flush()
        })
        .await;
        match printed {
            Ok(Ok(())) => {
                Ok(Receipt { status: None, answer: "printed".into(), pause: None, handle: None })
            }
            Ok(Err(error)) => Err(sort(&error)),
            Err(_) => Err(Failure::new(FailureKind::LATER, "printing was broken off")),
        }
    }
}

fn sort(error: &std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => {
            Failure::new(FailureKind::Broken, "nobody reads standard output any more")
        }
        _ => {
            Failure::new(FailureKind::LATER, format!("standard output cannot be written: {error}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Fails with its kind, or keeps what it gets.
    struct Screen(Arc<Mutex<Vec<u8>>>, Option<ErrorKind>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            if let Some(kind) = self.1 {
                return Err(kind.into());
            }
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn failing(kind: ErrorKind) -> Console {
        Console::on(Screen(Arc::default(), Some(kind)))
    }

    #[tokio::test]
    async fn a_message_is_printed_with_one_line_end() {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let console = Console::on(Screen(Arc::clone(&kept), None));

        console.send(&Message::Text("one\ntwo\n\n".into())).await.unwrap();
        console.send(&Message::Text("three".into())).await.unwrap();

        assert_eq!(kept.lock().unwrap().as_slice(), b"one\ntwo\nthree\n");
    }

    #[tokio::test]
    async fn a_reader_that_has_gone_breaks_the_notifier_and_nothing_else() {
        let failure =
            failing(ErrorKind::BrokenPipe).send(&Message::Text("x".into())).await.unwrap_err();

        assert_eq!(failure.kind, FailureKind::Broken);
    }

    #[tokio::test]
    async fn a_busy_server_means_later_and_a_bad_request_means_never() {
        let busy = failing(ErrorKind::WouldBlock).send(&Message::Text("x".into())).await;
        let bad = Console::stdout().send(&Message::Json("{}".into())).await;

        assert_eq!(busy.unwrap_err().kind, FailureKind::LATER);
        assert_eq!(bad.unwrap_err().kind, FailureKind::Refused);
    }

    #[tokio::test]
    async fn no_error_and_no_debug_output_shows_the_secret() {
        // It has none; what it fails to print is not repeated either.
        let message = Message::Text("hunter2hunter2".into());

        let failure = failing(ErrorKind::WouldBlock).send(&message).await.unwrap_err();

        assert!(!format!("{failure:?} {failure}").contains("hunter2"));
    }
}
