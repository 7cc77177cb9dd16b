//! Plays the cases of `[[test]]`: events in, the messages that they bring out, and what is
//! wrong with those. Pure.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{Fault, Missed, Trial, decisions, subject, words_of};
use crate::config::{Case, CaseEvent, Expected};
use crate::model::{EventKind, NotifierKind};
use crate::render::{RenderRequest, Templates, samples};
use crate::rules::{Facts, Rule};

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub name: String,
    /// Where it stands in its file, counted from 1.
    pub line: usize,
    /// None where it went as expected.
    pub faults: Vec<Fault>,
}

/// An event of a case.
struct Played {
    kind: EventKind,
    facts: Facts,
}

/// A message that would be sent.
struct Notification<'r> {
    event: usize,
    rule: &'r Rule,
    notifier: &'r str,
    words: String,
}

/// One message that is asked for.
struct Wish<'c> {
    rule: &'c str,
    notifier: &'c str,
    text: &'c [String],
}

impl Trial<'_> {
    /// Plays every case.
    pub fn run(&self, cases: &[Case]) -> Vec<Outcome> {
        cases.iter().map(|case| self.play(case)).collect()
    }

    fn play(&self, case: &Case) -> Outcome {
        let events: Vec<Played> = case.events.iter().map(played).collect();
        let looks_at =
            |rule: &str| case.only.as_ref().is_none_or(|only| only.iter().any(|name| name == rule));
        let mut sent: Vec<Notification<'_>> = Vec::new();
        for (event, played) in events.iter().enumerate() {
            let decided = decisions(self.rules(), played.kind, &played.facts);
            for decision in decided.iter().filter(|decision| looks_at(&decision.rule.name)) {
                sent.push(Notification {
                    event,
                    rule: decision.rule,
                    notifier: decision.notifier,
                    words: self.words(decision.rule, decision.notifier, played),
                });
            }
        }
        let wishes: Vec<Wish<'_>> =
            case.expect.iter().flat_map(|expected| self.wishes(expected)).collect();
        let granted = assign(&wishes, &sent);

        let mut faults = Vec::new();
        // A message that is wrong in a piece of its text is told once, not as another one too.
        let mut told: Vec<usize> = granted.iter().copied().flatten().collect();
        for (wish, _) in wishes.iter().zip(&granted).filter(|(_, granted)| granted.is_none()) {
            let meant = |(index, message): &(usize, &Notification<'_>)| {
                wish.names(message) && !told.contains(index)
            };
            let near = sent.iter().enumerate().find(meant).map(|(index, _)| index);
            told.extend(near);
            faults.push(Fault::Missing {
                rule: wish.rule.to_owned(),
                notifier: wish.notifier.to_owned(),
                text: wish.text.to_vec(),
                why: self.why_not(wish, &events, &sent),
            });
        }
        for (index, message) in sent.iter().enumerate() {
            if !told.contains(&index) {
                faults.push(Fault::Unexpected {
                    event: message.event + 1,
                    kind: events[message.event].kind,
                    rule: message.rule.name.clone(),
                    notifier: message.notifier.to_owned(),
                    says: headline(&events[message.event].facts, self.zone),
                });
            }
        }
        Outcome { name: case.name.clone(), line: case.line, faults }
    }

    /// The messages that one `expect` asks for: one for each of the rule's notifiers where it
    /// names none.
    fn wishes<'c>(&'c self, expected: &'c Expected) -> Vec<Wish<'c>> {
        let named = expected.notifier.as_deref();
        let notifiers = match (named, self.rule(&expected.rule)) {
            (Some(name), _) => vec![name],
            (None, Some(rule)) => rule.notify.iter().map(String::as_str).collect(),
            (None, None) => Vec::new(),
        };
        let wish = |notifier| Wish { rule: &expected.rule, notifier, text: &expected.text };
        notifiers.into_iter().map(wish).collect()
    }

    fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules().rules().iter().find(|rule| rule.name == name)
    }

    fn words(&self, rule: &Rule, notifier: &str, event: &Played) -> String {
        let Some(settings) = self.notifier(notifier) else { return String::new() };
        let now = detected_at(&event.facts);
        let made = self.message(rule, settings, event.facts.document(), now);
        words_of(settings.kind(), &made.message)
    }

    fn why_not(
        &self,
        wish: &Wish<'_>,
        events: &[Played],
        sent: &[Notification<'_>],
    ) -> Vec<Missed> {
        let Some(rule) = self.rule(wish.rule) else { return Vec::new() };
        if !rule.notify.iter().any(|name| name == wish.notifier) {
            return vec![Missed::NotNotified { notifies: rule.notify.clone() }];
        }
        let mut why = Vec::new();
        for (index, Played { kind, facts }) in events.iter().enumerate() {
            let (event, kind) = (index + 1, *kind);
            let is_meant =
                |message: &&Notification<'_>| message.event == index && wish.names(message);
            if let Some(message) = sent.iter().find(is_meant) {
                why.push(match wish.lacking(message) {
                    Some(piece) => {
                        Missed::Lacks { event, kind, piece, says: message.words.clone() }
                    }
                    None => Missed::Taken { event, kind },
                });
                continue;
            }
            let Some(verdict) = self.verdict(wish.rule, kind, facts) else { continue };
            let about = subject(kind, facts.document());
            why.push(match verdict.sends() && about == wish.notifier {
                true => Missed::AboutItself { event, kind },
                false => Missed::NotSaid { event, kind, reason: verdict.to_string() },
            });
        }
        why
    }
}

