//! Answers: documents, problems, and the headers that every one of them carries.

use axum::body::Body;
use axum::http::header::{
    self, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use axum::http::{Response as HttpResponse, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use crate::store::StoreError;

/// Nothing is loaded from elsewhere, nothing is inline, nothing frames us.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

/// Why a request is not answered as asked.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    detail: String,
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), header: None }
    }

    /// The request makes no sense.
    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    pub(super) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Nobody is known who asks.
    pub(super) fn unknown(detail: impl Into<String>) -> Self {
        let header = Some((WWW_AUTHENTICATE, "Bearer realm=\"descript-notify\""));
        Self { header, ..Self::new(StatusCode::UNAUTHORIZED, detail) }
    }

    pub(super) fn wrong_method(allowed: &'static str) -> Self {
        let detail = format!("this path takes {allowed} only");
        let header = Some((header::ALLOW, allowed));
        Self { header, ..Self::new(StatusCode::METHOD_NOT_ALLOWED, detail) }
    }

    /// It may go well a little later.
    pub(super) fn busy(detail: impl Into<String>) -> Self {
        let header = Some((RETRY_AFTER, "5"));
        Self { header, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }

    /// What is told.
    pub(super) fn detail(&self) -> &str {
        &self.detail
    }

    /// As a problem document (RFC 9457).
    pub(super) fn answer(self) -> Response {
        let document = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let kind = "application/problem+json";
        let mut answer = text(self.status, kind, document.to_string());
        if let Some((name, value)) = self.header {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        answer
    }
}

impl From<StoreError> for Refusal {
    fn from(problem: StoreError) -> Self {
        Self::busy(problem.to_string())
    }
}

/// A JSON document.
pub(super) fn json_answer(status: StatusCode, document: &Value) -> Response {
    text(status, "application/json", document.to_string())
}

/// A text of some kind.
pub(super) fn text(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut answer = HttpResponse::new(body.into());
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut answer = HttpResponse::new(Body::empty());
    *answer.status_mut() = status;
    answer
}

/// Adds what every answer carries.
pub(super) fn dress(headers: &mut HeaderMap) {
    let all = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in all {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
