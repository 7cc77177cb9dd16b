//! What each word answers.

use handlebars::Handlebars;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Renders one tag as a text template would.
fn said(tag: &str, document: &Value) -> Result<String, String> {
    said_in(Syntax::Json, tag, document)
}

fn said_in(syntax: Syntax, tag: &str, document: &Value) -> Result<String, String> {
    use handlebars::{Renderable, StringOutput, Template};

    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.register_escape_fn(move |text| syntax.escape(text));
    register(&mut registry, syntax);
    let template = Template::compile(tag).unwrap();
    let context = Context::from(document.clone());
    let mut render_context = RenderContext::new(None);
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let moment = Moment { now, zone: TimeZone::get("Europe/Berlin").unwrap() };
    register_moment(&mut render_context, &moment, syntax);
    let mut output = StringOutput::new();
    template
        .render(&registry, &context, &mut render_context, &mut output)
        .map_err(|error| error.reason().to_string())?;
    Ok(output.into_string().unwrap())
}

#[test]
fn words_about_texts_and_numbers() {
    let document = json!({"name": "Ärger", "empty": "", "none": null, "list": [1, 2], "n": 3});
    let cases = [
        (
            "{{default missing.deep \"x\"}} {{default empty \"y\"}} {{default none 1}} {{default n 1}}",
            "x y 1 3",
        ),
        ("{{truncate name 3}} {{truncate name 5}} {{truncate n 1}}", "Är… Ärger 3"),
        (
            "{{upper name}} {{lower name}} {{len name}} {{len list}} {{len none}}",
            "ÄRGER ärger 5 2 0",
        ),
        (
            "{{plural 1 \"file\"}}, {{plural n \"file\"}}, {{plural 2 \"entry\" \"entries\"}}",
            "1 file, 3 files, 2 entries",
        ),
        (
            "{{bytes 999}} {{bytes 1400000}} {{bytes 999999}} {{bytes 5000000000000000}} {{bytes name}}",
            "999 B 1.4 MB 1.0 MB 5000.0 TB Ärger",
        ),
        ("{{json list}} {{json name}}", "[1,2] \"Ärger\""),
        ("{{lookup list 1}} {{upper (plain name)}}", "2 ÄRGER"),
        ("{{#if (and n (not empty) (eq n 3.0) (ne name none))}}yes{{/if}}", "yes"),
        ("{{#if (or empty missing)}}yes{{else}}no{{/if}}", "no"),
        (
            "{{gt n 2}} {{gte n 3}} {{lt n 3}} {{lte \"a\" \"b\"}} {{gt name n}}",
            "true true false true false",
        ),
    ];

    for (tag, expected) in cases {
        assert_eq!(said(tag, &document).as_deref(), Ok(expected), "{tag}");
    }
}

#[test]
fn words_about_times() {
    let document = json!({"from": "2026-11-20T08:00:00.120Z", "to": "2026-11-20T08:04:12.900Z"});
    let cases = [
        (
            "{{duration from to}} {{duration to from}} {{duration 3600}} {{duration 90061}}",
            "4m 12s 0s 1h 1d 1h",
        ),
        ("{{duration 59.6}} {{duration \"x\"}}|{{duration \"61\"}}", "1m |1m 1s"),
        (
            "{{ago from}}, {{ago \"2026-11-20T12:00:03Z\"}}, {{ago \"2026-11-25T12:00:00Z\"}}",
            "4h ago, just now, in 5d",
        ),
        ("{{ago \"x\"}}|{{local_time \"x\"}}", "|x"),
        ("{{local_time from}} {{local_time from \"%H:%M\"}}", "2026-11-20 09:00 CET 09:00"),
        ("{{local_time from \"%\"}}", "2026-11-20 09:00 CET"),
    ];

    for (tag, expected) in cases {
        assert_eq!(said(tag, &document).as_deref(), Ok(expected), "{tag}");
    }
}

#[test]
fn words_about_the_media_of_a_job() {
    let document = json!({"job": {"result": {"media_status": {
        "a.wav": {"status": "success", "duration_seconds": 9.5},
        "b.wav": {"status": "failed", "error_message": "403"},
        "c.wav": {"status": "odd"}, "d.wav": null}}}});
    let cases = [
        (
            "{{#each (files job \"failed\")}}{{name}}: {{error_message}};{{/each}}",
            "b.wav: 403;c.wav: no reason given;d.wav: no reason given;",
        ),
        (
            "{{#each (files job \"failed\" 1)}}{{name}}{{/each}} and {{files_left job \"failed\" 1}} more",
            "b.wav and 2 more",
        ),
        ("{{len (files job)}} {{files_left job}} {{len (files this \"success\")}}", "4 0 1"),
        ("{{len (files \"x\")}} {{files_left job \"success\" \"y\"}}", "0 0"),
    ];

    for (tag, expected) in cases {
        assert_eq!(said(tag, &document).as_deref(), Ok(expected), "{tag}");
    }
}

