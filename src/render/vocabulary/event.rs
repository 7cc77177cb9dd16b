//! Words about the event and its job: outcome, project and type as people say them.
//!
//! [`headline`] and [`project`] are also what the last-resort message is made of.

use serde_json::Value;

use super::media;
use super::{Call, as_text};
use crate::model::EventKind;
use crate::render::escape::{cut, one_line};

/// `type_name job.job_type`
pub fn type_name(call: &Call<'_>) -> Value {
    type_in_words(&call.text(0)).into()
}

/// `headline`
pub fn headline_word(call: &Call<'_>) -> Value {
    headline(call.document()).into()
}

/// `project`
pub fn project_word(call: &Call<'_>) -> Value {
    project(call.document()).into()
}

/// `outcome`
pub fn outcome(call: &Call<'_>) -> Value {
    let words = match kind(call.document()) {
        Some(EventKind::Queued) => "queued",
        Some(EventKind::Started) => "started",
        Some(EventKind::Progress) => "running",
        Some(EventKind::Succeeded) => "succeeded",
        Some(EventKind::Partial) => "partial",
        Some(EventKind::Failed) => "failed",
        Some(EventKind::Cancelled) => "cancelled",
        Some(EventKind::Stopped) => "stopped",
        Some(EventKind::Changed) => "changed",
        Some(EventKind::Overdue) => "overdue",
        Some(EventKind::Stalled) => "stalled",
        Some(EventKind::Vanished) => "vanished",
        Some(EventKind::ProjectIdle) => "idle",
        Some(EventKind::NotifierDown | EventKind::SourceDown) => "down",
        Some(EventKind::NotifierUp | EventKind::SourceUp) => "up",
        Some(EventKind::SpendCrossed) => "crossed",
        None => "happened",
    };
    words.into()
}

/// `emoji`
pub fn emoji(call: &Call<'_>) -> Value {
    let document = call.document();
    match kind(document) {
        Some(EventKind::Succeeded) if changed_nothing(document) => "💤",
        Some(EventKind::Succeeded | EventKind::SourceUp | EventKind::NotifierUp) => "✅",
        Some(EventKind::Partial) => "⚠️",
        Some(EventKind::Failed | EventKind::SourceDown | EventKind::NotifierDown) => "❌",
        Some(EventKind::Cancelled) => "🚫",
        Some(EventKind::Queued) => "🕓",
        Some(EventKind::Started) => "▶️",
        Some(EventKind::Progress) => "⏳",
        Some(EventKind::Overdue | EventKind::Stalled) => "⏰",
        Some(EventKind::ProjectIdle) => "🏁",
        Some(EventKind::SpendCrossed) => "💳",
        Some(EventKind::Stopped | EventKind::Changed | EventKind::Vanished) | None => "❔",
    }
    .into()
}

/// `colour`
pub fn colour(call: &Call<'_>) -> Value {
    rgb(call.document()).into()
}

/// `colour_hex`
pub fn colour_hex(call: &Call<'_>) -> Value {
    format!("#{:06x}", rgb(call.document())).into()
}

/// What happened in one sentence without a period. It begins with the job's type.
pub fn headline(document: &Value) -> String {
    let of_type = type_in_words(&text_at(document, "/job/job_type"));
    let state = || shown_state(document);
    match kind(document) {
        Some(EventKind::Queued) => format!("{of_type} queued"),
        Some(EventKind::Started) => format!("{of_type} started"),
        Some(EventKind::Progress) => format!("{of_type} is running"),
        Some(EventKind::Succeeded) if changed_nothing(document) => {
            format!("{of_type} finished, but nothing was changed")
        }
        Some(EventKind::Succeeded) => format!("{of_type} succeeded"),
        Some(EventKind::Partial) => format!("{of_type} finished partially{}", failed_of(document)),
        Some(EventKind::Failed) => format!("{of_type} failed"),
        Some(EventKind::Cancelled) => format!("{of_type} cancelled"),
        Some(EventKind::Stopped) => format!("{of_type} stopped, its outcome is not known"),
        Some(EventKind::Changed) => format!("{of_type} is now {}, a state not known here", state()),
        Some(EventKind::Overdue) => format!("{of_type} is taking longer than it should"),
        Some(EventKind::Stalled) => format!("{of_type} has stopped moving"),
        Some(EventKind::Vanished) => {
            format!("{of_type} is gone from Descript, its end was not seen")
        }
        Some(EventKind::ProjectIdle) => "The last job of the project has ended".into(),
        Some(EventKind::NotifierDown) => "A notifier is refused by its service".into(),
        Some(EventKind::NotifierUp) => "A notifier works again".into(),
        Some(EventKind::SpendCrossed) => "A spending limit was reached".into(),
        Some(EventKind::SourceDown) => "Descript cannot be polled".into(),
        Some(EventKind::SourceUp) => "Descript can be polled again".into(),
        None => "Something happened".into(),
    }
}

