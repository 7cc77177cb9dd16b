//! Guards the house: who may import whom, what pure rooms may name, how files begin.
//!
//! It reads text, so it asks for one manner: `use crate::room::…;` lines that name one room
//! each, or a path `crate::room::…` within the code; and no `super::super`.
#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What each room may import of ours. `*` stands for everything not listed in its `except`.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("secret", &[]),
    ("problem", &[]),
    ("clock", &[]),
    ("exit", &[]),
    ("telemetry", &["model"]),
    ("diff", &["model"]),
    ("source", &["model", "secret", "problem", "clock", "telemetry"]),
    ("store", &["model", "secret", "problem", "clock", "telemetry"]),
    ("deliver", &["model", "secret", "problem", "clock", "telemetry"]),
    ("rules", &["model", "problem"]),
    ("render", &["model", "problem"]),
    ("config", &["model", "secret", "problem", "source", "deliver", "rules", "render"]),
    (
        "pipeline",
        &["model", "clock", "telemetry", "source", "diff", "rules", "store", "render", "deliver"],
    ),
    ("trial", &["model", "rules", "render", "deliver", "config"]),
    ("web", &["model", "store", "rules", "render", "telemetry", "clock", "secret"]),
    ("emulator", &["model", "problem", "clock"]),
    (
        "app",
        &[
            "model",
            "secret",
            "problem",
            "clock",
            "exit",
            "telemetry",
            "source",
            "diff",
            "rules",
            "store",
            "render",
            "deliver",
            "config",
            "pipeline",
            "web",
            "emulator",
            "trial",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "secret",
            "problem",
            "clock",
            "exit",
            "telemetry",
            "source",
            "diff",
            "rules",
            "store",
            "render",
            "deliver",
            "config",
            "pipeline",
            "web",
            "emulator",
            "trial",
            "app",
        ],
    ),
    ("main", &["cli", "exit"]),
];

/// Of these, `config` may use the settings only.
const CONFIG_SEES_SETTINGS_OF: [&str; 2] = ["source", "deliver"];

/// Rooms and files that decide and do not act.
const PURE: &[&str] = &["model", "diff", "rules", "render", "trial"];
const PURE_FILES: &[&str] = &[
    "payload.rs",
    "settings.rs",
    "deliver/retry.rs",
    "deliver/fitted.rs",
    "source/window.rs",
    "source/schedule.rs",
    "source/wire.rs",
    "web/route.rs",
    "pipeline/settle.rs",
    "cli/table.rs",
    "cli/explain/told.rs",
];
const IMPURE_WORDS: &[&str] =
    &["tokio::", "reqwest::", "sqlx::", "std::fs", "std::net", "::now()", "std::env"];

const MOST_LINES: usize = 400;
const NO_ROOM_IS_CALLED: [&str; 4] = ["utils", "util", "common", "helpers"];

struct Source {
    /// Relative to `src`, like `store/open.rs`.
    place: String,
    room: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    collect(&root, &mut found);
    found
        .into_iter()
        .map(|path| {
            let place = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            let room = place.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
            Source { place, room, text: std::fs::read_to_string(path).unwrap() }
        })
        .collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file without its tests and comments.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let text = text.split("#[cfg(test)]\n#[expect").next().unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_test_file(place: &str) -> bool {
    let name = place.rsplit('/').next().unwrap();
    name == "tests.rs" || name == "scripted.rs" || place.contains("/tests/")
}

/// The rooms named by `crate::room` in a text, each with what follows the room's name.
fn imports(text: &str) -> BTreeSet<(String, String)> {
    text.split("crate::")
        .skip(1)
        .map(|rest| {
            let path: String =
                rest.chars().take_while(|c| c.is_alphanumeric() || "_:".contains(*c)).collect();
            let (room, inner) = path.split_once("::").unwrap_or((&path, ""));
            (room.to_owned(), inner.to_owned())
        })
        .collect()
}

fn report(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn a_room_imports_only_what_it_may() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.room != "lib") {
        let Some((_, allowed)) = ROOMS.iter().find(|(room, _)| *room == source.room) else {
            faults.push(format!("src/{}: the table does not know this room", source.place));
            continue;
        };
        let text = if is_test_file(&source.place) { String::new() } else { code(&source.text) };
        let text = text.replace("descript_notify::", "crate::");
        for (room, inner) in imports(&text) {
            let own = room == source.room;
            let known = ROOMS.iter().any(|(name, _)| *name == room);
            if known && !own && !allowed.contains(&room.as_str()) {
                faults.push(format!(
                    "src/{}: `{}` may not import `{room}`",
                    source.place, source.room
                ));
            }
            let settings_only =
                source.room == "config" && CONFIG_SEES_SETTINGS_OF.contains(&room.as_str());
            if settings_only && !inner.contains("settings") && !inner.contains("pace") {
                faults.push(format!(
                    "src/{}: `config` may use only the settings of `{room}`",
                    source.place
                ));
            }
        }
    }
    report(faults);
}

#[test]
fn what_is_pure_names_nothing_that_acts() {
    let mut faults = Vec::new();
    for source in sources() {
        let pure = PURE.contains(&source.room.as_str())
            || PURE_FILES.iter().any(|file| source.place.ends_with(file));
        if !pure || is_test_file(&source.place) {
            continue;
        }
        let code = code(&source.text);
        for (number, line) in code.lines().enumerate() {
            for word in IMPURE_WORDS.iter().filter(|word| line.contains(**word)) {
                faults.push(format!(
                    "src/{} (line {} of its code): pure, but names `{word}`",
                    source.place,
                    number + 1
                ));
            }
        }
    }
    report(faults);
}

#[test]
fn every_file_tells_its_story_and_is_short_enough_to_read() {
    let mut faults = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if !source.text.starts_with("//! ") {
            faults.push(format!("src/{}: begins without a `//!` header", source.place));
        }
        if lines > MOST_LINES {
            faults.push(format!("src/{}: {lines} lines; split it by idea", source.place));
        }
        if source.text.contains("super::super") {
            faults.push(format!("src/{}: `super::super`; name the room instead", source.place));
        }
        let named = source.place.split('/').map(|part| part.trim_end_matches(".rs"));
        for name in named.filter(|name| NO_ROOM_IS_CALLED.contains(name)) {
            faults
                .push(format!("src/{}: `{name}` says nothing about what it is for", source.place));
        }
    }
    report(faults);
}

#[test]
fn main_only_hands_over() {
    let main = sources().into_iter().find(|source| source.place == "main.rs").unwrap();

    assert!(main.text.lines().count() <= 40);
}

#[test]
fn the_code_is_told_from_its_tests_and_comments() {
    let text =
        "use crate::store::X;\n// crate::web\n#[cfg(test)]\nmod tests { use crate::cli::Y; }";

    assert_eq!(imports(&code(text)), BTreeSet::from([("store".into(), "X".into())]));
}
