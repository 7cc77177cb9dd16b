//! Pages behind a proxy, below a path of its own.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::browser::Browser;
use crate::support::bridge::Setup;
use crate::support::sink::Sink;
use crate::support::stage::with_one_dead_delivery;

/// A proxy that knows one prefix, takes it off, and passes on what is below it.
struct Proxy {
    address: SocketAddr,
    /// Paths that were asked for outside the prefix.
    strays: Arc<Mutex<Vec<String>>>,
    _serving: JoinSet<()>,
}

impl Proxy {
    async fn start(prefix: &'static str, upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let strays = Arc::new(Mutex::new(Vec::new()));
        let mut serving = JoinSet::new();
        let seen = strays.clone();
        serving.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (upstream, seen) = (upstream.clone(), seen.clone());
                connections.spawn(async move {
                    // Whichever side goes away first ends it.
                    let _ = pass_on(stream, prefix, &upstream, &seen).await;
                });
            }
        });
        Self { address, strays, _serving: serving }
    }
}

/// Serves one request; the next one has a connection of its own.
async fn pass_on(
    stream: TcpStream,
    prefix: &str,
    upstream: &str,
    strays: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let Some(below) = path.strip_prefix(prefix).filter(|rest| rest.starts_with('/')) else {
        strays.lock().unwrap().push(path);
        return stream.write_all(b"HTTP/1.1 404 Stray\r\ncontent-length: 0\r\n\r\n").await;
    };
    let head = head.replacen(&path, below, 1);
    let head = head.replace("Connection: keep-alive\r\n", "Connection: close\r\n");
    let mut other = TcpStream::connect(upstream).await?;
    other.write_all(head.as_bytes()).await?;
    tokio::io::copy_bidirectional(&mut stream, &mut other).await?;
    stream.shutdown().await?;
    stream.read(&mut [0]).await.map(|_| ())
}

#[tokio::test]
async fn behind_a_proxy_every_link_and_form_stays_below_its_path() {
    let sink = Sink::start().await;
    let setup = Setup::everything_to(&sink)
        .service("base_path = \"/notify\"\nadmin_token = { env = \"ADMIN\" }")
        .var("ADMIN", "admin-token-0123456789");
    let (stage, id) = with_one_dead_delivery(&sink, setup).await;
    let proxy = Proxy::start("/notify", stage.address.clone()).await;
    let home = format!("http://{}/notify", proxy.address);
    let Some(browser) = Browser::open(&home).await else { return };

    browser.go("/").await;
    browser.until_shown("#live", "Live").await;
    browser.click(".top a[href$='/login']").await;
    browser.type_into("#token", "admin-token-0123456789").await;
    browser.click("main button").await;
    browser.click("#unsent a").await;
    browser.until_shown("#live", "Live").await;
    assert!(browser.path().await.starts_with("/jobs/main/"));
    browser.click(&format!("#retry-{id}")).await;
    browser.until_shown("#said", "sent").await;
    assert!(browser.path().await.starts_with("/jobs/main/"));
    browser.click("main a").await;
    browser.until_shown("#settled", "failed: Spring launch").await;

    let outside = "[...document.links].map(it => it.pathname)\
        .concat([...document.forms].map(it => new URL(it.action).pathname))\
        .filter(path => !path.startsWith('/notify/'))";
    assert_eq!(browser.value(outside).await, serde_json::json!([]));
    assert_eq!(*proxy.strays.lock().unwrap(), Vec::<String>::new());
    browser.close().await;
}
