//! The command line: one file for each command.
//!
//! `--config` and the logging options stand before or after the command. What a command says
//! goes to standard output, logs and complaints to standard error. Exit codes are
//! [`Exit`]'s. Errors end here in one line (or the report of a config's mistakes).

mod backtest;
mod check;
mod completions;
mod deliveries;
mod demo;
mod emulate;
mod event_file;
mod events;
mod explain;
mod jobs;
mod preview;
mod run;
mod schema;
mod screen;
mod send_test;
mod settings;
mod silences;
mod store;
mod table;
mod test_rules;
mod usage;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::exit::Exit;
use crate::telemetry::{self, LogFormat};
use screen::Screen;

/// Tells your team what happened to its Descript jobs.
#[derive(Debug, Parser)]
#[command(name = "descript-notify", version, about, propagate_version = true)]
#[command(after_help = "Try it without an account: descript-notify demo")]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// The config file [default: ./rules.toml, then the user's and the system's config folder]
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "DESCRIPT_NOTIFY_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
    /// How log lines look
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormatArg,
    /// What is logged, like `debug` or `warn` [default: info for services, warn for the others]
    #[arg(long, global = true, value_name = "LEVEL", env = "RUST_LOG")]
    log: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormatArg {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: poll, decide, deliver, until told to stop
    Run(run::RunArgs),
    /// Check the config and every template its rules use
    Check(check::CheckArgs),
    /// Watch it work on this machine: no account, no network, no config
    Demo(demo::DemoArgs),
    /// Run the Descript API emulator alone
    Emulate(emulate::EmulateArgs),
    /// Send one marked test message now
    SendTest(send_test::SendTestArgs),
    /// List the jobs that are known
    Jobs(jobs::JobsArgs),
    /// List what happened
    Events(events::EventsArgs),
    /// Say why: what each rule said about a job's events, and what became of the messages
    Explain(explain::ExplainArgs),
    /// Show the message that a rule would send, without sending it
    Preview(preview::PreviewArgs),
    /// Play tests of the rules: events in, expected messages out
    TestRules(test_rules::TestRulesArgs),
    /// List, show, retry or discard what is owed and what was sent
    Deliveries(deliveries::DeliveriesArgs),
    /// Silence messages for a time
    Silences(silences::SilencesArgs),
    /// Say what other rules would have made of the recorded events
    Backtest(backtest::BacktestArgs),
    /// Sum up the media minutes and AI credits that jobs have used
    Usage(usage::UsageArgs),
    /// Check the store, or copy it
    Store(store::StoreArgs),
    /// Print the JSON Schema of the config, for editors
    Schema,
    /// Print the completions for a shell
    Completions(completions::CompletionsArgs),
    /// Print the manual page
    Man,
}

/// A command that cannot go on: what to say, and how to end.
#[derive(Debug)]
struct Stop {
    exit: Exit,
    messages: Vec<String>,
}

impl Stop {
    /// The work failed.
    fn failed(message: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Failed, messages: vec![message.to_string()] }
    }

    /// The command line or the config is wrong.
    fn usage(message: impl std::fmt::Display) -> Self {
        Self { exit: Exit::Usage, messages: vec![message.to_string()] }
    }
}

/// Reads the command line, runs the command and says how it ended.
pub fn main() -> Exit {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            // Help and version are no errors; a closed pipe is no reason to complain.
            let _ = told.print();
            return if told.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    let screen = Screen::of_process();
    let ended = dispatch(cli, &screen);
    telemetry::end();
    match ended {
        Ok(exit) => exit,
        Err(stop) => {
            stop.messages.iter().for_each(|message| screen.complain(message));
            stop.exit
        }
    }
}

fn dispatch(cli: Cli, screen: &Screen) -> Result<Exit, Stop> {
    let Cli { global, command } = cli;
    start_logging(&global, &command, screen)?;
    match command {
        Command::Schema => schema::schema(screen),
        Command::Completions(args) => completions::completions(&args, screen),
        Command::Man => completions::man(screen),
        Command::TestRules(args) => test_rules::test_rules(&args, &global, screen),
        command => runtime()?.block_on(async {
            match command {
                Command::Run(args) => run::run(&args, &global, screen).await,
                Command::Check(args) => check::check(&args, &global, screen).await,
                Command::Demo(args) => demo::demo(&args, screen).await,
                Command::Emulate(args) => emulate::emulate(&args, screen).await,
                Command::SendTest(args) => send_test::send_test(&args, &global, screen).await,
                Command::Jobs(args) => jobs::jobs(&args, &global, screen).await,
                Command::Events(args) => events::events(&args, &global, screen).await,
                Command::Explain(args) => explain::explain(&args, &global, screen).await,
                Command::Preview(args) => preview::preview(&args, &global, screen).await,
                Command::Deliveries(args) => deliveries::deliveries(&args, &global, screen).await,
                Command::Silences(args) => silences::silences(&args, &global, screen).await,
                Command::Backtest(args) => backtest::backtest(&args, &global, screen).await,
                Command::Usage(args) => usage::usage(&args, &global, screen).await,
                Command::Store(args) => store::store(&args, &global, screen).await,
                Command::Schema
                | Command::Completions(_)
                | Command::Man
                | Command::TestRules(_) => Ok(Exit::Done),
            }
        }),
    }
}

fn start_logging(global: &Global, command: &Command, screen: &Screen) -> Result<(), Stop> {
    let format = match global.log_format {
        LogFormatArg::Text => LogFormat::Text,
        LogFormatArg::Json => LogFormat::Json,
    };
    let usual = if matches!(command, Command::Run(_)) { "info" } else { "warn" };
    let level = global.log.as_deref().filter(|level| !level.trim().is_empty()).unwrap_or(usual);
    let traces = matches!(command, Command::Run(_));
    telemetry::init(format, level, !screen.colour_allowed(), traces).map_err(Stop::usage)
}

/// Two threads are plenty for a program that waits, and cost little memory.
fn runtime() -> Result<tokio::runtime::Runtime, Stop> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("descript-notify")
        .enable_all()
        .build()
        .map_err(|cause| Stop::failed(format!("no runtime: {cause}")))
}
