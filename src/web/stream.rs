//! `/api/v1/stream`: what the store tells after each commit, as server-sent events.
//!
//! Nothing is asked of the store for a stream. One that is too slow loses the oldest news and
//! gets a `changed` instead, upon which a page looks for itself.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_core::Stream;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio_util::sync::{CancellationToken, ReusableBoxFuture};

use super::Server;
use super::answer::Refusal;
use crate::store::News;

/// So that proxies and we notice a connection that is gone.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

/// When a browser comes again after a stream has ended.
const COME_AGAIN: Duration = Duration::from_secs(3);

/// Opens a stream.
pub(super) fn stream(server: &Arc<Server>) -> Result<Response, Refusal> {
    let place = server.streams.clone().try_acquire_owned();
    let place = place.map_err(|_| Refusal::busy("too many streams are open"))?;
    let hello = Event::default()
        .event("hello")
        .retry(COME_AGAIN)
        .data(json!({ "version": env!("CARGO_PKG_VERSION") }).to_string());
    let listener =
        Listener { news: server.parts.store.watch(), stop: server.stop.clone(), _place: place };
    let feed = Feed { hello: Some(hello), next: ReusableBoxFuture::new(next(listener)) };
    Ok(Sse::new(feed).keep_alive(KeepAlive::new().interval(SIGN_OF_LIFE)).into_response())
}

struct Listener {
    news: broadcast::Receiver<News>,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
}

/// What is sent, piece by piece.
struct Feed {
    hello: Option<Event>,
    next: ReusableBoxFuture<'static, (Option<Event>, Listener)>,
}

impl Stream for Feed {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(hello) = self.hello.take() {
            return Poll::Ready(Some(Ok(hello)));
        }
        let (event, listener) = ready!(self.next.poll(cx));
        self.next.set(next(listener));
        Poll::Ready(event.map(Ok))
    }
}

/// Waits for news; `None` when there will be none.
async fn next(mut listener: Listener) -> (Option<Event>, Listener) {
    let told = tokio::select! {
        biased;
        () = listener.stop.cancelled() => Err(RecvError::Closed),
        told = listener.news.recv() => told,
    };
    let event = match told {
        Ok(news) => Some(Event::default().event(news.topic).data(&*news.document)),
        Err(RecvError::Lagged(missed)) => {
            Some(Event::default().event("changed").data(json!({ "missed": missed }).to_string()))
        }
        Err(RecvError::Closed) => None,
    };
    (event, listener)
}
