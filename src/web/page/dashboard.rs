//! The first page: how everything stands, at a glance.

use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::silence::{Typed, form, in_force, left};
use super::usage::usage;
use super::view::{can_decide, delivery, event, reason, running, when};
use super::{chart, page};
use crate::model::{EventKind, show_length};
use crate::store::{NotifierStanding, OutboxCount, SourceStanding};
use crate::web::answer::Refusal;
use crate::web::health::is_old;
use crate::web::{Server, WatchedSource, usage as used};

/// Rows of each list: a page stays small however much there is.
const MOST_RUNNING: u32 = 20;
const MOST_ENDED: u32 = 20;
const MOST_UNSENT: u32 = 8;
const MOST_SETTLED: u32 = 10;

/// Messages that the picture of times is drawn from.
const MOST_TIMED: u32 = 2_000;

/// The dashboard.
pub(in crate::web) async fn dashboard(server: &Server, head: &Parts) -> Result<Response, Refusal> {
    let parts = &server.parts;
    let (store, base) = (&parts.store, parts.base_path.as_str());
    let now = parts.clock.now();
    let standings = store.source_standings().await?;
    let open = store.open_counts().await?;
    let notifiers = store.notifier_standings().await?;
    let outbox = store.outbox().await?;
    let open_jobs = store.open_jobs(MOST_RUNNING + 1).await?;
    let mut ended = store.recent_events(&EventKind::FINISHED, MOST_ENDED).await?;
    ended.truncate(usize::try_from(MOST_ENDED).unwrap_or(0));
    let unsent = store.unsent(MOST_UNSENT).await?;
    let settled = store.settled(MOST_SETTLED).await?;
    let hours = store.hours(&EventKind::FINISHED, chart::since(now)).await?;
    let timed = store.sent_after(chart::since(now), MOST_TIMED).await?;

    let silences = store.silences(now).await?;
    let sum = used::usage(server).await?;

    let site = parts.site.get();
    let sources: Vec<Value> = site
        .sources
        .iter()
        .map(|watched| {
            let standing = standings.iter().find(|standing| standing.name == watched.name);
            source(watched, standing, open.get(&watched.name).copied().unwrap_or(0), now)
        })
        .collect();
    let told: Vec<Value> = site
        .notifiers
        .iter()
        .map(|(name, kind)| notifier(name, kind.as_str(), notifiers.get(name), &outbox, now))
        .collect();
    let shown = usize::try_from(MOST_RUNNING).unwrap_or(0);
    let dead: u64 =
        outbox.iter().filter(|count| count.state == "dead").map(|count| count.count).sum();
    let owed: u64 =
        outbox.iter().filter(|count| count.state != "dead").map(|count| count.count).sum();
    let cut = timed.len() == usize::try_from(MOST_TIMED).unwrap_or(0);
    let (silenced, more_silences) = in_force(&silences, base, now);
    let view = json!({
        "sources": sources,
        "notifiers": told,
        "running": open_jobs.iter().take(shown).map(|row| running(row, base, now)).collect::<Vec<_>>(),
        "more_running": open_jobs.len() > shown,
        "ended": ended.iter().map(|row| event(row, base)).collect::<Vec<_>>(),
        "decidable": unsent.iter().any(can_decide),
        "unsent": unsent.iter().map(|row| delivery(row, base)).collect::<Vec<_>>(),
        "settled": settled.iter().map(|row| delivery(row, base)).collect::<Vec<_>>(),
        "dead": dead,
        "owed": owed,
        "outcomes": chart::outcomes(&hours, now),
        "latency": chart::latency(&timed, cut, now),
        "silences": silenced,
        "more_silences": more_silences,
        "form": form(&Typed::default(), None, base),
        "usage": usage(sum.as_deref(), site.zone.iana_name()),
        "now": when(now),
        "back": format!("{base}/"),
    });
    page(server, head, StatusCode::OK, "dashboard", "Dashboard", view)
}

fn source(
    watched: &WatchedSource,
    standing: Option<&SourceStanding>,
    open: u64,
    now: Timestamp,
) -> Value {
    let standing = standing.cloned().unwrap_or_default();
    let health = &standing.health;
    let (tone, word) = match (standing.last_complete_at, health.down_since, health.failing_since) {
        (_, Some(_), _) => ("bad", "cannot be polled"),
        (_, None, Some(_)) => ("warn", "polling fails"),
        (None, None, None) => ("wait", "not polled yet"),
        (Some(last), None, None) if is_old(watched, last, now) => ("warn", "lags behind"),
        (Some(_), None, None) => ("good", "is polled"),
    };
    json!({
        "name": watched.name,
        "tone": tone,
        "word": word,
        "since": time(health.down_since.or(health.failing_since)),
        "reason": health.down_reason.as_deref().map(reason),
        "last": time(standing.last_complete_at),
        "every": show_length(watched.longest_interval),
        "open": open,
    })
}

fn notifier(
    name: &str,
    kind: &str,
    standing: Option<&NotifierStanding>,
    outbox: &[OutboxCount],
    now: Timestamp,
) -> Value {
    let count = |state: &str| {
        let is_it = |count: &&OutboxCount| count.notifier == name && count.state == state;
        outbox.iter().find(is_it).map_or(0, |count| count.count)
    };
    let waiting = count("pending") + count("sending");
    let broken = standing.and_then(|standing| standing.broken.as_ref());
    let oldest = standing.and_then(|standing| standing.oldest_owed_at);
    let (tone, word) = match (broken, waiting, count("held")) {
        (Some(_), ..) => ("bad", "refuses messages"),
        (None, 0, 0) => ("good", "has nothing to send"),
        (None, 0, _) => ("good", "holds messages back"),
        (None, ..) => ("run", "has messages to send"),
    };
    json!({
        "name": name,
        "type": kind,
        "tone": tone,
        "word": word,
        "since": time(broken.map(|broken| broken.since)),
        "reason": broken.map(|broken| reason(&broken.reason)),
        "probe": time(broken.map(|broken| broken.probe_due)),
        "oldest": time(oldest),
        "lag": oldest.map(|oldest| left(now.duration_since(oldest))),
        "waiting": waiting,
        "held": count("held"),
        "dead": count("dead"),
    })
}

fn time(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, when)
}
