//! What a right file means, and what is meant where nothing is written.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{EXAMPLE, parsed};
use crate::config::{Config, Defaults, StorePlace, parse};
use crate::deliver::settings::{NotifierSettings, Pace, TypeSettings};
use crate::deliver::webhook::settings::{Success, WaitFrom, WaitUnit, Wanted};
use crate::model::EventKind;
use crate::source::settings::FirstRun;

fn config(text: &str) -> Config {
    let parsed = parsed(text);
    parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.problems))
}

fn notifier(table: &str) -> NotifierSettings {
    config(&format!("[notifiers.n]\n{table}\n")).notifiers.remove(0)
}

#[test]
fn a_source_needs_a_token_and_the_rest_is_known() {
    let source = config("[sources.main]\ntoken = 'x'\n").sources.remove(0);

    assert_eq!(source.base_url.as_str(), "https://descriptapi.com/v1");
    assert_eq!(source.poll_interval, Duration::from_secs(15));
    assert_eq!(source.idle_interval, Duration::from_secs(60));
    assert_eq!(source.lookback, Duration::from_secs(7 * 86_400));
    assert_eq!(source.first_run, FirstRun::Baseline);
    assert_eq!(source.project_id, None);
}

#[test]
fn the_idle_interval_is_never_shorter_by_default_than_the_busy_one() {
    let source = config("[sources.a]\ntoken = 'x'\npoll_interval = \"5m\"\n").sources.remove(0);

    assert_eq!(source.idle_interval, Duration::from_secs(300));
}

#[test]
fn an_api_on_this_machine_may_be_asked_often_and_plainly() {
    let text = "[sources.a]\ntoken = 'x'\nbase_url = \"http://127.0.0.1:8080/v1/\"\n\
                poll_interval = \"200ms\"\n";

    let source = config(text).sources.remove(0);

    assert_eq!(source.base_url.as_str(), "http://127.0.0.1:8080/v1");
    assert_eq!(source.poll_interval, Duration::from_millis(200));
}

#[test]
fn paths_are_relative_to_the_file() {
    let store = |text: &str| config(text).service.store;

    assert_eq!(store(""), StorePlace::Sqlite("/state/state.db".into()));
    assert_eq!(
        store("[service]\nstore = \"sqlite://data/s.db\"\n"),
        StorePlace::Sqlite("/etc/app/data/s.db".into())
    );
    assert_eq!(
        store("[service]\nstore = \"sqlite:///var/s.db\"\n"),
        StorePlace::Sqlite("/var/s.db".into())
    );
    assert_eq!(
        config("[service]\ntemplates = \"templates\"\n").service.templates,
        Some(PathBuf::from("/etc/app/templates"))
    );
}

#[test]
fn without_a_state_directory_a_store_must_be_named() {
    let homeless = parse("", Path::new(""), &Defaults::default());

    assert!(homeless.config.is_none());
    assert!(homeless.problems[0].message.contains("no state directory"));
}

