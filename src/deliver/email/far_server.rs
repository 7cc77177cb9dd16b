//! A scripted mail server for the tests of this folder: it answers each command with what the
//! script has for it, keeps the mails it takes, and can speak TLS.

use std::sync::{Arc, Mutex};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::deliver::http::install_crypto;

/// What a script may say instead of a reply.
pub const HANG_UP: &str = "hang up";
pub const SILENCE: &str = "silence";

#[derive(Debug, Clone, Default)]
pub struct Script {
    /// A command's beginning and the reply to it; `.` stands for the end of a mail. The first
    /// that fits is taken. What is missing is answered well.
    pub replies: Vec<(&'static str, &'static str)>,
    pub tls: Option<TlsFrom>,
    /// Commands after which the line is cut, without a word.
    pub mails_per_connection: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFrom {
    FirstByte,
    Starttls,
}

#[derive(Debug, Default)]
pub struct Kept {
    pub connections: usize,
    /// The mails, as they stood between `DATA` and the dot, dots unstuffed.
    pub mails: Vec<String>,
    pub commands: Vec<String>,
}

#[derive(Debug)]
pub struct FarServer {
    pub port: u16,
    kept: Arc<Mutex<Kept>>,
    _running: JoinSet<()>,
}

impl FarServer {
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let mut running = JoinSet::new();
        let keep = Arc::clone(&kept);
        running.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((line, _)) = listener.accept().await {
                keep.lock().unwrap().connections += 1;
                let (script, keep) = (script.clone(), Arc::clone(&keep));
                lines.spawn(async move {
                    let mut talk = Talk { script, keep, mails: 0 };
                    if talk.script.tls == Some(TlsFrom::FirstByte) {
                        if let Ok(line) = acceptor().accept(line).await {
                            talk.greet(line).await;
                        }
                    } else if let Some(line) = talk.greet(line).await {
                        // Only STARTTLS gives the line back.
                        if let Ok(line) = acceptor().accept(line).await {
                            talk.listen(BufReader::new(line)).await;
                        }
                    }
                });
            }
        });
        Self { port, kept, _running: running }
    }

    pub fn mails(&self) -> Vec<String> {
        self.kept.lock().unwrap().mails.clone()
    }

    pub fn commands(&self) -> Vec<String> {
        self.kept.lock().unwrap().commands.clone()
    }

    pub fn connections(&self) -> usize {
        self.kept.lock().unwrap().connections
    }
}

struct Talk {
    script: Script,
    keep: Arc<Mutex<Kept>>,
    mails: usize,
}

impl Talk {
    async fn greet<L: AsyncRead + AsyncWrite + Unpin>(&mut self, line: L) -> Option<L> {
        let mut line = BufReader::new(line);
        let greeting = self.reply_to("greeting", "220 far.example ESMTP");
        if !say(&mut line, &greeting).await {
            return None;
        }
        self.listen(line).await
    }

    async fn listen<L: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        mut line: BufReader<L>,
    ) -> Option<L> {
        loop {
            let mut command = String::new();
            if line.read_line(&mut command).await.unwrap_or(0) == 0 {
                return None;
            }
            let command = command.trim_end().to_owned();
            self.keep.lock().unwrap().commands.push(command.clone());
            let good = match command.split(' ').next().unwrap() {
                "EHLO" => "250-far.example\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN",
                "STARTTLS" => "220 go ahead",
                "AUTH" => "235 welcome",
                "DATA" => "354 go on",
                "QUIT" => "221 bye",
                _ => "250 2.0.0 fine",
            };
            let reply = self.reply_to(&command, good);
            if !say(&mut line, &reply).await {
                return None;
            }
            if command == "STARTTLS" && reply.starts_with("220") {
                return Some(line.into_inner());
            }
            if command == "DATA" && reply.starts_with("354") {
                let mail = read_mail(&mut line).await?;
                let reply = self.reply_to(".", "250 2.0.0 queued as 1");
                if reply.starts_with('2') {
                    self.keep.lock().unwrap().mails.push(mail);
                }
                if !say(&mut line, &reply).await {
                    return None;
                }
                self.mails += 1;
                if self.script.mails_per_connection == Some(self.mails) {
                    return None;
                }
            }
        }
    }

    fn reply_to(&self, command: &str, good: &str) -> String {
        let fitting = self.script.replies.iter().find(|(start, _)| command.starts_with(start));
        fitting.map_or(good, |(_, reply)| reply).to_owned()
    }
}

/// Whether the conversation goes on.
async fn say(line: &mut (impl AsyncRead + AsyncWrite + Unpin), reply: &str) -> bool {
    match reply {
        HANG_UP => false,
        SILENCE => {
            // Until the other side gives up.
            let _ = tokio::io::copy(line, &mut tokio::io::sink()).await;
            false
        }
        reply => line.write_all(format!("{reply}\r\n").as_bytes()).await.is_ok(),
    }
}

async fn read_mail(line: &mut (impl AsyncBufReadExt + Unpin)) -> Option<String> {
    let mut mail = String::new();
    loop {
        let mut row = String::new();
        if line.read_line(&mut row).await.ok()? == 0 {
            return None;
        }
        match row.strip_prefix('.') {
            Some("\r\n") => return Some(mail),
            Some(unstuffed) => mail.push_str(unstuffed),
            None => mail.push_str(&row),
        }
    }
}

/// Made for these tests alone: `localhost`, from 2020 to 2120.
const CERTIFICATE: &str = "\
    MIIBXzCCAQSgAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwIBcNMjAwMTAxMDAwMDAw\
    WhgPMjEyMDAxMDEwMDAwMDBaMBQxEjAQBgNVBAMMCWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IA\
    BO03lr4pq7F3l7D2U2zahJCbAbkE/p2iT4k1iYbAXc/81a6dwQRHbMX5g9qe8C8FMTr+LyYx2hsPB+j+5CUrZcOj\
    RTBDMBQGA1UdEQQNMAuCCWxvY2FsaG9zdDAMBgNVHRMBAf8EAjAAMB0GA1UdDgQWBBSubMD285+AASIIpvYdyMA8\
    1NuvBDAKBggqhkjOPQQDAgNJADBGAiEAi6sGZ/D0fStrUEjueypeuJvG1oFnCu5gy/Yw1F7n9yQCIQCf4W8yBYuB\
    ZLR/lPOIu6YgpCdkxKJVhmtY8tYRBW9PqQ==";
const KEY: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvQyVUZZ+CwORbwJcc30PPLYyVI+7NdaCA5IEi4g3\
    MZGhRANCAATtN5a+Kauxd5ew9lNs2oSQmwG5BP6dok+JNYmGwF3P/NWuncEER2zF+YPanvAvBTE6/i8mMdobDwfo\
    /uQlK2XD";

fn decoded(base64: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(base64).unwrap()
}

fn acceptor() -> TlsAcceptor {
    install_crypto();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(decoded(KEY)));
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(decoded(CERTIFICATE))], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// TLS that trusts the server of these tests, and nobody else.
pub fn trusting() -> Arc<ClientConfig> {
    install_crypto();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(decoded(CERTIFICATE))).unwrap();
    Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth())
}
