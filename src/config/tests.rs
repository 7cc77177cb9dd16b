//! The error report as a person reads it, and that no secret is in it.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::deliver::settings::{Pace, TypeSettings};
use crate::problem::{Colour, Severity, report};

fn parsed(text: &str) -> Parsed {
    parse(text, Path::new("/etc/app"), &Defaults { state_folder: Some("/state".into()) })
}

fn reported(text: &str) -> String {
    report("rules.toml", &masked(text), &parsed(text).problems, Colour::Never)
}

#[test]
fn probe() {
    let text = r##"
[service]
store = "state.db"
keep = "ten minutes"
timezone = "Europe/Berln"
listen = "127.0.0.1:80"
poll_interval = "3s"

[sources.main]
tokne = "hunter2"
base_url = "http://example.com/v1"
poll_interval = 15

[sources.two]
token = 1234567
poll_interval = "1s"
first_run = "basline"

[notifiers.team]
type = "slak"
webhook_url = "https://hooks.slack.com/services/hunter2"
rate = "fast"

[notifiers.mail]
type = "email"
hots = "x"
port = 70000
to = ["a@example.com", 5, "nobody"]
from = "x"
webhook_url = "https://hunter2"

[notifiers.hook]
type = "webhook"
url = "https://{{delivery.id}}.example.com/"
headers = { Host = "hunter2", A = 5, B = 6, "X Y" = "z" }
ok = { status = [200] }

[notifiers.unused]
type = "console"

[[rules]]
name = "a"
on = ["finnished", "stalled"]
notify = ["tema", "mail"]
template = "../x"
throttle = { every = "10m" }
when = 'job.x && && job.y'
[rules.match]
"job.job_typ" = "x"
"job.y" = { golb = "x" }

[[rules]]
name = "a"
on = "failed"
notfiy = ["mail"]
"job.x" = 1

[[test]]
x = 1
"##;
    println!("{}", reported(text));
}

#[test]
fn the_example_has_no_mistake() {
    let text = include_str!("../../rules.example.toml");

    let shown = reported(text);

    assert_eq!(shown, "");
}
