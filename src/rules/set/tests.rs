//! Sets of rules: order, `final`, and the index against the plain way.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use crate::model::{EventKey, JobId, ProjectName};
use crate::rules::written::MatchWritten;
use crate::rules::{After, Expression, Period, Spend, SpendUnit};

use super::*;

fn event(kind: EventKind, job: serde_json::Value) -> Event {
    Event {
        key: EventKey {
            source: "main".into(),
            subject: "j1".into(),
            slot: kind.slot(),
            occurrence: String::new(),
        },
        kind,
        from: Some("running".into()),
        to: Some("stopped".into()),
        detected_at: Timestamp::UNIX_EPOCH,
        late: false,
        job_id: JobId::parse("j1").ok(),
        project_name: ProjectName::None,
        facts: serde_json::Map::new(),
        timer: None,
        job: job.as_object().cloned().map(Into::into),
    }
}

fn rule(name: &str, match_: &str) -> Rule {
    #[derive(serde::Deserialize)]
    struct File {
        r#match: MatchWritten,
    }
    let condition = (!match_.is_empty()).then(|| {
        let file: File = toml::from_str(&format!("[match]\n{match_}")).unwrap();
        file.r#match.parse("rule", &mut Vec::new()).unwrap()
    });
    Rule {
        name: name.into(),
        on: [EventKind::Failed, EventKind::Succeeded].into(),
        condition,
        when: None,
        is_final: false,
        notify: vec!["team".into()],
        template: "default".into(),
        include_download_url: false,
        after: None,
        repeat: None,
        throttle: None,
        group: None,
        active: None,
        spend: None,
    }
}

fn when(name: &str, text: &str) -> Rule {
    Rule { when: Some(Expression::parse(text).unwrap()), ..rule(name, "") }
}

fn last(rule: Rule) -> Rule {
    Rule { is_final: true, ..rule }
}

