//! What the program says about itself.

use crate::support::program::Launch;

#[tokio::test]
async fn help_lists_every_command() {
    let help = Launch::of(["--help"]).run_to_end().await.succeeded();

    assert_eq!(help.stderr, "");
    insta::assert_snapshot!(help.stdout, @r"
    Tells your team what happened to its Descript jobs: Slack, Discord, email, webhooks. Nothing lost,
    nothing said twice without need, nothing leaked.

    Usage: descript-notify [OPTIONS] <COMMAND>

    Commands:
      run          Run the service: poll, decide, deliver, until told to stop
      check        Check the config and every template its rules use
      demo         Watch it work on this machine: no account, no network, no config
      emulate      Run the Descript API emulator alone
      send-test    Send one marked test message now
      jobs         List the jobs that are known
      events       List what happened
      explain      Say why: what each rule said about a job's events, and what became of the messages
      preview      Show the message that a rule would send, without sending it
      test-rules   Play tests of the rules: events in, expected messages out
      deliveries   List, show, retry or discard what is owed and what was sent
      silences     Silence messages for a time
      backtest     Say what other rules would have made of the recorded events
      usage        Sum up the media minutes and AI credits that jobs have used
      store        Check the store, or copy it
      schema       Print the JSON Schema of the config, for editors
      completions  Print the completions for a shell
      man          Print the manual page
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Options of every command:
          --config <PATH>        The config file [default: ./rules.toml, then the user's and the
                                 system's config folder] [env: DESCRIPT_NOTIFY_CONFIG]
          --log-format <FORMAT>  How log lines look [default: text] [possible values: text, json]
          --log <LEVEL>          What is logged, like `debug` or `warn` [default: info for services,
                                 warn for the others] [env: RUST_LOG=]

    Try it without an account: descript-notify demo
    ");
}

#[tokio::test]
async fn every_command_has_help_of_its_own() {
    for command in [
        "run",
        "check",
        "demo",
        "emulate",
        "send-test",
        "jobs",
        "events",
        "explain",
        "preview",
        "test-rules",
        "deliveries",
        "backtest",
        "usage",
        "store",
        "schema",
        "completions",
        "man",
    ] {
        let help = Launch::of([command, "--help"]).run_to_end().await.succeeded();

        assert!(help.stdout.contains(&format!("Usage: descript-notify {command}")), "{help:#?}");
        assert!(help.stdout.contains("--config <PATH>"), "{help:#?}");
    }
}

#[tokio::test]
async fn the_version_is_the_crates() {
    let version = Launch::of(["--version"]).run_to_end().await.succeeded();

    let expected = format!("descript-notify {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(version.stdout, expected);
}

#[tokio::test]
async fn what_is_not_a_command_ends_with_2() {
    for wrong in [
        &["frobnicate"][..],
        &["run", "--twice"],
        &["deliveries", "list", "--state", "lost"],
        &["events", "--since", "yesterday"],
        &["deliveries", "retry"],
        &["--log-format", "xml", "schema"],
        &["--log", "=[", "schema"],
        &[],
    ] {
        let ended = Launch::of(wrong.iter().copied()).run_to_end().await;

        assert_eq!(ended.code, Some(2), "{wrong:?}: {ended:#?}");
        assert_eq!(ended.stdout, "", "{wrong:?}");
        assert_ne!(ended.stderr, "", "{wrong:?}");
    }
}

#[tokio::test]
async fn the_schema_is_json_and_describes_the_config() {
    let schema = Launch::of(["schema"]).run_to_end().await.succeeded().json();

    let properties = schema["properties"].as_object().unwrap();
    for table in ["service", "sources", "notifiers", "rules"] {
        assert!(properties.contains_key(table), "{table}");
    }
}

#[tokio::test]
async fn completions_and_the_manual_are_made() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Launch::of(["completions", shell]).run_to_end().await.succeeded();

        assert!(script.stdout.contains("send-test"), "{shell}: {}", script.stdout);
    }
    let page = Launch::of(["man"]).run_to_end().await.succeeded().stdout;
    assert!(page.contains(".TH descript-notify"), "{page}");
    assert!(page.contains("send\\-test") && page.contains(".SH DELIVERIES"), "{page}");
}
