//! `check`: the config, every template its rules use, and on demand the credentials.
//!
//! Opens neither the store nor, without `--online`, the network. A secret that cannot be read
//! here is a warning: it may be there where the service runs.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::{Value, json};

use super::screen::Screen;
use super::table::shown;
use super::{Global, Stop, settings, test_rules};
use crate::app::{listening_faults, load_templates, notifier, resolver};
use crate::config::{Config, Loaded};
use crate::deliver;
use crate::exit::Exit;
use crate::model::{EventKind, without_download_url};
use crate::problem::{Colour, Problem, Severity, report, suggestion};
use crate::render::{RenderRequest, Templates, has_errors, samples};
use crate::rules::Rule;
use crate::secret::{Redactor, Resolver};
use crate::source::Client;
use crate::trial::Trial;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Also ask each source and each notifier whether the credentials work
    #[arg(long)]
    online: bool,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// One thing that was found, in the order it was.
struct Finding {
    severity: Severity,
    text: String,
    /// With its line, when it was found.
    shown: bool,
}

pub(super) async fn check(
    args: &CheckArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Stop> {
    let loaded = settings::load(global)?;
    if !args.json {
        settings::tell(&loaded, screen);
    }
    let mut findings: Vec<Finding> = loaded.problems.iter().map(Finding::of).collect();
    let mut asked = None;
    if let Some(config) = &loaded.config {
        let resolver = resolver(&loaded.path);
        let more = judge_templates(config, screen, args.json)
            .into_iter()
            .chain(judge_silence(config))
            .chain(judge_secrets(config, &resolver));
        for finding in more {
            if !args.json && !finding.shown {
                finding.show(screen);
            }
            findings.push(finding);
        }
        let sound = !findings.iter().any(|finding| finding.severity == Severity::Error);
        if args.online && sound {
            asked = Some(ask_everyone(config, &resolver, screen, args.json).await);
        }
    }
    conclude(&loaded, &findings, asked, args.json, screen)
}

impl Finding {
    fn of(problem: &Problem) -> Self {
        Self { severity: problem.severity, text: problem.to_string(), shown: true }
    }

    fn error(text: String) -> Self {
        Self { severity: Severity::Error, text, shown: false }
    }

    fn warning(text: String) -> Self {
        Self { severity: Severity::Warning, text, shown: false }
    }

    fn show(&self, screen: &Screen) {
        match self.severity {
            Severity::Error => screen.complain(&self.text),
            Severity::Warning => screen.murmur(&format!("warning: {}", self.text)),
        }
    }
}

fn conclude(
    loaded: &Loaded,
    findings: &[Finding],
    asked: Option<Vec<Asked>>,
    as_json: bool,
    screen: &Screen,
) -> Result<Exit, Stop> {
    let silent = asked.iter().flatten().filter(|asked| asked.answer.is_err()).count();
    let well = silent == 0;
    let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let warnings = findings.len() - errors;
    if as_json {
        let told: Vec<Value> = findings
            .iter()
            .map(|finding| {
                let severity =
                    if finding.severity == Severity::Error { "error" } else { "warning" };
                json!({ "severity": severity, "message": finding.text })
            })
            .collect();
        let config = loaded.path.display().to_string();
        let mut document = json!({ "config": config, "ok": errors == 0 && well, "problems": told });
        if let Some(asked) = &asked {
            document["online"] = asked.iter().map(Asked::document).collect();
        }
        screen.say_json(&document);
    } else if errors > 0 {
        let found = settings::found(errors, warnings);
        screen.complain(&format!("`{}` has {found}", loaded.path.display()));
    } else if let Some(config) = &loaded.config {
        let counted = settings::counted;
        let warned = if warnings > 0 {
            format!(", with {}", counted(warnings, "warning"))
        } else {
            String::new()
        };
        screen.say(&format!(
            "`{}` is fine{warned}: {}, {}, {}{}.",
            loaded.path.display(),
            counted(config.sources.len(), "source"),
            counted(config.notifiers.len(), "notifier"),
            counted(config.rules.len(), "rule"),
            match config.tests.len() {
                0 => String::new(),
                tests => format!(", {}", counted(tests, "test")),
            },
        ));
        if !well {
            screen.complain(&format!("{silent} of them did not answer as they should"));
        }
    }
    match (errors, well) {
        (0, true) => Ok(Exit::Done),
        (0, false) => Ok(Exit::Failed),
        _ => Ok(Exit::Usage),
    }
}

/// Loads the operator's templates and renders every one that a rule uses against samples of
/// the events it is for.
fn judge_templates(config: &Config, screen: &Screen, as_json: bool) -> Vec<Finding> {
    let (templates, broken) = match load_templates(config.service.templates.as_deref()) {
        Ok(loaded) => loaded,
        Err(problem) => return vec![Finding::error(problem)],
    };
    let mut findings = Vec::new();
    let colour = if screen.error_colour() { Colour::Always } else { Colour::Never };
    for (path, text, problems) in &broken {
        if !as_json {
            screen.murmur(&report(path, text, problems, colour));
        }
        // Shown already, with their lines.
        findings.extend(problems.iter().map(|problem| Finding {
            severity: problem.severity,
            text: format!("template `{path}`: {problem}"),
            shown: true,
        }));
    }
    if !has_errors(&broken) {
        for rule in &config.rules {
            findings.extend(judge_rule(rule, config, &templates));
        }
        findings.extend(play_tests(config, &templates));
    }
    findings
}

/// Plays the tests that stand in the config.
fn play_tests(config: &Config, templates: &Templates) -> Vec<Finding> {
    let outcomes = Trial::new(config, templates).run(&config.tests).into_iter();
    let failed = outcomes.filter(|outcome| !outcome.faults.is_empty());
    failed
        .map(|outcome| {
            let name = shown(&outcome.name);
            let why: Vec<String> = outcome.faults.iter().flat_map(test_rules::fault).collect();
            Finding::error(format!(
                "test `{name}` (line {}) failed:\n  {}",
                outcome.line,
                why.join("\n  ")
            ))
        })
        .collect()
}

/// What happens to the bridge itself goes only to rules that name it.
fn judge_silence(config: &Config) -> Option<Finding> {
    let named = |kind| config.rules.iter().any(|rule| rule.on.contains(&kind));
    let missing: Vec<String> = [EventKind::SourceDown, EventKind::NotifierDown]
        .into_iter()
        .filter(|kind| !config.rules.is_empty() && !named(*kind))
        .map(|kind| format!("`{kind}`"))
        .collect();
    (!missing.is_empty()).then(|| {
        Finding::warning(format!(
            "no rule names {}, so nobody is told when Descript cannot be polled or a service \
             refuses messages: add them to the `on` of a rule",
            missing.join(" or ")
        ))
    })
}

fn judge_rule(rule: &Rule, config: &Config, templates: &Templates) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut kinds = Vec::new();
    for settings in config.notifiers.iter().filter(|known| rule.notify.contains(&known.name)) {
        if !kinds.contains(&settings.kind()) {
            kinds.push(settings.kind());
        }
    }
    if !kinds.iter().any(|kind| templates.has(*kind, &rule.template)) {
        let (name, template) = (&rule.name, &rule.template);
        let names = templates.names();
        if !names.contains(&template.as_str()) {
            let help = suggestion(template, &names);
            findings.push(Finding::error(format!(
                "rule `{name}`, key `template`: no template is called `{template}`: {help}"
            )));
            return findings;
        }
        findings.push(Finding::warning(format!(
            "rule `{name}`, key `template`: none of its notifiers has a template called \
             `{template}`, so they use `default`"
        )));
    }
    let now = settings::now();
    for kind in kinds {
        let mut told = BTreeSet::new();
        for (name, document) in samples::documents().into_iter().chain(samples::grouped()) {
            let event = document["event"]["kind"].as_str().and_then(|kind| kind.parse().ok());
            if !event.is_some_and(|event| rule.on.contains(&event)) {
                continue;
            }
            let document =
                if rule.include_download_url { document } else { without_download_url(document) };
            let request = RenderRequest {
                kind,
                template: &rule.template,
                document: &document,
                now,
                zone: &config.service.timezone,
            };
            let Err(failure) = templates.render_strict(&request) else { continue };
            // One sample is enough to mend a template by.
            if told.insert(failure.to_string()) {
                let help = failure.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
                findings.push(Finding {
                    severity: failure.severity,
                    text: format!(
                        "rule `{}`: {failure}{help} (with the sample \"{name}\")",
                        rule.name
                    ),
                    shown: false,
                });
            }
        }
    }
    findings
}

