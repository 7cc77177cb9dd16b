//! Pages for people: written here, from templates that are compiled in.
//!
//! A page works without scripts; a small script of ours makes it live by fetching it again when
//! the stream has news. Every value is escaped by the templates, which have no way round that;
//! nothing is inline and nothing comes from elsewhere.

mod chart;
mod dashboard;
mod job;
mod preview;
mod silence;
mod usage;
mod view;

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::http::request::Parts;
use axum::response::Response;
use handlebars::Handlebars;
use serde_json::{Value, json};

pub(super) use dashboard::dashboard;
pub(super) use job::job;
pub(super) use silence::{Typed, silence, silence_again};

use super::access::Right;
use super::answer::{Refusal, text};
use super::session::has_session;
use super::{Server, answer};
use crate::model::Fingerprint;

const STYLE: &str = include_str!("html/app.css");
const SCRIPT: &str = include_str!("html/app.js");

const TEMPLATES: [(&str, &str); 15] = [
    ("layout", include_str!("html/layout.hbs")),
    ("dashboard", include_str!("html/dashboard.hbs")),
    ("job", include_str!("html/job.hbs")),
    ("login", include_str!("html/login.hbs")),
    ("problem", include_str!("html/problem.hbs")),
    ("time", include_str!("html/time.hbs")),
    ("deliveries", include_str!("html/deliveries.hbs")),
    ("progress", include_str!("html/progress.hbs")),
    ("charts", include_str!("html/charts.hbs")),
    ("preview", include_str!("html/preview.hbs")),
    ("silence", include_str!("html/silence.hbs")),
    ("silences", include_str!("html/silences.hbs")),
    ("silence-form", include_str!("html/silence-form.hbs")),
    ("usage", include_str!("html/usage.hbs")),
    ("used", include_str!("html/used.hbs")),
];

/// The templates, ready to be rendered, and the names of what belongs to them.
#[derive(Debug)]
pub(super) struct Pages {
    registry: Handlebars<'static>,
    style: String,
    script: String,
}

impl Pages {
    /// # Errors
    /// What is wrong with a template, which a test keeps from happening.
    pub(super) fn new() -> Result<Self, String> {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        for (name, template) in TEMPLATES {
            registry.register_template_string(name, template).map_err(|fault| fault.to_string())?;
        }
        // What has changed has another address, so a browser may keep it.
        let mark = |text: &str| Fingerprint::of(text.as_bytes()).to_string();
        Ok(Self {
            registry,
            style: format!("app.css?{}", mark(STYLE)),
            script: format!("app.js?{}", mark(SCRIPT)),
        })
    }
}

/// A page for the sender of a request.
fn page(
    server: &Server,
    head: &Parts,
    status: StatusCode,
    template: &str,
    title: &str,
    mut view: Value,
) -> Result<Response, Refusal> {
    let parts = &server.parts;
    let right = server.right_of(head);
    view["page"] = json!({
        "title": title,
        "base": parts.base_path,
        "style": server.pages.style,
        "script": server.pages.script,
        "version": env!("CARGO_PKG_VERSION"),
        "mark": server.forms.mark(&head.headers),
        "looks": right >= Right::Look,
        "decides": right == Right::Decide,
        "could_decide": right == Right::Look && parts.access.lets_decide() && template != "login",
        "session": has_session(&head.headers),
    });
    let html = server.pages.registry.render(template, &view).map_err(|fault| {
        let detail = format!("the page could not be written: {fault}");
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })?;
    Ok(text(status, "text/html; charset=utf-8", html))
}

/// The form that asks for a token.
pub(super) fn login(server: &Server, head: &Parts, wrong: bool) -> Result<Response, Refusal> {
    let status = if wrong { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
    page(server, head, status, "login", "Log in", json!({ "wrong": wrong }))
}

/// The same in the place of a page that needs a token.
pub(super) fn locked(server: &Server, head: &Parts) -> Result<Response, Refusal> {
    page(server, head, StatusCode::UNAUTHORIZED, "login", "Log in", json!({ "wrong": false }))
}

/// A refusal for a person.
pub(super) fn problem(server: &Server, head: &Parts, refusal: &Refusal) -> Option<Response> {
    let title = refusal.status.canonical_reason().unwrap_or("A problem");
    let view = json!({ "detail": refusal.detail() });
    page(server, head, refusal.status, "problem", title, view).ok()
}

/// A file of ours.
pub(super) fn file(name: &str) -> Result<Response, Refusal> {
    let (kind, body) = match name {
        "app.css" => ("text/css; charset=utf-8", STYLE),
        "app.js" => ("text/javascript; charset=utf-8", SCRIPT),
        _ => return Err(Refusal::not_found("there is nothing at this path")),
    };
    let mut file = answer::text(StatusCode::OK, kind, body);
    let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
    file.headers_mut().insert(CACHE_CONTROL, forever);
    Ok(file)
}

#[cfg(test)]
mod tests;
