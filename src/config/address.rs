//! Hosts, URLs and names: what may be contacted how, and what a thing may be called.
//!
//! Secrets go out only over TLS or to this machine. No message here quotes a URL, since a URL
//! may be a credential.

use std::net::IpAddr;
use std::ops::Range;

use url::{Host, Url};

use super::length::short;
use super::notes::Notes;
use crate::problem::Problem;

/// Whether a URL's host is this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_loopback_name(name),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Whether a host's name or address is this machine.
pub(super) fn is_loopback_host(host: &str) -> bool {
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(ip) => ip.is_loopback(),
        Err(_) => is_loopback_name(host),
    }
}

fn is_loopback_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Reads a URL that is `https`, or `http` to this machine; notes what is wrong with it
/// without quoting it.
pub(super) fn guarded_url(
    text: &str,
    key: &str,
    span: Range<usize>,
    notes: &mut Notes<'_>,
) -> Option<Url> {
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(cause) => {
            let message = format!("this is not a URL: {cause}");
            notes.error_with_help(key, span, message, "write it whole, like https://host/path");
            return None;
        }
    };
    match url.scheme() {
        "https" => Some(url),
        "http" if is_loopback(&url) => Some(url),
        "http" => {
            let message = "plain http is allowed only to this machine";
            notes.error_with_help(key, span, message, "use https");
            None
        }
        _ => {
            notes.error(key, span, "the URL must begin with https://");
            None
        }
    }
}

/// Checks what a source or a notifier is called.
pub(super) fn check_name(name: &str, span: Range<usize>, notes: &mut Notes<'_>) {
    const MAX_BYTES: usize = 64;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > MAX_BYTES || !name.bytes().all(fits) {
        let message = format!("`{}` cannot be a name", short(name));
        let help = format!("use 1 to {MAX_BYTES} letters, digits, `_` and `-`");
        notes.whole(Problem::error(message).at(span).help(help));
    }
}

/// Whether a text is a token of HTTP: a method, a header's name.
/// <https://www.rfc-editor.org/rfc/rfc9110#name-tokens>
pub(super) fn is_http_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_counts_as_loopback() {
        let loopback = |url: &str| is_loopback(&Url::parse(url).unwrap());

        assert!(loopback("http://localhost:1/"));
        assert!(loopback("http://api.localhost/"));
        assert!(loopback("http://127.9.9.9/"));
        assert!(loopback("http://[::1]:80/"));
        assert!(!loopback("http://localhost.evil.example/"));
        assert!(!loopback("http://127.0.0.1.evil.example/"));
        assert!(!loopback("http://10.0.0.1/"));
        assert!(is_loopback_host("[::1]") && is_loopback_host("LOCALHOST."));
        assert!(!is_loopback_host("mail.example.com"));
    }

    #[test]
    fn a_bad_url_is_told_without_its_text() {
        let mut problems = Vec::new();
        let mut notes = Notes::new("notifier `n`", &mut problems);

        for text in ["hunter2", "ftp://hunter2/x", "http://example.com/hunter2", "https://:hunter2"]
        {
            assert_eq!(guarded_url(text, "url", 0..1, &mut notes), None, "{text}");
        }

        assert_eq!(problems.len(), 4);
        assert!(!format!("{problems:?}").contains("hunter2"));
    }
}
