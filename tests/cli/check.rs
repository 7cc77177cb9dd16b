//! `check`, and how a config is found and refused.

use std::path::Path;

use serde_json::json;

use super::{SMALL, folder_with, in_folder};
use crate::support::program::Launch;
use crate::support::set_mode;

const FULL_OF_MISTAKES: &str = r#"[service]
store = "mysql://somewhere"
keeep = "30d"
timezone = "Europe/Berlni"
listen = "0.0.0.0:8750"

[sources.main]
token = { env = "DESCRIPT_API_TOKEN" }
poll_interval = "1s"
idle_interval = 60

[notifiers.team]
type = "slak"
webhook_url = "https://hooks.slack.com/services/T0/B0/SecretPart0123456789"

[notifiers.crew]
type = "discord"
webhook_url = { env = "DISCORD_WEBHOOK_URL" }
livve = true

[[rules]]
name = "failures"
on = ["faild", "partial"]
notify = ["team", "crw"]
[rules.match]
"job.project_name" = { glob = "Client [" }
"job.result.error_code" = { regex = "(" }

[[rules]]
name = "failures"
on = ["succeeded"]
notify = ["crew"]
when = 'job.job_type == '
throttle = { every = "10 min" }
"#;

const RULES_FULL_OF_MISTAKES: &str = r#"[service]
store = "sqlite://state.db"

[sources.main]
token = { env = "DESCRIPT_API_TOKEN" }

[notifiers.team]
type = "console"

[[rules]]
name = "many"
on = ["finished"]
notify = ["team"]
throttle = { evry = "10m", by = ["job.projct_id"] }
group = { wait = "30s", max = 1, by = ["project_id"] }

[[rules]]
name = "office"
on = ["finished"]
notify = ["team"]
[rules.active]
days = ["mon", "friday"]
from = "9:00"
otherwise = "wait"
timezone = "Europe/Berlni"

[[rules]]
name = "stuck"
on = ["stalled"]
notify = ["team"]
repeat_max = 3

[[rules]]
name = "late"
on = ["failed"]
notify = ["team"]
after = "30m"

[[rules]]
name = "spend"
on = ["spend_crossed", "failed"]
notify = ["team"]
spend = { credits = 0, minutes = 5, per = "dya" }
"#;

#[tokio::test]
async fn the_example_config_is_accepted_and_unset_secrets_are_warnings() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules.example.toml");

    let checked =
        Launch::of(["--config", example.to_str().unwrap(), "check"]).run_to_end().await.succeeded();

    assert!(checked.stdout.contains("is fine"), "{checked:#?}");
    assert!(!checked.stderr.lines().any(|line| line.starts_with("error")), "{checked:#?}");
    assert!(checked.stderr.contains("`SLACK_WEBHOOK_URL` is not set"), "{checked:#?}");
}

