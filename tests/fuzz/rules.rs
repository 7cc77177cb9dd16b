//! Rules: conditions and expressions as nobody should write them, asked about every sample.

use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use descript_notify::config::{self, Defaults};
use descript_notify::model::Event;
use descript_notify::render::samples;
use descript_notify::rules::{Expression, Facts, RuleSet};
use proptest::prelude::*;

use crate::{any_text, cases, reading};

/// Longer than any answer takes, on a machine that is busy with something else.
const LONG: Duration = Duration::from_secs(30);

static SAMPLES: LazyLock<Vec<Event>> =
    LazyLock::new(|| samples::events().into_iter().map(|(_, event)| event).collect());

/// A string as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

const FIELDS: [&str; 14] = [
    "event.kind",
    "event.from",
    "event.late",
    "event.detected_at",
    "job.job_type",
    "job.created_at",
    "job.project_name",
    "job.progress",
    "job.progress.percent",
    "job.result",
    "job.result.status",
    "job.result.ai_credits_used",
    "job.result.media_status",
    "job.x",
];

/// A condition as it should be, but for what it compares.
fn any_sound_condition() -> impl Strategy<Value = String> {
    let field = prop::sample::select(FIELDS.to_vec());
    let compared = (
        prop::sample::select(vec!["eq", "ne", "gt", "gte", "lt", "lte", "glob", "regex"]),
        any_operand(),
    );
    let compared = compared.prop_map(|(operator, operand)| format!("{{ {operator} = {operand} }}"));
    let value = prop_oneof![
        2 => compared,
        1 => any_operand(),
        1 => Just("{ exists = false }".to_owned()),
        1 => prop::collection::vec(any_operand(), 1..4).prop_map(|all| format!("[{}]", all.join(", "))),
    ];
    let line = (field, value).prop_map(|(field, value)| format!("{} = {value}", quoted(field)));
    line.prop_recursive(4, 12, 3, |inner| {
        let list = prop::collection::vec(inner.clone(), 1..4)
            .prop_map(|all| format!("[{{ {} }}]", all.join(" }, { ")));
        prop_oneof![
            inner.prop_map(|line| format!("not = {{ {line} }}")),
            list.clone().prop_map(|list| format!("any = {list}")),
            list.prop_map(|list| format!("all = {list}")),
        ]
    })
}

/// An expression as it should be, but for the types in it.
fn any_sound_expression() -> impl Strategy<Value = String> {
    let values = vec![
        "1",
        "-1",
        "1.5e300",
        "9223372036854775807",
        "0u",
        "\"a\"",
        "true",
        "null",
        "[1, \"a\"]",
        "{\"a\": 1}",
        "timestamp(\"2026-11-20T08:00:00Z\")",
        "duration(\"1h\")",
        "job",
        "event",
    ];
    let leaf = prop_oneof![
        prop::sample::select(values).prop_map(str::to_owned),
        prop::sample::select(FIELDS.to_vec()).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 20, 3, |inner| {
        let operators = vec!["==", "!=", "<", ">=", "&&", "||", "+", "-", "*", "/", "%", "in"];
        let two = (inner.clone(), prop::sample::select(operators), inner.clone());
        let calls = vec!["size", "!", "-", "string", "int", "double", "timestamp", "duration"];
        let methods = vec!["matches", "contains", "startsWith", "endsWith"];
        let loops = vec!["all", "exists", "exists_one", "filter", "map"];
        prop_oneof![
            3 => two.prop_map(|(one, operator, other)| format!("({one} {operator} {other})")),
            1 => (prop::sample::select(calls), inner.clone())
                .prop_map(|(call, value)| format!("{call}({value})")),
            1 => (inner.clone(), prop::sample::select(methods), inner.clone())
                .prop_map(|(one, method, other)| format!("({one}).{method}({other})")),
            1 => (inner.clone(), prop::sample::select(loops), inner.clone())
                .prop_map(|(one, each, other)| format!("({one}).{each}(x, {other} == x)")),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(one, then, other)| format!("({one} ? {then} : {other})")),
            1 => (inner.clone(), inner).prop_map(|(one, place)| format!("({one})[{place}]")),
            1 => prop::sample::select(FIELDS.to_vec()).prop_map(|field| format!("has({field})")),
        ]
    })
}

