//! What is told about templates together, their sizes and paths, and what is used instead.

use proptest::prelude::*;

use super::tests::{file, told, told_of};
use super::*;

#[test]
fn the_built_in_templates_have_no_problem() {
    let files = builtin::FILES.iter().map(|(path, text)| file(path, text)).collect();

    let (shelves, problems) = load(files);

    assert_eq!(problems, []);
    for (path, _) in builtin::FILES {
        assert!(shelves.source(path).is_some(), "{path}");
    }
}

#[test]
fn partials_are_checked_together() {
    let slack = |name: &str, text: &str| file(&format!("slack/{name}.json.hbs"), text);

    insta::assert_snapshot!(told("{{> detials}} {{> (lookup a \"b\")}}"), @r#"
    error: no partial is called `detials`
     --> slack/mine.json.hbs:1:5
      |
    1 | {{> detials}} {{> (lookup a "b")}}
      |     ^^^^^^^
      |
      = help: did you mean `details`?

    error: the name of a partial must be written out
     --> slack/mine.json.hbs:1:15
      |
    1 | {{> detials}} {{> (lookup a "b")}}
      |               ^^^^^^^^^^^^^^^^^^^^
      |
      = help: write {{> name}}, and choose between several with {{#if}}
    "#);
    insta::assert_snapshot!(told_of(vec![
        slack("_a", "x {{> b}}"),
        slack("_b", "{{#if job}}{{> c}}{{/if}}"),
        slack("_c", "{{> b}}"),
    ]), @r#"
    error: partials use each other in a circle: `b` → `c` → `b`
     --> slack/_b.json.hbs:1:12
      |
    1 | {{#if job}}{{> c}}{{/if}}
      |            ^^^^^^^
      |
      = help: take one of the {{> …}} out
    "#);
    insta::assert_snapshot!(told_of(vec![
        slack("_row", "{{#each this}}{{#each this}}{{this}}{{/each}}{{/each}}"),
        slack("mine", "{{#each events}}{{> row}}{{/each}}"),
    ]), @r#"
    error: slack/mine.json.hbs: loops within loops could take 16080602 steps
    --> slack/mine.json.hbs
     = help: take blocks out of blocks, or loops out of loops
    "#);
}

#[test]
fn too_large_and_too_deep_templates_are_refused() {
    let deep = format!("{}{}", "{{#if a}}".repeat(65), "{{/if}}".repeat(65));

    assert!(told(&"x".repeat(64 * 1024)).is_empty());
    insta::assert_snapshot!(told(&"x".repeat(64 * 1024 + 1)), @r#"
    error: slack/mine.json.hbs: the template has 65537 bytes, more than 64 KiB
    --> slack/mine.json.hbs
     = help: put parts into partials, or leave data out of it
    "#);
    assert!(told(&deep).contains("nested more than 64 deep"));
    assert!(told(&"{{#if a}}".repeat(7_000)).contains("never closed"));
    assert!(told(&format!("{{{{x {}}}}}", "(a ".repeat(20_000))).contains("brackets"));
}

#[test]
fn what_has_an_error_is_left_out_and_the_built_in_one_stays() {
    let files = vec![
        file("slack/default.json.hbs", "{{{job}}}"),
        file("slack/_details.json.hbs", "{{> small_print}}"),
        file("slack/_small_print.json.hbs", "{{> details}}"),
        file("slack/fine.json.hbs", "{}"),
    ];

    let (shelves, problems) = load(files);

    let built_in = |path: &str| builtin::FILES.iter().find(|(known, _)| *known == path).unwrap().1;
    assert_eq!(problems.len(), 2);
    assert!(has_errors(&problems));
    for path in ["slack/default.json.hbs", "slack/_details.json.hbs"] {
        assert_eq!(shelves.source(path), Some(built_in(path)));
    }
    assert_eq!(shelves.source("slack/_small_print.json.hbs"), Some("{{> details}}"));
    assert!(shelves.of(NotifierKind::Slack).any(|shelf| shelf.names().any(|name| name == "fine")));
}

fn any_soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("{{"),
        Just("}}"),
        Just("{{{"),
        Just("}}}"),
        Just("{{#if x}}"),
        Just("{{/if}}"),
        Just("{{else}}"),
        Just("{{else if y}}"),
        Just("{{~^~}}"),
        Just("{{!-- "),
        Just("--}}"),
        Just("{{! c }}"),
        Just("{{> details}}"),
        Just("{{#each (files job)}}"),
        Just("{{/each}}"),
        Just("\\"),
        Just("\""),
        Just("'"),
        Just("~"),
        Just("("),
        Just(")"),
        Just("[0]"),
        Just("as |a b|"),
        Just("{{{{"),
        Just("}}}}"),
        Just("{{&"),
        Just("{{*"),
        Just("ü"),
        Just("\n  "),
        Just("job.x"),
        Just("{{upper "),
        Just("@index"),
        Just("../"),
        Just("x=1 "),
        Just("{{~#with job~}}"),
        Just("{{/with}}"),
        Just("{{this.[a b]}}"),
        Just("\r\n"),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_makes_loading_panic_and_every_span_is_within_it(text in any_soup()) {
        let (template, problems) = check::compile("soup", &text, Known { partials: &["details"], fields: &[] });

        prop_assert!(template.is_some() || !problems.is_empty());
        for span in problems.iter().filter_map(|problem| problem.span.clone()) {
            prop_assert!(text.get(span.clone()).is_some(), "{span:?}");
        }
    }
}
