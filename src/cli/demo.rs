//! `demo`: emulator, service, dashboard and a console notifier on this machine, and what to do
//! next.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::SignedDuration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::run::not_started;
use super::screen::Screen;
use super::{Stop, settings};
use crate::app::{App, Ended, StartError, listen_for_signals, resolver};
use crate::clock::Clock;
use crate::config::{self, Defaults};
use crate::emulator::{Emulator, Options, Profile, Running, Scenario};
use crate::exit::Exit;
use crate::pipeline::Mode;

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End by itself after this long, like `20s`
    #[arg(long = "for", value_name = "TIME", value_parser = settings::parse_length)]
    time: Option<SignedDuration>,
}

/// The port of the examples.
const USUAL_PORT: u16 = 8750;

/// Takes any that is free.
const ANY_PORT: u16 = 0;

const CONFIG: &str = include_str!("demo.toml");

const WELCOME: &str = "\
This is descript-notify with a make-believe Descript on this machine: no account, no network.
Jobs start and end below, as messages on this terminal. Ctrl-C ends it.
";

const NEXT: &str = "
What next?
  1. Copy rules.example.toml to rules.toml; keep one source, one notifier and one rule.
  2. Put your token from Descript (Settings > API tokens) into DESCRIPT_API_TOKEN.
  3. descript-notify check --online    tells whether everything is in place
  4. descript-notify run               watches your own jobs
";

pub(super) async fn demo(args: &DemoArgs, screen: &Screen) -> Result<Exit, Stop> {
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    // There is no config to be read again.
    let (ask, _) = tokio::sync::mpsc::channel(1);
    listen_for_signals(&mut tasks, stop.clone(), ask).map_err(Stop::failed)?;
    let folder = Folder::make()?;
    let options = Options {
        scenario: Some(Scenario::demo()),
        profile: Profile::Spec,
        seed: fastrand::u64(..),
        ..Options::default()
    };
    let emulator = Emulator::start(options, Clock::System).await.map_err(Stop::failed)?;
    screen.say(WELCOME);
    if let Some(time) = args.time.and_then(|time| std::time::Duration::try_from(time).ok()) {
        let stop = stop.clone();
        tasks.spawn(async move {
            tokio::time::sleep(time).await;
            stop.cancel();
        });
    }
    let ended = serve(&folder.0, &emulator, screen, stop).await?;
    emulator.stop().await;
    match ended {
        Ended::Stopped { .. } => {
            screen.say(NEXT);
            Ok(Exit::Done)
        }
        Ended::Died { what } => Err(Stop::failed(format!("{what} ended by itself; this is a bug"))),
    }
}

async fn serve(
    folder: &Path,
    emulator: &Running,
    screen: &Screen,
    stop: CancellationToken,
) -> Result<Ended, Stop> {
    let resolver = resolver(&folder.join("rules.toml"));
    let mut ports = [USUAL_PORT, ANY_PORT].into_iter();
    let app = loop {
        let port = ports.next().unwrap_or(ANY_PORT);
        let text =
            CONFIG.replace("{base_url}", &emulator.base_url()).replace("{port}", &port.to_string());
        let parsed = config::parse(&text, folder, &Defaults::default());
        let told =
            || parsed.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        let config = parsed.config.ok_or_else(|| Stop::failed(told()))?;
        match App::build(config, &resolver, Clock::System, Mode::Service).await {
            Ok(app) => break app,
            Err(StartError::Listen(_)) if port == USUAL_PORT => {}
            Err(problem) => return Err(not_started(problem)),
        }
    };
    if let Some(url) = app.url() {
        screen.say(&format!("The dashboard is at {url}\n"));
    }
    Ok(app.run(stop, None).await)
}

/// A folder for the demo's ledger, gone when the demo is.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Stop> {
        let name = format!("descript-notify-demo-{:016x}", fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)
            .map_err(|cause| Stop::failed(format!("no folder at `{}`: {cause}", path.display())))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
