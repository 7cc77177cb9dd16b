//! What ended jobs have used, as pictures and tables. Pure.

use serde_json::{Value, json};

use super::chart::days;
use super::view::{name, when};
use crate::model::amount;
use crate::render::words::type_in_words;
use crate::store::Used;
use crate::web::usage::{Limit, Sum};

/// What the dashboard shows of it; null where nothing has been added up yet.
pub(super) fn usage(sum: Option<&Sum>, zone: Option<&str>) -> Value {
    let Some(Sum { at, told }) = sum else { return Value::Null };
    let total = told.days.iter().fold((0.0, 0.0, 0), |(seconds, credits, jobs), (_, used)| {
        (seconds + used.media_seconds, credits + used.ai_credits, jobs + used.jobs)
    });
    let of = |pick: fn(&Used) -> f64| {
        let days = told.days.iter();
        days.map(|(day, used)| (day.as_str(), pick(used))).collect::<Vec<_>>()
    };
    let ended = |row: &&(String, Used)| row.1.jobs > 0;
    json!({
        "at": when(*at),
        "zone": zone.unwrap_or("the service's own time zone"),
        "jobs": total.2,
        "minutes": days(&of(|used| used.media_seconds / 60.0), "media minute"),
        "credits": days(&of(|used| used.ai_credits), "AI credit"),
        "days": told.days.iter().rev().filter(ended).map(|(day, used)| row(day, "", used))
            .collect::<Vec<_>>(),
        "projects": told.projects.iter().map(|project| {
            let title = project.project_name.as_deref().or(project.project_id.as_deref());
            row(&title.map_or_else(|| "no project".to_owned(), name), &project.source, &project.used)
        }).collect::<Vec<_>>(),
        "more_projects": told.more_projects,
        "types": told.types.iter().map(|(job_type, used)| row(&type_in_words(job_type), "", used))
            .collect::<Vec<_>>(),
        "more_types": told.more_types,
        "limits": told.limits.iter().map(limit).collect::<Vec<_>>(),
    })
}

fn row(title: &str, source: &str, used: &Used) -> Value {
    json!({
        "title": title,
        "source": source,
        "jobs": used.jobs,
        "failed": used.failed,
        "minutes": amount(used.media_seconds / 60.0),
        "credits": amount(used.ai_credits),
    })
}

fn limit(limit: &Limit) -> Value {
    let (used, most) = (limit.used, limit.spend.amount);
    json!({
        "rule": name(&limit.rule),
        "used": amount(used),
        "amount": amount(most),
        "unit": limit.spend.unit.as_str(),
        "per": limit.spend.per.as_str(),
        "until": when(limit.until),
        "percent": (used / most * 100.0).clamp(0.0, 100.0).round() as u8,
        "reached": used >= most,
    })
}
