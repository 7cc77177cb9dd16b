//! Which path is what, and what one needs to go there. Pure.

use super::access::Right;
use super::forms::Decision;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    Health,
    Ready,
    Metrics,
    OpenApi,
    Status,
    Jobs,
    Events,
    Deliveries,
    Delivery {
        id: String,
    },
    Stream,
    Silences,
    AddSilence,
    ExpireSilence {
        id: String,
    },
    Retry {
        id: String,
    },
    Discard {
        id: String,
    },
    Callback {
        source: String,
    },
    Dashboard,
    Job {
        source: String,
        id: String,
    },
    Login,
    LogIn,
    LogOut,
    /// A form's decision about a delivery.
    Decide {
        id: String,
        decision: Decision,
    },
    /// The form that asks for a silence.
    SilenceForm,
    /// A form's wish for a silence.
    Silence,
    /// A form's wish that a silence end.
    EndSilence {
        id: String,
    },
    File {
        name: String,
    },
}

/// Why there is no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoRoute {
    /// There is no such path.
    Unknown,
    /// The path takes other methods.
    Method { allowed: &'static str },
}

/// The path below the base path, which a proxy may have taken off already.
pub(super) fn below<'p>(path: &'p str, base: &str) -> &'p str {
    match path.strip_prefix(base) {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

impl Route {
    /// The route of a method and a path below the base path.
    pub(super) fn parse(method: &str, path: &str) -> Result<Self, NoRoute> {
        let parts: Option<Vec<String>> =
            path.trim_start_matches('/').split('/').map(decoded).collect();
        let parts = parts.ok_or(NoRoute::Unknown)?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let id = |id: &str| id.to_owned();
        if parts.as_slice() == ["login"] && method == "POST" {
            return Ok(Self::LogIn);
        }
        // Where a form with a mistake was sent, the form is found again by a reload.
        if parts.as_slice() == ["silences"] && ["GET", "HEAD"].contains(&method) {
            return Ok(Self::SilenceForm);
        }
        let (route, is_post) = match parts.as_slice() {
            [""] => (Self::Dashboard, false),
            ["jobs", source, job] => (Self::Job { source: id(source), id: id(job) }, false),
            ["login"] => (Self::Login, false),
            ["logout"] => (Self::LogOut, true),
            ["deliveries", delivery, "retry"] => {
                (Self::Decide { id: id(delivery), decision: Decision::Retry }, true)
            }
            ["deliveries", delivery, "discard"] => {
                (Self::Decide { id: id(delivery), decision: Decision::Discard }, true)
            }
            ["silences"] => (Self::Silence, true),
            ["silences", "new"] => (Self::SilenceForm, false),
            ["silences", silence, "expire"] => (Self::EndSilence { id: id(silence) }, true),
            ["static", name] => (Self::File { name: id(name) }, false),
            ["healthz"] => (Self::Health, false),
            ["readyz"] => (Self::Ready, false),
            ["metrics"] => (Self::Metrics, false),
            ["callback", source] => (Self::Callback { source: id(source) }, true),
            ["api", "v1", rest @ ..] => match rest {
                ["openapi.json"] => (Self::OpenApi, false),
                ["status"] => (Self::Status, false),
                ["jobs"] => (Self::Jobs, false),
                ["events"] => (Self::Events, false),
                ["deliveries"] => (Self::Deliveries, false),
                ["deliveries", delivery] => (Self::Delivery { id: id(delivery) }, false),
                ["deliveries", delivery, "retry"] => (Self::Retry { id: id(delivery) }, true),
                ["deliveries", delivery, "discard"] => (Self::Discard { id: id(delivery) }, true),
                ["stream"] => (Self::Stream, false),
                ["silences"] if method == "POST" => return Ok(Self::AddSilence),
                ["silences"] if !["GET", "HEAD"].contains(&method) => {
                    return Err(NoRoute::Method { allowed: "GET, HEAD, POST" });
                }
                ["silences"] => (Self::Silences, false),
                ["silences", silence] if method == "DELETE" => {
                    return Ok(Self::ExpireSilence { id: id(silence) });
                }
                ["silences", _] => return Err(NoRoute::Method { allowed: "DELETE" }),
                _ => return Err(NoRoute::Unknown),
            },
            _ => return Err(NoRoute::Unknown),
        };
        match (method, is_post) {
            ("GET" | "HEAD", false) | ("POST", true) => Ok(route),
            (_, false) => Err(NoRoute::Method { allowed: "GET, HEAD" }),
            (_, true) => Err(NoRoute::Method { allowed: "POST" }),
        }
    }

    /// What one must be allowed to go there.
    pub(super) fn need(&self) -> Right {
        match self {
            // Probes have no token, and a callback has a key of its own.
            Self::Health | Self::Ready | Self::Callback { .. } => Right::Nothing,
            // Who is to show a token must see where.
            Self::Login | Self::LogIn | Self::LogOut | Self::File { .. } => Right::Nothing,
            Self::Metrics
            | Self::OpenApi
            | Self::Status
            | Self::Jobs
            | Self::Events
            | Self::Deliveries
            | Self::Delivery { .. }
            | Self::Stream
            | Self::Silences
            | Self::Dashboard
            | Self::Job { .. } => Right::Look,
            Self::Retry { .. }
            | Self::Discard { .. }
            | Self::Decide { .. }
            | Self::SilenceForm
            | Self::Silence
            | Self::EndSilence { .. }
            | Self::AddSilence
            | Self::ExpireSilence { .. } => Right::Decide,
        }
    }

    /// Whether another site's page must not lead here, even though a browser would let it.
    pub(super) fn is_guarded(&self) -> bool {
        self.need() == Right::Decide || matches!(self, Self::Stream | Self::LogIn | Self::LogOut)
    }

    /// Whether a person sees the answer, also where it is a refusal.
    pub(super) fn is_page(&self) -> bool {
        matches!(
            self,
            Self::Dashboard
                | Self::Job { .. }
                | Self::Login
                | Self::LogIn
                | Self::LogOut
                | Self::Decide { .. }
                | Self::SilenceForm
                | Self::Silence
                | Self::EndSilence { .. }
        )
    }
}

/// A path's part with its percent signs resolved; `None` where that is no text.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_below_the_base_path_and_without_it() {
        let route = |path| Route::parse("GET", below(path, "/notify"));

        assert_eq!(route("/notify/healthz"), Ok(Route::Health));
        assert_eq!(route("/healthz"), Ok(Route::Health));
        assert_eq!(route("/notifyx/healthz"), Err(NoRoute::Unknown));
        assert_eq!(below("/notify", "/notify"), "/");
        assert_eq!(below("/healthz", ""), "/healthz");
    }

    #[test]
    fn nothing_changes_by_get_and_what_changes_needs_the_right_to_decide() {
        for path in [
            "/api/v1/deliveries/ab/retry",
            "/api/v1/deliveries/ab/discard",
            "/deliveries/ab/retry",
            "/silences/ab/expire",
        ] {
            let wrong = Err(NoRoute::Method { allowed: "POST" });
            for method in ["GET", "HEAD", "PUT", "OPTIONS"] {
                assert_eq!(Route::parse(method, path), wrong, "{method} {path}");
            }
            let route = Route::parse("POST", path).unwrap();
            assert_eq!(route.need(), Right::Decide);
            assert!(route.is_guarded());
        }
        let id = "0badcafe".to_owned();
        for (method, path, wanted) in [
            ("POST", "/silences", Route::Silence),
            ("POST", "/api/v1/silences", Route::AddSilence),
            ("DELETE", "/api/v1/silences/0badcafe", Route::ExpireSilence { id }),
        ] {
            let route = Route::parse(method, path).unwrap();
            assert_eq!(route, wanted);
            assert!(route.need() == Right::Decide && route.is_guarded());
        }
        assert_eq!(Route::parse("GET", "/silences"), Ok(Route::SilenceForm));
        for (method, path) in [
            ("PUT", "/silences"),
            ("PUT", "/api/v1/silences"),
            ("GET", "/api/v1/silences/0badcafe"),
        ] {
            assert!(matches!(Route::parse(method, path), Err(NoRoute::Method { .. })), "{path}");
        }
    }

    #[test]
    fn an_odd_path_is_no_path() {
        for path in ["/%zz", "/%ff", "/api/v1", "/api/v1/jobs/", "/healthz/", "/api/v1/%2e%2e"] {
            assert_eq!(Route::parse("GET", path), Err(NoRoute::Unknown), "{path}");
        }
        let id = "a/b c".to_owned();
        assert_eq!(Route::parse("GET", "/api/v1/deliveries/a%2Fb%20c"), Ok(Route::Delivery { id }));
    }
}
