//! One source's line to the API: lists, single jobs, project names.
//!
//! Used by [`walk`](super::walk) and by ingest, and by `check --online` for a ping. One
//! request goes in, a text or a job comes out, or an [`ApiError`] that says what to do next.
//! Nothing is sent but GETs; no redirect is followed; no answer is read beyond a limit. What a
//! list's text means is `wire`'s business, when to come again is `schedule`'s.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, DATE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Response, StatusCode};
use url::{Host, Url};

use super::budget::Budget;
use super::error::{ApiError, message_of, quotable, told};
use super::headers;
use super::settings::SourceSettings;
use super::wire;
use crate::clock::Clock;
use crate::model::{JobId, Observation};
use crate::secret::{Redactor, Resolver, Unresolved};

/// The largest `limit` that `GET /jobs` takes, by the API's published description (1.2).
pub(super) const PAGE_SIZE: u64 = 100;

/// How much of an error's body is looked at for its message.
const ERROR_BODY_MAX_BYTES: usize = 64 * 1024;

const USER_AGENT: &str = concat!("descript-notify/", env!("CARGO_PKG_VERSION"));

/// A source's line to the API.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    project_id: Option<String>,
    limits: Limits,
    budget: Budget,
    redactor: Redactor,
}

/// Why there can be no line to the API.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    #[error("the token of source `{source_name}` cannot be read: {cause}")]
    Token { source_name: String, cause: Unresolved },
    #[error(
        "the token of source `{0}` holds characters that no token has: is there a line break in it?"
    )]
    OddToken(String),
    #[error(
        "the base_url of source `{0}` must start with https:// unless it is a loopback address"
    )]
    Insecure(String),
    #[error("the HTTP client of source `{source_name}` cannot be made: {cause}")]
    Http { source_name: String, cause: String },
}

/// What a list is asked for; the source's own project filter is added to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListQuery<'a> {
    pub created_after: Option<Timestamp>,
    pub cursor: Option<&'a str>,
    /// How many jobs the page may have.
    pub limit: u64,
}

impl Default for ListQuery<'_> {
    /// The first page of the API's default window, as long as pages can be.
    fn default() -> Self {
        Self { created_after: None, cursor: None, limit: PAGE_SIZE }
    }
}

/// One page as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageText {
    pub text: String,
    /// The server's time: its `Date` header.
    pub date: Option<Timestamp>,
}

/// What a single read found.
#[derive(Debug, Clone, PartialEq)]
pub enum Single {
    Seen(Box<Observation>),
    /// 404: there is no such job (any more).
    Gone,
    /// 403, or an id that cannot be asked for: nothing can be said about the job.
    Forbidden,
}

/// How long and how much the API may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) connect: Duration,
    /// From the request to the last byte of the answer.
    pub(super) whole: Duration,
    /// Of an answer's body, decompressed.
    pub(super) body_bytes: usize,
}

impl Limits {
    pub(super) const STANDARD: Self = Self {
        connect: Duration::from_secs(10),
        whole: Duration::from_secs(30),
        body_bytes: 16 * 1024 * 1024,
    };
}

impl Client {
    /// Makes a source's client and teaches its token to the redactor. Opens no connection.
    ///
    /// # Errors
    /// [`BuildError`] when the token cannot be read or sent, or would leave unencrypted.
    pub fn build(
        settings: &SourceSettings,
        resolver: &Resolver,
        redactor: &mut Redactor,
    ) -> Result<Self, BuildError> {
        Self::build_within(Limits::STANDARD, settings, resolver, redactor)
    }

    pub(super) fn build_within(
        limits: Limits,
        settings: &SourceSettings,
        resolver: &Resolver,
        redactor: &mut Redactor,
    ) -> Result<Self, BuildError> {
        let name = &settings.name;
        let loopback = is_loopback(&settings.base_url);
        if settings.base_url.scheme() != "https" && !loopback {
            return Err(BuildError::Insecure(name.clone()));
        }
        let token = resolver
            .resolve(&settings.token)
            .map_err(|cause| BuildError::Token { source_name: name.clone(), cause })?;
        redactor.learn(&token);
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| BuildError::OddToken(name.clone()))?;
        bearer.set_sensitive(true);

