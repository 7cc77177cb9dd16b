//! The URL of a webhook, which may hold the delivery's id.
//!
//! `{{delivery.id}}` may stand in the path or the query, for receivers that take a repeated PUT
//! to one place as one message. Nothing but the config ever decides the host.

use url::Url;

use crate::deliver::http::sendable_url;
use crate::secret::Secret;

const PLACEHOLDERS: [&str; 2] = ["{{delivery.id}}", "{{ delivery.id }}"];

/// A checked URL.
#[derive(Debug)]
pub struct Target {
    /// As the config has it, where it holds a place for the id.
    written: Option<Secret>,
    sample: SecretUrl,
}

/// A URL that shows only its origin.
struct SecretUrl(Url);

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/…", self.0.origin().ascii_serialization())
    }
}

impl Target {
    /// Checks a URL.
    ///
    /// # Errors
    /// What is wrong with it and what to do, without the URL.
    pub fn parse(written: &Secret) -> Result<Self, (String, &'static str)> {
        const HELP: &str = "write a whole https URL, like https://example.com/hook";
        const HOST: &str = "leave the host fixed: only the path may hold {{delivery.id}}";
        let text = written.expose().trim();
        let (before_path, _) = split_at_path(text);
        if before_path.contains("{{") {
            return Err(("its host depends on the message".into(), HOST));
        }
        let filled = fill(text, "0");
        if filled.contains("{{") {
            return Err((
                "it holds a placeholder that is not known".into(),
                "only {{delivery.id}} can stand in a URL",
            ));
        }
        let sample = sendable_url(&filled).map_err(|why| (why.to_string(), HELP))?;
        let written = (filled != text).then(|| Secret::new(text));
        Ok(Self { written, sample: SecretUrl(sample) })
    }

    /// The URL with a made-up id: its scheme and host are those of every message.
    pub fn sample(&self) -> &Url {
        &self.sample.0
    }

    /// The URL for one delivery.
    pub fn url(&self, delivery_id: &str) -> Option<Url> {
        let Some(written) = &self.written else { return Some(self.sample.0.clone()) };
        let url = sendable_url(&fill(written.expose(), &encoded(delivery_id))).ok()?;
        (url.origin() == self.sample.0.origin()).then_some(url)
    }
}

fn fill(text: &str, id: &str) -> String {
    PLACEHOLDERS.iter().fold(text.to_owned(), |text, placeholder| text.replace(placeholder, id))
}

/// Up to the slash, question mark or hash that ends the host, and the rest.
fn split_at_path(text: &str) -> (&str, &str) {
    let host_at = text.find("://").map_or(0, |at| at + 3);
    let host_len = text[host_at..].find(['/', '\\', '?', '#']);
    text.split_at(host_len.map_or(text.len(), |len| host_at + len))
}

/// Percent-encodes all but what never needs it, so that an id stays one segment.
fn encoded(id: &str) -> String {
    id.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, (String, &'static str)> {
        Target::parse(&Secret::new(url))
    }

    #[test]
    fn an_id_fills_one_segment_of_the_path_whatever_it_holds() {
        let url = |id| {
            let target = target("https://m.example/send/{{delivery.id}}?x={{ delivery.id }}");
            target.unwrap().url(id).unwrap().to_string()
        };

        assert_eq!(url("ab12"), "https://m.example/send/ab12?x=ab12");
        assert_eq!(
            url("../a?b#c"),
            "https://m.example/send/%2E%2E%2Fa%3Fb%23c?x=%2E%2E%2Fa%3Fb%23c"
        );
    }

    #[test]
    fn the_host_cannot_depend_on_the_message() {
        for url in [
            "https://{{delivery.id}}.example/",
            "https://a.example{{delivery.id}}/x",
            "https://u:{{delivery.id}}@a.example/",
            "https://{{delivery.id}}",
        ] {
            assert_eq!(target(url).unwrap_err().0, "its host depends on the message", "{url}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_said_without_it() {
        let shown = |url| {
            let (problem, help) = target(url).unwrap_err();
            format!("{problem}; {help}")
        };

        insta::assert_snapshot!(shown("http://a.example/s3cret"), @"it is not https, and its host is not this machine; write a whole https URL, like https://example.com/hook");
        insta::assert_snapshot!(shown("https://a.example/{{job.id}}"), @"it holds a placeholder that is not known; only {{delivery.id}} can stand in a URL");
        let debug = format!("{:?}", target("https://a.example/s3cret").unwrap());
        assert!(!debug.contains("s3cret"), "{debug}");
    }
}
