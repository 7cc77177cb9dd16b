//! What 10, 100 and 1,000 rules cost one event.
//!
//! *Equalities*: each rule asks for another project, which the index answers. *Expressions*:
//! each has a CEL `when` as well as, or in place of, its equality; without one every rule has
//! to be evaluated.
#![expect(clippy::expect_used, reason = "a bench that goes wrong stops")]

use std::fmt::Write as _;
use std::path::Path;

use descript_notify::config::{Defaults, parse};
use descript_notify::model::{Event, EventKind};
use descript_notify::render::samples;
use descript_notify::rules::RuleSet;
use divan::Bencher;

const COUNTS: [usize; 3] = [10, 100, 1_000];

fn main() {
    divan::main();
}

#[divan::bench(args = COUNTS)]
fn equalities(bencher: Bencher<'_, '_>, count: usize) {
    judge(bencher, count, |number| {
        format!("match = {{ \"job.project_id\" = \"{}\" }}", project(number))
    });
}

#[divan::bench(args = COUNTS)]
fn equalities_with_expressions(bencher: Bencher<'_, '_>, count: usize) {
    judge(bencher, count, |number| {
        let project = project(number);
        format!(
            "match = {{ \"job.project_id\" = \"{project}\" }}\nwhen = 'job.job_type != \"agent\"'"
        )
    });
}

#[divan::bench(args = COUNTS)]
fn globs(bencher: Bencher<'_, '_>, count: usize) {
    judge(bencher, count, |number| {
        format!("match = {{ \"job.project_name\" = {{ glob = \"{}/*\" }} }}", client(number))
    });
}

#[divan::bench(args = COUNTS)]
fn expressions(bencher: Bencher<'_, '_>, count: usize) {
    judge(bencher, count, |number| {
        let project = project(number);
        format!("when = 'job.project_id == \"{project}\" && job.job_type != \"agent\"'")
    });
}

/// Asks `count` rules of which one matches about a failed import.
fn judge(bencher: Bencher<'_, '_>, count: usize, condition: impl Fn(usize) -> String) {
    let mut text = String::from("[notifiers.team]\ntype = \"console\"\n");
    for number in 0..count {
        let condition = condition(number);
        let rule = format!("name = \"rule {number}\"\non = [\"failed\"]\nnotify = [\"team\"]");
        write!(text, "\n[[rules]]\n{rule}\n{condition}\n").expect("memory");
    }
    let defaults = Defaults { state_folder: Some("/state".into()) };
    let parsed = parse(&text, Path::new("/etc"), &defaults);
    let rules = RuleSet::new(parsed.config.expect("a config without mistakes").rules);
    let event = failed();
    let sends = rules.judge(&event).iter().filter(|(_, verdict)| verdict.sends()).count();
    assert_eq!(sends, 1, "one rule is about this project");

    bencher.bench(|| rules.judge(&event));
}

fn failed() -> Event {
    let mut samples = samples::events().into_iter().map(|(_, event)| event);
    samples.find(|event| event.kind == EventKind::Failed).expect("a sample of each kind")
}

/// The first rule's project is the event's.
fn project(number: usize) -> String {
    match number {
        0 => {
            let job = failed().job.expect("it is about a job");
            job["project_id"].as_str().expect("it has a project").to_owned()
        }
        number => format!("1b6f0c1e-55a1-4b0e-9f2b-{number:012}"),
    }
}

fn client(number: usize) -> String {
    if number == 0 { "Client A".into() } else { format!("Client {number}") }
}
