//! The config file from the disk: read to a limit, parsed, and its mode looked at.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Case, Config, Defaults, ParsedCases, masked, parse, parse_cases};
use crate::problem::Problem;
use crate::secret::Secret;

/// A config file and what it says.
pub struct Loaded {
    pub path: PathBuf,
    /// The text as it stands in the file, secrets included.
    pub text: Secret,
    /// The text with every byte at its place and no secret in it, for reports.
    pub masked: String,
    /// `None` where any problem is an error.
    pub config: Option<Config>,
    pub problems: Vec<Problem>,
}

/// A file of `[[test]]` tables and what it says.
#[derive(Debug)]
pub struct LoadedCases {
    pub path: PathBuf,
    /// The text with every byte at its place and no secret in it, for reports.
    pub masked: String,
    /// `None` where any problem is an error.
    pub cases: Option<Vec<Case>>,
    pub problems: Vec<Problem>,
}

/// Why a config file, or one of tests, could not even be looked at.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("the {what} file `{path}` cannot be read: {cause}")]
    Unreadable { what: &'static str, path: String, cause: std::io::Error },
    #[error("the {what} file `{path}` is larger than 1 MiB, so it is not a {what} file")]
    TooLarge { what: &'static str, path: String },
    #[error("{path}:{line}:{column}: the {what} file is not UTF-8 here")]
    NotUtf8 { what: &'static str, path: String, line: usize, column: usize },
}

/// Far more than any config; a file that was named by mistake is not read to its end.
const SIZE_MAX_BYTES: u64 = 1 << 20;

/// Reads and parses the file. Relative paths in it are relative to its folder.
///
/// # Errors
/// [`LoadError`] where there is no text to parse; mistakes in the text are problems.
pub fn load(path: &Path, defaults: &Defaults) -> Result<Loaded, LoadError> {
    let (text, metadata) = text_of(path, "config")?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let parsed = parse(&text, folder, defaults);
    let mut problems = parsed.problems;
    if parsed.has_inline_secrets {
        problems.extend(readable_by_others(&path.display().to_string(), &metadata));
    }
    let masked = masked(&text);
    let text = Secret::new(text);
    Ok(Loaded { path: path.to_owned(), text, masked, config: parsed.config, problems })
}

/// Reads and parses a file of tests for the rules of a config.
///
/// # Errors
/// [`LoadError`] where there is no text to parse; mistakes in the text are problems.
pub fn load_cases(path: &Path, config: &Config) -> Result<LoadedCases, LoadError> {
    let (text, _) = text_of(path, "test")?;
    let ParsedCases { cases, problems } = parse_cases(&text, config);
    Ok(LoadedCases { path: path.to_owned(), masked: masked(&text), cases, problems })
}

fn text_of(path: &Path, what: &'static str) -> Result<(String, std::fs::Metadata), LoadError> {
    let shown = || path.display().to_string();
    let unreadable = |cause| LoadError::Unreadable { what, path: shown(), cause };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let mut bytes = Vec::new();
    file.take(SIZE_MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > SIZE_MAX_BYTES {
        return Err(LoadError::TooLarge { what, path: shown() });
    }
    let text = String::from_utf8(bytes).map_err(|cause| {
        let valid = &cause.as_bytes()[..cause.utf8_error().valid_up_to()];
        let start = valid.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        LoadError::NotUtf8 {
            what,
            path: shown(),
            line: 1 + valid.iter().filter(|byte| **byte == b'\n').count(),
            column: 1 + String::from_utf8_lossy(&valid[start..]).chars().count(),
        }
    })?;
    Ok((text, metadata))
}

#[cfg(unix)]
fn readable_by_others(path: &str, metadata: &std::fs::Metadata) -> Option<Problem> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then(|| {
        let message = format!("the file holds secrets and others may use it (mode {mode:04o})");
        Problem::warning(message).help(format!("run chmod 600 {path}"))
    })
}

#[cfg(not(unix))]
fn readable_by_others(_: &str, _: &std::fs::Metadata) -> Option<Problem> {
    None
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded").field("path", &self.path).finish_non_exhaustive()
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn load_text(text: &[u8], mode: u32) -> Result<Loaded, LoadError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rules.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        load(&path, &Defaults { state_folder: Some("/state".into()) })
    }

    fn warned(text: &str, mode: u32) -> bool {
        let problems = load_text(text.as_bytes(), mode).unwrap().problems;
        problems.iter().any(|problem| problem.message.contains("others may use it"))
    }

    #[test]
    fn a_file_with_secrets_that_others_can_read_is_warned_about() {
        let inline = "[sources.main]\ntoken = \"abcdef\"\n";
        let in_headers = "[notifiers.a]\ntype = \"webhook\"\nurl = { env = \"U\" }\n\
                          headers = { Authorization = \"Bearer x\" }\n";
        let elsewhere = "[sources.main]\ntoken = { env = \"TOKEN\" }\n";

        assert!(warned(inline, 0o644));
        assert!(warned(inline, 0o640));
        assert!(warned(in_headers, 0o604));
        assert!(!warned(inline, 0o600));
        assert!(!warned(elsewhere, 0o644));
    }

    #[test]
    fn a_broken_byte_is_located() {
        let error = load_text(b"[service]\nkeep = \"\xff\"\n", 0o600).unwrap_err();

        assert!(error.to_string().ends_with("rules.toml:2:9: the config file is not UTF-8 here"));
    }

    #[test]
    fn a_huge_file_and_a_missing_one_are_told_apart() {
        let huge = load_text(&vec![b'#'; (1 << 20) + 1], 0o600).unwrap_err();
        let missing = load(Path::new("/nowhere/rules.toml"), &Defaults::default()).unwrap_err();

        assert!(matches!(huge, LoadError::TooLarge { .. }));
        assert!(missing.to_string().contains("`/nowhere/rules.toml` cannot be read"));
    }

    #[test]
    fn what_was_loaded_does_not_show_its_text() {
        let loaded = load_text(b"[sources.main]\ntoken = \"hunter2\"\n", 0o600).unwrap();

        assert!(!format!("{loaded:?}").contains("hunter2"));
        assert!(!loaded.masked.contains("hunter2"));
        assert_eq!(loaded.config.unwrap().sources.len(), 1);
    }
}
