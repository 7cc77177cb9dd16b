//! What happens to a job, told move by move.

use serde_json::{Value, json};

use super::*;
use crate::model::{Fingerprint, JobId};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn watch(second: i64) -> Watch<'static> {
    Watch { source: "main", now: at(second), baseline: false, late: false }
}

fn baseline(second: i64) -> Watch<'static> {
    Watch { baseline: true, ..watch(second) }
}

/// A look at the job `a`: its state, its result's status and its progress.
fn look(state: &str, status: Option<&str>, progress: Option<i64>) -> Observation {
    let Value::Object(document) = json!({"job_state": state, "s": status, "p": progress}) else {
        unreachable!()
    };
    Observation {
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
    }
}

fn open(state: &str) -> Observation {
    look(state, None, None)
}

fn running(progress: i64) -> Observation {
    look("running", None, Some(progress))
}

fn stopped(status: &str) -> Observation {
    look("stopped", Some(status), None)
}

fn known(state: &str) -> KnownJob {
    observe(&baseline(0), None, &open(state)).job
}

/// Each event as `kind from>to #occurrence`.
fn told(step: &Step) -> Vec<String> {
    step.events
        .iter()
        .map(|event| {
            format!(
                "{} {}>{} #{}",
                event.kind,
                event.from.as_deref().unwrap_or("-"),
                event.to.as_deref().unwrap_or("-"),
                event.key.occurrence
            )
        })
        .collect()
}

fn first(seen: &Observation) -> Vec<String> {
    told(&observe(&watch(0), None, seen))
}

fn after(state: &str, seen: &Observation) -> Vec<String> {
    told(&observe(&watch(1), Some(&known(state)), seen))
}

#[test]
fn a_job_first_seen_is_told_by_its_state() {
    assert_eq!(first(&open("queued")), ["queued ->queued #"]);
    assert_eq!(first(&running(1)), ["started ->running #"]);
    assert_eq!(first(&open("paused")), ["changed ->paused #>paused>0"]);
    assert_eq!(first(&stopped("success")), ["succeeded ->stopped #"]);
    assert_eq!(first(&stopped("partial")), ["partial ->stopped #"]);
    assert_eq!(first(&stopped("error")), ["failed ->stopped #"]);
    assert_eq!(first(&stopped("failure")), ["stopped ->stopped #"]);
    assert_eq!(first(&stopped("")), ["stopped ->stopped #"]);
    assert_eq!(first(&open("cancelled")), ["cancelled ->cancelled #"]);
    assert_eq!(first(&look("failed", Some("error"), None)), ["changed ->failed #>failed>0"]);
}

#[test]
fn a_first_sight_within_the_baseline_is_silent_and_a_change_is_not() {
    for seen in [open("queued"), running(1), open("paused"), stopped("error"), open("cancelled")] {
        assert_eq!(told(&observe(&baseline(0), None, &seen)), [""; 0]);
    }
    let running = known("running");

    let step = observe(&baseline(1), Some(&running), &stopped("success"));

    assert_eq!(told(&step), ["succeeded running>stopped #"]);
}

#[test]
fn a_known_job_is_told_by_what_changed() {
    assert_eq!(after("queued", &running(1)), ["started queued>running #"]);
    assert_eq!(after("queued", &stopped("error")), ["failed queued>stopped #"]);
    assert_eq!(after("running", &open("cancelled")), ["cancelled running>cancelled #"]);
    assert_eq!(after("running", &open("paused")), ["changed running>paused #running>paused>1"]);
    assert_eq!(after("paused", &open("frozen")), ["changed paused>frozen #paused>frozen>1"]);
    assert_eq!(after("paused", &running(1)), ["started paused>running #"]);
    assert_eq!(after("paused", &open("paused")), [""; 0]);
}

#[test]
fn an_event_carries_the_job_as_it_was_seen_and_when() {
    let late = Watch { late: true, ..watch(5) };

    let event = observe(&late, Some(&known("running")), &stopped("error")).events.remove(0);

    assert_eq!((event.detected_at, event.late), (at(5), true));
    assert_eq!((event.key.source.as_str(), event.key.subject.as_str()), ("main", "a"));
    assert_eq!(event.key.slot, "ended");
    assert_eq!(event.job.unwrap(), stopped("error").document);
    assert_eq!(event.job_id.unwrap().as_str(), "a");
}

