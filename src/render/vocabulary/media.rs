//! Words about an import's media files.

use serde_json::{Map, Value, json};

use super::Call;

/// More than anybody reads, and few enough that a loop over them is short.
const FILES_MAX: usize = 200;

/// `files job ["failed"] [10]`
pub fn files(call: &Call<'_>) -> Value {
    let max = call.length(2, FILES_MAX).min(FILES_MAX);
    let wanted = call.arg(1).as_str();
    let Some(entries) = media_status(call.arg(0)) else {
        return Value::Array(Vec::new());
    };
    entries
        .iter()
        .filter(|(_, entry)| is_of(entry, wanted))
        .take(max)
        .map(|(name, entry)| {
            json!({
                "name": name,
                "status": entry.get("status").cloned().unwrap_or(Value::Null),
                "error_message": reason_of(entry),
                "duration_seconds": entry.get("duration_seconds").cloned().unwrap_or(Value::Null),
            })
        })
        .collect()
}

/// `files_left job ["failed"] [10]`
pub fn files_left(call: &Call<'_>) -> Value {
    let max = call.length(2, FILES_MAX).min(FILES_MAX);
    let total = count(call.arg(0), call.arg(1).as_str());
    total.saturating_sub(max).into()
}

/// How many media files the job has, of that status where one is given.
pub fn count(job: &Value, status: Option<&str>) -> usize {
    let known = match status {
        None => "media_total",
        Some("failed") => "media_failed",
        Some(_) => "",
    };
    if let Some(total) = result_of(job).and_then(|result| result.get(known)).and_then(Value::as_u64)
    {
        return total as usize;
    }
    media_status(job)
        .map_or(0, |entries| entries.values().filter(|entry| is_of(entry, status)).count())
}

/// The name of the first file that failed, and why.
pub fn first_failed(job: &Value) -> Option<(&str, &str)> {
    let (name, entry) = media_status(job)?.iter().find(|(_, entry)| is_failed(entry))?;
    Some((name, reason_of(entry).unwrap_or_default()))
}

/// Whether a media file did not get in. An unknown status is not a success.
pub fn is_failed(entry: &Value) -> bool {
    entry.get("status").and_then(Value::as_str) != Some("success")
}

fn reason_of(entry: &Value) -> Option<&str> {
    match entry.get("error_message").and_then(Value::as_str) {
        None | Some("") if is_failed(entry) => Some("no reason given"),
        reason => reason,
    }
}

fn is_of(entry: &Value, status: Option<&str>) -> bool {
    match status {
        None => true,
        Some("failed") => is_failed(entry),
        Some(status) => entry.get("status").and_then(Value::as_str) == Some(status),
    }
}

/// Of the job, or of a whole document.
fn result_of(job: &Value) -> Option<&Value> {
    job.get("result").or_else(|| job.get("job")?.get("result"))
}

fn media_status(job: &Value) -> Option<&Map<String, Value>> {
    result_of(job)?.get("media_status")?.as_object()
}
