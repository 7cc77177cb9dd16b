//! `type = "webhook"`: any HTTP endpoint.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use toml::Spanned;

use super::address::{guarded_url, is_http_token};
use super::length::short;
use super::notes::Notes;
use super::table::{Keys, Table};
use super::taken::{OkWritten, WaitWritten, take_ok, take_wait};
use crate::deliver::webhook::settings::WebhookSettings;
use crate::secret::{Secret, SecretSource};

/// Sends the event to any HTTP endpoint.
#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct WebhookWritten {
    /// Where to; plain http only to this machine. `{{delivery.id}}` in its path stands for
    /// the delivery's id, which is the same at every attempt.
    #[schemars(with = "SecretSource", extend("examples" = ["https://example.com/hook"]))]
    url: Option<Spanned<SecretSource>>,
    /// The request's method.
    #[schemars(with = "Option<String>", extend("default" = "POST", "examples" = ["POST"]))]
    method: Option<Spanned<String>>,
    /// Headers to send; each value may be a secret.
    #[schemars(with = "Option<BTreeMap<String, SecretSource>>", extend("examples" = [{ "Authorization": { "env": "HOOK_AUTH" } }]))]
    headers: Option<BTreeMap<Spanned<String>, Spanned<SecretSource>>>,
    /// Signs every request per Standard Webhooks; a list signs with each.
    #[schemars(with = "Option<SecretsWritten>", extend("examples" = [{ "env": "HOOK_SECRET" }]))]
    secret: Option<Spanned<SecretsWritten>>,
    /// What counts as taken: the answer's status, and a value in its body. Default any 2xx.
    #[serde(rename = "ok")]
    #[schemars(with = "Option<OkWritten>", extend("examples" = [{ "status": [200, 202], "json": { "pointer": "/ok", "equals": true } }]))]
    _ok: Option<IgnoredAny>,
    /// Where an answer names the time to wait before the next try: a header or a place in its
    /// body. `Retry-After` is read where nothing is found there.
    #[serde(rename = "retry_after")]
    #[schemars(with = "Option<WaitWritten>", extend("examples" = [{ "json": "/parameters/retry_after", "unit": "s" }]))]
    _retry_after: Option<IgnoredAny>,
}

/// One secret or a list of them.
#[derive(Debug, Clone)]
struct SecretsWritten(Vec<SecretSource>);

/// What stands for the delivery's id.
const DELIVERY_ID: [&str; 2] = ["{{delivery.id}}", "{{ delivery.id }}"];

/// Headers that belong to the connection, to the message's frame or to the signature.
const OWN_HEADERS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

pub(super) fn read(
    mut table: Table<'_>,
    keys: &Keys,
    notes: &mut Notes<'_>,
) -> Option<WebhookSettings> {
    let ok = take_ok(&mut table, notes);
    let retry_after = take_wait(&mut table, notes);
    let written: WebhookWritten = table.read(keys, notes);
    let method = method(written.method.as_ref(), notes);
    let headers = headers(written.headers.unwrap_or_default(), notes);
    if let Some(secrets) = &written.secret {
        check_secrets(secrets, notes);
    }
    let url = written.url?;
    if let SecretSource::Inline(secret) = url.get_ref() {
        check_url(secret.expose(), url.span(), notes);
    }
    Some(WebhookSettings {
        url: url.into_inner(),
        method,
        headers,
        secrets: written.secret.map(|secrets| secrets.into_inner().0).unwrap_or_default(),
        ok,
        retry_after,
    })
}

fn check_url(text: &str, span: Range<usize>, notes: &mut Notes<'_>) {
    const KEY: &str = "url";
    // Letters and digits pass every part of a URL unchanged, so the mark can be found again.
    const MARK: &str = "deliveryidgoeshere0";
    let with =
        |put: &str| DELIVERY_ID.iter().fold(text.to_owned(), |text, id| text.replace(id, put));
    let Some(url) = guarded_url(&with(MARK), KEY, span.clone(), notes) else { return };
    if url.as_str().matches(MARK).count() > url.path().matches(MARK).count() {
        notes.error(KEY, span.clone(), format!("`{}` may stand only in the path", DELIVERY_ID[0]));
    }
    let rest = with("");
    if rest.contains("{{") || rest.contains("}}") {
        let message = format!("a URL takes no template but `{}`", DELIVERY_ID[0]);
        notes.error(KEY, span.clone(), message);
    }
    if url.fragment().is_some() {
        notes.error(KEY, span, "the part after `#` is never sent: take it out");
    }
}

