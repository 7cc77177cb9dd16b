//! The commands that talk to the world by themselves: emulator, demo, test message.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::PATIENCE;
use crate::support::bridge::{Setup, email, rule, webhook};
use crate::support::program::{Launch, Program, Signal};
use crate::support::sink::{Answer, Sink};
use crate::support::smtp::SmtpSink;

const EXAMPLE: &str = include_str!("../data/list-jobs-example.json");

#[tokio::test]
async fn the_emulator_answers_until_a_signal() {
    let program = Launch::of(["emulate", "--listen", "127.0.0.1:0", "--token", "abc"]).start();
    let address = address_of(&program).await;

    let (refused, _) = get(&address, "/v1/jobs", "xyz").await;
    let (status, page) = get(&address, "/v1/jobs?limit=5", "abc").await;
    program.signal(Signal::Term).await;
    let ended = program.end(PATIENCE).await;

    assert_eq!([refused, status], [401, 200]);
    assert!(page["data"].is_array(), "{page:#}");
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[tokio::test]
async fn the_emulator_serves_a_file_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jobs.json");
    std::fs::write(&file, EXAMPLE).unwrap();
    let args = ["emulate", "--listen", "127.0.0.1:0", "--jobs", file.to_str().unwrap()];
    let program = Launch::of(args).start();
    let address = address_of(&program).await;
    let example: Value = serde_json::from_str(EXAMPLE).unwrap();

    let (_, first) = get(&address, "/v1/jobs?created_after=2026-11-01T00:00:00Z", "any").await;
    let (_, last) = get(&address, "/v1/jobs?cursor=YTFi", "any").await;
    let id = example["data"][1]["job_id"].as_str().unwrap();
    let (_, job) = get(&address, &format!("/v1/jobs/{id}"), "any").await;

    assert_eq!(first["data"], example["data"]);
    assert_eq!(first["pagination"], example["pagination"]);
    assert_eq!(last["data"], json!([]));
    assert_eq!(last["pagination"].get("next_cursor").unwrap_or(&Value::Null), &Value::Null);
    assert_eq!(job, example["data"][1]);
}

#[tokio::test]
async fn a_taken_address_and_a_wrong_fault_are_told() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();

    let second = Launch::of(["emulate", "--listen", &address]).run_to_end().await;
    let fault = Launch::of(["emulate", "--fault", "cutt"]).run_to_end().await;

    assert_eq!(second.code, Some(1), "{second:#?}");
    assert!(second.stderr.contains(&address), "{}", second.stderr);
    assert_eq!(fault.code, Some(2), "{fault:#?}");
    assert!(fault.stderr.contains("did you mean `cut`?"), "{}", fault.stderr);
}

#[tokio::test]
async fn the_demo_shows_messages_and_ends_by_itself() {
    let demo = Launch::of(["demo", "--for", "9s"]).run_to_end().await.succeeded();

    let dashboard = "The dashboard is at http://127.0.0.1:";
    for told in [dashboard, "Spring launch film", "Founder interview", "What next?"] {
        assert!(demo.stdout.contains(told), "{told}: {}", demo.stdout);
    }
    assert!(!demo.stderr.contains("ERROR"), "{}", demo.stderr);
}

#[tokio::test]
async fn the_demo_ends_well_at_ctrl_c() {
    let demo = Launch::of(["demo"]).start();
    demo.wait_for_stdout("Spring launch film").await;

    demo.signal(Signal::Int).await;
    let ended = demo.end(PATIENCE).await;

    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

#[tokio::test]
async fn a_test_message_is_marked_and_the_answer_is_shown() {
    let (sink, smtp) = (Sink::start().await, SmtpSink::start().await);
    let mail = email("mail", &smtp, "to = [\"ann@example.com\", \"bob@example.com\"]");
    let both = rule("all", &["any"], &["hook", "mail"]);
    let bridge = Setup::new(webhook("hook", &sink) + &mail + &both).prepare().await;

    let hook = bridge.cli(&["send-test", "hook"]).await.succeeded();
    let mail = bridge.cli(&["send-test", "mail", "--json"]).await.succeeded();
    sink.script([Answer::status(403).body("you are not welcome")]);
    let refused = bridge.cli(&["send-test", "hook"]).await;
    let unknown = bridge.cli(&["send-test", "hok"]).await;

    assert!(hook.stdout.contains("200"), "{}", hook.stdout);
    assert!(sink.received()[0].text().to_lowercase().contains("test"));
    assert_eq!(mail.json()["answers"].as_array().unwrap().len(), 2);
    assert_eq!(smtp.mails().len(), 2);
    assert!(smtp.mails().iter().all(|mail| mail.header("Subject").unwrap().contains("TEST")));
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("you are not welcome"), "{}", refused.stderr);
    assert_eq!(unknown.code, Some(2), "{unknown:#?}");
    assert!(unknown.stderr.contains("did you mean `hook`?"), "{}", unknown.stderr);
    assert!(!bridge.store().exists());
}

#[tokio::test]
async fn an_online_check_asks_everyone_and_posts_nothing() {
    let sink = Sink::start().await;
    let bridge = Setup::everything_to(&sink).prepare().await;

    let well = bridge.cli(&["check", "--online"]).await;
    bridge.fault("401:times=always");
    let refused = bridge.cli(&["check", "--online"]).await;

    assert_eq!(well.code, Some(0), "{well:#?}");
    assert!(well.stdout.contains("the token works"), "{}", well.stdout);
    assert_eq!(refused.code, Some(1), "{refused:#?}");
    assert!(refused.stderr.contains("source `main`"), "{}", refused.stderr);
    assert!(sink.received().iter().all(|request| request.method != "POST"));
}

async fn address_of(program: &Program) -> String {
    program.wait_for_stdout("/v1").await;
    let said = program.stdout();
    let (_, rest) = said.split_once("http://").unwrap();
    rest.split_once("/v1").unwrap().0.to_owned()
}

async fn get(address: &str, path: &str, token: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\n\
         connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_else(|cause| panic!("{cause}: {answer}")))
}
