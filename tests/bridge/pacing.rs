//! Rules people live with, by the built program: groups, throttles, windows and silences, with
//! commands beside the service and sudden ends in the middle.

use descript_notify::clock::Clock;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::GLANCE;
use crate::support::bridge::{Bridge, Setup, webhook};
use crate::support::program::{Program, Signal};
use crate::support::sink::{Received, Sink};

/// One rule about ends, with this line of its own.
fn held_by(sink: &Sink, line: &str) -> Setup {
    Setup::new(format!(
        "{}\n[[rules]]\nname = \"ends\"\non = [\"finished\"]\nnotify = [\"hook\"]\n{line}\n",
        webhook("hook", sink)
    ))
}

/// Jobs that have ended, of a project.
fn end(bridge: &Bridge, jobs: &[&str], project: &str) {
    for job in jobs {
        bridge.world.put_job(json!({"job_id": job, "project_id": project,
            "job_state": "stopped", "result": {"status": "success"}}));
    }
}

/// The jobs that each message tells of, and how many it says were held back.
fn told(received: &[Received]) -> Vec<(Vec<String>, u64)> {
    let job = |event: &Value| event["job"]["job_id"].as_str().unwrap().to_owned();
    received
        .iter()
        .map(|message| {
            let body = message.json();
            let mut jobs: Vec<String> = match body["events"].as_array() {
                Some(events) => events.iter().map(job).collect(),
                None => vec![job(&body)],
            };
            jobs.sort_unstable();
            (jobs, body["rule"]["suppressed"].as_u64().unwrap())
        })
        .collect()
}

fn message(jobs: &[&str], suppressed: u64) -> (Vec<String>, u64) {
    (jobs.iter().map(|job| (*job).to_owned()).collect(), suppressed)
}

/// Waits until the ledger has so many events.
async fn recorded(bridge: &Bridge, count: usize) {
    let known = async {
        while bridge.events().await.len() < count {
            tokio::time::sleep(GLANCE).await;
        }
    };
    let waited = tokio::time::timeout(crate::support::PATIENCE, known).await;
    assert!(waited.is_ok(), "no {count} events");
}

#[tokio::test]
async fn a_group_is_one_message_and_a_throttle_counts() {
    let sink = Sink::start().await;
    let group = "group = { wait = \"800ms\", by = [\"job.project_id\"] }";
    let (bridge, _program) = held_by(&sink, group).start().await;
    end(&bridge, &["a", "b"], "p");

    let grouped = told(&sink.wait_for(1).await);

    assert_eq!(grouped, [message(&["a", "b"], 0)]);

    let sink = Sink::start().await;
    let (bridge, _program) = held_by(&sink, "throttle = { every = \"2s\" }").start().await;
    end(&bridge, &["a"], "p");
    sink.wait_for(1).await;
    end(&bridge, &["b", "c"], "p");

    let throttled = told(&sink.wait_for(2).await);

    assert_eq!(throttled, [message(&["a"], 0), message(&["b", "c"], 2)]);
}

#[tokio::test]
async fn a_closed_window_holds_with_the_reason_shown_and_a_person_can_send_it() {
    let sink = Sink::start().await;
    let hour = |ahead| {
        let at = Clock::System.now() + SignedDuration::from_hours(ahead);
        TimeZone::UTC.to_datetime(at).hour()
    };
    let window = format!(
        "active = {{ from = \"{:02}:00\", to = \"{:02}:00\", except = [\"failed\"] }}",
        hour(3),
        hour(4)
    );
    let (bridge, _program) = held_by(&sink, &window).start().await;
    end(&bridge, &["quiet"], "p");
    recorded(&bridge, 1).await;
    bridge.world.put_job(json!({"job_id": "loud", "job_state": "stopped",
        "result": {"status": "error"}}));
    let passed = told(&sink.wait_for(1).await);

    let rows = bridge.deliveries().await;
    let id = rows[0]["id"].as_str().unwrap();
    let table = bridge.cli(&["deliveries", "list", "--state", "held"]).await.succeeded().stdout;
    let story = bridge.cli(&["deliveries", "show", id]).await.succeeded().stdout;
    let events = bridge.cli(&["events"]).await.succeeded().stdout;
    bridge.cli(&["deliveries", "retry", id]).await.succeeded();

    assert_eq!(passed, [message(&["loud"], 0)]);
    assert_eq!((&rows[0]["state"], &rows[0]["hold"]), (&json!("held"), &json!("window")));
    assert_eq!(rows[1]["hold"], Value::Null);
    let until: Timestamp = rows[0]["due_at"].as_str().unwrap().parse().unwrap();
    let held = format!("held for the window until {}", until.strftime("%Y-%m-%d %H:%M:%SZ"));
    assert!(table.contains(&held), "{held}: {table}");
    assert!(story.contains(&held) && story.contains("deliveries retry"), "{held}: {story}");
    assert!(events.contains("ends (held)"), "{events}");
    assert_eq!(told(&sink.wait_for(2).await)[1], message(&["quiet"], 0));
}

