//! A scripted HTTP server for this room's tests: it answers each connection with the next
//! reply, hangs, or cuts the line, and keeps what it was sent. Real sockets, no sleeping.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::Notifier;
use super::settings::{NotifierSettings, Pace, TypeSettings};
use crate::model::{DeliveryId, Envelope, EventKind};
use crate::secret::{Redactor, Resolver, Secret, SecretSource};

/// What the far side does with one connection.
#[derive(Debug, Clone)]
pub enum Reply {
    /// These bytes after the request was read.
    Bytes(Vec<u8>),
    /// The line is cut before anything is read.
    CutAtOnce,
    /// The line is cut after the request was read.
    CutAfterReading,
    /// These bytes, and then nothing more on an open line.
    Stall(Vec<u8>),
}

impl Reply {
    pub fn status(status: u16, body: &str) -> Self {
        Self::with_headers(status, &[], body.as_bytes())
    }

    pub fn with_headers(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        Self::Bytes([head.as_bytes(), body].concat())
    }
}

/// One request as it came.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Method and path with query.
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// The server; it stops when dropped.
#[derive(Debug)]
pub struct FarSide {
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
    _running: JoinSet<()>,
}

impl FarSide {
    /// Answers the first connection with the first reply, and so on; the last one stays.
    pub async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut running = JoinSet::new();
        let keep = Arc::clone(&seen);
        running.spawn(async move {
            let mut lines = JoinSet::new();
            let mut next = 0;
            while let Ok((line, _)) = listener.accept().await {
                let reply = replies[next.min(replies.len() - 1)].clone();
                next += 1;
                lines.spawn(serve(line, reply, Arc::clone(&keep)));
            }
        });
        Self { port, seen, _running: running }
    }

    pub async fn answering(status: u16, body: &str) -> Self {
        Self::start(vec![Reply::status(status, body)]).await
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve(mut line: TcpStream, reply: Reply, seen: Arc<Mutex<Vec<Seen>>>) {
    if matches!(reply, Reply::CutAtOnce) {
        return;
    }
    let Some(request) = read_request(&mut line).await else { return };
    seen.lock().unwrap().push(request);
    match reply {
        Reply::Bytes(bytes) => {
            // The client may stop reading in the middle.
            let _ = line.write_all(&bytes).await;
            let _ = line.shutdown().await;
        }
        Reply::Stall(bytes) => {
            let _ = line.write_all(&bytes).await;
            let _ = line.read(&mut [0; 1]).await;
        }
        Reply::CutAtOnce | Reply::CutAfterReading => {}
    }
}

async fn read_request(line: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        let mut chunk = [0; 4096];
        match line.read(&mut chunk).await {
            Ok(read @ 1..) => bytes.extend_from_slice(&chunk[..read]),
            _ => return None,
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.lines();
    let first = lines.next().unwrap();
    let headers: Vec<_> = lines
        .map(|line| line.split_once(": ").unwrap_or((line, "")))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = bytes[head_end + 4..].to_vec();
    while body.len() < length {
        let mut chunk = [0; 4096];
        match line.read(&mut chunk).await {
            Ok(read @ 1..) => body.extend_from_slice(&chunk[..read]),
            _ => return None,
        }
    }
    let line = first.trim_end_matches(" HTTP/1.1").to_owned();
    Some(Seen { line, headers, body: String::from_utf8(body).unwrap() })
}

/// A secret as the config may hold it.
pub fn inline(value: impl Into<String>) -> SecretSource {
    SecretSource::Inline(Secret::new(value))
}

/// Settings of a notifier called `it` with plenty of time.
pub fn settings(settings: TypeSettings) -> NotifierSettings {
    NotifierSettings {
        name: "it".into(),
        settings,
        timeout: std::time::Duration::from_secs(20),
        pace: Pace::Unlimited,
        retry_for: std::time::Duration::from_secs(60),
    }
}

/// Builds a notifier that must be right.
pub fn built(settings: &NotifierSettings) -> Notifier {
    Notifier::build(settings, &Resolver::default(), &mut Redactor::default()).unwrap()
}

/// An envelope for `recipient`, at a fixed time.
pub fn envelope_to(recipient: &str) -> Envelope {
    Envelope {
        delivery_id: DeliveryId::from_stored("0123456789abcdef01234567"),
        recipient: recipient.into(),
        kind: EventKind::Failed,
        now: "2026-11-23T15:13:00Z".parse().unwrap(),
        attempt: 1,
        thread: "main/job-1".into(),
        live: None,
    }
}

pub fn envelope() -> Envelope {
    envelope_to("")
}
