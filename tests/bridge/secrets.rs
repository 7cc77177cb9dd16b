//! No secret is ever shown: not in the most talkative log, not in the store's errors, not in
//! any listing, whatever goes wrong and whatever the other side echoes.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use crate::support::bridge::{Setup, TOKEN, email, rule, webhook};
use crate::support::program::Signal;
use crate::support::sink::{Answer, Close, Sink};
use crate::support::smtp::SmtpSink;

const SLACK: &str = "SlackSecretPart0123456789";
const DISCORD: &str = "DiscordSecretPart0123456789";
const HOOK_PATH: &str = "HookSecretPath0123456789";
const HEADER: &str = "HeaderSecret0123456789";
const PASSWORD: &str = "MailSecret0123456789";
const SIGNING: &[u8] = b"SigningSecret0123456789abcd";

#[tokio::test]
async fn no_secret_is_shown_whatever_goes_wrong() {
    let signing = BASE64_STANDARD.encode(SIGNING);
    let secrets = [
        TOKEN.to_owned(),
        SLACK.to_owned(),
        DISCORD.to_owned(),
        HOOK_PATH.to_owned(),
        HEADER.to_owned(),
        PASSWORD.to_owned(),
        signing.clone(),
        BASE64_STANDARD.encode(format!("\0notify\0{PASSWORD}")),
        BASE64_STANDARD.encode(PASSWORD),
    ];
    let (slack, discord, hook) = (Sink::start().await, Sink::start().await, Sink::start().await);
    let smtp = SmtpSink::with_account("notify", "another one").await;
    let mail = "to = [\"ann@example.com\"]\nusername = \"notify\"\n\
        password = { env = \"MAIL_PASSWORD\" }";
    let config = [
        "\n[notifiers.slack]\ntype = \"slack\"\nwebhook_url = { env = \"SLACK_URL\" }\n\
         rate = \"unlimited\"\n\n[notifiers.discord]\ntype = \"discord\"\n\
         webhook_url = { env = \"DISCORD_URL\" }\nrate = \"unlimited\"\n"
            .into(),
        webhook("hook", &hook).replace("/hook\"", &format!("/{HOOK_PATH}?key={HOOK_PATH}\"")),
        "headers = { X-Auth = { env = \"HOOK_AUTH\" } }\nsecret = { env = \"HOOK_SECRET\" }\n"
            .into(),
        "\n[notifiers.nowhere]\ntype = \"webhook\"\nurl = { env = \"NOWHERE\" }\n".into(),
        email("mail", &smtp, mail),
        rule("all", &["any"], &["slack", "discord", "hook", "nowhere", "mail"]),
    ];
    let setup = Setup::new(config.concat())
        .var("RUST_LOG", "trace")
        .var("SLACK_URL", &slack.url(&format!("/services/T0/B0/{SLACK}")))
        .var("DISCORD_URL", &discord.url(&format!("/api/webhooks/1/{DISCORD}")))
        .var("HOOK_AUTH", HEADER)
        .var("HOOK_SECRET", &format!("whsec_{signing}"))
        .var("MAIL_PASSWORD", PASSWORD)
        // Nobody listens there.
        .var("NOWHERE", &format!("http://127.0.0.1:1/{HOOK_PATH}"));
    slack.script([
        Answer::status(500).body(&format!("no service at /services/T0/B0/{SLACK}")),
        Answer::status(404).body(&format!("no_service {SLACK}")),
    ]);
    discord.script([
        Answer::status(502).body(&format!("<html>{DISCORD}</html>")),
        Answer::ok().closing(Close::AfterReading),
        Answer::status(401).body(&format!("{{\"message\": \"bad token {DISCORD}\"}}")),
    ]);
    hook.script([
        Answer::status(301).header("location", &hook.url(&format!("/{HOOK_PATH}/other"))),
        Answer::status(400).body(&format!("{HEADER} {signing} {HOOK_PATH} are wrong")),
        Answer::ok().body("half an answer").closing(Close::MidBody),
        Answer::ok().closing(Close::Before),
    ]);
    let (bridge, program) = setup.start().await;

    let job = bridge.run("agent");
    for talk in
        ["Not sent to slack", "Not sent to discord", "Not sent to nowhere", "mail refuses us"]
    {
        program.wait_for_stderr(talk).await;
    }
    bridge.world.set_progress(&job, json!({"label": "Editing"}));
    program.wait_for_stderr("slack refuses us").await;
    program.wait_for_stderr("discord refuses us").await;
    bridge.succeed(&job);
    program.wait_for_stderr("Event: succeeded").await;
    bridge.fault("401:on=list:times=always");
    program.wait_for_stderr("Polling main failed").await;

    let mut shown = String::new();
    let rows = bridge.deliveries().await;
    for args in [
        &["deliveries", "list", "--json"][..],
        &["deliveries", "list"],
        &["events", "--json"],
        &["jobs", "--json"],
        &["check"],
        &["check", "--online"],
        &["send-test", "nowhere"],
        &["send-test", "mail"],
        &["run", "--once"],
    ] {
        let output = bridge.cli(args).await;
        write!(shown, "{args:?}:\n{}\n{}\n", output.stdout, output.stderr).unwrap();
    }
    for row in &rows {
        let id = row["id"].as_str().unwrap();
        let output = bridge.cli(&["deliveries", "show", id, "--json"]).await;
        write!(shown, "{}\n{}\n", output.stdout, output.stderr).unwrap();
    }
    program.signal(Signal::Term).await;
    let ended = program.end(std::time::Duration::from_secs(20)).await;
    write!(shown, "{}\n{}\n", ended.stdout, ended.stderr).unwrap();
    for file in std::fs::read_dir(bridge.folder()).unwrap().map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        if name.starts_with("state.db") {
            let bytes = std::fs::read(file.path()).unwrap();
            writeln!(shown, "{name}: {}", String::from_utf8_lossy(&bytes)).unwrap();
        }
    }

    assert!(rows.iter().any(|row| row["last_error"].is_string()), "{rows:#?}");
    assert!(shown.contains("no service at"), "what the other side echoes was not met");
    for secret in secrets {
        let at = shown.find(&secret);
        let around = at.map(|at| {
            let cut: String = shown[..at].chars().rev().take(300).collect();
            cut.chars().rev().collect::<String>()
        });
        assert_eq!(around, None, "`{secret}` was shown after this");
    }
}
