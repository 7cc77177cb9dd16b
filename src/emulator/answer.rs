//! What the emulator answers, before it becomes HTTP.
//!
//! Pure. Every documented error has one body, `error` and `message`; the live service adds
//! `details` to what it refuses as invalid.

use serde_json::{Value, json};

use super::Profile;

/// The body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Payload {
    Text(String),
    /// A JSON object padded to so many MiB.
    Huge {
        mib: u32,
    },
    /// The same, packed.
    Bomb {
        mib: u32,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) content_type: &'static str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) payload: Payload,
}

impl Answer {
    /// A JSON document.
    pub(super) fn json(status: u16, document: &Value) -> Self {
        Self::text(status, "application/json; charset=utf-8", document.to_string())
    }

    /// A JSON document that is text already.
    pub(super) fn raw_json(document: String) -> Self {
        Self::text(200, "application/json; charset=utf-8", document)
    }

    /// Any text.
    pub(super) fn text(status: u16, content_type: &'static str, text: String) -> Self {
        Self { status, content_type, headers: Vec::new(), payload: Payload::Text(text) }
    }

    /// A status without a body.
    pub(super) fn empty(status: u16) -> Self {
        Self::text(status, "", String::new())
    }

    /// A page of a list, its elements as JSON text.
    pub(super) fn page(elements: &[String], next: Option<&str>) -> Self {
        let pagination = match next {
            Some(cursor) => json!({"next_cursor": cursor}),
            None => json!({}),
        };
        let data = elements.join(",");
        Self::raw_json(format!("{{\"data\":[{data}],\"pagination\":{pagination}}}"))
    }

    /// The error body of a status.
    pub(super) fn error(status: u16, message: &str) -> Self {
        Self::json(status, &json!({"error": code(status), "message": message}))
    }

    /// 400: the request is not one the API takes.
    pub(super) fn invalid(profile: Profile, message: &str) -> Self {
        let mut body = json!({"error": code(400), "message": message});
        if profile == Profile::Live {
            body["details"] = json!([{"message": message}]);
        }
        Self::json(400, &body)
    }

    /// 401: no token, or not the right one.
    pub(super) fn unauthorised(profile: Profile) -> Self {
        let message = match profile {
            Profile::Spec => "the bearer token is missing or not valid",
            Profile::Live => "Could not find token",
        };
        Self::error(401, message)
    }

    /// 404 of a job, naming it.
    pub(super) fn no_job(job_id: &str) -> Self {
        Self::error(404, &format!("no job has the id \"{job_id}\""))
    }

    /// 404 of a project.
    pub(super) fn no_project() -> Self {
        Self::error(404, "Project not found")
    }

    /// The body's text, for tests.
    #[cfg(test)]
    pub(super) fn body(&self) -> &str {
        match &self.payload {
            Payload::Text(text) => text,
            Payload::Huge { .. } | Payload::Bomb { .. } => "",
        }
    }

    /// Adds a header.
    #[must_use]
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// The machine's word for a status.
fn code(status: u16) -> &'static str {
    match status {
        400 => "invalid_input",
        401 => "unauthorized",
        402 => "payment_required",
        403 => "forbidden",
        404 => "not_found",
        405 => "method_not_allowed",
        409 => "conflict",
        422 => "unprocessable_entity",
        429 => "rate_limit_exceeded",
        503 => "service_unavailable",
        500.. => "internal_server_error",
        _ => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_documented_body_and_live_adds_details() {
        insta::assert_snapshot!(
            Answer::error(404, "gone").body(),
            @r#"{"error":"not_found","message":"gone"}"#
        );
        insta::assert_snapshot!(
            Answer::invalid(Profile::Spec, "bad").body(),
            @r#"{"error":"invalid_input","message":"bad"}"#
        );
        insta::assert_snapshot!(
            Answer::invalid(Profile::Live, "bad").body(),
            @r#"{"details":[{"message":"bad"}],"error":"invalid_input","message":"bad"}"#
        );
    }

    #[test]
    fn the_last_page_has_an_empty_pagination() {
        insta::assert_snapshot!(Answer::page(&[], None).body(), @r#"{"data":[],"pagination":{}}"#);
        insta::assert_snapshot!(
            Answer::page(&["1".into(), "2".into()], Some("c")).body(),
            @r#"{"data":[1,2],"pagination":{"next_cursor":"c"}}"#
        );
    }
}
