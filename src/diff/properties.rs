//! What holds whatever the API shows, in whatever order.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{Fingerprint, JobId};

/// What one look finds.
#[derive(Debug, Clone)]
enum Found {
    Job(Box<Observation>),
    Gone,
}

/// A history: seconds since the look before, and what was found.
type History = Vec<(i64, Found)>;

/// What a history came to.
#[derive(Default)]
struct Outcome {
    known: Option<KnownJob>,
    /// Everything that `observe` said.
    events: Vec<Event>,
}

impl Outcome {
    fn ends(&self) -> usize {
        self.events.iter().filter(|event| event.key.slot == "ended").count()
    }
}

fn look(state: &'static str, status: Option<&'static str>, progress: Option<i64>) -> Found {
    let Value::Object(document) = json!({"job_state": state, "s": status, "p": progress}) else {
        unreachable!()
    };
    Found::Job(Box::new(Observation {
        id: JobId::parse("a").unwrap(),
        fingerprint: Fingerprint::of(format!("{document:?}").as_bytes()),
        job_type: "agent".into(),
        state: JobState::parse(state),
        created_at: None,
        stopped_at: None,
        project_id: None,
        result_status: status.map(str::to_owned),
        progress: progress.map(Fingerprint),
        progress_at: None,
        document: document.into(),
    }))
}

fn is_end(found: &Found) -> bool {
    matches!(found, Found::Job(seen) if seen.state == JobState::Cancelled
        || (seen.state == JobState::Stopped && seen.result_status.is_some()))
}

fn any_open() -> impl Strategy<Value = Found> {
    prop_oneof![
        Just(look("queued", None, None)),
        (0i64..4).prop_map(|progress| look("running", None, Some(progress))),
        Just(look("running", None, None)),
        Just(look("paused", None, None)),
        Just(look("frozen", None, None)),
        Just(look("stopped", None, None)),
        Just(Found::Gone),
    ]
}

fn any_end() -> impl Strategy<Value = Found> {
    prop_oneof![
        Just(look("stopped", Some("success"), None)),
        Just(look("stopped", Some("partial"), None)),
        Just(look("stopped", Some("error"), Some(2))),
        Just(look("stopped", Some("odd"), None)),
        Just(look("cancelled", None, None)),
    ]
}

fn any_history() -> impl Strategy<Value = History> {
    let unknown_end = Just(look("archived", Some("success"), None));
    let found = prop_oneof![8 => any_open(), 4 => any_end(), 1 => unknown_end];
    prop::collection::vec((0i64..50, found), 0..14)
}

/// Histories in which the words that end a job are known ones.
fn any_plain_history() -> impl Strategy<Value = History> {
    prop::collection::vec((0i64..50, prop_oneof![2 => any_open(), 1 => any_end()]), 0..14)
}

/// Lives through a history; the first `silent` looks belong to the baseline.
fn live(outcome: &mut Outcome, history: &History, silent: usize) {
    let mut second = 1_800_000_000;
    for (index, (pause, found)) in history.iter().enumerate() {
        second += pause;
        let watch = Watch {
            source: "main",
            now: Timestamp::from_second(second).unwrap(),
            baseline: index < silent,
            late: false,
        };
        if let Some(step) = step(&watch, outcome.known.as_ref(), found) {
            outcome.events.extend(step.events);
            outcome.known = Some(step.job);
        }
    }
}

fn step(watch: &Watch<'_>, known: Option<&KnownJob>, found: &Found) -> Option<Step> {
    match (found, known) {
        (Found::Job(seen), known) => Some(observe(watch, known, seen)),
        (Found::Gone, Some(known)) => Some(vanish(watch, known)),
        (Found::Gone, None) => None,
    }
}

fn lived(history: &History, silent: usize) -> Outcome {
    let mut outcome = Outcome::default();
    live(&mut outcome, history, silent);
    outcome
}

