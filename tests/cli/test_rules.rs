//! `test-rules`, and the same tests under `check`.

use super::stored::CONFIG;
use super::{folder_with, in_folder};

const GOOD: &str = r#"
[[test]]
name = "a failure of client A"
[[test.events]]
kind = "failed"
job = { project_name = "Client A/Spring" }
[[test.expect]]
rule = "failures"
notifier = "mail"
text = ["Client A/Spring", "failed"]
[[test.expect]]
rule = "failures"
notifier = "team"
[[test.expect]]
rule = "here"
"#;

const BAD: &str = r#"
[[test]]
name = "a success is \u001b[31mquiet"
events = [{ kind = "succeeded" }]
expect = [{ rule = "failures", notifier = "mail" }]
"#;

#[tokio::test]
async fn tests_that_pass_and_tests_that_fail_are_told_apart() {
    let folder = folder_with(CONFIG);
    std::fs::write(folder.path().join("good.toml"), GOOD).unwrap();
    std::fs::write(folder.path().join("bad.toml"), BAD.replace("\\u001b[31m", "")).unwrap();
    let run = async |args: &[&str]| {
        in_folder(folder.path(), &[&["test-rules"], args].concat()).run_to_end().await
    };

    let good = run(&["good.toml"]).await.succeeded();
    let both = run(&["good.toml", "bad.toml"]).await;
    let document = run(&["good.toml", "bad.toml", "--json"]).await;

    assert_eq!(good.stdout, "ok      a failure of client A\n");
    assert_eq!([both.code, document.code], [Some(1), Some(1)]);
    assert_eq!(both.stderr, "error: 1 of 2 tests failed\n");
    insta::assert_snapshot!(both.stdout, @"
    ok      a failure of client A
    FAILED  a success is quiet (bad.toml:2)
            expected, but not sent: rule `failures` to mail
              about event 1 (succeeded) the rule says: its `on` does not name this event
            sent, but not expected: rule `here` to screen, about event 1 (succeeded)
              | 09:03:20 ✅ Client A/Episode 12: Import succeeded (3m 10s)
    ");
    let document = document.json();
    assert_eq!(document["ok"], false);
    assert_eq!(document["tests"][0]["ok"], true);
    assert_eq!(document["tests"][1]["line"], 2);
    assert_eq!(document["tests"][1]["faults"][0]["fault"], "missing");
    assert_eq!(document["tests"][1]["faults"][1]["fault"], "unexpected");
}

#[tokio::test]
async fn the_tests_of_the_config_are_played_by_both_commands() {
    let good = folder_with(&format!("{CONFIG}{GOOD}"));
    let bad = folder_with(&format!("{CONFIG}{}", BAD.replace("\\u001b[31m", "")));
    let none = folder_with(CONFIG);
    let code = async |folder: &tempfile::TempDir, command: &str| {
        in_folder(folder.path(), &[command]).run_to_end().await.code.unwrap()
    };

    assert_eq!([code(&good, "check").await, code(&good, "test-rules").await], [0, 0]);
    assert_eq!([code(&bad, "check").await, code(&bad, "test-rules").await], [2, 1]);
    assert_eq!([code(&none, "check").await, code(&none, "test-rules").await], [0, 2]);
    let checked = in_folder(good.path(), &["check"]).run_to_end().await.stdout;
    assert!(checked.contains("2 rules, 1 test."), "{checked}");
    let checked = in_folder(bad.path(), &["check", "--json"]).run_to_end().await.json();
    let told = checked["problems"].to_string();
    assert!(told.contains("test `a success is quiet` (line 29) failed"), "{told}");
    assert!(told.contains("its `on` does not name this event"), "{told}");
}

#[tokio::test]
async fn every_mistake_of_every_file_is_shown_at_once() {
    let folder = folder_with(CONFIG);
    let one = "[[test]]\nnmae = \"a\"\nexpect = []\n[[test.events]]\nkind = \"faild\"\nat = 5\n\
               [[test]]\nname = \"b\"\nevents = [{ kind = \"failed\", facts = { a = 1 } }]\n\
               [[test.expect]]\nrule = \"failurs\"\nnotifier = \"mial\"\ntext = \"one\"\n";
    std::fs::write(folder.path().join("one.toml"), one).unwrap();
    std::fs::write(folder.path().join("two.toml"), "[rules]\n").unwrap();
    std::fs::write(folder.path().join("three.toml"), "[[test]\n").unwrap();

    let told =
        in_folder(folder.path(), &["test-rules", "one.toml", "two.toml", "three.toml", "no.toml"]);

    let told = told.run_to_end().await;
    assert_eq!(told.code, Some(2));
    assert_eq!(told.stdout, "");
    insta::assert_snapshot!(told.stderr, @r#"
    error: test 1: unknown key `nmae`
     --> one.toml:2:1
      |
    2 | nmae = "*"
      | ^^^^
      |
      = help: did you mean `name`?

    error: test 1, event 1, key `kind`: no event is called `faild`
     --> one.toml:5:8
      |
    5 | kind = "faild"
      |        ^^^^^^^
      |
      = help: did you mean `failed`?

    error: test 1, event 1, key `at`: expected a string, found a whole number
     --> one.toml:6:6
      |
    6 | at = 5
      |      ^
      |
      = help: write it like at = "2026-11-20T08:00:00Z"

    error: test `b`, event 1, key `facts`: an event `failed` has no `facts`
     --> one.toml:9:11
      |
    9 | events = [{ kind = "failed", facts = { a = 1 } }]
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: what it tells stands under `job`

    error: test `b`, expect 1, key `rule`: no rule is called `failurs`
      --> one.toml:11:8
       |
    11 | rule = "failurs"
       |        ^^^^^^^^^
       |
       = help: did you mean `failures`?

    error: test `b`, expect 1, key `notifier`: no notifier is called `mial`
      --> one.toml:12:12
       |
    12 | notifier = "mial"
       |            ^^^^^^
       |
       = help: did you mean `mail`?

    error: test `b`, expect 1, key `text`: expected a list, found a string
      --> one.toml:13:8
       |
    13 | text = "one"
       |        ^^^^^
       |
       = help: write it like text = ["Client A/Spring"]

    error: `rules` is not a part of a test file
     --> two.toml:1:2
      |
    1 | [rules]
      |  ^^^^^
      |
      = help: a test file holds [[test]] tables; rules and notifiers are those of the config

    error: unclosed array table, expected `]`
     --> three.toml:1:8
      |
    1 | [[test]
      |        ^

    error: `one.toml` has 7 errors
    error: `two.toml` has 1 error
    error: `three.toml` has 1 error
    error: the test file `no.toml` cannot be read: No such file or directory (os error 2)
    "#);
}

#[tokio::test]
async fn a_tests_name_cannot_steer_a_terminal() {
    let folder = folder_with(CONFIG);
    std::fs::write(folder.path().join("bad.toml"), BAD).unwrap();

    let told = in_folder(folder.path(), &["test-rules", "bad.toml"]).run_to_end().await;

    assert_eq!(told.code, Some(2), "{told:#?}");
    assert!(!told.stderr.contains('\u{1b}'), "{told:#?}");
}
