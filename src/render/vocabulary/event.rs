//! Words about the event and its job: outcome, project and type as people say them.
//!
//! [`title`] is also what the last-resort message begins with. Of a group, emoji and colour
//! are those of its worst event; the other words are about its newest.

use serde_json::Value;

use super::group::{events_of, total_of};
use super::media;
use super::time::in_words;
use super::{Call, as_text};
use crate::model::EventKind;
use crate::render::escape::{cut, one_line};

const GREEN: u32 = 0x2e_b6_7d;
const AMBER: u32 = 0xe0_9b_1a;
const RED: u32 = 0xd6_36_4f;
const BLUE: u32 = 0x3b_82_d6;
const GREY: u32 = 0x8a_8f_98;

/// Longer names of sources and notifiers are cut.
const NAME_MAX_CHARS: usize = 80;

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

/// `title`
pub fn title_word(call: &Call<'_>) -> Value {
    title(call.document()).into()
}

/// `cause`
pub fn cause_word(call: &Call<'_>) -> Value {
    cause(call.document()).into()
}

/// `outcome`
pub fn outcome(call: &Call<'_>) -> Value {
    outcome_of(call.document()).into()
}

/// `emoji`
pub fn emoji(call: &Call<'_>) -> Value {
    emoji_of(worst_of(call.document())).into()
}

/// `colour`
pub fn colour(call: &Call<'_>) -> Value {
    rgb(worst_of(call.document())).into()
}

/// `colour_hex`
pub fn colour_hex(call: &Call<'_>) -> Value {
    format!("#{:06x}", rgb(worst_of(call.document()))).into()
}

/// The outcome in one word or two.
pub fn outcome_of(document: &Value) -> &'static str {
    match kind(document) {
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
    }
}

/// The emoji of one event.
pub fn emoji_of(document: &Value) -> &'static str {
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
}

/// What a message begins with: project and headline, or of a group how much happened.
pub fn title(document: &Value) -> String {
    /// Enough for a name, and short enough for every service's title.
    const PROJECT_MAX_CHARS: usize = 80;

    match total_of(document) {
        0 => {}
        1 => return "1 thing happened".into(),
        total => return format!("{total} things happened"),
    }
    match kind(document).and_then(EventKind::facts_key) {
        // These headlines say themselves what they are about.
        Some("source" | "notifier" | "spend") => headline(document),
        _ => format!("{}: {}", cut(&project(document), PROJECT_MAX_CHARS), headline(document)),
    }
}

/// What stays the same of all that is said about a job: its project and its type.
pub fn about(document: &Value) -> String {
    const PROJECT_MAX_CHARS: usize = 80;

    let of_type = type_in_words(&text_at(document, "/job/job_type"));
    format!("{}: {of_type}", cut(&project(document), PROJECT_MAX_CHARS))
}

/// What happened in one sentence without a period. About a job, it begins with the type.
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
        Some(EventKind::Overdue) => match waited(document) {
            Some(waited) => format!("{of_type} has not ended after {waited}"),
            None => format!("{of_type} is taking longer than it should"),
        },
        Some(EventKind::Stalled) => match waited(document) {
            Some(waited) => format!("{of_type} has not moved for {waited}"),
            None => format!("{of_type} has stopped moving"),
        },
        Some(EventKind::Vanished) => {
            format!("{of_type} is gone from Descript, its end was not seen")
        }
        Some(EventKind::ProjectIdle) => "The last job of the project has ended".into(),
        Some(EventKind::NotifierDown) => format!("{} refuses messages", notifier(document)),
        Some(EventKind::NotifierUp) => {
            format!("{} takes messages again{}", notifier(document), caught_up(document))
        }
        Some(EventKind::SpendCrossed) => "A spending limit was reached".into(),
        Some(EventKind::SourceDown) => format!("Descript cannot be polled{}", source(document)),
        Some(EventKind::SourceUp) => format!("Descript is polled again{}", source(document)),
        None => "Something happened".into(),
    }
}

