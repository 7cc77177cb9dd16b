//! What is refused of a `match` table, and in which words.

use crate::problem::{Colour, report};

use super::*;

#[test]
fn every_mistake_of_a_table_is_reported_at_its_place() {
    let (source, condition, problems) = parse(
        r#""job.a" = { glop = "x", regex = "(", glob = ["[", 1], gt = true, exists = "yes" }
"job.b" = []
"job.c" = {}
"job.d" = [1, [2], { eq = 1 }]
"job.e" = 2026-01-01
"job.f" = { gte = nan }
"job.g" = { exists = false, gt = 1 }
"event.knid" = "failed"
"event.kind" = ["failed", "faild"]
"event.from.x" = 1
"event" = 1
"job_type" = 1
"late" = true
"jbo.x" = 1
"x.y" = "z"
"job..x" = { gt = [] }
"job.projct_id" = "p"
job = { job_state = "queued" }
any = { "job.x" = 1 }
all = []
not = [{ "job.x" = 1 }]"#,
    );

    assert!(condition.is_none());
    let report = report("rules.toml", &source, &problems, Colour::Never);
    insta::assert_snapshot!(report, @r#"
    error: rule `a`: unknown operator `glop`
     --> rules.toml:2:13
      |
    2 | "job.a" = { glop = "x", regex = "(", glob = ["[", 1], gt = true, exists = "yes" }
      |             ^^^^
      |
      = help: did you mean `glob`?

    error: rule `a`: `(` is not a regex: unclosed group
     --> rules.toml:2:33
      |
    2 | "job.a" = { glop = "x", regex = "(", glob = ["[", 1], gt = true, exists = "yes" }
      |                                 ^^^
      |
      = help: write it in single quotes, so that TOML leaves its backslashes alone

    error: rule `a`: `[` is not a glob: unclosed character class; missing ']'
     --> rules.toml:2:46
      |
    2 | "job.a" = { glop = "x", regex = "(", glob = ["[", 1], gt = true, exists = "yes" }
      |                                              ^^^
      |
      = help: `*` stands for anything, `?` for one character, [ab] for one of them; a backslash takes their meaning away

    error: rule `a`: `glob` takes strings, not a number
     --> rules.toml:2:51
      |
    2 | "job.a" = { glop = "x", regex = "(", glob = ["[", 1], gt = true, exists = "yes" }
      |                                                   ^
      |
      = help: `*` stands for anything, `?` for one character, [ab] for one of them; a backslash takes their meaning away

    error: rule `a`: `gt` takes a number or a string, not true or false
     --> rules.toml:2:60
      |
    2 | "job.a" = { glop = "x", regex = "(", glob = ["[", 1], gt = true, exists = "yes" }
      |                                                            ^^^^
      |
      = help: write gt = 600, or a time in quotes

    error: rule `a`: `exists` takes true or false, not a string
     --> rules.toml:2:75
      |
    2 | "job.a" = { glop = "x", regex = "(", glob = ["[", 1], gt = true, exists = "yes" }
      |                                                                           ^^^^^
      |
      = help: write exists = true or exists = false

    error: rule `a`: an empty list never holds
     --> rules.toml:3:11
      |
    3 | "job.b" = []
      |           ^^
      |
      = help: write at least one value, or leave the line out

    error: rule `a`: `job.c` has no operator
     --> rules.toml:4:11
      |
    4 | "job.c" = {}
      |           ^^
      |
      = help: use one of eq, ne, gt, gte, lt, lte, glob, regex, exists

    error: rule `a`: a value cannot be a list
     --> rules.toml:5:15
      |
    5 | "job.d" = [1, [2], { eq = 1 }]
      |               ^^^
      |
      = help: write a value, a list of values, or a table of operators like { gte = 600 }

    error: rule `a`: a value cannot be a table
     --> rules.toml:5:20
      |
    5 | "job.d" = [1, [2], { eq = 1 }]
      |                    ^^^^^^^^^^
      |
      = help: write a value, a list of values, or a table of operators like { gte = 600 }

    error: rule `a`: a value cannot be a date without quotes
     --> rules.toml:6:11
      |
    6 | "job.e" = 2026-01-01
      |           ^^^^^^^^^^
      |
      = help: put it in quotes: times are compared as texts

    error: rule `a`: nothing compares with this number
     --> rules.toml:7:19
      |
    7 | "job.f" = { gte = nan }
      |                   ^^^
      |
      = help: use a finite one

    error: rule `a`: what is missing cannot be compared, so this never holds
     --> rules.toml:8:11
      |
    8 | "job.g" = { exists = false, gt = 1 }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: leave out either `exists = false` or the rest

    error: rule `a`: an event has no field `knid`
     --> rules.toml:9:1
      |
    9 | "event.knid" = "failed"
      | ^^^^^^^^^^^^
      |
      = help: did you mean `event.kind`?

    error: rule `a`: no event is called `faild`
      --> rules.toml:10:16
       |
    10 | "event.kind" = ["failed", "faild"]
       |                ^^^^^^^^^^^^^^^^^^^
       |
       = help: did you mean `failed`?

    error: rule `a`: `event.from` has no fields
      --> rules.toml:11:1
       |
    11 | "event.from.x" = 1
       | ^^^^^^^^^^^^^^
       |
       = help: use `event.from` itself

    error: rule `a`: `event` alone says nothing
      --> rules.toml:12:1
       |
    12 | "event" = 1
       | ^^^^^^^
       |
       = help: use one of event.id, event.kind, event.source, event.from, event.to, event.detected_at, event.late, event.repeat, event.after_seconds, event.waited_seconds, event.number

    error: rule `a`: `job_type` is no path into the event
      --> rules.toml:13:1
       |
    13 | "job_type" = 1
       | ^^^^^^^^^^
       |
       = help: did you mean `job.job_type`?

    error: rule `a`: `late` is no path into the event
      --> rules.toml:14:1
       |
    14 | "late" = true
       | ^^^^^^
       |
       = help: did you mean `event.late`?

    error: rule `a`: `jbo.x` is no path into the event
      --> rules.toml:15:1
       |
    15 | "jbo.x" = 1
       | ^^^^^^^
       |
       = help: did you mean `job`?

    error: rule `a`: `x.y` is no path into the event
      --> rules.toml:16:1
       |
    16 | "x.y" = "z"
       | ^^^^^
       |
       = help: a path starts with `event.` or `job.`

    error: rule `a`: `job..x` is not a path: a part between two dots is empty
      --> rules.toml:17:1
       |
    17 | "job..x" = { gt = [] }
       | ^^^^^^^^
       |
       = help: a path is like job.result.status; quote a part that holds a dot: 'job.result.media_status."intro.mp4".status'

    error: rule `a`: `gt` takes a number or a string, not a list
      --> rules.toml:17:19
       |
    17 | "job..x" = { gt = [] }
       |                   ^^
       |
       = help: write gt = 600, or a time in quotes

    warning: rule `a`: no field `job.projct_id` is documented
      --> rules.toml:18:1
       |
    18 | "job.projct_id" = "p"
       | ^^^^^^^^^^^^^^^
       |
       = help: did you mean `job.project_id`?

    error: rule `a`: `job` is not a path into it
      --> rules.toml:19:1
       |
    19 | job = { job_state = "queued" }
       | ^^^
       |
       = help: put the whole path in quotes: "job.job_state" = …

    error: rule `a`: `any` takes a list of tables, not a table
      --> rules.toml:20:7
       |
    20 | any = { "job.x" = 1 }
       |       ^^^^^^^^^^^^^^^
       |
       = help: write a list of tables, like any = [{ "event.from" = "running" }]

    error: rule `a`: `all` is an empty list
      --> rules.toml:21:7
       |
    21 | all = []
       |       ^^
       |
       = help: write a list of tables, like all = [{ "event.from" = "running" }]

    error: rule `a`: `not` takes a table, not a list
      --> rules.toml:22:7
       |
    22 | not = [{ "job.x" = 1 }]
       |       ^^^^^^^^^^^^^^^^^
       |
       = help: write not = { "job.job_type" = "agent" }
    "#);
}

#[test]
fn empty_tables_deep_nests_and_huge_patterns_are_refused() {
    let deep = format!("{}\"job.x\" = 1{}", "not = { ".repeat(10), " }".repeat(10));
    let sources = [
        "".to_owned(),
        "any = [{}, 1]".to_owned(),
        deep,
        "\"job.x\" = { regex = 'a{1000}{1000}' }".to_owned(),
        format!("\"job.x\" = {{ regex = '{}' }}", "a".repeat(1025)),
        format!("\"job.x\" = {{ glob = '{}' }}", "[!a]".repeat(256)),
        "\"job.*\" = 1".to_owned(),
        "\"*.x\" = 1".to_owned(),
        "\"event.*\" = 1".to_owned(),
    ];

    let problems = sources.map(|lines| {
        let problems = parse(&lines).2;
        problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    });

    insta::assert_snapshot!(problems.join("\n--\n"), @r#"
    rule `a`: the table has no condition
    --
    rule `a`: the table has no condition
    rule `a`: `any` takes tables, not a number
    --
    rule `a`: conditions nest at most 8 deep
    --
    rule `a`: `a{1000}{1000}` is not a regex: it is too big
    --
    rule `a`: a regex has at most 1024 bytes
    --

    --

    --
    rule `a`: `*.x` is no path into the event
    --
    rule `a`: `*` does not reach into `event`
    "#);
}
