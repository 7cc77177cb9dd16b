//! What expressions come to, and what is refused of them.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::model::{Event, EventKey, EventKind, JobId, ProjectName};

use super::*;

mod mistakes;

fn document() -> Value {
    json!({
        "event": {"id": "e", "kind": "failed", "source": "main", "from": null, "to": "stopped",
            "detected_at": "2026-01-01T12:00:00Z", "late": false, "repeat": false},
        "job": {"job_type": "agent", "project_name": "Client A/x", "whole": 120, "part": 9.5,
            "huge": 18446744073709551615_u64, "zero": 0, "nothing": null, "flag": true,
            "list": [1, 2.5, 3], "empty": [], "created_at": "2026-01-01T11:00:00Z",
            "result": {"media_status": {"a/b.mp4": {"status": "failed"}, "c": {"status": "success"}}}},
    })
}

fn answer(text: &str) -> Answer {
    answer_of(text, &Facts::of_document(document()))
}

fn answer_of(text: &str, facts: &Facts) -> Answer {
    let expression = Expression::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    expression.evaluate(facts)
}

fn holds(text: &str) -> bool {
    match answer(text) {
        Answer::Holds => true,
        Answer::DoesNotHold { reason } if reason == "it is false" => false,
        other => panic!("{text}: {other:?}"),
    }
}

