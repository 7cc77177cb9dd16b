//! Silences for people: those in force, and the form that asks for one.
//!
//! The form comes back with what was typed where that makes no sense; `silences` judges it, as
//! it does for the API.

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::page;
use super::view::{encoded, name, reason, when};
use crate::model::Silence;
use crate::render::words::{cut, one_line};
use crate::rules::exactly;
use crate::store::DeliveryRow;
use crate::web::Server;
use crate::web::answer::Refusal;
use crate::web::changes::find;
use crate::web::query::Query;
use crate::web::silences::WishSent;

/// Rows of the list, and lines of what one is about.
const MOST_SHOWN: usize = 8;
const MOST_LINES: usize = 3;
const LINE_MOST_CHARS: usize = 120;

/// The lengths to choose from; the last one asks for another.
const LENGTHS: [(&str, &str); 4] =
    [("1h", "1 hour"), ("4h", "4 hours"), ("1d", "1 day"), (OTHER, "as written beside it")];
const OTHER: &str = "other";

/// What was typed into a form.
#[derive(Debug, Clone, Default)]
pub(in crate::web) struct Typed {
    /// The length that was chosen, and the one that was written.
    pub(in crate::web) choice: String,
    pub(in crate::web) other: String,
    /// One a line.
    pub(in crate::web) matchers: String,
    pub(in crate::web) comment: String,
    pub(in crate::web) author: String,
    pub(in crate::web) summarise: bool,
}

impl Typed {
    /// What is asked for. A length that was written counts before one that was chosen.
    pub(in crate::web) fn wish(&self) -> WishSent {
        let written = self.other.trim();
        let length = match (written, self.choice.as_str()) {
            ("", OTHER) => "",
            ("", choice) => choice,
            (written, _) => written,
        };
        let lines = self.matchers.lines().map(str::trim).filter(|line| !line.is_empty());
        WishSent {
            length: length.to_owned(),
            matchers: lines.map(str::to_owned).collect(),
            comment: self.comment.trim().to_owned(),
            author: self.author.trim().to_owned(),
            summarise: self.summarise,
        }
    }
}

/// The form by itself, about what its address says: these lines, or what a delivery is about.
pub(in crate::web) async fn silence(server: &Server, head: &Parts) -> Result<Response, Refusal> {
    let query = Query::parse(head, &["match", "delivery"])?;
    let matchers = match query.get("delivery") {
        Some(id) => lines_about(&find(server, id).await?),
        None => query.owned("match").unwrap_or_default(),
    };
    let typed = Typed { matchers, ..Typed::default() };
    let view = json!({ "form": form(&typed, None, &server.parts.base_path) });
    page(server, head, StatusCode::OK, "silence", "Add a silence", view)
}

/// The form with what is wrong with what was typed.
pub(in crate::web) fn silence_again(
    server: &Server,
    head: &Parts,
    typed: &Typed,
    wrong: &str,
) -> Result<Response, Refusal> {
    let view = json!({ "form": form(typed, Some(wrong), &server.parts.base_path) });
    page(server, head, StatusCode::BAD_REQUEST, "silence", "Add a silence", view)
}

/// The form; `wrong` begins with the name of the field that it is about.
pub(super) fn form(typed: &Typed, wrong: Option<&str>, base: &str) -> Value {
    let (field, problem) = match wrong.and_then(|wrong| wrong.split_once(": ")) {
        Some((field @ ("for" | "match" | "comment" | "author"), problem)) => (field, problem),
        _ => ("", wrong.unwrap_or_default()),
    };
    let chosen = if typed.choice.is_empty() { LENGTHS[0].0 } else { typed.choice.as_str() };
    json!({
        "action": format!("{base}/silences"),
        "lengths": LENGTHS.map(|(value, word)| {
            json!({ "value": value, "word": word, "chosen": value == chosen })
        }),
        "other": typed.other,
        "matchers": typed.matchers,
        "comment": typed.comment,
        "author": typed.author,
        "summarise": typed.summarise,
        "problem": reason(problem),
        "wrong": {
            "length": field == "for",
            "matchers": field == "match",
            "comment": field == "comment",
            "author": field == "author",
        },
    })
}

