//! A real HTTP server on 127.0.0.1 that records every request and answers from a script.
//!
//! Written on a bare socket, so that it can also do what no proper server does: close before
//! it has read, after it has read, or in the middle of its answer. Without a script every
//! request gets a 200 with the body `ok`.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::PATIENCE;
use super::mood::Mood;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    pub method: String,
    /// With the query, as it stood in the request line.
    pub path: String,
    /// Names are lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub at: Instant,
    /// What it was to be answered with.
    pub answer: Answer,
}

impl Received {
    /// The header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|cause| panic!("no JSON ({cause}): {}", self.text()))
    }

    /// "succeeded", where the body is an event's document.
    pub fn kind(&self) -> String {
        self.json()["event"]["kind"].as_str().unwrap_or_default().to_owned()
    }

    /// The job that an event's document is about.
    pub fn job_id(&self) -> String {
        self.json()["job"]["job_id"].as_str().unwrap_or_default().to_owned()
    }
}

/// When the connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// It is kept for the next request.
    No,
    /// At once, with the request unread and unrecorded.
    Before,
    /// When the request was read and recorded, without an answer.
    AfterReading,
    /// With half of the answer's body sent.
    MidBody,
}

/// What a request is answered with.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub delay: Duration,
    pub close: Close,
}

impl Answer {
    pub fn ok() -> Self {
        Self::status(200).body("ok")
    }

    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
            delay: Duration::ZERO,
            close: Close::No,
        }
    }

    #[must_use]
    pub fn body(mut self, body: &str) -> Self {
        self.body = body.to_owned();
        self
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The answer comes so long after the request.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    #[must_use]
    pub fn closing(mut self, close: Close) -> Self {
        self.close = close;
        self
    }

    fn head(&self) -> String {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        head
    }
}

/// The server; dropping it closes every connection.
#[derive(Debug)]
pub struct Sink {
    address: SocketAddr,
    desk: Arc<Desk>,
    _serving: JoinSet<()>,
}

/// Where the answers come from that no script gives.
enum Usual {
    Always(Answer),
    Moody(Mood),
    /// From what was asked.
    By(Box<dyn FnMut(&Received) -> Answer + Send>),
}

impl std::fmt::Debug for Usual {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Always(_) => "always the same",
            Self::Moody(_) => "by chance",
            Self::By(_) => "by what was asked",
        })
    }
}

#[derive(Debug)]
struct Desk {
    /// Answers that are given once each, in this order.
    script: Mutex<VecDeque<Answer>>,
    /// What is answered when the script has ended.
    usual: Mutex<Usual>,
    received: watch::Sender<Vec<Received>>,
}