fn any_path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        prop::sample::select(vec![
            "event",
            "job",
            "kind",
            "job_type",
            "result",
            "status",
            "project_name",
            "media_status",
            "*",
            "0",
            "-1",
            "created_at",
            "any",
            "all",
            "not",
            "",
        ])
        .prop_map(str::to_owned),
        any_text(),
    ];
    prop::collection::vec(part, 1..5).prop_map(|parts| parts.join("."))
}

fn any_operand() -> impl Strategy<Value = String> {
    prop_oneof![
        any_text().prop_map(|text| quoted(&text)),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("TOML writes it otherwise", |x| x.is_finite())
            .prop_map(|number| format!("{number:?}")),
        any::<bool>().prop_map(|truth| truth.to_string()),
        Just("2026-11-20T08:00:00Z".to_owned()),
        Just("nan".to_owned()),
        "[\\[\\](){}|*+?^$.\\\\a-c,!-]{0,20}".prop_map(|pattern| quoted(&pattern)),
    ]
}

/// A value in a table of conditions, tables of conditions in it.
fn any_condition() -> impl Strategy<Value = String> {
    any_operand().prop_recursive(4, 20, 4, |inner| {
        let operator = prop::sample::select(vec![
            "eq", "ne", "gt", "gte", "lt", "lte", "glob", "regex", "exists", "any", "all", "not",
            "x",
        ]);
        let operators = prop::collection::btree_map(operator, inner.clone(), 0..3)
            .prop_map(|pairs| table(pairs.iter().map(|(key, value)| ((*key).to_owned(), value))));
        let conditions = prop::collection::btree_map(any_path(), inner.clone(), 0..3)
            .prop_map(|pairs| table(pairs.iter().map(|(key, value)| (quoted(key), value))));
        let list =
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(", ")));
        prop_oneof![operators, conditions, list]
    })
}

fn table<'a>(pairs: impl Iterator<Item = (String, &'a String)>) -> String {
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", pairs.join(", "))
}

fn any_expression() -> impl Strategy<Value = String> {
    let token = prop::sample::select(vec![
        "job",
        "event",
        ".",
        "job.result",
        "job.job_type",
        "status",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "==",
        "!=",
        "<",
        ">",
        "&&",
        "||",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "?",
        ":",
        ",",
        " in ",
        "has(",
        "size(",
        "matches(",
        "duration(",
        "timestamp(",
        "\"a\"",
        "'",
        "r\"\\\"",
        "0",
        "1",
        "9223372036854775807",
        "-9223372036854775808",
        "1u",
        "1.5e300",
        "null",
        "true",
        "x",
        ".map(x, ",
        ".exists(x, ",
        ".filter(x, ",
        ".all(k, ",
        "\"(a+)+$\"",
        "b\"\\xff\"",
        "@",
        "\n",
    ]);
    let tokens = prop::collection::vec(token, 0..14).prop_map(|tokens| tokens.concat());
    prop_oneof![5 => any_sound_expression(), 4 => tokens, 1 => any_text()]
}

