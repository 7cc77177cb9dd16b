//! What happened in a run, and whether it keeps the promise: nothing lost, nothing said twice
//! without a mark, each job's messages in order.
//!
//! A [`Story`] is put together from three sides that know nothing of each other: the scenario
//! (how each job ended), the services (what arrived, when, how it was answered) and the
//! program's own ledger at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::gathered::Gathered;

/// What a service did with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It said yes, to whoever was still there to hear it.
    Taken,
    /// It said no.
    Refused,
    /// It may have said yes or nothing at all.
    Open,
}

/// One message at one service.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub notifier: String,
    pub delivery: String,
    /// It said itself that it may be a repeat.
    pub marked: bool,
    pub fate: Fate,
    pub at: Instant,
}

/// How a life of the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Killed,
    Stopped,
}

/// From the start of a process until it was gone.
#[derive(Debug, Clone, Copy)]
pub struct Life {
    pub from: Instant,
    pub to: Instant,
    pub end: End,
}

/// Everything that is known of a run.
#[derive(Debug, Default)]
pub struct Story {
    /// Each job, and the event that it had to end with.
    pub ends: BTreeMap<String, &'static str>,
    /// Which notifiers had to be told of which kinds of events; none for all.
    pub told: Vec<(&'static str, Option<&'static [&'static str]>)>,
    /// The notifiers whose messages tell several events.
    pub gathered: Vec<Gathered>,
    pub lives: Vec<Life>,
    /// In the order of time.
    pub arrivals: Vec<Arrival>,
    /// The ledger, oldest first, as `deliveries list --json` shows it.
    pub owed: Vec<Value>,
    /// Oldest first, as `events --json` shows them.
    pub events: Vec<Value>,
}

pub const TERMINAL: [&str; 6] =
    ["succeeded", "partial", "failed", "cancelled", "stopped", "vanished"];

/// The most of a notifier that is claimed and not yet recorded: what may have been sent.
const MOST_IN_FLIGHT: usize = 64;

/// No process is up so soon: what comes so early after its start was sent by the one before.
const BIRTH: Duration = Duration::from_millis(10);

impl Story {
    /// Everything that breaks the promise.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.lost_events();
        faults.extend(self.lost_messages());
        faults.extend(self.unmarked());
        faults.extend(self.repeats_without_cause());
        faults.extend(self.out_of_order());
        faults.extend(self.gathered.iter().flat_map(|gathered| gathered.faults(self)));
        faults
    }

    /// How many arrivals were repeats.
    pub fn repeats(&self) -> usize {
        let ids: BTreeSet<&str> = self.arrivals.iter().map(|a| a.delivery.as_str()).collect();
        self.arrivals.len() - ids.len()
    }

    /// Jobs whose end is not known, or known wrongly, or twice.
    fn lost_events(&self) -> Vec<String> {
        let mut known: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for event in &self.events {
            let kind = text(&event["event"], "kind");
            if TERMINAL.contains(&kind) {
                known.entry(text(&event["job"], "job_id")).or_default().push(kind);
            }
        }
        let expected = self.ends.iter().filter_map(|(job, kind)| {
            let found = known.get(job.as_str()).cloned().unwrap_or_default();
            (found != [*kind]).then(|| format!("job {job} ended as {kind}, known as {found:?}"))
        });
        let unexpected = known
            .keys()
            .filter(|job| !self.ends.contains_key(**job))
            .map(|job| format!("job {job} never ended"));
        expected.chain(unexpected).collect()
    }

    /// Messages that are missing in the ledger, not settled, or at no service.
    fn lost_messages(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let taken: BTreeSet<&str> = self
            .arrivals
            .iter()
            .filter(|arrival| arrival.fate == Fate::Taken)
            .map(|arrival| arrival.delivery.as_str())
            .collect();
        let mut rows: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for row in &self.owed {
            let (id, state) = (text(row, "id"), text(row, "state"));
            if !self.gathers(text(row, "notifier")) {
                *rows.entry((text(row, "event_id"), text(row, "notifier"))).or_default() += 1;
            }
            let superseded = text(row, "event") == "progress"
                && text(row, "last_error").starts_with("superseded");
            match state {
                "sent" if taken.contains(id) => {}
                "sent" => faults.push(format!("said to be sent, but nobody took it: {row}")),
                "discarded" if superseded => {}
                _ => faults.push(format!("left {state}: {row}")),
            }
        }
        for event in &self.events {
            let (id, kind) = (text(&event["event"], "id"), text(&event["event"], "kind"));
            for (notifier, kinds) in &self.told {
                let wanted = usize::from(kinds.is_none_or(|kinds| kinds.contains(&kind)));
                let found = rows.remove(&(id, notifier)).unwrap_or(0);
                if found != wanted {
                    faults.push(format!("{found} messages to {notifier} of {wanted}: {event}"));
                }
            }
        }
        faults.extend(rows.keys().map(|(event, _)| format!("owed for no event: {event}")));
        let known: BTreeSet<&str> = self.owed.iter().map(|row| text(row, "id")).collect();
        let strange = self.arrivals.iter().filter(|a| !known.contains(a.delivery.as_str()));
        faults.extend(strange.map(|arrival| format!("arrived and was not owed: {arrival:?}")));
        faults
    }

    /// Messages that came again as if for the first time, though an earlier one may be there.
    fn unmarked(&self) -> Vec<String> {
        let unmarked = |story: &&[&Arrival]| {
            let mut maybe_there = false;
            for arrival in *story {
                if maybe_there && !arrival.marked {
                    return true;
                }
                maybe_there |= arrival.fate != Fate::Refused;
            }
            false
        };
        let stories = self.by_delivery();
        let faults = stories.values().map(Vec::as_slice).filter(unmarked);
        faults.map(|story| format!("came again without a mark: {story:#?}")).collect()
    }

    /// Messages that came again after they were taken: only a kill is an excuse, and only for
    /// what can be under way at once. What a stopped process sent is settled.
    fn repeats_without_cause(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut excused: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        for story in self.by_delivery().values() {
            for pair in story.windows(2) {
                let [first, again] = [pair[0], pair[1]];
                if first.fate != Fate::Taken {
                    continue;
                }
                let settled = |life: &&Life| {
                    life.end == End::Stopped
                        && first.at > life.from + BIRTH
                        && first.at <= life.to
                        && again.at > life.to
                };
                let killed = |life: &Life| {
                    life.end == End::Killed && first.at < life.to + BIRTH && again.at > life.to
                };
                match self.lives.iter().position(killed) {
                    Some(life) if !self.lives.iter().any(|life| settled(&life)) => {
                        *excused.entry((life, &first.notifier)).or_default() += 1;
                    }
                    _ => faults.push(format!("came again without a cause: {pair:#?}")),
                }
            }
        }
        let many = excused.iter().filter(|(_, count)| **count > MOST_IN_FLIGHT);
        faults.extend(many.map(|((life, notifier), count)| {
            format!("{count} messages to {notifier} came again after kill {life}")
        }));
        faults
    }

    /// Messages about a job that came before one that was owed earlier. A terminal one may
    /// overtake where one of those before it is in back-off, that is has been tried in vain.
    fn out_of_order(&self) -> Vec<String> {
        let mut first: BTreeMap<&str, Instant> = BTreeMap::new();
        for arrival in &self.arrivals {
            first.entry(&arrival.delivery).or_insert(arrival.at);
        }
        let mut lanes: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
        // What is gathered waits on purpose, and is in no lane.
        for row in self.owed.iter().filter(|row| !self.gathers(text(row, "notifier"))) {
            lanes.entry((text(row, "notifier"), text(row, "job_id"))).or_default().push(row);
        }
        let mut faults = Vec::new();
        for lane in lanes.values() {
            for (place, row) in lane.iter().enumerate() {
                let Some(at) = first.get(text(row, "id")) else { continue };
                let terminal = TERMINAL.contains(&text(row, "event"));
                let mut in_vain = false;
                for before in &lane[..place] {
                    in_vain |= before["attempts"].as_u64() > Some(1);
                    let overtaken = first.get(text(before, "id")).is_some_and(|first| first > at);
                    if overtaken && !(terminal && in_vain) {
                        faults.push(format!("out of order: {row} came before {before}"));
                    }
                }
            }
        }
        faults
    }

    fn gathers(&self, notifier: &str) -> bool {
        self.gathered.iter().any(|gathered| gathered.notifier == notifier)
    }

    fn by_delivery(&self) -> BTreeMap<&str, Vec<&Arrival>> {
        let mut stories: BTreeMap<&str, Vec<&Arrival>> = BTreeMap::new();
        for arrival in &self.arrivals {
            stories.entry(&arrival.delivery).or_default().push(arrival);
        }
        stories
    }
}

pub fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A job that was queued and ended, told to one notifier.
    fn story() -> Story {
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        let event = |id, kind| json!({"event": {"id": id, "kind": kind}, "job": {"job_id": "j"}});
        let row = |id, event, kind| {
            json!({"id": id, "event_id": event, "event": kind, "notifier": "hook", "job_id": "j",
                   "state": "sent", "attempts": 1})
        };
        let arrival = |delivery: &str, ms| Arrival {
            notifier: "hook".into(),
            delivery: delivery.into(),
            marked: false,
            fate: Fate::Taken,
            at: at(ms),
        };
        let life = |from, to, end| Life { from: at(from), to: at(to), end };
        Story {
            ends: [("j".to_owned(), "failed")].into(),
            told: vec![("hook", None)],
            gathered: Vec::new(),
            lives: vec![life(0, 100, End::Killed), life(100, 300, End::Stopped)],
            arrivals: vec![arrival("d1", 50), arrival("d2", 200)],
            owed: vec![row("d1", "e1", "queued"), row("d2", "e2", "failed")],
            events: vec![event("e1", "queued"), event("e2", "failed")],
        }
    }