#[test]
fn progress_is_an_event_when_its_content_moved() {
    let started = observe(&watch(0), None, &running(1)).job;

    let same = observe(&watch(1), Some(&started), &running(1));
    let moved = observe(&watch(2), Some(&started), &running(2));
    let hidden = observe(&watch(3), Some(&moved.job), &open("running"));
    let shown = observe(&watch(4), Some(&hidden.job), &running(2));

    assert_eq!((told(&same), same.job.progress_since), (vec![], at(0)));
    assert_eq!(told(&moved), ["progress running>running #0000000000000002"]);
    assert_eq!(moved.job.progress_since, at(2));
    assert_eq!((told(&hidden), told(&shown)), (vec![], vec![]));
    assert_eq!(shown.job.progress_since, at(2));
}

#[test]
fn a_job_that_starts_begins_to_progress_then() {
    let queued = observe(&watch(0), None, &open("queued")).job;

    let started = observe(&watch(90), Some(&queued), &open("running")).job;

    assert_eq!(started.progress_since, at(90));
    assert_eq!(started.first_seen_at, at(0));
}

#[test]
fn a_running_job_that_shows_as_queued_is_not_believed() {
    let running = known("running");

    let step = observe(&watch(1), Some(&running), &open("queued"));

    assert_eq!(step, Step { job: running, events: vec![], notes: vec![Note::Regressed] });
}

#[test]
fn a_stop_without_a_result_is_believed_after_a_minute() {
    let running = known("running");
    let resultless = open("stopped");

    let waiting = observe(&watch(10), Some(&running), &resultless);
    let still = observe(&watch(69), Some(&waiting.job), &resultless);
    let believed = observe(&watch(70), Some(&still.job), &resultless);
    let in_time = observe(&watch(20), Some(&waiting.job), &stopped("success"));

    assert_eq!((told(&waiting), told(&still)), (vec![], vec![]));
    assert_eq!(still.job.phase, Phase::Open);
    assert_eq!(still.job.resultless_since, Some(at(10)));
    assert!(!may_skip(&still.job));
    assert_eq!(told(&believed), ["stopped running>stopped #"]);
    assert_eq!((believed.job.phase, believed.job.resultless_since), (Phase::Ended, None));
    assert_eq!(told(&in_time), ["succeeded running>stopped #"]);
}

#[test]
fn a_result_that_comes_too_late_is_remembered_in_silence() {
    let resultless = open("stopped");
    let waiting = observe(&watch(0), None, &resultless).job;
    let believed = observe(&watch(60), Some(&waiting), &resultless);

    let step = observe(&watch(61), Some(&believed.job), &stopped("error"));

    assert_eq!(told(&believed), ["stopped ->stopped #"]);
    assert_eq!(told(&step), [""; 0]);
    assert_eq!(step.job.document, stopped("error").document);
    assert_eq!(step.job.ended_at, Some(at(60)));
}

#[test]
fn within_the_baseline_only_a_fresh_stop_waits_for_its_result() {
    let stopped_at = |second| Observation { stopped_at: Some(at(second)), ..open("stopped") };

    let unknown = observe(&baseline(100), None, &open("stopped"));
    let old = observe(&baseline(100), None, &stopped_at(39));
    let fresh = observe(&baseline(100), None, &stopped_at(40));
    let later = observe(&watch(110), Some(&fresh.job), &stopped("success"));

    assert_eq!((unknown.job.phase, unknown.events), (Phase::Ended, vec![]));
    assert_eq!((old.job.phase, old.events), (Phase::Ended, vec![]));
    assert_eq!((fresh.job.phase, fresh.events), (Phase::Open, vec![]));
    assert_eq!(told(&later), ["succeeded ->stopped #"]);
}

