//! What is refused of an expression, and in which words.

use super::*;

fn problems(texts: &[&str]) -> String {
    let lines = texts.iter().map(|text| match Expression::parse(text) {
        Ok(_) => format!("{text} => fine"),
        Err(ExpressionProblem { message, offset, help }) => {
            format!("{text} => {offset}: {message}; {}", help.unwrap_or_default())
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn mistakes_are_found_before_there_is_an_event() {
    let found = problems(&[
        "",
        "  ",
        "job.x ==",
        "job.x = 1",
        "job.x > 1 and job.y",
        "job.x > 1)",
        "job.x == 'abc",
        "job.x $ 1",
        "\"äöü\" == jbo.x",
        "job_type == \"agent\"",
        "kind == \"failed\"",
        "failed",
        "event.knid == \"failed\"",
        "event[\"knid\"] == \"failed\"",
        "event.kind.x == 1",
        "job.name.startWith(\"x\")",
        "startsWith(job.name, \"x\")",
        "job.name.startsWith()",
        "job.name.startsWith(1)",
        "lower(job.name) == \"x\"",
        "has(job)",
        "job.list.all(x)",
        "[1].contains(1)",
        "\"a\" in \"abc\"",
        "job.name.matches(\"(\")",
        "job.name.matches(\"a{1000}{1000}\")",
        "timestamp(\"yesterday\") > timestamp(event.detected_at)",
        "duration(\"1 hour\") > duration(\"1s\")",
        "1 + 1",
        "job.x + 1",
        "\"agent\"",
        "[job.x]",
        "job.x > \"a\" + 1",
        "1 > \"a\"",
        "job.x && 1",
        "!size(job.list)",
        "job.x ? 1 : 2",
        "event.late.x",
        "job.a.all(x, job.b.all(y, job.c.all(z, x == y)))",
        "[1].all(x, x == y)",
        "Message{a: 1} == null",
    ]);

    insta::assert_snapshot!(found, @r#"
     => 0: the expression is empty; leave `when` out, or write what must hold, like job.job_type == "agent"
       => 2: the expression is empty; leave `when` out, or write what must hold, like job.job_type == "agent"
    job.x == => 8: the expression ends too early; 
    job.x = 1 => 6: `=` cannot stand here; write == to compare
    job.x > 1 and job.y => 10: `and` cannot stand here; write &&
    job.x > 1) => 9: `)` cannot stand here; 
    job.x == 'abc => 9: `'abc` cannot stand here; close the quote
    job.x $ 1 => 6: `$` cannot stand here; 
    "äöü" == jbo.x => 12: nothing is called `jbo`; did you mean `job`?
    job_type == "agent" => 0: nothing is called `job_type`; did you mean `job.job_type`?
    kind == "failed" => 0: nothing is called `kind`; did you mean `event.kind`?
    failed => 0: nothing is called `failed`; use `event` and `job`; a text stands in quotes
    event.knid == "failed" => 6: an event has no field `knid`; did you mean `event.kind`?
    event["knid"] == "failed" => 7: an event has no field `knid`; did you mean `event.kind`?
    event.kind.x == 1 => 10: a string has no fields; leave out what follows the dot
    job.name.startWith("x") => 9: no function is called `startWith`; did you mean `startsWith`?
    startsWith(job.name, "x") => 0: `startsWith` is not called like this; write value.startsWith(x)
    job.name.startsWith() => 9: `startsWith` does not take 0 arguments; write value.startsWith(x)
    job.name.startsWith(1) => 19: `startsWith` takes a string, not a number; write value.startsWith(x)
    lower(job.name) == "x" => 0: no function is called `lower`; use has, size, contains, startsWith, endsWith, matches, exists, all, int, string, timestamp, duration, or others of CEL's standard ones
    has(job) => 4: `has` takes a field; write has(job.result)
    job.list.all(x) => 9: `all` is not used like this; write list.all(x, x > 0)
    [1].contains(1) => 12: `contains` takes a string, not a list; write x in list
    "a" in "abc" => 4: `in` takes a list or a map, not a string; write text.contains(x)
    job.name.matches("(") => 16: `(` is not a regular expression: unclosed group; backslashes stand twice in CEL, or write r'…'
    job.name.matches("a{1000}{1000}") => 16: `a{1000}{1000}` is not a regular expression: it is too big; backslashes stand twice in CEL, or write r'…'
    timestamp("yesterday") > timestamp(event.detected_at) => 9: `yesterday` is not a timestamp; write timestamp("2026-01-31T09:00:00Z")
    duration("1 hour") > duration("1s") => 8: `1 hour` is not a duration; write duration("1h30m")
    1 + 1 => 2: it comes to a number, not to true or false; compare it with something, like … > 100
    job.x + 1 => 6: it comes to a sum or the like, not to true or false; compare it with something, like … > 100
    "agent" => 0: it comes to a string, not to true or false; compare it with something, like … > 100
    [job.x] => 0: it comes to a list, not to true or false; compare it with something, like … > 100
    job.x > "a" + 1 => 12: `+` cannot be used with a string and a number; compare and reckon with values of one kind; int(…), string(…) and timestamp(…) convert
    1 > "a" => 2: `>` cannot be used with a number and a string; compare and reckon with values of one kind; int(…), string(…) and timestamp(…) convert
    job.x && 1 => 6: `&&` cannot be used with a number; both sides must be true or false: compare them with something
    !size(job.list) => 0: `!` cannot be used with a number; both sides must be true or false: compare them with something
    job.x ? 1 : 2 => 6: it comes to a number, not to true or false; compare it with something, like … > 100
    event.late.x => 10: true or false has no fields; leave out what follows the dot
    job.a.all(x, job.b.all(y, job.c.all(z, x == y))) => 35: loops nest at most 2 deep; the work would grow with each level
    [1].all(x, x == y) => 16: nothing is called `y`; use `event` and `job`; a text stands in quotes
    Message{a: 1} == null => 7: there are no messages to make here; maps are written {"key": value}
    "#);
}

#[test]
fn no_nesting_takes_the_process_down() {
    let nests: [(&str, String); 14] = [
        ("sums", vec!["job.a"; 680].join("+") + " > 1"),
        ("fields", format!("job{}", ".b".repeat(2000))),
        ("elements", format!("job{}", "[0]".repeat(1300))),
        ("calls", format!("job{}", ".size()".repeat(500))),
        ("brackets", format!("{}job.a{}", "(".repeat(2000), ")".repeat(2000))),
        ("lists", format!("{}1{}", "[".repeat(2000), "]".repeat(2000))),
        ("maps", format!("{}1{}", "{1:".repeat(1000), "}".repeat(1000))),
        ("nots", format!("{}true", "!".repeat(4000))),
        ("minus", format!("{}1 > 0", "-".repeat(4000))),
        ("choices", format!("{}true", "true?true:".repeat(400))),
        ("loops", format!("{}true{}", "[1].all(x,".repeat(340), ")".repeat(340))),
        ("equals", vec!["job.a"; 580].join("==")),
        ("ands", vec!["job.a==1"; 400].join("&&")),
        ("long", "a".repeat(5000)),
    ];

    let answers = nests.map(|(name, text)| match Expression::parse(&text) {
        Ok(expression) => {
            let answer = expression.evaluate(&Facts::of_document(document()));
            format!("{name}: {answer:?}")
        }
        Err(problem) => format!("{name}: {}", problem.message),
    });

    insta::assert_snapshot!(answers.join("\n"), @r#"
    sums: the expression nests deeper than 24
    fields: DoesNotHold { reason: "`b` is missing" }
    elements: the expression nests deeper than 24
    calls: the expression nests deeper than 24
    brackets: the expression nests deeper than 24
    lists: the expression nests deeper than 24
    maps: the expression nests deeper than 24
    nots: Holds
    minus: Holds
    choices: the expression nests deeper than 24
    loops: the expression nests deeper than 24
    equals: the expression nests deeper than 24
    ands: DoesNotHold { reason: "`a` is missing" }
    long: an expression has at most 4096 bytes
    "#);
}
