//! What ended jobs have used in the last days: added up now and then, not for each page.
//!
//! Adding up a month of many jobs takes longer than a page may. A sum stands for a hundred times
//! as long as it took, a minute at most; then it is made anew beside the page, which waits for
//! it a moment and else shows the last one. Who watches is told when it has changed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::civil::Time;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::Server;
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

/// The last sum.
#[derive(Debug, Default)]
pub(super) struct Usage {
    last: Mutex<Option<Kept>>,
    /// Held by who is adding up.
    adding: tokio::sync::Mutex<()>,
}

#[derive(Debug, Clone)]
struct Kept {
    sum: Arc<Sum>,
    made: Instant,
    lasts: Duration,
}

impl Kept {
    fn is_fresh(&self) -> bool {
        self.made.elapsed() < self.lasts
    }
}

impl Usage {
    fn last(&self) -> Option<Kept> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keep(&self, kept: Kept) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }
}

/// The last sum, or a new one where that is ready soon; `None` where there is none yet.
pub(super) async fn usage(server: &Arc<Server>) -> Result<Option<Arc<Sum>>, StoreError> {
    if let Some(kept) = server.usage.last().filter(Kept::is_fresh) {
        return Ok(Some(kept.sum));
    }
    let adding = tokio::spawn(add_up(server.clone()));
    match tokio::time::timeout(PATIENCE, adding).await {
        Ok(Ok(Err(problem))) => Err(problem),
        // It goes on, for the pages that come after this one.
        Ok(_) | Err(_) => Ok(server.usage.last().map(|kept| kept.sum)),
    }
}

/// Adds up, unless that has just been done.
async fn add_up(server: Arc<Server>) -> Result<(), StoreError> {
    let _alone = server.usage.adding.lock().await;
    let last = server.usage.last();
    if last.as_ref().is_some_and(Kept::is_fresh) {
        return Ok(());
    }
    let begun = Instant::now();
    let at = server.parts.clock.now();
    let told = sum(&server, at).await?;
    let took = begun.elapsed();
    let is_news = last.is_none_or(|last| last.sum.told != told);
    let lasts = (took * WORTH).min(LASTS_AT_MOST);
    server.usage.keep(Kept { sum: Arc::new(Sum { at, told }), made: Instant::now(), lasts });
    if is_news && took >= PATIENCE {
        server.parts.store.tell_change();
    }
    Ok(())
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
