//! Small things that people and services write: waits, lengths of time, faults, scenarios.

use std::time::Duration;

use descript_notify::config::parse_length;
use descript_notify::deliver::retry::{LONGEST_NAMED_WAIT, parse_retry_after};
use descript_notify::emulator::{Fault, Scenario};
use descript_notify::problem::{Colour, report};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::{any_text, cases};

/// Pieces that waits and dates are made of.
fn any_wait() -> impl Strategy<Value = String> {
    let pieces =
        "([0-9]{1,25}|[.,+:-]|Sun, |06 Nov 1994 |08:49:37|99:99:99| GMT| \\+0000|Feb 30|e9|inf)";
    prop_oneof![
        2 => prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat()),
        1 => any_text(),
    ]
}

fn any_fault() -> impl Strategy<Value = String> {
    let pieces = "(429|500|99999|html|cut|huge|bomb|slow|wait|gzip|content-type|odd-element|shift|\
                  skew|on|from|times|after|for|retry-after|retry-after-text|list|any|always|\
                  -1|[0-9]{1,20}|[0-9]{1,20}(ms|s|m|h|d)|[:=]|\\PC)";
    prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

fn any_scenario() -> impl Strategy<Value = String> {
    let lines = prop::sample::select(vec![
        "repeat = \"60s\"",
        "repeat = \"99999999999d\"",
        "[projects]",
        "\"Trailer\" = \"1b6f\"",
        "[[jobs]]",
        "at = \"-2h\"",
        "at = \"106751991167d\"",
        "at = 5",
        "type = \"publish\"",
        "project = \"Trailer\"",
        "listed = \"ended\"",
        "id = \"a\"",
        "fields = { a = [1, { b = 1979-05-27 }], c = nan }",
        "[[jobs.steps]]",
        "state = \"stopped\"",
        "[jobs.steps.result]",
        "status = \"success\"",
        "download_url_expires_at = \"@+1h\"",
        "download_url_expires_at = \"@+99999999999999d\"",
        "progress = { percent = 1e308 }",
        "[[faults]]",
        "kind = \"429\"",
        "times = -1",
        "retry_after = \"1s\"",
        "for = { a = 1 }",
    ]);
    let line = prop_oneof![9 => lines.prop_map(str::to_owned), 1 => any_text()];
    prop::collection::vec(line, 0..20).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn no_retry_after_makes_a_wait_longer_than_the_longest(header in any_wait(), second in -62_135_596_800_i64..=253_402_207_200) {
        let now = Timestamp::from_second(second).unwrap();

        let wait = parse_retry_after(&header, now);

        prop_assert!(wait.is_none_or(|wait| wait <= LONGEST_NAMED_WAIT));
    }

    #[test]
    fn a_length_of_time_is_read_or_refused(text in any_wait()) {
        let length = parse_length(&text);

        prop_assert!(length.is_none_or(|length| length <= Duration::from_millis(u64::MAX)));
    }

    #[test]
    fn a_fault_is_read_or_refused_in_words(text in any_fault()) {
        if let Err(problem) = text.parse::<Fault>() {
            prop_assert!(!problem.to_string().is_empty());
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_scenario_is_read_or_refused_with_its_places(text in any_scenario()) {
        match Scenario::parse(&text) {
            Ok(scenario) => prop_assert!(scenario.jobs.len() <= text.len()),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                prop_assert!(report("s.toml", &text, &problems, Colour::Always).contains("s.toml"));
            }
        }
    }
}
