//! The part of a URL after the question mark: filters, pages, lengths of time.

use std::collections::BTreeMap;

use axum::http::request::Parts;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::answer::Refusal;

/// Rows on a page, where the request does not say.
const ROWS_USUAL: u32 = 50;
const ROWS_MOST: u32 = 1_000;

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads them; one that is not known, or comes twice, is refused.
    pub(super) fn parse(head: &Parts, known: &[&str]) -> Result<Self, Refusal> {
        let mut found = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(head.uri.query().unwrap_or("").as_bytes()) {
            if !known.contains(&name.as_ref()) {
                let known = known.join(", ");
                return Err(Refusal::bad(match known.as_str() {
                    "" => "there are no parameters here".to_owned(),
                    known => format!("an unknown parameter: use {known}"),
                }));
            }
            let twice = Refusal::bad(format!("`{name}` was given twice"));
            if found.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(twice);
            }
        }
        Ok(Self(found))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    /// A parameter that is one of a set of words.
    pub(super) fn word<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Refusal> {
        self.get(name).map(parse).transpose().map_err(Refusal::bad)
    }

    /// How many rows are wanted.
    pub(super) fn limit(&self) -> Result<u32, Refusal> {
        let Some(text) = self.get("limit") else { return Ok(ROWS_USUAL) };
        let limit = text.parse().ok().filter(|limit| (1..=ROWS_MOST).contains(limit));
        limit.ok_or_else(|| Refusal::bad(format!("`limit` is a number from 1 to {ROWS_MOST}")))
    }

    /// Where the page before this one ended.
    pub(super) fn cursor<T: DeserializeOwned>(&self) -> Result<Option<T>, Refusal> {
        let Some(text) = self.get("cursor") else { return Ok(None) };
        let place = BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let odd = "`cursor` is not one of this listing: take `next_cursor` of the page before";
        place.map(Some).ok_or_else(|| Refusal::bad(odd))
    }

    /// Since when: `1h` ago, or a time.
    pub(super) fn since(&self, now: Timestamp) -> Result<Option<Timestamp>, Refusal> {
        let Some(text) = self.get("since") else { return Ok(None) };
        let ago = length(text).and_then(|ago| now.checked_sub(ago).ok());
        let since = ago.or_else(|| text.parse().ok());
        let odd =
            "`since` is a length of time, like 1h or 7d, or a time, like 2026-01-31T08:00:00Z";
        since.map(Some).ok_or_else(|| Refusal::bad(odd))
    }
}

/// The place as an opaque text.
pub(super) fn cursor_of(place: &impl Serialize) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(place).unwrap_or_default())
}

/// A length of time as the config writes it: `90s`, `1h30m`, `7d`.
fn length(text: &str) -> Option<SignedDuration> {
    let mut seconds: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, unit) = rest.split_at(digits);
        let of_unit = match unit.chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        seconds = seconds.checked_add(number.parse::<i64>().ok()?.checked_mul(of_unit)?)?;
        rest = unit.get(1..)?;
    }
    (!text.is_empty()).then(|| SignedDuration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn query(text: &str) -> Result<Query, Refusal> {
        let request = Request::builder().uri(format!("/x?{text}")).body(()).unwrap();
        Query::parse(&request.into_parts().0, &["limit", "cursor", "since"])
    }

    #[test]
    fn a_cursor_comes_back_as_the_place_it_was_made_of() {
        let text = cursor_of(&(5, "job/ü", "main"));

        let place: (i64, String, String) =
            query(&format!("cursor={text}")).unwrap().cursor().unwrap().unwrap();

        assert_eq!(place, (5, "job/ü".into(), "main".into()));
        assert!(query(&format!("cursor={text}")).unwrap().cursor::<i64>().is_err());
        assert!(query("cursor=%00").unwrap().cursor::<i64>().is_err());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(query("limt=5").is_err());
        assert!(query("limit=5&limit=6").is_err());
        for text in ["0", "1001", "-1", "x", ""] {
            assert!(query(&format!("limit={text}")).unwrap().limit().is_err(), "{text}");
        }
        for text in ["1", "h", "1y", "", "1h-", "99999999999999999999d", "9999999999999d"] {
            let since = query(&format!("since={text}")).unwrap().since(Timestamp::UNIX_EPOCH);
            assert!(since.is_err(), "{text}");
        }
    }

    #[test]
    fn since_is_a_length_or_a_time() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        let since = |text: &str| query(&format!("since={text}")).unwrap().since(now).unwrap();

        assert_eq!(since("1h30m").unwrap().to_string(), "2026-01-09T22:30:00Z");
        assert_eq!(since("7d").unwrap().to_string(), "2026-01-03T00:00:00Z");
        assert_eq!(since("2026-01-01T00:00:00Z").unwrap().to_string(), "2026-01-01T00:00:00Z");
    }
}
