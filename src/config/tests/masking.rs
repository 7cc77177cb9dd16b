//! No secret is in the masked text, in whatever form it was written.

use proptest::prelude::*;

use super::{EXAMPLE, reported};
use crate::config::masked;

/// Every way in which people write, and miswrite, a secret. `S3CR3T` must not survive.
const FORMS: &str = r####"
token = "S3CR3T"
tokne = "S3CR3T" # was "S3CR3T"
# token = "S3CR3T"
token "S3CR3T"
token = S3CR3T
token: S3CR3T
S3CR3T
S3CR3T==
= "S3CR3T"
[S3CR3T x
store = "postgres://ann:S3CR3T@host/db"
base_url = "https://ann:S3CR3T@host/v1"
host = "https://host/?key=S3CR3T"
"quoted key" = "S3CR3T"
notifiers.x.password = 'S3CR3T'
notifiers.x = { type = "email", password = "S3CR3T", to = ["S3CR3T"] }
[sources.main]
token = """S3CR3T
S3CR3T"""
token = '''
S3CR3T
name = "S3CR3T"
'''
token = "a\"S3CR3T"
token = "a\\" S3CR3T
token = { value = "S3CR3T" }
token = { env = "A", value = "S3CR3T" }
token = [ "S3CR3T",
  "S3CR3T" ]
token.value = "S3CR3T"
[sources.main.token]
value = "S3CR3T"
[notifiers.hook]
url = "https://example.com/S3CR3T"
webhook_url = 'https://hooks.slack.com/services/T/B/S3CR3T'
headers = { Authorization = "Bearer S3CR3T", X = { value = "S3CR3T" } }
headers = { env = "S3CR3T" }
headers.Authorization = "S3CR3T"
secret = ["S3CR3T", { env = "A" }, "S3CR3T"]
program = ["/bin/x", "--password", "S3CR3T"]
from = "https://hooks.slack.com/services/T/B/S3CR3T"
username = "xoxb-S3CR3T"
username = "ann" password = "S3CR3T"
username = "ann"password = "S3CR3T"
username = password = "S3CR3T"
username password = "S3CR3T"
username "ann" S3CR3T
method = "headers = { Authorization = "S3CR3T" }
to = ["ann@example.com", password = "S3CR3T"]
to = [pasword = "S3CR3T"
throttle = { every = "1m", "token" = "S3CR3T" }
timeout = 10s S3CR3T
[notifiers.hook.headers]
env = "S3CR3T"
name = "S3CR3T"
[servise]
password = "S3CR3T"
[[rules]]
match = 5
[rules.match]
password = "S3CR3T"
[notifiers.open
secret = ["S3CR3T"
[notifiers.last]
password = "S3CR3T
url = """S3CR3T
S3CR3T
"####;

#[test]
fn no_form_of_a_secret_is_in_a_report_or_in_the_masked_text() {
    assert!(!masked(FORMS).contains("S3CR3T"), "{}", masked(FORMS));
    assert!(!reported(FORMS).contains("S3CR3T"), "{}", reported(FORMS));
    // A rule's name may be shown; the one above stands in a string and in a table of headers.
    for line in FORMS.lines().filter(|line| !line.starts_with("name")) {
        let alone = format!("[notifiers.hook]\ntype = \"webhook\"\n{line}\n");
        assert!(!masked(&alone).contains("S3CR3T"), "{alone}{}", masked(&alone));
        assert!(!reported(&alone).contains("S3CR3T"), "{alone}{}", reported(&alone));
    }
}

#[test]
fn what_is_harmless_stays_readable() {
    let text = "[sources.main] # the Drive\ntoken = { env = \"TOKEN\" }\npoll_interval = \"15s\"\n\
                [notifiers.a]\ntype = \"webhook\"\nheaders = { Auth = { file = \"a\" }, B = \"b\" }\n\
                [[rules]]\nname = \"ä\"\n[rules.match]\n\"job.x\" = [1, \"y\"]\n";

    let masked = masked(text);

    let lines: Vec<&str> = masked.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    [sources.main]
    token = { env = "TOKEN" }
    poll_interval = "15s"
    [notifiers.a]
    type = "webhook"
    headers = { Auth = { file = "a" }, B = "*" }
    [[rules]]
    name = "ä"
    [rules.match]
    "job.x" = [1, "y"]
    "#);
}

#[test]
fn the_example_loses_nothing_but_its_comments() {
    let masked = masked(EXAMPLE);

    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().map(|line| line.trim().to_owned());
        lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
    };
    let expected: Vec<String> = lines(EXAMPLE)
        .into_iter()
        .map(|line| {
            line.replace("/usr/local/bin/on-job", &"*".repeat(21)).replace("--flag", "******")
        })
        .collect();
    assert_eq!(lines(&masked), expected);
}

proptest! {
    #[test]
    fn every_byte_stays_at_its_place(text in "([a-z_.]{1,8}|[\\[\\]{}=#\"'\\\\,\n\r \t]|[äß€😀]){0,60}") {
        let masked = masked(&text);

        prop_assert_eq!(masked.len(), text.len());
        let ends = |text: &str| -> Vec<usize> {
            text.bytes().enumerate().filter(|(_, b)| *b == b'\n').map(|(at, _)| at).collect()
        };
        prop_assert_eq!(ends(&masked), ends(&text));
    }

    #[test]
    fn a_string_under_a_secret_key_never_shows(
        before in "[a-z=\\[\\]{}#,\n ]{0,30}",
        // A letter that no other part can hold.
        secret in "Q[A-Za-z0-9 =#,\\[\\]{}]{0,20}Q",
    ) {
        let text = format!("{before}\ntoken = \"{secret}\"\n");

        prop_assert!(!masked(&text).contains(&secret));
    }

    #[test]
    fn no_text_makes_the_report_panic(text in "([a-z_.]{1,8}|rules|notifiers|type|[\\[\\]{}=#\"'\\\\,\n 0-9]|[ä😀]){0,80}") {
        reported(&text);
    }
}
