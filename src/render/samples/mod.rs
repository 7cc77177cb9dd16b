//! Sample events: one of every kind and job type, and ones with as little as there can be;
//! and groups of them.
//!
//! `check` renders each template that a rule uses against them, `preview` shows them, and
//! their fields are the ones that suggestions come from. All values are made up.

mod bridge;
mod slow;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::model::{
    Event, EventKey, EventKind, Hold, JobId, ProjectName, RuleView, grouped_document,
};

const JOB_ID: &str = "project-media-import-1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11";
const PROJECT_ID: &str = "1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11";
const DETECTED_AT: Timestamp = Timestamp::constant(1_795_161_800, 0);
const PROJECT_NAME: &str = "Client A/Episode 12";

/// Every sample as an event, with a name for people.
pub fn events() -> Vec<(&'static str, Event)> {
    let mut events = running();
    events.extend(finished());
    events.extend(odd());
    events.extend(slow::events());
    events.extend(bridge::events());
    events
}

/// Every sample as the document that templates see.
pub fn documents() -> Vec<(&'static str, Value)> {
    events()
        .into_iter()
        .map(|(name, event)| {
            let repeat = name == "import failed";
            let suppressed = if repeat { 3 } else { 0 };
            (name, event.document(Some(&sample_rule(suppressed)), repeat))
        })
        .collect()
}

/// Grouped documents, with a name for people: a few events, only one, many, and ones about no
/// job.
pub fn grouped() -> Vec<(&'static str, Value)> {
    let events = events();
    let group = |names: &[&str]| -> Vec<Event> {
        let named = |name: &&str| events.iter().find(|(known, _)| known == name);
        names.iter().filter_map(named).map(|(_, event)| event.clone()).collect()
    };
    let many = ["import succeeded", "agent succeeded", "publish failed", "publish succeeded"];
    [
        (
            "a group that ends with a failure",
            group(&["import succeeded", "agent cancelled", "import failed"]),
        ),
        (
            "a group that ends with a success",
            group(&["import partial", "publish in progress", "publish succeeded"]),
        ),
        ("a group of one", group(&["import partial"])),
        ("a group of forty", group(&many.repeat(10))),
        (
            "a group at a throttle's end",
            group(&["import failed", "agent in progress", "agent failed"]),
        ),
        ("a group of two projects as a window opens", of_two_projects(&events)),
        (
            "a group about the bridge",
            group(&[
                "source down",
                "notifier down",
                "notifier up",
                "failed, nothing else known",
                "project idle",
                "source up",
            ]),
        ),
    ]
    .into_iter()
    .filter_map(|(name, events)| {
        let mut rule = sample_rule(0);
        rule.held = held_by(name);
        if matches!(rule.held, Some(Hold::Throttle | Hold::Silence)) {
            rule.suppressed = events.len() as u64;
        }
        Some((name, grouped_document(&events, Some(&rule), false)?))
    })
    .collect()
}

fn sample_rule(suppressed: u64) -> RuleView {
    RuleView { name: "sample".into(), suppressed, held: None }
}

/// A night of two projects, in turn, and the sum of one.
fn of_two_projects(events: &[(&str, Event)]) -> Vec<Event> {
    let names = [
        "import succeeded",
        "publish failed",
        "stalled, said again",
        "agent succeeded",
        "import partial",
        "publish in progress",
        "project idle",
    ];
    let named = names.iter().filter_map(|name| events.iter().find(|(known, _)| known == name));
    let mut night: Vec<Event> = named.map(|(_, event)| event.clone()).collect();
    for event in night.iter_mut().step_by(2).filter(|event| event.job.is_some()) {
        event.project_name = ProjectName::Known("Client B/Trailer".into());
        if let Some(job) = &mut event.job {
            job.edit(|job| {
                job.insert("project_id".into(), "7d9e1155".into());
                job.insert("project_url".into(), "https://web.descript.com/7d9e1155".into());
            });
        }
    }
    night
}

/// What the events of a group have waited for.
fn held_by(group: &str) -> Option<Hold> {
    match group {
        "a group of one" => Some(Hold::Silence),
        "a group at a throttle's end" => Some(Hold::Throttle),
        "a group of two projects as a window opens" => Some(Hold::Window),
        "a group about the bridge" => Some(Hold::Notifier),
        _ => Some(Hold::Group),
    }
}

