//! Sample events about jobs that take long, and about what many jobs come to.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{DETECTED_AT, PROJECT_ID, PROJECT_NAME, sample};
use crate::model::{Event, EventKind, TimerFacts};

/// An overdue job, a stalled one, a project that is done, and a budget that is used up.
pub fn events() -> Vec<(&'static str, Event)> {
    let mut events = timed();
    events.extend(sums());
    events
}

fn timed() -> Vec<(&'static str, Event)> {
    use EventKind::{Overdue, Stalled};

    let after = SignedDuration::from_mins(30);
    let of_timer = |event: Event, waited, number| Event {
        timer: Some(TimerFacts { after, waited, number }),
        ..event
    };
    let queued = sample(Overdue, Some("queued"), "queued", "import/project_media", json!({}));
    let moving = json!({"progress": {"label": "Rendering", "percent": 60}});
    let running = sample(Stalled, Some("running"), "running", "publish", moving);
    vec![
        ("overdue", of_timer(queued, after, 0)),
        ("stalled, said again", of_timer(running, SignedDuration::from_mins(95), 1)),
    ]
}

fn sums() -> Vec<(&'static str, Event)> {
    use EventKind::{ProjectIdle, SpendCrossed};

    let batch = |succeeded: u32, partial: u32, failed: u32, failed_files: u32| {
        [
            ("id", PROJECT_ID.into()),
            ("name", PROJECT_NAME.into()),
            ("url", "https://web.descript.com/1b6f0c1e-55a1-4b0e-9f2b-0c7f2a7d9e11".into()),
            ("jobs", (succeeded + partial + failed).into()),
            ("succeeded", succeeded.into()),
            ("partial", partial.into()),
            ("failed", failed.into()),
            ("cancelled", 0.into()),
            ("stopped", 0.into()),
            ("vanished", 0.into()),
            ("failed_files", failed_files.into()),
            ("began_at", "2026-11-20T07:12:09Z".into()),
            ("ended_at", "2026-11-20T08:03:10Z".into()),
            ("usage", json!({"media_minutes": 41.5, "ai_credits": 87})),
        ]
    };
    let mut only: [(&str, Value); 14] = batch(0, 1, 0, 1);
    only[2].1 = Value::Null;
    only[13].1 = json!({"media_minutes": 1, "ai_credits": null});
    let spend: [(&str, Value); 7] = [
        ("rule", "spend".into()),
        ("unit", "credits".into()),
        ("amount", 500.into()),
        ("used", 512.into()),
        ("per", "day".into()),
        ("from", "2026-11-19T23:00:00Z".into()),
        ("to", "2026-11-20T23:00:00Z".into()),
    ];
    let about = |kind, source, subject, facts: &[(&str, Value)]| {
        let facts = facts.iter().map(|(fact, value)| ((*fact).to_owned(), value.clone()));
        Event::about_itself(kind, source, subject, DETECTED_AT, DETECTED_AT, facts.collect())
    };
    vec![
        ("project idle", about(ProjectIdle, "main", PROJECT_ID, &batch(10, 1, 1, 2))),
        ("project idle, all well", about(ProjectIdle, "main", PROJECT_ID, &batch(12, 0, 0, 0))),
        ("project idle after one job", about(ProjectIdle, "main", PROJECT_ID, &only)),
        ("spend crossed", about(SpendCrossed, "", "spend", &spend)),
    ]
}
