//! Words about the event and its job: outcome, project and type as people say them.
//!
//! [`title`] is also what the last-resort message begins with. Of a group, all but the title
//! are about its newest event.

use serde_json::Value;

use super::sums::{batch_headline, budget_headline, progress, waited};
use super::{Call, as_text, group, media};
use crate::model::EventKind;
use crate::render::escape::{cut, one_line};

/// Longer names of sources and notifiers are cut.
const NAME_MAX_CHARS: usize = 80;

/// Enough for a name, and short enough for every service's title.
pub const PROJECT_MAX_CHARS: usize = 80;

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

/// What a message begins with: project and headline, or of a group how much happened.
pub fn title(document: &Value) -> String {
    if let Some(title) = group::title_of(document) {
        return title;
    }
    match kind(document).and_then(EventKind::facts_key) {
        // These headlines say themselves what they are about.
        Some("source" | "notifier" | "spend") => headline(document),
        _ => format!("{}: {}", cut(&project(document), PROJECT_MAX_CHARS), headline(document)),
    }
}

/// What stays the same of all that is said about a job: its project and its type.
pub fn about(document: &Value) -> String {
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
        Some(EventKind::ProjectIdle) => batch_headline(document),
        Some(EventKind::NotifierDown) => format!("{} refuses messages", notifier(document)),
        Some(EventKind::NotifierUp) => {
            format!("{} takes messages again{}", notifier(document), caught_up(document))
        }
        Some(EventKind::SpendCrossed) => budget_headline(document),
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

/// What a line of a group tells beside the outcome: why, or where the job stands.
pub fn detail(document: &Value) -> String {
    let stands = |waited: Option<String>| {
        let progress = Some(progress(document)).filter(|progress| !progress.is_empty());
        waited.into_iter().chain(progress).collect::<Vec<_>>().join(" at ")
    };
    match kind(document) {
        Some(EventKind::Progress) => stands(None),
        Some(EventKind::Overdue) => {
            stands(waited(document).map(|waited| format!("not ended after {waited}")))
        }
        Some(EventKind::Stalled) => {
            stands(waited(document).map(|waited| format!("not moved for {waited}")))
        }
        _ => cause(document),
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
pub fn changed_nothing(document: &Value) -> bool {
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

fn shown_state(document: &Value) -> String {
    let state = cut(&one_line(&text_at(document, "/event/to")), 40);
    if state.is_empty() { "in none".into() } else { format!("“{state}”") }
}

/// The text there on one line, or nothing.
pub fn text_at(document: &Value, pointer: &str) -> String {
    document.pointer(pointer).map(as_text).map(|text| one_line(&text)).unwrap_or_default()
}