fn method(written: Option<&Spanned<String>>, notes: &mut Notes<'_>) -> String {
    let Some(written) = written else { return "POST".into() };
    let method = written.get_ref().to_ascii_uppercase();
    if !is_http_token(&method) || matches!(method.as_str(), "CONNECT" | "TRACE") {
        let message = format!("`{}` cannot be the method", short(written.get_ref()));
        notes.error_with_help("method", written.span(), message, "use POST, PUT or PATCH");
    }
    method
}

fn headers(
    written: BTreeMap<Spanned<String>, Spanned<SecretSource>>,
    notes: &mut Notes<'_>,
) -> Vec<(String, SecretSource)> {
    const KEY: &str = "headers";
    let mut headers: Vec<(String, SecretSource)> = Vec::new();
    for (name, value) in written {
        let lower = name.get_ref().to_ascii_lowercase();
        if !is_http_token(&lower) {
            notes.error(KEY, name.span(), "a header's name holds letters, digits and hyphens only");
        } else if OWN_HEADERS.contains(&lower.as_str()) {
            notes.error(KEY, name.span(), format!("the header `{lower}` is set by the connection"));
        } else if lower.starts_with("webhook-") {
            let message = format!("the header `{lower}` is kept for the signature");
            notes.error_with_help(KEY, name.span(), message, "use `secret` to sign requests");
        } else if headers.iter().any(|(known, _)| *known == lower) {
            notes.error(KEY, name.span(), format!("the header `{lower}` is given twice"));
        }
        if let SecretSource::Inline(text) = value.get_ref() {
            check_header_value(text, value.span(), notes);
        }
        headers.push((lower, value.into_inner()));
    }
    headers
}

fn check_header_value(value: &Secret, span: Range<usize>, notes: &mut Notes<'_>) {
    let visible = |byte: u8| byte == b'\t' || (b' '..=b'~').contains(&byte);
    if !value.expose().bytes().all(visible) {
        notes.error("headers", span, "a header's value may hold visible ASCII only");
    }
}

fn check_secrets(written: &Spanned<SecretsWritten>, notes: &mut Notes<'_>) {
    const KEY: &str = "secret";
    let secrets = &written.get_ref().0;
    if secrets.is_empty() {
        let message = "the list is empty, so nothing would be signed";
        notes.error_with_help(KEY, written.span(), message, "take `secret` out, or name a secret");
    }
    for secret in secrets {
        if let SecretSource::Inline(text) = secret
            && !is_signing_secret(text.expose())
        {
            let message = "this is not a secret of Standard Webhooks";
            let help = "write whsec_ and the base64 of 24 to 64 random bytes";
            notes.error_with_help(KEY, written.span(), message, help);
        }
    }
}

/// <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>
fn is_signing_secret(text: &str) -> bool {
    let decode =
        |encoded: &str| STANDARD.decode(encoded).or_else(|_| STANDARD_NO_PAD.decode(encoded));
    let bytes = text.trim().strip_prefix("whsec_").and_then(|encoded| decode(encoded).ok());
    bytes.is_some_and(|bytes| (24..=64).contains(&bytes.len()))
}

impl<'de> Deserialize<'de> for SecretsWritten {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretsVisitor)
    }
}

struct SecretsVisitor;

impl<'de> Visitor<'de> for SecretsVisitor {
    type Value = SecretsWritten;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret or a list of secrets")
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<SecretsWritten, E> {
        if value.is_empty() {
            return Err(E::custom("a secret must not be empty"));
        }
        Ok(SecretsWritten(vec![SecretSource::Inline(Secret::new(value))]))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SecretsWritten, A::Error> {
        let one = SecretSource::deserialize(MapAccessDeserializer::new(map))?;
        Ok(SecretsWritten(vec![one]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<SecretsWritten, A::Error> {
        let mut secrets = Vec::new();
        while let Some(secret) = items.next_element()? {
            secrets.push(secret);
        }
        Ok(SecretsWritten(secrets))
    }
}

impl JsonSchema for SecretsWritten {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Secrets".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<SecretSource>();
        json_schema!({ "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] })
    }
}
