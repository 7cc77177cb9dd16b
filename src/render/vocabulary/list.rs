//! The list of words: names, usage, number of arguments.

use super::{Does, Missing, Word, event, group, lines, logic, look, media, sums, text, time};

/// Every word that a template can use, in the order of the reference.
pub const WORDS: &[Word] = &[
    // What handlebars brings.
    block("if", "#if x", "the block where `x` is there and is not empty, false or 0", 1),
    block("unless", "#unless x", "the block where `#if` would leave it out", 1),
    block(
        "each",
        "#each list",
        "the block for each element, which is `this`; `@index`, `@first`, `@last`, `@key`",
        1,
    ),
    block("with", "#with x", "the block with `x` as `this`", 1),
    Word {
        name: "lookup",
        usage: "lookup x \"key\"",
        about: "the field or element of that name or number",
        args: 2..=2,
        missing: Missing::Refused,
        does: Does::Own,
    },
    // Conditions.
    condition("eq", "eq a b", "whether both are equal", 2, logic::eq),
    condition("ne", "ne a b", "whether they differ", 2, logic::ne),
    condition("gt", "gt a b", "whether the number `a` is greater", 2, logic::gt),
    condition("gte", "gte a b", "whether the number `a` is greater or equal", 2, logic::gte),
    condition("lt", "lt a b", "whether the number `a` is less", 2, logic::lt),
    condition("lte", "lte a b", "whether the number `a` is less or equal", 2, logic::lte),
    Word { args: 2..=16, ..condition("and", "and a b …", "whether all hold", 2, logic::and) },
    Word { args: 2..=16, ..condition("or", "or a b …", "whether one holds", 2, logic::or) },
    condition("not", "not a", "whether it does not hold", 1, logic::not),
    // Text.
    Word {
        missing: Missing::Null,
        ..value(
            "default",
            "default x \"fallback\"",
            "`x`, or the fallback where `x` is missing, null or empty",
            2,
            text::default,
        )
    },
    value(
        "truncate",
        "truncate x 80",
        "the first characters, the last of them `…` where something was cut",
        2,
        text::truncate,
    ),
    value("upper", "upper x", "in upper case", 1, text::upper),
    value("lower", "lower x", "in lower case", 1, text::lower),
    Word {
        args: 2..=3,
        ..value("plural", "plural n \"file\" [\"files\"]", "`1 file`, `2 files`", 2, text::plural)
    },
    value("bytes", "bytes n", "a size: `1.4 MB`", 1, text::bytes),
    value("len", "len x", "how many elements, fields or characters", 1, text::len),
    // Times.
    Word {
        args: 1..=2,
        ..value(
            "duration",
            "duration seconds` or `duration from to",
            "a length of time: `4m 12s`",
            1,
            time::duration,
        )
    },
    moment("ago", "ago time", "how long ago: `5m ago`", 1..=1, time::ago),
    moment(
        "local_time",
        "local_time time [\"%H:%M\"]",
        "the time in `service.timezone`; the format is strftime's",
        1..=2,
        time::local_time,
    ),
    // The event and its job.
    about(
        "headline",
        "headline",
        "one sentence: `Import finished partially, 1 of 3 files failed`",
        event::headline_word,
    ),
    about(
        "title",
        "title",
        "project and headline, of a group `12 jobs ended`: what a message begins with",
        event::title_word,
    ),
    about(
        "cause",
        "cause",
        "why, on one line, where something went wrong: the error, the first failed file, an outage's reason; else empty",
        event::cause_word,
    ),
    about(
        "outcome",
        "outcome",
        "one or two words: `succeeded`, `partial`, `failed`",
        event::outcome,
    ),
    about(
        "emoji",
        "emoji",
        "one that goes with the outcome, of a group with its worst, of a project that is idle with its batch",
        look::emoji,
    ),
    about("colour", "colour", "one that goes with the outcome, as Discord's number", look::colour),
    about("colour_hex", "colour_hex", "the same as `#rrggbb`", look::colour_hex),
    about(
        "project",
        "project",
        "the project's name, its id where there is no name",
        event::project_word,
    ),
    value(
        "type_name",
        "type_name job.job_type",
        "a job's type in words: `Import`, `AI edit`, `Publish`",
        1,
        event::type_name,
    ),
    Word {
        args: 1..=3,
        ..value(
            "files",
            "files job [\"failed\"] [10]",
            "for `#each`: the job's media files, of that status, at most so many, each with `name`, `status`, `error_message`, `duration_seconds`",
            1,
            media::files,
        )
    },
    Word {
        args: 1..=3,
        ..value(
            "files_left",
            "files_left job [\"failed\"] [10]",
            "how many files `files` with the same arguments leaves out",
            1,
            media::files_left,
        )
    },
    about(
        "waiting_since",
        "waiting_since",
        "of `overdue` and `stalled`: since when the job has run or not moved; else empty",
        sums::waiting_since,
    ),
    about(
        "held_back",
        "held_back",
        "on one line, what was held back and why: `3 messages held back by the throttle of its rule until now`; else empty",
        sums::held_back_word,
    ),
    // A group of events.
    about(
        "counts",
        "counts",
        "a group's events by outcome: `3 failed, 8 succeeded, 1 cancelled`",
        group::counts,
    ),
    Word {
        name: "lines",
        usage: "lines events 2500",
        about: "a line for each event, with project (linked), outcome, cause, time and whether it was seen late, as detailed as fits into so many characters together; below their projects, where several are about the same",
        args: 2..=2,
        missing: Missing::Refused,
        does: Does::WritesMoment(lines::write_lines, lines::lines),
    },
    value(
        "listed",
        "listed events 40",
        "a group's events as they are best listed: by project, and where there are more than so many, the failures first",
        2,
        group::listed,
    ),
    Word {
        args: 2..=3,
        ..value(
            "chunks",
            "chunks list 8 [40]",
            "for `#each`: the list (its first 40 elements) in lists of 8, as services limit the length of a text",
            2,
            group::chunks,
        )
    },
    value(
        "events_left",
        "events_left 40",
        "how many events a group has beyond so many",
        1,
        group::events_left,
    ),
    // Doors of their own.
    writes(
        "url",
        "url x",
        "the link, percent-encoded, for an `href`, a JSON string, `<{{url x}}|…>` or `[…]({{url x}})`; empty unless it is https",
        text::write_url,
        text::url,
    ),
    writes(
        "plain",
        "plain x",
        "the text on one line without the escape for mark-up: Slack `plain_text`, Discord `footer.text` and `author.name`",
        text::write_plain,
        text::plain,
    ),
    writes(
        "json",
        "json x",
        "the value as JSON, its strings escaped as everywhere else",
        text::write_json,
        text::json,
    ),
];