        let mut builder = reqwest::Client::builder()
            .user_agent(USER_AGENT)
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .redirect(Policy::none())
            .connect_timeout(limits.connect)
            .timeout(limits.whole)
            .https_only(!loopback);
        if loopback {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| BuildError::Http {
            source_name: name.clone(),
            cause: root_cause(&error.without_url()),
        })?;
        Ok(Self {
            http,
            base: settings.base_url.clone(),
            project_id: settings.project_id.clone(),
            limits,
            budget: if loopback { Budget::Unlimited } else { Budget::paced() },
            redactor: redactor.clone(),
        })
    }

    /// Fetches one page of the job list.
    ///
    /// # Errors
    /// [`ApiError`]; a 400 is [`ApiError::Invalid`], a page beyond the limit of bytes
    /// [`ApiError::TooLarge`]. Whether the text is a page is not looked at.
    pub async fn list(&self, query: &ListQuery<'_>) -> Result<PageText, ApiError> {
        let mut url = self.url(&["jobs"]);
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("limit", &query.limit.to_string());
            if let Some(created_after) = query.created_after {
                pairs.append_pair("created_after", &created_after.to_string());
            }
            if let Some(project_id) = &self.project_id {
                pairs.append_pair("project_id", project_id);
            }
            if let Some(cursor) = query.cursor {
                pairs.append_pair("cursor", cursor);
            }
        }
        let response = self.get(url).await?;
        if response.status() != StatusCode::OK {
            return Err(self.failure(response).await);
        }
        let date = header(&response, &DATE).and_then(headers::http_date);
        let text = self.text(response).await?;
        Ok(PageText { text, date })
    }

    /// Reads one job.
    ///
    /// # Errors
    /// [`ApiError`] when the API did not say what has become of the job.
    pub async fn job(&self, id: &JobId) -> Result<Single, ApiError> {
        if is_dots(id.as_str()) {
            // Every way to write it would be taken for a step in the path.
            return Ok(Single::Forbidden);
        }
        let response = self.get(self.url(&["jobs", id.as_str()])).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(Single::Gone),
            StatusCode::FORBIDDEN => return Ok(Single::Forbidden),
            _ => return Err(self.failure(response).await),
        }
        let text = self.text(response).await?;
        let seen = wire::read_job(&text).map_err(|odd| {
            ApiError::trouble(format!("the answer about one job cannot be read: {}", odd.cause))
        })?;
        if seen.id != *id {
            return Err(ApiError::trouble("the answer about one job is about another"));
        }
        Ok(Single::Seen(Box::new(seen)))
    }

    /// Reads a project's name; `None` where there is no such project or it has no name.
    ///
    /// # Errors
    /// [`ApiError`] when the API did not say.
    pub async fn project_name(&self, id: &str) -> Result<Option<String>, ApiError> {
        if id.is_empty() || is_dots(id) {
            return Ok(None);
        }
        let response = self.get(self.url(&["projects", id])).await?;
        match response.status() {
            StatusCode::OK => {
                let text = self.text(response).await?;
                wire::read_project_name(&text).map_err(|odd| ApiError::trouble(odd.to_string()))
            }
            StatusCode::NOT_FOUND => Ok(None),
            _ => Err(self.failure(response).await),
        }
    }

    /// Asks for the smallest list, to find out whether the token works.
    ///
    /// # Errors
    /// [`ApiError`] when it does not, or when what answers is not the API.
    pub async fn ping(&self) -> Result<(), ApiError> {
        let mut url = self.url(&["jobs"]);
        url.query_pairs_mut().append_pair("limit", "1");
        let response = self.get(url).await?;
        if response.status() != StatusCode::OK {
            return Err(self.failure(response).await);
        }
        let text = self.text(response).await?;
        wire::read_page(&text).map(drop).map_err(|odd| ApiError::trouble(odd.to_string()))
    }

    /// The address of a resource below the base, each segment encoded whole.
    fn url(&self, segments: &[&str]) -> Url {
        let mut path = self.base.path().trim_end_matches('/').to_owned();
        for segment in segments {
            path.push('/');
            path.push_str(&encoded(segment));
        }
        let mut url = self.base.clone();
        url.set_path(&path);
        url
    }

    async fn get(&self, url: Url) -> Result<Response, ApiError> {
        self.budget.spend().await;
        self.http.get(url).send().await.map_err(|error| self.transport(error))
    }

    /// Reads a body that must be whole and within the limit. Text that is not UTF-8 is made so:
    /// it must not cost the page that it stands in.
    async fn text(&self, mut response: Response) -> Result<String, ApiError> {
        let limit = self.limits.body_bytes;
        let too_big = || ApiError::TooLarge { kib: limit / 1024 };
        if response.content_length().is_some_and(|length| length > limit as u64) {
            return Err(too_big());
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport(error))? {
            if body.len() + chunk.len() > limit {
                return Err(too_big());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8(body)
            .unwrap_or_else(|odd| String::from_utf8_lossy(odd.as_bytes()).into_owned()))
    }

    /// Sorts an answer that is not the one hoped for.
    async fn failure(&self, mut response: Response) -> ApiError {
        let status = response.status();
        // Only a date needs to be compared with now, and the server's own now is the better.
        let now = header(&response, &DATE)
            .and_then(headers::http_date)
            .unwrap_or_else(|| Clock::System.now());
        let wait = header(&response, &RETRY_AFTER).and_then(|text| headers::retry_after(text, now));
        if status == StatusCode::TOO_MANY_REQUESTS {
            return ApiError::Limited { wait };
        }
        let mut body = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > ERROR_BODY_MAX_BYTES {
                break;
            }
        }
        // Cleaned before it is cut, so that no half of a secret is left.
        let message = quotable(&self.redactor.clean(&message_of(&body)));
        match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                ApiError::Refused { status: status.as_u16(), message }
            }
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
                ApiError::Invalid { message }
            }
            _ if status.is_redirection() => ApiError::trouble(format!(
                "the API answered {status}, a redirect, which is not followed: check `base_url`"
            )),
            _ => ApiError::Trouble {
                reason: format!("the API answered {status}{}", told(&message)),
                wait,
            },
        }
    }

    fn transport(&self, error: reqwest::Error) -> ApiError {
        let error = error.without_url();
        let cause = quotable(&self.redactor.clean(&root_cause(&error)));
        ApiError::trouble(if error.is_connect() {
            format!("the API cannot be reached: {cause}")
        } else if error.is_timeout() {
            format!("the API took longer than {} s to answer", self.limits.whole.as_secs_f32())
        } else if error.is_body() || error.is_decode() {
            format!("the answer broke off: {cause}")
        } else {
            format!("the request failed: {cause}")
        })
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether a path's segment would be taken for a step, however it is encoded.
fn is_dots(segment: &str) -> bool {
    segment == "." || segment == ".."
}

/// Percent-encodes all but the characters that never need it, line breaks and tabs included,
/// which a URL would silently lose.
fn encoded(segment: &str) -> String {
    let mut text = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn header<'a>(response: &'a Response, name: &reqwest::header::HeaderName) -> Option<&'a str> {
    response.headers().get(name)?.to_str().ok()
}

/// The innermost cause, which is the one that tells something.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
