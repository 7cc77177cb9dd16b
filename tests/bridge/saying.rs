//! What each notifier puts on the wire.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use descript_notify::clock::Clock;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::bridge::{Bridge, Setup, rule, webhook};
use crate::support::eventually;
use crate::support::sink::{Answer, Received, Sink};

/// A name that tries to be a mention, a link, mark-up and the end of a string.
const NAME: &str = "<!channel> *Spring* \"launch\" [x](https://e.example) @everyone & co";

#[tokio::test]
async fn slack_gets_blocks_and_no_text_from_outside_is_mark_up() {
    let sink = Sink::start().await;
    let url = sink.url("/services/T0/B0/abc");
    let (bridge, _program) = telling(&notifier("slack", &format!("webhook_url = \"{url}\""))).await;

    partial_import(&bridge);
    let request = sink.wait_for(1).await.remove(0);

    let body = request.json();
    assert_eq!(request.path, "/services/T0/B0/abc");
    assert!(!body["text"].as_str().unwrap().is_empty());
    assert!(!body["blocks"].as_array().unwrap().is_empty());
    assert_eq!(body["unfurl_links"], false);
    assert_eq!(body["unfurl_media"], false);
    assert!(body.get("link_names").is_none());
    let marked_up = without_plain_text(body.clone()).to_string();
    assert!(!marked_up.contains("<!channel>"), "{body:#}");
    assert!(marked_up.contains("&lt;!channel&gt;"), "{body:#}");
    for told in ["guest.wav", "the link answered 403", "https://web.descript.com/p-1"] {
        assert!(request.text().contains(told), "{told}: {body:#}");
    }
}

#[tokio::test]
async fn discord_gets_an_embed_that_can_ping_nobody() {
    let sink = Sink::start().await;
    sink.always(discord_taken());
    let url = sink.url("/api/webhooks/123/token-of-discord");
    let line = format!("webhook_url = \"{url}\"");
    let (bridge, _program) = telling(&notifier("discord", &line)).await;

    partial_import(&bridge);
    let request = sink.wait_for(1).await.remove(0);

    let body = request.json();
    assert_eq!(request.path, "/api/v10/webhooks/123/token-of-discord?wait=true");
    assert_eq!(body["allowed_mentions"], json!({"parse": []}));
    let embed = &body["embeds"][0];
    assert!(embed["color"].is_u64(), "{body:#}");
    assert!(!request.text().contains("[x](https://e.example)"), "{body:#}");
    for told in ["guest.wav", "the link answered 403", "https://web.descript.com/p-1"] {
        assert!(request.text().contains(told), "{told}: {body:#}");
    }
}

#[tokio::test]
async fn a_webhook_is_signed_so_that_a_stranger_can_check_it() {
    let sink = Sink::start().await;
    let key = b"a key of twenty-four byte";
    let secret = format!("whsec_{}", BASE64_STANDARD.encode(key));
    let signed = format!(
        "{}secret = {{ env = \"HOOK_SECRET\" }}\nmethod = \"PUT\"\n\
         headers = {{ Authorization = {{ env = \"HOOK_AUTH\" }} }}\n",
        webhook("hook", &sink)
    );
    let setup = Setup::new(signed + &rule("all", &["finished"], &["hook"]))
        .var("HOOK_SECRET", &secret)
        .var("HOOK_AUTH", "Bearer of the hook");
    let (bridge, _program) = setup.start().await;

    partial_import(&bridge);
    let request = sink.wait_for(1).await.remove(0);

    assert_eq!(request.method, "PUT");
    assert_eq!(request.header("authorization"), Some("Bearer of the hook"));
    let id = request.header("webhook-id").unwrap();
    let timestamp = request.header("webhook-timestamp").unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(&request.body);
    let expected = format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()));
    assert_eq!(request.header("webhook-signature"), Some(expected.as_str()));
    let age = Clock::System.now().as_second() - timestamp.parse::<i64>().unwrap();
    assert!((0..300).contains(&age), "{age}");
}

#[tokio::test]
async fn a_webhook_gets_the_contracts_document() {
    let sink = Sink::start().await;
    let (bridge, _program) = telling(&webhook("there", &sink)).await;

    let job = partial_import(&bridge);
    let told = sink.wait_for(1).await[0].json();

    let mut keys: Vec<&String> = told.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(keys, ["event", "job", "rule", "timestamp", "type"]);
    assert_eq!(told["type"], "job.partial");
    assert_eq!(told["rule"], json!({"name": "all", "suppressed": 0}));
    let mut event = told["event"].clone();
    assert!(event["id"].is_string() && event["detected_at"].is_string());
    for moving in ["id", "detected_at"] {
        event.as_object_mut().unwrap().remove(moving);
    }
    assert_eq!(
        event,
        json!({"kind": "partial", "source": "main", "from": null, "to": "stopped",
            "late": false, "repeat": false})
    );
    let mut given = bridge.world.job(&job).unwrap();
    given["project_name"] = json!(NAME);
    assert_eq!(told["job"], given);
}

