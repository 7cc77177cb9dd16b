//! Reloading: the config and the templates are read again, on SIGHUP or when they have changed.
//!
//! All of it is read, checked and built before anything changes; whatever is wrong leaves
//! everything as it was. Then the policy is replaced between two decisions, and only the loops
//! whose settings have changed are replaced: what they have under way ends in its own time.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;

use super::plan::{Plan, Texts};
use crate::config::{self, Config, Defaults};
use crate::pipeline::Mode;
use crate::problem::Severity;
use crate::render::has_errors;
use crate::secret::Resolver;
use crate::trial::Trial;

/// How often files are looked at, where that is asked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where a config is read again from, and who asks for it.
#[derive(Debug)]
pub struct Reload {
    pub path: PathBuf,
    pub defaults: Defaults,
    /// How the file looked before it was read the first time.
    pub seen: Looks,
    /// One for each SIGHUP.
    pub requests: mpsc::Receiver<()>,
}

/// Reads and builds everything anew.
///
/// # Errors
/// Everything that is wrong, in words, each on one line.
pub(super) fn plan_anew(
    path: &Path,
    defaults: &Defaults,
    resolver: &Resolver,
) -> Result<(Plan, Looks), Vec<String>> {
    let seen = Looks::of_file(path);
    let loaded = config::load(path, defaults).map_err(|problem| vec![problem.to_string()])?;
    let errors = loaded.problems.iter().filter(|problem| problem.severity == Severity::Error);
    let told: Vec<String> = errors.map(ToString::to_string).collect();
    let Some(config) = loaded.config else {
        return Err(told);
    };
    let texts = Texts::of(&config);
    let failed = failed_tests(&config, &texts)?;
    if !failed.is_empty() {
        return Err(failed);
    }
    Ok((Plan::of(config, texts, resolver, Mode::Service)?, seen))
}

/// The tests of the config that fail.
fn failed_tests(config: &Config, texts: &Texts) -> Result<Vec<String>, Vec<String>> {
    if config.tests.is_empty() {
        return Ok(Vec::new());
    }
    let (templates, problems) = texts.loaded.as_ref().map_err(|problem| vec![problem.clone()])?;
    if has_errors(problems) {
        // The plan tells them.
        return Ok(Vec::new());
    }
    let outcomes = Trial::new(config, templates).run(&config.tests);
    let failed = outcomes.into_iter().filter(|outcome| !outcome.faults.is_empty());
    Ok(failed
        .map(|outcome| {
            format!("its test `{}` fails: `descript-notify check` shows how", outcome.name)
        })
        .collect())
}

/// Asks for a reload when the config or a template has changed since it was seen, and has been
/// left alone then.
pub(super) async fn look_for_changes(
    path: PathBuf,
    templates: Option<PathBuf>,
    seen: (Looks, Looks),
    ask: mpsc::Sender<()>,
) {
    let look = || (Looks::of_file(&path), Looks::of_templates(templates.as_deref()));
    let mut known = seen;
    let mut changed = false;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = look();
        if now != known {
            known = now;
            changed = true;
        } else if changed {
            changed = false;
            if ask.send(()).await.is_err() {
                return;
            }
        }
    }
}

/// How files look from outside. Taken before they are read, so that no change is missed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Looks(Vec<(PathBuf, Option<SystemTime>, u64)>);

impl Looks {
    /// Of one file.
    pub fn of_file(path: &Path) -> Self {
        Self(vec![look(path.to_owned())])
    }

    /// Of the templates in a folder.
    pub fn of_templates(templates: Option<&Path>) -> Self {
        let mut looks = Vec::new();
        if let Some(folder) = templates {
            looks.push(look(folder.to_owned()));
            for types in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let files = std::fs::read_dir(types.path()).into_iter().flatten().flatten();
                looks.extend(files.map(|file| look(file.path())));
            }
        }
        looks.sort();
        Self(looks)
    }
}

fn look(path: PathBuf) -> (PathBuf, Option<SystemTime>, u64) {
    let metadata = std::fs::metadata(&path).ok();
    let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
    (path, modified, metadata.map_or(0, |metadata| metadata.len()))
}
