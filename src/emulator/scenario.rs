//! Scenarios: jobs and faults along a time line, from a TOML file.
//!
//! ```toml
//! repeat = "30s"                     # begin again after this, with fresh ids; leave out for once
//!
//! [projects]
//! "Spring launch" = "9f36ee32-5a2c-47e7-b1a3-94991d3e3ddb"   # optional; else an id is made
//!
//! [[jobs]]
//! at = "0s"                          # when it is created; "-2h" for an older one (then once)
//! type = "import/project_media"
//! project = "Spring launch"          # leave out for a job without a project
//! # id = "…"                         # only without `repeat`
//! # listed = "ended"                 # the list shows it only once it has ended
//! # fields = { extra = 1 }           # further fields of the document
//!   [[jobs.steps]]                   # before the first step it is queued
//!   at = "2s"                        # counted from the job's creation
//!   state = "running"
//!   progress = { label = "Transcribing", percent = 40 }
//!   [[jobs.steps]]
//!   at = "6s"
//!   state = "stopped"
//!   result = { status = "success" }  # a string like "@+24h" becomes the time so far ahead
//!
//! [[faults]]
//! kind = "429"                       # see `Fault` for the list
//! on = "list"                        # from, times, after, for, retry-after… likewise
//! retry-after = "1s"
//! ```

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;

use crate::problem::Problem;

use super::fault::Fault;
use super::script::{Listed, Step};
use super::span;

const DEMO: &str = include_str!("demo.toml");
const LIVE: &str = include_str!("live.toml");

/// Shorter rounds would flood every list.
const SHORTEST_ROUND: SignedDuration = SignedDuration::from_secs(1);

/// A scenario, checked.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scenario {
    pub repeat: Option<SignedDuration>,
    /// Names with the ids that the file gives them.
    pub projects: BTreeMap<String, String>,
    pub jobs: Vec<ScenarioJob>,
    pub faults: Vec<Fault>,
}

/// A job of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct ScenarioJob {
    /// Counted from the emulator's start.
    pub at: SignedDuration,
    pub job_type: String,
    pub project: Option<String>,
    pub id: Option<String>,
    pub listed: Listed,
    pub fields: Map<String, Value>,
    pub steps: Vec<Step>,
}

impl Scenario {
    /// The built-in one: about twenty seconds of a studio's day, over and over.
    pub fn demo() -> Self {
        Self::parse(DEMO).unwrap_or_default()
    }

    /// The demo with what the live service does beside the description: unknown types, states and
    /// outcomes, a job without a project, one that is seen only when it has ended, a stuck one.
    pub fn live() -> Self {
        let mut both = Self::demo();
        let more = Self::parse(LIVE).unwrap_or_default();
        both.projects.extend(more.projects);
        both.jobs.extend(more.jobs);
        both.faults.extend(more.faults);
        both
    }

