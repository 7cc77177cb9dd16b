//! A line for each event of a group.
//!
//! A digest must tell of every event within a service's limit, whatever the names and the
//! reasons are. So `lines` measures what it writes after the escape, and gives up detail for
//! all lines alike until they fit together: long names first, then links and the day. Where
//! projects have several events each, the lines stand below the project's name.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::event::{detail, headline, outcome_of, project, text_at, type_in_words};
use super::group::{by_project, is_by_project, project_of, worst_first};
use super::look::emoji_of;
use super::{Call, Moment, time};
use crate::render::escape::{Syntax, https_link, units};

/// How much a line tells, in UTF-16 units after the escape.
struct Detail {
    name: usize,
    job_type: usize,
    cause: usize,
    /// Longer links are left out.
    url: usize,
    time: &'static str,
}

/// From the most to the least. At the last, a line has at most 95 units, also together with
/// the name that it stands below.
const DETAILS: [Detail; 5] = [
    Detail { name: 80, job_type: 40, cause: 160, url: 200, time: WITH_DAY },
    Detail { name: 60, job_type: 30, cause: 80, url: 110, time: WITH_DAY },
    Detail { name: 40, job_type: 20, cause: 40, url: 80, time: WITH_DAY },
    Detail { name: 30, job_type: 16, cause: 30, url: 70, time: WITHOUT_DAY },
    Detail { name: 26, job_type: 14, cause: 24, url: 0, time: WITHOUT_DAY },
];

const WITH_DAY: &str = "%-d %b %H:%M";
const WITHOUT_DAY: &str = "%H:%M";

/// Where lines are written.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    syntax: Syntax,
    zone: &'a TimeZone,
    /// The day of the newest event, which need not be said again.
    today: String,
    by_project: bool,
}

impl<'a> Place<'a> {
    /// A place in the message about this document.
    pub fn of(document: &Value, syntax: Syntax, zone: &'a TimeZone) -> Self {
        let today = day(&text_at(document, "/event/detected_at"), zone);
        Self { syntax, zone, today, by_project: is_by_project(document) }
    }
}

/// `lines list 2500`, written.
pub fn write_lines(syntax: Syntax, call: &Call<'_>, moment: &Moment) -> String {
    syntax.seal(&answered(call, syntax, moment))
}

/// `(lines list 2500)`
pub fn lines(call: &Call<'_>, moment: &Moment) -> Value {
    answered(call, Syntax::Json, moment).into()
}

fn answered(call: &Call<'_>, syntax: Syntax, moment: &Moment) -> String {
    let list = call.arg(0).as_array().map(Vec::as_slice).unwrap_or_default();
    let place = Place::of(call.root, syntax, &moment.zone);
    lines_of(list, call.length(1, usize::MAX), &place)
}

/// One line for each document, at most `room` UTF-16 units together, escaped for the syntax
/// but for its layer of JSON. Where not even the shortest lines fit, the worst are told and the
/// rest are counted.
pub fn lines_of(list: &[Value], room: usize, place: &Place<'_>) -> String {
    let separator = place.syntax.line_break();
    let ordered = match place.by_project {
        true => by_project(list.iter().collect()),
        false => list.iter().collect(),
    };
    for detail in &DETAILS {
        let all = told(&ordered, detail, place).join(separator);
        // An empty line is not indented.
        let all = all.replace("\n    \n", "\n\n");
        if units(&all) <= room {
            return all;
        }
    }
    let [.., shortest] = &DETAILS;
    let mut lines: Vec<String> = worst_first(list)
        .into_iter()
        .map(|document| {
            format!("{}{}", start(document, shortest, place), end(document, shortest, place))
        })
        .collect();
    while !lines.is_empty() {
        lines.pop();
        let mut shown = lines.clone();
        shown.push(format!("… and {} more", list.len() - lines.len()));
        let all = shown.join(separator);
        if units(&all) <= room {
            return all;
        }
    }
    String::new()
}

/// The lines, below the names of their projects where that reads better.
fn told(list: &[&Value], detail: &Detail, place: &Place<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut before = None;
    for document in list {
        if !place.by_project {
            lines.push(format!(
                "{}{}",
                start(document, detail, place),
                end(document, detail, place)
            ));
            continue;
        }
        let of_project = project_of(document);
        if before.as_ref() != Some(&of_project) {
            if before.is_some() {
                lines.push(String::new());
            }
            if of_project.is_some() {
                lines.push(heading(document, detail, place));
            }
            before = Some(of_project.clone());
        }
        let indent = if of_project.is_some() && place.syntax == Syntax::Text { "  " } else { "" };
        let emoji = emoji_of(document);
        lines.push(format!("{indent}{emoji} {}", end(document, detail, place)));
    }
    lines
}

fn heading(document: &Value, detail: &Detail, place: &Place<'_>) -> String {
    let link = link_of(document, detail);
    let name = place.syntax.fit(&project(document), detail.name);
    let name = place.syntax.strong(&place.syntax.link(&link, &name));
    match link.is_empty() || place.syntax.has_links() {
        true => name,
        false => format!("{name}  {link}"),
    }
}

/// Emoji and project, where the event is about one.
fn start(document: &Value, detail: &Detail, place: &Place<'_>) -> String {
    let emoji = emoji_of(document);
    if project_of(document).is_none() {
        return format!("{emoji} ");
    }
    let name = place.syntax.fit(&project(document), detail.name);
    format!("{emoji} {} · ", place.syntax.link(&link_of(document, detail), &name))
}

/// What happened, why and when.
fn end(document: &Value, shown: &Detail, place: &Place<'_>) -> String {
    let syntax = place.syntax;
    let is_job = document.get("job").is_some_and(Value::is_object);
    let (mut line, before_cause) = match is_job {
        true => {
            let job_type = type_in_words(&text_at(document, "/job/job_type"));
            let job_type = syntax.fit(&job_type, shown.job_type);
            (format!("{job_type} {}", outcome_of(document)), ": ")
        }
        false => (syntax.fit(&headline(document), shown.name + shown.job_type), " · "),
    };
    let cause = syntax.fit(&detail(document), shown.cause);
    if !cause.is_empty() {
        line.push_str(&format!("{before_cause}{cause}"));
    }
    let at = ["/job/stopped_at", "/event/detected_at"]
        .map(|place| text_at(document, place))
        .into_iter()
        .find(|at| !at.is_empty())
        .unwrap_or_default();
    let format = match day(&at, place.zone) == place.today {
        true => WITHOUT_DAY,
        false => shown.time,
    };
    let at = syntax.fit(&time::local(&at, format, place.zone), shown.time.len() + 2);
    if !at.is_empty() {
        line.push_str(&format!(" · {at}"));
    }
    if document.pointer("/event/late") == Some(&Value::Bool(true)) {
        line.push_str(" · seen late");
    }
    let link = link_of(document, shown);
    if !place.by_project && !link.is_empty() && !syntax.has_links() {
        line.push_str(&format!(" · {link}"));
    }
    line
}

fn link_of(document: &Value, detail: &Detail) -> String {
    let links = ["/job/project_url", "/project/url"].map(|place| text_at(document, place));
    let link = links.iter().find(|link| !link.is_empty());
    let link = link.map_or(String::new(), |link| https_link(link));
    if link.len() > detail.url { String::new() } else { link }
}

fn day(at: &str, zone: &TimeZone) -> String {
    time::local(at, "%F", zone)
}
