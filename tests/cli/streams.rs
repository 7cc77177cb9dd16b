//! Standard output is for what was asked, standard error for the rest.

use serde_json::Value;

use super::{SMALL, folder_with, in_folder};
use crate::support::bridge::Setup;
use crate::support::program::{Launch, Signal};
use crate::support::sink::Sink;

#[tokio::test]
async fn a_reader_that_goes_away_is_no_reason_to_complain() {
    for args in [&["schema"][..], &["man"], &["completions", "bash"], &["--help"]] {
        let mut child = Launch::of(args.iter().copied()).command().spawn().unwrap();
        drop(child.stdout.take());

        let ended = child.wait_with_output().await.unwrap();

        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{args:?}");
        assert_eq!(ended.status.code(), Some(0), "{args:?}");
    }
}

#[tokio::test]
async fn log_lines_are_json_where_that_is_wanted() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;

    for args in [
        &["--log-format", "json", "--log", "debug", "run"][..],
        &["run", "--log-format", "json", "--log", "debug"],
    ] {
        let program = bridge.launch(args).start();
        bridge.looked().await;
        bridge.fault("500:on=list");
        program.wait_for_stderr("failed").await;
        program.signal(Signal::Term).await;
        let ended = program.end(crate::support::PATIENCE).await;

        assert_eq!(ended.stdout, "");
        for line in ended.stderr.lines() {
            let line: Value = serde_json::from_str(line).expect(line);
            assert!(line["level"].is_string() && line["message"].is_string(), "{line:#}");
        }
        assert!(ended.stderr.lines().count() > 2, "{}", ended.stderr);
    }
}

#[tokio::test]
async fn logs_in_a_pipe_have_no_colours_and_keep_off_standard_output() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;
    bridge.run("agent");
    program.wait_for_stderr("Sent to hook").await;

    program.signal(Signal::Term).await;
    let ended = program.end(crate::support::PATIENCE).await;

    assert!(!ended.stderr.contains('\u{1b}'), "{:?}", ended.stderr);
    assert!(ended.stderr.contains("INFO"), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

#[tokio::test]
async fn a_log_level_is_kept() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;

    let quiet = bridge.cli(&["--log", "error", "run", "--once"]).await.succeeded();
    let variable = bridge.launch(&["run", "--once"]).var("RUST_LOG", "error").run_to_end().await;
    let usual = bridge.cli(&["run", "--once"]).await.succeeded();

    assert_eq!([quiet.stderr.as_str(), variable.stderr.as_str()], ["", ""]);
    assert!(usual.stderr.contains("INFO"), "{}", usual.stderr);
}

#[tokio::test]
async fn complaints_in_a_pipe_have_no_colours() {
    let folder = folder_with(&SMALL.replace("\"any\"", "\"anny\""));

    let checked = in_folder(folder.path(), &["check"]).run_to_end().await;

    assert!(!checked.stderr.contains('\u{1b}'), "{:?}", checked.stderr);
}
