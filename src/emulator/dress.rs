//! From an answer to the HTTP response that carries it, broken or whole.
//!
//! A cut body names its full length and ends halfway, so that the connection has to be closed; a
//! slow one comes in pieces; a huge one is streamed, so that only the reader can run out of memory.

use std::future::Future;
use std::io::{Error, ErrorKind, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_core::Stream;
use jiff::Timestamp;
use tokio::time::{Sleep, sleep};

use super::answer::{Answer, Payload};
use super::api::http_date;
use super::desk::Effects;
use super::fault::FaultKind;

/// How many pieces a slow body comes in.
const SLOW_PIECES: usize = 10;

/// Gives the first half of a cut body time to leave before the connection is closed.
const BEFORE_THE_CUT: Duration = Duration::from_millis(10);

const MIB: usize = 1024 * 1024;

/// What is put round the padding of a huge body: valid JSON, if anybody reads it to the end.
const PADDED: (&str, &str) = ("{\"data\":[],\"pagination\":{},\"padding\":\"", "\"}");

/// Makes the response.
pub(super) fn response(answer: Answer, effects: &Effects, now: Timestamp) -> Response {
    let mut headers = HeaderMap::new();
    let date = now.saturating_add(effects.skew).unwrap_or(now);
    put(&mut headers, DATE, &http_date(date));
    if !answer.content_type.is_empty() {
        let name = effects.content_type.as_deref().unwrap_or(answer.content_type);
        put(&mut headers, CONTENT_TYPE, name);
    }
    for (name, value) in &answer.headers {
        put(&mut headers, HeaderName::from_static(name), value);
    }
    let body = match answer.payload {
        Payload::Text(text) => text_body(text, effects, &mut headers),
        Payload::Huge { mib } => huge(mib),
        Payload::Bomb { mib } => {
            put(&mut headers, CONTENT_ENCODING, "gzip");
            bomb(mib)
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *response.headers_mut() = headers;
    response
}

fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // A value that no header can hold is left out; faults check theirs when they are read.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn text_body(text: String, effects: &Effects, headers: &mut HeaderMap) -> Body {
    let mut bytes = Bytes::from(text);
    if effects.gzip && !bytes.is_empty() {
        bytes = gzip(&bytes);
        put(headers, CONTENT_ENCODING, "gzip");
    }
    let cut = effects.spoilt == Some(FaultKind::Cut) && !bytes.is_empty();
    if !cut && effects.slow.is_none() {
        return Body::from(bytes);
    }
    put(headers, CONTENT_LENGTH, &bytes.len().to_string());
    if cut {
        bytes.truncate(bytes.len() / 2);
    }
    let mut pieces = Vec::new();
    match effects.slow {
        None => pieces.push(Piece::Bytes(bytes)),
        Some(pause) => {
            let size = bytes.len().div_ceil(SLOW_PIECES).max(1);
            while !bytes.is_empty() {
                pieces.push(Piece::Pause(pause));
                pieces.push(Piece::Bytes(bytes.split_to(size.min(bytes.len()))));
            }
        }
    }
    if cut {
        pieces.push(Piece::Pause(BEFORE_THE_CUT));
        pieces.push(Piece::Cut);
    }
    Drip::body(pieces.into_iter())
}

fn huge(mib: u32) -> Body {
    Drip::body(padded(mib).map(Piece::Bytes))
}

/// Packed as it goes, in one stream: many clients stop at the end of the first.
fn bomb(mib: u32) -> Body {
    let mut encoder = Some(GzEncoder::new(Vec::new(), Compression::fast()));
    let mut plain = padded(mib);
    let packed = std::iter::from_fn(move || match plain.next() {
        Some(bytes) => {
            let encoder = encoder.as_mut()?;
            encoder.write_all(&bytes).ok()?;
            Some(Bytes::from(std::mem::take(encoder.get_mut())))
        }
        None => encoder.take()?.finish().ok().map(Bytes::from),
    });
    // The encoder keeps back what does not fill a block yet.
    Drip::body(packed.filter(|bytes| !bytes.is_empty()).map(Piece::Bytes))
}

fn padded(mib: u32) -> impl Iterator<Item = Bytes> + Send + 'static {
    let (before, after) = PADDED;
    let padding = Bytes::from(vec![b'x'; MIB]);
    std::iter::once(Bytes::from_static(before.as_bytes()))
        .chain((0..mib).map(move |_| padding.clone()))
        .chain(std::iter::once(Bytes::from_static(after.as_bytes())))
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let packed = encoder.write_all(bytes).and_then(|()| encoder.finish());
    // Writing into memory does not fail; if it did, an empty body is as broken as any.
    Bytes::from(packed.unwrap_or_default())
}

enum Piece {
    Bytes(Bytes),
    Pause(Duration),
    Cut,
}

/// A body that comes piece by piece.
struct Drip {
    pieces: Box<dyn Iterator<Item = Piece> + Send>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Drip {
    fn body(pieces: impl Iterator<Item = Piece> + Send + 'static) -> Body {
        Body::from_stream(Self { pieces: Box::new(pieces), pause: None })
    }
}

impl Stream for Drip {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match self.pieces.next() {
                None => return Poll::Ready(None),
                Some(Piece::Bytes(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Piece::Pause(length)) => self.pause = Some(Box::pin(sleep(length))),
                Some(Piece::Cut) => {
                    return Poll::Ready(Some(Err(Error::new(ErrorKind::ConnectionReset, "cut"))));
                }
            }
        }
    }
}