/// The project's name, its id where there is no name. For events about no job the source.
pub fn project(document: &Value) -> String {
    let places = [
        "/job/project_name",
        "/project/name",
        "/project/project_name",
        "/job/project_id",
        "/project/id",
        "/project/project_id",
    ];
    if let Some(name) =
        places.iter().map(|place| text_at(document, place)).find(|name| !name.is_empty())
    {
        return name;
    }
    if document.get("job").is_some_and(Value::is_object) {
        return "no project".into();
    }
    let source = text_at(document, "/event/source");
    if source.is_empty() { "descript-notify".into() } else { source }
}

/// `import/project_media` → `Import`; a type not known here is made readable.
fn type_in_words(job_type: &str) -> String {
    /// Longer types are not types.
    const TYPE_MAX_CHARS: usize = 60;

    match job_type {
        "import/project_media" => "Import".into(),
        "import/drive_media" => "Drive import".into(),
        "agent" => "AI edit".into(),
        "publish" => "Publish".into(),
        "export/timeline" => "Timeline export".into(),
        "export/transcript" => "Transcript export".into(),
        other => {
            let words = one_line(&other.replace('/', ": ").replace(['_', '-'], " "));
            let mut chars = words.chars();
            match chars.next() {
                None => "Job".into(),
                Some(first) => {
                    cut(&format!("{}{}", first.to_uppercase(), chars.as_str()), TYPE_MAX_CHARS)
                }
            }
        }
    }
}

fn kind(document: &Value) -> Option<EventKind> {
    document.pointer("/event/kind")?.as_str()?.parse().ok()
}

/// An agent that answered without editing: it says `success`, people call it anything else.
fn changed_nothing(document: &Value) -> bool {
    document.pointer("/job/result/project_changed") == Some(&Value::Bool(false))
}

/// `, 1 of 3 files failed`, where that is known.
fn failed_of(document: &Value) -> String {
    let Some(job) = document.get("job") else { return String::new() };
    match (media::count(job, Some("failed")), media::count(job, None)) {
        (_, 0) => String::new(),
        (failed, 1) => format!(", {failed} of 1 file failed"),
        (failed, total) => format!(", {failed} of {total} files failed"),
    }
}

fn shown_state(document: &Value) -> String {
    let state = cut(&one_line(&text_at(document, "/event/to")), 40);
    if state.is_empty() { "in none".into() } else { format!("“{state}”") }
}

/// The text there on one line, or nothing.
fn text_at(document: &Value, pointer: &str) -> String {
    document.pointer(pointer).map(as_text).map(|text| one_line(&text)).unwrap_or_default()
}

fn rgb(document: &Value) -> u32 {
    const GREEN: u32 = 0x2e_b6_7d;
    const AMBER: u32 = 0xe0_9b_1a;
    const RED: u32 = 0xd6_36_4f;
    const BLUE: u32 = 0x3b_82_d6;
    const GREY: u32 = 0x8a_8f_98;

    match kind(document) {
        Some(EventKind::Succeeded) if changed_nothing(document) => AMBER,
        Some(EventKind::Succeeded | EventKind::SourceUp | EventKind::NotifierUp) => GREEN,
        Some(EventKind::Failed | EventKind::SourceDown | EventKind::NotifierDown) => RED,
        Some(EventKind::Queued | EventKind::Started | EventKind::Progress) => BLUE,
        Some(EventKind::Cancelled | EventKind::ProjectIdle) | None => GREY,
        Some(_) => AMBER,
    }
}