    /// The first words of what is wrong after a change.
    fn wrong(change: impl FnOnce(&mut Story)) -> String {
        let mut story = story();
        change(&mut story);
        let faults = story.faults();
        let first = faults.first().map(String::as_str).unwrap_or_default();
        first.split([':', '{']).next().unwrap_or_default().to_owned()
    }

    fn again(story: &mut Story, place: usize, ms: u64, marked: bool) {
        let first = story.arrivals[place].clone();
        let at = story.lives[0].from + Duration::from_millis(ms);
        story.arrivals.push(Arrival { at, marked, ..first });
        story.arrivals.sort_by_key(|arrival| arrival.at);
    }

    #[test]
    fn a_story_without_a_fault_has_none() {
        assert_eq!(wrong(|_| {}), "");
        assert_eq!(wrong(|story| again(story, 0, 150, true)), "");
        assert_eq!(wrong(|story| story.arrivals.swap(0, 1)), "");
    }

    #[test]
    fn everything_that_breaks_the_promise_is_found() {
        let lost = |story: &mut Story| drop(story.events.pop());
        assert_eq!(wrong(lost), "job j ended as failed, known as []");
        let refused = |story: &mut Story| story.arrivals[1].fate = Fate::Refused;
        assert_eq!(wrong(refused), "said to be sent, but nobody took it");
        assert_eq!(wrong(|story| story.owed[0]["state"] = "pending".into()), "left pending");
        let unowed = |story: &mut Story| drop(story.owed.remove(0));
        assert_eq!(wrong(unowed), "0 messages to hook of 1");
        assert_eq!(wrong(|story| again(story, 0, 150, false)), "came again without a mark");
        assert_eq!(wrong(|story| again(story, 1, 400, true)), "came again without a cause");
        assert_eq!(wrong(|story| again(story, 0, 90, true)), "came again without a cause");
        let late = |story: &mut Story| story.arrivals[0].at += Duration::from_millis(220);
        assert_eq!(wrong(late), "out of order");
    }

    #[test]
    fn a_kill_excuses_no_more_than_can_be_under_way() {
        let many = |count: usize| {
            wrong(|story| {
                for number in 0..count {
                    let id = format!("d{}", number + 10);
                    let mut row = story.owed[0].clone();
                    let event = format!("e{}", number + 10);
                    (row["id"], row["event_id"]) = (json!(id), json!(event));
                    story.owed.push(row);
                    let mut told = story.events[0].clone();
                    told["event"]["id"] = json!(event);
                    story.events.push(told);
                    let first = Arrival { delivery: id, ..story.arrivals[0].clone() };
                    let at = first.at + Duration::from_millis(100);
                    let second = Arrival { marked: true, at, ..first.clone() };
                    story.arrivals.extend([first, second]);
                }
                // Only the ends of this job are of another lane here.
                story
                    .owed
                    .iter_mut()
                    .enumerate()
                    .for_each(|(n, row)| row["job_id"] = format!("j{n}").into());
            })
        };

        assert_eq!(many(MOST_IN_FLIGHT), "");
        assert_eq!(many(65), "65 messages to hook came again after kill 0");
    }
}
