//! The report as a person reads it.

use super::{EXAMPLE, parsed, reported};

#[test]
fn the_example_has_no_mistake() {
    let report = reported(EXAMPLE);

    assert_eq!(report, "");
    assert!(parsed(EXAMPLE).config.is_some());
    assert!(!parsed(EXAMPLE).has_inline_secrets);
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let file = r##"[service]
keep = "ten minutes"
timezone = "Europe/Berln"
listen = "8750"

[sources.main]
tokne = "hunter2"
base_url = "http://example.com/v1"
poll_interval = 15

[notifiers.team]
type = "slak"
webhook_url = "https://hooks.slack.com/hunter2"

[notifiers.mail]
type = "email"
host = "smtp.example.com"
from = "notify@example.com"
to = ["nobody"]
webhook_url = "https://hunter2"

[[rules]]
name = "nightly"
on = ["finnished", "stalled"]
notify = ["tema"]
template = "../secrets"
throttle = { every = "10 min" }
final = "yes"
[rules.match]
"job.job_type" = { golb = "import/*" }

[[rules]]
name = "nightly"
on = ["failed"]
notify = ["mail"]
"##;

    let report = reported(file);

    assert!(parsed(file).config.is_none());
    assert!(!report.contains("hunter2"));
    insta::assert_snapshot!(report, @r#"
    error: service, key `keep`: `ten minutes` is not a length of time
     --> rules.toml:2:8
      |
    2 | keep = "ten minutes"
      |        ^^^^^^^^^^^^^
      |
      = help: write a number and a unit, like "10m" or "1h30m"

    error: service, key `timezone`: no time zone is called `Europe/Berln`
     --> rules.toml:3:12
      |
    3 | timezone = "Europe/Berln"
      |            ^^^^^^^^^^^^^^
      |
      = help: did you mean `Europe/Berlin`?

    error: service, key `listen`: `8750` is not an address with a port
     --> rules.toml:4:10
      |
    4 | listen = "8750"
      |          ^^^^^^
      |
      = help: write it like 127.0.0.1:8750, [::1]:8750 or 0.0.0.0:8750

    error: source `main`: unknown key `tokne`
     --> rules.toml:7:1
      |
    7 | tokne = "*******"
      | ^^^^^
      |
      = help: did you mean `token`?

    error: source `main`, key `base_url`: plain http is allowed only to this machine
     --> rules.toml:8:12
      |
    8 | base_url = "http://example.com/v1"
      |            ^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: use https

    error: source `main`, key `poll_interval`: expected a string, found a whole number
     --> rules.toml:9:17
      |
    9 | poll_interval = 15
      |                 ^^
      |
      = help: write it like poll_interval = "15s"

    error: notifier `team`, key `type`: no type of notifier is called `slak`
      --> rules.toml:12:8
       |
    12 | type = "slak"
       |        ^^^^^^
       |
       = help: did you mean `slack`?

    error: notifier `team`, key `webhook_url`: this is not the URL of an incoming webhook
      --> rules.toml:13:15
       |
    13 | webhook_url = "*******************************"
       |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: copy it whole from Slack: https://hooks.slack.com/services/T…/B…/…

    error: notifier `mail`, key `to`: `nobody` is not a mail address
      --> rules.toml:19:7
       |
    19 | to = ["nobody"]
       |       ^^^^^^^^
       |
       = help: write one address, like "Name <name@example.com>"

    error: notifier `mail`: unknown key `webhook_url`
      --> rules.toml:20:1
       |
    20 | webhook_url = "***************"
       | ^^^^^^^^^^^
       |
       = help: `webhook_url` belongs in a notifier of type slack, or a notifier of type discord

    error: rule `nightly`, key `on`: `stalled` needs `after`
      --> rules.toml:24:6
       |
    24 | on = ["finnished", "stalled"]
       |      ^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: add after = "30m", or after = "usual"

    error: rule `nightly`, key `on`: no event is called `finnished`
      --> rules.toml:24:7
       |
    24 | on = ["finnished", "stalled"]
       |       ^^^^^^^^^^^
       |
       = help: did you mean `finished`?

    error: rule `nightly`, key `notify`: no notifier is called `tema`
      --> rules.toml:25:11
       |
    25 | notify = ["tema"]
       |           ^^^^^^
       |
       = help: did you mean `team`?

    error: rule `nightly`, key `template`: `../secrets` cannot be the name of a template
      --> rules.toml:26:12
       |
    26 | template = "../secrets"
       |            ^^^^^^^^^^^^
       |
       = help: use small letters, digits, `_` and `-`: a name, not a path

    error: rule `nightly`, table `throttle`, key `every`: `10 min` is not a length of time
      --> rules.toml:27:22
       |
    27 | throttle = { every = "10 min" }
       |                      ^^^^^^^^
       |
       = help: write a number and a unit, like "10m" or "1h30m"

    error: rule `nightly`, key `final`: expected true or false, found a string
      --> rules.toml:28:9
       |
    28 | final = "yes"
       |         ^^^^^
       |
       = help: write it like final = true

    error: rule `nightly`, key `match`: unknown operator `golb`
      --> rules.toml:30:20
       |
    30 | "job.job_type" = { golb = "import/*" }
       |                    ^^^^
       |
       = help: did you mean `glob`?

    error: rule `nightly`, key `name`: an earlier rule has this name
      --> rules.toml:33:8
       |
    33 | name = "nightly"
       |        ^^^^^^^^^
       |
       = help: what is owed is remembered by the rule's name, so each needs its own
    "#);
}

#[test]
fn mistakes_of_syntax_are_reported_with_the_others() {
    let file = "[sources.main]\ntoken = \"hunter2\npoll_interval \"15s\"\nidle_interval = \"1s\"\n\
                [[rules]]\nname = \"a\"\nname = \"b\"\ntemplate = \"A\"\n";

    let report = reported(file);

    insta::assert_snapshot!(report, @r#"
    error: invalid basic string, expected `"`
     --> rules.toml:2:17
      |
    2 | token = "*******
      |                 ^
      |
      = help: close the quote on the same line

    error: key with no value, expected `=`
     --> rules.toml:3:15
      |
    3 | poll_interval "15s"
      |               ^
      |
      = help: write key = value

    error: source `main`, key `idle_interval`: `1s` is too short: it must be at least 3s
     --> rules.toml:4:17
      |
    4 | idle_interval = "1s"
      |                 ^^^^

    error: duplicate key
     --> rules.toml:7:1
      |
    7 | name = "b"
      | ^^^^
      |
      = help: a key stands once in its table, and a table once in the file

    error: rule `a`, key `template`: `A` cannot be the name of a template
     --> rules.toml:8:12
      |
    8 | template = "A"
      |            ^^^
      |
      = help: use small letters, digits, `_` and `-`: a name, not a path
    "#);
}

#[test]
fn a_list_that_is_never_closed_is_one_mistake() {
    let file = "[service]\nkeep = 5\n[[rules]]\nname = \"a\"\non = [\"failed\",\nnotify = [\"x\"]\n\
                [[rules]]\nname = \"b\"\n";

    let report = reported(file);

    insta::assert_snapshot!(report, @r#"
    error: service, key `keep`: expected a string, found a whole number
     --> rules.toml:2:8
      |
    2 | keep = 5
      |        ^
      |
      = help: write it like keep = "30d"

    error: this list is never closed
     --> rules.toml:5:6
      |
    5 | on = ["failed",
      |      ^
      |
      = help: close it with `]`
    "#);
}
