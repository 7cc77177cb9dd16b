//! `silences`: added, listed and ended by a person.

use serde_json::json;

use super::{SMALL, folder_with, in_folder};
use crate::support::bridge::{Bridge, Setup};
use crate::support::sink::Sink;

/// A stage with a store, and no service.
async fn stage() -> Bridge {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;
    bridge.cli(&["run", "--once"]).await.succeeded();
    bridge
}

/// Adds a silence with these words and returns its id.
async fn add(bridge: &Bridge, words: &[&str]) -> String {
    let words = [&["silences", "add", "--json"], words].concat();
    let added = bridge.cli(&words).await.succeeded().json();
    added["silences"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_silence_is_added_listed_and_ended() {
    let bridge = stage().await;
    let add = ["silences", "add", "--for", "2h", "--comment", "moving house", "--author", "ada"];
    let matchers = ["--match", "job.project_name=Client A*", "--match", "event.kind!=failed"];

    let added = bridge.cli(&[&add[..], &matchers[..]].concat()).await.succeeded();
    let table = bridge.cli(&["silences", "list"]).await.succeeded().stdout;
    let listed = bridge.cli(&["silences", "list", "--json"]).await.succeeded().json();
    let silence = &listed["silences"][0];
    let id = silence["id"].as_str().unwrap();
    let ended = bridge.cli(&["silences", "expire", &id[..4]]).await.succeeded();
    let after = bridge.cli(&["silences", "list"]).await.succeeded();
    let all = bridge.cli(&["silences", "list", "--all"]).await.succeeded().stdout;

    assert!(
        added.stdout.starts_with(&format!(
            "Silence {id}: job.project_name=Client A*, event.kind!=failed, until 20"
        )),
        "{}",
        added.stdout
    );
    for told in [id, "active", "Client A*", "moving house", "ada"] {
        assert!(table.contains(told), "{told}: {table}");
    }
    assert_eq!(silence["matchers"], json!(["job.project_name=Client A*", "event.kind!=failed"]));
    assert_eq!(
        (&silence["state"], &silence["silenced"], &silence["summarise"], &silence["author"]),
        (&json!("active"), &json!(0), &json!(false), &json!("ada"))
    );
    assert_eq!(ended.stdout, format!("Silence {id} has ended.\n"));
    assert_eq!((after.stdout.as_str(), after.stderr.as_str()), ("", "No silences to list.\n"));
    assert!(all.contains(id) && all.contains("expired"), "{all}");
}

#[tokio::test]
async fn without_a_matcher_everything_is_silenced_and_who_asks_is_the_user() {
    let bridge = stage().await;

    let words = ["silences", "add", "--for", "30m", "--comment", "x"];
    let added = bridge.launch(&words).var("USER", "grace").run_to_end().await.succeeded();
    let listed = bridge.cli(&["silences", "list", "--json"]).await.succeeded().json();

    assert!(added.stdout.contains(": everything, until 20"), "{}", added.stdout);
    assert_eq!(listed["silences"][0]["author"], "grace");
    assert_eq!(listed["silences"][0]["matchers"], json!([]));
}

#[tokio::test]
async fn every_mistake_is_told_with_what_would_be_right() {
    let bridge = stage().await;
    let long = "x".repeat(501);
    let mistakes: [(&[&str], &str); 10] = [
        (&["--comment", "x"], "--for"),
        (&["--for", "1h"], "--comment"),
        (&["--for", "soon", "--comment", "x"], "a number and a unit"),
        (&["--for", "0s", "--comment", "x"], "longer than nothing"),
        (&["--for", "400d", "--comment", "x"], "at most 366 days"),
        (&["--for", "1h", "--comment", " "], "say why"),
        (&["--for", "1h", "--comment", &long], "at most 500 characters"),
        (&["--for", "1h", "--comment", "a\nb"], "on one line"),
        (&["--for", "1h", "--comment", "x", "--match", "job.project_id"], "no equals sign"),
        (&["--for", "1h", "--comment", "x", "--match", "project_id=p"], "does not begin with"),
    ];

    for (words, told) in mistakes {
        let refused = bridge.cli(&[&["silences", "add"], words].concat()).await;
        assert_eq!(refused.code, Some(2), "{words:?}: {refused:#?}");
        assert!(refused.stderr.contains(told), "{told}: {}", refused.stderr);
        assert_eq!(refused.stdout, "");
    }
    let listed = bridge.cli(&["silences", "list", "--all", "--json"]).await.succeeded().json();
    assert_eq!(listed, json!({"silences": []}));
}

#[tokio::test]
async fn only_one_silence_that_is_in_force_can_be_ended() {
    let bridge = stage().await;
    let ids: Vec<String> = [add(&bridge, &["--for", "1h", "--comment", "x"]).await].into();
    let expire = async |id: &str| bridge.cli(&["silences", "expire", id]).await;

    for (id, code, told) in
        [("", 2, "is not the id"), ("latest", 2, "is not the id"), ("00000000", 1, "in force")]
    {
        // An id can begin like this one by chance.
        if !id.is_empty() && ids[0].starts_with(id) {
            continue;
        }
        let refused = expire(id).await;
        assert_eq!(refused.code, Some(code), "{id}: {refused:#?}");
        assert!(refused.stderr.contains(told), "{told}: {}", refused.stderr);
    }
    let document = bridge.cli(&["silences", "expire", &ids[0].to_uppercase(), "--json"]).await;
    let again = expire(&ids[0]).await;

    assert_eq!(document.succeeded().json(), json!({"expired": ids}));
    assert_eq!(again.code, Some(1), "{again:#?}");
}

#[tokio::test]
async fn an_ambiguous_beginning_ends_none() {
    let bridge = stage().await;
    let mut ids = Vec::new();
    // Two of seventeen begin with the same of sixteen digits.
    let shared = loop {
        let id = add(&bridge, &["--for", "1h", "--comment", "x"]).await;
        let first = id[..1].to_owned();
        if ids.contains(&first) {
            break first;
        }
        ids.push(first);
    };

    let refused = bridge.cli(&["silences", "expire", &shared]).await;
    let listed = bridge.cli(&["silences", "list", "--json"]).await.succeeded().json();

    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("is the beginning of 2 silences"), "{}", refused.stderr);
    assert_eq!(listed["silences"].as_array().unwrap().len(), ids.len() + 1);
}

#[tokio::test]
async fn without_a_store_it_says_what_to_do() {
    let folder = folder_with(SMALL);

    for words in [
        &["silences", "list", "--json"][..],
        &["silences", "add", "--for", "1h", "--comment", "x"],
        &["silences", "expire", "0badcafe"],
    ] {
        let refused = in_folder(folder.path(), words).run_to_end().await;

        assert_eq!(refused.code, Some(1), "{refused:#?}");
        assert!(refused.stderr.contains("descript-notify run"), "{}", refused.stderr);
    }
}
