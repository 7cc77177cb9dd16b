//! Messages as people get them: what the built-in templates say, what hostile data can do,
//! what happens when a template fails.

mod bridge;
mod builtin;
mod digest;
mod fallback;
mod gathering;
mod hostile;
mod slow;

use serde_json::json;

use super::*;

/// The time of every rendering here.
fn now() -> Timestamp {
    "2026-11-20T08:03:21Z".parse().unwrap()
}

fn render_with(
    templates: &Templates,
    kind: NotifierKind,
    template: &str,
    document: &Value,
) -> Result<Message, TemplateFailure> {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    templates.render_strict(&RenderRequest { kind, template, document, now: now(), zone: &zone })
}

fn safely(templates: &Templates, kind: NotifierKind, template: &str, document: &Value) -> Rendered {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    templates.render(&RenderRequest { kind, template, document, now: now(), zone: &zone })
}

fn builtin_message(kind: NotifierKind, template: &str, document: &Value) -> Message {
    render_with(&Templates::builtin(), kind, template, document).unwrap()
}

fn sample(name: &str) -> Value {
    let mut documents = samples::documents().into_iter().chain(samples::grouped());
    documents.find(|(known, _)| *known == name).unwrap().1
}

/// All of a message as one text.
fn whole(message: &Message) -> String {
    match message {
        Message::Json(text) | Message::Text(text) => text.clone(),
        Message::Mail { subject, text, html } => format!("{subject}\n{text}\n{html}"),
    }
}

fn json_of(message: &Message) -> Value {
    let Message::Json(text) = message else { panic!("{message:?} is not JSON") };
    serde_json::from_str(text).unwrap()
}

fn pretty(message: &Message) -> String {
    serde_json::to_string_pretty(&json_of(message)).unwrap()
}

/// Every string within a value.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// The strings of a body in which a person reads.
fn texts(message: &Message) -> String {
    let body = json_of(message);
    let words = strings(&body).into_iter().filter(|text| text.contains(' '));
    words.collect::<Vec<_>>().join("\n")
}

/// What a mail's HTML shows, a piece a line.
fn shown(html: &str) -> String {
    let mut shown = String::new();
    for piece in html.split("<body").nth(1).unwrap().split('<').skip(1) {
        let text = piece.split_once('>').map_or("", |(_, text)| text).trim();
        if !text.is_empty() {
            shown.push_str(&format!("{text}\n"));
        }
    }
    shown
}

fn file(path: &str, text: &str) -> TemplateFile {
    TemplateFile { path: path.into(), text: text.into() }
}

/// The built-in templates with one file over them that must have no problem.
fn with_file(path: &str, text: &str) -> Templates {
    let (templates, problems) = Templates::with_overrides(vec![file(path, text)]);
    assert_eq!(problems, []);
    templates
}