/// Why, on one line, where something went wrong or is odd; else empty.
pub fn cause(document: &Value) -> String {
    let error = || {
        ["/job/result/error_message", "/job/result/error_code"]
            .map(|place| text_at(document, place))
            .into_iter()
            .find(|error| !error.is_empty())
            .unwrap_or_default()
    };
    match kind(document) {
        Some(EventKind::Failed) => error(),
        Some(EventKind::Partial) => match failed_of(document).trim_start_matches(", ") {
            "" => error(),
            failed => format!("{failed}{}", first_failed(document)),
        },
        Some(EventKind::Succeeded) if changed_nothing(document) => "nothing was changed".into(),
        Some(EventKind::Stopped) => "its outcome is not known".into(),
        Some(EventKind::Changed) => format!("its state is {}", shown_state(document)),
        Some(EventKind::Vanished) => "gone from Descript, its end was not seen".into(),
        Some(EventKind::SourceDown) => text_at(document, "/source/reason"),
        Some(EventKind::NotifierDown) => text_at(document, "/notifier/reason"),
        _ => String::new(),
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
pub fn type_in_words(job_type: &str) -> String {
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

/// The kind of the event, where it is one that is known.
pub fn kind(document: &Value) -> Option<EventKind> {
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

/// `: guest.wav (the link answered 403)`
fn first_failed(document: &Value) -> String {
    media::first_failed(document).map_or(String::new(), |(name, reason)| {
        format!(": {} ({})", one_line(name), one_line(reason))
    })
}

/// `: main`
fn source(document: &Value) -> String {
    let name = ["/source/name", "/event/source"].map(|place| text_at(document, place));
    let name = name.iter().find(|name| !name.is_empty());
    name.map_or(String::new(), |name| format!(": {}", cut(name, NAME_MAX_CHARS)))
}

fn notifier(document: &Value) -> String {
    match text_at(document, "/notifier/name").as_str() {
        "" => "A notifier".into(),
        name => format!("Notifier {}", cut(name, NAME_MAX_CHARS)),
    }
}

/// `, 12 are being caught up`
fn caught_up(document: &Value) -> String {
    match document.pointer("/notifier/waiting").and_then(Value::as_u64) {
        None | Some(0) => String::new(),
        Some(1) => ", 1 is being caught up".into(),
        Some(waiting) => format!(", {waiting} are being caught up"),
    }
}

/// How long a job has taken, or has not moved.
fn waited(document: &Value) -> Option<String> {
    let seconds = document.pointer("/event/waited_seconds")?.as_f64()?;
    (seconds >= 1.0).then(|| in_words(seconds as i64))
}

fn shown_state(document: &Value) -> String {
    let state = cut(&one_line(&text_at(document, "/event/to")), 40);
    if state.is_empty() { "in none".into() } else { format!("“{state}”") }
}

/// The text there on one line, or nothing.
pub fn text_at(document: &Value, pointer: &str) -> String {
    document.pointer(pointer).map(as_text).map(|text| one_line(&text)).unwrap_or_default()
}

/// The event that speaks for a group: the worst, of several as bad the newest. The document
/// itself where it is no group.
fn worst_of(document: &Value) -> &Value {
    events_of(document).iter().max_by_key(|event| severity(event)).unwrap_or(document)
}

fn severity(document: &Value) -> usize {
    [GREY, BLUE, GREEN, AMBER, RED]
        .iter()
        .position(|colour| *colour == rgb(document))
        .unwrap_or_default()
}

fn rgb(document: &Value) -> u32 {
    match kind(document) {
        Some(EventKind::Succeeded) if changed_nothing(document) => AMBER,
        Some(EventKind::Succeeded | EventKind::SourceUp | EventKind::NotifierUp) => GREEN,
        Some(EventKind::Failed | EventKind::SourceDown | EventKind::NotifierDown) => RED,
        Some(EventKind::Queued | EventKind::Started | EventKind::Progress) => BLUE,
        Some(EventKind::Cancelled | EventKind::ProjectIdle) | None => GREY,
        Some(_) => AMBER,
    }
}