#[test]
fn types_are_said_in_words_also_unknown_ones() {
    let cases = [
        ("import/project_media", "Import"),
        ("agent", "AI edit"),
        ("publish", "Publish"),
        ("export/timeline", "Timeline export"),
        ("dub/voice_over-v2", "Dub: voice over v2"),
        ("", "Job"),
    ];

    for (given, expected) in cases {
        let document = json!({"job": {"job_type": given}});
        assert_eq!(said("{{type_name job.job_type}}", &document).as_deref(), Ok(expected));
    }
}

#[test]
fn a_document_may_be_one_of_a_group() {
    let document = json!({"events": [
        {"event": {"kind": "failed"}, "job": {"job_type": "publish", "project_name": "A", "project_id": "1"}},
        {"event": {"kind": "succeeded"}, "job": {"job_type": "agent", "project_name": null, "project_id": "2",
            "result": {"project_changed": false}}}]});

    let tag = "{{#each events}}{{emoji this}} {{project this}}: {{headline this}} ({{outcome this}}); {{/each}}";

    assert_eq!(
        said(tag, &document).unwrap(),
        "❌ A: Publish failed (failed); 💤 2: AI edit finished, but nothing was changed (succeeded); "
    );
}

/// A group of that many failed imports of as many projects, whose names and links are these.
fn failures(many: usize, name: &str, url: &str) -> Value {
    let failed = |number: usize| {
        let job = json!({"job_type": "import/project_media", "project_id": number,
            "project_name": name, "project_url": url, "stopped_at": "2026-11-20T08:03:10Z",
            "result": {"error_message": "no\nfile"}});
        json!({"event": {"kind": "failed"}, "job": job})
    };
    json!({"events": (0..many).map(failed).collect::<Vec<_>>()})
}

#[test]
fn a_group_is_said_by_its_worst_and_counted() {
    let event = |kind: &str| json!({"event": {"kind": kind}, "job": {"project_name": "A"}});
    let group = json!({"event": {"kind": "succeeded"}, "events": [event("succeeded"),
        event("failed"), event("source_down"), event("source_down"), event("odd"), event("failed")]});

    let tag = "{{emoji}} {{title}}: {{counts}} {{colour_hex}} {{headline}}";

    assert_eq!(
        said(tag, &group).unwrap(),
        "❌ A: 6 things happened: 2 failed, 1 succeeded, 2 sources down, 1 more #d6364f Job succeeded"
    );
    assert_eq!(
        said("{{title}}: {{counts}}", &failures(1, "A", "")).unwrap(),
        "A: 1 job ended: 1 failed"
    );
    assert_eq!(
        said("{{title}}|{{counts}}", &json!({"events": []})).unwrap(),
        "descript-notify: Something happened|"
    );
}

