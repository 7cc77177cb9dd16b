//! Cases that go as expected, and what is told of those that do not; two sets of rules over the
//! same events.

use std::path::Path;

use super::{Comparison, Fault, Missed, Trial};
use crate::config::{Config, Defaults, parse};
use crate::model::Event;
use crate::render::{Templates, samples};
use crate::rules::RuleSet;

const RULES: &str = r#"
[sources.main]
token = { env = "T" }
[notifiers.team]
type = "slack"
webhook_url = { env = "S" }
[notifiers.crew]
type = "discord"
webhook_url = { env = "D" }
[notifiers.screen]
type = "console"
[[rules]]
name = "failures"
on = ["failed", "partial"]
notify = ["team", "crew"]
[rules.match]
"job.project_name" = { glob = "Client A/*" }
[[rules]]
name = "outages"
on = ["notifier_down"]
notify = ["team", "screen"]
"#;

fn config(text: &str) -> Config {
    let parsed = parse(text, Path::new("/"), &Defaults { state_folder: Some("/state".into()) });
    let told: Vec<String> = parsed.problems.iter().map(ToString::to_string).collect();
    parsed.config.unwrap_or_else(|| panic!("{told:#?}"))
}

/// Plays the tests; a line for each fault and each reason, by the test's name.
fn played(tests: &str) -> String {
    let config = config(&format!("{RULES}{tests}"));
    let templates = Templates::builtin();
    let mut lines = Vec::new();
    for outcome in Trial::new(&config, &templates).run(&config.tests) {
        lines.push(format!("{}:", outcome.name));
        for fault in outcome.faults {
            lines.push(format!("  {fault}"));
            match fault {
                Fault::Missing { why, .. } => {
                    lines.extend(why.iter().map(|why| format!("    {why}")));
                }
                Fault::Unexpected { says, .. } => lines.push(format!("    {says}")),
            }
        }
    }
    lines.join("\n")
}