fn running() -> Vec<(&'static str, Event)> {
    use EventKind::{Progress, Queued, Started};

    vec![
        ("import queued", sample(Queued, None, "queued", "import/project_media", json!({}))),
        ("agent started", sample(Started, Some("queued"), "running", "agent", json!({}))),
        (
            "agent in progress",
            sample(
                Progress,
                Some("running"),
                "running",
                "agent",
                json!({"progress": {
                "label": "Reading scenes", "percent": 15, "last_update_at": "2026-11-20T08:00:09Z"}}),
            ),
        ),
        (
            "import waiting for uploads",
            sample(
                Progress,
                Some("running"),
                "running",
                "import/project_media",
                json!({"progress": {
                "label": "Processing", "percent": 0, "waiting_for_uploads": true}}),
            ),
        ),
        (
            "publish in progress",
            sample(
                Progress,
                Some("running"),
                "running",
                "publish",
                json!({"progress": {
                "label": "Rendering", "composition_id": "8f2d7",
                "share_url": "https://share.descript.com/view/AbCdEf12345"}}),
            ),
        ),
    ]
}

fn finished() -> Vec<(&'static str, Event)> {
    use EventKind::{Cancelled, Failed, Partial, Succeeded};

    let ended = |kind, job_type, result| {
        let stopped = json!({"stopped_at": "2026-11-20T08:03:10Z", "result": result});
        sample(kind, Some("running"), "stopped", job_type, stopped)
    };
    vec![
        (
            "import succeeded",
            ended(
                Succeeded,
                "import/project_media",
                json!({"status": "success", "media_seconds_used": 95,
                "media_status": {"Day 1/host.wav": {"status": "success", "duration_seconds": 94.6}},
                "created_compositions": [{"id": "8f2d7", "name": "Day 1"}]}),
            ),
        ),
        (
            "import partial",
            ended(
                Partial,
                "import/project_media",
                json!({"status": "partial", "media_seconds_used": 95,
                "media_status": {
                    "Day 1/host.wav": {"status": "success", "duration_seconds": 94.6},
                    "Day 1/guest.wav": {"status": "failed", "error_message": "the link answered 403"}}}),
            ),
        ),
        (
            "import failed",
            ended(
                Failed,
                "import/project_media",
                json!({"status": "error",
                "error_message": "nothing could be read", "error_code": "import_failed"}),
            ),
        ),
        (
            "agent succeeded",
            ended(
                Succeeded,
                "agent",
                json!({"status": "success",
                "agent_response": "Removed 41 filler words.\nThe intro is 12 seconds shorter.",
                "project_changed": true, "ai_credits_used": 9, "media_seconds_used": 0}),
            ),
        ),
        (
            "agent changed nothing",
            ended(
                Succeeded,
                "agent",
                json!({"status": "success", "agent_response": "Shall I go on with this plan?",
                "project_changed": false, "ai_credits_used": 2}),
            ),
        ),
        (
            "agent failed",
            ended(
                Failed,
                "agent",
                json!({"status": "error", "error_message": "the model stopped",
                "error_code": "agent_execution_failed"}),
            ),
        ),
        (
            "publish succeeded",
            ended(
                Succeeded,
                "publish",
                json!({"status": "success", "composition_id": "8f2d7",
                "share_url": "https://share.descript.com/view/AbCdEf12345", "media_type": "Video",
                "download_url": "https://storage.example.invalid/o.mp4?sig=FAKE&part=1",
                "download_url_expires_at": "2026-11-21T09:12:00Z"}),
            ),
        ),
        (
            "publish failed",
            ended(Failed, "publish", json!({"status": "error", "error_message": "render broke"})),
        ),
        (
            "timeline export succeeded",
            ended(
                Succeeded,
                "export/timeline",
                json!({"status": "success", "file_name": "cut.xml",
                "content_type": "text/xml", "composition_id": "8f2d7",
                "download_url": "https://storage.example.invalid/cut.xml?sig=FAKE",
                "download_url_expires_at": "2026-11-21T09:12:00Z"}),
            ),
        ),
        (
            "agent cancelled",
            sample(
                Cancelled,
                Some("running"),
                "cancelled",
                "agent",
                json!({"stopped_at": "2026-11-20T08:01:00Z"}),
            ),
        ),
    ]
}

