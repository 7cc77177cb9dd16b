//! A project's batch of jobs: what has been done since the project was last idle. Pure.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::model::{Event, EventKind, Fields, JobId, Usage, usage_of};

/// Where nothing tells when the project was last idle: so long without a job makes a new batch.
const GAP: SignedDuration = SignedDuration::from_hours(1);

/// A job of a project that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedJob {
    pub id: JobId,
    /// How it ended.
    pub kind: EventKind,
    pub created_at: Option<Timestamp>,
    /// When we saw it end.
    pub ended_at: Timestamp,
    pub document: Fields,
}

impl EndedJob {
    fn began_at(&self) -> Timestamp {
        self.created_at.unwrap_or(self.ended_at).min(self.ended_at)
    }
}

/// The event that tells of a project's last batch, now that none of its jobs is unfinished;
/// `None` where there is none. `ended` are its ended jobs since it was last idle, as far as that
/// is known (`since_idle`); otherwise the batch begins after a gap of an hour.
pub fn project_idle(
    source: &str,
    project: &str,
    ended: &[EndedJob],
    since_idle: bool,
    now: Timestamp,
) -> Option<Event> {
    let mut jobs: Vec<&EndedJob> = ended.iter().collect();
    jobs.sort_by(|one, other| (other.ended_at, &other.id).cmp(&(one.ended_at, &one.id)));
    let last = *jobs.first()?;
    let mut began_at = last.began_at();
    let mut batch = Vec::new();
    for job in jobs {
        if !since_idle && began_at.duration_since(job.ended_at) > GAP {
            break;
        }
        began_at = began_at.min(job.began_at());
        batch.push(job);
    }
    let count = |kind| batch.iter().filter(|job| job.kind == kind).count();
    let url = batch.iter().find_map(|job| job.document.get("project_url")?.as_str());
    let mut facts = Map::new();
    facts.insert("id".into(), project.into());
    // Filled in when it has been asked for.
    facts.insert("name".into(), Value::Null);
    facts.insert("url".into(), json!(url));
    facts.insert("jobs".into(), batch.len().into());
    for kind in EventKind::FINISHED.into_iter().chain([EventKind::Vanished]) {
        facts.insert(kind.as_str().into(), count(kind).into());
    }
    let failed_files: usize = batch.iter().map(|job| failed_files(&job.document)).sum();
    facts.insert("failed_files".into(), failed_files.into());
    facts.insert("began_at".into(), began_at.to_string().into());
    facts.insert("ended_at".into(), last.ended_at.to_string().into());
    let used = batch.iter().map(|job| usage_of(&job.document)).fold(Usage::default(), Usage::plus);
    facts.insert("usage".into(), used.view());
    let mut event =
        Event::about_itself(EventKind::ProjectIdle, source, project, last.ended_at, now, facts);
    event.key.occurrence = match last.kind {
        // It may come back, and end as the last of a later batch.
        EventKind::Vanished => format!("{} vanished", last.id),
        _ => last.id.to_string(),
    };
    Some(event)
}

fn failed_files(document: &Map<String, Value>) -> usize {
    let files = document.get("result").and_then(|result| result.get("media_status"));
    let files = files.and_then(Value::as_object).into_iter().flat_map(|files| files.values());
    files.filter(|file| file.get("status").and_then(Value::as_str) == Some("failed")).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
    }

    fn job(name: &str, kind: EventKind, from: i64, to: i64, result: Value) -> EndedJob {
        let document = json!({"project_url": "https://p", "result": result});
        EndedJob {
            id: JobId::parse(name).unwrap(),
            kind,
            created_at: Some(at(from)),
            ended_at: at(to),
            document: document.as_object().unwrap().clone().into(),
        }
    }

    #[test]
    fn a_batch_is_summed_up() {
        let files = json!({"media_status": {"a": {"status": "failed"}, "b": {"status": "success"}},
            "media_seconds_used": 90});
        let ended = [
            job("a", EventKind::Partial, 0, 10, files),
            job("b", EventKind::Succeeded, 5, 12, json!({"ai_credits_used": 7})),
        ];

        let event = project_idle("main", "p", &ended, true, at(13)).unwrap();

        assert_eq!((event.key.subject.as_str(), event.key.occurrence.as_str()), ("p", "b"));
        insta::assert_json_snapshot!(event.facts, @r#"
        {
          "began_at": "1970-01-01T00:00:00Z",
          "cancelled": 0,
          "ended_at": "1970-01-01T00:12:00Z",
          "failed": 0,
          "failed_files": 1,
          "id": "p",
          "jobs": 2,
          "name": null,
          "partial": 1,
          "stopped": 0,
          "succeeded": 1,
          "url": "https://p",
          "usage": {
            "ai_credits": 7,
            "media_minutes": 1.5
          },
          "vanished": 0
        }
        "#);
    }

    #[test]
    fn without_a_known_beginning_a_batch_begins_after_a_gap() {
        let ended = [
            job("old", EventKind::Failed, 0, 10, json!({})),
            job("a", EventKind::Succeeded, 71, 80, json!({})),
            job("b", EventKind::Succeeded, 100, 130, json!({})),
        ];
        let jobs = |since_idle| project_idle("m", "p", &ended, since_idle, at(130)).unwrap().facts;

        assert_eq!(jobs(false)["jobs"], 2);
        assert_eq!(jobs(true)["jobs"], 3);
        assert_eq!(project_idle("m", "p", &[], true, at(0)), None);
    }
}
