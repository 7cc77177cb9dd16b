//! A `[sources.…]` table: as it is written, and what it means.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::address::{check_name, guarded_url, is_loopback};
use super::length::{self, DAY, HOUR, Length, SECOND};
use super::notes::Notes;
use super::table::{Keys, Table};
use crate::problem::Problem;
use crate::secret::SecretSource;
use crate::source::settings::{FirstRun, SourceSettings};

/// `[sources.…]` as it is written: one Descript Drive.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct SourceWritten {
    /// The Drive's API token.
    #[schemars(with = "SecretSource", extend("examples" = [{ "env": "DESCRIPT_API_TOKEN" }]))]
    token: Option<SecretSource>,
    /// Where the API is; plain http only to this machine.
    #[schemars(with = "Option<String>", url, extend("default" = "https://descriptapi.com/v1", "examples" = ["https://descriptapi.com/v1"]))]
    base_url: Option<Spanned<String>>,
    /// The time between two looks while a job is queued or running; at least 3 s, unless the
    /// API is on this machine.
    #[schemars(with = "Option<Length>", extend("default" = "15s", "examples" = ["15s"]))]
    poll_interval: Option<Spanned<String>>,
    /// The time between two looks while no job is queued or running.
    #[schemars(with = "Option<Length>", extend("default" = "60s", "examples" = ["60s"]))]
    idle_interval: Option<Spanned<String>>,
    /// How far back the first list reaches: 1h to 30d.
    #[schemars(with = "Option<Length>", extend("default" = "7d", "examples" = ["7d"]))]
    lookback: Option<Spanned<String>>,
    /// What is done with jobs that are there before the first look.
    #[schemars(extend("default" = "baseline", "examples" = ["baseline"]))]
    first_run: Option<FirstRunWritten>,
    /// Watches one project only; the API filters the list.
    #[schemars(with = "Option<String>", length(min = 1))]
    project_id: Option<Spanned<String>>,
    /// Enables `POST /callback/…?key=…`, for the `callback_url` of jobs; needs `service.listen`.
    #[schemars(extend("examples" = [{ "env": "DESCRIPT_CALLBACK_KEY" }]))]
    callback_key: Option<SecretSource>,
}

/// What is done with jobs that are there before the first look.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
enum FirstRunWritten {
    /// They are remembered and nothing is said.
    Baseline,
    /// They are announced.
    Notify,
}

/// Where Descript's API is.
const BASE_URL: &str = "https://descriptapi.com/v1";

/// Descript asks for no more than one look in a few seconds; an emulator does not mind.
const POLL_MIN: Duration = Duration::from_secs(3);
const POLL_MIN_LOOPBACK: Duration = Duration::from_millis(10);
const POLL_MAX: Duration = DAY;

/// Reads the table; `None` where what is written is not enough, which has been noted then.
pub(super) fn read(
    name: &str,
    mut table: Table<'_>,
    notes: &mut Notes<'_>,
) -> Option<SourceSettings> {
    let keys = Keys::of::<SourceWritten>(&[]);
    check_name(name, table.place.clone(), notes);
    table.check_keys(&keys, notes);
    let written: SourceWritten = table.read(&keys, notes);

    let base_url = base_url(written.base_url.as_ref(), notes);
    let nearby = base_url.as_ref().is_some_and(is_loopback);
    let shortest = if nearby || base_url.is_none() { POLL_MIN_LOOPBACK } else { POLL_MIN };
    let poll = written.poll_interval.as_ref();
    let poll_interval =
        length::within(poll, "poll_interval", 15 * SECOND, shortest..=POLL_MAX, notes);
    let idle_default = poll_interval.max(60 * SECOND);
    let idle = written.idle_interval.as_ref();
    let idle_interval =
        length::within(idle, "idle_interval", idle_default, shortest..=POLL_MAX, notes);
    let lookback =
        length::within(written.lookback.as_ref(), "lookback", 7 * DAY, HOUR..=30 * DAY, notes);
    if let Some(project) = &written.project_id
        && project.get_ref().trim().is_empty()
    {
        notes.error("project_id", project.span(), "a project's id must not be empty");
    }
    Some(SourceSettings {
        name: name.to_owned(),
        token: written.token?,
        base_url: base_url?,
        poll_interval,
        idle_interval,
        lookback,
        first_run: match written.first_run {
            Some(FirstRunWritten::Notify) => FirstRun::Notify,
            Some(FirstRunWritten::Baseline) | None => FirstRun::Baseline,
        },
        project_id: written.project_id.map(Spanned::into_inner),
        callback_key: written.callback_key,
    })
}

fn base_url(written: Option<&Spanned<String>>, notes: &mut Notes<'_>) -> Option<Url> {
    let (text, span) = match written {
        Some(written) => (written.get_ref().as_str(), written.span()),
        None => (BASE_URL, 0..0),
    };
    let mut url = guarded_url(text, "base_url", span.clone(), notes)?;
    if !url.username().is_empty() || url.password().is_some() {
        let message = "a base URL holds no user and no password";
        notes.key("base_url", Problem::error(message).at(span).help("use `token`"));
        return None;
    }
    if url.query().is_some() || url.fragment().is_some() {
        notes.error("base_url", span, "a base URL has no `?` and no `#`");
        return None;
    }
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty();
    }
    Some(url)
}
