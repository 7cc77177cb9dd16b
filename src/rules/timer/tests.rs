//! Timers by tables: what is due when, and when to look again.

use proptest::prelude::*;

use crate::model::EventKind::{Overdue, Stalled};

use super::*;

/// When the job of these tests was made.
const MADE: Timestamp = Timestamp::constant(1_795_000_000, 0);

fn min(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

fn at(minutes: i64) -> Timestamp {
    MADE + min(minutes)
}

fn rule(on: &[EventKind], after: After, repeat: Option<Repeat>) -> Rule {
    Rule {
        name: "stuck".into(),
        on: on.iter().copied().collect(),
        condition: None,
        when: None,
        is_final: false,
        notify: vec![],
        template: "default".into(),
        include_download_url: false,
        after: Some(after),
        repeat,
        throttle: None,
        group: None,
        active: None,
        spend: None,
    }
}

fn every(minutes: i64, most: u32) -> Option<Repeat> {
    Some(Repeat { every: min(minutes), most })
}

/// A job that has been running from the start, and has moved `moved` minutes later.
fn running(moved: i64) -> Watched {
    Watched { running: true, since: MADE, progress_since: at(moved) }
}

fn queued() -> Watched {
    Watched { running: false, ..running(0) }
}

/// What is due, as `kind number`.
fn due(rule: &Rule, job: &Watched, usual: Option<SignedDuration>, now: Timestamp) -> String {
    let due = rule.timers(job, usual, now);
    let words: Vec<String> = due.iter().map(|due| format!("{} {}", due.kind, due.number)).collect();
    words.join(", ")
}

#[test]
fn each_kind_has_a_clock_of_its_own() {
    let both = rule(&[Overdue, Stalled], After::Fixed(min(30)), None);
    let overdue = rule(&[Overdue], After::Fixed(min(30)), None);
    let stalled = rule(&[Stalled], After::Fixed(min(30)), None);
    let other = rule(&[EventKind::Failed], After::Fixed(min(30)), None);

    for (rule, job, minutes, expected) in [
        (&both, running(0), 29, ""),
        (&both, running(0), 30, "overdue 0, stalled 0"),
        (&both, running(10), 30, "overdue 0"),
        (&both, running(10), 40, "overdue 0, stalled 0"),
        (&both, queued(), 300, "overdue 0"),
        (&overdue, queued(), 30, "overdue 0"),
        (&stalled, queued(), 300, ""),
        (&stalled, running(29), 30, ""),
        (&other, running(0), 300, ""),
    ] {
        assert_eq!(due(rule, &job, None, at(minutes)), expected, "{job:?} after {minutes}");
    }
}

#[test]
fn a_repeat_is_the_newest_that_is_due_and_comes_to_an_end() {
    let rule = rule(&[Overdue], After::Fixed(min(30)), every(60, 3));

    let said: Vec<String> =
        [29, 30, 89, 90, 149, 150, 210, 100_000].map(|m| due(&rule, &queued(), None, at(m))).into();

    let expected = ["", "0", "0", "1", "1", "2", "3", "3"];
    let expected = expected.map(|n| if n.is_empty() { n.into() } else { format!("overdue {n}") });
    assert_eq!(said, expected);
}

#[test]
fn one_looks_again_when_something_more_is_due() {
    let rule = rule(&[Overdue, Stalled], After::Fixed(min(30)), every(60, 1));
    let next = |job: &Watched, minutes| rule.next_timer(job, None, at(minutes));

    assert_eq!(next(&running(10), 0), Some(at(30)));
    assert_eq!(next(&running(10), 30), Some(at(40)));
    assert_eq!(next(&running(10), 40), Some(at(90)));
    assert_eq!(next(&running(10), 90), Some(at(100)));
    assert_eq!(next(&running(10), 100), None);
    assert_eq!(next(&queued(), 90), None);
}

#[test]
fn a_saying_tells_how_long_it_took() {
    let rule = rule(&[Stalled], After::Fixed(min(30)), every(60, 3));

    let facts = rule.timers(&running(10), None, at(105))[0].facts();

    assert_eq!(facts, TimerFacts { after: min(30), waited: min(95), number: 1 });
}

#[test]
fn a_clock_that_was_set_back_makes_nothing_due_and_loses_nothing() {
    let rule = rule(&[Overdue, Stalled], After::Fixed(min(30)), every(60, 3));

    assert_eq!(due(&rule, &running(0), None, at(-500)), "");
    assert_eq!(rule.next_timer(&running(0), None, at(-500)), Some(at(30)));
    assert_eq!(due(&rule, &running(0), None, Timestamp::MIN), "");
    assert_eq!(due(&rule, &running(0), None, Timestamp::MAX), "overdue 3, stalled 3");
    assert_eq!(rule.next_timer(&running(0), None, Timestamp::MAX), None);
}

#[test]
fn usual_is_silent_until_it_is_known_and_then_means_longer() {
    let rule = rule(&[Overdue, Stalled], After::Usual, None);
    let a_little = SignedDuration::from_millis(1);

    assert_eq!(due(&rule, &running(0), None, at(100_000)), "");
    assert_eq!(rule.next_timer(&running(0), None, at(0)), None);
    assert_eq!(due(&rule, &running(0), Some(min(5)), at(5)), "");
    assert_eq!(due(&rule, &running(0), Some(min(5)), at(5) + a_little), "overdue 0, stalled 0");
    assert_eq!(rule.next_timer(&running(0), Some(min(5)), at(0)), Some(at(5) + a_little));
    assert_eq!(rule.timers(&queued(), Some(min(5)), at(9))[0].after, min(5));
}

#[test]
fn a_rule_without_after_is_silent() {
    let rule = Rule { after: None, ..rule(&[Overdue], After::Usual, every(1, 1)) };

    assert_eq!(due(&rule, &queued(), Some(min(1)), at(100)), "");
    assert_eq!(rule.next_timer(&queued(), Some(min(1)), at(100)), None);
}

#[test]
fn lengths_beyond_all_time_are_never_due_and_never_fail() {
    let rule = rule(&[Overdue], After::Fixed(SignedDuration::MAX), every(i64::MAX / 60, u32::MAX));

    assert_eq!(due(&rule, &queued(), None, Timestamp::MAX), "");
    assert_eq!(rule.next_timer(&queued(), None, Timestamp::MIN), None);
}

#[test]
fn twenty_runs_tell_what_is_usual() {
    let runs = |count: i64| -> Vec<SignedDuration> { (1..=count).rev().map(min).collect() };

    for (durations, expected) in [
        (vec![], None),
        (runs(19), None),
        (runs(20), Some(min(19))),
        (runs(21), Some(min(20))),
        (runs(40), Some(min(38))),
        (runs(100), Some(min(95))),
        (runs(101), Some(min(96))),
        (vec![min(7); 20], Some(min(7))),
        ([vec![min(1); 19], vec![min(9)]].concat(), Some(min(1))),
        ([vec![min(1); 18], vec![min(9); 2]].concat(), Some(min(9))),
    ] {
        assert_eq!(usual(&durations), expected, "{} runs", durations.len());
    }
}

fn any_job() -> impl Strategy<Value = Watched> {
    (any::<bool>(), -5_000..5_000_i64, 0..5_000_i64).prop_map(|(running, since, moved)| Watched {
        running,
        since: at(since),
        progress_since: at(since + moved),
    })
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let after = prop_oneof![(1..500_i64).prop_map(|m| After::Fixed(min(m))), Just(After::Usual)];
    let repeat = proptest::option::of((1..500_i64, 1..5_u32));
    (after, repeat).prop_map(|(after, repeat)| {
        let repeat = repeat.and_then(|(minutes, most)| every(minutes, most));
        rule(&[Overdue, Stalled], after, repeat)
    })
}

proptest! {
    #[test]
    fn nothing_more_falls_due_before_the_next_timer_and_something_does_then(
        rule in any_rule(),
        job in any_job(),
        usual in proptest::option::of((1..500_i64).prop_map(min)),
        now in -6_000..6_000_i64,
        part in 0.0..1.0_f64,
    ) {
        let said = |now| due(&rule, &job, usual, now);
        let now = at(now);

        match rule.next_timer(&job, usual, now) {
            Some(next) => {
                prop_assert!(next > now);
                let between = now + next.duration_since(now).mul_f64(part);
                prop_assert_eq!(said(between.min(next - SignedDuration::from_nanos(1))), said(now));
                prop_assert_ne!(said(next), said(now));
            }
            None => prop_assert_eq!(said(at(1_000_000)), said(now)),
        }
    }

    #[test]
    fn usual_is_one_of_the_runs_that_all_but_a_twentieth_keep_to(
        runs in proptest::collection::vec(0..1_000_i64, 20..200),
    ) {
        let durations: Vec<SignedDuration> = runs.iter().copied().map(min).collect();

        let usual = usual(&durations).unwrap();

        let longer = durations.iter().filter(|run| **run > usual).count();
        prop_assert!(durations.contains(&usual));
        prop_assert!(longer * 20 <= durations.len());
    }
}
