//! The line to a mail server: bytes, bounded, and encrypted before anybody logs in.
//!
//! lettre's own connect sets no `nodelay`, bounds no reply and would go on reading what stood
//! in its buffer before STARTTLS. So the socket, its first words and its TLS are made here, and
//! lettre takes over a line that is ready. `session` is the only user.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, Error as TlsError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A reply before TLS is a few lines.
const REPLY_BYTES: usize = 16 * 1024;

/// All that a server may say on one connection: far more than a session's mails need, and an
/// end for one that never stops talking.
const CONNECTION_BYTES: usize = 4 * 1024 * 1024;

/// The greeting that lettre waits for on a line whose real one has been read.
const READY: &[u8] = b"220 ready\r\n";

/// Why there is no encrypted line.
#[derive(Debug)]
pub(super) enum NoLine {
    /// The connection was refused or lost.
    Io(io::Error),
    /// The server said so.
    Reply(u16, String),
    /// The server does not offer STARTTLS, or its certificate is not to be trusted.
    Unsafe(String),
}

/// A line to the server.
pub(super) struct Wire {
    stream: Stream,
    peer: SocketAddr,
    /// What is read before anything from the server.
    pretended: &'static [u8],
    left: usize,
}

enum Stream {
    Plain(TcpStream),
    Encrypted(Box<TlsStream<TcpStream>>),
}

impl Wire {
    /// A connection without delays.
    pub(super) async fn connect(host: &str, port: u16) -> Result<Self, NoLine> {
        let stream = TcpStream::connect((host, port)).await.map_err(NoLine::Io)?;
        stream.set_nodelay(true).map_err(NoLine::Io)?;
        let peer = stream.peer_addr().map_err(NoLine::Io)?;
        Ok(Self { stream: Stream::Plain(stream), peer, pretended: b"", left: CONNECTION_BYTES })
    }

    /// TLS from the first byte.
    pub(super) async fn encrypted(
        mut self,
        tls: &Arc<ClientConfig>,
        host: &str,
    ) -> Result<Self, NoLine> {
        if let Stream::Plain(stream) = self.stream {
            let name = ServerName::try_from(host.to_owned())
                .map_err(|_| NoLine::Unsafe(format!("`{host}` is no name for a certificate")))?;
            let connector = TlsConnector::from(Arc::clone(tls));
            let stream = connector.connect(name, stream).await.map_err(tls_fault)?;
            self.stream = Stream::Encrypted(Box::new(stream));
        }
        Ok(self)
    }

    /// TLS by STARTTLS. Nothing else is said before it, and what the server says too early is
    /// not believed.
    pub(super) async fn upgraded(
        mut self,
        tls: &Arc<ClientConfig>,
        host: &str,
        hello: &str,
    ) -> Result<Self, NoLine> {
        self.expect_reply(None, 220).await?;
        let offers = self.expect_reply(Some(&format!("EHLO {hello}")), 250).await?;
        if !offers.lines().any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
            return Err(NoLine::Unsafe("the server does not offer STARTTLS".into()));
        }
        self.expect_reply(Some("STARTTLS"), 220).await?;
        let mut encrypted = self.encrypted(tls, host).await?;
        encrypted.pretended = READY;
        Ok(encrypted)
    }

    /// Says something and reads the reply's texts, a line each.
    async fn expect_reply(&mut self, command: Option<&str>, wanted: u16) -> Result<String, NoLine> {
        if let Some(command) = command {
            let line = format!("{command}\r\n");
            self.write_all(line.as_bytes()).await.map_err(NoLine::Io)?;
        }
        let mut bytes = Vec::new();
        while !is_whole_reply(&bytes) {
            let read = self.read_buf(&mut bytes).await.map_err(NoLine::Io)?;
            if read == 0 || bytes.len() > REPLY_BYTES {
                let what = if read == 0 { "the server hung up" } else { "a reply without an end" };
                return Err(NoLine::Io(io::Error::other(what)));
            }
        }
        let reply = String::from_utf8_lossy(&bytes);
        let code = reply.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
        let ends = reply.lines().filter(|line| is_last_line(line.as_bytes())).count();
        let texts: Vec<&str> = reply.lines().filter_map(|line| line.get(4..)).collect();
        if code == wanted && ends == 1 {
            Ok(texts.join("\n"))
        } else if ends > 1 {
            Err(NoLine::Unsafe("the server answered what was not asked yet".into()))
        } else {
            Err(NoLine::Reply(code, texts.join(" ")))
        }
    }
}

fn is_whole_reply(bytes: &[u8]) -> bool {
    let Some(lines) = bytes.strip_suffix(b"\n") else { return false };
    lines.split(|byte| *byte == b'\n').any(is_last_line)
}

/// All lines of a reply but the last have a hyphen after the code.
fn is_last_line(line: &[u8]) -> bool {
    !line.is_empty() && line.get(3) != Some(&b'-')
}

fn tls_fault(error: io::Error) -> NoLine {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<TlsError>()) {
        Some(TlsError::InvalidCertificate(why)) => {
            NoLine::Unsafe(format!("the server's certificate is not valid: {why}"))
        }
        _ => NoLine::Io(error),
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire({})", self.peer)
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.pretended.is_empty() {
            let (now, rest) = self.pretended.split_at(self.pretended.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.pretended = rest;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let polled = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Encrypted(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        let read = buffer.filled().len() - before;
        match self.left.checked_sub(read) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Err(io::Error::other("the server never stops talking"))),
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Encrypted(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Encrypted(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Encrypted(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