/// Reads a rule, and asks it about every sample if it could be read, which is told.
fn judge(text: &str) -> bool {
    let config = format!(
        "[service]\nstore = \"sqlite://state.db\"\n[sources.main]\ntoken = \"t0ken-t0ken\"\n\
         [notifiers.screen]\ntype = \"console\"\n[[rules]]\nname = \"r\"\non = [\"any\"]\nnotify = [\"screen\"]\n{text}\n"
    );
    reading("fuzz-rule.toml", &config);
    let parsed = config::parse(&config, Path::new("/"), &Defaults::default());
    assert!(parsed.config.is_some() || !parsed.problems.is_empty(), "{config}");
    let Some(config) = parsed.config else { return false };
    let rules = RuleSet::new(config.rules);
    for event in SAMPLES.iter() {
        let matched = |verdicts: Vec<(&_, descript_notify::model::Verdict)>| {
            let all = verdicts.into_iter().map(|(_, verdict)| verdict);
            all.filter(descript_notify::model::Verdict::sends).count()
        };
        let explained = rules.explain(event);
        explained.iter().for_each(|(_, verdict)| drop(verdict.to_string()));
        assert_eq!(matched(rules.judge(event)), matched(explained), "{text}");
    }
    true
}

proptest! {
    #![proptest_config(cases(250))]

    #[test]
    fn no_condition_makes_a_rule_panic(path in any_path(), condition in any_condition()) {
        judge(&format!("match = {{ {} = {condition} }}", quoted(&path)));
    }

    #[test]
    fn a_condition_that_is_written_as_it_should_be_is_asked_or_refused(line in any_sound_condition()) {
        judge(&format!("match = {{ {line} }}"));
    }

    #[test]
    fn no_expression_makes_a_rule_panic(expression in any_expression()) {
        judge(&format!("when = {}", quoted(&expression)));
    }
}

#[test]
fn what_is_sound_is_asked() {
    assert!(judge("match = { \"job.result.status\" = { glob = [\"s*\", \"p*\"] } }"));
    assert!(judge("when = 'has(job.result) && size(job.result) > 1'"));
    assert!(!judge("when = 'job.'"));
}

#[test]
fn deep_and_long_expressions_are_refused_or_answered_at_once() {
    let texts = [
        format!("{}true{}", "(".repeat(2_000), ")".repeat(2_000)),
        format!("{}true", "!".repeat(4_000)),
        format!("{}1 == 1", "-".repeat(4_000)),
        format!("1 == {}1{}", "[".repeat(2_000), "]".repeat(2_000)),
        format!("1 == {}1{}", "{1:".repeat(1_000), "}".repeat(1_000)),
        format!("job{} == 1", ".a".repeat(2_000)),
        format!("job{} == 1", "[0]".repeat(1_300)),
        vec!["true"; 500].join(" && "),
        vec!["1"; 1_000].join(" + ") + " == 1",
        format!("{}true{}", "true ? (".repeat(400), ") : false".repeat(0)),
        "job.list.all(a, job.list.all(b, job.list.all(c, a == b)))".to_owned(),
        format!("\"{}\".matches(\"(a|a)*(a|a)*(a|a)*$\")", "a".repeat(3_000)),
        format!("'{}'.matches('{}')", "a".repeat(1_500), "a?".repeat(1_000)),
    ];

    for text in texts {
        reading("fuzz-expression.txt", &text);
        let begun = Instant::now();
        if let Ok(expression) = Expression::parse(&text) {
            SAMPLES.iter().for_each(|event| drop(expression.evaluate(&Facts::of(event))));
        }
        let took = begun.elapsed();
        assert!(took < LONG, "{took:?}: {}", &text[..60]);
    }
}

#[test]
fn a_pattern_cannot_run_away() {
    for pattern in [
        "(".repeat(500),
        "(a{1000}){1000}".into(),
        "((a*)*)*$".into(),
        "[".repeat(1_000),
        "\\p{L}{900}".into(),
    ] {
        judge(&format!("match = {{ \"job.job_type\" = {{ regex = {} }} }}", quoted(&pattern)));
    }
    for pattern in [
        "{".repeat(500),
        "{a,b}".repeat(200),
        "**/".repeat(300),
        "[!".repeat(300),
        "*".repeat(1_000),
    ] {
        judge(&format!("match = {{ \"job.job_type\" = {{ glob = {} }} }}", quoted(&pattern)));
    }
}
