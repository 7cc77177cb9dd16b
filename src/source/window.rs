//! What to ask next: how far back the list reaches, and which open jobs are read singly. Pure.
//!
//! Ingest asks [`plan`] before a walk and [`singles`] after a complete one, and keeps the
//! [`Marks`] that [`Marks::advance`] gives. The list can be restricted by a job's creation
//! only, so a long-running job drops out of a short window: either the list is made to reach
//! back to it or it is asked for by its id, whichever costs fewer requests.

use std::time::Duration;

use jiff::Timestamp;

use super::client::PAGE_SIZE;
use crate::model::JobId;

/// Covers clocks that disagree and bounds whose inclusion is not documented.
const OVERLAP: Duration = Duration::from_secs(10 * 60);

/// The API lists the jobs of 30 days; a little less, so that a slow request stays within.
const REACH: Duration = Duration::from_secs(30 * DAY_SECS - 5 * 60);

/// The most single reads of one poll.
const SINGLES_PER_POLL: usize = 20;

/// How often a job is asked for that we are not allowed to see.
const FORBIDDEN_INTERVAL: Duration = Duration::from_secs(15 * 60);

const DAY_SECS: u64 = 86_400;

/// The starts of the last two complete walks, in the server's time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    pub last: Option<Timestamp>,
    pub before_last: Option<Timestamp>,
}

impl Marks {
    /// The marks after one more complete walk.
    #[must_use]
    pub fn advance(self, walk_started: Timestamp) -> Self {
        // A server whose clock went back must not leave a gap behind.
        Self { last: Some(walk_started), before_last: self.last.map(|last| last.min(walk_started)) }
    }

    /// What was created before this has been walked over twice.
    pub fn watermark(self) -> Option<Timestamp> {
        self.before_last
    }
}

/// A job that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenJob {
    pub id: JobId,
    pub created_at: Option<Timestamp>,
    /// How many known jobs were created after it.
    pub known_newer: u64,
    /// When a list or a single read last showed it, or failed to.
    pub last_read_at: Option<Timestamp>,
    /// The last single read was answered with 403.
    pub forbidden: bool,
    /// It is stopped and its result has not come yet.
    pub resultless: bool,
}

/// What a window depends on.
#[derive(Debug, Clone, Copy)]
pub struct WindowState<'a> {
    /// The server's time as far as it is known.
    pub now: Timestamp,
    /// See [`Marks::watermark`].
    pub watermark: Option<Timestamp>,
    /// How far back to look while there is no watermark.
    pub lookback: Duration,
    /// The list shows jobs that the walks before it were not shown.
    pub widened: bool,
    pub open: &'a [OpenJob],
}

/// What to ask the list for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub created_after: Timestamp,
}

/// Says how far back the next list reaches.
///
/// At least to the watermark less an overlap, and where there is none or the list was widened, as
/// far as a first look; further, for the sake of older open jobs, while the pages that this adds
/// are fewer than the single reads that it saves.
pub fn plan(state: &WindowState<'_>) -> Plan {
    let floor = before(state.now, REACH);
    let first = before(state.now, state.lookback);
    let base = match state.watermark.map(|mark| before(mark.min(state.now), OVERLAP)) {
        Some(mark) if state.widened => mark.min(first),
        Some(mark) => mark,
        None => first,
    }
    .max(floor);

    let mut inside = 0;
    let mut older = Vec::new();
    for job in state.open {
        match job.created_at {
            Some(at) if at > base => inside = inside.max(job.known_newer + 1),
            Some(at) if at > floor => older.push((at, job)),
            _ => {}
        }
    }
    older.sort_by_key(|(at, _)| std::cmp::Reverse(*at));

    // Every eighth of a read counts, since old jobs are not read at every poll.
    let mut best = (0, base);
    let mut saved_eighths = 0;
    for (at, job) in older {
        saved_eighths += reads_eighths(job, state.now);
        let extra_pages = pages(job.known_newer + 1).saturating_sub(pages(inside));
        let gain = i128::from(saved_eighths) - 8 * i128::from(extra_pages);
        if gain > 0 && gain >= best.0 {
            // A second earlier, so that it does not matter whether the bound is included.
            best = (gain, before(at, Duration::from_secs(1)));
        }
    }
    Plan { created_after: best.1.max(floor) }
}