/// The reasons, one a line.
fn reasons(texts: &[&str]) -> String {
    let lines = texts.iter().map(|text| match answer(text) {
        Answer::Holds => format!("{text} => holds"),
        Answer::DoesNotHold { reason } => format!("{text} => no: {reason}"),
        Answer::Undecided { reason } => format!("{text} => undecided: {reason}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn numbers_compare_and_reckon_whatever_json_made_of_them() {
    for text in [
        "job.whole > 100",
        "!(job.part > 100)",
        "job.whole > 100.0",
        "job.part > 9",
        "job.whole == 120.0",
        "job.huge > 100",
        "job.zero < 1u",
        "job.part / 2 > 4.7",
        "job.whole / 60 == 2",
        "job.whole * 1.5 == 180.0",
        "job.part + job.whole == 129.5",
        "job.whole - 0.5 > 119",
        "job.whole % 50 == 20",
        "-job.part < 0",
        "job.huge + 1 > 0.0",
        "double(job.whole) / 50.0 == 2.4",
        "[1, 2.5].map(x, x * 2) == [2, 5.0]",
        "job.list.exists_one(x, x > 2.75)",
        "job.list.filter(x, x > 2).size() == 2",
        "job.list.map(x, x + 0.5)[2] == 3.5",
        "job.project_name + \"!\" == \"Client A/x!\"",
        "timestamp(event.detected_at) - timestamp(job.created_at) == duration(\"1h\")",
    ] {
        assert!(holds(text), "{text}");
    }
}

#[test]
fn texts_lists_and_maps_are_asked_as_cel_has_it() {
    for text in [
        "job.job_type == \"agent\" && event.kind == 'failed'",
        "job.project_name.startsWith(\"Client A/\")",
        "job.project_name.matches('^Client [AB]/')",
        "job.project_name.contains(\"A/\") && job.project_name.endsWith(\"x\")",
        "job.job_type in [\"agent\", \"publish\"]",
        "\"whole\" in job",
        "size(job.list) == 3 && job.list.size() == 3",
        "job.result.media_status[\"a/b.mp4\"].status == \"failed\"",
        "job.result.media_status.exists(name, job.result.media_status[name].status == \"failed\")",
        "!job.result.media_status.all(name, job.result.media_status[name].status == \"success\")",
        "event.from == null",
        "has(job.nothing) && !has(job.nope)",
        "job.?result.?nope.orValue(0) == 0",
        "job.?whole.hasValue()",
        "optional.of(job.whole).optMap(x, x + 1).orValue(0) == 121",
        "job.flag",
        "event.late ? job.flag : job.whole > 1",
        "timestamp(event.detected_at).getHours() == 12",
        "int(\"12\") == 12 && string(job.whole) == \"120\" && type(job.part) == double",
    ] {
        assert!(holds(text), "{text}");
    }
}

#[test]
fn what_ends_in_a_missing_field_or_in_null_does_not_hold() {
    let answers = reasons(&[
        "job.nope > 1",
        "!(job.nope > 1)",
        "job.result.nope.deeper == \"x\"",
        "job[\"n\\u001bope\"] == 1",
        "job.nothing > 1",
        "job.nothing.x == 1",
        "job.nothing + 1 > 1",
        "!job.nothing",
        "job.nothing && true",
        "job.nothing ? true : true",
        "job.nothing.startsWith(\"x\")",
        "size(job.nothing) == 0",
        "\"x\" in job.nothing",
        "job.nothing.exists(x, x == 1)",
        "has(job.nothing.x)",
        "job.nothing",
        "job.nope > 1 || job.flag",
        "job.nope > 1 && !job.flag",
        "has(job.nope) && job.nope > 1",
    ]);

    insta::assert_snapshot!(answers, @r#"
    job.nope > 1 => no: `nope` is missing
    !(job.nope > 1) => no: `nope` is missing
    job.result.nope.deeper == "x" => no: `nope` is missing
    job["n\u001bope"] == 1 => no: `n\u{1b}ope` is missing
    job.nothing > 1 => no: `>` meets null
    job.nothing.x == 1 => no: it asks for a field of null
    job.nothing + 1 > 1 => no: `+` meets null
    !job.nothing => no: `!` meets null
    job.nothing && true => no: `&&` meets null
    job.nothing ? true : true => no: null stands where true or false is wanted
    job.nothing.startsWith("x") => no: `startsWith` meets null
    size(job.nothing) == 0 => no: `size` meets null
    "x" in job.nothing => no: `in` meets null
    job.nothing.exists(x, x == 1) => no: null stands where a list or a map is wanted
    has(job.nothing.x) => no: it asks for a field of null
    job.nothing => no: it is null
    job.nope > 1 || job.flag => holds
    job.nope > 1 && !job.flag => no: it is false
    has(job.nope) && job.nope > 1 => no: it is false
    "#);
}

#[test]
fn any_other_failure_is_undecided() {
    let answers = reasons(&[
        "job.job_type > 1",
        "job.job_type + 1 == 2",
        "job.whole.startsWith(\"1\")",
        "job.whole / job.zero > 1",
        "job.whole % job.zero == 1",
        "9223372036854775807 + job.whole > 1",
        "int(job.job_type) == 1",
        "timestamp(job.job_type) > timestamp(event.detected_at)",
        "job.empty[0] == 1",
        "job.job_type.exists(x, true)",
        "job.job_type",
        "job.whole",
        "job.list",
        "job.whole ? true : false",
        "job.whole && true",
        "\"x\".matches(job.job_type + \"(\")",
    ]);

    insta::assert_snapshot!(answers, @r#"
    job.job_type > 1 => undecided: `>` cannot be used with a string and a number
    job.job_type + 1 == 2 => undecided: `+` cannot be used with a string and a number
    job.whole.startsWith("1") => undecided: `startsWith` cannot be used with a number and a string
    job.whole / job.zero > 1 => undecided: it divides by zero
    job.whole % job.zero == 1 => undecided: it divides by zero
    9223372036854775807 + job.whole > 1 => undecided: a number in it grew too big
    int(job.job_type) == 1 => undecided: `int` cannot make anything of what it was given
    timestamp(job.job_type) > timestamp(event.detected_at) => undecided: `timestamp` cannot make anything of what it was given
    job.empty[0] == 1 => undecided: a list has no element of that number
    job.job_type.exists(x, true) => undecided: a string stands where a list or a map is wanted
    job.job_type => undecided: it came to a string, not to true or false
    job.whole => undecided: it came to a number, not to true or false
    job.list => undecided: it came to a list, not to true or false
    job.whole ? true : false => undecided: a number stands where true or false is wanted
    job.whole && true => undecided: `&&` cannot be used with a number and true or false
    "x".matches(job.job_type + "(") => undecided: `matches` cannot make anything of what it was given
    "#);
}

#[test]
fn an_event_without_a_job_lets_nothing_about_a_job_hold() {
    let facts = Facts::of_document(json!({"event": document()["event"], "job": null}));

    let about_job = answer_of("job.job_type == \"agent\"", &facts);
    let about_event = answer_of("job == null && event.kind == \"failed\"", &facts);

    assert_eq!(about_job, Answer::DoesNotHold { reason: "it asks for a field of null".into() });
    assert_eq!(about_event, Answer::Holds);
}

#[test]
fn what_else_an_event_is_about_can_be_asked() {
    let facts = Facts::of_document(json!({"event": document()["event"], "job": null,
        "project": {"id": "p", "jobs": 3}}));

    let about_project = answer_of("project.jobs > 2 && project.id == \"p\"", &facts);
    let about_another = answer_of("spend.used > 1", &facts);

    assert_eq!(about_project, Answer::Holds);
    assert_eq!(about_another, Answer::DoesNotHold { reason: "it asks for a field of null".into() });
}

#[test]
fn a_name_that_could_not_be_asked_for_decides_only_where_it_matters() {
    let job = json!({"job_type": "agent", "credits": 5});
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
        job: job.as_object().cloned().map(Into::into),
    };
    let facts = Facts::of(&event);
    let undecided = Answer::Undecided { reason: NAME_UNAVAILABLE.into() };

    for (text, expected) in [
        ("job.project_name == \"x\"", undecided.clone()),
        ("job[\"project_name\"] != \"x\"", undecided.clone()),
        ("has(job.project_name)", undecided.clone()),
        ("job.?project_name.orValue(\"x\") == \"x\"", undecided.clone()),
        ("job.project_name == \"x\" && job.credits > 1", undecided.clone()),
        ("job.project_name == \"x\" || job.nope > 1", undecided.clone()),
        ("job.project_name == \"x\" || job.credits > 1", Answer::Holds),
        ("job.credits > 1 || job.project_name == \"x\"", Answer::Holds),
        (
            "job.project_name == \"x\" && job.credits > 9",
            Answer::DoesNotHold { reason: "it is false".into() },
        ),
        ("job.credits > 1", Answer::Holds),
        ("size(job) == 4 && \"credits\" in job && job.exists(k, k == \"credits\")", Answer::Holds),
    ] {
        assert_eq!(answer_of(text, &facts), expected, "{text}");
    }
}

#[test]
fn the_deepest_expression_allowed_is_evaluated_on_a_small_stack() {
    let deepest = (1..200)
        .map(|steps| vec!["job.whole"; steps].join("+") + " > 1")
        .map_while(|text| Expression::parse(&text).ok())
        .last()
        .unwrap();

    let answer = std::thread::Builder::new()
        .stack_size(1 << 20)
        .spawn(move || deepest.evaluate(&Facts::of_document(document())))
        .unwrap()
        .join()
        .unwrap();

    assert_eq!(answer, Answer::Holds);
}

#[test]
fn an_expression_is_shown_on_one_line_and_cut() {
    let expression = Expression::parse(&format!("job.a ==\n  \"{}\"", "x".repeat(200))).unwrap();

    let shown = expression.shown();

    assert!(shown.starts_with("job.a == \"xxx") && shown.ends_with('…'), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_text_makes_parsing_or_evaluating_panic(
        pieces in proptest::collection::vec(prop_oneof![
            Just("job"), Just("event"), Just(".whole"), Just(".nope"), Just("."), Just("("),
            Just(")"), Just("["), Just("]"), Just("{"), Just("}"), Just("\"a\""), Just("'"),
            Just("1"), Just("-"), Just("9.5"), Just("&&"), Just("||"), Just("!"), Just("=="),
            Just(">"), Just("+"), Just("/"), Just("%"), Just("0"), Just("?"), Just(":"), Just(","),
            Just(" in "), Just("size("), Just(".all(x,"), Just(".map(x,"), Just("has("),
            Just("timestamp("), Just("duration("), Just(".?"), Just("[?"), Just("x"), Just("\\"),
            Just("\n"), Just("ä"), Just("0x"), Just("u"), Just("b'\\xff'"), Just("null"),
            Just("true"), Just("9223372036854775807"), Just("-9223372036854775808"),
        ], 0..14)
    ) {
        if let Ok(expression) = Expression::parse(&pieces.concat()) {
            let answer = expression.evaluate(&Facts::of_document(document()));
            let failed = Answer::Undecided { reason: "the expression's engine failed".into() };
            prop_assert_ne!(answer, failed);
        }
    }
}