/// What is rare, and what has as little as there can be.
fn odd() -> Vec<(&'static str, Event)> {
    use EventKind::{Changed, Failed, Partial, Stopped, Succeeded, Vanished};

    let mut late = sample(
        Succeeded,
        None,
        "stopped",
        "drive/clean_up",
        json!({"stopped_at": "2026-11-20T08:03:10Z", "result": {"status": "success"}}),
    );
    late.late = true;
    let mut bare: Vec<_> = [
        ("failed, nothing else known", Failed, json!({"result": {"status": "error"}})),
        ("partial, nothing else known", Partial, json!({"result": {"status": "partial"}})),
        ("succeeded, nothing else known", Succeeded, json!({"result": {"status": "success"}})),
        ("stopped without a result", Stopped, json!({})),
    ]
    .map(|(name, kind, fields)| (name, sample(kind, None, "stopped", "agent", fields)))
    .into();
    for (_, event) in &mut bare {
        event.project_name = ProjectName::None;
        if let Some(job) = &mut event.job {
            job.edit(|job| {
                for gone in ["project_id", "project_url", "drive_id"] {
                    job.remove(gone);
                }
            });
        }
    }
    let mut nameless =
        sample(Vanished, Some("running"), "running", "import/drive_media", json!({}));
    nameless.project_name = ProjectName::None;
    let unknown = json!({"stopped_at": "2026-11-20T08:03:10Z", "result": {"status": "skipped"}});
    let mut events = vec![
        ("an unknown type, seen late", late),
        ("an unknown status", sample(Stopped, Some("running"), "stopped", "publish", unknown)),
        ("an unknown state", sample(Changed, Some("running"), "paused", "publish", json!({}))),
        ("vanished, without a project name", nameless),
    ];
    events.extend(bare);
    events
}

/// An event about a job with the fields that every job has, and these.
fn sample(kind: EventKind, from: Option<&str>, to: &str, job_type: &str, more: Value) -> Event {
    let mut job = Map::new();
    for (field, value) in [
        ("job_id", JOB_ID),
        ("job_type", job_type),
        ("job_state", to),
        ("created_at", "2026-11-20T08:00:00.120Z"),
        ("drive_id", "5d1c2b7e-0f5b-4f0c-8a2b-6d3f1a9b7c40"),
        ("project_id", PROJECT_ID),
        ("project_url", "https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11"),
    ] {
        job.insert(field.into(), value.into());
    }
    if let Value::Object(more) = more {
        job.extend(more);
    }
    Event {
        key: EventKey {
            source: "main".into(),
            subject: JOB_ID.into(),
            slot: kind.slot(),
            occurrence: String::new(),
        },
        kind,
        from: from.map(str::to_owned),
        to: Some(to.to_owned()),
        detected_at: DETECTED_AT,
        late: false,
        job_id: JobId::parse(JOB_ID).ok(),
        project_name: ProjectName::Known(PROJECT_NAME.into()),
        facts: serde_json::Map::new(),
        timer: None,
        job: Some(job.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KIND_NAMES;

    #[test]
    fn every_kind_has_a_sample() {
        let events = events();

        for (kind, _) in KIND_NAMES {
            assert!(events.iter().any(|(_, event)| event.kind == kind), "{kind}");
        }
    }

    #[test]
    fn groups_end_with_several_kinds_and_reach_forty_events() {
        let groups = grouped();

        for kind in ["failed", "succeeded", "partial", "source_up"] {
            assert!(groups.iter().any(|(_, group)| group["event"]["kind"] == kind), "{kind}");
        }
        let sizes = groups.iter().filter_map(|(_, group)| group["events"].as_array());
        assert_eq!(sizes.map(Vec::len).collect::<Vec<_>>(), [3, 3, 1, 40, 3, 7, 6]);
    }

    #[test]
    fn every_documented_job_type_has_a_sample() {
        let types: Vec<Value> = documents()
            .into_iter()
            .map(|(_, document)| document["job"]["job_type"].clone())
            .collect();

        for job_type in
            ["import/project_media", "agent", "publish", "export/timeline", "import/drive_media"]
        {
            assert!(types.contains(&job_type.into()), "{job_type}");
        }
    }
}