fn judge_secrets(config: &Config, resolver: &Resolver) -> Vec<Finding> {
    deliver::http::install_crypto();
    let mut redactor = Redactor::default();
    let mut findings = Vec::new();
    for source in &config.sources {
        if let Err(problem) = Client::build(source, resolver, &mut redactor) {
            findings.push(Finding::warning(problem.to_string()));
        }
    }
    for settings in &config.notifiers {
        if let Err(problem) = notifier(settings, resolver) {
            findings.push(Finding::warning(problem));
        }
    }
    for problem in listening_faults(config, resolver) {
        findings.push(Finding::warning(problem));
    }
    findings
}

/// What a source or a notifier said when it was asked.
struct Asked {
    /// "source `main`"
    who: String,
    answer: Result<String, String>,
}

impl Asked {
    fn document(&self) -> Value {
        let (Ok(answer) | Err(answer)) = &self.answer;
        json!({ "who": self.who, "ok": self.answer.is_ok(), "answer": answer })
    }

    fn show(&self, screen: &Screen) {
        match &self.answer {
            Ok(answer) => screen.say(&format!("{}: {}", self.who, shown(answer))),
            Err(problem) => screen.complain(&format!("{}: {}", self.who, shown(problem))),
        }
    }
}

/// Asks every source and every notifier whether the credentials work.
async fn ask_everyone(
    config: &Config,
    resolver: &Resolver,
    screen: &Screen,
    quiet: bool,
) -> Vec<Asked> {
    let mut redactor = Redactor::default();
    let mut everyone = Vec::new();
    let mut tell = |who: String, answer: Result<String, String>| {
        let asked = Asked { who, answer };
        if !quiet {
            asked.show(screen);
        }
        everyone.push(asked);
    };
    for source in &config.sources {
        let answer = match Client::build(source, resolver, &mut redactor) {
            Ok(client) => client.ping().await.map_err(|problem| problem.to_string()),
            Err(problem) => Err(problem.to_string()),
        };
        tell(format!("source `{}`", source.name), answer.map(|()| "the token works".into()));
    }
    for settings in &config.notifiers {
        let answer = match notifier(settings, resolver) {
            Ok(notifier) => notifier.probe().await.map_err(|problem| problem.reason),
            Err(problem) => Err(problem),
        };
        tell(format!("notifier `{}`", settings.name), answer);
    }
    everyone
}
