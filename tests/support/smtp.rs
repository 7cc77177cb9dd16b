//! A real mail server on 127.0.0.1 that keeps every mail and answers from a script.
//!
//! It speaks as much SMTP as a client without TLS needs. A script replaces the reply of one
//! step (a refused recipient, a wrong password, a connection that dies after the mail was
//! sent); what is not scripted goes well.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use mail_parser::MessageParser;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::PATIENCE;

/// A step whose reply can be scripted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    Greeting,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// After the final dot.
    Body,
}

/// The reply to a step.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A line without its ending, like "550 5.1.1 no such user".
    Line(&'static str),
    /// The connection is closed instead. After the body, the mail is kept all the same.
    HangUp,
}

/// One transaction that reached its final dot.
#[derive(Debug, Clone)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// Everything between DATA and the dot, unstuffed.
    pub raw: String,
    /// Counts the connections, from 1.
    pub connection: usize,
    /// Whether it was answered with the usual 250.
    pub accepted: bool,
    pub at: Instant,
}

impl Mail {
    /// A header, unfolded and decoded.
    pub fn header(&self, name: &str) -> Option<String> {
        let message = MessageParser::default().parse(self.raw.as_bytes())?;
        let raw = message.header_raw(name)?.split_whitespace().collect::<Vec<_>>().join(" ");
        match name {
            "Subject" => message.subject().map(str::to_owned),
            _ => Some(raw),
        }
    }

    pub fn text(&self) -> String {
        let message = MessageParser::default().parse(self.raw.as_bytes()).unwrap();
        message.body_text(0).unwrap_or_default().into_owned()
    }

    pub fn html(&self) -> String {
        let message = MessageParser::default().parse(self.raw.as_bytes()).unwrap();
        message.body_html(0).unwrap_or_default().into_owned()
    }
}

/// The server; dropping it closes every connection.
#[derive(Debug)]
pub struct SmtpSink {
    address: SocketAddr,
    desk: Arc<Desk>,
    _serving: JoinSet<()>,
}

#[derive(Debug)]
struct Desk {
    /// User and password without which no mail is taken.
    account: Option<(String, String)>,
    script: Mutex<HashMap<Step, VecDeque<Reply>>>,
    logins: AtomicUsize,
    mails: watch::Sender<Vec<Mail>>,
}

impl SmtpSink {
    /// A server that takes mail from anybody.
    pub async fn start() -> Self {
        Self::serving(None).await
    }

    /// A server that wants this user and password first.
    pub async fn with_account(user: &str, password: &str) -> Self {
        Self::serving(Some((user.to_owned(), password.to_owned()))).await
    }

    async fn serving(account: Option<(String, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mails = watch::Sender::new(Vec::new());
        let desk = Arc::new(Desk {
            account,
            script: Mutex::default(),
            logins: AtomicUsize::new(0),
            mails,
        });
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, desk.clone()));
        Self { address, desk, _serving: serving }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Replaces the next replies of a step.
    pub fn script(&self, step: Step, replies: impl IntoIterator<Item = Reply>) {
        self.desk.script.lock().unwrap().entry(step).or_default().extend(replies);
    }

    /// Everything goes well from now on.
    pub fn forget_script(&self) {
        self.desk.script.lock().unwrap().clear();
    }

    /// The mails so far, refused ones included.
    pub fn mails(&self) -> Vec<Mail> {
        self.desk.mails.borrow().clone()
    }

    /// How often somebody has begun to log in.
    pub fn logins(&self) -> usize {
        self.desk.logins.load(Ordering::Relaxed)
    }

    /// Waits until so many mails have come in all, and returns them.
    ///
    /// # Panics
    /// When that takes too long; the message shows what came.
    pub async fn wait_for(&self, count: usize) -> Vec<Mail> {
        let mut mails = self.desk.mails.subscribe();
        match tokio::time::timeout(PATIENCE, mails.wait_for(|all| all.len() >= count)).await {
            Ok(all) => all.unwrap().clone(),
            Err(_) => panic!("no {count} mails in {PATIENCE:?}: {:#?}", self.mails()),
        }
    }
}

async fn accept(listener: TcpListener, desk: Arc<Desk>) {
    let mut connections = JoinSet::new();
    for number in 1.. {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let desk = desk.clone();
        connections.spawn(async move {
            let mut talk = Talk { stream: BufReader::new(stream), desk, number, authorised: false };
            // A client that goes away ends its connection, nothing more.
            let _ = talk.serve().await;
        });
        while connections.try_join_next().is_some() {}
    }
}

struct Talk {
    stream: BufReader<TcpStream>,
    desk: Arc<Desk>,
    number: usize,
    authorised: bool,
}

