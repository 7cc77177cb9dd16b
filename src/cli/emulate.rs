//! `emulate`: the Descript API emulator alone, until a signal.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Stop;
use super::screen::Screen;
use crate::app::listen_for_signals;
use crate::clock::Clock;
use crate::emulator::{Emulator, Fault, Options, Order, Profile, Scenario};
use crate::exit::Exit;
use crate::problem::{Colour, report};

#[derive(Debug, Args)]
#[command(
    after_help = "A fault is KIND[=VALUE][:KEY=VALUE]…, for example 429:retry-after=2s:on=list:times=3, \
500:times=2, html, cut, slow=100ms, repeat-cursor, shift, odd-element."
)]
pub(super) struct EmulateArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8751")]
    listen: SocketAddr,
    /// The bearer token that is accepted [default: any]
    #[arg(long, value_name = "TOKEN", env = "DESCRIPT_EMULATOR_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// `spec`: exactly the published description; `live`: as the service was met
    #[arg(long, value_name = "PROFILE", default_value = "spec")]
    profile: Profile,
    /// Which jobs come first: newest or oldest
    #[arg(long, value_name = "ORDER", default_value = "newest")]
    order: Order,
    /// Jobs and faults along a time line [default: a studio's day, over and over]
    #[arg(long, value_name = "FILE", conflicts_with = "jobs")]
    scenario: Option<PathBuf>,
    /// No jobs but those that are started by POST
    #[arg(long, conflicts_with_all = ["scenario", "jobs"])]
    empty: bool,
    /// A list page to serve as it is; read again when it changes
    #[arg(long, value_name = "FILE")]
    jobs: Option<PathBuf>,
    /// What goes wrong on purpose; may be given several times
    #[arg(long = "fault", value_name = "FAULT")]
    faults: Vec<Fault>,
    /// How much faster than usual the jobs run that a POST starts
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = parse_speed)]
    speed: f64,
    /// Decides the ids
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

pub(super) async fn emulate(args: &EmulateArgs, screen: &Screen) -> Result<Exit, Stop> {
    let options = Options {
        address: args.listen,
        token: args.token.clone(),
        profile: args.profile,
        order: args.order,
        scenario: scenario(args)?,
        jobs_file: args.jobs.clone(),
        faults: args.faults.clone(),
        speed: args.speed,
        seed: args.seed,
        ..Options::default()
    };
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    // There is no config to be read again.
    let (ask, _) = tokio::sync::mpsc::channel(1);
    listen_for_signals(&mut tasks, stop.clone(), ask).map_err(Stop::failed)?;
    let running = Emulator::start(options, Clock::System).await.map_err(Stop::failed)?;
    screen.say(&format!("The emulator listens on {}", running.base_url()));
    let token = if args.token.is_some() { "that token" } else { "any token" };
    screen.murmur(&format!(
        "Give a source `base_url = \"{}\"` and {token}. Ctrl-C ends it.",
        running.base_url()
    ));
    stop.cancelled().await;
    running.stop().await;
    Ok(Exit::Done)
}

fn scenario(args: &EmulateArgs) -> Result<Option<Scenario>, Stop> {
    if args.empty || args.jobs.is_some() {
        return Ok(None);
    }
    let Some(path) = &args.scenario else {
        return Ok(Some(match args.profile {
            Profile::Spec => Scenario::demo(),
            Profile::Live => Scenario::live(),
        }));
    };
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|cause| Stop::usage(format!("the scenario `{file}` cannot be read: {cause}")))?;
    Scenario::parse(&text)
        .map(Some)
        .map_err(|problems| Stop::usage(report(&file, &text, &problems, Colour::Never).trim_end()))
}

fn parse_speed(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|speed| (0.001..=10_000.0).contains(speed))
        .ok_or_else(|| "write a number from 0.001 to 10000".into())
}
