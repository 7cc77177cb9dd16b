//! What comes from outside, by chance and in masses: no text makes a reader panic, run away
//! or tell a secret.
//!
//! One module for each side that texts come from: [`api`] (Descript's answers), [`config`],
//! [`templates`], [`rules`], and [`words`] (small things that people and services write).
//! Only what is public is read here; rooms have properties of their own beside their code.
//!
//! `PROPTEST_CASES=256` is the usual measure, of which each property takes the share that its
//! cost allows; `PROPTEST_CASES=25600 cargo test --test fuzz` goes a hundred times as far. Where
//! the process dies of a text, that text is `target/tmp/fuzz-*`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod config;
mod rules;
mod templates;
mod words;

use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::Config;

/// What `PROPTEST_CASES` is when nobody sets it.
const USUAL: u64 = 256;

/// So many cases of a property, times what `PROPTEST_CASES` says of [`USUAL`], and no files left
/// behind.
#[expect(clippy::disallowed_methods, reason = "a test has no other way to be told")]
pub fn cases(cases: u32) -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse::<u64>().ok());
    let cases = u64::from(cases) * asked.unwrap_or(USUAL) / USUAL;
    let cases = u32::try_from(cases).unwrap_or(u32::MAX).max(1);
    Config { cases, failure_persistence: None, ..Config::default() }
}

/// Keeps what is about to be read in a file of this name: a stack that overflows takes the whole
/// process down, and nothing else could tell by what.
pub fn reading(name: &str, text: &str) {
    std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(name), text).unwrap();
}

/// Texts that upset parsers, beside those that are anything at all.
pub fn any_text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "",
        " ",
        "\0",
        "\u{1b}[31m",
        "\u{202e}",
        "\u{feff}",
        "😀",
        "e\u{301}",
        "{{x}}",
        "\"}]",
        "'''",
        "null",
        "-0",
        "1e999",
        "9223372036854775808",
        "2026-02-30T25:61:61Z",
        "2026-11-20T08:00:00Z",
        "@everyone",
        "<!channel>",
        "https://a.example/?x=y",
    ]);
    prop_oneof![3 => nasty.prop_map(str::to_owned), 2 => "\\PC{0,40}", 1 => "(?s).{0,200}"]
}
