//! The HTTP side: takes a request apart, asks the API, dresses the answer.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State as Shared};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::Response;

use super::answer::Answer;
use super::api::{self, Asked};
use super::dress;
use super::route::Route;
use super::state::RecordedRequest;
use super::world::World;

/// More than any request of this API, uploads for a test included.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// What every request is served with.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) world: World,
    /// The token that is accepted; `None` for any.
    pub(super) token: Option<Arc<str>>,
}

/// The service; every path ends here, since faults come before paths.
pub(super) fn router(server: Server) -> Router {
    Router::new().fallback(serve).with_state(server)
}

async fn serve(Shared(server): Shared<Server>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let authorised = server.accepts(&head.headers);
    let route = Route::parse(head.method.as_str(), head.uri.path());
    let arrived = server.world.clock().now();
    let effects = {
        let mut state = server.world.lock();
        state.record(RecordedRequest {
            at: arrived,
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            query: head.uri.query().map(str::to_owned),
            authorised,
        });
        let age = state.age(arrived);
        state.desk.effects(route.endpoint(), age)
    };
    if !effects.wait.is_zero() {
        tokio::time::sleep(effects.wait).await;
    }
    let body = to_bytes(body, MAX_BODY_BYTES).await;
    let now = server.world.clock().now();
    let answer = match body {
        Ok(body) => {
            let query = head.uri.query().unwrap_or_default();
            let asked = Asked { route, query, body: &body, authorised, now };
            api::answer(&mut server.world.lock(), &asked, &effects)
        }
        Err(_) => Answer::error(400, "the body could not be read or is too large"),
    };
    dress::response(answer, &effects, now)
}

impl Server {
    fn accepts(&self, headers: &HeaderMap) -> bool {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some((scheme, token)) = header.and_then(|text| text.split_once(' ')) else {
            return false;
        };
        let token = token.trim();
        scheme.eq_ignore_ascii_case("bearer")
            && !token.is_empty()
            && self.token.as_deref().is_none_or(|right| right == token)
    }
}
