//! Instructions of the pure core, counted by valgrind: noise of the machine does not reach them.
//!
//! Run as a bench it runs itself under callgrind, once for each case with few rounds and once
//! with many; the difference is the cost of a round, without what it takes to prepare it. The
//! numbers of the last change that meant to move them stand in `counts.toml`: `--write` writes
//! them, `--check` fails where one is more than a tenth above.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a bench that goes wrong stops, and its table goes to the screen"
)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, ExitCode};

use descript_notify::config::{Defaults, parse};
use descript_notify::diff::{self, Watch};
use descript_notify::model::{Event, EventKind, Fingerprint, JobId, KnownJob, NotifierKind};
use descript_notify::render::{RenderRequest, Templates, samples};
use descript_notify::rules::RuleSet;
use descript_notify::source::wire::{self, Element};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Rounds of the two runs of a case.
const FEW: u64 = 2;
const MANY: u64 = 12;

/// By so much may a case cost more than is written down.
const MARGIN: f64 = 1.1;

const PAGE: usize = 100;

const CASES: [&str; 11] = [
    "read 100 unchanged",
    "read and diff 100 changed",
    "decide, 10 rules",
    "decide, 1000 rules",
    "decide, 10000 rules",
    "render slack",
    "render discord",
    "render email",
    "render webhook",
    "render command",
    "render console",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, case, rounds, ..] = arguments.as_slice()
        && word == "--rounds"
    {
        run(case, rounds.parse().expect("a number"));
        return ExitCode::SUCCESS;
    }
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("valgrind is not there: nothing is counted");
        return ExitCode::SUCCESS;
    }
    let counted: BTreeMap<&str, u64> = CASES.map(|case| (case, count(case))).into();
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/counts.toml");
    let written = std::fs::read_to_string(place).unwrap_or_default();
    let written: BTreeMap<String, u64> = toml::from_str(&written).expect("cases with numbers");
    let mut missed = false;
    for case in CASES {
        let (now, before) = (counted[case], written.get(case).copied());
        let ratio = before.map(|before| now as f64 / before as f64);
        missed |= ratio.is_none_or(|ratio| ratio > MARGIN);
        let ratio = ratio.map_or("new".into(), |ratio| format!("{ratio:.3} of what is written"));
        println!("{case:<28} {now:>12}  {ratio}");
    }
    let asked_for = |word: &str| arguments.iter().any(|argument| argument == word);
    if asked_for("--write") {
        let text = CASES.iter().fold(String::from(HEAD), |mut text, case| {
            writeln!(text, "{case:?} = {}", counted[case]).expect("memory");
            text
        });
        std::fs::write(place, text).expect("the file can be written");
    }
    match asked_for("--check") && missed {
        true => {
            println!("a case costs more than a tenth over what is written; `--write` if meant");
            ExitCode::FAILURE
        }
        false => ExitCode::SUCCESS,
    }
}

const HEAD: &str =
    "# Instructions for one round of each case: `cargo bench --bench counts -- --write`\n";

/// The instructions of one round.
fn count(case: &str) -> u64 {
    let instructions = |rounds: u64| {
        let itself = std::env::current_exe().expect("a program");
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(itself)
            .args(["--rounds", case, &rounds.to_string()])
            .output()
            .expect("valgrind runs");
        let told = String::from_utf8_lossy(&output.stderr);
        let line = told.lines().find_map(|line| line.split_once("Collected :"));
        let number = line.and_then(|(_, number)| number.trim().parse::<u64>().ok());
        number.unwrap_or_else(|| panic!("{case} was not counted: {told}"))
    };
    instructions(MANY).saturating_sub(instructions(FEW)) / (MANY - FEW)
}