#[test]
fn a_time_zone_is_found_by_its_name() {
    let service = config("[service]\ntimezone = \"Europe/Berlin\"\n").service;

    assert_eq!(service.timezone_name, "Europe/Berlin");
    assert_eq!(service.timezone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(config("").service.timezone_name, "UTC");
}

#[test]
fn each_type_has_a_pace_and_a_time_of_its_own() {
    let slack = notifier("type = 'slack'\nwebhook_url = { env = 'U' }");
    let mail = notifier("type = 'email'\nhost = 'h'\nfrom = 'a@b.c'\nto = ['a@b.c']");
    let console = notifier("type = 'console'");

    assert_eq!(slack.pace, Pace::Limited { every: Duration::from_secs(1), burst: 3 });
    assert_eq!(slack.timeout, Duration::from_secs(10));
    assert_eq!(slack.retry_for, Duration::from_secs(86_400));
    assert_eq!(mail.timeout, Duration::from_secs(120));
    assert_eq!(console.pace, Pace::Unlimited);
}

#[test]
fn a_rate_of_ones_own_lets_one_out_at_a_time_unless_it_says_more() {
    let slow = notifier("type = 'console'\nrate = '30/m'\nretry_for = '0s'");
    let bursting = notifier("type = 'console'\nrate = '30/m'\nburst = 4");

    let every = Duration::from_secs(2);
    assert_eq!(slow.pace, Pace::Limited { every, burst: 1 });
    assert_eq!(slow.retry_for, Duration::ZERO);
    assert_eq!(bursting.pace, Pace::Limited { every, burst: 4 });
}

#[test]
fn the_port_of_mail_follows_its_protection() {
    let port = |tls: &str| {
        let table = format!("type = 'email'\nhost = 'h'\nfrom = 'a@b.c'\nto = ['a@b.c']\n{tls}");
        match notifier(&table).settings {
            TypeSettings::Email(email) => email.port,
            other => panic!("{other:?}"),
        }
    };

    assert_eq!(port(""), 587);
    assert_eq!(port("tls = 'implicit'"), 465);
    assert_eq!(port("tls = 'none'"), 25);
    assert_eq!(port("port = 2525"), 2525);
}

#[test]
fn a_webhook_may_have_several_secrets_and_an_id_in_its_path() {
    let table = "type = 'webhook'\nurl = 'https://h.example/in/{{delivery.id}}?key=x'\n\
                 method = 'put'\nheaders = { X-Team = 'a', authorization = { file = 'f' } }\n\
                 secret = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', { env = 'OLD' }]";

    let TypeSettings::Webhook(webhook) = notifier(table).settings else { panic!("not a webhook") };

    assert_eq!(webhook.method, "PUT");
    let names: Vec<&str> = webhook.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-team", "authorization"]);
    assert_eq!(webhook.secrets.len(), 2);
}

#[test]
fn what_counts_as_taken_and_where_a_wait_stands_are_the_webhooks_own() {
    let read = |lines: &str| {
        let table = format!("type = 'webhook'\nurl = {{ env = 'U' }}\n{lines}");
        match notifier(&table).settings {
            TypeSettings::Webhook(webhook) => (webhook.ok, webhook.retry_after),
            other => panic!("{other:?}"),
        }
    };
    let (ok, wait) = read(
        "ok = { status = [200, 202], json = { pointer = '/ok', equals = true } }\n\
         retry_after = { json = '/parameters/retry_after' }",
    );

    assert_eq!(read(""), (Success::default(), WaitFrom::RetryAfter));
    let json = Some(Wanted { pointer: "/ok".into(), equals: true.into() });
    assert_eq!(ok, Success { statuses: vec![200, 202], json });
    let pointer = "/parameters/retry_after".into();
    assert_eq!(wait, WaitFrom::Json { pointer, unit: WaitUnit::Seconds });
    let (_, wait) = read("retry_after = { header = 'X-Wait', unit = 'ms' }");
    let name = "x-wait".into();
    assert_eq!(wait, WaitFrom::Header { name, unit: WaitUnit::Milliseconds });
    let (ok, _) = read("[notifiers.n.ok]\njson = { pointer = '', equals = 0 }");
    let json = Some(Wanted { pointer: String::new(), equals: 0.into() });
    assert_eq!(ok, Success { statuses: vec![], json });
}

#[test]
fn everything_stands_in_the_files_order() {
    let config = config(EXAMPLE);

    let sources: Vec<&str> = config.sources.iter().map(|source| source.name.as_str()).collect();
    let notifiers: Vec<&str> = config.notifiers.iter().map(|n| n.name.as_str()).collect();
    let rules: Vec<&str> = config.rules.iter().map(|rule| rule.name.as_str()).collect();
    assert_eq!(sources, ["main", "podcast"]);
    assert_eq!(notifiers, ["team", "board", "crew", "mail", "hook", "local", "screen"]);
    assert_eq!(
        rules,
        [
            "failures",
            "client imports",
            "dear agent runs",
            "the board",
            "everything, here",
            "the bridge",
            "one message for many",
            "in office hours",
            "stuck",
            "whole projects",
            "spend"
        ]
    );
    assert_eq!(config.rules[0].on, [EventKind::Partial, EventKind::Failed].into());
    assert_eq!(config.rules[0].notify, ["mail", "team"]);
    assert_eq!(config.rules[0].template, "failure");
    assert_eq!(config.rules[1].template, "default");
    assert!(config.rules[1].condition.is_some());
    assert!(config.rules[2].when.is_some());
}
