//! What each operator holds for, how conditions nest, and what is refused of them.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use crate::model::{Event, EventKey, EventKind, JobId, ProjectName};
use crate::problem::Problem;
use crate::rules::written::MatchWritten;

use super::*;

mod mistakes;

#[derive(serde::Deserialize)]
struct File {
    r#match: MatchWritten,
}

fn parse(lines: &str) -> (String, Option<Condition>, Vec<Problem>) {
    let source = format!("[match]\n{lines}\n");
    let file: File = toml::from_str(&source).unwrap_or_else(|error| panic!("{lines}: {error}"));
    let mut problems = Vec::new();
    let condition = file.r#match.parse("rule `a`", &mut problems);
    (source, condition, problems)
}

fn check(lines: &str, facts: &Facts) -> Finding {
    let (_, condition, problems) = parse(lines);
    let condition = condition.unwrap_or_else(|| panic!("{lines}: {problems:?}"));
    condition.check(facts)
}

fn document() -> Value {
    json!({
        "event": {"id": "e", "kind": "failed", "source": "main", "from": null, "to": "stopped",
            "detected_at": "2026-01-01T12:00:00Z", "late": false, "repeat": false},
        "job": {
            "job_type": "agent", "project_name": "Client A/Film/x", "whole": 600, "part": 9.5,
            "huge": 9007199254740993_u64, "nothing": null, "flag": true, "list": [1, "two"],
            "result": {
                "status": "partial", "download_url": "https://secret", "error_code": "import_x",
                "media_status": {
                    "Misc/intro.mp4": {"status": "failed", "duration_seconds": 5},
                    "b": {"status": "success", "duration_seconds": 50},
                },
            },
        },
    })
}

fn holds(lines: &str) -> bool {
    check(lines, &Facts::of_document(document())) == Finding::Holds
}