/// The connection is over.
struct Over;

impl From<std::io::Error> for Over {
    fn from(_: std::io::Error) -> Self {
        Self
    }
}

impl Talk {
    async fn serve(&mut self) -> Result<(), Over> {
        self.stream.get_ref().set_nodelay(true)?;
        self.reply(Step::Greeting, "220 sink ready").await?;
        let (mut from, mut to) = (String::new(), Vec::new());
        loop {
            let line = self.line().await?;
            let command = line.to_ascii_uppercase();
            if command.starts_with("EHLO") {
                self.say("250-sink\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME").await?;
            } else if command.starts_with("AUTH") {
                self.auth(&line).await?;
            } else if command.starts_with("MAIL FROM:") {
                if self.desk.account.is_some() && !self.authorised {
                    self.say("530 5.7.0 authentication required").await?;
                    continue;
                }
                (from, to) = (address(&line), Vec::new());
                self.reply(Step::Mail, "250 2.1.0 go on").await?;
            } else if command.starts_with("RCPT TO:") {
                if self.reply(Step::Rcpt, "250 2.1.5 go on").await? {
                    to.push(address(&line));
                }
            } else if command == "DATA" {
                if self.reply(Step::Data, "354 end with a dot").await? {
                    self.take(from.clone(), std::mem::take(&mut to)).await?;
                }
            } else if command == "QUIT" {
                self.say("221 2.0.0 bye").await?;
                return Ok(());
            } else {
                // HELO, RSET, NOOP
                self.say("250 2.0.0 ok").await?;
            }
        }
    }

    async fn auth(&mut self, line: &str) -> Result<(), Over> {
        self.desk.logins.fetch_add(1, Ordering::Relaxed);
        let mut words = line.split(' ').skip(1);
        let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
        let given = if mechanism == "LOGIN" {
            let user = self.ask("334 VXNlcm5hbWU6").await?;
            let password = self.ask("334 UGFzc3dvcmQ6").await?;
            (user, password)
        } else {
            let packed = match words.next() {
                Some(packed) => decoded(packed),
                None => self.ask("334 ").await?,
            };
            let mut parts = packed.split('\0').skip(1).map(str::to_owned);
            (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
        };
        if self.desk.account.as_ref().is_some_and(|account| *account != given) {
            return self.say("535 5.7.8 bad credentials").await;
        }
        self.authorised = self.reply(Step::Auth, "235 2.7.0 welcome").await?;
        Ok(())
    }

    async fn take(&mut self, from: String, to: Vec<String>) -> Result<(), Over> {
        let mut raw = String::new();
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Err(Over);
            }
            if line == ".\r\n" {
                break;
            }
            raw.push_str(line.strip_prefix('.').unwrap_or(&line));
        }
        let scripted = self.scripted(Step::Body);
        let accepted = scripted.is_none();
        let at = Instant::now();
        let mail = Mail { from, to, raw, connection: self.number, accepted, at };
        self.desk.mails.send_modify(|all| all.push(mail));
        match scripted {
            None => self.say("250 2.0.0 taken").await,
            Some(Reply::Line(line)) => self.say(line).await,
            Some(Reply::HangUp) => Err(Over),
        }
    }

    /// Gives the scripted reply or the usual one; false when a scripted one refuses.
    async fn reply(&mut self, step: Step, usual: &str) -> Result<bool, Over> {
        match self.scripted(step) {
            None => self.say(usual).await.map(|()| true),
            Some(Reply::Line(line)) => self.say(line).await.map(|()| line.starts_with(['2', '3'])),
            Some(Reply::HangUp) => Err(Over),
        }
    }

    fn scripted(&self, step: Step) -> Option<Reply> {
        self.desk.script.lock().unwrap().get_mut(&step)?.pop_front()
    }

    async fn ask(&mut self, prompt: &str) -> Result<String, Over> {
        self.say(prompt).await?;
        self.line().await.map(|line| decoded(&line))
    }

    async fn say(&mut self, line: &str) -> Result<(), Over> {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.stream.flush().await?;
        Ok(())
    }

    async fn line(&mut self) -> Result<String, Over> {
        let mut line = String::new();
        match self.stream.read_line(&mut line).await? {
            0 => Err(Over),
            _ => Ok(line.trim_end().to_owned()),
        }
    }
}

/// What stands between the angle brackets.
fn address(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or(String::new(), |(address, _)| address.to_owned())
}

fn decoded(packed: &str) -> String {
    String::from_utf8(BASE64_STANDARD.decode(packed).unwrap_or_default()).unwrap_or_default()
}
