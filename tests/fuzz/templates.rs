//! Templates: any text as any of them, and always a message.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use descript_notify::deliver::{discord, slack};
use descript_notify::model::{Message, NotifierKind};
use descript_notify::problem::{Colour, report};
use descript_notify::render::{RenderRequest, TemplateFile, Templates, WORDS, samples};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::{any_text, cases, reading};

const PATHS: [&str; 9] = [
    "slack/default.json.hbs",
    "slack/_details.json.hbs",
    "discord/failure.json.hbs",
    "email/default.subject.hbs",
    "email/default.html.hbs",
    "email/default.text.hbs",
    "webhook/default.json.hbs",
    "console/default.text.hbs",
    "../else/../where.hbs",
];

/// Longer than any message takes, on a machine that is busy with something else.
const LONG: Duration = Duration::from_secs(30);

/// What is rendered: events of every kind, groups of them.
static DOCUMENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let samples = samples::documents().into_iter().chain(samples::grouped());
    samples.map(|(_, document)| document).collect()
});

/// Loads the files, tells what is wrong with them, and renders these documents by them.
fn render(files: Vec<(&str, String)>, documents: &[&Value]) {
    let text: String = files.iter().map(|(path, text)| format!("=== {path}\n{text}\n")).collect();
    reading("fuzz-template.txt", &text);
    let begun = Instant::now();
    let files: Vec<TemplateFile> = files
        .into_iter()
        .map(|(path, text)| TemplateFile { path: path.to_owned(), text })
        .collect();
    let (templates, problems) = Templates::with_overrides(files);
    for (path, text, problems) in &problems {
        assert!(!report(path, text, problems, Colour::Never).is_empty());
    }
    for document in documents {
        for kind in NotifierKind::ALL {
            for template in ["default", "failure"] {
                let zone = &TimeZone::UTC;
                let now = Timestamp::UNIX_EPOCH;
                let request = RenderRequest { kind, template, document, now, zone };
                // As `check` does, before a template is ever used.
                let strict = templates.render_strict(&request);
                let rendered = templates.render(&request);
                assert!(strict.is_err() || rendered.fell_back.is_none(), "{text}");
                assert_sendable(kind, &rendered.message, &text);
            }
        }
    }
    let took = begun.elapsed();
    assert!(took < LONG, "{took:?}: {text}");
}

/// Whatever a template was made of, what it makes has the form of its service.
fn assert_sendable(kind: NotifierKind, message: &Message, text: &str) {
    match message {
        Message::Json(body) => {
            let sent = match kind {
                NotifierKind::Slack => slack::payload::fit(body),
                NotifierKind::Discord => discord::payload::fit(body),
                _ => body.clone(),
            };
            for body in [body, &sent] {
                assert!(serde_json::from_str::<Map<String, Value>>(body).is_ok(), "{body}: {text}");
            }
        }
        Message::Mail { subject, .. } => {
            assert!(!subject.chars().any(char::is_control), "{subject:?}: {text}");
        }
        Message::Text(_) => {}
    }
}

/// Pieces of templates: what the engine knows, our words, fields, and anything.
fn any_piece() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{{",
        "}}",
        "{{{",
        "}}}",
        "{{#if job}}",
        "{{/if}}",
        "{{else}}",
        "{{^}}",
        "{{#each job}}",
        "{{#each events}}",
        "{{/each}}",
        "{{#with job.result}}",
        "{{/with}}",
        "{{> details}}",
        "{{> small_print}}",
        "{{> missing}}",
        "{{!-- ",
        " --}}",
        "{{@index}}",
        "{{this}}",
        "{{../job}}",
        "{{lookup job \"x\"}}",
        "{{json job}}",
        "{{truncate headline 3}}",
        "{{truncate job -1}}",
        "{{plain 1e999}}",
        "{{duration job.created_at job.stopped_at}}",
        "{{local_time \"x\"}}",
        "{{job.result.media_status.[a/b.mp4]}}",
        "{{~",
        "~}}",
        "\\{{",
        "\\\\{{",
        "{{{{raw}}}}",
        "{{* x}}",
        "{{#> x}}",
        "(",
        ")",
        "[",
        "]",
        "|",
        "as |a b|",
        "=",
        "\"",
        "'",
        ".",
        "@root",
        "{",
        "}",
        ",",
        ":",
        " ",
        "\n",
        "\"text\": \"{{headline}}\"",
    ]);
    let words = prop::sample::select(WORDS.iter().map(|word| word.name).collect::<Vec<_>>());
    let values = prop::collection::vec(
        prop::sample::select(vec![
            "job",
            "event.kind",
            "\"x\"",
            "-1",
            "null",
            "job.result",
            "(json job)",
            "99999999999",
        ]),
        0..4,
    );
    let call = (words, values, any::<bool>()).prop_map(|(word, values, block)| {
        let values = values.join(" ");
        match block {
            true => format!("{{{{#{word} {values}}}}}x{{{{/{word}}}}}"),
            false => format!("{{{{{word} {values}}}}}"),
        }
    });
    prop_oneof![5 => pieces.prop_map(str::to_owned), 3 => call, 1 => any_text()]
}

