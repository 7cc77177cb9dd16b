//! `run`: the service, or one round of it.

use clap::Args;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::screen::Screen;
use super::{Global, Stop, settings};
use crate::app::{App, Ended, Looks, Reload, StartError, listen_for_signals, resolver};
use crate::clock::Clock;
use crate::exit::Exit;
use crate::pipeline::Mode;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Poll every source once, deliver what is due, and exit: 0 when all of it went well
    #[arg(long)]
    once: bool,
}

pub(super) async fn run(args: &RunArgs, global: &Global, screen: &Screen) -> Result<Exit, Stop> {
    let seen = Looks::of_file(&settings::place(global)?);
    let (path, config) = settings::read(global, screen)?;
    let mode = if args.once { Mode::Once } else { Mode::Service };
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let (ask, requests) = mpsc::channel(1);
    listen_for_signals(&mut tasks, stop.clone(), ask).map_err(Stop::failed)?;
    let app =
        App::build(config, &resolver(&path), Clock::System, mode).await.map_err(not_started)?;
    if args.once {
        let well = app.run_once(stop).await;
        return Ok(if well { Exit::Done } else { Exit::Failed });
    }
    let defaults = settings::defaults();
    let reload = Reload { path, defaults, seen, requests };
    match app.run(stop, Some(reload)).await {
        Ended::Stopped { .. } => Ok(Exit::Done),
        Ended::Died { what } => Err(Stop::failed(format!("{what} ended by itself; this is a bug"))),
    }
}

/// What is wrong with the config is the config's fault, a store in use is not.
pub(super) fn not_started(error: StartError) -> Stop {
    match error {
        StartError::Config(messages) => Stop { exit: Exit::Usage, messages },
        StartError::Store(problem) => Stop::failed(problem),
        StartError::Listen(problem) => Stop::failed(problem),
    }
}
