//! What the live service does differently from its published description, done to a document.
//!
//! Pure. Timestamps come in several spellings, fields turn up that nobody described, the
//! project's URL gains a composition id when the job ends, imports say whether they wait for
//! uploads. Which spelling a job has depends on its id alone, so it stays the same at each look.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::model::Fingerprint;

/// Rewrites a document of the published form in the manner of the live service.
pub(super) fn make_live(document: &mut Map<String, Value>) {
    let id = document.get("job_id").and_then(Value::as_str).unwrap_or_default();
    let mark = Fingerprint::of(id.as_bytes());
    let succeeded = document.get("result").is_some_and(|result| result["status"] == "success");
    respell_times(document, mark);
    if succeeded {
        lengthen_url(document, mark);
    }
    add_fields(document, mark);
}

fn respell_times(fields: &mut Map<String, Value>, mark: Fingerprint) {
    for (name, value) in fields.iter_mut() {
        match value {
            Value::Object(inner) => respell_times(inner, mark),
            Value::String(text) if name.ends_with("_at") => {
                if let Ok(time) = text.parse::<Timestamp>() {
                    *text = spelled(time, mark);
                }
            }
            _ => {}
        }
    }
}

/// Whole seconds, milliseconds, or microseconds with a numeric offset.
fn spelled(time: Timestamp, mark: Fingerprint) -> String {
    match mark.0.rem_euclid(3) {
        0 => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        1 => time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
        _ => time.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string(),
    }
}

fn lengthen_url(document: &mut Map<String, Value>, mark: Fingerprint) {
    if let Some(Value::String(url)) = document.get_mut("project_url") {
        url.push('/');
        url.extend(mark.to_string().chars().take(5));
    }
}

fn add_fields(document: &mut Map<String, Value>, mark: Fingerprint) {
    document.insert("drive_name".into(), json!("Studio North"));
    let job_type = document.get("job_type").and_then(Value::as_str).unwrap_or_default().to_owned();
    if job_type == "import/project_media"
        && let Some(Value::Object(progress)) = document.get_mut("progress")
    {
        progress.entry("waiting_for_uploads").or_insert(json!(false));
    }
    let Some(Value::Object(result)) = document.get_mut("result") else { return };
    match job_type.as_str() {
        "agent" => {
            result.insert("conversation_id".into(), json!(format!("conversation-{mark}")));
            result.insert("resolved_model".into(), json!("auto"));
        }
        "publish" => {
            result.insert("media_type".into(), json!("Video"));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(mut document: Value) -> Value {
        if let Some(fields) = document.as_object_mut() {
            make_live(fields);
        }
        document
    }

    #[test]
    fn every_spelling_of_a_time_means_the_same_moment() {
        let time: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();

        let spellings: Vec<String> = (0..3).map(|mark| spelled(time, Fingerprint(mark))).collect();

        assert_eq!(
            spellings,
            [
                "2026-11-20T08:00:00Z",
                "2026-11-20T08:00:00.000Z",
                "2026-11-20T08:00:00.000000+00:00"
            ]
        );
        for spelling in spellings {
            assert_eq!(spelling.parse::<Timestamp>().unwrap(), time);
        }
    }

    #[test]
    fn a_projects_url_grows_when_its_job_succeeds() {
        let url = "https://web.descript.com/p";
        let job = |result: Value| {
            live(json!({"job_id": "a", "job_type": "agent", "project_url": url, "result": result}))
        };

        let done = job(json!({"status": "success"}));
        let failed = job(json!({"status": "error"}));

        assert_eq!(done["project_url"].as_str().unwrap().len(), url.len() + 6);
        assert_eq!(failed["project_url"], url);
    }

    #[test]
    fn fields_turn_up_that_nobody_described() {
        let running = live(json!({"job_id": "a", "job_type": "import/project_media",
            "progress": {"label": "x"}}));
        let published = live(json!({"job_id": "a", "job_type": "publish", "result": {}}));

        assert_eq!(running["progress"]["waiting_for_uploads"], false);
        assert_eq!(published["result"]["media_type"], "Video");
        assert_eq!(published["drive_name"], "Studio North");
    }
}