fn any_template() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(any_piece(), 0..12).prop_map(|pieces| pieces.concat());
    let slack = include_str!("../../templates/slack/default.json.hbs");
    let bent = (any::<prop::sample::Index>(), any_piece()).prop_map(move |(at, piece)| {
        let places: Vec<usize> = slack.char_indices().map(|(at, _)| at).collect();
        let mut text = slack.to_owned();
        text.insert_str(places[at.index(places.len())], &piece);
        text
    });
    prop_oneof![3 => pieces, 1 => bent]
}

proptest! {
    #![proptest_config(cases(40))]

    #[test]
    fn any_text_makes_a_template_or_a_problem_and_always_a_message(
        files in prop::collection::btree_map(prop::sample::select(PATHS.to_vec()), any_template(), 1..4),
        about in prop::collection::vec(prop::sample::select(DOCUMENTS.iter().collect::<Vec<_>>()), 3),
    ) {
        render(files.into_iter().collect(), &about);
    }
}

#[test]
fn templates_without_an_end_are_refused_and_no_crash() {
    let nested = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let most = |open: &str, close: &str| 60_000 / (open.len() + close.len());
    let deep = |open: &str, inner: &str, close: &str| nested(open, inner, close, most(open, close));
    for text in [
        deep("{{#if job}}", "x", "{{/if}}"),
        deep("{{#each job}}", "x", "{{/each}}"),
        deep("{{#if x}}a{{else if y}}", "x", "{{/if}}"),
        format!("{{{{#if a}}}}{}{{{{/if}}}}", "{{else if b}}".repeat(4_000)),
        format!("{{{{json {}}}}}", deep("(json ", "job", ")")),
        // A bracket in a text closes nothing.
        format!("{{{{json {}}}}}", deep("(json \")\" ", "job", ")")),
        format!("{{{{json {}}}}}", deep("(json ']' ", "job", ")")),
        format!("{{{{json {}}}}}", deep("(json [)] ", "job", ")")),
        format!("{{{{json {}}}}}", deep("(json \"\\\")\" ", "job", ")")),
        format!("{{{{json {}}}}}", deep("[", "1", "]")),
        format!("{{{{json {}}}}}", deep("[\"]\", ", "1", "]")),
        format!("{{{{json {}}}}}", deep("{\"a\":", "1", "}")),
        format!("{{{{json {}}}}}", deep("{\"}\":", "1", "}")),
        format!("{{{{json job{}}}}}", ".a".repeat(25_000)),
        format!("{{{{job.{}}}}}", "a".repeat(60_000)),
        format!("{{{{{}}}}}", "a".repeat(60_000)),
        format!("{{{{json job{}}}}}", "/..".repeat(15_000)),
        format!("{{{{{}x}}}}", "../".repeat(20_000)),
        "{{> details}}".repeat(300),
        "{{json job}}".repeat(500),
        "{{".repeat(30_000),
        "{{!--".repeat(12_000),
        "\\{{".repeat(20_000),
        "{{#each job}}{{#each job}}{{#each this}}{{json @root}}{{/each}}{{/each}}{{/each}}"
            .to_owned(),
    ] {
        for path in ["console/default.text.hbs", "slack/_details.json.hbs"] {
            render(vec![(path, text.clone())], &[&DOCUMENTS[0]]);
        }
    }
}
