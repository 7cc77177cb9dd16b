//! Words about leases: which of the services that share a store polls a source.

use tracing::{debug, info, warn};

/// The source is this service's to poll from now on.
pub fn lease_taken(source: &str, waited: bool) {
    match waited {
        true => info!(source, "Taking over: polling {source} from now on."),
        false => debug!(source, "Polling {source}."),
    }
}

/// Another service that shares the store polls the source.
pub fn lease_elsewhere(source: &str) {
    info!(source, "Another service polls {source}; waiting to take over.");
}

/// The source is another service's to poll, or the store cannot be asked.
pub fn lease_lost(source: &str) {
    warn!(source, "No longer sure of being the one that polls {source}; waiting to take over.");
}
