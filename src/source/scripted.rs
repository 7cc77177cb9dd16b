//! A small HTTP server for this room's tests: it answers as the test's script says.
//!
//! Each request takes a connection of its own. Raw answers are written as they are, so that a
//! script can also break off, stall or lie about its length.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::client::{Client, Limits};
use super::settings::{FirstRun, SourceSettings};
use crate::secret::{Redactor, Resolver, Secret, SecretSource};

/// The token that the clients made here send.
pub(super) const TOKEN: &str = "dsc_0123456789abcdef";

/// What the server does with one request.
pub(super) enum Reply {
    /// These bytes, then the connection is closed.
    Raw(Vec<u8>),
    /// These bytes, and then nothing more while the server lives.
    Stalled(Vec<u8>),
}

/// One request as it came.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The path with its query.
    pub(super) target: String,
    /// In lower case, as `name: value`.
    pub(super) headers: Vec<String>,
}

/// A running server; it stops when it is dropped.
pub(super) struct Scripted {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scripted {
    /// Starts a server that answers by `script`, which gets the request's number, from 0, and
    /// the request.
    pub(super) fn start(mut script: impl FnMut(usize, &Asked) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (list, stopped) = (Arc::clone(&asked), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            let mut stalled = Vec::new();
            for connection in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut connection) = connection else { return };
                let Some(request) = read_request(&connection) else { continue };
                let number = list.lock().unwrap().len();
                list.lock().unwrap().push(request.clone());
                match script(number, &request) {
                    Reply::Raw(bytes) => drop(connection.write_all(&bytes)),
                    Reply::Stalled(bytes) => {
                        drop(connection.write_all(&bytes));
                        stalled.push(connection);
                    }
                }
            }
        });
        Self { address, asked, stop, thread: Some(thread) }
    }

    /// Starts a server that always gives the same answer.
    pub(super) fn always(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |_, _| Reply::Raw(bytes.clone()))
    }

    /// The requests so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The paths with their queries so far.
    pub(super) fn targets(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).collect()
    }

    /// A source at this server.
    pub(super) fn settings(&self) -> SourceSettings {
        SourceSettings {
            name: "main".into(),
            token: SecretSource::Inline(Secret::new(TOKEN)),
            base_url: format!("http://{}/v1", self.address).parse().unwrap(),
            poll_interval: Duration::from_secs(15),
            idle_interval: Duration::from_secs(60),
            lookback: Duration::from_secs(7 * 86_400),
            first_run: FirstRun::Baseline,
            project_id: None,
            callback_key: None,
        }
    }

    /// A client that asks this server.
    pub(super) fn client(&self) -> Client {
        self.client_within(Limits::STANDARD)
    }

    pub(super) fn client_within(&self, limits: Limits) -> Client {
        build(limits, &self.settings()).unwrap()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the thread, which waits for a connection.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// Makes a client as [`Client::build`] does, with the crypto that `app` installs in earnest.
pub(super) fn build(
    limits: Limits,
    settings: &SourceSettings,
) -> Result<Client, super::BuildError> {
    drop(rustls::crypto::ring::default_provider().install_default());
    let resolver = Resolver::of_vars(&[], std::path::Path::new("/nowhere"));
    Client::build_within(limits, settings, &resolver, &mut Redactor::default())
}

/// A whole answer with the headers given.
pub(super) fn answer(status: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes = format!("HTTP/1.1 {status}\r\nconnection: close\r\n");
    for header in headers {
        bytes.push_str(header);
        bytes.push_str("\r\n");
    }
    bytes.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    let mut bytes = bytes.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A whole answer with status 200.
pub(super) fn ok(body: impl AsRef<[u8]>) -> Vec<u8> {
    answer("200 OK", &["content-type: application/json"], body)
}

fn read_request(connection: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(connection).lines();
    let target = lines.next()?.ok()?.split(' ').nth(1)?.to_owned();
    let mut headers = Vec::new();
    for line in lines {
        let line = line.ok()?;
        if line.is_empty() {
            return Some(Asked { target, headers });
        }
        headers.push(line.to_lowercase());
    }
    None
}