#[tokio::test]
async fn every_mistake_is_shown_at_once_with_its_place_and_the_remedy() {
    let folder = folder_with(FULL_OF_MISTAKES);

    let checked = in_folder(folder.path(), &["check"]).run_to_end().await;

    assert_eq!(checked.code, Some(2));
    assert_eq!(checked.stdout, "");
    assert!(!checked.stderr.contains("SecretPart"));
    insta::assert_snapshot!(checked.stderr, @r#"
    error: service, key `store`: a store begins with sqlite:// or postgres://
     --> rules.toml:2:9
      |
    2 | store = "mysql://somewhere"
      |         ^^^^^^^^^^^^^^^^^^^
      |
      = help: write sqlite://state.db (relative to this file) or sqlite:///var/lib/descript-notify/state.db

    error: service: unknown key `keeep`
     --> rules.toml:3:1
      |
    3 | keeep = "***"
      | ^^^^^
      |
      = help: did you mean `keep`?

    error: service, key `timezone`: no time zone is called `Europe/Berlni`
     --> rules.toml:4:12
      |
    4 | timezone = "Europe/Berlni"
      |            ^^^^^^^^^^^^^^^
      |
      = help: did you mean `Europe/Berlin`?

    error: service, key `listen`: an address that others can reach needs a token
     --> rules.toml:5:10
      |
    5 | listen = "0.0.0.0:8750"
      |          ^^^^^^^^^^^^^^
      |
      = help: add admin_token = { env = "DESCRIPT_NOTIFY_ADMIN_TOKEN" } (or read_token, for looking only), or listen on 127.0.0.1

    error: source `main`, key `poll_interval`: `1s` is too short: it must be at least 3s
     --> rules.toml:9:17
      |
    9 | poll_interval = "1s"
      |                 ^^^^

    error: source `main`, key `idle_interval`: expected a string, found a whole number
      --> rules.toml:10:17
       |
    10 | idle_interval = 60
       |                 ^^
       |
       = help: write it like idle_interval = "60s"

    error: notifier `team`, key `type`: no type of notifier is called `slak`
      --> rules.toml:13:8
       |
    13 | type = "slak"
       |        ^^^^^^
       |
       = help: did you mean `slack`?

    error: notifier `crew`: unknown key `livve`
      --> rules.toml:19:1
       |
    19 | livve = ****
       | ^^^^^
       |
       = help: did you mean `live`?

    error: rule `failures`, key `on`: no event is called `faild`
      --> rules.toml:23:7
       |
    23 | on = ["faild", "partial"]
       |       ^^^^^^^
       |
       = help: did you mean `failed`?

    error: rule `failures`, key `notify`: no notifier is called `crw`
      --> rules.toml:24:19
       |
    24 | notify = ["team", "crw"]
       |                   ^^^^^
       |
       = help: did you mean `crew`?

    error: rule `failures`, key `match`: `Client [` is not a glob: unclosed character class; missing ']'
      --> rules.toml:26:31
       |
    26 | "job.project_name" = { glob = "Client [" }
       |                               ^^^^^^^^^^
       |
       = help: `*` stands for anything, `?` for one character, [ab] for one of them; a backslash takes their meaning away

    error: rule `failures`, key `match`: `(` is not a regex: unclosed group
      --> rules.toml:27:37
       |
    27 | "job.result.error_code" = { regex = "(" }
       |                                     ^^^
       |
       = help: write it in single quotes, so that TOML leaves its backslashes alone

    error: rule `failures`, key `name`: an earlier rule has this name
      --> rules.toml:30:8
       |
    30 | name = "failures"
       |        ^^^^^^^^^^
       |
       = help: what is owed is remembered by the rule's name, so each needs its own

    error: rule `failures`, key `when`: the expression ends too early
      --> rules.toml:33:8
       |
    33 | when = 'job.job_type == '
       |        ^^^^^^^^^^^^^^^^^^

    error: rule `failures`, table `throttle`, key `every`: `10 min` is not a length of time
      --> rules.toml:34:22
       |
    34 | throttle = { every = "10 min" }
       |                      ^^^^^^^^
       |
       = help: write a number and a unit, like "10m" or "1h30m"

    error: `rules.toml` has 15 errors
    "#);
}

#[tokio::test]
async fn the_mistakes_of_rules_that_wait_or_count_are_shown_like_all_others() {
    let folder = folder_with(RULES_FULL_OF_MISTAKES);

    let checked = in_folder(folder.path(), &["check"]).run_to_end().await;

    assert_eq!(checked.code, Some(2));
    insta::assert_snapshot!(checked.stderr, @r#"
    error: rule `many`, table `throttle`: unknown key `evry`
      --> rules.toml:14:14
       |
    14 | throttle = { evry = "10m", by = ["job.projct_id"] }
       |              ^^^^
       |
       = help: did you mean `every`?

    warning: rule `many`, table `throttle`, key `by`: no field `job.projct_id` is documented
      --> rules.toml:14:34
       |
    14 | throttle = { evry = "10m", by = ["job.projct_id"] }
       |                                  ^^^^^^^^^^^^^^^
       |
       = help: did you mean `job.project_id`?

    error: rule `many`, table `group`, key `max`: `1` is not a size of group: use 2 to 200
      --> rules.toml:15:31
       |
    15 | group = { wait = "30s", max = 1, by = ["project_id"] }
       |                               ^
       |
       = help: take `group` out to get each event in a message of its own

    error: rule `many`, table `group`, key `by`: `project_id` is no path into the event
      --> rules.toml:15:40
       |
    15 | group = { wait = "30s", max = 1, by = ["project_id"] }
       |                                        ^^^^^^^^^^^^
       |
       = help: did you mean `job.project_id`?

    error: rule `office`, table `active`, key `days`: `friday` is no day of the week
      --> rules.toml:22:16
       |
    22 | days = ["mon", "friday"]
       |                ^^^^^^^^
       |
       = help: did you mean `fri`?

    error: rule `office`, table `active`, key `from`: `9:00` is not a time of the day
      --> rules.toml:23:8
       |
    23 | from = "9:00"
       |        ^^^^^^
       |
       = help: did you mean `09:00`?

    error: rule `office`, table `active`, key `otherwise`: `wait` is not one of the words that go here
      --> rules.toml:24:13
       |
    24 | otherwise = "wait"
       |             ^^^^^^
       |
       = help: use one of hold, drop

    error: rule `office`, table `active`, key `timezone`: no time zone is called `Europe/Berlni`
      --> rules.toml:25:12
       |
    25 | timezone = "Europe/Berlni"
       |            ^^^^^^^^^^^^^^^
       |
       = help: did you mean `Europe/Berlin`?

    error: rule `stuck`, key `on`: `stalled` needs `after`
      --> rules.toml:29:6
       |
    29 | on = ["stalled"]
       |      ^^^^^^^^^^^
       |
       = help: add after = "30m", or after = "usual"

    error: rule `stuck`, key `repeat_max`: `repeat_max` needs `repeat`
      --> rules.toml:31:14
       |
    31 | repeat_max = 3
       |              ^
       |
       = help: add repeat = "1h", or take `repeat_max` out

    error: rule `late`, key `after`: `after` is for `overdue` and `stalled`, and `on` names neither
      --> rules.toml:37:9
       |
    37 | after = "30m"
       |         ^^^^^
       |
       = help: name one of them in `on`, or take `after` out

    error: rule `spend`, key `on`: `spend_crossed` stands alone in `on`
      --> rules.toml:41:6
       |
    41 | on = ["spend_crossed", "failed"]
       |      ^^^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: make a rule of its own for it

    error: rule `spend`, table `spend`: it counts one thing: either `credits` or `minutes`
      --> rules.toml:43:1
       |
    43 | spend = { credits = 0, minutes = 5, per = "dya" }
       | ^^^^^
       |
       = help: write spend = { credits = 500, per = "day" }

    error: rule `spend`, table `spend`, key `credits`: `0` is not an amount: use a number above 0
      --> rules.toml:43:21
       |
    43 | spend = { credits = 0, minutes = 5, per = "dya" }
       |                     ^

    error: rule `spend`, table `spend`, key `per`: `dya` is not one of the words that go here
      --> rules.toml:43:43
       |
    43 | spend = { credits = 0, minutes = 5, per = "dya" }
       |                                           ^^^^^
       |
       = help: did you mean `day`?

    error: `rules.toml` has 14 errors and 1 warning
    "#);
}

#[tokio::test]
async fn with_a_bad_config_nothing_is_started() {
    let folder = folder_with(&SMALL.replace("\"any\"", "\"anny\""));

    for command in [&["run"][..], &["run", "--once"], &["jobs"], &["send-test", "screen"]] {
        let refused = in_folder(folder.path(), command).run_to_end().await;

        assert_eq!(refused.code, Some(2), "{command:?}: {refused:#?}");
        assert!(refused.stderr.contains("rules.toml:12:7"), "{command:?}: {refused:#?}");
    }
    assert!(!folder.path().join("state.db").exists());
}

#[tokio::test]
async fn a_secret_that_is_not_set_stops_the_service_and_not_the_check() {
    let folder = folder_with(SMALL);

    let checked = in_folder(folder.path(), &["check"]).run_to_end().await;
    let run = in_folder(folder.path(), &["run", "--once"]).run_to_end().await;

    assert_eq!(checked.code, Some(0), "{checked:#?}");
    assert_eq!(run.code, Some(2), "{run:#?}");
    for told in [checked.stderr, run.stderr] {
        assert!(told.contains("`DESCRIPT_API_TOKEN` is not set"), "{told}");
    }
}

#[tokio::test]
async fn a_misspelt_field_of_a_template_is_told_with_its_place() {
    let config = SMALL.replace("[sources", "templates = \"templates\"\n\n[sources");
    let folder = folder_with(&(config + "template = \"short\"\n"));
    let templates = folder.path().join("templates/console");
    std::fs::create_dir_all(&templates).unwrap();
    let text = "{{event.kind}}:\n{{job.job_tpye}} has ended\n";
    std::fs::write(templates.join("short.text.hbs"), text).unwrap();

    let checked = in_folder(folder.path(), &["check"]).run_to_end().await;

    assert_eq!(checked.code, Some(2), "{checked:#?}");
    for told in ["console/short.text.hbs", "2:", "job_tpye", "did you mean", "job_type"] {
        assert!(checked.stderr.contains(told), "{told}: {}", checked.stderr);
    }
}

#[tokio::test]
async fn an_unknown_template_is_told() {
    let folder = folder_with(&format!("{SMALL}template = \"defautl\"\n"));

    let checked = in_folder(folder.path(), &["check"]).run_to_end().await;

    assert_eq!(checked.code, Some(2), "{checked:#?}");
    assert!(checked.stderr.contains("did you mean `default`?"), "{}", checked.stderr);
}

#[tokio::test]
async fn the_findings_are_there_as_json_too() {
    let folder = folder_with(&SMALL.replace("\"any\"", "\"anny\""));

    let checked = in_folder(folder.path(), &["check", "--json"]).run_to_end().await;

    assert_eq!(checked.code, Some(2), "{checked:#?}");
    assert_eq!(checked.stderr, "");
    let document = checked.json();
    assert_eq!(document["ok"], json!(false));
    assert!(document["problems"].to_string().contains("anny"), "{document:#}");
}

#[tokio::test]
async fn the_config_is_found_where_the_contract_says() {
    let (named, here, user) =
        (folder_with(SMALL), folder_with(SMALL), tempfile::tempdir().unwrap());
    let empty = tempfile::tempdir().unwrap();
    let users = user.path().join("descript-notify");
    std::fs::create_dir(&users).unwrap();
    std::fs::write(users.join("rules.toml"), SMALL).unwrap();
    let named = named.path().join("rules.toml");
    let named = named.to_str().unwrap();
    let said = async |launch: Launch| launch.run_to_end().await.succeeded().stdout;
    let in_here = |args: &[&str]| in_folder(here.path(), args);

    let before = said(in_here(&["--config", named, "check"])).await;
    let after = said(in_here(&["check", "--config", named])).await;
    let variable = said(in_here(&["check"]).var("DESCRIPT_NOTIFY_CONFIG", named)).await;
    let local = said(in_here(&["check"])).await;
    let xdg = user.path().to_str().unwrap();
    let users = said(in_folder(empty.path(), &["check"]).var("XDG_CONFIG_HOME", xdg)).await;

    for said in [before, after, variable] {
        assert!(said.starts_with(&format!("`{named}` is fine")), "{said}");
    }
    assert!(local.contains("`rules.toml` is fine"), "{local}");
    assert!(users.contains(xdg), "{users}");
}

#[tokio::test]
async fn without_a_config_the_places_are_named() {
    let empty = tempfile::tempdir().unwrap();

    let found = in_folder(empty.path(), &["check"]).run_to_end().await;
    let missing = in_folder(empty.path(), &["--config", "no.toml", "check"]).run_to_end().await;

    assert_eq!([found.code, missing.code], [Some(2), Some(2)]);
    assert!(found.stderr.contains("/etc/descript-notify/rules.toml"), "{}", found.stderr);
    assert!(found.stderr.contains("--config"), "{}", found.stderr);
    assert!(missing.stderr.contains("no.toml"), "{}", missing.stderr);
}

#[tokio::test]
async fn a_config_with_secrets_that_others_can_read_is_warned_about() {
    let config = SMALL.replace("{ env = \"DESCRIPT_API_TOKEN\" }", "\"TokenInTheFile\"");
    let folder = folder_with(&config);
    let file = folder.path().join("rules.toml");
    set_mode(&file, 0o644);

    let open = in_folder(folder.path(), &["check"]).run_to_end().await.succeeded();
    set_mode(&file, 0o600);
    let closed = in_folder(folder.path(), &["check"]).run_to_end().await.succeeded();

    assert!(open.stderr.contains("chmod 600"), "{}", open.stderr);
    assert!(!open.stderr.contains("TokenInTheFile"), "{}", open.stderr);
    assert!(!closed.stderr.contains("chmod"), "{}", closed.stderr);
}