/// Chooses which of the open jobs that a complete walk did not show are read singly now, 20 at
/// most: those that wait for a result, then those that have waited longest for their turn. The
/// older a job, the fewer polls give it a turn. They are read in the order of their last reads.
pub fn singles(missing: &[OpenJob], now: Timestamp, poll_interval: Duration) -> Vec<JobId> {
    let mut due: Vec<&OpenJob> =
        missing.iter().filter(|job| is_due(job, now, poll_interval)).collect();
    due.sort_by_key(|job| (!job.resultless, job.last_read_at, &job.id));
    due.truncate(SINGLES_PER_POLL);
    // A failure ends the reads of a poll, so one that always fails must come last the next time.
    due.sort_by_key(|job| (job.last_read_at, !job.resultless, &job.id));
    due.into_iter().map(|job| job.id.clone()).collect()
}

fn is_due(job: &OpenJob, now: Timestamp, poll_interval: Duration) -> bool {
    let Some(last_read_at) = job.last_read_at else { return true };
    // A last read in the future is of a clock that has been set back since.
    let Ok(waited) = Duration::try_from(now.duration_since(last_read_at)) else { return true };
    if job.forbidden {
        return waited >= FORBIDDEN_INTERVAL;
    }
    // Half a poll early is on time, or a turn would be missed by a hair.
    waited + poll_interval / 2 >= poll_interval * polls_per_read(job, now)
}

/// A job's turn comes every so many polls, by its age.
fn polls_per_read(job: &OpenJob, now: Timestamp) -> u32 {
    let Some(created_at) = job.created_at.filter(|_| !job.resultless) else { return 1 };
    let age = Duration::try_from(now.duration_since(created_at)).unwrap_or(Duration::ZERO);
    match age.as_secs() / DAY_SECS {
        0 => 1,
        1..3 => 2,
        3..7 => 4,
        _ => 8,
    }
}

/// How many single reads a poll a job would cost, in eighths. What is forbidden is read so
/// seldom that the list need not reach for it.
fn reads_eighths(job: &OpenJob, now: Timestamp) -> u64 {
    if job.forbidden { 0 } else { u64::from(8 / polls_per_read(job, now)) }
}

/// How many pages that many jobs fill; an empty list is a page too.
fn pages(jobs: u64) -> u64 {
    jobs.div_ceil(PAGE_SIZE).max(1)
}

