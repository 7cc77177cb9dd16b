//! Globs and regular expressions, compiled within limits.
//!
//! A glob's `*` also stands for slashes: names of projects and media are not paths of ours.

use globset::{GlobBuilder, GlobMatcher, GlobSet};
use regex::{Regex, RegexBuilder};

/// How big a compiled regular expression may be, in bytes.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// Compiles a glob.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn glob(text: &str) -> Result<GlobMatcher, String> {
    let in_words = |error: globset::Error| match error.kind() {
        globset::ErrorKind::Regex(_) => "it is too big".to_owned(),
        kind => kind.to_string(),
    };
    let glob = GlobBuilder::new(text).backslash_escape(true).build().map_err(in_words)?;
    // A single matcher cannot say that it is too big: it panics. A set can.
    GlobSet::new([glob.clone()]).map_err(in_words)?;
    Ok(glob.compile_matcher())
}

/// Compiles a regular expression. It may match anywhere in a text.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn regex(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "it is too big".into(),
        error => {
            let text = error.to_string();
            let cause = text.lines().last().unwrap_or_default();
            cause.trim().trim_start_matches("error: ").to_owned()
        }
    })
}
