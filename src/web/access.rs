//! Who may do what: tokens, and what a browser must not be talked into.
//!
//! On a loopback address and without tokens everybody on this machine may look and decide; with
//! an `admin_token` only its holder decides; with a `read_token`, or on any other address,
//! nobody looks without a token. Where no token is needed the `Host` must be this machine, or
//! another site could have its own name lead here (DNS rebinding).

use axum::http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};
use axum::http::request::Parts;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::session::Sessions;
use crate::secret::Secret;

/// What somebody may do; each includes what stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Right {
    Nothing,
    Look,
    Decide,
}

/// Who may do what.
#[derive(Debug, Clone)]
pub struct Access {
    /// Only this machine can reach us.
    loopback: bool,
    admin: Option<Secret>,
    read: Option<Secret>,
    sessions: Sessions,
}

impl Access {
    /// `loopback`: only this machine can reach the address.
    pub fn new(loopback: bool, admin: Option<Secret>, read: Option<Secret>) -> Self {
        let sessions = Sessions::new(admin.as_ref(), read.as_ref());
        Self { loopback, admin, read, sessions }
    }

    /// What somebody may do who shows nothing.
    pub(super) fn of_anybody(&self) -> Right {
        match (self.loopback, &self.read, &self.admin) {
            (false, _, _) | (_, Some(_), _) => Right::Nothing,
            (true, None, Some(_)) => Right::Look,
            (true, None, None) => Right::Decide,
        }
    }

    /// What the sender of a request may do.
    pub(super) fn of_request(&self, headers: &HeaderMap, now: Timestamp) -> Right {
        // Where there is no token a wrong one cannot be shown.
        if self.admin.is_none() && self.read.is_none() {
            return self.of_anybody();
        }
        match bearer(headers) {
            Some(token) => self.of_token(token),
            None => self.of_anybody().max(self.sessions.right_of(headers, now)),
        }
    }

    /// For browsers, which keep a session instead of a token.
    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// What the holder of a token may do.
    pub(super) fn of_token(&self, given: &str) -> Right {
        let is = |token: &Option<Secret>| {
            token.as_ref().is_some_and(|token| same(token.expose(), given))
        };
        // Both are looked at, so that the time tells nothing.
        match (is(&self.admin), is(&self.read)) {
            (true, _) => Right::Decide,
            (false, true) => Right::Look,
            (false, false) => Right::Nothing,
        }
    }

    /// Whether anybody could ever decide something here.
    pub(super) fn lets_decide(&self) -> bool {
        self.admin.is_some() || self.of_anybody() == Right::Decide
    }

    /// Whether the name under which we were reached is ours. Where a token is needed any name
    /// will do: another site's page has none to send.
    pub(super) fn knows_host(&self, head: &Parts) -> bool {
        self.of_anybody() == Right::Nothing || host(head).is_some_and(is_this_machine)
    }
}

/// Whether a request comes from a page of ours or from no page at all.
pub(super) fn is_own(head: &Parts) -> bool {
    let text = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text("sec-fetch-site"), text(ORIGIN.as_str())) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let origin = origin.split_once("://").map(|(_, host)| host);
            origin.is_some() && origin == host(head)
        }
        (None, None) => true,
    }
}

/// Compares two secrets in a time that does not depend on where they differ.
pub(super) fn same(one: &str, other: &str) -> bool {
    let (one, other) = (Sha256::digest(one), Sha256::digest(other));
    one.iter().zip(other.iter()).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The name and port under which we were reached.
fn host(head: &Parts) -> Option<&str> {
    match head.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => head.headers.get(HOST)?.to_str().ok(),
    }
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, _)) => name,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    match name.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => {
            let name = name.to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn access(loopback: bool, admin: Option<&str>, read: Option<&str>) -> Access {
        Access::new(loopback, admin.map(Secret::new), read.map(Secret::new))
    }

    fn head(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().uri("/x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn who_shows_nothing_may_do_what_the_address_and_the_tokens_leave() {
        assert_eq!(access(true, None, None).of_anybody(), Right::Decide);
        assert_eq!(access(true, Some("a"), None).of_anybody(), Right::Look);
        assert_eq!(access(true, None, Some("r")).of_anybody(), Right::Nothing);
        assert_eq!(access(true, Some("a"), Some("r")).of_anybody(), Right::Nothing);
        assert_eq!(access(false, Some("a"), None).of_anybody(), Right::Nothing);
        assert!(!access(true, None, Some("r")).lets_decide());
    }

    #[test]
    fn a_token_opens_what_it_is_for_and_a_wrong_one_nothing() {
        let access = access(true, Some("admin"), Some("read"));
        let right = |value: &str| {
            access.of_request(&head(&[("authorization", value)]).headers, Timestamp::UNIX_EPOCH)
        };

        assert_eq!(right("Bearer admin"), Right::Decide);
        assert_eq!(right("bearer read"), Right::Look);
        assert_eq!(right("Bearer admi"), Right::Nothing);
        assert_eq!(right("Basic admin"), Right::Nothing);
        assert_eq!(right("Bearer "), Right::Nothing);
    }

    #[test]
    fn a_wrong_token_is_worth_less_than_none() {
        let access = access(true, Some("admin"), None);
        let wrong = head(&[("authorization", "Bearer guess")]);

        let right = |headers: &HeaderMap| access.of_request(headers, Timestamp::UNIX_EPOCH);
        assert_eq!(right(&wrong.headers), Right::Nothing);
        assert_eq!(right(&HeaderMap::new()), Right::Look);
    }

    #[test]
    fn an_open_door_is_found_under_this_machines_names_only() {
        let open = access(true, None, None);
        let closed = access(true, Some("a"), Some("r"));
        let known = |access: &Access, host: &str| access.knows_host(&head(&[("host", host)]));

        for host in ["localhost:8750", "127.0.0.1", "[::1]:8750", "LOCALHOST", "a.localhost:1"] {
            assert!(known(&open, host), "{host}");
        }
        for host in ["evil.example:8750", "localhost.evil.example", "127.0.0.1.evil.example", ""] {
            assert!(!known(&open, host), "{host}");
            assert!(known(&closed, host), "{host}");
        }
        assert!(!open.knows_host(&head(&[])));
    }

    #[test]
    fn only_our_own_pages_and_no_page_at_all_may_ask_for_a_change() {
        let own = |headers: &[(&str, &str)]| is_own(&head(headers));
        let host = ("host", "bridge.example");

        assert!(own(&[host]));
        assert!(own(&[host, ("sec-fetch-site", "same-origin")]));
        assert!(own(&[host, ("origin", "https://bridge.example")]));
        assert!(!own(&[host, ("origin", "https://evil.example")]));
        assert!(!own(&[host, ("origin", "null")]));
        assert!(!own(&[host, ("sec-fetch-site", "cross-site")]));
        assert!(!own(&[host, ("sec-fetch-site", "same-site")]));
    }
}
