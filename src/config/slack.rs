//! `type = "slack"`: an incoming webhook, whose URL is the credential, or an app's bot.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeValue;
use url::Url;

use super::address::{guarded_url, is_loopback};
use super::length::short;
use super::notes::Notes;
use super::table::{Keys, Table};
use crate::deliver::slack::settings::{BotSettings, SlackSettings};
use crate::problem::Problem;
use crate::secret::SecretSource;

/// Posts to a channel of Slack: through an incoming webhook, or as an app's bot, which can edit
/// its messages.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, extend("oneOf" = [
    { "required": ["webhook_url"] },
    { "required": ["token", "channel"] },
]))]
pub(super) struct SlackWritten {
    /// The webhook's URL, `https://hooks.slack.com/services/…`: whoever has it can post.
    #[schemars(with = "Option<SecretSource>", extend("examples" = [{ "env": "SLACK_WEBHOOK_URL" }]))]
    webhook_url: Option<Spanned<SecretSource>>,
    /// Instead of `webhook_url`: the app's bot token, `xoxb-…`.
    #[schemars(with = "Option<SecretSource>", extend("examples" = [{ "env": "SLACK_BOT_TOKEN" }]))]
    token: Option<Spanned<SecretSource>>,
    /// Goes with `token`: the id of the channel, which the app must be in.
    #[schemars(with = "Option<String>", length(min = 1), extend("examples" = ["C0123456"]))]
    channel: Option<Spanned<String>>,
    /// Goes with `token`: where the Web API is.
    #[schemars(with = "Option<String>", extend("default" = "https://slack.com/api", "examples" = ["https://slack.com/api"]))]
    api_url: Option<Spanned<String>>,
    /// Goes with `token`: one message for each job, edited as the job moves on.
    #[schemars(with = "Option<bool>", extend("default" = false, "examples" = [true]))]
    live: Option<Spanned<bool>>,
    /// Goes with `live`: when a job has ended, that is also a reply to its message, so that
    /// people are notified.
    #[schemars(with = "Option<bool>", extend("default" = false, "examples" = [true]))]
    live_reply: Option<Spanned<bool>>,
}

/// Slack's own hosts. <https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>
const HOSTS: [&str; 2] = ["hooks.slack.com", "hooks.slack-gov.com"];

const SHAPE: &str = "copy it whole from Slack: https://hooks.slack.com/services/T…/B…/…";

/// Keys that tell that a bot is meant.
const OF_A_BOT: [&str; 3] = ["token", "channel", "api_url"];

const USE_A_BOT: &str = "use a bot: `token` and `channel` instead of `webhook_url`";

/// <https://docs.slack.dev/apis/web-api>
const API_URL: &str = "https://slack.com/api";

