//! Keeps the README true: its configs parse, its commands exist, its templates render, and its
//! tables name every key and every word.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

#[path = "cli/stored.rs"]
#[allow(dead_code, reason = "each test binary uses its part of it")]
mod stored;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use descript_notify::config::{self, Defaults};
use descript_notify::model::{AttemptOutcome, EventKind, NotifierKind, Verdict};
use descript_notify::problem::Severity;
use descript_notify::render::{RenderRequest, TemplateFile, Templates, WORDS, samples};
use descript_notify::trial::Trial;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use stored::Past;

const README: &str = include_str!("../README.md");
const EXAMPLE: &str = include_str!("../rules.example.toml");

/// A fenced block: what stands after the fence, and the text within.
struct Block {
    label: &'static str,
    text: String,
}

#[test]
fn every_config_in_the_readme_passes_the_parser() {
    let blocks = blocks("toml");

    let mut whole = 0;
    for block in &blocks {
        let mut text = block.text.clone();
        whole += usize::from(text.contains("[sources.") && text.contains("[[rules]]"));
        if text.contains("[[rules]]") && !text.contains("[notifiers.") {
            for name in ["team", "crew", "mail", "hook", "screen"] {
                text.push_str(&format!("\n[notifiers.{name}]\ntype = \"console\"\n"));
            }
        }
        assert_eq!(errors_of(&text), [""; 0], "in this block:\n{}", block.text);
    }
    assert!(whole >= 2, "{whole} whole configs");
    assert!(blocks.len() >= 10, "{} blocks", blocks.len());
}

#[test]
fn every_test_of_rules_in_the_readme_goes_as_it_says() {
    let defaults = Defaults { state_folder: Some("/state".into()) };
    let mut played = 0;
    for block in blocks("toml").iter().filter(|block| block.text.contains("[[test]]")) {
        let config = config::parse(&block.text, Path::new("/etc"), &defaults).config.unwrap();
        let templates = Templates::builtin();
        for outcome in Trial::new(&config, &templates).run(&config.tests) {
            assert!(outcome.faults.is_empty(), "{outcome:#?}");
            played += 1;
        }
    }
    assert!(played >= 2, "{played} tests");
}

#[tokio::test]
async fn every_console_in_the_readme_shows_what_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for block in blocks("toml") {
        if let Some(name) = block.label.split_whitespace().nth(1) {
            std::fs::write(folder.path().join(name), &block.text).unwrap();
        }
    }
    write_past(folder.path()).await;

    let mut run = 0;
    for block in blocks("console") {
        for (command, expected) in console(&block.text) {
            let output = Command::new(env!("CARGO_BIN_EXE_descript-notify"))
                .args(command.split_whitespace().skip(1))
                .current_dir(folder.path())
                .env_clear()
                .output()
                .unwrap();
            let said = String::from_utf8(output.stdout).unwrap();
            let complaints = String::from_utf8_lossy(&output.stderr);
            assert_eq!(said.trim_end(), expected.trim_end(), "{command}: {complaints}");
            run += 1;
        }
    }
    assert!(run >= 5, "{run} commands");
}

#[test]
fn every_command_in_the_readme_is_known_with_its_options() {
    let lines = command_lines();

    assert!(lines.len() >= 15, "{} lines", lines.len());
    for line in lines {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let path = command_path(&words);
        let help = help_of(&path);
        for option in words.iter().filter(|word| word.starts_with('-')) {
            let name = option.split('=').next().unwrap_or_default();
            let known = help.split_whitespace().any(|word| word.trim_end_matches(',') == name);
            assert!(known, "`{name}` of `{line}` is not in the help of {path:?}");
        }
    }
}

#[test]
fn every_command_of_the_binary_is_in_the_readme() {
    for command in commands_of(&help_of(&[])) {
        assert!(README.contains(&format!("| `{command}")), "`{command}` is in no table");
    }
}