#[test]
fn a_stop_waiting_for_its_result_is_not_taken_back() {
    let waiting = observe(&watch(0), Some(&known("running")), &open("stopped")).job;

    let step = observe(&watch(100), Some(&waiting), &running(5));
    let end = observe(&watch(101), Some(&step.job), &stopped("partial"));

    assert_eq!((&step.job, told(&step)), (&waiting, vec![]));
    assert_eq!(step.notes.len(), 1);
    assert_eq!(told(&end), ["partial running>stopped #"]);
}

#[test]
fn an_ended_job_is_not_announced_again() {
    let ended = observe(&watch(0), None, &stopped("success")).job;

    let other = observe(&watch(1), Some(&ended), &stopped("error"));
    let cancelled = observe(&watch(1), Some(&ended), &open("cancelled"));
    let open_again = observe(&watch(1), Some(&ended), &running(1));
    let unknown = observe(&watch(1), Some(&ended), &open("archived"));

    assert_eq!((told(&other), told(&cancelled)), (vec![], vec![]));
    assert_eq!(other.job.fingerprint, stopped("error").fingerprint);
    assert_eq!(cancelled.job.phase, Phase::Ended);
    for step in [&open_again, &unknown] {
        assert_eq!((&step.job, told(step)), (&ended, vec![]));
    }
    insta::assert_snapshot!(open_again.notes[0], @"the job had ended (stopped) and now shows as running: not believed");
}

#[test]
fn an_unknown_state_that_gets_a_result_ends_the_job() {
    let known = observe(&watch(0), None, &open("exporting")).job;

    let step = observe(&watch(1), Some(&known), &look("exporting", Some("success"), None));
    let direct = after("running", &look("failed", Some("error"), None));

    assert_eq!(told(&step), ["changed exporting>exporting #exporting>exporting>0"]);
    assert_eq!(step.job.phase, Phase::Ended);
    assert_eq!(direct, ["changed running>failed #running>failed>1"]);
}

#[test]
fn a_job_that_is_gone_has_vanished_once() {
    let gone = vanish(&watch(1), &known("running"));
    let again = vanish(&watch(2), &gone.job);
    let ended = observe(&watch(0), None, &stopped("success")).job;

    assert_eq!(told(&gone), ["vanished running>- #"]);
    assert_eq!((gone.job.phase, gone.job.ended_at), (Phase::Vanished, Some(at(1))));
    assert!(!may_skip(&gone.job) && may_skip(&ended));
    assert_eq!((told(&again), &again.job), (vec![], &gone.job));
    assert_eq!(vanish(&watch(1), &ended), Step { job: ended, events: vec![], notes: vec![] });
}

#[test]
fn a_job_that_stopped_and_is_gone_before_its_result_came_has_ended() {
    let waiting = observe(&watch(0), Some(&known("running")), &open("stopped")).job;

    let step = vanish(&watch(1), &waiting);

    assert_eq!(told(&step), ["stopped running>stopped #"]);
    assert_eq!(step.job.phase, Phase::Ended);
}

#[test]
fn a_vanished_job_that_turns_up_is_taken_on_again() {
    let gone = vanish(&watch(1), &known("running")).job;

    let ended = observe(&watch(2), Some(&gone), &stopped("error"));
    let open_again = observe(&watch(2), Some(&gone), &open("running"));
    let end = observe(&watch(3), Some(&open_again.job), &stopped("success"));

    assert_eq!(told(&ended), ["failed running>stopped #"]);
    assert_eq!((ended.job.phase, ended.notes), (Phase::Ended, vec![Note::Returned]));
    assert_eq!((told(&open_again), open_again.job.phase), (vec![], Phase::Open));
    assert_eq!((open_again.job.ended_at, open_again.notes), (None, vec![Note::Returned]));
    assert_eq!(told(&end), ["succeeded running>stopped #"]);
}

#[test]
fn what_a_look_leaves_out_stays_known() {
    let full =
        Observation { created_at: Some(at(-9)), project_id: Some("p".into()), ..open("running") };
    let known = observe(&watch(0), None, &full).job;

    let job = observe(&watch(1), Some(&known), &stopped("success")).job;

    assert_eq!((job.created_at, job.project_id.as_deref()), (Some(at(-9)), Some("p")));
    assert_eq!((job.changes, job.ended_at), (1, Some(at(1))));
}