/// Where the form is, about these values: each a path and what must stand there.
pub(super) fn link(about: &[(&str, &str)], base: &str) -> String {
    format!("{base}/silences/new?match={}", encoded(&lines(about)))
}

/// The project of a delivery, or else its job.
fn lines_about(row: &DeliveryRow) -> String {
    let job = row.delivery.job_id.as_str();
    match row.project_name.as_deref() {
        Some(project) => lines(&[("job.project_name", project)]),
        None if job.is_empty() => String::new(),
        None => lines(&[("job.job_id", job)]),
    }
}

fn lines(about: &[(&str, &str)]) -> String {
    let lines = about.iter().map(|(path, value)| format!("{path}={}", exactly(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// The silences in force, as many as are shown, and how many more there are.
pub(super) fn in_force(silences: &[Silence], base: &str, now: Timestamp) -> (Vec<Value>, usize) {
    let all: Vec<&Silence> = silences.iter().filter(|silence| silence.expires_at > now).collect();
    let shown = all.iter().take(MOST_SHOWN).map(|silence| row(silence, base, now));
    (shown.collect(), all.len().saturating_sub(MOST_SHOWN))
}

fn row(silence: &Silence, base: &str, now: Timestamp) -> Value {
    let lines = silence.matchers.iter().take(MOST_LINES);
    json!({
        "id": silence.id,
        "lines": lines.map(|line| cut(&one_line(line), LINE_MOST_CHARS)).collect::<Vec<_>>(),
        "more_lines": silence.matchers.len().saturating_sub(MOST_LINES),
        "comment": reason(&silence.comment),
        "author": name(&silence.author),
        "since": when(silence.created_at),
        "until": when(silence.expires_at),
        "left": left(silence.expires_at.duration_since(now)),
        "summarise": silence.summarise,
        "silenced": silence.silenced,
        "end": format!("{base}/silences/{}/expire", silence.id),
    })
}

/// A length of time in the two largest of its units, begun minutes counted whole.
pub(super) fn left(time: SignedDuration) -> String {
    let minutes = (time.as_secs().max(0) + 59) / 60;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, 0, _) => format!("{days} d"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_length_counts_and_empty_lines_do_not() {
        let typed = Typed {
            choice: "1h".into(),
            other: " 90m ".into(),
            matchers: "a=1\r\n\r\n  b!=2 \r\n".into(),
            ..Typed::default()
        };
        let length = |choice: &str, other: &str| {
            Typed { choice: choice.into(), other: other.into(), ..Typed::default() }.wish().length
        };

        assert_eq!(typed.wish().length, "90m");
        assert_eq!(typed.wish().matchers, ["a=1", "b!=2"]);
        assert_eq!([length("4h", ""), length(OTHER, " ")], ["4h", ""]);
    }

    #[test]
    fn what_is_wrong_stands_at_its_field() {
        let form = form(&Typed::default(), Some("match: `x` has no equals sign: see"), "");

        assert_eq!(form["problem"], "`x` has no equals sign: see");
        assert_eq!(form["wrong"]["matchers"], true);
        assert_eq!(form["wrong"]["length"], false);
    }

    #[test]
    fn a_link_brings_what_the_silence_is_about_and_nothing_else() {
        let link = link(&[("job.project_name", "A&b\" *\nx"), ("event.kind", "failed")], "/n");

        insta::assert_snapshot!(link, @"/n/silences/new?match=job.project_name%3DA%26b%22%20%5C%2A%2Ax%0Aevent.kind%3Dfailed");
    }

    #[test]
    fn what_is_left_is_told_in_two_units() {
        let told = [0, 1, 60, 61, 3_600, 3_660, 86_400, 90_000, 200_000]
            .map(|seconds| left(SignedDuration::from_secs(seconds)));

        assert_eq!(
            told,
            ["0 min", "1 min", "1 min", "2 min", "1 h", "1 h 1 min", "1 d", "1 d 1 h", "2 d 7 h"]
        );
    }
}
