//! `store check` and `store backup`, beside a running service, without one, and on files that
//! are no good.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;

use support::bridge::{Bridge, Setup};
use support::program::Program;
use support::sink::{Answer, Sink};

/// A service with one message sent and one that is owed still.
async fn busy_service(sink: &Sink) -> (Bridge, Program) {
    let (bridge, program) = Setup::everything_to(sink).start().await;
    bridge.run("agent");
    program.wait_for_stderr("Sent to hook").await;
    sink.always(Answer::status(503));
    let job = bridge.run("agent");
    bridge.succeed(&job);
    program.wait_for_stderr("Not sent to hook yet").await;
    (bridge, program)
}

#[tokio::test]
async fn a_sound_store_is_told_with_what_it_holds() {
    let sink = Sink::start().await;
    let (bridge, _program) = busy_service(&sink).await;

    let text = bridge.cli(&["store", "check"]).await.succeeded();
    let document = bridge.cli(&["store", "check", "--json"]).await.succeeded().json();

    for told in ["sound", "1 open", "1 sent", "since 20"] {
        assert!(text.stdout.contains(told), "{told}: {}", text.stdout);
    }
    // It is tried again and again meanwhile.
    let owed = ["1 pending", "1 sending"];
    assert!(owed.iter().any(|owed| text.stdout.contains(owed)), "{}", text.stdout);
    assert_eq!(document["store"], bridge.store().to_str().unwrap());
    assert_eq!(document["ok"], true);
    assert_eq!(document["problems"], json!([]));
    assert_eq!(document["schema"], descript_notify::store::SCHEMA_VERSION);
    assert_eq!(document["jobs"], json!({"ended": 1, "open": 1}));
    assert_eq!(document["events"], 2);
    assert!(document["oldest_owed"].is_string(), "{document:#}");
    assert!(document["file_bytes"].as_u64() > Some(0), "{document:#}");
}

#[tokio::test]
async fn a_backup_of_a_live_store_is_whole_and_can_be_put_back() {
    let sink = Sink::start().await;
    let (bridge, program) = busy_service(&sink).await;
    let copy = bridge.folder().join("copy.db");

    let told = bridge.cli(&["store", "backup", copy.to_str().unwrap()]).await.succeeded();
    program.kill().await;
    for ending in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{ending}", bridge.store().display()));
    }
    std::fs::copy(&copy, bridge.store()).unwrap();
    sink.always(Answer::ok());
    let _again = bridge.start().await;
    let sent = sink
        .wait_until("owed message", |all| all.last().is_some_and(|it| it.kind() == "succeeded"))
        .await;

    assert!(told.stdout.contains("copy.db"), "{}", told.stdout);
    assert!(told.stdout.contains("KiB"), "{}", told.stdout);
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(sent.iter().filter(|it| it.kind() == "started").count(), 1, "said once");
    let left: Vec<String> = names_in(bridge.folder());
    assert!(left.iter().all(|name| !name.ends_with(".part")), "{left:?}");
}

#[tokio::test]
async fn a_backup_overwrites_nothing_unless_told_to() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;
    bridge.cli(&["run", "--once"]).await.succeeded();
    let copy = bridge.folder().join("copy.db");
    std::fs::write(&copy, "precious").unwrap();

    let refused = bridge.cli(&["store", "backup", copy.to_str().unwrap()]).await;
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(&copy).unwrap(), "precious");

    let forced = ["store", "backup", copy.to_str().unwrap(), "--force", "--json"];
    let document = bridge.cli(&forced).await.succeeded().json();
    assert_eq!(document["bytes"], copy.metadata().unwrap().size());
    assert_eq!(document["backup"], copy.to_str().unwrap());
}

#[tokio::test]
async fn a_backup_never_goes_where_it_would_do_harm() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;
    bridge.cli(&["run", "--once"]).await.succeeded();
    let inside = |name: &str| bridge.folder().join(name).to_str().unwrap().to_owned();
    symlink(bridge.store(), inside("link.db")).unwrap();
    std::fs::hard_link(bridge.store(), inside("hard.db")).unwrap();
    std::fs::create_dir(inside("folder")).unwrap();
    std::fs::write(inside("used.db-wal"), "").unwrap();
    let before = std::fs::read(bridge.store()).unwrap();

    for (name, why) in [
        ("state.db", "the store itself"),
        ("link.db", "the store itself"),
        ("hard.db", "the store itself"),
        ("state.db-wal", "the store itself"),
        ("state.db.lock", "the store itself"),
        ("folder", "is a folder"),
        ("used.db", "has that database open"),
        ("missing/copy.db", "cannot be written"),
        ("state.db/copy.db", "a part of the path is a file"),
    ] {
        let refused = bridge.cli(&["store", "backup", &inside(name), "--force"]).await;

        assert_eq!(refused.code, Some(1), "{name}: {refused:#?}");
        assert!(refused.stderr.contains(why), "{name}: {}", refused.stderr);
    }
    assert_eq!(std::fs::read(bridge.store()).unwrap(), before);
}

#[tokio::test]
async fn without_a_store_it_is_said_what_to_do() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;

    for args in [&["store", "check"][..], &["store", "check", "--json"], &["store", "backup", "x"]]
    {
        let refused = bridge.cli(args).await;

        assert_eq!(refused.code, Some(1), "{refused:#?}");
        assert!(refused.stderr.contains("descript-notify run"), "{}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
    assert!(!bridge.store().exists());
}

#[tokio::test]
async fn damage_is_found_and_named() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;
    bridge.cli(&["run", "--once"]).await.succeeded();
    let good = std::fs::read(bridge.store()).unwrap();
    let mut garbage = good.clone();
    garbage[4096..].fill(0xa5);
    let truncated = good[..good.len() / 2].to_vec();
    let foreign = b"These are not the bytes of a database, not at all.".repeat(99);

    for (what, bytes) in [("garbage", garbage), ("truncated", truncated), ("foreign", foreign)] {
        std::fs::write(bridge.store(), bytes).unwrap();

        let text = bridge.cli(&["store", "check"]).await;
        let document = bridge.cli(&["store", "check", "--json"]).await;

        assert_eq!(text.code, Some(1), "{what}: {text:#?}");
        assert!(text.stdout.contains("damaged"), "{what}: {}", text.stdout);
        assert!(text.stderr.contains("backup"), "{what}: {}", text.stderr);
        assert_eq!(document.code, Some(1), "{what}: {document:#?}");
        assert_eq!(document.json()["ok"], false, "{what}");
        assert_ne!(document.json()["problems"], json!([]), "{what}");
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_store_moves_into_an_empty_one_and_into_no_other() {
    let sink = Sink::start().await;
    let (bridge, program) = busy_service(&sink).await;
    let from = format!("sqlite://{}", bridge.store().display());
    let to = bridge.folder().join("moved.db");
    let copy = ["store", "copy", &from, to.to_str().unwrap()];

    let in_use = bridge.cli(&copy).await;
    program.signal(support::program::Signal::Term).await;
    program.end(support::PATIENCE).await;
    let document = bridge.cli(&[&copy[..], &["--json"]].concat()).await.succeeded().json();
    let again = bridge.cli(&copy).await;
    let nowhere = bridge.cli(&["store", "copy", &from, "mysql://host/db"]).await;

    assert!(in_use.stderr.contains("is in use by process"), "{}", in_use.stderr);
    assert_eq!(document["rows"]["event"], 2, "{document:#}");
    assert_eq!(document["to"], to.to_str().unwrap());
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("holds something already"), "{}", again.stderr);
    assert_eq!(nowhere.code, Some(2));
}
