//! What the end-to-end tests stand on: the built program, and the world around it.
//!
//! [`program`] runs the binary, [`bridge`] sets a whole stage (emulator, config, program),
//! [`stage`] adds that it listens;
//! [`sink`] and [`smtp`] are real servers that record what they get and answer from a script,
//! by chance ([`mood`]), or as chat services do ([`chat`]).
//! Every wait ends as soon as what it waits for is there, and fails the test after
//! [`PATIENCE`]; no test takes a sleep for a proof.

pub mod bridge;
pub mod chat;
pub mod many;
pub mod mood;
pub mod postgres;
pub mod program;
pub mod sink;
pub mod smtp;
pub mod stage;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// After so long something that should come will not. Far more than a loaded machine needs.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// Between two looks at something that cannot tell by itself that it has changed.
pub const GLANCE: Duration = Duration::from_millis(10);

/// Looks again and again until `look` finds something.
///
/// # Panics
/// When nothing is found in time; `what` says what was missing.
pub async fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(GLANCE).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("in {PATIENCE:?} there was no {what}"))
}

/// Sets who may use a file.
pub fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}