#[test]
fn a_case_that_goes_as_expected_has_no_fault() {
    let told = played(
        r#"
        [[test]]
        name = "a failure of client A, in both channels"
        events = [{ kind = "failed", job = { project_name = "Client A/my_film", job_type = "publish" } }]
        [[test.expect]]
        rule = "failures"
        notifier = "team"
        text = ["Client A/my_film", "render broke", "https://web.descript.com/"]
        [[test.expect]]
        rule = "failures"
        notifier = "crew"
        text = ["Client A/my_film", "Publish"]
        [[test]]
        name = "the same in short"
        events = [{ kind = "failed" }]
        expect = [{ rule = "failures" }]
        [[test]]
        name = "nothing about others"
        events = [{ kind = "failed", job = { project_name = "Client B/x" } }, { kind = "queued" }]
        expect = []
        [[test]]
        name = "no notifier is told about itself"
        events = [{ kind = "notifier_down", facts = { name = "team" } }]
        expect = [{ rule = "outages", notifier = "screen" }]
        "#,
    );

    insta::assert_snapshot!(told, @"
    a failure of client A, in both channels:
    the same in short:
    nothing about others:
    no notifier is told about itself:
    ");
}

#[test]
fn each_fault_says_what_was_expected_and_why_it_did_not_come() {
    let told = played(
        r#"
        [[test]]
        name = "the wrong project"
        events = [{ kind = "failed", job = { project_name = "Client B/x" } }, { kind = "queued" }]
        expect = [{ rule = "failures", notifier = "team" }]
        [[test]]
        name = "the wrong text, and one too many"
        events = [{ kind = "failed" }]
        expect = [{ rule = "failures", notifier = "team", text = ["nothing could be read", "Client C"] }]
        [[test]]
        name = "the wrong notifier"
        events = [{ kind = "failed" }]
        expect = [{ rule = "failures" }, { rule = "failures", notifier = "screen" }]
        [[test]]
        name = "twice"
        events = [{ kind = "failed" }]
        expect = [{ rule = "failures" }, { rule = "failures", notifier = "team" }]
        [[test]]
        name = "about itself"
        events = [{ kind = "notifier_down", facts = { name = "team" } }]
        expect = [{ rule = "outages" }]
        "#,
    );

    insta::assert_snapshot!(told, @r#"
    the wrong project:
      expected, but not sent: rule `failures` to team
        about event 1 (failed) the rule says: `job.project_name` should be like "Client A/*", but is "Client B/x"
        about event 2 (queued) the rule says: its `on` does not name this event
    the wrong text, and one too many:
      expected, but not sent: rule `failures` to team, with "nothing could be read" and "Client C"
        the message about event 1 (failed) does not hold "Client C"
      sent, but not expected: rule `failures` to crew, about event 1 (failed)
        08:03:20 ❌ Client A/Episode 12: Import failed (3m 10s)
    the wrong notifier:
      expected, but not sent: rule `failures` to screen
        the rule notifies team, crew only
    twice:
      expected, but not sent: rule `failures` to team
        the message about event 1 (failed) is what another `expect` has
    about itself:
      expected, but not sent: rule `outages` to team
        event 1 (notifier_down) is about the notifier itself
    "#);
}

#[test]
fn a_message_that_two_could_have_goes_where_both_find_one() {
    let told = played(
        r#"
        [[test]]
        name = "the first fits both messages, the second only one"
        events = [
            { kind = "failed", job = { project_name = "Client A/one" } },
            { kind = "failed", job = { project_name = "Client A/two" } },
        ]
        only = ["failures"]
        expect = [
            { rule = "failures", text = ["Client A"] },
            { rule = "failures", text = ["Client A/one"] },
        ]
        "#,
    );

    insta::assert_snapshot!(told, @"the first fits both messages, the second only one:");
}

#[test]
fn only_the_rules_that_are_looked_at_count() {
    let more = "[[rules]]\nname = 'all'\non = ['any']\nnotify = ['screen']\n";
    let test = |only: &str| {
        format!(
            "{more}[[test]]\nname = 't'\n{only}events = [{{ kind = 'failed' }}]\nexpect = [{{ rule = 'failures' }}]\n"
        )
    };

    assert_eq!(played(&test("only = ['failures']\n")), "t:");
    assert!(played(&test("")).contains("sent, but not expected: rule `all` to screen"));
}

#[test]
fn what_an_event_leaves_out_is_the_samples_and_what_it_names_is_its_own() {
    let told = played(
        r#"
        [[rules]]
        name = "facts"
        on = ["failed"]
        notify = ["screen"]
        [rules.match]
        "event.source" = "other"
        "event.from" = "queued"
        "event.to" = "broken"
        "event.late" = true
        "event.detected_at" = "2026-01-01T00:00:00Z"
        "job.job_state" = "broken"
        "job.result.error_message" = "mine"
        "job.result.status" = "error"
        "job.result.error_code" = { exists = false }
        "job.drive_id" = { exists = false }
        "job.new" = 5
        [[test]]
        name = "all of it"
        only = ["facts"]
        expect = [{ rule = "facts" }]
        [[test.events]]
        kind = "failed"
        source = "other"
        from = "queued"
        to = "broken"
        late = true
        at = "2026-01-01T00:00:00Z"
        without = ["result.error_code", "drive_id", "no.such.field"]
        [test.events.job]
        new = 5
        result = { error_message = "mine" }
        "#,
    );

    assert_eq!(told, "all of it:");
}

#[test]
fn every_kind_of_event_can_be_tested() {
    let kinds = crate::model::KIND_NAMES.iter().map(|(kind, _)| *kind);
    for kind in kinds.filter(|kind| !kind.is_of_one_rule()) {
        let rule = format!("[[rules]]\nname = 'k'\non = ['{kind}']\nnotify = ['screen']\n");
        let test = format!(
            "{rule}[[test]]\nname = 't'\nonly = ['k']\nevents = [{{ kind = '{kind}' }}]\nexpect = [{{ rule = 'k' }}]\n"
        );

        assert_eq!(played(&test), "t:", "{kind}");
    }
}

#[test]
fn the_reason_of_a_miss_is_the_rules_verdict() {
    let config = config(&format!(
        "{RULES}[[test]]\nname = 't'\nevents = [{{ kind = 'queued' }}]\nexpect = [{{ rule = 'failures', notifier = 'team' }}]\n"
    ));
    let templates = Templates::builtin();

    let outcome = Trial::new(&config, &templates).run(&config.tests).remove(0);

    let [Fault::Missing { why, .. }] = outcome.faults.as_slice() else { panic!("{outcome:?}") };
    assert!(matches!(why.as_slice(), [Missed::NotSaid { event: 1, .. }]), "{why:?}");
}

fn events(names: &[&str]) -> Vec<Event> {
    let all = samples::events();
    let named = |name: &&str| all.iter().find(|(known, _)| known == name).unwrap().1.clone();
    names.iter().map(named).collect()
}

/// A line for each rule and notifier.
fn compared(old: &str, new: &str, events: &[Event]) -> String {
    let (old, new) = (config(&format!("{RULES}{old}")), config(new));
    let (old, new) = (RuleSet::new(old.rules), RuleSet::new(new.rules));
    let mut comparison = Comparison::between(&old, &new);
    events.iter().for_each(|event| comparison.take(event));
    let compared = comparison.finish();
    let mut lines = vec![format!("{} events", compared.events)];
    for line in &compared.lines {
        let (gone, more) = (&line.no_longer, &line.additionally);
        lines.push(format!(
            "{} to {}: {} → {}, -{} +{}",
            line.rule, line.notifier, line.before, line.after, gone.count, more.count
        ));
        for example in gone.examples.iter().chain(&more.examples) {
            let (kind, course) = (example.event.kind, example.course.as_str());
            lines.push(format!("  {kind} is {course}: {}", example.silence));
        }
    }
    lines.join("\n")
}

#[test]
fn the_same_rules_change_nothing() {
    let events = events(&["import failed", "import partial", "import succeeded", "notifier down"]);

    let told = compared("", RULES, &events);

    insta::assert_snapshot!(told, @"
    4 events
    failures to crew: 2 → 2, -0 +0
    failures to team: 2 → 2, -0 +0
    outages to screen: 1 → 1, -0 +0
    ");
}

#[test]
fn what_comes_and_what_goes_is_told_with_its_reason() {
    let new = RULES
        .replace("[\"failed\", \"partial\"]", "[\"failed\", \"succeeded\"]")
        .replace("notify = [\"team\", \"crew\"]", "notify = [\"crew\", \"screen\"]");
    let old = "[[rules]]\nname = 'all'\non = ['succeeded']\nnotify = ['screen']\n";
    let events = events(&["import failed", "import partial", "import succeeded"]);

    let told = compared(old, &new, &events);

    insta::assert_snapshot!(told, @"
    3 events
    failures to crew: 2 → 2, -1 +1
      partial is sent: its `on` does not name this event
      succeeded is sent: its `on` does not name this event
    failures to screen: 0 → 2, -0 +2
      failed is sent: it notifies team, crew only
      succeeded is sent: its `on` does not name this event
    failures to team: 2 → 0, -2 +0
      failed is sent: it notifies crew, screen only
      partial is sent: its `on` does not name this event
    all to screen: 1 → 0, -1 +0
      succeeded is sent: nothing, there is no such rule
    ");
}

#[test]
fn of_many_changes_the_newest_examples_are_kept() {
    let new = RULES.replace("Client A", "Client B");
    let mut events = events(&["import failed"; 5]);
    for (number, event) in events.iter_mut().enumerate() {
        event.key.occurrence = number.to_string();
    }
    let (old, new) = (RuleSet::new(config(RULES).rules), RuleSet::new(config(&new).rules));
    let mut comparison = Comparison::between(&old, &new);

    events.iter().for_each(|event| comparison.take(event));

    let gone = &comparison.finish().lines[0].no_longer;
    assert_eq!(gone.count, 5);
    let kept: Vec<&str> =
        gone.examples.iter().map(|example| example.event.key.occurrence.as_str()).collect();
    assert_eq!(kept, ["2", "3", "4"]);
}
