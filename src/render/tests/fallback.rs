//! Templates of one's own: which is used, and what goes out when one fails.

use super::*;
use crate::problem::{Colour, Severity, report};

const SECRET: &str = "only-in-the-data";

fn failed() -> Value {
    let mut document = sample("import failed");
    document["job"]["result"]["error_message"] = SECRET.into();
    document
}

/// A failing Slack template, how its failure is told and shown.
fn failure(text: &str) -> (TemplateFailure, String) {
    let (templates, problems) = Templates::with_overrides(vec![file("slack/mine.json.hbs", text)]);
    assert!(!has_errors(&problems), "{problems:?}");
    let failure = render_with(&templates, NotifierKind::Slack, "mine", &failed()).unwrap_err();
    let source = templates.source(&failure.path).unwrap();
    let shown = report(&failure.path, source, &[failure.problem()], Colour::Never);
    (failure, shown.trim_end().to_owned())
}

#[test]
fn a_missing_field_is_shown_with_the_one_that_was_meant() {
    insta::assert_snapshot!(failure("{\n  \"text\": \"{{job.projct_name}}\"\n}").1, @r#"
    error: there is no field `job.projct_name`
     --> slack/mine.json.hbs:2:14
      |
    2 |   "text": "{{job.projct_name}}"
      |              ^^^^^^^^^^^^^^^
      |
      = help: did you mean `job.project_name`?
    "#);
    insta::assert_snapshot!(failure("{{#with job}}{{porject_name}}{{/with}}").1, @r#"
    error: there is no field `porject_name`
     --> slack/mine.json.hbs:1:16
      |
    1 | {{#with job}}{{porject_name}}{{/with}}
      |                ^^^^^^^^^^^^
      |
      = help: did you mean `project_name`?
    "#);
    insta::assert_snapshot!(failure("{{upper job.colour}}").1, @r#"
    error: there is no field `job.colour`
     --> slack/mine.json.hbs:1:9
      |
    1 | {{upper job.colour}}
      |         ^^^^^^^^^^
      |
      = help: `job` has created_at, drive_id, job_id, job_state, job_type, project_id, project_name, project_url, result, stopped_at
    "#);
    insta::assert_snapshot!(failure("{{name}}").1, @r#"
    error: there is no field `name`
     --> slack/mine.json.hbs:1:3
      |
    1 | {{name}}
      |   ^^^^
      |
      = help: did you mean `rule.name`?
    "#);
}

#[test]
fn the_fields_of_events_about_no_job_and_of_groups_are_known() {
    let help = |text: &str| failure(text).0.help.unwrap_or_default();

    assert_eq!(help("{{evnts}}"), "did you mean `events`?");
    assert_eq!(help("{{source.resaon}}"), "did you mean `source.reason`?");
    assert_eq!(help("{{notifier.waitng}}"), "did you mean `notifier.waiting`?");
    assert!(help("{{source.last_success}}").starts_with("not every event has it"));
    let (_, problems) = Templates::with_overrides(vec![file(
        "console/mine.text.hbs",
        "{{#if source.down_for_second}}{{/if}}{{default notifier.nmae \"\"}}{{#if source.since}}{{/if}}",
    )]);
    let told: Vec<String> =
        problems[0].2.iter().filter_map(|problem| problem.help.clone()).collect();
    assert_eq!(told, ["did you mean `source.down_for_seconds`?", "did you mean `notifier.name`?"]);
}

#[test]
fn a_field_that_other_events_have_is_a_warning() {
    let (failure, shown) = failure("{\"text\": \"{{job.result.share_url}}\"}");

    assert_eq!(failure.severity, Severity::Warning);
    insta::assert_snapshot!(shown, @r#"
    warning: there is no field `job.result.share_url`
     --> slack/mine.json.hbs:1:13
      |
    1 | {"text": "{{job.result.share_url}}"}
      |             ^^^^^^^^^^^^^^^^^^^^
      |
      = help: not every event has it: write {{#if job.result.share_url}}…{{/if}} around it, or {{default job.result.share_url "…"}}
    "#);
}

#[test]
fn what_is_not_a_json_object_is_told() {
    insta::assert_snapshot!(failure("{\"text\": \"a\",}").1, @r#"
    error: slack/mine.json.hbs: what it makes is not JSON: trailing comma at line 1 column 14
    --> slack/mine.json.hbs
     = help: that line of the output is: {"text": "a",}
    "#);
    insta::assert_snapshot!(failure("[1]").1, @r#"
    error: slack/mine.json.hbs: what it makes is JSON, but not an object
    --> slack/mine.json.hbs
     = help: the body begins with { and ends with }
    "#);
    insta::assert_snapshot!(failure("{\"text\": {{json job.result.error_code}}} x").1, @r#"
    error: slack/mine.json.hbs: what it makes is not JSON: trailing characters at line 1 column 27
    --> slack/mine.json.hbs
     = help: that line of the output is: {"text": "import_failed"} x
    "#);
}

#[test]
fn a_message_without_end_is_stopped() {
    let (failure, _) = failure(&"{{json job}}".repeat(1_000));

    assert_eq!(failure.message, "the message is larger than 256 KiB");
}

#[test]
fn a_list_used_like_an_object_is_told() {
    let templates = with_file("console/mine.text.hbs", "{{job.list.first}}");
    let document = json!({"event": {"kind": "failed"}, "job": {"list": [1]}});

    let failure = render_with(&templates, NotifierKind::Console, "mine", &document).unwrap_err();

    assert_eq!(
        failure.to_string(),
        "console/mine.text.hbs:1:1: a list is used as if it had fields"
    );
}

#[test]
fn a_failing_template_is_replaced_by_the_built_in_one_which_says_so() {
    for (kind, part) in [
        (NotifierKind::Slack, "json"),
        (NotifierKind::Discord, "json"),
        (NotifierKind::Webhook, "json"),
        (NotifierKind::Email, "html"),
        (NotifierKind::Console, "text"),
    ] {
        let path = format!("{kind}/mine.{part}.hbs");
        let templates = with_file(&path, "{\"text\": \"{{job.result.share_url}}\"}");

        let rendered = safely(&templates, kind, "mine", &failed());

        let all = whole(&rendered.message);
        let note = format!("The template {path} failed, so this is the built-in message.");
        assert!(all.contains(&note) || all.contains(&note.replace('_', "\\_")), "{all}");
        assert!(all.contains("Client A/Episode 12"), "{all}");
        let why = rendered.fell_back.unwrap();
        assert_eq!(why, format!("{path}:1:11: there is no field `job.result.share_url`"));
        assert!(!why.contains(SECRET));
    }
}

#[test]
fn also_a_built_in_name_that_is_overridden_falls_back_to_what_was_built_in() {
    let templates = with_file("slack/_details.json.hbs", "{{job.nothing_like_it}}");

    let rendered = safely(&templates, NotifierKind::Slack, "default", &failed());

    assert!(
        whole(&rendered.message)
            .replace('\u{200b}', "")
            .contains("The template slack/_details.json.hbs failed")
    );
    assert_eq!(
        rendered.fell_back.as_deref(),
        Some("slack/_details.json.hbs:1:1: there is no field `job.nothing_like_it`")
    );
}

#[test]
fn data_that_no_template_can_show_still_makes_a_message() {
    let mut document = failed();
    document["job"]["result"] = json!(["<!channel>", "@everyone"]);
    document["job"]["project_name"] = "<!here> *x*".into();
    let shown: Vec<String> =
        [NotifierKind::Slack, NotifierKind::Discord, NotifierKind::Email, NotifierKind::Console]
            .map(|kind| whole(&safely(&Templates::builtin(), kind, "default", &document).message))
            .into();

    insta::assert_snapshot!(shown.join("\n\n").replace('\u{200b}', "·"), @r#"
    {"text":"&lt;!here&gt; *·x·*·: Import failed\nhttps://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11\nThe template slack/·_·details.json.hbs failed, so this is the built-in message."}

    {"content":"\\<!here\\> \\*x\\*\\: Import failed\nhttps://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11\nThe template discord/\\_details.json.hbs failed, so this is the built-in message."}

    <!here> *x*: Import failed
    <!here> *x*: Import failed
    https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    The template email/_details.text.hbs failed, so this is the built-in message.
    <p>&lt;!here&gt; *x*: Import failed<br>https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11<br>The template email/_details.text.hbs failed, so this is the built-in message.</p>

    <!here> *x*: Import failed
    https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11
    The template console/default.text.hbs failed, so this is the built-in message.
    "#);
}

#[test]
fn odd_documents_never_panic_and_never_lose_a_message() {
    let odd = [
        json!(null),
        json!([]),
        json!("x"),
        json!({}),
        json!({"event": 1, "job": [1], "rule": "x"}),
        json!({"event": {"kind": "unheard_of", "detected_at": 5}, "job": {}}),
        json!({"event": [], "job": {"result": {"media_status": [1]}, "progress": []}}),
    ];

    for document in odd {
        for kind in NotifierKind::ALL {
            let rendered = safely(&Templates::builtin(), kind, "failure", &document);
            assert!(!whole(&rendered.message).is_empty());
        }
    }
}

#[test]
fn a_part_that_is_missing_is_the_one_of_the_same_name_or_of_default() {
    let (templates, problems) = Templates::with_overrides(vec![
        file("email/failure.subject.hbs", "Uh-oh\n{{job.project_name}}"),
        file("email/mine.text.hbs", "Mine."),
        file("slack/only_slack.json.hbs", "{\"text\": \"{{job.project_name}}\"}"),
    ]);
    let mail =
        |name: &str| match render_with(&templates, NotifierKind::Email, name, &failed()).unwrap() {
            Message::Mail { subject, text, .. } => (subject, text),
            other => panic!("{other:?}"),
        };

    assert_eq!(problems, []);
    assert_eq!(mail("failure").0, "Uh-oh Client A/Episode 12");
    assert!(mail("failure").1.contains(SECRET));
    assert_eq!(mail("mine"), ("Client A/Episode 12: Import failed".into(), "Mine.".into()));
    let slack = render_with(&templates, NotifierKind::Slack, "only_slack", &failed()).unwrap();
    assert_eq!(slack, Message::Json("{\"text\":\"Client A/Episode 12\"}".into()));
    assert_eq!(
        render_with(&templates, NotifierKind::Discord, "only_slack", &failed()),
        render_with(&templates, NotifierKind::Discord, "default", &failed())
    );
}

#[test]
fn the_names_of_templates_are_known() {
    let templates = with_file("discord/calm.json.hbs", "{}");

    assert_eq!(templates.names(), ["calm", "default", "failure"]);
    assert!(templates.has(NotifierKind::Discord, "calm"));
    assert!(!templates.has(NotifierKind::Slack, "calm"));
    assert!(templates.has(NotifierKind::Command, "default"));
    assert!(!templates.has(NotifierKind::Webhook, "failure"));
}

#[test]
fn as_deep_as_a_template_may_be_it_renders_on_a_small_stack() {
    const SMALL_STACK_BYTES: usize = 1024 * 1024;

    let deep = format!("{}x{}", "{{#if job}}".repeat(62), "{{/if}}".repeat(62));
    let templates = with_file("console/deep.text.hbs", &deep);

    let rendered = std::thread::Builder::new()
        .stack_size(SMALL_STACK_BYTES)
        .spawn(move || whole(&safely(&templates, NotifierKind::Console, "deep", &failed()).message))
        .unwrap()
        .join()
        .unwrap();

    assert_eq!(rendered, "x");
}