#[tokio::test]
async fn a_command_gets_the_document_on_its_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("got");
    let path = file.to_str().unwrap();
    let script = "cat > \"$1.part\" && mv \"$1.part\" \"$1\"";
    let lines = format!("program = [\"sh\", \"-c\", '{script}', \"sh\", \"{path}\"]");
    let (bridge, _program) = telling(&notifier("command", &lines)).await;

    partial_import(&bridge);
    let text = eventually("file from the command", || std::fs::read_to_string(&file).ok()).await;

    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["type"], "job.partial");
    assert_eq!(told["job"]["project_name"], NAME);
}

#[tokio::test]
async fn a_command_that_fails_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("done");
    let path = file.to_str().unwrap();
    let script = "test -e \"$1.once\" && touch \"$1\" || { touch \"$1.once\"; exit 75; }";
    let lines = format!("program = [\"sh\", \"-c\", '{script}', \"sh\", \"{path}\"]");
    let (bridge, _program) = telling(&notifier("command", &lines)).await;

    partial_import(&bridge);
    eventually("second try", || file.exists().then_some(())).await;
}

#[tokio::test]
async fn the_console_prints_the_message_and_nothing_that_moves_the_cursor() {
    let (bridge, program) = telling(&notifier("console", "")).await;

    bridge.world.project("p-2", "Red \u{1b}[31mname\u{1b}[0m");
    let job = json!({"job_type": "agent", "job_state": "stopped", "project_id": "p-2",
        "result": {"status": "success", "agent_response": "Removed 41 filler words."}});
    bridge.world.put_job(job);
    program.wait_for_stdout("Removed 41 filler words.").await;

    let printed = program.stdout();
    assert!(printed.contains("https://web.descript.com/p-2"), "{printed}");
    assert!(printed.contains("Red"), "{printed}");
    assert!(!printed.contains('\u{1b}'), "{printed:?}");
}

#[tokio::test]
async fn a_template_of_ones_own_is_used_for_its_rule() {
    let sink = Sink::start().await;
    let config = webhook("there", &sink)
        + &rule("all", &["finished"], &["there"])
        + "template = \"short\"\n";
    let bridge = Setup::new(config).service("templates = \"templates\"").prepare().await;
    write_template(&bridge, "short", r#"{"said": "{{job.job_type}} of {{job.project_name}}"}"#);

    let _program = bridge.start().await;
    partial_import(&bridge);
    let told = sink.wait_for(1).await[0].json();

    assert_eq!(told, json!({"said": format!("import/project_media of {NAME}")}));
}

#[tokio::test]
async fn a_template_that_fails_on_a_job_does_not_cost_its_message() {
    let sink = Sink::start().await;
    let config = webhook("there", &sink)
        + &rule("all", &["finished"], &["there"])
        + "template = \"short\"\n";
    let bridge = Setup::new(config).service("templates = \"templates\"").prepare().await;
    // No sample has the field that leads into the branch, so only the job below shows it.
    let text =
        r#"{"said": "{{job.job_id}}{{#if job.result.rare}}{{job.result.rare.misspelt}}{{/if}}"}"#;
    write_template(&bridge, "short", text);
    bridge.cli(&["check"]).await.succeeded();

    let program = bridge.start().await;
    for (id, result) in [
        ("even", json!({"status": "success"})),
        ("odd", json!({"status": "success", "rare": {"well": "spelt"}})),
    ] {
        bridge.world.put_job(json!({"job_id": id, "job_state": "stopped", "result": result}));
    }
    let told: Vec<Value> = sink.wait_for(2).await.iter().map(Received::json).collect();

    assert!(told.contains(&json!({"said": "even"})), "{told:#?}");
    let builtin = told.iter().find(|told| told["type"] == "job.succeeded").unwrap();
    assert_eq!(builtin["job"]["job_id"], "odd");
    assert!(builtin["notice"].as_str().unwrap().contains("short"), "{builtin:#}");
    assert!(program.stderr().contains("A template failed"), "{}", program.stderr());
}

fn write_template(bridge: &Bridge, name: &str, text: &str) {
    let folder = bridge.folder().join("templates/webhook");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.json.hbs")), text).unwrap();
}

fn notifier(kind: &str, lines: &str) -> String {
    format!("\n[notifiers.there]\ntype = \"{kind}\"\nrate = \"unlimited\"\n{lines}\n")
}

async fn telling(notifier: &str) -> (Bridge, crate::support::program::Program) {
    let config = format!("{notifier}{}", rule("all", &["finished"], &["there"]));
    Setup::new(config).start().await
}

/// The body without the objects in which Slack reads no mark-up.
fn without_plain_text(value: Value) -> Value {
    match value {
        Value::Object(fields) if fields.get("type") == Some(&json!("plain_text")) => Value::Null,
        Value::Object(fields) => {
            fields.into_iter().map(|(name, field)| (name, without_plain_text(field))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_plain_text).collect(),
        other => other,
    }
}

fn discord_taken() -> Answer {
    let body = r#"{"id": "1", "channel_id": "2"}"#;
    Answer::ok().body(body).header("content-type", "application/json")
}

fn partial_import(bridge: &Bridge) -> String {
    bridge.world.project("p-1", NAME);
    bridge.world.put_job(json!({"job_type": "import/project_media", "job_state": "stopped",
        "project_id": "p-1", "result": {"status": "partial", "media_seconds_used": 2714,
        "media_status": {"host.wav": {"status": "success", "duration_seconds": 2713.8},
            "guest.wav": {"status": "failed", "error_message": "the link answered 403"}}}}))
}
