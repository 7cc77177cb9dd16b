//! Signs requests as Standard Webhooks 1.0.0 says. Pure.
//!
//! `webhook` signs with every key it has, so that a receiver can change from one secret to the
//! next. <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::secret::Secret;

/// How a secret begins.
const PREFIX: &str = "whsec_";

/// How many random bytes the specification asks for.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// One secret, ready to sign with.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

/// Why a text is no secret to sign with. Does not hold it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    #[error("it does not begin with `whsec_`")]
    Prefix,
    #[error("what stands after `whsec_` is not base64")]
    Base64,
    #[error("it holds {0} bytes, and 24 to 64 are needed")]
    Length(usize),
}

impl Key {
    /// Reads a secret in the form `whsec_<base64>`.
    ///
    /// # Errors
    /// [`BadSecret`] says what is wrong with its form.
    pub fn parse(secret: &Secret) -> Result<Self, BadSecret> {
        let text = secret.expose().trim().strip_prefix(PREFIX).ok_or(BadSecret::Prefix)?;
        let unpadded = || STANDARD_NO_PAD.decode(text);
        let bytes = STANDARD.decode(text).or_else(|_| unpadded()).map_err(|_| BadSecret::Base64)?;
        if !KEY_BYTES.contains(&bytes.len()) {
            return Err(BadSecret::Length(bytes.len()));
        }
        let mac = Hmac::new_from_slice(&bytes).map_err(|_| BadSecret::Length(bytes.len()))?;
        Ok(Self(mac))
    }

    fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

/// The value of `webhook-signature`: one signature for each key.
pub fn signatures(keys: &[Key], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signatures: Vec<_> = keys.iter().map(|key| key.sign(id, timestamp, body)).collect();
    signatures.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTING: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn key(secret: &str) -> Key {
        Key::parse(&Secret::new(secret)).unwrap()
    }

    #[test]
    fn the_vectors_of_the_specification_and_of_two_other_libraries_hold() {
        let spec = key("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        let body = r#"{"email":"test@example.com","username":"test_user"}"#;
        assert_eq!(
            spec.sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553, body.as_bytes()),
            "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
        );

        let body = "{\"type\":\"job.succeeded\",\"timestamp\":\"2026-11-23T15:13:00Z\",\
                    \"data\":{\"id\":\"job_1\",\"name\":\"café ✅\"}}";
        let sign = |body: &str| {
            key(COUNTING).sign("evt_01HZZZZZZZZZZZZZZZZZZZZZZZ", 1_795_446_780, body.as_bytes())
        };
        assert_eq!(sign(body), "v1,sXSYcP1bWPqiiW7mszv9JMqGoODeZEVtTF7dHnriUT8=");
        assert_eq!(sign(""), "v1,34HoMuClDKgryxX0bYImtPMO/D2xvfqD9LgS2mfJWPU=");
    }

    #[test]
    fn every_key_signs() {
        let keys = [key(COUNTING), key("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")];

        let value = signatures(&keys, "id", 1, b"body");

        let each: Vec<_> = value.split(' ').collect();
        assert_eq!(each, [keys[0].sign("id", 1, b"body"), keys[1].sign("id", 1, b"body")]);
    }

    #[test]
    fn a_secret_of_another_form_is_told_what_it_lacks() {
        let why = |text: &str| Key::parse(&Secret::new(text)).unwrap_err();

        assert_eq!(why("C2FVsBQIhrscChlQIMV+b5sSYspob7oD"), BadSecret::Prefix);
        assert_eq!(why("whsec_not base64!"), BadSecret::Base64);
        assert_eq!(why("whsec_AAECAwQF"), BadSecret::Length(6));
        assert_eq!(why(&format!("whsec_{}", "A".repeat(88))), BadSecret::Length(66));
        assert!(!format!("{:?}", key(COUNTING)).contains("AAEC"));
    }
}
