//! Where the config file is looked for, and where state goes by default.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Defaults;

/// The folders that the process was started with; values, so that tests can choose them.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Where the process was started.
    pub current: PathBuf,
    pub home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`
    pub config_home: Option<PathBuf>,
    /// `$XDG_STATE_HOME`
    pub state_home: Option<PathBuf>,
    /// `$STATE_DIRECTORY`, which systemd sets.
    pub state_directory: Option<PathBuf>,
    /// `/etc`
    pub system: PathBuf,
}

/// No config file anywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no config file was found; looked at {}: write one there, or name it with --config",
    looked_at.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
)]
pub struct NotFound {
    pub looked_at: Vec<PathBuf>,
}

const FILE: &str = "rules.toml";
const FOLDER: &str = "descript-notify";

impl Surroundings {
    /// Reads the process's environment.
    pub fn of_process() -> Self {
        Self::of_vars(|name| std::env::var_os(name))
    }

    /// Reads an environment. What is empty counts as unset, and so does a relative path where
    /// the XDG rules ask for an absolute one.
    pub fn of_vars(var: impl Fn(&str) -> Option<OsString>) -> Self {
        let folder = |name: &str| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
        // systemd separates several by colons; the first is ours.
        let state = var("STATE_DIRECTORY").and_then(|list| {
            let first = list.to_string_lossy().split(':').next().map(PathBuf::from);
            first.filter(|path| path.is_absolute())
        });
        Self {
            current: PathBuf::new(),
            home: folder("HOME"),
            config_home: folder("XDG_CONFIG_HOME"),
            state_home: folder("XDG_STATE_HOME"),
            state_directory: state,
            system: PathBuf::from("/etc"),
        }
    }

    /// What a config falls back on here.
    pub fn defaults(&self) -> Defaults {
        let under = |folder: &PathBuf| folder.join(FOLDER);
        let state_folder = self
            .state_directory
            .clone()
            .or_else(|| self.state_home.as_ref().map(under))
            .or_else(|| self.home.as_ref().map(|home| home.join(".local/state").join(FOLDER)));
        Defaults { state_folder }
    }

    fn places(&self) -> Vec<PathBuf> {
        let home = self.home.as_ref().map(|home| home.join(".config"));
        let config_home = self.config_home.clone().or(home);
        [
            Some(self.current.join(FILE)),
            config_home.map(|folder| folder.join(FOLDER).join(FILE)),
            Some(self.system.join(FOLDER).join(FILE)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Finds the config file: the one that was named, else the first that is there. One that was
/// named is not looked at here, so that reading it can say what is wrong.
///
/// # Errors
/// [`NotFound`] lists every place that was looked at.
pub fn find(explicit: Option<&Path>, surroundings: &Surroundings) -> Result<PathBuf, NotFound> {
    if let Some(path) = explicit {
        return Ok(path.to_owned());
    }
    let places = surroundings.places();
    // What exists and cannot be read is taken too: passing over it would be a surprise.
    match places.iter().find(|path| path.symlink_metadata().is_ok()) {
        Some(path) => Ok(path.clone()),
        None => Err(NotFound { looked_at: places }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_that_is_there_is_taken() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let surroundings = Surroundings {
            current: at("here"),
            home: Some(at("home")),
            system: at("etc"),
            ..Surroundings::default()
        };
        let put = |path: PathBuf| {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            path
        };

        let nothing = find(None, &surroundings).unwrap_err();
        let system = put(at("etc/descript-notify/rules.toml"));
        assert_eq!(find(None, &surroundings), Ok(system));
        let user = put(at("home/.config/descript-notify/rules.toml"));
        assert_eq!(find(None, &surroundings), Ok(user));
        let here = put(at("here/rules.toml"));
        assert_eq!(find(None, &surroundings), Ok(here));

        assert_eq!(nothing.looked_at.len(), 3);
        assert!(nothing.to_string().contains("etc/descript-notify/rules.toml"));
    }

    #[test]
    fn a_file_that_was_named_is_taken_even_if_it_is_not_there() {
        let named = Path::new("/nowhere/my.toml");

        assert_eq!(find(Some(named), &Surroundings::default()), Ok(named.to_owned()));
    }

    #[test]
    fn state_goes_where_systemd_then_xdg_then_the_home_says() {
        let mut vars = vec![("HOME", "/home/ann")];
        let state = |vars: &[(&str, &str)]| {
            let var = |name: &str| {
                let found = vars.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            Surroundings::of_vars(var).defaults().state_folder
        };

        assert_eq!(state(&[("XDG_STATE_HOME", "relative")]), None);
        assert_eq!(state(&vars), Some("/home/ann/.local/state/descript-notify".into()));
        vars.push(("XDG_STATE_HOME", "/state"));
        assert_eq!(state(&vars), Some("/state/descript-notify".into()));
        vars.push(("STATE_DIRECTORY", "/var/lib/descript-notify:/var/lib/other"));
        assert_eq!(state(&vars), Some("/var/lib/descript-notify".into()));
    }
}
