//! Signals: SIGTERM and SIGINT stop the service, SIGHUP is taken note of.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Cancels `stop` at the first SIGTERM or SIGINT. The signals are caught from the moment this
/// returns; the task ends with the set.
///
/// # Errors
/// When the signals cannot be caught.
pub fn stop_on_signals(
    tasks: &mut JoinSet<()>,
    stop: CancellationToken,
) -> Result<(), std::io::Error> {
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    let hang_up = signal(SignalKind::hangup())?;
    tasks.spawn(listen(terminate, interrupt, hang_up, stop));
    Ok(())
}

async fn listen(
    mut terminate: Signal,
    mut interrupt: Signal,
    mut hang_up: Signal,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            _ = terminate.recv() => break info!("Stopping on SIGTERM."),
            _ = interrupt.recv() => break info!("Stopping on SIGINT."),
            _ = hang_up.recv() => warn!(
                "SIGHUP is ignored: reloading the config is not supported yet; restart instead."
            ),
        }
    }
    stop.cancel();
}
