//! `preview`: the exact message that a rule would send, for each of its notifiers, without
//! sending it.
//!
//! Messages are made of events from the store, of samples where nothing fits there, of a
//! job's event or of a file. No secret is read and no network is used. This file chooses; `told`
//! writes down.

mod choose;
mod told;

use std::path::PathBuf;

use clap::Args;

use super::screen::Screen;
use super::test_rules::templates;
use super::{Global, Stop, settings};
use crate::deliver::settings::NotifierSettings;
use crate::exit::Exit;
use crate::model::{EventKind, Message, Verdict};
use crate::problem::suggestion;
use crate::rules::{Facts, Rule};
use crate::trial::{Made, Trial};

#[derive(Debug, Args)]
pub(super) struct PreviewArgs {
    /// Only this rule's messages, whether it matches or not
    #[arg(long, value_name = "NAME")]
    rule: Option<String>,
    /// Only messages through this notifier
    #[arg(long, value_name = "NAME")]
    notifier: Option<String>,
    /// About an event in a file (`-`: standard input), as `events --json` prints it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["job", "kind", "samples"])]
    event: Option<PathBuf>,
    /// About the newest event of this job: its id, or enough of its beginning
    #[arg(long, value_name = "JOB_ID", conflicts_with = "samples")]
    job: Option<String>,
    /// About an event of this kind, like `failed`
    #[arg(long, value_name = "KIND", value_parser = super::events::parse_kind)]
    kind: Option<EventKind>,
    /// Use sample events, also where the store has some
    #[arg(long)]
    samples: bool,
    /// Write the page of the (first) mail to a file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// One JSON document instead of text
    #[arg(long)]
    json: bool,
}

/// Where an event comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Stored,
    File,
    /// A sample's name.
    Sample(&'static str),
}

/// An event that a message is made of.
#[derive(Debug)]
struct Occasion {
    kind: EventKind,
    facts: Facts,
    origin: Origin,
}

/// A message, and how it came to be.
#[derive(Debug)]
struct Preview<'a> {
    rule: &'a Rule,
    notifier: &'a NotifierSettings,
    occasion: &'a Occasion,
    /// What the rule says about the event; samples need not match.
    verdict: Verdict,
    made: Made,
}

pub(super) async fn preview(
    args: &PreviewArgs,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Stop> {
    let (_, config) = settings::read_quietly(global, screen)?;
    let templates = templates(&config)?;
    let trial = Trial::new(&config, &templates);
    let rules = trial.rules().rules();
    let known: Vec<&str> = rules.iter().map(|rule| rule.name.as_str()).collect();
    check_name("rule", args.rule.as_deref(), &known)?;
    let known: Vec<&str> = config.notifiers.iter().map(|known| known.name.as_str()).collect();
    check_name("notifier", args.notifier.as_deref(), &known)?;

    let chosen = choose::occasions(args, &config, &trial).await?;
    let mut previews = Vec::new();
    for (rule, occasion) in &chosen {
        let verdict = trial.verdict(&rule.name, occasion.kind, &occasion.facts);
        for notifier in told_by(rule, occasion, args, &trial) {
            let document = occasion.facts.document();
            let at = document["event"]["detected_at"].as_str().and_then(|at| at.parse().ok());
            let made = trial.message(rule, notifier, document, at.unwrap_or_default());
            let verdict = verdict.clone().unwrap_or(Verdict::NotThisEvent);
            previews.push(Preview { rule, notifier, occasion, verdict, made });
        }
    }
    if let Some(file) = &args.html {
        write_page(file, &previews, screen)?;
    }
    if args.json {
        screen.say_json(&told::document(&previews));
    } else if previews.is_empty() {
        screen.murmur(
            "No rule has a message about this: `descript-notify explain` says why, and --rule \
             NAME shows a rule's message all the same.",
        );
    } else {
        screen.say(&told::text(&previews, screen.colour()));
    }
    Ok(Exit::Done)
}

fn check_name(what: &str, name: Option<&str>, known: &[&str]) -> Result<(), Stop> {
    match name {
        Some(name) if !known.contains(&name) => {
            let help = suggestion(name, known);
            Err(Stop::usage(format!("no {what} is called `{name}`: {help}")))
        }
        _ => Ok(()),
    }
}

/// The notifiers that the rule tells about it. One that is named together with a rule need not
/// be among the rule's own.
fn told_by<'a>(
    rule: &Rule,
    occasion: &Occasion,
    args: &PreviewArgs,
    trial: &Trial<'a>,
) -> Vec<&'a NotifierSettings> {
    let key = occasion.kind.facts_key().unwrap_or_default();
    let about = occasion.facts.document()[key]["name"].as_str().unwrap_or_default();
    let names = match (&args.notifier, &args.rule) {
        (Some(name), Some(_)) => vec![name.as_str()],
        _ => rule.notified(occasion.kind, about),
    };
    let wanted = |name: &&str| args.notifier.as_deref().is_none_or(|wanted| wanted == *name);
    names.into_iter().filter(wanted).filter_map(|name| trial.notifier(name)).collect()
}

fn write_page(file: &PathBuf, previews: &[Preview<'_>], screen: &Screen) -> Result<(), Stop> {
    let mut mails = previews.iter().filter_map(|preview| match &preview.made.message {
        Message::Mail { html, .. } => Some((preview, html)),
        _ => None,
    });
    let Some((preview, html)) = mails.next() else {
        return Err(Stop::usage("--html is for mail, and none of these messages is one"));
    };
    let shown = file.display();
    std::fs::write(file, html)
        .map_err(|cause| Stop::failed(format!("`{shown}` cannot be written: {cause}")))?;
    let more = match mails.count() {
        0 => String::new(),
        more => format!(
            "; {} more: choose with --rule, --notifier or --kind",
            settings::counted(more, "mail")
        ),
    };
    screen.murmur(&format!("Wrote the mail of rule `{}` to {shown}{more}.", preview.rule.name));
    Ok(())
}
