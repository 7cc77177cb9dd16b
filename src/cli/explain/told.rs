//! Writes the answer of `explain` down, for people and for programs. Pure.

use serde_json::{Value, json};

use super::{Happening, Said, Sending, Story};
use crate::cli::settings;
use crate::cli::table::shown;
use crate::model::{Verdict, without_download_url};
use crate::store::JobRow;

/// What people read.
pub(super) fn text(story: &Story) -> String {
    let mut lines = Vec::new();
    for row in &story.jobs {
        let job = &row.job;
        lines.push(format!("job      {} of {}", shown(job.id.as_str()), shown(&row.source)));
        lines.push(format!("type     {}", shown(&job.job_type)));
        if let Some(project) = row.project_name.as_ref().or(job.project_id.as_ref()) {
            lines.push(format!("project  {}", shown(project)));
        }
        let since = settings::when(job.first_seen_at);
        lines.push(format!(
            "state    {}, {}; first seen {since}",
            shown(job.state.as_str()),
            job.phase.as_str()
        ));
    }
    let mut changed = false;
    for event in &story.events {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.push(heading(event));
        changed |= tell_rules(event, &mut lines);
    }
    if changed {
        lines.push(String::new());
        lines.push("The rules have changed since: `now` is what those of the config say.".into());
    }
    lines.join("\n")
}

/// "failed at 2026-11-20T08:03:11Z, running → stopped, seen late".
fn heading(event: &Happening) -> String {
    let told = &event.document["event"];
    let word = |key: &str| told[key].as_str().map(shown);
    let mut heading = event.kind.to_string();
    if let Some(at) = word("detected_at") {
        heading.push_str(&format!(" at {at}"));
    }
    if let Some(key) = event.kind.facts_key() {
        let name = event.document[key]["name"].as_str().unwrap_or_default();
        heading.push_str(&format!(", {key} {}", shown(name)));
    }
    match (word("from"), word("to")) {
        (Some(from), Some(to)) => heading.push_str(&format!(", {from} → {to}")),
        (None, Some(to)) => heading.push_str(&format!(", first seen {to}")),
        _ => {}
    }
    if told["late"] == true {
        heading.push_str(", seen late");
    }
    heading
}

/// Tells every rule with its messages; returns whether one says something else now.
fn tell_rules(event: &Happening, lines: &mut Vec<String>) -> bool {
    let mut others = Vec::new();
    let mut changed = false;
    for said in &event.rules {
        let name = shown(&said.rule);
        let differs = event.recorded && said.differs();
        changed |= differs;
        let is_other = |verdict: &Option<Verdict>| {
            matches!(verdict, Some(Verdict::NotThisEvent)) || verdict.is_none()
        };
        if !differs && is_other(&said.then) && is_other(&said.now) {
            others.push(name.into_owned());
            continue;
        }
        let (first, second) = sentences(said, differs);
        lines.push(format!("  {name}: {first}"));
        lines.extend(second.map(|now| format!("    now: {now}")));
        let mut any = false;
        for sending in event.deliveries.iter().filter(|one| one.row.delivery.rule == said.rule) {
            any = true;
            tell_sending(sending, lines);
        }
        if !any && said.then.as_ref().is_some_and(Verdict::sends) {
            lines.push(
                "    no message is stored: it was forgotten after `keep`, or its notifier is what \
                 the event is about"
                    .into(),
            );
        }
    }
    if !others.is_empty() {
        lines.push(format!("  not about this event: {}", others.join(", ")));
    }
    if event.rules.is_empty() {
        lines.push("  there is no rule".into());
    }
    changed
}

/// What it said, and where that differs what it says now.
fn sentences(said: &Said, differs: bool) -> (String, Option<String>) {
    let told = |verdict: &Verdict| shown(&verdict.to_string()).into_owned();
    let now = || match &said.now {
        Some(verdict) => told(verdict),
        None => "the config has no such rule".into(),
    };
    match (&said.then, differs) {
        (Some(then), true) => (told(then), Some(now())),
        (Some(then), false) => (told(then), None),
        (None, true) => ("was not tried then, or was not there".into(), Some(now())),
        (None, false) => (now(), None),
    }
}

fn tell_sending(sending: &Sending, lines: &mut Vec<String>) {
    let delivery = &sending.row.delivery;
    let to = match delivery.recipient.as_str() {
        "" => String::new(),
        recipient => format!(" to {}", shown(recipient)),
    };
    let tries = match delivery.attempts {
        0 => "not tried yet".to_owned(),
        attempts => settings::counted(usize::try_from(attempts).unwrap_or(usize::MAX), "attempt"),
    };
    let id: String = delivery.id.as_str().chars().take(10).collect();
    lines.push(format!(
        "    {id} through {}{to}: {}, {tries}",
        shown(&delivery.notifier),
        delivery.state
    ));
    if let Some(error) = sending.row.last_error() {
        lines.push(format!("      last error: {}", shown(error)));
    }
    lines.push(format!("      next: {}", sending.next));
}

/// What programs read.
pub(super) fn document(story: &Story) -> Value {
    let jobs: Vec<Value> = story.jobs.iter().map(JobRow::document).collect();
    let events: Vec<Value> = story.events.iter().map(event_document).collect();
    json!({ "jobs": jobs, "events": events, "more": story.more })
}

fn event_document(event: &Happening) -> Value {
    let mut document = without_download_url(event.document.clone());
    document["rules"] = event
        .rules
        .iter()
        .map(|said| {
            json!({
                "rule": said.rule,
                "then": said.then.as_ref().map(verdict_document),
                "now": said.now.as_ref().map(verdict_document),
                "changed": event.recorded && said.differs(),
            })
        })
        .collect();
    document["deliveries"] = event
        .deliveries
        .iter()
        .map(|sending| {
            let mut told = sending.row.document();
            told["next"] = json!(sending.next);
            told
        })
        .collect();
    document
}

fn verdict_document(verdict: &Verdict) -> Value {
    let mut told = json!(verdict);
    told["reason"] = json!(verdict.to_string());
    told["sends"] = json!(verdict.sends());
    told
}
