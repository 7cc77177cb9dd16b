//! The command line as a user and a script meet it: words, streams, exit codes.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

mod backtest;
mod check;
mod explain;
mod help;
mod listings;
mod preview;
mod programs;
mod silences;
mod speed;
mod stored;
mod streams;
mod test_rules;
mod usage;

use std::path::Path;

use support::program::Launch;
use support::set_mode;

/// A config that needs nothing from outside.
const SMALL: &str = "\
[service]
store = \"sqlite://state.db\"

[sources.main]
token = { env = \"DESCRIPT_API_TOKEN\" }

[notifiers.screen]
type = \"console\"

[[rules]]
name = \"all\"
on = [\"any\"]
notify = [\"screen\"]
";

/// A folder with this config in it, for its owner only.
fn folder_with(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.toml");
    std::fs::write(&file, config).unwrap();
    set_mode(&file, 0o600);
    folder
}

/// A command that is started in `folder`, where `rules.toml` is found without being named.
fn in_folder(folder: &Path, args: &[&str]) -> Launch {
    Launch::of(args.iter().copied()).inside(folder)
}
