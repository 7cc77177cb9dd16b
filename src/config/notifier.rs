//! A `[notifiers.…]` table: the keys that every type takes, and the way to each type's own.
//!
//! The type is pulled out first, since it decides which other keys there are; one file per
//! type holds that type's table as it is written and what it means.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeValue;

use super::address::check_name;
use super::command::{self, CommandWritten};
use super::discord::{self, DiscordWritten};
use super::email::{self, EmailWritten};
use super::length::{self, DAY, HOUR, Length, short};
use super::notes::Notes;
use super::pace::{Rate, pace};
use super::slack::{self, SlackWritten};
use super::table::{Keys, Table, missing};
use super::webhook::{self, WebhookWritten};
use crate::deliver::pace::{EDITING_PACE, default_pace};
use crate::deliver::settings::{NotifierSettings, TypeSettings};
use crate::model::NotifierKind;
use crate::problem::{Problem, nearest, suggestion};

/// The keys that every type of notifier takes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CommonWritten {
    /// How long one attempt may take, all of it. Default 10s, for email 120s.
    #[schemars(with = "Option<Length>", extend("examples" = ["10s"]))]
    timeout: Option<Spanned<String>>,
    /// How many messages may leave in which time, or "unlimited". Each type has a default
    /// within its service's published limit.
    #[schemars(with = "Option<Rate>", extend("examples" = ["1/s"]))]
    rate: Option<Spanned<String>>,
    /// How many messages may leave at once before the rate counts; 1 where only `rate` is
    /// given.
    #[schemars(with = "Option<u32>", range(min = 1), extend("examples" = [5]))]
    burst: Option<Spanned<u32>>,
    /// How long a message is tried again, from its first attempt; "0s" tries once.
    #[schemars(with = "Option<Length>", extend("default" = "24h", "examples" = ["24h"]))]
    retry_for: Option<Spanned<String>>,
}

/// The longest time that one attempt may take.
const TIMEOUT_MAX: Duration = Duration::from_secs(600);
const TIMEOUT_MIN: Duration = Duration::from_millis(100);
/// A mail server may take its time over each command.
const TIMEOUT_EMAIL: Duration = Duration::from_secs(120);
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(10);

/// The keys of every type.
pub(super) fn common_keys() -> Keys {
    Keys::of::<CommonWritten>(&[])
}

/// The keys of one type alone.
pub(super) fn own_keys(kind: NotifierKind) -> Keys {
    match kind {
        NotifierKind::Slack => Keys::of::<SlackWritten>(&[]),
        NotifierKind::Discord => Keys::of::<DiscordWritten>(&[]),
        NotifierKind::Email => Keys::of::<EmailWritten>(&[]),
        NotifierKind::Webhook => Keys::of::<WebhookWritten>(&[]),
        NotifierKind::Command => Keys::of::<CommandWritten>(&[]),
        NotifierKind::Console => Keys::default(),
    }
}

/// One type's table in the schema, without the common keys.
pub(super) fn own_schema(
    kind: NotifierKind,
    generator: &mut schemars::SchemaGenerator,
) -> schemars::Schema {
    match kind {
        NotifierKind::Slack => SlackWritten::json_schema(generator),
        NotifierKind::Discord => DiscordWritten::json_schema(generator),
        NotifierKind::Email => EmailWritten::json_schema(generator),
        NotifierKind::Webhook => WebhookWritten::json_schema(generator),
        NotifierKind::Command => CommandWritten::json_schema(generator),
        NotifierKind::Console => schemars::json_schema!({
            "description": "Prints the message on standard output.",
            "type": "object",
        }),
    }
}

/// Reads the table; `None` where what is written is not enough, which has been noted then.
pub(super) fn read(
    name: &str,
    mut table: Table<'_>,
    notes: &mut Notes<'_>,
) -> Option<NotifierSettings> {
    check_name(name, table.place.clone(), notes);
    let (kind, known) = match take_kind(&mut table, notes) {
        Kind::Known(kind) => (kind, true),
        // Its other keys can still be checked, though it will not be used.
        Kind::Guessed(kind) => (kind, false),
        Kind::Unknown => {
            let keys = |kind| own_keys(kind).and(common_keys());
            let every = NotifierKind::ALL.into_iter().map(keys).reduce(Keys::and);
            table.check_keys(&every.unwrap_or_default().optional(), notes);
            return None;
        }
    };
    let mut keys = own_keys(kind).and(common_keys());
    if kind == NotifierKind::Slack {
        keys = keys.requiring(slack::required(&table));
    }
    table.check_keys(&keys, notes);

    let common: CommonWritten = table.read(&keys, notes);
    let timeout_default = if kind == NotifierKind::Email { TIMEOUT_EMAIL } else { TIMEOUT_DEFAULT };
    let timeout = common.timeout.as_ref();
    let timeout =
        length::within(timeout, "timeout", timeout_default, TIMEOUT_MIN..=TIMEOUT_MAX, notes);
    let retry_for = common.retry_for.as_ref();
    let retry_for =
        length::within(retry_for, "retry_for", 24 * HOUR, Duration::ZERO..=30 * DAY, notes);
    let default = match kind {
        NotifierKind::Slack if slack::is_live(&table) => EDITING_PACE,
        kind => default_pace(kind),
    };
    let pace = pace(common.rate.as_ref(), common.burst.as_ref(), default, notes);

    let settings = match kind {
        NotifierKind::Slack => TypeSettings::Slack(slack::read(table, &keys, notes)?),
        NotifierKind::Discord => TypeSettings::Discord(discord::read(table, &keys, notes)?),
        NotifierKind::Email => TypeSettings::Email(email::read(table, &keys, notes)?),
        NotifierKind::Webhook => TypeSettings::Webhook(webhook::read(table, &keys, notes)?),
        NotifierKind::Command => TypeSettings::Command(command::read(table, &keys, notes)?),
        NotifierKind::Console => TypeSettings::Console,
    };
    known.then(|| NotifierSettings { name: name.to_owned(), settings, timeout, pace, retry_for })
}

enum Kind {
    Known(NotifierKind),
    Guessed(NotifierKind),
    Unknown,
}

fn take_kind(table: &mut Table<'_>, notes: &mut Notes<'_>) -> Kind {
    let names = NotifierKind::ALL.map(NotifierKind::as_str);
    let find = |word: &str| NotifierKind::ALL.into_iter().find(|kind| kind.as_str() == word);
    let all = format!("use one of {}", names.join(", "));
    let Some(value) = table.entries.remove("type") else {
        notes.whole(missing("type").at(table.place.clone()).help(all));
        return Kind::Unknown;
    };
    let DeValue::String(word) = value.get_ref() else {
        notes.error_with_help("type", value.span(), "expected a string", all);
        return Kind::Unknown;
    };
    if let Some(kind) = find(word) {
        return Kind::Known(kind);
    }
    let message = format!("no type of notifier is called `{}`", short(word));
    notes.key("type", Problem::error(message).at(value.span()).help(suggestion(word, &names)));
    match nearest(word, names).and_then(find) {
        Some(kind) => Kind::Guessed(kind),
        None => Kind::Unknown,
    }
}
