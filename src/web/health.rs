//! Whether the service is ready: the store answers, and each source's last poll is recent.
//!
//! Anybody may ask, so names and times are told and no words from outside.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::json_answer;
use super::{Server, WatchedSource};
use crate::store::SourceStanding;

/// For the store to answer.
const STORE_WITHIN: Duration = Duration::from_secs(2);

/// A last poll is recent for so many of its longest intervals,
const RECENT_INTERVALS: u32 = 3;
/// and for this long however short they are.
const RECENT_AT_LEAST: Duration = Duration::from_secs(10);

/// 200 or 503, and a document that says what is not ready.
pub(super) async fn ready(server: &Server) -> Response {
    let asked = tokio::time::timeout(STORE_WITHIN, server.parts.store.source_standings()).await;
    let standings = asked.ok().and_then(Result::ok);
    let store = standings.is_some();
    let standings = standings.unwrap_or_default();
    let now = server.parts.clock.now();
    let mut ready = store;
    let mut sources = Vec::new();
    for source in &server.parts.site.get().sources {
        let standing = standings.iter().find(|standing| standing.name == source.name);
        let (fine, document) = judge(source, standing, now);
        ready &= fine;
        sources.push(document);
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let document = json!({ "ready": ready, "store": { "ready": store }, "sources": sources });
    json_answer(status, &document)
}

/// Whether a source's last poll went well and is recent.
fn judge(
    source: &WatchedSource,
    standing: Option<&SourceStanding>,
    now: Timestamp,
) -> (bool, Value) {
    let last = standing.and_then(|standing| standing.last_complete_at);
    let down = standing.and_then(|standing| standing.health.down_since);
    let why = match (last, down) {
        (_, Some(_)) => Some("polling fails"),
        (None, None) => Some("no poll has ended yet"),
        (Some(last), None) if is_old(source, last, now) => Some("the last poll is old"),
        (Some(_), None) => None,
    };
    let document = json!({
        "name": source.name,
        "ready": why.is_none(),
        "reason": why,
        "last_poll_at": last.map(|last| last.to_string()),
    });
    (why.is_none(), document)
}

/// Whether a source should have been looked at again long since.
pub(super) fn is_old(source: &WatchedSource, last: Timestamp, now: Timestamp) -> bool {
    let recent = (source.longest_interval * RECENT_INTERVALS).max(RECENT_AT_LEAST);
    now.duration_since(last) > SignedDuration::try_from(recent).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SourceHealth;

    #[test]
    fn a_source_is_ready_while_its_last_poll_is_recent_and_polling_does_not_fail() {
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
        let source =
            WatchedSource { name: "main".into(), longest_interval: Duration::from_secs(60) };
        let standing = |ago| SourceStanding {
            last_complete_at: Some(now - SignedDuration::from_secs(ago)),
            ..SourceStanding::default()
        };
        let is_ready = |standing: Option<&SourceStanding>| judge(&source, standing, now).0;
        let down = SourceStanding {
            health: SourceHealth { down_since: Some(now), ..SourceHealth::default() },
            ..standing(0)
        };

        assert!(is_ready(Some(&standing(180))));
        assert!(!is_ready(Some(&standing(181))));
        assert!(!is_ready(None));
        assert!(!is_ready(Some(&down)));
    }
}
