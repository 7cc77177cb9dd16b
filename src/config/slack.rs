//! `type = "slack"`: an incoming webhook, whose URL is the credential.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::address::{guarded_url, is_loopback};
use super::notes::Notes;
use super::table::{Keys, Table};
use crate::deliver::slack::settings::SlackSettings;
use crate::secret::SecretSource;

/// Posts to a channel of Slack through an incoming webhook.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct SlackWritten {
    /// The webhook's URL, `https://hooks.slack.com/services/…`: whoever has it can post.
    #[schemars(with = "SecretSource", extend("examples" = [{ "env": "SLACK_WEBHOOK_URL" }]))]
    webhook_url: Option<Spanned<SecretSource>>,
}

/// Slack's own hosts. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
const HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

const SHAPE: &str = "copy it whole from Slack: https://hooks.slack.com/services/T…/B…/…";

pub(super) fn read(
    mut table: Table<'_>,
    keys: &Keys,
    notes: &mut Notes<'_>,
) -> Option<SlackSettings> {
    let written: SlackWritten = table.read(keys, notes);
    let webhook_url = written.webhook_url?;
    if let SecretSource::Inline(url) = webhook_url.get_ref() {
        check_url(url.expose(), &webhook_url, notes);
    }
    Some(SlackSettings { webhook_url: webhook_url.into_inner() })
}

fn check_url(text: &str, written: &Spanned<SecretSource>, notes: &mut Notes<'_>) {
    const KEY: &str = "webhook_url";
    let span = written.span();
    let Some(url) = guarded_url(text, KEY, span.clone(), notes) else { return };
    if is_loopback(&url) {
        return;
    }
    if !url.host_str().is_some_and(|host| HOSTS.contains(&host)) {
        let help = "for another service use a notifier of type \"webhook\"";
        notes.error_with_help(KEY, span, "this is not a host of Slack", help);
        return;
    }
    let parts: Vec<&str> = url.path().split('/').skip(1).collect();
    match parts.as_slice() {
        ["services", team, app, token]
            if [team, app, token].iter().all(|part| !part.is_empty()) => {}
        ["triggers" | "workflows", ..] => {
            let message = "this URL starts a workflow of Slack, which takes no message";
            notes.error_with_help(KEY, span, message, SHAPE);
        }
        _ => notes.error_with_help(KEY, span, "this is not the URL of an incoming webhook", SHAPE),
    }
}
