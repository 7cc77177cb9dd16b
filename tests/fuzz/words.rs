//! Small things that people and services write: waits, lengths of time, faults, scenarios.

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use descript_notify::clock::Clock;
use descript_notify::deliver::retry::{LONGEST_NAMED_WAIT, parse_retry_after};
use descript_notify::emulator::{Emulator, Fault, Options, Profile, Scenario};
use descript_notify::model::parse_length;
use descript_notify::problem::{Colour, report};
use descript_notify::source::wire;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::{any_text, cases, reading};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().unwrap());

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

/// A length of time, most of them sane.
fn any_length() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "0s",
        "1s",
        "-2h",
        "30d",
        "200ms",
        "1h30m",
        "-31d",
        "9999d",
        "106751991167d",
        "-1ns",
        "99999999999999d",
        "5",
        "soon",
    ])
}

/// A value of a field, as TOML writes it.
fn any_field() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{ status = \"success\" }",
        "{ percent = 1e308, label = \"x\" }",
        "{ download_url_expires_at = \"@+1h\", x = \"@+99999999999999d\", y = \"@-1d\" }",
        "{ a = [1, { b = 1979-05-27 }], c = nan, d = [[\"@+1h\"]] }",
        "{}",
        "1",
        "\"@+1h\"",
        "[1, 2]",
    ])
}

fn any_step() -> impl Strategy<Value = String> {
    let states = vec!["queued", "running", "stopped", "cancelled", "odd", ""];
    let field = (prop::sample::select(vec!["progress", "result", "fields", "x"]), any_field());
    (any_length(), prop::sample::select(states), prop::option::of(field)).prop_map(
        |(at, state, field)| {
            let field = field.map_or(String::new(), |(key, value)| format!("{key} = {value}\n"));
            format!("[[jobs.steps]]\nat = \"{at}\"\nstate = \"{state}\"\n{field}")
        },
    )
}

fn any_scenario() -> impl Strategy<Value = String> {
    let types = vec!["publish", "agent", "import/project_media", "odd", ""];
    let lines = prop::sample::select(vec![
        "",
        "project = \"Trailer\"\n",
        "listed = \"ended\"\n",
        "id = \"a\"\n",
        "fields = { job_id = 5, created_at = [] }\n",
    ]);
    let job =
        (any_length(), prop::sample::select(types), lines, prop::collection::vec(any_step(), 0..4))
            .prop_map(|(at, job_type, line, steps)| {
                let steps = steps.concat();
                format!("[[jobs]]\nat = \"{at}\"\ntype = \"{job_type}\"\n{line}{steps}")
            });
    let fault = (any_fault(), any_length()).prop_map(|(kind, length)| {
        format!("[[faults]]\nkind = '''{kind}'''\nfor = \"{length}\"\ntimes = -1\n")
    });
    let heads = vec!["", "", "repeat = \"60s\"\n", "repeat = \"9999d\"\n", "repeat = 5\n"];
    let table = prop_oneof![8 => job, 1 => fault, 1 => any_text()];
    (
        prop::sample::select(heads),
        prop::collection::vec(table, 0..4),
        prop::option::weighted(0.2, (any::<prop::sample::Index>(), any_text())),
    )
        .prop_map(|(head, tables, bend)| {
            let tables = tables.concat();
            let mut text = format!("{head}[projects]\n\"Trailer\" = \"1b6f\"\n{tables}");
            if let Some((at, piece)) = bend {
                let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
                text.insert_str(places[at.index(places.len())], &piece);
            }
            text
        })
}

/// Plays a scenario: what the API shows at its start, long after, and with the clock set back.
async fn play(scenario: Scenario, profile: Profile) {
    let start: Timestamp = "2026-11-20T08:00:00Z".parse().unwrap();
    let clock = Clock::fixed(start);
    let is_empty = scenario.jobs.is_empty();
    let scenario = Some(Scenario { faults: Vec::new(), ..scenario });
    let options = Options { scenario, profile, ..Options::default() };
    let emulator = Emulator::start(options, clock.clone()).await.unwrap();
    for hours in [0, 1, 24 * 40, 24 * 3_650, -24] {
        clock.set(start + SignedDuration::from_hours(hours));

        let page = ask(emulator.address(), "/v1/jobs?limit=100").await;

        let listed = wire::read_page(&page).unwrap().elements.len();
        assert!(listed <= 100 && (!is_empty || listed == 0), "{page}");
    }
    emulator.stop().await;
}

/// The body of what is answered to a GET.
async fn ask(address: SocketAddr, target: &str) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {target} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer x\r\nconnection: close\r\n\r\n"
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    body.to_owned()
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
    fn a_scenario_is_played_or_refused_with_its_places(
        text in any_scenario(),
        profile in prop::sample::select(vec![Profile::Spec, Profile::Live]),
    ) {
        reading("fuzz-scenario.toml", &text);
        match Scenario::parse(&text) {
            Ok(scenario) => RUNTIME.block_on(play(scenario, profile)),
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                prop_assert!(report("s.toml", &text, &problems, Colour::Always).contains("s.toml"));
            }
        }
    }
}
