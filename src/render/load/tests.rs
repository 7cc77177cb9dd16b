//! What is told about a template that cannot be used.

use super::*;
use crate::problem::{Colour, report};

pub fn file(path: &str, text: &str) -> TemplateFile {
    TemplateFile { path: path.into(), text: text.into() }
}

/// The problems of one Slack template, as `check` shows them.
pub fn told(text: &str) -> String {
    told_of(vec![file("slack/mine.json.hbs", text)])
}

pub fn told_of(files: Vec<TemplateFile>) -> String {
    let (_, problems) = load(files);
    problems
        .iter()
        .map(|(path, text, problems)| report(path, text, problems, Colour::Never))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[test]
fn blocks_that_do_not_match_are_underlined() {
    insta::assert_snapshot!(told("{\n  {{#if job}}\"a\": 1\n}"), @r#"
    error: `{{#if}}` is never closed
     --> slack/mine.json.hbs:2:3
      |
    2 |   {{#if job}}"a": 1
      |   ^^^^^^^^^^^
      |
      = help: write {{/if}} where the block ends
    "#);
    insta::assert_snapshot!(told("{{#if a}}\n{{#each b}}x{{/if}}"), @r#"
    error: `{{/if}}` closes `{{#each}}` of line 2
     --> slack/mine.json.hbs:2:13
      |
    2 | {{#each b}}x{{/if}}
      |             ^^^^^^^
      |
      = help: write {{/each}}
    "#);
    insta::assert_snapshot!(told("x{{/each}}"), @r#"
    error: `{{/each}}` closes nothing
     --> slack/mine.json.hbs:1:2
      |
    1 | x{{/each}}
      |  ^^^^^^^^^
      |
      = help: open it with {{#each …}}, or take it out
    "#);
    insta::assert_snapshot!(told("{{else}}"), @r#"
    error: `{{else}}` stands in no block
     --> slack/mine.json.hbs:1:1
      |
    1 | {{else}}
      | ^^^^^^^^
      |
      = help: it belongs between {{#if …}} and {{/if}}
    "#);
    insta::assert_snapshot!(told("{\"a\": \"{{job.job_id\"}\n"), @r#"
    error: this tag is not closed
     --> slack/mine.json.hbs:1:8
      |
    1 | {"a": "{{job.job_id"}
      |        ^^^^^^^^^^^^^^
      |
      = help: end it with }}; for braces as text write \{{
    "#);
    insta::assert_snapshot!(told("{{job..job_id}}"), @r#"
    error: this tag cannot be read
     --> slack/mine.json.hbs:1:1
      |
    1 | {{job..job_id}}
      | ^^^^^^^^^^^^^^^
      |
      = help: a tag is {{field}}, {{word value …}}, {{#block value}} or {{> partial}}; texts stand in quotes
    "#);
}

#[test]
fn what_would_go_round_the_escape_is_refused() {
    insta::assert_snapshot!(told("{\"a\":{{{job.job_id}}}}"), @r#"
    error: `{{{ }}}` would put a value in without its escape
     --> slack/mine.json.hbs:1:6
      |
    1 | {"a":{{{job.job_id}}}}
      |      ^^^^^^^^^^^^^^^^
      |
      = help: write {{ }}; for a JSON brace before or after a tag leave a space between: { {{json x}} }
    "#);
    insta::assert_snapshot!(told("{{&job.job_id}} {{~{job}~}}"), @r#"
    error: `{{& }}` would put a value in without its escape
     --> slack/mine.json.hbs:1:1
      |
    1 | {{&job.job_id}} {{~{job}~}}
      | ^^^^^^^^^^^^^^^
      |
      = help: write {{ }}

    error: `{{& }}` would put a value in without its escape
     --> slack/mine.json.hbs:1:17
      |
    1 | {{&job.job_id}} {{~{job}~}}
      |                 ^^^^^^^^^^^
      |
      = help: write {{ }}
    "#);
    insta::assert_snapshot!(told("{{{{raw}}}}{{{{/raw}}}}"), @r#"
    error: raw blocks are not used here
     --> slack/mine.json.hbs:1:1
      |
    1 | {{{{raw}}}}{{{{/raw}}}}
      | ^^^^^^^^^^^
      |
      = help: for braces as text write \{{

    error: raw blocks are not used here
     --> slack/mine.json.hbs:1:12
      |
    1 | {{{{raw}}}}{{{{/raw}}}}
      |            ^^^^^^^^^^^^
      |
      = help: for braces as text write \{{
    "#);
    insta::assert_snapshot!(told("{{#*inline \"x\"}}{{/inline}}"), @r#"
    error: decorators and inline partials are not used here
     --> slack/mine.json.hbs:1:1
      |
    1 | {{#*inline "x"}}{{/inline}}
      | ^^^^^^^^^^^^^^^^
      |
      = help: put the part into a file of its own, `_name.<part>.hbs`, and use it with {{> name}}
    "#);
    insta::assert_snapshot!(told("{{#> footer}}x{{/footer}}"), @r#"
    error: a partial cannot be given a block here
     --> slack/mine.json.hbs:1:1
      |
    1 | {{#> footer}}x{{/footer}}
      | ^^^^^^^^^^^^^
      |
      = help: use it with {{> name}} and pass values: {{> name x=1}}
    "#);
}

#[test]
fn words_that_are_not_known_or_not_used_right_are_told() {
    insta::assert_snapshot!(told("{{truncat job.job_id 3}}"), @r#"
    error: no word is called `truncat`
     --> slack/mine.json.hbs:1:3
      |
    1 | {{truncat job.job_id 3}}
      |   ^^^^^^^
      |
      = help: did you mean `truncate`?
    "#);
    insta::assert_snapshot!(told("{{#if (equals a b)}}{{/if}}"), @r#"
    error: no word is called `equals`
     --> slack/mine.json.hbs:1:8
      |
    1 | {{#if (equals a b)}}{{/if}}
      |        ^^^^^^
      |
      = help: the words are if, unless, each, with, lookup, eq, ne, gt, gte, lt, lte, and, or, not, default, truncate, upper, lower, plural, bytes, len, duration, ago, local_time, headline, title, cause, outcome, emoji, colour, colour_hex, project, type_name, files, files_left, waiting_since, held_back, counts, lines, listed, chunks, events_left, url, plain, json
    "#);
    insta::assert_snapshot!(told("{{#job}}{{/job}}"), @r#"
    error: no block is called `job`
     --> slack/mine.json.hbs:1:4
      |
    1 | {{#job}}{{/job}}
      |    ^^^
      |
      = help: write {{#if job}}, {{#each job}} or {{#with job}}
    "#);
    insta::assert_snapshot!(told("{{#upper x}}{{/upper}}"), @r#"
    error: `upper` is not a block
     --> slack/mine.json.hbs:1:4
      |
    1 | {{#upper x}}{{/upper}}
      |    ^^^^^
      |
      = help: write `upper x`
    "#);
    insta::assert_snapshot!(told("{{#eq a b}}{{/eq}}"), @r#"
    error: `eq` is not a block
     --> slack/mine.json.hbs:1:4
      |
    1 | {{#eq a b}}{{/eq}}
      |    ^^
      |
      = help: write {{#if (eq a b)}}
    "#);
    insta::assert_snapshot!(told("{{if x}}"), @r#"
    error: `if` is a block
     --> slack/mine.json.hbs:1:3
      |
    1 | {{if x}}
      |   ^^
      |
      = help: write {{#if x}} … {{/if}}
    "#);
    insta::assert_snapshot!(told("{{url}} {{truncate job.job_id}}"), @r#"
    error: `url` takes one value, not 0
     --> slack/mine.json.hbs:1:3
      |
    1 | {{url}} {{truncate job.job_id}}
      |   ^^^
      |
      = help: write `url x`; for a field of that name write {{this.url}}

    error: `truncate` takes 2 values, not 1
     --> slack/mine.json.hbs:1:11
      |
    1 | {{url}} {{truncate job.job_id}}
      |           ^^^^^^^^
      |
      = help: write `truncate x 80`
    "#);
    insta::assert_snapshot!(told("{{truncate job.job_id len=3}} {{truncate job.job_id 3 len=3}}"), @r#"
    error: `truncate` takes 2 values, not 1
     --> slack/mine.json.hbs:1:3
      |
    1 | {{truncate job.job_id len=3}} {{truncate job.job_id 3 len=3}}
      |   ^^^^^^^^
      |
      = help: write `truncate x 80`

    error: `truncate` takes no named values
     --> slack/mine.json.hbs:1:55
      |
    1 | {{truncate job.job_id len=3}} {{truncate job.job_id 3 len=3}}
      |                                                       ^^^
      |
      = help: write `truncate x 80`
    "#);
    insta::assert_snapshot!(told("{{log job}}"), @r#"
    error: no word is called `log`
     --> slack/mine.json.hbs:1:3
      |
    1 | {{log job}}
      |   ^^^
      |
      = help: the words are if, unless, each, with, lookup, eq, ne, gt, gte, lt, lte, and, or, not, default, truncate, upper, lower, plural, bytes, len, duration, ago, local_time, headline, title, cause, outcome, emoji, colour, colour_hex, project, type_name, files, files_left, waiting_since, held_back, counts, lines, listed, chunks, events_left, url, plain, json
    "#);
}

#[test]
fn a_misspelt_field_is_told_where_rendering_would_not_show_it() {
    insta::assert_snapshot!(told("{{#if job.reslut.error_code}}x{{/if}}{{default @root.evnt \"\"}}"), @r#"
    warning: no field is known by the name `job.reslut.error_code`
     --> slack/mine.json.hbs:1:7
      |
    1 | {{#if job.reslut.error_code}}x{{/if}}{{default @root.evnt ""}}
      |       ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: did you mean `job.result.error_code`?
    "#);
    assert_eq!(told("{{#if job.something_new}}{{job.result.media_status}}{{/if}}"), "");
}
