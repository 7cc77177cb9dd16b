//! `type = "discord"`: a channel's webhook, whose URL is the credential.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::address::{guarded_url, is_loopback};
use super::notes::Notes;
use super::table::{Keys, Table};
use crate::deliver::discord::settings::DiscordSettings;
use crate::secret::SecretSource;

/// Posts to a channel of Discord through its webhook.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct DiscordWritten {
    /// The webhook's URL, `https://discord.com/api/webhooks/…`: whoever has it can post.
    #[schemars(with = "SecretSource", extend("examples" = [{ "env": "DISCORD_WEBHOOK_URL" }]))]
    webhook_url: Option<Spanned<SecretSource>>,
    /// One message for each job, edited as the job moves on.
    #[schemars(extend("default" = false, "examples" = [true]))]
    live: Option<bool>,
}

/// Discord's own hosts. <https://docs.discord.com/developers/reference#api-reference>
const HOSTS: [&str; 4] = ["discord.com", "discordapp.com", "ptb.discord.com", "canary.discord.com"];

const SHAPE: &str = "copy it whole from Discord: https://discord.com/api/webhooks/{id}/{token}";

pub(super) fn read(
    mut table: Table<'_>,
    keys: &Keys,
    notes: &mut Notes<'_>,
) -> Option<DiscordSettings> {
    let written: DiscordWritten = table.read(keys, notes);
    let webhook_url = written.webhook_url?;
    if let SecretSource::Inline(url) = webhook_url.get_ref() {
        check_url(url.expose(), &webhook_url, notes);
    }
    let live = written.live.unwrap_or(false);
    Some(DiscordSettings { webhook_url: webhook_url.into_inner(), live })
}

fn check_url(text: &str, written: &Spanned<SecretSource>, notes: &mut Notes<'_>) {
    const KEY: &str = "webhook_url";
    let span = written.span();
    let Some(url) = guarded_url(text, KEY, span.clone(), notes) else { return };
    if !is_loopback(&url) && !url.host_str().is_some_and(|host| HOSTS.contains(&host)) {
        let help = "for another service use a notifier of type \"webhook\"";
        notes.error_with_help(KEY, span, "this is not a host of Discord", help);
        return;
    }
    let parts: Vec<&str> = url.path().split('/').skip(1).collect();
    let (id, token) = match parts.as_slice() {
        ["api", "webhooks", id, token] => (*id, *token),
        ["api", version, "webhooks", id, token] if version.starts_with('v') => (*id, *token),
        _ => ("", ""),
    };
    if id.is_empty() || token.is_empty() || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        notes.error_with_help(KEY, span, "this is not the URL of a webhook", SHAPE);
    }
}