impl Sink {
    pub async fn start() -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap()).await
    }

    /// Begins to serve an address that was known before.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let desk = Arc::new(Desk {
            script: Mutex::default(),
            usual: Mutex::new(Usual::Always(Answer::ok())),
            received: watch::Sender::new(Vec::new()),
        });
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, desk.clone()));
        Self { address, desk, _serving: serving }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A URL of this server; `path` begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The answers to the next requests, one each.
    pub fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        self.desk.script.lock().unwrap().extend(answers);
    }

    /// The answer to every request that the script leaves.
    pub fn always(&self, answer: Answer) {
        *self.desk.usual.lock().unwrap() = Usual::Always(answer);
    }

    /// Every request that the script leaves is answered by chance from now on.
    pub fn moody(&self, mood: Mood) {
        *self.desk.usual.lock().unwrap() = Usual::Moody(mood);
    }

    /// Every request that the script leaves is answered by what it asks for.
    pub fn answer_by(&self, answer: impl FnMut(&Received) -> Answer + Send + 'static) {
        *self.desk.usual.lock().unwrap() = Usual::By(Box::new(answer));
    }

    /// Everything that has come so far.
    pub fn received(&self) -> Vec<Received> {
        self.desk.received.borrow().clone()
    }

    /// What has come since there were so many requests.
    pub fn since(&self, count: usize) -> Vec<Received> {
        self.desk.received.borrow().get(count..).unwrap_or_default().to_vec()
    }

    pub fn count(&self) -> usize {
        self.desk.received.borrow().len()
    }

    /// The bodies so far, as JSON.
    pub fn bodies(&self) -> Vec<Value> {
        self.received().iter().map(Received::json).collect()
    }

    /// The events' kinds so far.
    pub fn kinds(&self) -> Vec<String> {
        self.received().iter().map(Received::kind).collect()
    }

    /// Waits until so many requests have come in all, and returns them.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        self.wait_until(&format!("{count} requests"), |all| all.len() >= count).await
    }

    /// Waits until the requests so far are as `enough` wants them, and returns them.
    ///
    /// # Panics
    /// When that takes too long; the message shows what came.
    pub async fn wait_until(
        &self,
        what: &str,
        enough: impl Fn(&[Received]) -> bool,
    ) -> Vec<Received> {
        let mut received = self.desk.received.subscribe();
        let waited = tokio::time::timeout(PATIENCE, received.wait_for(|all| enough(all))).await;
        match waited {
            Ok(all) => all.unwrap().clone(),
            Err(_) => {
                let came: Vec<String> = self.received().iter().map(told).collect();
                panic!("no {what} in {PATIENCE:?}; what came: {came:#?}")
            }
        }
    }
}

impl Desk {
    /// The answer to a request that has not been read; `None` where it depends on that.
    fn answer(&self) -> Option<Answer> {
        if let Some(scripted) = self.script.lock().unwrap().pop_front() {
            return Some(scripted);
        }
        match &mut *self.usual.lock().unwrap() {
            Usual::Always(answer) => Some(answer.clone()),
            Usual::Moody(mood) => Some(mood.answer()),
            Usual::By(_) => None,
        }
    }

    fn answer_to(&self, request: &Received) -> Answer {
        match &mut *self.usual.lock().unwrap() {
            Usual::By(answer) => answer(request),
            _ => Answer::ok(),
        }
    }
}

fn told(request: &Received) -> String {
    format!("{} {} {}", request.method, request.path, request.text())
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let desk = desk.clone();
        connections.spawn(async move {
            // A client that goes away ends its connection; what it sent is recorded.
            let _ = serve(stream, &desk).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, desk: &Desk) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    loop {
        if stream.fill_buf().await?.is_empty() {
            return Ok(());
        }
        let known = desk.answer();
        if known.as_ref().is_some_and(|answer| answer.close == Close::Before) {
            return Ok(());
        }
        let answer = known.clone().unwrap_or_else(Answer::ok);
        let mut request = read_request(&mut stream, answer).await?;
        if known.is_none() {
            request.answer = desk.answer_to(&request);
        }
        let answer = request.answer.clone();
        desk.received.send_modify(|all| all.push(request));
        if answer.close == Close::AfterReading {
            return Ok(());
        }
        tokio::time::sleep(answer.delay).await;
        let body = answer.body.as_bytes();
        let sent = if answer.close == Close::MidBody { &body[..body.len() / 2] } else { body };
        stream.write_all(answer.head().as_bytes()).await?;
        stream.write_all(sent).await?;
        stream.flush().await?;
        if answer.close == Close::MidBody {
            return Ok(());
        }
    }
}

async fn read_request(
    stream: &mut BufReader<TcpStream>,
    answer: Answer,
) -> std::io::Result<Received> {
    let first = read_line(stream).await?;
    let mut words = first.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    let (method, path) = (word(), word());
    let mut headers = Vec::new();
    loop {
        let line = read_line(stream).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length = length.map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Received { method, path, headers, body, at: Instant::now(), answer })
}

async fn read_line(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    if !line.ends_with('\n') {
        // Whoever sent it was cut short, and so is the request.
        return Err(ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}
