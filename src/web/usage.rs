//! What ended jobs have used in the last days: added up now and then, not for each page.
//!
//! Adding up a month of many jobs takes longer than a page may. A sum stands for a hundred times
//! as long as it took, a minute at most; then it is made anew beside the page, which waits for
//! it a moment and else shows the last one. Who watches is told when it has changed.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Server;
use super::answer::Refusal;
use crate::model;
use crate::rules::Spend;
use crate::store::{StoreError, Used, UsedByProject};

/// Days that are shown, today among them.
pub(super) const DAYS: usize = 30;

/// Projects and types that are shown.
const MOST_NAMED: usize = 6;

/// A sum stands so many times as long as it took to make.
const WORTH: u32 = 100;
const LASTS_AT_MOST: Duration = Duration::from_secs(60);

/// A page waits so long for a new sum.
const PATIENCE: Duration = Duration::from_millis(20);

/// What was used, and when that was added up.
#[derive(Debug, Clone)]
pub(super) struct Sum {
    pub(super) at: Timestamp,
    pub(super) told: Told,
}

/// What was used.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Told {
    /// Every day that is shown, oldest first.
    pub(super) days: Vec<(String, Used)>,
    pub(super) projects: Vec<UsedByProject>,
    /// How many more projects there are.
    pub(super) more_projects: usize,
    pub(super) types: Vec<(String, Used)>,
    pub(super) more_types: usize,
    pub(super) limits: Vec<Limit>,
}

/// What may be used before a rule speaks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Limit {
    pub(super) rule: String,
    pub(super) spend: Spend,
    pub(super) used: f64,
    /// When counting begins at nothing again.
    pub(super) until: Timestamp,
}

/// The last sum, and what asks for a new one.
#[derive(Debug, Default)]
pub(super) struct Usage {
    last: Mutex<Last>,
    asked: Notify,
    added: Notify,
}

#[derive(Debug, Clone, Default)]
struct Last {
    sum: Option<Arc<Sum>>,
    /// Until when it stands.
    until: Option<Instant>,
    /// Why there is no newer one.
    trouble: Option<String>,
}

impl Last {
    fn is_fresh(&self) -> bool {
        self.until.is_some_and(|until| Instant::now() < until)
    }
}

impl Usage {
    fn last(&self) -> Last {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, last: Last) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
        self.added.notify_waiters();
    }
}

/// The last sum, or a new one where that is ready soon; `None` where there is none yet.
pub(super) async fn usage(server: &Server) -> Result<Option<Arc<Sum>>, Refusal> {
    let last = server.usage.last();
    if last.is_fresh() {
        return Ok(last.sum);
    }
    let mut added = pin!(server.usage.added.notified());
    added.as_mut().enable();
    server.usage.asked.notify_one();
    // It goes on beside this page, for those that come after it.
    let _ = tokio::time::timeout(PATIENCE, added).await;
    let last = server.usage.last();
    match (last.sum, last.trouble) {
        (None, Some(trouble)) => Err(Refusal::busy(trouble)),
        (sum, _) => Ok(sum),
    }
}

/// Adds up whenever a page asks for it, until `stop`.
pub(super) async fn add_up_when_asked(server: &Server, stop: &CancellationToken) {
    let each = async {
        loop {
            server.usage.asked.notified().await;
            if !server.usage.last().is_fresh() {
                add_up(server).await;
            }
        }
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = each => {}
    }
}

async fn add_up(server: &Server) {
    let before = server.usage.last();
    let begun = Instant::now();
    let at = server.parts.clock.now();
    let told = match sum(server, at).await {
        Ok(told) => told,
        Err(problem) => {
            return server.usage.keep(Last { trouble: Some(problem.to_string()), ..before });
        }
    };
    let took = begun.elapsed();
    let is_news = before.sum.is_none_or(|before| before.told != told);
    let until = Instant::now() + (took * WORTH).min(LASTS_AT_MOST);
    let sum = Some(Arc::new(Sum { at, told }));
    server.usage.keep(Last { sum, until: Some(until), trouble: None });
    if is_news && took >= PATIENCE {
        // The page that asked has not waited for it.
        server.parts.store.tell_change();
    }
}

async fn sum(server: &Server, now: Timestamp) -> Result<Told, StoreError> {
    let (store, site) = (&server.parts.store, server.parts.site.get());
    // Days are counted from a noon, which every day has.
    let back = i64::try_from(DAYS).unwrap_or(0) - 1;
    let today = site.zone.to_datetime(now).date();
    let first = today.checked_sub(back.days()).unwrap_or(today).to_datetime(Time::midnight());
    let noon = first.checked_add(12.hours()).unwrap_or(first);
    let first = site.zone.to_ambiguous_timestamp(noon).compatible().unwrap_or(now);
    let days = model::days(first, now, &site.zone);
    let mut spans: Vec<_> = days.iter().map(|(_, since, until)| (*since, *until)).collect();
    spans.extend(site.limits.iter().map(|(_, spend)| spend.period(now)));
    let mut used = vec![Used::default(); spans.len()];
    for (place, sum) in store.used_by_span(&spans).await? {
        if let Some(used) = used.get_mut(place) {
            *used = sum;
        }
    }
    let of_limits = used.split_off(days.len());
    let since = days.first().map_or(now, |(_, since, _)| *since);
    // What ends in this very moment counts.
    let until = now.checked_add(SignedDuration::from_millis(1)).unwrap_or(now);
    let mut projects = store.used_by_project((since, until)).await?;
    let mut types = store.used_by_type((since, until)).await?;
    let (more_projects, more_types) =
        (projects.len().saturating_sub(MOST_NAMED), types.len().saturating_sub(MOST_NAMED));
    projects.truncate(MOST_NAMED);
    types.truncate(MOST_NAMED);
    let limits = site.limits.iter().zip(of_limits).map(|((rule, spend), used)| {
        let usage = model::Usage {
            media_seconds: Some(used.media_seconds),
            ai_credits: Some(used.ai_credits),
        };
        Limit {
            rule: rule.clone(),
            used: spend.counts(&usage).unwrap_or_default(),
            until: spend.period(now).1,
            spend: spend.clone(),
        }
    });
    Ok(Told {
        days: days.into_iter().map(|(day, ..)| day).zip(used).collect(),
        projects,
        more_projects,
        types,
        more_types,
        limits: limits.collect(),
    })
}