fn run(case: &str, rounds: u64) {
    let words: Vec<&str> = case.split(' ').collect();
    match words.as_slice() {
        ["read", "100", ..] => {
            let text = page(RUNNING);
            let known: HashSet<Fingerprint> =
                look(&text, &HashSet::new()).iter().map(|(_, print)| *print).collect();
            repeat(rounds, || look(black_box(&text), &known).len());
        }
        ["read", ..] => {
            let (before, text) = (page(RUNNING), page(ENDED));
            let known: HashMap<JobId, KnownJob> = steps(&before, &HashMap::new());
            repeat(rounds, || steps(black_box(&text), &known).len());
        }
        ["decide,", count, ..] => {
            let rules = rules(count.parse().expect("a number"));
            let event = failed();
            repeat(rounds, || rules.judge(black_box(&event)).len());
        }
        ["render", kind] => {
            let kind = NotifierKind::ALL.into_iter().find(|known| known.as_str() == *kind);
            let event = failed().document(None, false);
            let templates = Templates::builtin();
            let request = RenderRequest {
                kind: kind.expect("a type"),
                template: "default",
                document: &event,
                now: Timestamp::constant(1_795_161_900, 0),
                zone: &TimeZone::UTC,
            };
            repeat(rounds, || templates.render(black_box(&request)));
        }
        _ => panic!("there is no case `{case}`"),
    }
}

fn repeat<T>(rounds: u64, work: impl Fn() -> T) {
    (0..rounds).for_each(|_| drop(black_box(work())));
}

/// The texts of a page that are not known, and their fingerprints.
fn look(text: &str, known: &HashSet<Fingerprint>) -> Vec<(JobId, Fingerprint)> {
    let page = wire::read_page(text).expect("a page");
    let seen = page.elements.into_iter().filter_map(|raw| {
        match wire::read_element(raw, &|it| known.contains(&it)) {
            Element::Seen(seen) => Some((seen.id.clone(), seen.fingerprint)),
            Element::Unchanged(_) | Element::Rejected(_) => None,
        }
    });
    seen.collect()
}

fn steps(text: &str, known: &HashMap<JobId, KnownJob>) -> HashMap<JobId, KnownJob> {
    let at = Timestamp::constant(1_795_161_800, 0);
    let watch = Watch { source: "main", now: at, baseline: false, late: false };
    let page = wire::read_page(text).expect("a page");
    let seen = page.elements.into_iter().map(|raw| wire::read_job(raw.get()).expect("a job"));
    let steps = seen.map(|job| diff::observe(&watch, known.get(&job.id), &job));
    steps.map(|step| (step.job.id.clone(), step.job)).collect()
}

/// So many rules, each about another project; the first is about the event's.
fn rules(count: usize) -> RuleSet {
    let job = failed().job.expect("it is about a job");
    let mut text = String::from("[notifiers.team]\ntype = \"console\"\n");
    for number in 0..count {
        let project = match number {
            0 => job["project_id"].as_str().expect("a project").to_owned(),
            number => format!("p{number}"),
        };
        write!(
            text,
            "\n[[rules]]\nname = \"{number}\"\non = [\"failed\"]\nnotify = [\"team\"]\nmatch.\"job.project_id\" = {project:?}\n"
        )
        .expect("memory");
    }
    let defaults = Defaults { state_folder: Some("/state".into()) };
    let parsed = parse(&text, Path::new("/etc"), &defaults);
    RuleSet::new(parsed.config.expect("a config without mistakes").rules)
}

fn failed() -> Event {
    let mut samples = samples::events().into_iter().map(|(_, event)| event);
    samples.find(|event| event.kind == EventKind::Failed).expect("a sample of each kind")
}

const RUNNING: &str = r#""job_state":"running","progress":{"label":"Uploading media","last_update_at":"2026-11-20T08:01:00Z"}"#;
const ENDED: &str = r#""job_state":"stopped","stopped_at":"2026-11-20T08:05:00Z","result":{"status":"success","media_status":{"Misc/intro.mp4":{"status":"success","duration_seconds":10.5}},"media_seconds_used":11}"#;

/// 100 jobs in the form of the published description.
fn page(rest: &str) -> String {
    let jobs: Vec<String> = (0..PAGE)
        .map(|number| {
            format!(
                r#"{{"job_id":"6dc3f30a-58c2-4174-9000-{number:012}","job_type":"import/project_media","created_at":"2026-11-20T08:00:00Z","drive_id":"c9c5c47e-158a-49f7-846b-4f6ee2a229a2","project_id":"9f36ee32-5a2c-47e7-b1a3-94991d3e3ddb","project_url":"https://web.descript.com/9f36ee32-5a2c-47e7-b1a3-94991d3e3ddb",{rest}}}"#
            )
        })
        .collect();
    format!(r#"{{"data":[{}],"pagination":{{}}}}"#, jobs.join(","))
}