#[tokio::test]
async fn a_silence_beside_the_service_takes_effect_and_tells_at_its_end_what_it_silenced() {
    let sink = Sink::start().await;
    let (bridge, _program) = held_by(&sink, "").start().await;
    let add = ["silences", "add", "--for", "1h", "--match", "job.project_id=p"];
    let add = [&add[..], &["--comment", "moving", "--summarise", "--json"]].concat();
    let added = bridge.cli(&add).await.succeeded().json();
    let id = added["silences"][0]["id"].as_str().unwrap();

    end(&bridge, &["a", "b"], "p");
    end(&bridge, &["elsewhere"], "q");
    let during = told(&sink.wait_for(1).await);
    recorded(&bridge, 3).await;
    let listed = bridge.cli(&["silences", "list", "--json"]).await.succeeded().json();
    let events = bridge.cli(&["events"]).await.succeeded().stdout;
    let held = bridge.cli(&["deliveries", "list"]).await.succeeded().stdout;
    bridge.cli(&["silences", "expire", &id[..6]]).await.succeeded();
    let summary = told(&sink.wait_for(2).await);
    end(&bridge, &["later"], "p");

    assert_eq!(during, [message(&["elsewhere"], 0)]);
    assert_eq!(listed["silences"][0]["silenced"], 2);
    assert_eq!(events.matches("ends (silenced)").count(), 2, "{events}");
    assert!(held.contains("held by a silence until"), "{held}");
    assert_eq!(summary[1], message(&["a", "b"], 2));
    assert_eq!(told(&sink.wait_for(3).await)[2], message(&["later"], 0));
}

#[tokio::test]
async fn a_silence_can_be_about_one_rule() {
    let sink = Sink::start().await;
    let other = format!(
        "[[rules]]\nname = \"other\"\non = [\"finished\"]\nnotify = [\"hook\"]\n{}",
        webhook("unused", &sink)
    );
    let (bridge, _program) = held_by(&sink, &other).start().await;
    let add = ["silences", "add", "--for", "1h", "--match", "rule.name=end*", "--comment", "x"];
    bridge.cli(&add).await.succeeded();

    end(&bridge, &["a"], "p");
    let received = sink.wait_for(1).await;
    let events = bridge.cli(&["events"]).await.succeeded().stdout;

    assert_eq!(received[0].json()["rule"]["name"], "other");
    assert!(events.contains("ends (silenced), other"), "{events}");
    assert_eq!(sink.count(), 1);
}

/// Ends the program, well or at once.
async fn stop(program: Program, signal: Option<Signal>) {
    match signal {
        Some(signal) => {
            program.signal(signal).await;
            assert_eq!(program.end(crate::support::PATIENCE).await.code, Some(0));
        }
        None => drop(program.kill().await),
    }
}

#[tokio::test]
async fn an_end_in_the_middle_of_a_group_or_a_throttle_loses_nothing_and_says_nothing_twice() {
    for signal in [Some(Signal::Term), None] {
        let sink = Sink::start().await;
        let rules = format!(
            "group = {{ wait = \"3s\" }}\n[[rules]]\nname = \"first\"\non = [\"finished\"]\n\
             notify = [\"valve\"]\nthrottle = {{ every = \"3s\" }}\n{}",
            webhook("valve", &sink)
        );
        let (bridge, program) = held_by(&sink, &rules).start().await;
        end(&bridge, &["a"], "p");
        sink.wait_for(1).await;
        end(&bridge, &["b"], "p");
        recorded(&bridge, 2).await;
        let sent =
            async { while bridge.deliveries().await.iter().all(|row| row["state"] != "sent") {} };
        assert!(tokio::time::timeout(crate::support::PATIENCE, sent).await.is_ok());
        stop(program, signal).await;

        let program = bridge.start().await;
        sink.wait_for(3).await;
        bridge.looked().await;
        stop(program, Some(Signal::Term)).await;

        let mut all = told(&sink.received());
        all.sort();
        assert_eq!(all, [message(&["a"], 0), message(&["a", "b"], 0), message(&["b"], 1)]);
        let rows = bridge.deliveries().await;
        assert!(rows.iter().all(|row| row["state"] == "sent"), "{rows:#?}");
    }
}
