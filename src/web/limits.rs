//! How long and how much a client may take, whoever it is.
//!
//! A connection that sends its headers slowly, its body slowly, or does not read its answer is
//! closed; a body is read to a limit; no more connections are served than memory is meant for.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::answer::Refusal;

/// Connections at once; more wait to be accepted.
pub(super) const MOST_CONNECTIONS: usize = 256;

/// For the whole head of a request, from the end of the one before it.
pub(super) const HEADERS_WITHIN: Duration = Duration::from_secs(10);

/// Of a request's head.
pub(super) const HEAD_MOST_BYTES: usize = 16 * 1024;
pub(super) const MOST_HEADERS: usize = 64;

/// For a request's body.
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// For an answer to be ready, a request's body included.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(30);

/// How long a client may read nothing of its answer.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// For answers under way when the service stops.
pub(super) const GRACE: Duration = Duration::from_secs(3);

/// Reads a body of at most `most` bytes.
pub(super) async fn body(head: &HeaderMap, body: Body, most: usize) -> Result<Bytes, Refusal> {
    let too_large = || {
        let detail = format!("the body is larger than {most} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let length = head.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > most) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_WITHIN, axum::body::to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
    }
}

/// A connection that fails when the other side reads nothing for long.
pub(super) struct Unstuck {
    stream: TcpStream,
    /// Runs while something waits to be written.
    patience: Pin<Box<Sleep>>,
    waiting: bool,
}

impl Unstuck {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream, patience: Box::pin(tokio::time::sleep(STUCK_AFTER)), waiting: false }
    }

    fn poll_unstuck<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        if !self.waiting {
            self.waiting = true;
            self.patience.as_mut().reset(Instant::now() + STUCK_AFTER);
        }
        ready!(self.patience.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Unstuck {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Unstuck {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.poll_unstuck(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.poll_unstuck(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
