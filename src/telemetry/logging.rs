//! Logging and traces, started once a process and ended with it.
//!
//! One filter for all: only this program's own records are shown below `warn`, since libraries
//! log requests, and requests hold secrets.

use std::io::IsTerminal;

use tracing::{Level, Metadata, warn};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Where traces go, as every program that knows OpenTelemetry is told.
const COLLECTOR: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

type Traces = Box<dyn Layer<tracing_subscriber::Registry> + Send + Sync>;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging, once a process. `level` has the syntax of `RUST_LOG`. With `traces` the spans
/// go to the collector that the environment names, where there is one.
///
/// # Errors
/// What is wrong with `level`, or with what the environment says of the collector.
pub fn init(format: LogFormat, level: &str, no_colour: bool, traces: bool) -> Result<(), String> {
    let wanted = EnvFilter::builder()
        .parse(level)
        .map_err(|cause| format!("`{level}` is no log level: {cause}; try `info` or `debug`"))?;
    let filter = wanted.and(filter_fn(is_ours_or_serious));
    let wants_traces = traces && COLLECTOR.iter().any(|name| names_something(name));
    let registry = tracing_subscriber::registry().with(trace_layer(wants_traces)?);
    let colours = std::io::stderr().is_terminal() && !no_colour;
    // A second start, in tests, keeps the first.
    let _ = match format {
        LogFormat::Text => {
            let layer = tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(colours)
                .with_target(false);
            registry.with(layer.with_filter(filter)).try_init()
        }
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer()
                .json()
                .flatten_event(true)
                .with_writer(std::io::stderr);
            registry.with(layer.with_filter(filter)).try_init()
        }
    };
    if wants_traces && !cfg!(feature = "otlp") {
        warn!(
            "{} is set, but this program was built without traces: build it with \
             `--features otlp`, or unset it.",
            COLLECTOR.join(" or ")
        );
    }
    Ok(())
}

/// Ends what [`init`] has begun: traces that are not exported yet are.
pub fn end() {
    #[cfg(feature = "otlp")]
    super::otlp::flush();
}

fn names_something(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

/// Turns spans into traces, where they are wanted and this program was built to.
fn trace_layer(wanted: bool) -> Result<Option<Traces>, String> {
    #[cfg(feature = "otlp")]
    return wanted.then(super::otlp::layer).transpose();
    #[cfg(not(feature = "otlp"))]
    {
        let _ = wanted;
        Ok(None)
    }
}

fn is_ours_or_serious(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("descript_notify") || *metadata.level() <= Level::WARN
}
