//! Signals: SIGTERM and SIGINT stop the service, SIGHUP has it read its config again.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::info;

/// Cancels `stop` at the first SIGTERM or SIGINT, and asks for a reload at each SIGHUP. The
/// signals are caught from the moment this returns; the task ends with the set.
///
/// # Errors
/// When the signals cannot be caught.
pub fn listen_for_signals(
    tasks: &mut JoinSet<()>,
    stop: CancellationToken,
    reload: mpsc::Sender<()>,
) -> Result<(), std::io::Error> {
    let terminate = signal(SignalKind::terminate())?;
    let interrupt = signal(SignalKind::interrupt())?;
    let hang_up = signal(SignalKind::hangup())?;
    tasks.spawn(listen(terminate, interrupt, hang_up, stop, reload));
    Ok(())
}

async fn listen(
    mut terminate: Signal,
    mut interrupt: Signal,
    mut hang_up: Signal,
    stop: CancellationToken,
    reload: mpsc::Sender<()>,
) {
    loop {
        tokio::select! {
            _ = terminate.recv() => break info!("Stopping on SIGTERM."),
            _ = interrupt.recv() => break info!("Stopping on SIGINT."),
            _ = hang_up.recv() => {
                info!("Reading the config again on SIGHUP.");
                // One that waits already is enough.
                let _ = reload.try_send(());
            }
        }
    }
    stop.cancel();
}
