//! Renders one type's message from the templates of a set, or says why not.

use std::io;

use handlebars::{Context, Output, RenderContext, Renderable};
use serde_json::{Map, Value};

use super::RenderRequest;
use super::context::context_of;
use super::escape::{cut, subject_line};
use super::failure::{TemplateFailure, failure_of};
use super::load::{Shelf, Shelves};
use super::vocabulary::{Moment, events_of, register_moment};
use crate::model::{Message, NotifierKind};

/// Far more than any service takes.
const OUTPUT_MAX_BYTES: usize = 256 * 1024;

/// Renders the message. Of a grouped document, a part that tells only of single events gives
/// way to the one that is built in. `None` where the type has no template of that name and no default:
/// then the document itself is the message.
pub fn fill(
    shelves: &Shelves,
    built_in: &Shelves,
    request: &RenderRequest<'_>,
    notice: Option<&str>,
) -> Result<Option<Message>, TemplateFailure> {
    let context = context_of(request.document, request.now, notice);
    let moment = Moment { now: request.now, zone: request.zone.clone() };
    let grouped = !events_of(request.document).is_empty();
    let mut parts = Vec::new();
    for (own, built_in_shelf) in shelves.of(request.kind).zip(built_in.of(request.kind)) {
        let (shelves, shelf) = match grouped && !own.tells_of_groups(request.template) {
            true => (built_in, built_in_shelf),
            false => (shelves, own),
        };
        let Some(path) = shelf.path_of(request.template) else { return Ok(None) };
        let text = fill_part(shelves, shelf, &path, &context, &moment)?;
        parts.push((path, text));
    }
    let mut parts = parts.into_iter();
    let mut part = || parts.next().unwrap_or_default();
    Ok(match request.kind {
        NotifierKind::Command => None,
        NotifierKind::Slack | NotifierKind::Discord | NotifierKind::Webhook => {
            let (path, text) = part();
            Some(Message::Json(json_object(&path, &text)?))
        }
        NotifierKind::Email => {
            let (subject, text, html) = (part().1, part().1, part().1);
            let subject = subject_line(&subject);
            Some(Message::Mail { subject, text: tidy(&text), html: html.trim().to_owned() })
        }
        NotifierKind::Console => Some(Message::Text(tidy(&part().1))),
    })
}

fn fill_part(
    shelves: &Shelves,
    shelf: &Shelf,
    path: &str,
    context: &Context,
    moment: &Moment,
) -> Result<String, TemplateFailure> {
    let Some(template) = shelf.registry.get_template(path) else {
        return Err(TemplateFailure::of(path, "there is no such template"));
    };
    let mut render_context = RenderContext::new(template.name.as_ref());
    register_moment(&mut render_context, moment, shelf.slot.syntax);
    let mut output = Capped(String::new());
    template
        .render(&shelf.registry, context, &mut render_context, &mut output)
        .map_err(|error| failure_of(&error, path, shelf, shelves, context.data()))?;
    Ok(output.0)
}

/// What is rendered, up to a limit.
struct Capped(String);

impl Output for Capped {
    fn write(&mut self, piece: &str) -> io::Result<()> {
        if self.0.len() + piece.len() > OUTPUT_MAX_BYTES {
            let limit = format!("the message is larger than {} KiB", OUTPUT_MAX_BYTES / 1024);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, limit));
        }
        self.0.push_str(piece);
        Ok(())
    }
}

/// The object, written compactly.
fn json_object(path: &str, text: &str) -> Result<String, TemplateFailure> {
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(object) => Ok(Value::Object(object).to_string()),
        Err(error) if error.is_data() => {
            Err(TemplateFailure::of(path, "what it makes is JSON, but not an object")
                .help("the body begins with { and ends with }"))
        }
        Err(error) => {
            let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
            let line = cut(line.trim(), 120);
            Err(TemplateFailure::of(path, format!("what it makes is not JSON: {error}"))
                .help(format!("that line of the output is: {line}")))
        }
    }
}

/// Without spaces at the ends of lines, without two empty lines one after the other.
fn tidy(text: &str) -> String {
    let mut tidied = String::with_capacity(text.len());
    for line in text.trim_matches(['\n', '\r']).lines() {
        let line = line.trim_end();
        if line.is_empty() && (tidied.is_empty() || tidied.ends_with("\n\n")) {
            continue;
        }
        tidied.push_str(line);
        tidied.push('\n');
    }
    tidied.truncate(tidied.trim_end().len());
    tidied
}
