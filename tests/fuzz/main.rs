//! What comes from outside, by chance and in masses: no text makes a reader panic, run away
//! or tell a secret.
//!
//! One module for each side that texts come from: [`api`] (Descript's answers), [`config`],
//! [`templates`], [`rules`], and [`words`] (small things that people and services write).
//! Only what is public is read here; rooms have properties of their own beside their code.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api;
mod config;
mod rules;
mod templates;
mod words;

use proptest::prelude::*;
use proptest::test_runner::Config;

/// So many cases of a property, and no files left behind.
pub fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
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
