//! Ids and fingerprints: opaque values with one door each.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The API's own name for a job: opaque, never empty, at most [`JobId::MAX_BYTES`] long.
///
/// The published schema says UUID, the live service does not keep to it, so nothing is
/// assumed about the form. Percent-encode it where it goes into a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct JobId(String);

/// The text given for a [`JobId`] was empty, too long to be one, or holds a zero byte, at which
/// databases end a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a job id is 1 to {max} bytes long and none of them is zero, this one has {0} bytes", max = JobId::MAX_BYTES)]
pub struct EmptyId(pub usize);

impl JobId {
    /// Longer "ids" are not ids; live ones have about 100 bytes.
    pub const MAX_BYTES: usize = 512;

    /// # Errors
    /// [`EmptyId`] when the text is empty, longer than [`JobId::MAX_BYTES`] or holds a zero byte.
    pub fn parse(raw: &str) -> Result<Self, EmptyId> {
        if raw.is_empty() || raw.len() > Self::MAX_BYTES || raw.contains('\0') {
            return Err(EmptyId(raw.len()));
        }
        Ok(Self(raw.to_owned()))
    }

    /// The id as the API wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names an event: 24 hexadecimal digits made from its key, so the same happening has the
/// same id however often it is detected.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId(String);

/// Names a delivery: 24 hexadecimal digits made from its key. Stable over attempts and
/// restarts; receivers see it as `webhook-id` and within `Message-ID`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeliveryId(String);

impl EventId {
    /// The id of the event with this key.
    pub fn of(source: &str, subject: &str, slot: &str, occurrence: &str) -> Self {
        Self(digest_of(&["event", source, subject, slot, occurrence]))
    }

    /// Takes an id back from storage or the command line, unchecked: it is only compared.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl DeliveryId {
    /// The id of what `rule` owes `recipient` through `notifier` about an event or a group.
    pub fn of(event_or_group: &str, rule: &str, notifier: &str, recipient: &str) -> Self {
        Self(digest_of(&["delivery", event_or_group, rule, notifier, recipient]))
    }

    /// Takes an id back from storage or the command line, unchecked: it is only compared.
    pub fn from_stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first 64 bits of a SHA-256: tells whether a text is the one seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Fingerprint(pub i64);

impl Fingerprint {
    /// The fingerprint of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(i64::from_be_bytes(first))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Hashes the parts with their lengths, so that moving a border changes the digest.
fn digest_of(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    let digest = hasher.finalize();
    let mut text = String::with_capacity(24);
    text.extend(digest[..12].iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_depends_on_where_its_parts_end() {
        assert_ne!(EventId::of("a", "bc", "x", ""), EventId::of("ab", "c", "x", ""));
        assert_eq!(EventId::of("a", "b", "x", ""), EventId::of("a", "b", "x", ""));
        assert_eq!(EventId::of("a", "b", "x", "").as_str().len(), 24);
    }

    #[test]
    fn a_job_id_is_opaque_but_has_a_length() {
        assert!(JobId::parse("project-agent-edit-1b6f/ü").is_ok());
        assert_eq!(JobId::parse(""), Err(EmptyId(0)));
        assert!(JobId::parse(&"x".repeat(513)).is_err());
        assert!(JobId::parse("a\0b").is_err());
    }
}
