//! Slack's two ways and live messages: what is meant, and each mistake.

use std::time::Duration;

use super::{EXAMPLE, parsed, told};
use crate::deliver::settings::{NotifierSettings, Pace, TypeSettings};
use crate::deliver::slack::settings::{BotSettings, SlackSettings};

fn notifier(table: &str) -> NotifierSettings {
    let parsed = parsed(&format!("[notifiers.n]\n{table}\n"));
    let config = parsed.config.unwrap_or_else(|| panic!("{:?}", parsed.problems));
    config.notifiers.into_iter().next().unwrap()
}

fn bot(lines: &str) -> (BotSettings, NotifierSettings) {
    let table = format!("type = 'slack'\ntoken = {{ env = 'T' }}\nchannel = 'C0123456'\n{lines}");
    let settings = notifier(&table);
    match settings.settings.clone() {
        TypeSettings::Slack(SlackSettings::Bot(bot)) => (bot, settings),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_bot_needs_a_token_and_a_channel_and_the_rest_is_known() {
    let (plain, settings) = bot("");
    let (live, _) = bot("live = true\nlive_reply = true\napi_url = 'http://127.0.0.1:9/api/'");

    assert_eq!((plain.channel.as_str(), plain.live, plain.live_reply), ("C0123456", false, false));
    assert_eq!(plain.api_url.as_str(), "https://slack.com/api");
    assert_eq!(settings.secrets().len(), 1);
    assert!(!settings.is_live());
    assert_eq!((live.live, live.live_reply), (true, true));
    assert_eq!(live.api_url.as_str(), "http://127.0.0.1:9/api/");
}

#[test]
fn a_bot_that_edits_is_slower_than_one_that_posts() {
    let pace = |lines| bot(lines).1.pace;
    let limited = |ms, burst| Pace::Limited { every: Duration::from_millis(ms), burst };

    assert_eq!(pace(""), limited(1_000, 3));
    assert_eq!(pace("live = false"), limited(1_000, 3));
    assert_eq!(pace("live = true"), limited(1_250, 2));
    assert_eq!(pace("live = true\nburst = 5"), limited(1_250, 5));
    assert_eq!(pace("live = true\nrate = '2/s'"), limited(500, 1));
}

#[test]
fn discord_and_mail_can_be_live_and_only_messages_are_edited() {
    let live = |table: &str| {
        let settings = notifier(table);
        (settings.is_live(), settings.edits())
    };
    let discord = "type = 'discord'\nwebhook_url = { env = 'U' }\n";
    let mail = "type = 'email'\nhost = 'h'\nfrom = 'a@b.c'\nto = ['a@b.c']\n";

    assert_eq!(live(discord), (false, false));
    assert_eq!(live(&format!("{discord}live = true")), (true, true));
    assert_eq!(live(mail), (false, false));
    assert_eq!(live(&format!("{mail}live = true")), (true, false));
}

#[test]
fn slack_has_either_a_webhook_or_a_bot() {
    let told = told(
        "[notifiers.a]\ntype = \"slack\"\n\
         [notifiers.b]\ntype = \"slack\"\ntoken = { env = \"T\" }\n\
         [notifiers.c]\ntype = \"slack\"\nchannel = \"C1\"\ntokn = { env = \"T\" }\n\
         [notifiers.d]\ntype = \"slack\"\nwebhok_url = { env = \"U\" }\n\
         [notifiers.e]\ntype = \"slack\"\nwebhook_url = { env = \"U\" }\nchannel = \"C1\"\n\
         api_url = \"https://slack.com/api\"\nlive = false\n\
         [notifiers.f]\ntype = \"slack\"\nwebhook_url = { env = \"U\" }\nlive = true\nlive_reply = true\n\
         [notifiers.g]\ntype = \"slack\"\ntoken = { env = \"T\" }\nchannel = \"C1\"\nlive_reply = true\n",
    );

    insta::assert_snapshot!(told, @r#"
    [a] notifier `a`: `webhook_url` is missing; add webhook_url = { env = "SLACK_WEBHOOK_URL" }
    [b] notifier `b`: `channel` is missing; add channel = "C0123456"
    [tokn] notifier `c`: unknown key `tokn`; did you mean `token`?
    [webhok_url] notifier `d`: unknown key `webhok_url`; did you mean `webhook_url`?
    ["C1"] notifier `e`, key `channel`: this belongs to a bot, and `webhook_url` stands here as well; use `webhook_url`, or `token` and `channel`
    ["https://slack.com/api"] notifier `e`, key `api_url`: this belongs to a bot, and `webhook_url` stands here as well; use `webhook_url`, or `token` and `channel`
    [true] notifier `f`, key `live`: a webhook of Slack can neither edit its messages nor reply to them; use a bot: `token` and `channel` instead of `webhook_url`
    [true] notifier `f`, key `live_reply`: a webhook of Slack can neither edit its messages nor reply to them; use a bot: `token` and `channel` instead of `webhook_url`
    [true] notifier `g`, key `live_reply`: there is a reply only where a job has one message; add live = true
    "#);
}

#[test]
fn a_bots_token_channel_and_address_have_their_shape() {
    let bot = |name: &str, lines: &str| format!("[notifiers.{name}]\ntype = \"slack\"\n{lines}\n");
    let told = told(
        &[
            bot("a", "token = \"xapp-hunter2\"\nchannel = \"\""),
            bot("b", "token = \"https://hunter2\"\nchannel = \"#general\""),
            bot("c", "token = \"xoxb hunter2\"\nchannel = \"the room\""),
            bot("d", "token = \"xoxb-1\"\nchannel = \"C1\"\napi_url = \"http://slack.com/api\""),
            bot(
                "e",
                "token = \"xoxb-1\"\nchannel = \"C1\"\napi_url = \"https://slack.com/api?x=1\"",
            ),
            bot("f", "token = 5\nchannel = 5\nlive = \"yes\""),
        ]
        .concat(),
    );

    insta::assert_snapshot!(told.replace("hunter2", "…"), @r##"
    ["xapp-…"] notifier `a`, key `token`: this is the token of an app, which cannot post; take the bot token from the app's page `OAuth & Permissions`: xoxb-…
    [""] notifier `a`, key `channel`: the channel's id is empty; copy the id from the end of the channel's details, like C0123456
    ["https://…"] notifier `b`, key `token`: this is a URL and not a token; take the bot token from the app's page `OAuth & Permissions`: xoxb-…
    ["#general"] notifier `b`, key `channel`: a channel's name can change, and Slack finds only public ones by it; copy the id from the end of the channel's details, like C0123456
    ["xoxb …"] notifier `c`, key `token`: this holds characters that no token has; take the bot token from the app's page `OAuth & Permissions`: xoxb-…
    ["the room"] notifier `c`, key `channel`: `the room` cannot be a channel; copy the id from the end of the channel's details, like C0123456
    ["http://slack.com/api"] notifier `d`, key `api_url`: plain http is allowed only to this machine; use https
    ["https://slack.com/api?x=1"] notifier `e`, key `api_url`: it has no `?` and no `#`; the calls' names are put after it; leave it out for https://slack.com/api
    [5] notifier `f`, key `token`: expected a string, { env = "NAME" }, { file = "PATH" } or { credential = "NAME" }, not a number; write it like token = { env = "SLACK_BOT_TOKEN" }
    [5] notifier `f`, key `channel`: expected a string, found a whole number; write it like channel = "C0123456"
    ["yes"] notifier `f`, key `live`: expected true or false, found a string; write it like live = true
    "##);
}

#[test]
fn what_cannot_edit_is_not_live() {
    let told = told(
        "[notifiers.a]\ntype = \"webhook\"\nurl = { env = \"U\" }\nlive = true\n\
         [notifiers.b]\ntype = \"command\"\nprogram = [\"x\"]\nlive = true\n\
         [notifiers.c]\ntype = \"console\"\nlive = true\n\
         [notifiers.d]\ntype = \"discord\"\nwebhook_url = { env = \"U\" }\nlive = true\nlive_reply = true\n",
    );

    insta::assert_snapshot!(told, @r"
    [live] notifier `a`: unknown key `live`; `live` belongs in a notifier of type slack, or a notifier of type discord, or a notifier of type email
    [live] notifier `b`: unknown key `live`; `live` belongs in a notifier of type slack, or a notifier of type discord, or a notifier of type email
    [live] notifier `c`: unknown key `live`; `live` belongs in a notifier of type slack, or a notifier of type discord, or a notifier of type email
    [live_reply] notifier `d`: unknown key `live_reply`; `live_reply` belongs in a notifier of type slack
    ");
}

/// Keys that are commented out in the example are right as well.
#[test]
fn the_example_is_right_with_every_live_message_switched_on() {
    let commented = EXAMPLE.matches("# live = true").count();
    let text = EXAMPLE.replace("# live = true", "live = true");

    let config = parsed(&text).config.unwrap();

    assert!(commented >= 2);
    let live: Vec<&str> = config
        .notifiers
        .iter()
        .filter(|settings| settings.is_live())
        .map(|settings| settings.name.as_str())
        .collect();
    assert_eq!(live, ["board", "crew", "mail"]);
}