impl Wish<'_> {
    /// Whether it is a message of the rule to the notifier, whatever it says.
    fn names(&self, message: &Notification<'_>) -> bool {
        message.rule.name == self.rule && message.notifier == self.notifier
    }

    fn fits(&self, message: &Notification<'_>) -> bool {
        self.names(message) && self.lacking(message).is_none()
    }

    /// The first piece of text that the message does not hold.
    fn lacking(&self, message: &Notification<'_>) -> Option<String> {
        self.text.iter().find(|piece| !message.words.contains(piece.as_str())).cloned()
    }
}

/// What the console would say about an event: one line is enough to know what it was.
fn headline(facts: &Facts, zone: &TimeZone) -> String {
    let now = detected_at(facts);
    let rendered = Templates::builtin().render(&RenderRequest {
        kind: NotifierKind::Console,
        template: "default",
        document: facts.document(),
        now,
        zone,
    });
    let words = words_of(NotifierKind::Console, &rendered.message);
    words.lines().next().unwrap_or_default().to_owned()
}

/// The time of an event, at which its message is made.
fn detected_at(facts: &Facts) -> Timestamp {
    let at = facts.document()["event"]["detected_at"].as_str();
    at.and_then(|at| at.parse().ok()).unwrap_or_default()
}

/// Gives each wish a message of its own, to as many as can be: one that could have several
/// gives way to one that could have only one.
fn assign(wishes: &[Wish<'_>], sent: &[Notification<'_>]) -> Vec<Option<usize>> {
    fn grant(
        wish: usize,
        fits: &dyn Fn(usize, usize) -> bool,
        owners: &mut [Option<usize>],
        tried: &mut [bool],
    ) -> bool {
        for message in 0..owners.len() {
            if tried[message] || !fits(wish, message) {
                continue;
            }
            tried[message] = true;
            let free = match owners[message] {
                None => true,
                Some(owner) => grant(owner, fits, owners, tried),
            };
            if free {
                owners[message] = Some(wish);
                return true;
            }
        }
        false
    }
    let fits = |wish: usize, message: usize| wishes[wish].fits(&sent[message]);
    let mut owners: Vec<Option<usize>> = vec![None; sent.len()];
    for wish in 0..wishes.len() {
        grant(wish, &fits, &mut owners, &mut vec![false; sent.len()]);
    }
    let has = |wish| owners.iter().position(|owner| *owner == Some(wish));
    (0..wishes.len()).map(has).collect()
}

/// The event that a case describes: what it leaves out is the sample's.
fn played(written: &CaseEvent) -> Played {
    let mut document = sample(written);
    let event = &mut document["event"];
    event["kind"] = json!(written.kind.as_str());
    let state = written.job.get("job_state").cloned();
    let to = written.to.as_ref().map(|to| json!(to)).or_else(|| state.clone());
    for (key, value) in [
        ("source", written.source.as_ref().map(|source| json!(source))),
        ("from", written.from.as_ref().map(|from| json!(from))),
        ("late", written.late.map(|late| json!(late))),
        ("detected_at", written.at.map(|at| json!(at.to_string()))),
        ("to", to.clone()),
    ] {
        if let Some(value) = value {
            event[key] = value;
        }
    }
    if let (Value::Object(job), None, Some(to)) = (&mut document["job"], state, to) {
        job.insert("job_state".into(), to);
    }
    merge(&mut document["job"], &written.job);
    if let Some(key) = written.kind.facts_key() {
        merge(&mut document[key], &written.facts);
    }
    for path in &written.without {
        remove(&mut document["job"], path);
    }
    Played { kind: written.kind, facts: Facts::of_document(document) }
}

/// The sample of the kind, of the same type of job where there is one.
fn sample(written: &CaseEvent) -> Value {
    let of_kind = || samples::events().into_iter().filter(|(_, event)| event.kind == written.kind);
    let wanted = written.job.get("job_type");
    let same_type = of_kind().find(|(_, event)| {
        let known = event.job.as_ref().and_then(|job| job.get("job_type"));
        wanted.is_none() || known == wanted
    });
    let found = same_type.or_else(|| of_kind().next());
    found.map_or_else(|| json!({"event": {}, "job": {}}), |(_, event)| event.document(None, false))
}

/// Puts fields over others; within `result` and `progress` too, so that one of them can be
/// named alone.
fn merge(under: &mut Value, over: &Map<String, Value>) {
    const WITHIN: [&str; 2] = ["result", "progress"];
    let Value::Object(fields) = under else { return };
    for (key, value) in over {
        match (fields.get_mut(key), value) {
            (Some(Value::Object(inner)), Value::Object(value))
                if WITHIN.contains(&key.as_str()) =>
            {
                inner.extend(value.clone());
            }
            _ => {
                fields.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Takes a field out of a job, like `result.error_code`.
fn remove(job: &mut Value, path: &str) {
    let (above, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut steps = above.split('.').filter(|step| !step.is_empty());
    let holder = steps.try_fold(job, |value, step| value.get_mut(step));
    if let Some(Value::Object(fields)) = holder {
        fields.remove(last);
    }
}