#[test]
fn lines_give_up_detail_until_they_fit() {
    let group = failures(3, "A name", "https://a.example/1");
    let lines = |room: usize| {
        let tag = format!("{{{{lines events {room}}}}}");
        said_in(Syntax::DiscordJson, &tag, &group).unwrap().replace("\\n", "\n").replace("\\\\", "")
    };

    insta::assert_snapshot!(lines(500), @r#"
    ❌ [A name](https://a.example/1) · Import failed: no file · 20 Nov 09:03
    ❌ [A name](https://a.example/1) · Import failed: no file · 20 Nov 09:03
    ❌ [A name](https://a.example/1) · Import failed: no file · 20 Nov 09:03
    "#);
    insta::assert_snapshot!(lines(210), @r#"
    ❌ [A name](https://a.example/1) · Import failed: no file · 09:03
    ❌ [A name](https://a.example/1) · Import failed: no file · 09:03
    ❌ [A name](https://a.example/1) · Import failed: no file · 09:03
    "#);
    insta::assert_snapshot!(lines(130), @r#"
    ❌ A name · Import failed: no file · 09:03
    ❌ A name · Import failed: no file · 09:03
    ❌ A name · Import failed: no file · 09:03
    "#);
    insta::assert_snapshot!(lines(100), @r#"
    ❌ A name · Import failed: no file · 09:03
    ❌ A name · Import failed: no file · 09:03
    … and 1 more
    "#);
    assert_eq!((lines(12).as_str(), lines(11).as_str()), ("… and 3 more", ""));
}

#[test]
fn lines_of_a_few_projects_stand_below_their_names() {
    let mut group = failures(5, "A", "https://a.example/1");
    for (number, event) in group["events"].as_array_mut().unwrap().iter_mut().enumerate() {
        event["job"]["project_id"] = (number % 2).into();
        event["job"]["result"]["error_message"] = number.into();
    }
    group["events"][4] = json!({"event": {"kind": "source_up"}, "job": null});
    group["event"] = json!({"detected_at": "2026-11-20T22:00:00Z"});
    let lines = |syntax, room: usize| {
        said_in(syntax, &format!("{{{{lines events {room}}}}}"), &group).unwrap()
    };

    insta::assert_snapshot!(lines(Syntax::Text, 900), @r#"
    A  https://a.example/1
          ❌ Import failed: 0 · 09:03
          ❌ Import failed: 2 · 09:03

        A  https://a.example/1
          ❌ Import failed: 1 · 09:03
          ❌ Import failed: 3 · 09:03

        ✅ Descript is polled again
    "#);
    insta::assert_snapshot!(lines(Syntax::Html, 900), @r#"
    <b><a href="https://a.example/1">A</a></b><br>
    ❌ Import failed: 0 · 09:03<br>
    ❌ Import failed: 2 · 09:03<br>
    <br>
    <b><a href="https://a.example/1">A</a></b><br>
    ❌ Import failed: 1 · 09:03<br>
    ❌ Import failed: 3 · 09:03<br>
    <br>
    ✅ Descript is polled again
    "#);
    insta::assert_snapshot!(lines(Syntax::DiscordJson, 130).replace("\\n", "\n"), @r#"
    ❌ A · Import failed: 0 · 09\\:03
    ❌ A · Import failed: 1 · 09\\:03
    ❌ A · Import failed: 2 · 09\\:03
    … and 2 more
    "#);
    insta::assert_snapshot!(lines(Syntax::DiscordJson, 80).replace("\\n", "\n"), @r#"
    ❌ A · Import failed: 0 · 09\\:03
    ❌ A · Import failed: 1 · 09\\:03
    … and 3 more
    "#);
}

#[test]
fn lines_are_written_for_their_place() {
    let group = failures(2, "<A>", "https://a.example/?a=1&b=2");
    let lines = |syntax| said_in(syntax, "{{lines events 900}}", &group).unwrap();

    insta::assert_snapshot!(lines(Syntax::SlackJson), @r#"❌ <https://a.example/?a=1&b=2|&lt;A&gt;> · Import failed: no file · 20 Nov 09:03\n❌ <https://a.example/?a=1&b=2|&lt;A&gt;> · Import failed: no file · 20 Nov 09:03"#);
    insta::assert_snapshot!(lines(Syntax::Html), @r#"
    ❌ <a href="https://a.example/?a=1&amp;b=2">&lt;A&gt;</a> · Import failed: no file · 20 Nov 09:03<br>
    ❌ <a href="https://a.example/?a=1&amp;b=2">&lt;A&gt;</a> · Import failed: no file · 20 Nov 09:03
    "#);
    insta::assert_snapshot!(lines(Syntax::Text), @r#"
    ❌ <A> · Import failed: no file · 20 Nov 09:03 · https://a.example/?a=1&b=2
        ❌ <A> · Import failed: no file · 20 Nov 09:03 · https://a.example/?a=1&b=2
    "#);
    insta::assert_snapshot!(lines(Syntax::Json), @r#"❌ <A> · Import failed: no file · 20 Nov 09:03 · https://a.example/?a=1&b=2\n❌ <A> · Import failed: no file · 20 Nov 09:03 · https://a.example/?a=1&b=2"#);
    assert_eq!(
        said_in(Syntax::SlackJson, "{{upper (lines events 30)}}", &group).unwrap(),
        "… AND 2 MORE"
    );
}

#[test]
fn what_went_wrong_is_said_on_one_line() {
    let cause = |kind: &str, job: Value| {
        let document = json!({"event": {"kind": kind, "to": "paused"}, "job": job,
            "source": {"reason": "a\nb"}, "notifier": {"reason": "c"}});
        said("{{cause}}", &document).unwrap()
    };
    let files = json!({"result": {"error_message": "e", "media_status": {
        "a.wav": {"status": "success"}, "b.wav": {"status": "failed", "error_message": "403"}}}});

    assert_eq!(cause("failed", json!({"result": {"error_message": "x\n y"}})), "x y");
    assert_eq!(cause("failed", json!({"result": {"error_code": "x"}})), "x");
    assert_eq!(cause("failed", json!({})), "");
    assert_eq!(cause("partial", files), "1 of 2 files failed: b.wav (403)");
    assert_eq!(cause("partial", json!({"result": {"error_message": "e"}})), "e");
    assert_eq!(cause("changed", json!({})), "its state is “paused”");
    assert_eq!(cause("source_down", json!(null)), "a b");
    assert_eq!(cause("notifier_down", json!(null)), "c");
    assert_eq!(cause("succeeded", json!({"result": {"error_message": "e"}})), "");
}

#[test]
fn a_list_is_gone_through_in_chunks() {
    let document = json!({"events": [1, 2, 3, 4, 5], "events_total": 9, "n": 1});
    let chunks = |call: &str| {
        said(&format!("{{{{#each ({call})}}}}{{{{json this}}}}{{{{/each}}}}"), &document)
    };

    assert_eq!(chunks("chunks events 2").unwrap(), "[1,2][3,4][5]");
    assert_eq!(chunks("chunks events 2 3").unwrap(), "[1,2][3]");
    assert_eq!(chunks("chunks events 0 2").unwrap(), "[1][2]");
    assert_eq!(chunks("chunks n 2").unwrap(), "");
    assert_eq!(chunks("chunks (listed events 9) 9").unwrap(), "[1,2,3,4,5]");
    assert_eq!(said("{{len (listed n 2)}} {{len (listed events 2)}}", &document).unwrap(), "0 2");
    assert_eq!(said("{{events_left 4}} {{events_left 40}}", &document).unwrap(), "5 0");
}

#[test]
fn every_kind_of_event_has_its_words() {
    for (kind, name) in crate::model::KIND_NAMES {
        let document = json!({"event": {"kind": name, "source": "main", "to": "x"}, "job": null});

        assert_ne!(said("{{outcome}}", &document).unwrap(), "happened", "{kind}");
        assert_ne!(said("{{headline}}", &document).unwrap(), "Something happened", "{kind}");
        assert_eq!(said("{{project}}", &document).unwrap(), "main");
        assert!(said("{{colour_hex}}", &document).unwrap().len() == 7);
    }
}

#[test]
fn a_missing_argument_is_named_unless_the_word_is_made_for_it() {
    let why = |tag: &str| said(tag, &json!({"job": {}})).unwrap_err();

    assert!(why("{{upper job.nmae}}").contains("job.nmae"));
    assert!(why("{{url job.project_url}}").contains("job.project_url"));
    assert!(why("{{ago job.created_at}}").contains("job.created_at"));
    assert_eq!(said("{{eq job.nmae 1}}", &json!({"job": {}})).as_deref(), Ok("false"));
}

#[test]
fn no_word_within_brackets_is_a_way_round_the_escape() {
    let document = json!({"x": "<!here>", "link": "https://a.example/?a=1&b=2"});
    let said = |tag: &str| said_in(Syntax::SlackJson, tag, &document).unwrap();

    assert_eq!(said("{{upper (plain x)}}"), "&lt;!HERE&gt;");
    assert_eq!(said("{{default (json x) \"\"}}"), "\\\"&lt;!here&gt;\\\"");
    assert_eq!(said("{{truncate (url link) 99}}"), "https://a.example/?a=1&amp;b=2");
    assert_eq!(said("{{url link}}"), "https://a.example/?a=1&b=2");
    assert_eq!(said("{{lookup this \"x\"}}"), "&lt;!here&gt;");
}

#[test]
fn every_word_says_what_it_is() {
    for word in WORDS {
        assert!(word.usage.trim_start_matches('#').starts_with(word.name), "{}", word.name);
        assert!(!word.about.is_empty());
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
        Just(Value::from("2026-11-20T08:00:00Z")),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("job|result|media_status|status|[a-z]{1,4}", inner, 0..4)
                .prop_map(|fields| fields.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn words_answer_whatever_the_values(a in any_value(), b in any_value(), c in any_value()) {
        let document = json!({"a": a, "b": b, "c": c});
        for word in WORDS {
            if matches!(word.does, Does::Block | Does::Own) {
                continue;
            }
            let args = ["a", "b", "c"][..(*word.args.end()).min(3)].join(" ");
            let told = said(&format!("{{{{{} {args}}}}}", word.name), &document);
            prop_assert!(told.is_ok(), "{}: {told:?}", word.name);
        }
    }
}