fn before(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;
    const POLL: Duration = Duration::from_secs(15);

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn ago(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 - seconds).unwrap()
    }

    fn job(age: i64, known_newer: u64) -> OpenJob {
        OpenJob {
            id: JobId::parse(&format!("job-{age:09}")).unwrap(),
            created_at: Some(ago(age)),
            known_newer,
            last_read_at: None,
            forbidden: false,
            resultless: false,
        }
    }

    /// How many seconds the list reaches back.
    fn reach(watermark: Option<Timestamp>, open: &[OpenJob]) -> i64 {
        let lookback = Duration::from_secs(7 * DAY_SECS);
        let state = WindowState { now: now(), watermark, lookback, widened: false, open };
        now().duration_since(plan(&state).created_after).as_secs()
    }

    #[test]
    fn the_list_reaches_to_the_watermark_and_a_little_more_within_thirty_days() {
        let longest = 30 * DAY - 300;

        assert_eq!(reach(None, &[]), 7 * DAY);
        assert_eq!(reach(Some(ago(15)), &[]), 615);
        assert_eq!(reach(Some(ago(40 * DAY)), &[]), longest);
        assert_eq!(reach(Some(ago(30 * DAY - 900)), &[]), longest);
        assert_eq!(reach(Some(ago(-DAY)), &[]), 600);
        assert_eq!(reach(Some(Timestamp::MIN), &[]), longest);
    }

    #[test]
    fn a_widened_list_reaches_as_far_as_a_first_one_and_never_less_than_it_would_have() {
        let reach = |watermark| {
            let lookback = Duration::from_secs(7 * DAY_SECS);
            let state = WindowState { now: now(), watermark, lookback, widened: true, open: &[] };
            now().duration_since(plan(&state).created_after).as_secs()
        };

        assert_eq!(reach(Some(ago(15))), 7 * DAY);
        assert_eq!(reach(Some(ago(9 * DAY))), 9 * DAY + 600);
        assert_eq!(reach(Some(ago(40 * DAY))), 30 * DAY - 300);
    }

    #[test]
    fn every_window_is_walked_twice() {
        let first = Marks::default().advance(ago(30));
        let second = first.advance(ago(15));

        assert_eq!(first.watermark(), None);
        assert_eq!(second.watermark(), Some(ago(30)));
        assert_eq!(second.advance(ago(0)).watermark(), Some(ago(15)));
        assert_eq!(second.advance(ago(DAY)).watermark(), Some(ago(DAY)));
    }

    #[test]
    fn the_list_reaches_further_while_that_is_cheaper_than_single_reads() {
        let hour_old = |count: u64, newer: u64| -> Vec<_> {
            (0..count).map(|n| job(HOUR + n as i64, newer + n)).collect()
        };
        let watermark = Some(ago(15));

        assert_eq!(reach(watermark, &[job(2 * DAY, 99)]), 2 * DAY + 1);
        assert_eq!(reach(watermark, &[job(HOUR, 100)]), 615);
        assert_eq!(reach(watermark, &hour_old(2, 150)), HOUR + 2);
        assert_eq!(reach(watermark, &hour_old(2_000, 1_000)), HOUR + 2_000);
        assert_eq!(reach(watermark, &[job(60, 950), job(HOUR, 960)]), HOUR + 1);
    }

    #[test]
    fn one_job_far_back_does_not_make_the_list_long() {
        let near = [job(HOUR, 10), job(2 * HOUR, 20)];
        let far = [near[0].clone(), near[1].clone(), job(20 * DAY, 2_500)];
        let stuck: Vec<_> = (0..30).map(|n| job(29 * DAY + n, 2_900)).collect();

        assert_eq!(reach(Some(ago(15)), &far), 2 * HOUR + 1);
        assert_eq!(reach(Some(ago(15)), &stuck), 615);
    }

    #[test]
    fn jobs_out_of_reach_or_out_of_bounds_do_not_move_the_window() {
        let forbidden = OpenJob { forbidden: true, ..job(HOUR, 5) };
        let undated = OpenJob { created_at: None, ..job(HOUR, 5) };

        assert_eq!(reach(Some(ago(15)), &[job(31 * DAY, 5), forbidden, undated]), 615);
    }

    fn singly(missing: &[OpenJob]) -> usize {
        singles(missing, now(), POLL).len()
    }

    #[test]
    fn a_job_s_turn_comes_less_often_the_older_it_is() {
        let due = |age: i64, waited: i64| {
            singly(&[OpenJob { last_read_at: Some(ago(waited)), ..job(age, 0) }]) == 1
        };

        assert!(due(HOUR, 15) && due(HOUR, 8) && !due(HOUR, 7));
        assert!(due(2 * DAY, 30) && !due(2 * DAY, 15));
        assert!(due(5 * DAY, 60) && !due(5 * DAY, 45));
        assert!(due(90 * DAY, 120) && !due(90 * DAY, 105));
        assert_eq!(singly(&[job(90 * DAY, 0)]), 1);
    }

    #[test]
    fn a_forbidden_job_is_read_every_fifteen_minutes() {
        let due = |waited: i64| {
            let last_read_at = Some(ago(waited));
            singly(&[OpenJob { last_read_at, forbidden: true, ..job(HOUR, 0) }]) == 1
        };

        assert!(due(900) && !due(899));
    }

    #[test]
    fn a_job_without_its_result_is_read_at_every_poll() {
        let read = |age| OpenJob { last_read_at: Some(ago(15)), ..job(age, 0) };
        let resultless = OpenJob { resultless: true, ..read(20 * DAY) };
        let mut missing: Vec<_> = (0..30).map(|n| job(HOUR + n, 0)).collect();
        missing.push(resultless.clone());

        assert!(singles(&missing, now(), POLL).contains(&resultless.id));
    }

    #[test]
    fn what_could_not_be_read_does_not_stand_in_the_way_of_others() {
        let failing = OpenJob { last_read_at: Some(ago(15)), resultless: true, ..job(20 * DAY, 0) };
        let other = OpenJob { last_read_at: Some(ago(16)), ..job(HOUR, 0) };

        let order = singles(&[failing.clone(), other.clone()], now(), POLL);

        assert_eq!(order, [other.id, failing.id]);
    }

    #[test]
    fn everybody_gets_a_turn_in_a_round() {
        let mut missing: Vec<_> = (0..50).map(|n| job(HOUR + n, 0)).collect();
        let mut turns = vec![0; missing.len()];

        for poll in 0..6 {
            let at = ago(-15 * poll);
            for id in singles(&missing, at, POLL) {
                let place = missing.iter().position(|job| job.id == id).unwrap();
                missing[place].last_read_at = Some(at);
                turns[place] += 1;
            }
        }

        assert!(turns.iter().all(|turns| (2..=3).contains(turns)), "{turns:?}");
    }

    proptest! {
        #[test]
        fn a_window_is_never_shorter_than_the_watermark_asks_nor_longer_than_the_api_allows(
            watermark in 0..60 * DAY,
            jobs in prop::collection::vec((0..60 * DAY, 0u64..5_000), 0..30),
        ) {
            let open: Vec<_> = jobs.into_iter().map(|(age, newer)| job(age, newer)).collect();

            let reach = reach(Some(ago(watermark)), &open);

            prop_assert!(reach >= (watermark + 600).min(30 * DAY - 300));
            prop_assert!(reach <= 30 * DAY - 300);
        }
    }
}
