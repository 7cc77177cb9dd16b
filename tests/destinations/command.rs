//! Programs: their exit status.

use super::Then::{self, Broken, Later, Refused, Taken, Unsure};
use super::{notifier, send};

fn shell(script: &str, more: &str) -> descript_notify::deliver::Notifier {
    notifier(&format!("type = 'command'\nprogram = ['sh', '-c', '''{script}''']\n{more}"))
}

#[tokio::test]
async fn every_end_has_its_place() {
    let table = [
        ("exit 0", Taken),
        ("cat >/dev/null; echo done", Taken),
        ("exit 65", Refused),
        ("exit 75", Later),
        ("exit 1", Later),
        ("exit 127", Later),
        ("exit 255", Later),
        ("kill -9 $$", Later),
        ("kill -15 $$", Later),
        // It took its time, and may have done its work before.
        ("sleep 600", Unsure),
    ];

    for (script, expected) in table {
        let patience = if expected == Unsure { "timeout = '300ms'" } else { "" };
        let result = send(&shell(script, patience)).await;
        assert_eq!(Then::of(&result), expected, "{script}: {result:?}");
    }
    for program in ["/nowhere/at/all", "no-such-program-here"] {
        let missing = notifier(&format!("type = 'command'\nprogram = ['{program}']"));
        assert_eq!(Then::of(&send(&missing).await), Broken, "{program}");
    }
}

#[tokio::test]
async fn what_a_program_says_is_kept_to_a_limit_and_cannot_steer_a_terminal() {
    let loud = send(&shell("head -c 5000000 /dev/zero | tr '\\0' x", "")).await.unwrap();
    let rude = send(&shell("printf '\\033]0;title\\007\\033[2J'; exit 1", "")).await.unwrap_err();

    assert!(loud.answer.len() <= 1024 && loud.answer.ends_with('…'));
    insta::assert_snapshot!(rude, @r"the program ended with exit status 1: \u{1b}]0;title\u{7}\u{1b}[2J");
}
