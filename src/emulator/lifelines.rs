//! The time lines of jobs that were started by a `POST`.
//!
//! Pure. The request itself decides the end, so that every outcome can be had: media from a host
//! under `.invalid` fails; a prompt that ends in a question mark is answered without an edit; one
//! that begins with `fail` fails.

use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use url::Url;

use super::script::Step;

/// How long a medium is said to last.
pub(super) const MEDIA_SECONDS: u64 = 60;

/// What an agent run is said to use.
pub(super) const AGENT_CREDITS: u64 = 25;

/// A file to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Medium {
    pub(super) name: String,
    /// `None` for a file that is uploaded.
    pub(super) url: Option<String>,
}

impl Medium {
    fn arrives(&self) -> bool {
        let host = self.url.as_deref().and_then(|url| Url::parse(url).ok());
        !host.is_some_and(|url| url.host_str().is_some_and(|host| host.ends_with(".invalid")))
    }
}

/// An import: 6 seconds at speed 1.
pub(super) fn import(media: &[Medium], compositions: &[Value], speed: f64) -> Vec<Step> {
    let arrived = media.iter().filter(|medium| medium.arrives()).count();
    let result = if arrived == 0 && !media.is_empty() {
        json!({"status": "error", "error_message": "none of the files could be read",
            "error_code": "import_failed"})
    } else {
        let status: Map<String, Value> =
            media.iter().map(|medium| (medium.name.clone(), media_status(medium))).collect();
        let mut result = json!({
            "status": if arrived == media.len() { "success" } else { "partial" },
            "media_status": status,
            "media_seconds_used": arrived as u64 * MEDIA_SECONDS,
        });
        if !compositions.is_empty() {
            result["created_compositions"] = json!(compositions);
        }
        result
    };
    steps(speed, &[(1_000, "Fetching media", 10), (3_500, "Transcribing", 60)], 6_000, result)
}

/// An agent run: 5 seconds at speed 1.
pub(super) fn agent(prompt: &str, speed: f64) -> Vec<Step> {
    let prompt = prompt.trim();
    let result = if prompt.to_lowercase().starts_with("fail") {
        json!({"status": "error", "error_message": "the edit could not be carried out",
            "error_code": "agent_execution_failed"})
    } else {
        let edits = !prompt.ends_with('?');
        let response =
            if edits { "Done, have a look at the project." } else { "Here is what I would do." };
        json!({"status": "success", "agent_response": response, "project_changed": edits,
            "media_seconds_used": 0, "ai_credits_used": AGENT_CREDITS})
    };
    steps(speed, &[(500, "Reading the transcript", 10), (2_500, "Editing", 55)], 5_000, result)
}

/// A publish: 8 seconds at speed 1.
pub(super) fn publish(composition_id: &str, share_url: &str, speed: f64) -> Vec<Step> {
    let result = json!({"status": "success", "composition_id": composition_id,
        "share_url": share_url, "download_url_expires_at": "@+24h",
        "download_url": "https://storage.example.invalid/published.mp4?sig=FAKE"});
    let mut steps =
        steps(speed, &[(1_000, "Rendering", 20), (5_000, "Uploading", 80)], 8_000, result);
    for progress in steps.iter_mut().filter_map(|step| step.progress.as_mut()) {
        progress["composition_id"] = json!(composition_id);
        progress["share_url"] = json!(share_url);
    }
    steps
}

fn media_status(medium: &Medium) -> Value {
    if medium.arrives() {
        json!({"status": "success", "duration_seconds": MEDIA_SECONDS as f64 - 0.4})
    } else {
        json!({"status": "failed", "error_message": "the file's host could not be reached"})
    }
}

fn steps(speed: f64, running: &[(u32, &str, u32)], end_ms: u32, result: Value) -> Vec<Step> {
    // A speed that is no positive number would put the end nowhere.
    let speed = if speed.is_finite() && speed > 0.0 { speed } else { 1.0 };
    let at = |ms: u32| SignedDuration::from_millis((f64::from(ms) / speed) as i64);
    let mut steps: Vec<Step> = running
        .iter()
        .map(|(ms, label, percent)| Step {
            at: at(*ms),
            state: "running".into(),
            progress: Some(json!({"label": label, "percent": percent})),
            ..Step::default()
        })
        .collect();
    steps.push(Step {
        at: at(end_ms),
        state: "stopped".into(),
        result: Some(result),
        ..Step::default()
    });
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(steps: Vec<Step>) -> Value {
        steps.last().unwrap().result.clone().unwrap()
    }

    fn medium(name: &str, url: &str) -> Medium {
        Medium { name: name.into(), url: Some(url.into()) }
    }

    #[test]
    fn an_import_succeeds_in_part_when_some_files_cannot_be_had() {
        let good = medium("a.mp4", "https://example.com/a.mp4");
        let bad = medium("b.wav", "https://files.invalid/b.wav");
        let ends = |media: &[Medium]| result(import(media, &[], 1.0));

        let partial = ends(&[good.clone(), bad.clone()]);

        assert_eq!(partial["status"], "partial");
        assert_eq!(partial["media_status"]["a.mp4"]["duration_seconds"], 59.6);
        assert_eq!(partial["media_status"]["b.wav"]["status"], "failed");
        assert_eq!(partial["media_seconds_used"], 60);
        assert_eq!(ends(&[good])["status"], "success");
        assert_eq!(ends(&[bad])["error_code"], "import_failed");
    }

    #[test]
    fn a_question_is_answered_without_an_edit() {
        assert_eq!(result(agent("cut the pauses", 1.0))["project_changed"], true);
        assert_eq!(result(agent("what would you cut?", 1.0))["project_changed"], false);
        assert_eq!(result(agent("fail, please", 1.0))["status"], "error");
    }

    #[test]
    fn speed_shortens_the_time_line() {
        let end = |speed| publish("c", "https://share", speed).last().unwrap().at;

        assert_eq!(end(1.0), SignedDuration::from_secs(8));
        assert_eq!(end(4.0), SignedDuration::from_secs(2));
        assert_eq!(end(0.0), SignedDuration::from_secs(8));
    }
}
