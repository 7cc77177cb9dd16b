//! What the data of a job can do to a message: nothing but be read.
//!
//! Every family of hostile text goes the whole way for every type of notifier: into a job's
//! fields, through the built-in templates and the service's payload, over a real connection.
//! What arrives must have the same structure as it has with a harmless text, and must still
//! show something of the text.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

mod discord;
mod documents;
mod families;
mod lengths;
mod mail;
mod screen;
mod slack;
mod templates;

use std::path::Path;

use descript_notify::config::{self, Defaults};
use descript_notify::deliver::Notifier;
use descript_notify::model::{DeliveryId, Envelope, EventKind, Message, NotifierKind};
use descript_notify::render::{RenderRequest, Templates, samples};
use descript_notify::secret::{Redactor, Resolver};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

/// Fields that the bridge itself fills.
const OURS: [&str; 4] = ["kind", "id", "detected_at", "source"];

/// Fields of a fixed form that decide what a message shows.
const OF_A_FORM: [&str; 15] = [
    "began_at",
    "created_at",
    "download_url",
    "download_url_expires_at",
    "ended_at",
    "from",
    "job_id",
    "job_state",
    "job_type",
    "project_url",
    "share_url",
    "status",
    "stopped_at",
    "to",
    "url",
];

/// How far a text reaches into a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Into what people and models write.
    Words,
    /// Into every string that the API gives.
    Everything,
}

/// The documents that are poisoned, and how many of them always are: one job with all that a
/// job can have, as each kind of event that shows something else, the facts about many jobs or
/// much time, and the groups; then every
/// other sample.
fn documents() -> (Vec<Value>, usize) {
    let mut documents: Vec<Value> =
        ["succeeded", "partial", "failed", "progress", "changed"].map(full).into();
    let facts = ["stalled, said again", "project idle", "spend crossed"];
    let of_facts = samples::documents().into_iter().filter(|(name, _)| facts.contains(name));
    documents.extend(of_facts.map(|(_, document)| document));
    documents.extend(samples::grouped().into_iter().map(|(_, group)| group));
    let always = documents.len();
    documents.extend(samples::documents().into_iter().map(|(_, document)| document));
    (documents, always)
}

/// Some documents with the text in their strings, each with its number: those that always
/// are, and one sample after the other from turn to turn.
fn poisoned(text: &str, reach: Reach, turn: usize) -> Vec<(usize, Value)> {
    let (documents, always) = documents();
    let chosen = always + turn % (documents.len() - always);
    let numbered = documents.into_iter().enumerate();
    numbered
        .filter(|(number, _)| *number < always || *number == chosen)
        .map(|(number, mut document)| {
            poison(&mut document, text, reach);
            (number, document)
        })
        .collect()
}

/// All of the documents with a harmless text instead, by their numbers.
fn harmless(reach: Reach) -> Vec<Value> {
    let (mut documents, _) = documents();
    documents.iter_mut().for_each(|document| poison(document, families::MARK, reach));
    documents
}

fn full(kind: &str) -> Value {
    let (_, mut document) =
        samples::documents().into_iter().find(|(name, _)| *name == "import partial").unwrap();
    document["event"]["kind"] = kind.into();
    document["job"]["progress"] = json!({ "label": "x", "percent": 15 });
    document["job"]["result"] = json!({
        "status": "partial", "error_message": "x", "error_code": "x", "agent_response": "x",
        "share_url": "https://share.descript.com/view/A", "ai_credits_used": 3,
        "download_url": "https://storage.example.invalid/o.mp4?sig=FAKE&part=1",
        "download_url_expires_at": "2026-11-21T09:12:00Z", "media_seconds_used": 95,
        "media_status": { "x": { "status": "failed", "error_message": "x" } },
        "created_compositions": [{ "id": "x", "name": "x" }], "file_name": "x",
    });
    document
}

fn poison(value: &mut Value, text: &str, reach: Reach) {
    match value {
        Value::String(words) => *words = text.to_owned(),
        Value::Array(items) => items.iter_mut().for_each(|item| poison(item, text, reach)),
        Value::Object(fields) => {
            if let Some(Value::Object(files)) = fields.get_mut("media_status") {
                let file = files.values().next().cloned();
                *files =
                    file.map(|file| (text.to_owned(), file)).into_iter().collect::<Map<_, _>>();
            }
            for (key, field) in fields {
                let kept = OURS.contains(&key.as_str())
                    || (reach == Reach::Words && OF_A_FORM.contains(&key.as_str()));
                if !(kept && field.is_string()) {
                    poison(field, text, reach);
                }
            }
        }
        _ => {}
    }
}

/// Renders with the built-in templates, which must not fail.
fn rendered(kind: NotifierKind, template: &str, document: &Value) -> Message {
    let rendered = Templates::builtin().render(&RenderRequest {
        kind,
        template,
        document,
        now: Timestamp::UNIX_EPOCH,
        zone: &TimeZone::UTC,
    });
    assert_eq!(rendered.fell_back, None, "{kind} {template} {document}");
    rendered.message
}

/// The notifier that these lines of a config make.
fn notifier(lines: &str) -> Notifier {
    let text = format!("[notifiers.it]\n{lines}\n");
    let defaults = Defaults { state_folder: Some("/state".into()) };
    let parsed = config::parse(&text, Path::new("/"), &defaults);
    let config = parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.problems));
    let resolver = Resolver::of_vars(&[("PATH", "/usr/local/bin:/usr/bin:/bin")], Path::new("/"));
    Notifier::build(&config.notifiers[0], &resolver, &mut Redactor::default()).unwrap()
}

fn envelope_to(recipient: &str) -> Envelope {
    Envelope {
        delivery_id: DeliveryId::from_stored("0123456789abcdef01234567"),
        recipient: recipient.into(),
        kind: EventKind::Failed,
        now: "2026-11-23T15:13:00Z".parse().unwrap(),
        attempt: 1,
        thread: "main/job-1".into(),
        live: None,
    }
}

/// Every string of a JSON value, the keys left out.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(fields) => fields.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// The paths of a JSON value: its structure without what it says.
fn shape(value: &Value) -> Vec<String> {
    fn walk(value: &Value, at: &str, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(n, it)| walk(it, &format!("{at}/{n}"), found));
            }
            Value::Object(fields) => {
                fields.iter().for_each(|(key, it)| walk(it, &format!("{at}/{key}"), found));
            }
            _ => found.push(at.to_owned()),
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}

/// Whether a person cannot see the character, and it does something all the same.
fn is_unseen(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Panics where a text holds what nobody sees.
fn assert_visible(text: &str) {
    assert!(!text.contains(is_unseen), "{text:?}");
}

/// Panics where nothing of a text is shown in a place that shows something of a harmless one. A
/// text that does not begin with the mark may have been cut before it.
fn assert_still_shown(text: &str, shown: &str, usual: &str) {
    let seen = |shown: &str| shown.contains(families::MARK);
    assert!(seen(shown) || !seen(usual) || !text.starts_with(families::MARK), "{text:?}: {shown}");
}

/// Panics where a URL leads anywhere but to where the samples' do.
fn assert_our_link(url: &str) {
    const HOSTS: [&str; 3] = ["web.descript.com", "share.descript.com", "storage.example.invalid"];
    let url = url::Url::parse(url).unwrap_or_else(|_| panic!("no URL: {url}"));
    assert_eq!((url.scheme(), url.username(), url.password()), ("https", "", None), "{url}");
    assert!(url.host_str().is_some_and(|host| HOSTS.contains(&host)), "{url}");
}