    /// Reads a scenario file.
    ///
    /// # Errors
    /// Every mistake in it, each with its place.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        let file: ScenarioFile = toml::from_str(text).map_err(|error| {
            let problem = Problem::error(error.message());
            vec![match error.span() {
                Some(span) => problem.at(span),
                None => problem,
            }]
        })?;
        let mut problems = Vec::new();
        let scenario = file.checked(&mut problems);
        if problems.is_empty() { Ok(scenario) } else { Err(problems) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScenarioFile {
    repeat: Option<Spanned<String>>,
    #[serde(default)]
    projects: BTreeMap<String, String>,
    #[serde(default)]
    jobs: Vec<JobFile>,
    #[serde(default)]
    faults: Vec<Spanned<FaultFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JobFile {
    at: Option<Spanned<String>>,
    #[serde(rename = "type")]
    job_type: String,
    project: Option<String>,
    id: Option<Spanned<String>>,
    #[serde(default)]
    listed: Listed,
    #[serde(default)]
    fields: Map<String, Value>,
    #[serde(default)]
    steps: Vec<Spanned<StepFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    at: Spanned<String>,
    state: String,
    progress: Option<Value>,
    result: Option<Value>,
    #[serde(default)]
    fields: Map<String, Value>,
}

#[derive(Deserialize)]
struct FaultFile {
    kind: String,
    #[serde(flatten)]
    keys: BTreeMap<String, toml::Value>,
}

impl ScenarioFile {
    fn checked(self, problems: &mut Vec<Problem>) -> Scenario {
        let repeat = self.repeat.map(|text| {
            let before = problems.len();
            let repeat = length(&text, problems);
            if problems.len() == before && repeat < SHORTEST_ROUND {
                problems.push(Problem::error("`repeat` is at least a second").at(text.span()));
            }
            repeat
        });
        let jobs: Vec<ScenarioJob> =
            self.jobs.into_iter().map(|job| job.checked(repeat.is_some(), problems)).collect();
        let faults = self.faults.into_iter().filter_map(|fault| {
            let span = fault.span();
            let read = fault.into_inner().written().parse();
            read.map_err(|error: super::fault::FaultError| {
                problems.push(Problem::error(error.to_string()).at(span));
            })
            .ok()
        });
        let faults = faults.collect();
        Scenario { repeat, projects: self.projects, jobs, faults }
    }
}

impl JobFile {
    fn checked(self, repeats: bool, problems: &mut Vec<Problem>) -> ScenarioJob {
        if let Some(id) = &self.id
            && repeats
        {
            let problem = Problem::error("a job with an `id` cannot come again")
                .at(id.span())
                .help("leave out the `id`, or the scenario's `repeat`");
            problems.push(problem);
        }
        let mut steps: Vec<Step> = Vec::new();
        for step in self.steps {
            let span = step.span();
            let step = step.into_inner();
            let at = length(&step.at, problems);
            if steps.last().is_some_and(|before| before.at > at) {
                let problem = Problem::error("this step comes before the one above it").at(span);
                problems.push(problem.help("put the steps in the order of their `at`"));
            }
            let StepFile { state, progress, result, fields, .. } = step;
            steps.push(Step { at, state, progress, result, fields });
        }
        ScenarioJob {
            at: self.at.map_or(SignedDuration::ZERO, |text| length(&text, problems)),
            job_type: self.job_type,
            project: self.project,
            id: self.id.map(Spanned::into_inner),
            listed: self.listed,
            fields: self.fields,
            steps,
        }
    }
}

impl FaultFile {
    /// The fault as it is written on the command line.
    fn written(self) -> String {
        self.keys.into_iter().fold(self.kind, |text, (key, value)| {
            let value = match value {
                toml::Value::String(text) => text,
                other => other.to_string(),
            };
            format!("{text}:{}={value}", key.replace('_', "-"))
        })
    }
}

fn length(text: &Spanned<String>, problems: &mut Vec<Problem>) -> SignedDuration {
    span::signed(text.get_ref()).unwrap_or_else(|message| {
        problems.push(Problem::error(message).at(text.span()));
        SignedDuration::ZERO
    })
}

#[cfg(test)]
mod tests {
    use crate::problem::{Colour, report};

    use super::*;

    #[test]
    fn the_built_in_scenarios_and_the_example_read_without_a_problem() {
        let example = include_str!("../../tests/data/scenario.toml");

        for text in [DEMO, LIVE, example] {
            assert_eq!(Scenario::parse(text).map_err(|p| p[0].to_string()).err(), None);
        }
    }

    #[test]
    fn the_demo_shows_every_outcome_and_the_first_within_three_seconds() {
        let demo = Scenario::demo();
        let ends = |job: &ScenarioJob| job.steps.last().map(|step| job.at + step.at);
        let outcomes: Vec<String> = demo
            .jobs
            .iter()
            .filter_map(|job| job.steps.last())
            .map(|step| match &step.result {
                Some(result) => result["status"].as_str().unwrap().to_owned(),
                None => step.state.clone(),
            })
            .collect();

        for outcome in ["success", "partial", "error", "cancelled"] {
            assert!(outcomes.iter().any(|seen| seen == outcome), "{outcome}");
        }
        assert!(demo.jobs.iter().filter_map(ends).min() <= Some(SignedDuration::from_secs(3)));
        assert!(demo.jobs.iter().filter_map(ends).max() <= demo.repeat);
        assert!(Scenario::live().jobs.len() > demo.jobs.len());
    }

    #[test]
    fn a_fault_is_read_from_a_table() {
        let scenario = Scenario::parse(
            "[[faults]]\nkind = \"429\"\non = \"list\"\nfrom = 3\ntimes = 2\nretry_after = \"1s\"",
        )
        .unwrap();

        assert_eq!(
            scenario.faults,
            ["429:on=list:from=3:times=2:retry-after=1s".parse::<Fault>().unwrap()]
        );
    }

    #[test]
    fn every_mistake_is_told_at_its_place() {
        let text = "repeat = \"soon\"\n\n[[jobs]]\ntype = \"agent\"\nid = \"a\"\n\
            steps = [{ at = \"5s\", state = \"running\" }, { at = \"2s\", state = \"stopped\" }]\n\n\
            [[faults]]\nkind = \"cutt\"\n";

        let problems = Scenario::parse(text).unwrap_err();

        assert_eq!(problems.len(), 4);
        let shown = report("s.toml", text, &problems[1..2], Colour::Never);
        insta::assert_snapshot!(shown, @r#"
        error: a job with an `id` cannot come again
         --> s.toml:5:6
          |
        5 | id = "a"
          |      ^^^
          |
          = help: leave out the `id`, or the scenario's `repeat`
        "#);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(told.join("\n"), @"
        `soon` is not a length of time: write a number and a unit, like `200ms`, `2s` or `1h30m`
        a job with an `id` cannot come again
        this step comes before the one above it
        no fault is called `cutt`: did you mean `cut`?
        ");
    }

    #[test]
    fn a_round_is_not_too_short() {
        let problems = Scenario::parse("repeat = \"200ms\"\n").unwrap_err();

        assert_eq!(problems[0].to_string(), "`repeat` is at least a second");
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let problems = Scenario::parse("[[jobs]]\ntype = \"agent\"\nstep = []\n").unwrap_err();

        assert!(problems[0].message.contains("unknown field `step`"), "{}", problems[0]);
    }
}