#[test]
fn every_template_in_the_readme_renders_each_sample() {
    let files: Vec<TemplateFile> = blocks("handlebars")
        .into_iter()
        .map(|block| TemplateFile { path: path_of(block.label).to_owned(), text: block.text })
        .collect();
    assert!(files.len() >= 4, "{} templates", files.len());

    let (templates, problems) = Templates::with_overrides(files.clone());

    assert!(problems.is_empty(), "{problems:?}");
    for file in files {
        let (folder, name) = file.path.split_once('/').unwrap();
        let template = name.split('.').next().unwrap();
        let kind = NotifierKind::ALL.into_iter().find(|kind| kind.as_str() == folder).unwrap();
        for (sample, document) in samples::documents() {
            let request = RenderRequest {
                kind,
                template,
                document: &document,
                now: Timestamp::UNIX_EPOCH,
                zone: &TimeZone::UTC,
            };
            if let Err(failure) = templates.render_strict(&request) {
                panic!("{}: {failure} (with the sample \"{sample}\")", file.path);
            }
        }
    }
}

#[test]
fn the_table_of_words_is_the_list_of_words() {
    let expected: Vec<String> = WORDS
        .iter()
        .map(|word| format!("| `{}` | {} |", word.usage, word.about.replace('|', "\\|")))
        .collect();

    let missing: Vec<&str> = expected
        .iter()
        .filter(|line| !README.lines().any(|written| written == **line))
        .map(String::as_str)
        .collect();

    assert!(missing.is_empty(), "not in the README:\n{}", missing.join("\n"));
}

#[test]
fn the_table_of_events_names_every_event() {
    let rows = |kind: EventKind| {
        README.lines().filter(|line| line.starts_with(&format!("| `{kind}` |"))).count()
    };

    for (kind, name) in descript_notify::model::KIND_NAMES {
        assert_eq!(rows(kind), 1, "{name}");
    }
}

#[test]
fn every_key_of_the_schema_is_in_the_readme() {
    for key in known_keys() {
        let named = README.contains(&format!("| `{key}`")) || README.contains(&format!("`{key} ="));
        assert!(named, "the key `{key}` is in no table");
    }
}

#[test]
fn every_key_of_the_example_is_in_the_schema() {
    let known = known_keys();
    let example: toml::Table = EXAMPLE.parse().unwrap();
    let mut seen = BTreeSet::new();

    for (section, value) in &example {
        let tables: Vec<&toml::Value> = match (section.as_str(), value) {
            ("service", table) => vec![table],
            (_, toml::Value::Table(named)) => named.values().collect(),
            (_, toml::Value::Array(rules)) => rules.iter().collect(),
            _ => panic!("`{section}` is no part of a config"),
        };
        seen.extend(tables.into_iter().filter_map(toml::Value::as_table).flat_map(|t| t.keys()));
    }

    assert!(seen.len() >= 30, "{} keys", seen.len());
    for key in seen {
        assert!(known.contains(key), "`{key}` is not in the schema");
    }
}

/// The commands of a console, each with what it says.
fn console(text: &str) -> Vec<(String, String)> {
    let mut said: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), said.last_mut()) {
            (Some(command), _) => said.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => output.push_str(&format!("{line}\n")),
            (None, None) => panic!("a console begins with a command: {line}"),
        }
    }
    said
}