/// Each line with what it came to.
fn findings(conditions: &[&str], facts: &Facts) -> String {
    let lines = conditions.iter().map(|lines| match check(lines, facts) {
        Finding::Holds => format!("{lines} => holds"),
        Finding::Fails { condition, expected, met } => {
            format!("{lines} => `{condition}` should be {expected}, but is {met}")
        }
        Finding::Undecided { condition, reason } => format!("{lines} => `{condition}`: {reason}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_operator_holds_for_what_it_should() {
    for (line, expected) in [
        (r#""job.job_type" = "agent""#, true),
        (r#""job.job_type" = "Agent""#, false),
        (r#""job.job_type" = ["publish", "agent"]"#, true),
        (r#""job.whole" = 600"#, true),
        (r#""job.whole" = 600.0"#, true),
        (r#""job.whole" = "600""#, false),
        (r#""job.part" = 9.5"#, true),
        (r#""job.flag" = true"#, true),
        (r#""job.flag" = ["x", 1, true]"#, true),
        (r#""job.flag" = false"#, false),
        (r#""job.huge" = 9007199254740993"#, true),
        (r#""job.huge" = { gt = 9007199254740992 }"#, true),
        (r#""job.list" = "two""#, false),
        (r#""job.list.1" = "two""#, true),
        (r#""job.list.*" = "two""#, true),
        (r#""job.job_type" = { eq = "agent" }"#, true),
        (r#""job.job_type" = { ne = "agent" }"#, false),
        (r#""job.job_type" = { ne = ["publish", 1] }"#, true),
        (r#""job.whole" = { ne = "600" }"#, true),
        (r#""job.whole" = { gt = 600 }"#, false),
        (r#""job.whole" = { gte = 600 }"#, true),
        (r#""job.whole" = { gte = 600, lt = 600.5 }"#, true),
        (r#""job.whole" = { lte = 599.9 }"#, false),
        (r#""job.part" = { gt = 9 }"#, true),
        (r#""job.part" = { lt = 10 }"#, true),
        (r#""job.job_type" = { gt = 1 }"#, false),
        (r#""job.whole" = { gt = "1" }"#, false),
        (r#""event.detected_at" = { gte = "2026-01-01T00:00:00Z" }"#, true),
        (r#""event.detected_at" = { lt = "2026-01-01T00:00:00Z" }"#, false),
        (r#""job.project_name" = { glob = "Client A/*" }"#, true),
        (r#""job.project_name" = { glob = ["Client B/*", "*/x"] }"#, true),
        (r#""job.project_name" = { glob = "client a/*" }"#, false),
        (r#""job.project_name" = { glob = "Client ?/Fil[lm]/{x,y}" }"#, true),
        (r#""job.whole" = { glob = "*" }"#, false),
        (r#""job.result.error_code" = { regex = "^import_" }"#, true),
        (r#""job.result.error_code" = { regex = ["^x", "_x$"] }"#, true),
        (r#""job.result.error_code" = { regex = "IMPORT" }"#, false),
        (r#""job.result.error_code" = { regex = "^import_", ne = "import_x" }"#, false),
        (r#""job.job_type" = { exists = true }"#, true),
        (r#""job.job_type" = { exists = true, glob = "a*" }"#, true),
        (r#""job.job_type" = { exists = false }"#, false),
        (r#""job" = { exists = true }"#, true),
        (r#"'job.result.media_status."Misc/intro.mp4".status' = "failed""#, true),
        (r#""job.result.media_status.*.status" = "failed""#, true),
        (r#""job.result.media_status.*" = { exists = true }"#, true),
        (r#""job.result.media_status.*.error" = { exists = false }"#, true),
        (r#""job.result.media_status.*.duration_seconds" = { gt = 10, lt = 40 }"#, false),
        (r#""job.result.media_status.*.status" = { ne = "success" }"#, true),
    ] {
        assert_eq!(holds(line), expected, "{line}");
    }
}

#[test]
fn what_is_missing_or_null_compares_with_nothing_and_not_turns_that() {
    for path in ["job.nope", "job.nothing", "job.nope.deeper", "job.job_type.x", "job.list.9"] {
        for value in [
            "\"x\"",
            "1",
            "false",
            "{ ne = \"x\" }",
            "{ lt = 1 }",
            "{ glob = \"*\" }",
            "{ regex = \"\" }",
            "{ exists = true }",
        ] {
            let line = format!("\"{path}\" = {value}");
            assert!(!holds(&line), "{line}");
            assert!(holds(&format!("not = {{ {line} }}")), "not {line}");
        }
        assert!(holds(&format!("\"{path}\" = {{ exists = false }}")), "{path}");
        assert!(!holds(&format!("not = {{ \"{path}\" = {{ exists = false }} }}")), "{path}");
    }
}

#[test]
fn any_all_and_not_nest() {
    let (yes, no) = (r#""job.whole" = 600"#, r#""job.part" = 1"#);

    for (lines, expected) in [
        (format!("any = [{{ {no} }}, {{ {yes} }}]"), true),
        (format!("any = [{{ {no} }}, {{ {yes}, {no} }}]"), false),
        (format!("all = [{{ {yes} }}, {{ {yes} }}]"), true),
        (format!("all = [{{ {yes} }}, {{ {no} }}]"), false),
        (format!("not = {{ {no} }}"), true),
        (format!("not = {{ {yes}, {no} }}"), true),
        (format!("not = {{ any = [{{ {no} }}, {{ not = {{ {yes} }} }}] }}"), true),
        (format!("{yes}\nany = [{{ {no} }}]"), false),
        (format!("{yes}\nall = [{{ any = [{{ {yes} }}] }}]\nnot = {{ {no} }}"), true),
    ] {
        assert_eq!(holds(&lines), expected, "{lines}");
    }
}

#[test]
fn the_first_line_that_fails_is_told_with_what_was_met() {
    let found = findings(
        &[
            "\"job.whole\" = 600\n\"job.part\" = 1\n\"job.job_type\" = \"x\"",
            "\"job.z\" = 1\n\"job.a\" = 1",
            "\"job.job_type\" = [\"publish\", \"import\", 1, true]",
            "\"job.job_type\" = { ne = [\"agent\", \"x\"] }",
            "\"job.nothing\" = { gt = 5, lte = 9.5 }",
            "\"job.project_name\" = { glob = [\"B/*\", \"C \\\"/*\"] }",
            "\"job.result.error_code\" = { regex = '^a\\d\"' }",
            "\"job.job_type\" = { exists = false }",
            "\"job.nope\" = { exists = true, gte = \"a\" }",
            "\"job.result\" = \"x\"",
            "\"job.list.*\" = 3",
            "\"job.nope.*\" = 3",
            "\"job.result.download_url\" = \"x\"",
            "\"job.result.*\" = \"x\"",
            "any = [{ \"job.part\" = 1 }, { \"job.nope\" = 1 }]",
            "all = [{ \"job.whole\" = 600 }, { \"job.part\" = 1 }]",
            "not = { \"job.whole\" = 600, any = [{ \"job.part\" = 9.5 }] }",
        ],
        &Facts::of_document(document()),
    );

    insta::assert_snapshot!(found, @r#"
    "job.whole" = 600
    "job.part" = 1
    "job.job_type" = "x" => `job.part` should be 1, but is 9.5
    "job.z" = 1
    "job.a" = 1 => `job.z` should be 1, but is missing
    "job.job_type" = ["publish", "import", 1, true] => `job.job_type` should be "publish", "import", 1 or true, but is "agent"
    "job.job_type" = { ne = ["agent", "x"] } => `job.job_type` should be other than "agent" or "x", but is "agent"
    "job.nothing" = { gt = 5, lte = 9.5 } => `job.nothing` should be more than 5 and at most 9.5, but is null
    "job.project_name" = { glob = ["B/*", "C \"/*"] } => `job.project_name` should be like "B/*" or "C \"/*", but is "Client A/Film/x"
    "job.result.error_code" = { regex = '^a\d"' } => `job.result.error_code` should be matching /^a\d"/, but is "import_x"
    "job.job_type" = { exists = false } => `job.job_type` should be missing, but is "agent"
    "job.nope" = { exists = true, gte = "a" } => `job.nope` should be there and at least "a", but is missing
    "job.result" = "x" => `job.result` should be "x", but is a table of 4
    "job.list.*" = 3 => `job.list.*` should be 3, but is 1, "two"
    "job.nope.*" = 3 => `job.nope.*` should be 3, but is missing
    "job.result.download_url" = "x" => `job.result.download_url` should be "x", but is a value that is never shown
    "job.result.*" = "x" => `job.result.*` should be "x", but is a value that is never shown, "import_x", a table of 2 and 1 more
    any = [{ "job.part" = 1 }, { "job.nope" = 1 }] => `any` should be at least one table that holds, but is 2 that do not (`job.part` is 9.5, `job.nope` is missing)
    all = [{ "job.whole" = 600 }, { "job.part" = 1 }] => `job.part` should be 1, but is 9.5
    not = { "job.whole" = 600, any = [{ "job.part" = 9.5 }] } => `not` should be a table that does not hold, but is one that does (`job.whole` is 600, `any` holds)
    "#);
}

#[test]
fn a_name_that_could_not_be_asked_for_leaves_undecided_what_hangs_on_it() {
    let event = Event {
        key: EventKey {
            source: "main".into(),
            subject: "j".into(),
            slot: "ended",
            occurrence: String::new(),
        },
        kind: EventKind::Failed,
        from: None,
        to: Some("stopped".into()),
        detected_at: Timestamp::UNIX_EPOCH,
        late: false,
        job_id: JobId::parse("j").ok(),
        project_name: ProjectName::Unavailable,
        facts: serde_json::Map::new(),
        timer: None,
        job: json!({"x": "y"}).as_object().cloned().map(Into::into),
    };
    let name = "\"job.project_name\" = { glob = \"A*\" }";
    let (yes, no) = ("\"job.x\" = \"y\"", "\"job.x\" = \"z\"");

    let found = findings(
        &[
            name,
            "\"job.project_name\" = { exists = false }",
            "\"job.*\" = \"y\"",
            "\"job.*\" = \"z\"",
            &format!("not = {{ {name} }}"),
            &format!("{name}\n{yes}"),
            &format!("{name}\n{no}"),
            &format!("any = [{{ {name} }}, {{ {yes} }}]"),
            &format!("any = [{{ {name} }}, {{ {no} }}]"),
            &format!("all = [{{ {name} }}, {{ {yes} }}]"),
            &format!("all = [{{ {name} }}, {{ {no} }}]"),
            &format!("not = {{ {name}, {no} }}"),
            yes,
        ],
        &Facts::of(&event),
    );

    insta::assert_snapshot!(found, @r#"
    "job.project_name" = { glob = "A*" } => `job.project_name`: the project's name could not be fetched
    "job.project_name" = { exists = false } => `job.project_name`: the project's name could not be fetched
    "job.*" = "y" => holds
    "job.*" = "z" => `job.*`: the project's name could not be fetched
    not = { "job.project_name" = { glob = "A*" } } => `job.project_name`: the project's name could not be fetched
    "job.project_name" = { glob = "A*" }
    "job.x" = "y" => `job.project_name`: the project's name could not be fetched
    "job.project_name" = { glob = "A*" }
    "job.x" = "z" => `job.x` should be "z", but is "y"
    any = [{ "job.project_name" = { glob = "A*" } }, { "job.x" = "y" }] => holds
    any = [{ "job.project_name" = { glob = "A*" } }, { "job.x" = "z" }] => `job.project_name`: the project's name could not be fetched
    all = [{ "job.project_name" = { glob = "A*" } }, { "job.x" = "y" }] => `job.project_name`: the project's name could not be fetched
    all = [{ "job.project_name" = { glob = "A*" } }, { "job.x" = "z" }] => `job.x` should be "z", but is "y"
    not = { "job.project_name" = { glob = "A*" }, "job.x" = "z" } => holds
    "job.x" = "y" => holds
    "#);
}

fn any_condition() -> impl Strategy<Value = String> {
    let line = (0..4_usize, prop_oneof![Just("1"), Just("600"), Just("{ exists = false }")])
        .prop_map(|(path, value)| {
            let paths = ["job.whole", "job.part", "job.nope", "job.nothing"];
            format!("\"{}\" = {value}", paths[path])
        });
    line.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| format!("not = {{ {one} }}")),
            proptest::collection::vec(inner.clone(), 1..4)
                .prop_map(|each| format!("any = [{{ {} }}]", each.join(" }, { "))),
            proptest::collection::vec(inner, 1..4)
                .prop_map(|each| format!("all = [{{ {} }}]", each.join(" }, { "))),
        ]
    })
}

proptest! {
    #[test]
    fn not_turns_any_condition_and_any_is_what_not_all_not_is(left in any_condition(), right in any_condition()) {
        let either = format!("any = [{{ {left} }}, {{ {right} }}]");
        let none = format!("not = {{ all = [{{ not = {{ {left} }} }}, {{ not = {{ {right} }} }}] }}");

        prop_assert_eq!(holds(&left), !holds(&format!("not = {{ {left} }}")));
        prop_assert_eq!(holds(&either), holds(&none));
    }

    #[test]
    fn no_pattern_makes_parsing_panic(pattern in "\\PC{0,30}") {
        let pattern = pattern.replace('\'', "");
        parse(&format!("\"job.x\" = {{ glob = '{pattern}' }}"));
        parse(&format!("\"job.x\" = {{ regex = '{pattern}' }}"));
    }
}