/// The keys that must be there: those of a bot where one is meant, else a webhook's.
pub(super) fn required(table: &Table<'_>) -> &'static [&'static str] {
    let named = |key: &&str| table.entries.contains_key(*key);
    let is_bot = !named(&"webhook_url") && OF_A_BOT.iter().any(named);
    if is_bot { &["token", "channel"] } else { &["webhook_url"] }
}

/// Whether the table asks for a live message.
pub(super) fn is_live(table: &Table<'_>) -> bool {
    let live = table.entries.get("live");
    live.is_some_and(|live| matches!(live.get_ref(), DeValue::Boolean(true)))
}

pub(super) fn read(
    mut table: Table<'_>,
    keys: &Keys,
    notes: &mut Notes<'_>,
) -> Option<SlackSettings> {
    let written: SlackWritten = table.read(keys, notes);
    let is_on = |switch: &Option<Spanned<bool>>| switch.as_ref().is_some_and(|on| *on.get_ref());
    let (live, live_reply) = (is_on(&written.live), is_on(&written.live_reply));
    if let Some(webhook_url) = written.webhook_url {
        if let SecretSource::Inline(url) = webhook_url.get_ref() {
            check_url(url.expose(), &webhook_url, notes);
        }
        let bots = [
            ("token", written.token.as_ref().map(Spanned::span)),
            ("channel", written.channel.as_ref().map(Spanned::span)),
            ("api_url", written.api_url.as_ref().map(Spanned::span)),
        ];
        refuse_both(bots, notes);
        let switches = [("live", &written.live), ("live_reply", &written.live_reply)];
        for (key, switch) in switches.into_iter().filter(|(_, switch)| is_on(switch)) {
            let span = switch.as_ref().map_or(0..0, Spanned::span);
            let message = "a webhook of Slack can neither edit its messages nor reply to them";
            notes.error_with_help(key, span, message, USE_A_BOT);
        }
        return Some(SlackSettings::Webhook { webhook_url: webhook_url.into_inner() });
    }
    if let Some(span) =
        written.live_reply.as_ref().map(Spanned::span).filter(|_| live_reply && !live)
    {
        let message = "there is a reply only where a job has one message";
        notes.error_with_help("live_reply", span, message, "add live = true");
    }
    let token = written.token.as_ref();
    if let Some((SecretSource::Inline(text), token)) = token.map(|it| (it.get_ref(), it)) {
        check_token(text.expose(), token.span(), notes);
    }
    let channel = written.channel.as_ref().and_then(|channel| checked_channel(channel, notes));
    let api_url = api_url(written.api_url.as_ref(), notes);
    Some(SlackSettings::Bot(BotSettings {
        token: written.token?.into_inner(),
        channel: channel?,
        api_url: api_url?,
        live,
        live_reply,
    }))
}

fn refuse_both<const N: usize>(bots: [(&str, Option<Range<usize>>); N], notes: &mut Notes<'_>) {
    for (key, span) in bots {
        if let Some(span) = span {
            let message = "this belongs to a bot, and `webhook_url` stands here as well";
            notes.error_with_help(
                key,
                span,
                message,
                "use `webhook_url`, or `token` and `channel`",
            );
        }
    }
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

fn check_token(text: &str, span: Range<usize>, notes: &mut Notes<'_>) {
    const HELP: &str = "take the bot token from the app's page `OAuth & Permissions`: xoxb-…";
    let wrong = if text.starts_with("xapp-") {
        "this is the token of an app, which cannot post"
    } else if text.contains("://") {
        "this is a URL and not a token"
    } else if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        "this holds characters that no token has"
    } else {
        return;
    };
    notes.error_with_help("token", span, wrong, HELP);
}

fn checked_channel(written: &Spanned<String>, notes: &mut Notes<'_>) -> Option<String> {
    const KEY: &str = "channel";
    const HELP: &str = "copy the id from the end of the channel's details, like C0123456";
    /// Far more than an id or a name has.
    const MAX_CHARS: usize = 100;
    let channel = written.get_ref();
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '/';
    if channel.is_empty() || channel.contains(odd) || channel.chars().count() > MAX_CHARS {
        let message = match channel.is_empty() {
            true => "the channel's id is empty".to_owned(),
            false => format!("`{}` cannot be a channel", short(channel)),
        };
        notes.error_with_help(KEY, written.span(), message, HELP);
        return None;
    }
    let id = channel.strip_prefix(['C', 'G', 'D', 'U']).unwrap_or_default();
    let is_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
    if !is_id {
        let message = "a channel's name can change, and Slack finds only public ones by it";
        notes.key(KEY, Problem::warning(message).at(written.span()).help(HELP));
    }
    Some(channel.clone())
}

fn api_url(written: Option<&Spanned<String>>, notes: &mut Notes<'_>) -> Option<Url> {
    const KEY: &str = "api_url";
    let Some(written) = written else { return Url::parse(API_URL).ok() };
    let url = guarded_url(written.get_ref(), KEY, written.span(), notes)?;
    let wrong = if url.query().is_some() || url.fragment().is_some() {
        "it has no `?` and no `#`"
    } else if !url.username().is_empty() || url.password().is_some() {
        "it holds no user and no password"
    } else {
        return Some(url);
    };
    let help = format!("the calls' names are put after it; leave it out for {API_URL}");
    notes.error_with_help(KEY, written.span(), wrong, help);
    None
}