fn shown(verdicts: &[(&Rule, Verdict)]) -> String {
    let lines = verdicts.iter().map(|(rule, verdict)| format!("{}: {verdict}", rule.name));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_rule_answers_with_its_reason_in_the_files_order() {
    let rules = RuleSet::new(vec![
        Rule { on: [EventKind::Queued].into(), ..rule("other event", "") },
        rule("all", ""),
        rule("agents", "\"job.job_type\" = \"agent\""),
        when("dear", "job.credits > 100"),
        when("no such field", "job.minutes > 100"),
        when("broken", "job.job_type > 100"),
        last(rule("last", "\"event.to\" = \"stopped\"")),
        rule("too late", ""),
    ]);

    let explained =
        rules.explain(&event(EventKind::Failed, json!({"job_type": "publish", "credits": 7})));

    insta::assert_snapshot!(shown(&explained), @r#"
    other event: its `on` does not name this event
    all: matched
    agents: `job.job_type` should be "agent", but is "publish"
    dear: `job.credits > 100` does not hold: it is false
    no such field: `job.minutes > 100` does not hold: `minutes` is missing
    broken: `job.job_type > 100` could not be decided (`>` cannot be used with a string and a number), so it is sent
    last: matched
    too late: rule `last` before it is final
    "#);
}

#[test]
fn judging_leaves_out_what_the_index_rules_out_and_comes_to_the_same() {
    let rules = RuleSet::new(vec![
        Rule { on: [EventKind::Queued].into(), ..rule("other event", "") },
        rule("other type", "\"job.job_type\" = \"publish\""),
        last(rule("agents", "\"job.job_type\" = [\"agent\", \"x\"]")),
        rule("other agents", "\"job.job_type\" = \"agent\""),
        rule("any", ""),
    ]);

    let judged = rules.judge(&event(EventKind::Failed, json!({"job_type": "agent"})));

    insta::assert_snapshot!(shown(&judged), @r#"
    agents: matched
    other agents: rule `agents` before it is final
    any: rule `agents` before it is final
    "#);
}

#[test]
fn what_cannot_be_decided_is_sent_but_does_not_count_for_final() {
    let rules = RuleSet::new(vec![last(when("broken", "job.job_type > 100")), rule("next", "")]);

    let judged = rules.judge(&event(EventKind::Failed, json!({"job_type": "agent"})));

    assert!(matches!(judged[0].1, Verdict::Undecided { .. }));
    assert_eq!(judged[1].1, Verdict::Send);
}

#[test]
fn a_rule_by_project_name_is_sent_when_the_name_could_not_be_asked_for() {
    let rules = RuleSet::new(vec![
        rule("by name", "\"job.project_name\" = \"Client A\""),
        rule("by name and type", "\"job.project_name\" = \"Client A\"\n\"job.job_type\" = \"x\""),
        Rule {
            when: Expression::parse("job.credits > 1").ok(),
            ..rule("by name and cost", "\"job.project_name\" = \"Client A\"")
        },
    ]);
    let nameless = Event {
        project_name: ProjectName::Unavailable,
        facts: serde_json::Map::new(),
        ..event(EventKind::Failed, json!({"job_type": "agent", "credits": 1}))
    };

    let explained = rules.explain(&nameless);
    let judged = rules.judge(&nameless);

    insta::assert_snapshot!(shown(&explained), @r#"
    by name: `job.project_name` could not be decided (the project's name could not be fetched), so it is sent
    by name and type: `job.job_type` should be "x", but is "agent"
    by name and cost: `job.credits > 1` does not hold: it is false
    "#);
    assert_eq!(matches(&judged), matches(&explained));
}

#[test]
fn a_rule_of_two_texts_is_kept_under_the_one_it_shares_with_fewer() {
    let many = (0..100).map(|number| {
        rule(
            &format!("r{number}"),
            &format!("\"job.job_type\" = \"agent\"\n\"job.project_id\" = \"p{number}\""),
        )
    });
    let rules = RuleSet::new(many.collect());

    let judged =
        rules.judge(&event(EventKind::Failed, json!({"job_type": "agent", "project_id": "p7"})));

    assert_eq!(shown(&judged), "r7: matched");
}

#[test]
fn events_of_one_rule_are_for_that_rule_alone() {
    let stuck = Rule {
        on: [EventKind::Stalled, EventKind::Failed].into(),
        after: Some(After::Usual),
        ..last(rule("stuck", "\"job.job_type\" = \"agent\""))
    };
    let rules = RuleSet::new(vec![stuck.clone(), Rule { name: "stuck too".into(), ..stuck }]);
    let stalled = |job_type: &str| event(EventKind::Stalled, json!({"job_type": job_type}));
    let one = |rule: &str, event: &Event| {
        rules
            .judge_one(rule, event.kind, &Facts::of(event))
            .map(|(rule, verdict)| (rule.name.as_str(), verdict))
    };

    assert!(rules.judge(&stalled("agent")).is_empty());
    assert_eq!(one("stuck too", &stalled("agent")), Some(("stuck too", Verdict::Send)));
    assert!(matches!(one("stuck", &stalled("x")), Some((_, Verdict::ConditionFailed { .. }))));
    assert_eq!(one("gone", &stalled("agent")), None);
    insta::assert_snapshot!(shown(&rules.explain(&stalled("agent"))), @r"
    stuck: matched
    stuck too: matched
    ");
    insta::assert_snapshot!(
        shown(&rules.judge(&event(EventKind::Failed, json!({"job_type": "agent"})))),
        @r"
    stuck: matched
    stuck too: rule `stuck` before it is final
    "
    );
}

#[test]
fn rules_are_found_by_what_they_need() {
    let timed =
        Rule { on: [EventKind::Overdue].into(), after: Some(After::Usual), ..rule("a", "") };
    let spend = Spend {
        amount: 1.0,
        unit: SpendUnit::Credits,
        per: Period::Day,
        zone: jiff::tz::TimeZone::UTC,
    };
    let spender =
        Rule { on: [EventKind::SpendCrossed].into(), spend: Some(spend), ..rule("b", "") };
    let without_after = Rule { after: None, name: "c".into(), ..timed.clone() };
    let not_about_time = Rule { after: Some(After::Usual), ..rule("d", "") };
    let rules = RuleSet::new(vec![spender, timed, without_after, not_about_time]);
    let names = |rules: Vec<&Rule>| rules.iter().map(|rule| rule.name.clone()).collect::<String>();

    assert_eq!(names(rules.timed().collect()), "a");
    assert_eq!(names(rules.spenders().collect()), "b");
    assert_eq!(names(rules.get("d").into_iter().collect()), "d");
    assert!(rules.names_kind(EventKind::Overdue) && !rules.names_kind(EventKind::ProjectIdle));
}

fn matches(verdicts: &[(&Rule, Verdict)]) -> Vec<(String, Verdict)> {
    let sent = verdicts.iter().filter(|(_, verdict)| verdict.sends());
    sent.map(|(rule, verdict)| (rule.name.clone(), verdict.clone())).collect()
}

fn any_line() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        Just("\"a\""),
        Just("\"b\""),
        Just("[\"a\", \"b\"]"),
        Just("1"),
        Just("{ ne = \"a\" }"),
        Just("{ exists = false }"),
        Just("{ glob = \"a*\" }"),
        Just("[\"a\", 1]"),
        Just("{ eq = \"b\" }")
    ];
    text.prop_map(str::to_owned)
}

fn any_rule() -> impl Strategy<Value = (Vec<(usize, String)>, bool, Option<bool>)> {
    (
        proptest::collection::vec((0..5_usize, any_line()), 0..3),
        any::<bool>(),
        any::<Option<bool>>(),
    )
}

proptest! {
    #[test]
    fn the_index_finds_exactly_the_rules_that_match(
        described in proptest::collection::vec(any_rule(), 0..12),
        x in prop_oneof![Just(json!("a")), Just(json!("b")), Just(json!(1)), Just(json!(null))],
        y in prop_oneof![Just(json!("a")), Just(json!("b")), Just(json!(["a"]))],
        name in prop_oneof![Just(ProjectName::Unavailable), Just(ProjectName::None),
            Just(ProjectName::Known("a".into()))],
        kind in prop_oneof![Just(EventKind::Failed), Just(EventKind::Queued)],
    ) {
        let paths = ["job.x", "job.y", "job.project_name", "job.nope", "job.y.0"];
        let rules = described.into_iter().enumerate().map(|(number, (lines, is_final, expression))| {
            let mut lines: Vec<String> = lines
                .into_iter()
                .map(|(path, value)| format!("\"{}\" = {value}", paths[path]))
                .collect();
            lines.sort();
            lines.dedup_by_key(|line| line.split(" = ").next().unwrap_or_default().to_owned());
            let name = format!("r{number}");
            let when = expression.map(|truth| Expression::parse(&truth.to_string()).unwrap());
            Rule { is_final, when, ..rule(&name, &lines.join("\n")) }
        });
        let rules = RuleSet::new(rules.collect());
        let event = Event { project_name: name, ..event(kind, json!({"x": x, "y": y})) };

        let judged = rules.judge(&event);
        let explained = rules.explain(&event);

        prop_assert_eq!(matches(&judged), matches(&explained));
        prop_assert_eq!(explained.len(), rules.rules().len());
        for (rule, verdict) in judged {
            let same = explained.iter().find(|(other, _)| other.name == rule.name);
            prop_assert_eq!(same.map(|(_, verdict)| verdict), Some(&verdict));
        }
    }
}
