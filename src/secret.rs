//! Secrets: values that never show, and where they come from.
//!
//! [`Secret`] redacts itself in `Debug` and has no `Display`. [`SecretSource`] is a secret as
//! the config writes it: by value, or where to read it. [`Resolver`] reads it when the
//! secret is needed, not before, so that `check` works without any. [`Redactor`] takes known
//! secrets out of texts that came from elsewhere.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use secrecy::{ExposeSecret, SecretString};
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

/// A value that must not show: no `Display`, a redacted `Debug`, wiped from memory on drop.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a value in.
    pub fn new(value: impl Into<String>) -> Self {
        Self(SecretString::from(value.into()))
    }

    /// The value itself: for the one place that hands it to the other side.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A secret as the config writes it.
#[derive(Debug, Clone)]
pub enum SecretSource {
    /// A plain string.
    Inline(Secret),
    /// `{ env = "NAME" }`
    Env(String),
    /// `{ file = "PATH" }`, relative to the config file; one trailing newline is cut.
    File(PathBuf),
    /// `{ credential = "NAME" }`: a file of that name in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// Why a secret could not be read. Never holds the secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    #[error("the environment variable `{0}` is not set")]
    EnvUnset(String),
    #[error("the environment variable `{0}` is empty")]
    EnvEmpty(String),
    #[error("the file `{path}` cannot be read: {cause}")]
    File { path: String, cause: String },
    #[error("the file `{0}` is empty")]
    FileEmpty(String),
    #[error("`CREDENTIALS_DIRECTORY` is not set, so the credential `{0}` cannot be found")]
    NoCredentials(String),
}

/// Where secrets are read from: the environment as it was at the start, and files.
#[derive(Clone, Default)]
pub struct Resolver {
    env: HashMap<String, String>,
    base: PathBuf,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Resolver {
    /// Uses the process's environment; relative files are relative to `base`, the config
    /// file's folder.
    pub fn of_process(base: &Path) -> Self {
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self { env, base: base.to_owned() }
    }

    /// Uses the variables given; for tests.
    pub fn of_vars(vars: &[(&str, &str)], base: &Path) -> Self {
        let env = vars.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Self { env, base: base.to_owned() }
    }

    /// Reads a secret.
    ///
    /// # Errors
    /// [`Unresolved`] says which variable or file is missing, unreadable or empty.
    pub fn resolve(&self, source: &SecretSource) -> Result<Secret, Unresolved> {
        match source {
            SecretSource::Inline(secret) => Ok(secret.clone()),
            SecretSource::Env(name) => match self.env.get(name) {
                None => Err(Unresolved::EnvUnset(name.clone())),
                Some(value) if value.is_empty() => Err(Unresolved::EnvEmpty(name.clone())),
                Some(value) => Ok(Secret::new(value.clone())),
            },
            SecretSource::File(path) => read_secret_file(&self.base.join(path)),
            SecretSource::Credential(name) => match self.env.get("CREDENTIALS_DIRECTORY") {
                None => Err(Unresolved::NoCredentials(name.clone())),
                Some(folder) => read_secret_file(&Path::new(folder).join(name)),
            },
        }
    }
}

fn read_secret_file(path: &Path) -> Result<Secret, Unresolved> {
    let text = std::fs::read_to_string(path).map_err(|cause| Unresolved::File {
        path: path.display().to_string(),
        cause: cause.to_string(),
    })?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(Unresolved::FileEmpty(path.display().to_string()));
    }
    Ok(Secret::new(text))
}

impl<'de> Deserialize<'de> for SecretSource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

const SECRET_FORMS: &str =
    "a string, { env = \"NAME\" }, { file = \"PATH\" } or { credential = \"NAME\" }";

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = SecretSource;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SECRET_FORMS)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<SecretSource, E> {
        if value.is_empty() {
            return Err(E::custom("a secret must not be empty"));
        }
        Ok(SecretSource::Inline(Secret::new(value)))
    }

    // serde's own words for a wrong type would quote the value.
    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<SecretSource, E> {
        Err(E::custom(format!("expected {SECRET_FORMS}, not a number")))
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<SecretSource, E> {
        Err(E::custom(format!("expected {SECRET_FORMS}, not a number")))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretSource, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(A::Error::custom(format!("expected {SECRET_FORMS}")));
        };
        let source = match key.as_str() {
            "env" => SecretSource::Env(map.next_value()?),
            "file" => SecretSource::File(map.next_value()?),
            "credential" => {
                let name: String = map.next_value()?;
                if name.is_empty() || name.contains('/') || name == ".." || name == "." {
                    return Err(A::Error::custom("a credential is named without a path"));
                }
                SecretSource::Credential(name)
            }
            other => {
                return Err(A::Error::custom(format!(
                    "unknown key `{other}`: use one of env, file, credential"
                )));
            }
        };
        if map.next_key::<String>()?.is_some() {
            return Err(A::Error::custom("use only one of env, file, credential"));
        }
        Ok(source)
    }
}

