//! Clients that are slow, too many or too much, on a bare socket.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::Stage;
use crate::support::bridge::Setup;
use crate::support::sink::Sink;

/// What the program gives a head and a body.
const WITHIN: Duration = Duration::from_secs(10);

/// How much longer a loaded machine may take.
const SLACK: Duration = Duration::from_secs(15);

async fn stage(sink: &Sink) -> Stage {
    let setup = Setup::everything_to(sink).source("callback_key = { env = \"KEY\" }");
    Stage::start(setup.var("KEY", "callback-key-0123456789")).await
}

const POST: &str =
    "POST /callback/main?key=callback-key-0123456789 HTTP/1.1\r\nhost: localhost\r\n";

#[tokio::test]
async fn a_connection_that_says_nothing_or_dribbles_is_closed() {
    let sink = Sink::start().await;
    let stage = stage(&sink).await;
    let started = Instant::now();

    let slow_body = format!("{POST}content-length: 100\r\n\r\n{{");
    let (silent, head, body, dribbled) = tokio::join!(
        stage.raw(b""),
        stage.raw(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx: "),
        stage.raw(slow_body.as_bytes()),
        dribble(&stage),
    );

    let took = started.elapsed();
    assert!(took >= WITHIN - Duration::from_secs(1) && took < WITHIN + SLACK, "{took:?}");
    assert!(silent.is_empty() || silent.starts_with("HTTP/1.1 408"), "{silent}");
    assert!(head.is_empty() || head.starts_with("HTTP/1.1 408"), "{head}");
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");
    assert!(dribbled < WITHIN + SLACK, "{dribbled:?}");
}

/// Sends a header a byte a second until it is cut off.
async fn dribble(stage: &Stage) -> Duration {
    let started = Instant::now();
    let mut stream = TcpStream::connect(&stage.address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nx: ").await.unwrap();
    let mut rest = [0; 256];
    loop {
        let pause = tokio::time::timeout(Duration::from_secs(1), stream.read(&mut rest));
        match pause.await {
            Ok(Ok(0) | Err(_)) => return started.elapsed(),
            Ok(Ok(_)) => {}
            Err(_) => {
                if stream.write_all(b"x").await.is_err() {
                    return started.elapsed();
                }
            }
        }
    }
}

#[tokio::test]
async fn a_flood_of_silent_connections_holds_others_up_for_seconds_only() {
    let sink = Sink::start().await;
    let stage = stage(&sink).await;
    let before = stage.program.memory_kib().0;
    let mut flood = Vec::new();
    for _ in 0..300 {
        flood.push(TcpStream::connect(&stage.address).await.unwrap());
    }

    let started = Instant::now();
    let answer = stage.get("/healthz").await;

    assert_eq!(answer.status(), 200);
    assert!(started.elapsed() < 2 * WITHIN + SLACK, "{:?}", started.elapsed());
    let grown = stage.program.memory_kib().0.saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB");
}

#[tokio::test]
async fn too_much_is_refused_before_it_is_read() {
    let sink = Sink::start().await;
    let stage = stage(&sink).await;
    let close = "connection: close\r\n";

    let large = stage.raw(format!("{POST}{close}content-length: 70000\r\n\r\n").as_bytes()).await;
    let chunk = format!("11000\r\n{}\r\n0\r\n\r\n", "x".repeat(0x11000));
    let chunked = format!("{POST}{close}transfer-encoding: chunked\r\n\r\n{chunk}");
    let chunked = stage.raw(chunked.as_bytes()).await;
    let packed = format!("{POST}{close}content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{{}}");
    let packed = stage.raw(packed.as_bytes()).await;
    let header = format!("GET /healthz HTTP/1.1\r\n{close}x: {}\r\n\r\n", "x".repeat(40_000));
    let header = stage.raw(header.as_bytes()).await;
    let many = "x: y\r\n".repeat(200);
    let many = stage.raw(format!("GET /healthz HTTP/1.1\r\n{close}{many}\r\n").as_bytes()).await;
    let nonsense = stage.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").await;

    assert!(large.starts_with("HTTP/1.1 413"), "{large}");
    assert!(chunked.starts_with("HTTP/1.1 413"), "{chunked}");
    assert!(packed.starts_with("HTTP/1.1 415"), "{packed}");
    assert!(header.starts_with("HTTP/1.1 431"), "{header}");
    assert!(many.starts_with("HTTP/1.1 431"), "{many}");
    assert!(nonsense.starts_with("HTTP/1.1 400"), "{nonsense}");
    assert_eq!(stage.get("/healthz").await.status(), 200);
}
