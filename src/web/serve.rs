//! From a connection to an answer: the accept loop, the checks, and who answers what.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::access::{Right, is_own};
use super::answer::{Refusal, dress, empty, json_answer, text};
use super::limits::{self, Unstuck};
use super::route::{NoRoute, Route, below};
use super::{Server, api, callback, changes, forms, health, metrics, page, silences, stream};
use crate::telemetry;

/// After a connection that could not be accepted, as when there are no more file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until `stop`, then lets answers under way end.
pub(super) async fn serve(listener: TcpListener, server: Arc<Server>, stop: CancellationToken) {
    let router = Router::new().fallback(answer).with_state(server);
    let places = Arc::new(Semaphore::new(limits::MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => {
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    connection(stream, router, stop).await;
                    drop(place);
                });
            }
            Err(cause) => {
                telemetry::accept_failed(&cause.to_string());
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // What is left is dropped with the set.
    let _ = tokio::time::timeout(limits::GRACE, ended).await;
}

/// The next connection, as soon as there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

async fn connection(stream: TcpStream, router: Router, stop: CancellationToken) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADERS_WITHIN)
        .max_headers(limits::MOST_HEADERS)
        .max_buf_size(limits::HEAD_MOST_BYTES);
    let stream = TokioIo::new(Unstuck::new(stream));
    let mut connection = pin!(builder.serve_connection(stream, TowerToHyperService::new(router)));
    // A client that breaks off is no fault of ours, and there is nobody to tell.
    tokio::select! {
        biased;
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
        _ = connection.as_mut() => {}
    }
}

/// Answers one request.
async fn answer(State(server): State<Arc<Server>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let ready = tokio::time::timeout(limits::ANSWER_WITHIN, handle(&server, &head, body)).await;
    let late = || Refusal::busy("the answer took too long");
    let mut answer = ready.unwrap_or_else(|_| Err(late())).unwrap_or_else(Refusal::answer);
    dress(answer.headers_mut());
    answer
}

async fn handle(server: &Arc<Server>, head: &Parts, body: Body) -> Result<Response, Refusal> {
    let path = below(head.uri.path(), &server.parts.base_path);
    let route = Route::parse(head.method.as_str(), path).map_err(|none| match none {
        NoRoute::Unknown => Refusal::not_found("there is nothing at this path"),
        NoRoute::Method { allowed } => Refusal::wrong_method(allowed),
    })?;
    let is_page = route.is_page();
    let answered = match check(server, head, &route) {
        Ok(()) => answer_route(server, head, body, route).await,
        Err(refusal) if is_page && refusal.status == StatusCode::UNAUTHORIZED => {
            page::locked(server, head)
        }
        Err(refusal) => Err(refusal),
    };
    answered.or_else(|refusal| match is_page {
        true => page::problem(server, head, &refusal).ok_or(refusal),
        false => Err(refusal),
    })
}

async fn answer_route(
    server: &Arc<Server>,
    head: &Parts,
    body: Body,
    route: Route,
) -> Result<Response, Refusal> {
    match route {
        Route::Health => Ok(text(StatusCode::OK, "text/plain; charset=utf-8", "ok\n")),
        Route::Ready => Ok(health::ready(server).await),
        Route::Metrics => metrics::metrics(server).await,
        Route::OpenApi => Ok(text(StatusCode::OK, "application/json", api::OPENAPI)),
        Route::Status => api::status(server).await,
        Route::Jobs => api::jobs(server, head).await,
        Route::Events => api::events(server, head).await,
        Route::Deliveries => api::deliveries(server, head).await,
        Route::Delivery { id } => api::delivery(server, &id).await,
        Route::Stream => stream::stream(server),
        Route::Silences => Ok(json_answer(StatusCode::OK, &silences::list(server).await?)),
        Route::AddSilence => {
            let added = silences::add(server, head, body).await?;
            Ok(json_answer(StatusCode::CREATED, &added))
        }
        Route::ExpireSilence { id } => {
            let expired = silences::expire(server, &id).await?;
            Ok(json_answer(StatusCode::OK, &expired))
        }
        Route::Retry { id } => {
            let done = changes::retry(server, &id).await?;
            Ok(json_answer(StatusCode::OK, &done))
        }
        Route::Discard { id } => {
            let done = changes::discard(server, &id).await?;
            Ok(json_answer(StatusCode::OK, &done))
        }
        Route::Callback { source } => {
            callback::call(&server.parts.site.get().doors, &source, head, body).await?;
            Ok(empty(StatusCode::ACCEPTED))
        }
        Route::Dashboard => page::dashboard(server, head).await,
        Route::Job { source, id } => page::job(server, head, &source, &id).await,
        Route::Login => page::login(server, head, false),
        Route::LogIn => forms::log_in(server, head, body).await,
        Route::LogOut => forms::log_out(server, head, body).await,
        Route::Decide { id, decision } => forms::decide(server, head, body, &id, decision).await,
        Route::SilenceForm => page::silence(server, head).await,
        Route::Silence => forms::silence(server, head, body).await,
        Route::EndSilence { id } => forms::end_silence(server, head, body, &id).await,
        Route::File { name } => page::file(&name),
    }
}

/// Whether the sender may go there.
fn check(server: &Server, head: &Parts, route: &Route) -> Result<(), Refusal> {
    let access = &server.parts.access;
    let need = route.need();
    if need > Right::Nothing && !access.knows_host(head) {
        let detail = "this is reached under a name of this machine only (localhost, 127.0.0.1); \
                      behind a proxy set `read_token`";
        return Err(Refusal::new(StatusCode::MISDIRECTED_REQUEST, detail));
    }
    if route.is_guarded() && !is_own(head) {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "another site's page may not ask for this",
        ));
    }
    let right = server.right_of(head);
    if right >= need {
        return Ok(());
    }
    Err(match need {
        Right::Decide if !access.lets_decide() => Refusal::new(
            StatusCode::FORBIDDEN,
            "there is no `admin_token`, so nothing is decided here",
        ),
        Right::Decide if right == Right::Look => {
            Refusal::unknown("this needs the admin token: `Authorization: Bearer …`")
        }
        _ => Refusal::unknown("this needs a token: `Authorization: Bearer …`"),
    })
}