/// The store that the README's consoles stand before: four jobs, told through the console.
async fn write_past(folder: &Path) {
    let edit = json!({"media_seconds_used": 754, "ai_credits_used": 32});
    let import = json!({"media_seconds_used": 5400});
    let past = [
        Past::failed("project-agent-edit-7", "Client B/Autumn"),
        Past::failed("project-agent-edit-8", "Client A/Spring"),
        Past::succeeded("project-agent-edit-9", "Client A/Spring", edit),
        Past::succeeded("project-media-import-4", "Client A/Spring", import)
            .of_type("import/project_media"),
    ];
    let rule = Verdict::ConditionFailed {
        condition: "job.project_name".into(),
        expected: "like \"Client A/*\"".into(),
        met: "\"Client B/Autumn\"".into(),
    };
    let verdicts = [("failures", rule), ("here", Verdict::Send)];
    let store = stored::write(folder, &past, &verdicts, &[("here", "screen", "")]).await;
    stored::settle(&store, "screen", AttemptOutcome::Sent, "printed").await;
    store.close().await;
}

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in README.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(label), None) => open = Some(Block { label, text: String::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some(block)) => block.text.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    blocks.retain(|block| block.label.split_whitespace().next() == Some(language));
    blocks
}

/// `handlebars webhook/ntfy.json.hbs` → the path.
fn path_of(label: &str) -> &str {
    label.split_whitespace().nth(1).unwrap()
}

fn errors_of(text: &str) -> Vec<String> {
    let defaults = Defaults { state_folder: Some("/state".into()) };
    let parsed = config::parse(text, Path::new("/etc"), &defaults);
    let errors = parsed.problems.iter().filter(|problem| problem.severity == Severity::Error);
    errors.map(ToString::to_string).collect()
}

/// Every command line of this program: whole lines of shell blocks, and code in the text.
fn command_lines() -> Vec<String> {
    const NAME: &str = "descript-notify ";
    let mut lines = Vec::new();
    for block in blocks("sh").into_iter().chain(blocks("console")) {
        for line in block.text.lines() {
            let line = line.strip_prefix("$ ").unwrap_or(line);
            let command = line.find(NAME).filter(|at| {
                // Not as an argument, and not as a part of a path.
                line[..*at].split_whitespace().all(|word| word == "sudo" || word.contains('='))
            });
            lines.extend(command.map(|at| line[at..].to_owned()));
        }
    }
    for code in README.split('`').filter(|code| !code.contains('\n')) {
        lines.extend(code.starts_with(NAME).then(|| code.to_owned()));
    }
    // What comes after belongs to the shell.
    let own = |line: String| line.split([';', '|', '>', '<', '#', '&']).next().map(str::to_owned);
    lines.into_iter().filter_map(own).collect()
}

/// The words that choose the command: `deliveries list`, `check`.
fn command_path<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut path = Vec::new();
    let mut known = commands_of(&help_of(&[]));
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        if ["--config", "--log", "--log-format"].contains(&word) {
            words.next();
        } else if known.iter().any(|command| command == word) {
            path.push(word);
            known = commands_of(&help_of(&path));
        } else if path.is_empty() && !word.starts_with('-') {
            panic!("there is no command `{word}`");
        }
    }
    path
}

fn commands_of(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let named = lines.take_while(|line| !line.is_empty());
    named
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .filter(|name| !name.is_empty() && *name != "help")
        .map(str::to_owned)
        .collect()
}

fn help_of(path: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_descript-notify"))
        .args(path)
        .arg("--help")
        .env_clear()
        .output()
        .unwrap();
    assert!(output.status.success(), "{path:?} --help");
    String::from_utf8(output.stdout).unwrap()
}

/// The keys of every table that the binary's schema describes.
fn known_keys() -> BTreeSet<String> {
    let output =
        Command::new(env!("CARGO_BIN_EXE_descript-notify")).arg("schema").output().unwrap();
    let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
    let sections = &schema["properties"];
    let notifiers = sections["notifiers"]["additionalProperties"]["oneOf"].as_array().unwrap();
    let test = &sections["test"]["items"];
    let tables = [
        &sections["service"],
        &sections["sources"]["additionalProperties"],
        &sections["rules"]["items"],
        test,
        &test["properties"]["events"]["items"],
        &test["properties"]["expect"]["items"],
    ];
    let tables = tables.into_iter().chain(notifiers);
    tables.flat_map(|table| table["properties"].as_object().unwrap().keys().cloned()).collect()
}
