//! What a source is told by the config.

use std::time::Duration;

use url::Url;

use crate::secret::SecretSource;

/// What is done with jobs that had ended before the first look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstRun {
    /// They are remembered and nothing is said.
    Baseline,
    /// They are announced.
    Notify,
}

/// One `[sources.…]` table, checked: one Descript Drive.
#[derive(Debug, Clone)]
pub struct SourceSettings {
    pub name: String,
    pub token: SecretSource,
    /// Ends without a slash, like `https://descriptapi.com/v1`.
    pub base_url: Url,
    /// While a job is queued or running.
    pub poll_interval: Duration,
    /// While none is.
    pub idle_interval: Duration,
    /// How far back the first list reaches.
    pub lookback: Duration,
    pub first_run: FirstRun,
    /// Restricts the list on the server's side.
    pub project_id: Option<String>,
    /// Opens the door for callbacks.
    pub callback_key: Option<SecretSource>,
}
