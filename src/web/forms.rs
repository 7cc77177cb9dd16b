//! What a page's forms send: a token, the end of a session, a decision about a delivery, a silence.
//!
//! A decision carries the mark of the page that it stood on, beside the browser's own word for
//! where it comes from. Each ends with a way back to a page.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::response::Response;
use url::form_urlencoded;

use super::access::Right;
use super::answer::{Refusal, empty};
use super::page::Typed;
use super::session::Sessions;
use super::{Server, changes, limits, page, silences};

const BODY_MOST_BYTES: usize = 4 * 1024;

/// A silence may be about many projects.
const SILENCE_MOST_BYTES: usize = 64 * 1024;

/// After a wrong token, so that guessing takes its time.
const WRONG_TOKEN_PAUSE: Duration = Duration::from_secs(1);

/// What a person decides about a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    Retry,
    Discard,
}

/// Takes a token, and gives a session for it.
pub(super) async fn log_in(server: &Server, head: &Parts, body: Body) -> Result<Response, Refusal> {
    let fields = fields(head, body).await?;
    let right = server.parts.access.of_token(field(&fields, "token").trim());
    if right == Right::Nothing {
        tokio::time::sleep(WRONG_TOKEN_PAUSE).await;
        return page::login(server, head, true);
    }
    let base = &server.parts.base_path;
    let now = server.parts.clock.now();
    let cookie = server.parts.access.sessions().cookie(right, now, base, &head.headers);
    with_cookie(back(server, ""), &cookie)
}

/// Ends the browser's session.
pub(super) async fn log_out(
    server: &Server,
    head: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let fields = fields(head, body).await?;
    check_mark(server, head, &fields)?;
    let cookie = Sessions::end(&server.parts.base_path, &head.headers);
    with_cookie(back(server, ""), &cookie)
}

/// Does what a person has decided.
pub(super) async fn decide(
    server: &Server,
    head: &Parts,
    body: Body,
    id: &str,
    decision: Decision,
) -> Result<Response, Refusal> {
    let fields = fields(head, body).await?;
    check_mark(server, head, &fields)?;
    match decision {
        Decision::Retry => changes::retry(server, id).await?,
        Decision::Discard => changes::discard(server, id).await?,
    };
    Ok(back(server, field(&fields, "back")))
}

/// Silences what a person has asked for, or asks again.
pub(super) async fn silence(
    server: &Server,
    head: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let fields = fields_within(SILENCE_MOST_BYTES, head, body).await?;
    check_mark(server, head, &fields)?;
    let text = |name| field(&fields, name).to_owned();
    let typed = Typed {
        choice: text("for"),
        other: text("other"),
        matchers: text("match"),
        comment: text("comment"),
        author: text("author"),
        summarise: !field(&fields, "summarise").is_empty(),
    };
    match silences::grant(typed.wish(), server.parts.clock.now()) {
        Ok(silence) => {
            silences::keep(server, &silence).await?;
            Ok(lead_to(&format!("{}/#silences", server.parts.base_path)))
        }
        Err(wrong) => page::silence_again(server, head, &typed, &wrong),
    }
}

/// Ends a silence.
pub(super) async fn end_silence(
    server: &Server,
    head: &Parts,
    body: Body,
    id: &str,
) -> Result<Response, Refusal> {
    let fields = fields(head, body).await?;
    check_mark(server, head, &fields)?;
    silences::expire(server, id).await?;
    Ok(lead_to(&format!("{}/#silences", server.parts.base_path)))
}

async fn fields(head: &Parts, body: Body) -> Result<Vec<(String, String)>, Refusal> {
    fields_within(BODY_MOST_BYTES, head, body).await
}

async fn fields_within(
    most: usize,
    head: &Parts,
    body: Body,
) -> Result<Vec<(String, String)>, Refusal> {
    let body = limits::body(&head.headers, body, most).await?;
    Ok(form_urlencoded::parse(&body).into_owned().collect())
}

fn field<'f>(fields: &'f [(String, String)], name: &str) -> &'f str {
    fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

fn check_mark(server: &Server, head: &Parts, fields: &[(String, String)]) -> Result<(), Refusal> {
    if server.forms.knows(field(fields, "mark"), &head.headers) {
        return Ok(());
    }
    Err(Refusal::new(StatusCode::FORBIDDEN, "the page is old: go back, reload it, and try again"))
}

/// Leads to a page of ours: the one that is named, if it is one.
fn back(server: &Server, named: &str) -> Response {
    let base = &server.parts.base_path;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.~%".contains(&byte);
    let ours = named.strip_prefix(base.as_str()).is_some_and(|rest| rest.starts_with("/jobs/"));
    match ours && named.bytes().all(fits) {
        true => lead_to(named),
        false => lead_to(&format!("{base}/")),
    }
}

fn lead_to(target: &str) -> Response {
    let mut answer = empty(StatusCode::SEE_OTHER);
    if let Ok(target) = HeaderValue::from_str(target) {
        answer.headers_mut().insert(LOCATION, target);
    }
    answer
}

fn with_cookie(mut answer: Response, cookie: &str) -> Result<Response, Refusal> {
    let odd = |_| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "no session could be made");
    let mut cookie = HeaderValue::from_str(cookie).map_err(odd)?;
    cookie.set_sensitive(true);
    answer.headers_mut().insert(SET_COOKIE, cookie);
    Ok(answer)
}
