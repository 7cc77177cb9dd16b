//! The config: any text, the example with mistakes in it, and nesting without an end.

use std::ops::Range;
use std::path::Path;

use descript_notify::config::{self, Defaults, Parsed, masked};
use descript_notify::problem::{Colour, report};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::{any_text, cases, reading};

const EXAMPLE: &str = include_str!("../../rules.example.toml");

/// What no report may show, and no other text here holds.
const PLANTED: &str = "pLaNt3d";

fn parse(text: &str) -> Parsed {
    config::parse(text, Path::new("/etc/x"), &Defaults::default())
}

/// Everything that a person is shown about a text.
fn shown(text: &str) -> String {
    reading("fuzz-config.toml", text);
    let masked = masked(text);
    let parsed = parse(text);
    assert_eq!(masked.len(), text.len());
    assert!(parsed.config.is_some() || !parsed.problems.is_empty());
    let debug = format!("{parsed:?}");
    [Colour::Always, Colour::Never]
        .map(|colour| report("rules.toml", &masked, &parsed.problems, colour))
        .into_iter()
        .chain([masked, debug])
        .collect()
}

/// The example with a secret in every place that may hold one, so long that a part is left
/// wherever it is cut.
fn planted() -> String {
    let secret = PLANTED.repeat(3);
    let url = |host: &str| format!("\"https://{host}/services/T/B/{secret}\"");
    let lines = EXAMPLE.lines().map(|line| {
        let Some((key, value)) = line.split_once(" = ") else { return line.to_owned() };
        match key {
            "webhook_url" | "url" => format!("{key} = {}", url("hooks.slack.com")),
            "headers" => format!("{key} = {{ Authorization = \"Bearer {secret}\" }}"),
            _ if value.starts_with("{ env") => format!("{key} = \"{secret}\""),
            _ => line.to_owned(),
        }
    });
    let planted = lines.collect::<Vec<_>>().join("\n");
    assert!(planted.matches(PLANTED).count() >= 6, "{planted}");
    planted
}

/// Something to put into a text: what has a meaning in TOML, the file's own words, anything.
fn any_piece() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "\"",
        "'",
        "\"\"\"",
        "'''",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ".",
        ",",
        "#",
        "\\",
        "\n",
        "\r\n",
        "\t",
        "true",
        "-1",
        "1e400",
        "2026-11-20",
        "[rules]",
        "[[rules]]\n",
        "[notifiers.",
        "[service]\n",
        "name = ",
        "type = \"slack\"\n",
        "on = [\"any\"]\n",
        "not = ",
        "any = [",
        "password = ",
        "tokne",
        "{ env = \"X\" }",
        "retry_after = { json = ",
        "ok = { status = [",
    ]);
    prop_oneof![4 => pieces.prop_map(str::to_owned), 1 => any_text()]
}

/// Changes of a text: a piece, or nothing, in the place of some bytes.
fn any_changes() -> impl Strategy<Value = Vec<(Index, usize, Option<String>)>> {
    prop::collection::vec(
        (any::<Index>(), 0_usize..30, prop::option::weighted(0.7, any_piece())),
        1..5,
    )
}

/// Makes the changes. The keys of secrets are not deleted: what stands under another key is none.
fn changed(text: &str, changes: &[(Index, usize, Option<String>)]) -> String {
    let mut text = text.to_owned();
    for (at, length, piece) in changes {
        let free: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let start = free[at.index(free.len())];
        let mut end = (start + length).min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let is_touched = |key: &Range<usize>| key.start < end && start < key.end;
        if start < end && keys_of_secrets(&text).iter().any(is_touched) {
            end = start;
        }
        text.replace_range(start..end, piece.as_deref().unwrap_or_default());
    }
    text
}

/// Where the keys stand that make what follows a secret, each with its `=`.
fn keys_of_secrets(text: &str) -> Vec<Range<usize>> {
    let mut at = 0;
    let mut keys = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(secret) = line.find(PLANTED) {
            keys.push(at..at + line[..secret].find('=').map_or(secret, |equals| equals + 1));
        }
        at += line.len();
    }
    keys
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn any_text_is_a_config_or_has_problems(pieces in prop::collection::vec(any_piece(), 0..60)) {
        shown(&pieces.concat());
    }

    #[test]
    fn the_example_with_mistakes_is_reported_and_its_secrets_are_not(changes in any_changes()) {
        let text = changed(&planted(), &changes);

        let shown = shown(&text);

        let told: Vec<&str> = shown.lines().filter(|line| line.contains(PLANTED)).collect();
        prop_assert!(told.is_empty(), "{told:#?} of {text}");
    }
}

#[test]
fn what_is_never_closed_hides_no_secret_behind_a_harmless_key() {
    for opener in ["\"\"\"", "'''", "\"", "'", "[", "{", "[{ a = ", "{ a = ["] {
        let text = format!(
            "[notifiers.mail]\ntype = \"email\"\nhost = {opener}smtp\npassword = \"{PLANTED}\"\n\
             [notifiers.hook]\ntype = \"webhook\"\nsecret = ['{PLANTED}']\n"
        );

        assert!(!shown(&text).contains(PLANTED), "{}", shown(&text));
    }
}

#[test]
fn nesting_without_an_end_is_a_mistake_and_no_crash() {
    let deep = |open: &str, close: &str, times: usize| {
        format!("{}1{}", open.repeat(times), close.repeat(times))
    };
    for times in [100, 20_000] {
        for text in [
            format!("a = {}", deep("[", "]", times)),
            format!("a = {}", deep("{a = ", "}", times)),
            format!("a = {}", "[".repeat(times)),
            format!("{} = 1", vec!["a"; times].join(".")),
            format!("[{}]\nb = 1", vec!["a"; times].join(".")),
            format!("[[rules]]\nmatch = {{ not = {} }}", deep("{ not = ", "}", times)),
            format!("[[rules]]\nmatch.all = {}", deep("[{ all = ", "}]", times)),
        ] {
            shown(&text);
        }
    }
}
