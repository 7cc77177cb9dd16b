//! `test-rules`: plays cases, events in and expected messages out, and tells what is wrong.
//!
//! The cases stand in files of their own or in the config. Neither store, secrets nor network
//! are needed. `check` plays those of the config by the same words.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::screen::Screen;
use super::table::shown;
use super::{Global, Stop, settings};
use crate::app::load_templates;
use crate::config::{self, Case, Config};
use crate::exit::Exit;
use crate::render::{Templates, has_errors};
use crate::trial::{Fault, Missed, Outcome, Trial};

/// A message is quoted up to this many lines, and each line up to so many letters.
const QUOTED_LINES: usize = 8;
const QUOTED_CHARS: usize = 160;

#[derive(Debug, Args)]
pub(super) struct TestRulesArgs {
    /// Files of [[test]] tables [default: those of the config]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// The cases of one file.
struct Batch {
    file: String,
    cases: Vec<Case>,
}

pub(super) fn test_rules(
    args: &TestRulesArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Stop> {
    let (path, config) = settings::read_quietly(global, screen)?;
    let templates = templates(&config)?;
    let batches = if args.files.is_empty() {
        let file = path.display().to_string();
        if config.tests.is_empty() {
            return Err(Stop::usage(format!(
                "`{file}` has no [[test]]: name a file of tests, or add one there"
            )));
        }
        vec![Batch { file, cases: config.tests.clone() }]
    } else {
        read_all(&args.files, &config, screen)?
    };
    let trial = Trial::new(&config, &templates);
    let played: Vec<(String, Outcome)> = batches
        .iter()
        .flat_map(|batch| {
            let outcomes = trial.run(&batch.cases).into_iter();
            outcomes.map(|outcome| (batch.file.clone(), outcome))
        })
        .collect();
    let failed = played.iter().filter(|(_, outcome)| !outcome.faults.is_empty()).count();
    if args.json {
        let cases: Vec<Value> =
            played.iter().map(|(file, outcome)| document(file, outcome)).collect();
        screen.say_json(&json!({ "ok": failed == 0, "tests": cases }));
    } else {
        let lines: Vec<String> =
            played.iter().flat_map(|(file, outcome)| story(file, outcome)).collect();
        screen.say(&lines.join("\n"));
        if failed > 0 {
            let all = settings::counted(played.len(), "test");
            screen.complain(&format!("{failed} of {all} failed"));
        }
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

/// The templates of a config, or that they must be mended first.
pub(super) fn templates(config: &Config) -> Result<Templates, Stop> {
    let folder = config.service.templates.as_deref();
    let (templates, broken) = load_templates(folder).map_err(Stop::usage)?;
    if has_errors(&broken) {
        return Err(Stop::usage("the templates have errors: `descript-notify check` shows them"));
    }
    Ok(templates)
}

/// Reads every file, and tells the mistakes of all.
fn read_all(files: &[PathBuf], config: &Config, screen: &Screen) -> Result<Vec<Batch>, Stop> {
    let mut batches = Vec::new();
    let mut complaints = Vec::new();
    for file in files {
        match config::load_cases(file, config) {
            Err(cause) => complaints.push(cause.to_string()),
            Ok(loaded) => {
                settings::show_problems(&loaded.path, &loaded.masked, &loaded.problems, screen);
                match loaded.cases {
                    Some(cases) => batches.push(Batch { file: file.display().to_string(), cases }),
                    None => complaints.push(settings::summary(&loaded.path, &loaded.problems)),
                }
            }
        }
    }
    match complaints.is_empty() {
        true => Ok(batches),
        false => Err(Stop { exit: Exit::Usage, messages: complaints }),
    }
}

/// What became of a case, for people.
fn story(file: &str, outcome: &Outcome) -> Vec<String> {
    let name = shown(&outcome.name);
    if outcome.faults.is_empty() {
        return vec![format!("ok      {name}")];
    }
    let mut lines = vec![format!("FAILED  {name} ({file}:{})", outcome.line)];
    lines.extend(outcome.faults.iter().flat_map(fault).map(|line| format!("        {line}")));
    lines
}

/// What is wrong, and why, line by line.
pub(super) fn fault(fault: &Fault) -> Vec<String> {
    let mut lines = vec![shown(&fault.to_string()).into_owned()];
    match fault {
        Fault::Missing { why, .. } => {
            for missed in why {
                lines.push(format!("  {}", shown(&missed.to_string())));
                if let Missed::Lacks { says, .. } = missed {
                    lines.extend(quoted(says));
                }
            }
        }
        Fault::Unexpected { says, .. } => lines.extend(quoted(says)),
    }
    lines
}

fn quoted(message: &str) -> Vec<String> {
    let mut rest = message.lines().filter(|line| !line.trim().is_empty());
    let mut lines: Vec<String> = rest
        .by_ref()
        .take(QUOTED_LINES)
        .map(|line| {
            let kept: String = line.chars().take(QUOTED_CHARS).collect();
            let cut = if kept.len() < line.len() { "…" } else { "" };
            format!("  | {}{cut}", shown(&kept))
        })
        .collect();
    if rest.next().is_some() {
        lines.push("  | …".into());
    }
    lines
}

fn document(file: &str, outcome: &Outcome) -> Value {
    let faults: Vec<Value> = outcome
        .faults
        .iter()
        .map(|fault| {
            let mut told = match fault {
                Fault::Missing { rule, notifier, text, why } => {
                    let why: Vec<String> = why.iter().map(ToString::to_string).collect();
                    json!({ "fault": "missing", "rule": rule, "notifier": notifier, "text": text,
                        "why": why })
                }
                Fault::Unexpected { event, kind, rule, notifier, says } => {
                    json!({ "fault": "unexpected", "rule": rule, "notifier": notifier,
                        "event": event, "kind": kind.as_str(), "says": says })
                }
            };
            told["message"] = json!(fault.to_string());
            told
        })
        .collect();
    json!({
        "name": outcome.name,
        "file": file,
        "line": outcome.line,
        "ok": outcome.faults.is_empty(),
        "faults": faults,
    })
}