const fn block(name: &'static str, usage: &'static str, about: &'static str, args: usize) -> Word {
    Word { name, usage, about, args: args..=args, missing: Missing::Null, does: Does::Block }
}

const fn value(
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    args: usize,
    answer: fn(&super::Call<'_>) -> serde_json::Value,
) -> Word {
    let does = Does::Value(answer);
    Word { name, usage, about, args: args..=args, missing: Missing::Refused, does }
}

/// A condition takes a missing field for null, as `#if` does.
const fn condition(
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    args: usize,
    answer: fn(&super::Call<'_>) -> serde_json::Value,
) -> Word {
    Word { missing: Missing::Null, ..value(name, usage, about, args, answer) }
}

/// A word about the whole document, or about one of a group's where that is given.
const fn about(
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    answer: fn(&super::Call<'_>) -> serde_json::Value,
) -> Word {
    Word { args: 0..=1, ..value(name, usage, about, 0, answer) }
}

const fn moment(
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    args: std::ops::RangeInclusive<usize>,
    answer: fn(&super::Call<'_>, &super::Moment) -> serde_json::Value,
) -> Word {
    Word { name, usage, about, args, missing: Missing::Refused, does: Does::Moment(answer) }
}

const fn writes(
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    write: fn(super::Syntax, &serde_json::Value) -> String,
    answer: fn(&serde_json::Value) -> serde_json::Value,
) -> Word {
    let does = Does::Writes(write, answer);
    Word { name, usage, about, args: 1..=1, missing: Missing::Refused, does }
}