impl JsonSchema for SecretSource {
    fn schema_name() -> Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let by = |key: &str, what: &str| {
            serde_json::json!({
                "type": "object", "additionalProperties": false, "required": [key],
                "properties": { key: { "type": "string", "description": what } }
            })
        };
        json_schema!({
            "description": "A secret: the value itself, or where to read it.",
            "oneOf": [
                { "type": "string", "minLength": 1 },
                by("env", "the environment variable that holds it"),
                by("file", "the file that holds it, relative to this one"),
                by("credential", "the systemd credential that holds it"),
            ]
        })
    }
}

/// Replaces every known secret in a text by `***`.
#[derive(Clone, Default)]
pub struct Redactor {
    needles: Vec<Secret>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.needles.len())
    }
}

impl Redactor {
    /// Shorter texts would blot out ordinary words.
    const MIN_BYTES: usize = 6;

    /// Learns a secret. Of a URL its path, its query and the last part of its path count as
    /// well, since services echo them without the host.
    pub fn learn(&mut self, secret: &Secret) {
        let text = secret.expose();
        self.add(text);
        if let Some((_, rest)) = text.split_once("://")
            && let Some((authority, path)) = rest.split_once('/')
        {
            self.add(path);
            path.split(['/', '?', '&', '='])
                .filter(|part| part.len() >= 16)
                .for_each(|part| self.add(part));
            if let Some((user, _)) = authority.rsplit_once('@') {
                self.add(user);
            }
        }
        // Longest first, so that a part does not break up the whole.
        self.needles.sort_by_key(|needle| std::cmp::Reverse(needle.expose().len()));
    }

    /// The text with every secret that was learnt replaced.
    pub fn clean(&self, text: &str) -> String {
        self.needles
            .iter()
            .fold(text.to_owned(), |text, needle| text.replace(needle.expose(), "***"))
    }

    fn add(&mut self, text: &str) {
        let known = self.needles.iter().any(|needle| needle.expose() == text);
        if text.len() >= Self::MIN_BYTES && !known {
            self.needles.push(Secret::new(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_shows() {
        let secret = Secret::new("hunter2-hunter2");

        let shown = format!("{secret:?} {:?}", SecretSource::Inline(secret.clone()));

        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn a_redactor_takes_out_a_url_and_its_telling_parts() {
        let mut redactor = Redactor::default();
        redactor
            .learn(&Secret::new("https://hooks.slack.com/services/T0/B0/abcdefghijklmnopqrstuvwx"));

        let cleaned = redactor.clean(
            "no service at /services/T0/B0/abcdefghijklmnopqrstuvwx, token abcdefghijklmnopqrstuvwx",
        );

        assert_eq!(cleaned, "no service at /***, token ***");
    }

    #[test]
    fn a_file_loses_one_trailing_newline() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "value\r\n").unwrap();
        let resolver = Resolver::of_vars(&[], folder.path());

        let secret = resolver.resolve(&SecretSource::File("token".into())).unwrap();

        assert_eq!(secret.expose(), "value");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let resolver = Resolver::of_vars(&[("EMPTY", "")], Path::new("/nowhere"));
        let why = |source| resolver.resolve(&source).unwrap_err().to_string();

        assert_eq!(why(SecretSource::Env("X".into())), "the environment variable `X` is not set");
        assert_eq!(
            why(SecretSource::Env("EMPTY".into())),
            "the environment variable `EMPTY` is empty"
        );
        assert!(
            why(SecretSource::File("a".into())).starts_with("the file `/nowhere/a` cannot be read")
        );
        assert!(why(SecretSource::Credential("c".into())).contains("CREDENTIALS_DIRECTORY"));
    }

    #[test]
    fn the_forms_of_a_secret_are_read_and_mistakes_are_told_without_the_value() {
        #[derive(serde::Deserialize, Debug)]
        struct Holder {
            s: SecretSource,
        }
        let read = |text: &str| toml::from_str::<Holder>(text).map(|holder| holder.s);

        assert!(matches!(read("s = 'abc'"), Ok(SecretSource::Inline(_))));
        assert!(matches!(read("s = {env='A'}"), Ok(SecretSource::Env(_))));
        assert!(matches!(read("s = {credential='a'}"), Ok(SecretSource::Credential(_))));
        assert!(read("s = {enw='A'}").unwrap_err().message().contains("use one of env, file"));
        assert!(read("s = {credential='../a'}").is_err());
        assert!(!read("s = 987654321").unwrap_err().message().contains("987654321"));
    }
}
