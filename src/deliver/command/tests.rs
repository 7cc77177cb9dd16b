//! Commands run for real: small shell scripts in a folder of their own.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::settings::CommandSettings;
use crate::deliver::far_side::{envelope, settings};
use crate::deliver::settings::{NotifierSettings, TypeSettings};
use crate::deliver::{Failure, FailureKind, Notifier, Receipt};
use crate::model::Message;
use crate::secret::{Redactor, Resolver};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn notifier(program: &[&str], timeout: Duration) -> Notifier {
    let program = program.iter().map(|part| (*part).to_owned()).collect();
    let command = TypeSettings::Command(CommandSettings { program });
    let settings = NotifierSettings { timeout, ..settings(command) };
    let resolver = Resolver::of_vars(
        &[("PATH", PATH), ("HOME", "/home/x"), ("SLACK_WEBHOOK_URL", "s3cr3t")],
        Path::new("/"),
    );
    Notifier::build(&settings, &resolver, &mut Redactor::default()).unwrap()
}

async fn run_with(script: &str, document: &str) -> Result<Receipt, Failure> {
    let notifier = notifier(&["sh", "-c", script, "name", "an argument"], Duration::from_secs(20));
    notifier.send(&envelope(), &Message::Json(document.into())).await
}

async fn run(script: &str) -> Result<Receipt, Failure> {
    run_with(script, "{}").await
}

#[tokio::test]
async fn a_program_gets_its_arguments_and_the_document() {
    let receipt = run_with("echo \"$1\"; cat; echo oops >&2", "{\"event\":1}").await.unwrap();

    assert_eq!(receipt.status, Some(0));
    assert_eq!(receipt.answer, "an argument {\"event\":1} oops");
}

#[tokio::test]
async fn a_program_sees_nothing_of_our_environment_but_the_ordinary() {
    let receipt = run("env | cut -d= -f1 | grep -v -e PWD -e SHLVL -e '^_' | sort").await.unwrap();

    assert_eq!(receipt.answer, "HOME PATH");
}

#[tokio::test]
async fn the_exit_status_decides() {
    let kind = async |script| run(script).await.unwrap_err().kind;

    assert_eq!(kind("exit 75").await, FailureKind::LATER);
    assert_eq!(kind("exit 1").await, FailureKind::LATER);
    assert_eq!(kind("kill -9 $$").await, FailureKind::LATER);
    assert_eq!(kind("exit 65").await, FailureKind::Refused);
    insta::assert_snapshot!(run("echo no such disk >&2; exit 3").await.unwrap_err(), @"the program ended with exit status 3: no such disk");
}

#[tokio::test]
async fn a_program_that_does_not_read_has_still_taken_the_event() {
    let large = format!("{{\"text\":\"{}\"}}", "x".repeat(1024 * 1024));

    assert_eq!(run_with("exit 0", &large).await.unwrap().status, Some(0));
    assert_eq!(run_with("exec 0<&-; exit 0", &large).await.unwrap().status, Some(0));
}

#[tokio::test]
async fn a_program_that_says_too_much_is_heard_out_and_cut() {
    let receipt = run("head -c 3000000 /dev/zero | tr '\\0' x").await.unwrap();

    assert!(receipt.answer.len() <= 1024 && receipt.answer.ends_with('…'));
}

#[tokio::test]
async fn what_a_program_leaves_running_does_not_hold_us_up() {
    let receipt = run("sleep 600 & echo $!").await.unwrap();

    assert_eq!(receipt.status, Some(0));
    std::process::Command::new("kill").arg(receipt.answer).status().unwrap();
}

#[tokio::test]
async fn a_program_that_never_ends_is_killed_and_may_have_done_its_work() {
    let endless = notifier(&["sleep", "600"], Duration::from_millis(100));

    let failure = endless.send(&envelope(), &Message::Json("{}".into())).await.unwrap_err();

    assert_eq!(failure.kind, FailureKind::Unsure);
}

#[tokio::test]
async fn a_missing_program_breaks_the_notifier_and_a_probe_finds_out_first() {
    let folder = TempDir::new().unwrap();
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "#!/bin/sh\n").unwrap();
    std::fs::set_permissions(&plain, PermissionsExt::from_mode(0o600)).unwrap();
    let second = Duration::from_secs(20);

    for program in ["/nowhere/at/all", "no-such-program-here", plain.to_str().unwrap()] {
        let missing = notifier(&[program], second);
        let sent = missing.send(&envelope(), &Message::Json("{}".into())).await.unwrap_err();
        assert_eq!(sent.kind, FailureKind::Broken, "{sent}");
        assert_eq!(missing.probe().await.unwrap_err().kind, FailureKind::Broken);
    }
    for program in ["sh", "/bin/sh"] {
        assert!(notifier(&[program], second).probe().await.is_ok());
    }
}