proptest! {
    #[test]
    fn the_same_look_again_says_nothing_and_changes_nothing(history in any_history()) {
        let outcome = lived(&history, 0);
        let (Some(known), Some((_, last))) = (&outcome.known, history.last()) else { return Ok(()) };
        let now = Timestamp::from_second(
            1_800_000_000 + history.iter().map(|(pause, _)| pause).sum::<i64>()).unwrap();
        let watch = Watch { source: "main", now, baseline: false, late: false };

        let again = step(&watch, Some(known), last).unwrap();

        prop_assert!(again.events.is_empty(), "{:?}", again.events);
        prop_assert_eq!(&again.job, known);
    }

    #[test]
    fn a_job_ends_once_if_it_is_ever_seen_to_end(history in any_plain_history()) {
        let outcome = lived(&history, 0);

        let seen_to_end = history.iter().any(|(_, found)| is_end(found));

        prop_assert!(outcome.ends() <= 1);
        if seen_to_end {
            prop_assert_eq!(outcome.ends(), 1);
        }
    }

    #[test]
    fn an_end_after_the_first_sight_is_said_even_within_the_baseline(
        history in any_plain_history(),
        silent in 1usize..14,
    ) {
        let outcome = lived(&history, silent);

        let mut looks = history
            .iter()
            .map(|(_, found)| found)
            .skip_while(|found| matches!(found, Found::Gone));
        // A stop without result or time counts as the end within the baseline.
        let first_is_end = looks.next().is_some_and(|found| {
            is_end(found)
                || matches!(found, Found::Job(seen) if seen.state == JobState::Stopped)
        });
        if !first_is_end && looks.any(is_end) {
            prop_assert_eq!(outcome.ends(), 1);
        }
    }

    #[test]
    fn going_through_it_all_again_ends_nothing_twice(history in any_history()) {
        let mut outcome = lived(&history, 0);
        let ended = outcome.known.as_ref().is_some_and(|job| job.phase == Phase::Ended);
        let before = outcome.events.len();

        live(&mut outcome, &history, 0);

        prop_assert!(outcome.ends() <= 1);
        if ended {
            prop_assert_eq!(outcome.events.len(), before);
        }
    }

    #[test]
    fn a_change_that_is_detected_again_after_a_crash_has_the_same_keys(
        history in any_history(),
        down in 0i64..100_000,
    ) {
        let (last, before) = match history.split_last() {
            Some(((_, last), before)) => (last, before.to_vec()),
            None => return Ok(()),
        };
        let known = lived(&before, 0).known;
        let keys = |second, late| -> Vec<EventKey> {
            let now = Timestamp::from_second(1_900_000_000 + second).unwrap();
            let watch = Watch { source: "main", now, baseline: false, late };
            let step = step(&watch, known.as_ref(), last);
            step.into_iter().flat_map(|step| step.events).map(|event| event.key).collect()
        };

        prop_assert_eq!(keys(0, false), keys(down, true));
    }

    #[test]
    fn nothing_goes_back(history in any_history()) {
        let mut known: Option<KnownJob> = None;
        let mut second = 1_800_000_000;
        for (pause, found) in &history {
            second += pause;
            let now = Timestamp::from_second(second).unwrap();
            let watch = Watch { source: "main", now, baseline: false, late: false };
            let Some(step) = step(&watch, known.as_ref(), found) else { continue };
            if let Some(before) = &known {
                let was_running = before.state == JobState::Running;
                prop_assert!(!(was_running && step.job.state == JobState::Queued));
                if before.phase == Phase::Ended {
                    prop_assert_eq!(step.job.phase, Phase::Ended);
                    prop_assert_eq!(step.job.ended_at, before.ended_at);
                    prop_assert!(step.events.is_empty());
                }
                prop_assert!(step.job.changes >= before.changes);
                prop_assert_eq!(step.job.first_seen_at, before.first_seen_at);
            }
            known = Some(step.job);
        }
    }
}
