//! Mail, as a mail server on this machine gets it.

use serde_json::json;

use crate::support::bridge::{Bridge, Setup, email, rule};
use crate::support::program::Program;
use crate::support::smtp::{Mail, Reply, SmtpSink, Step};

const TO: &str =
    "to = [\"Ann <ann@example.com>\", \"bob@example.com\"]\ncc = [\"eve@example.com\"]";

#[tokio::test]
async fn each_recipient_has_a_transaction_of_its_own() {
    let smtp = SmtpSink::start().await;
    let (bridge, _program) = mailing(&smtp, TO).await;

    failed_import(&bridge);
    let mails = smtp.wait_for(3).await;
    bridge.looked().await;

    assert_eq!(smtp.mails().len(), 3);
    let mut recipients: Vec<&[String]> = mails.iter().map(|mail| mail.to.as_slice()).collect();
    recipients.sort();
    assert_eq!(recipients, [["ann@example.com"], ["bob@example.com"], ["eve@example.com"]]);
    assert!(mails.iter().all(|mail| mail.from == "notify@example.com"));
    let mut ids: Vec<String> = mails.iter().map(message_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn the_subject_and_both_bodies_say_what_happened_to_which_project() {
    let smtp = SmtpSink::start().await;
    let (bridge, _program) = mailing(&smtp, "to = [\"ann@example.com\"]").await;

    failed_import(&bridge);
    let mail = smtp.wait_for(1).await.remove(0);

    let subject = mail.header("Subject").unwrap();
    assert!(subject.contains("Spring <launch>"), "{subject}");
    assert!(subject.to_lowercase().contains("fail"), "{subject}");
    assert_eq!(mail.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    assert!(mail.text().contains("none of the files could be read"), "{}", mail.text());
    assert!(mail.text().contains("https://web.descript.com/p-1"), "{}", mail.text());
    assert!(mail.html().contains("Spring &lt;launch&gt;"), "{}", mail.html());
    assert!(!mail.html().contains("<launch>"), "{}", mail.html());
}

#[tokio::test]
async fn a_mail_that_may_have_got_through_keeps_its_message_id() {
    let smtp = SmtpSink::start().await;
    let (bridge, _program) = mailing(&smtp, "to = [\"ann@example.com\"]").await;

    smtp.script(Step::Body, [Reply::HangUp, Reply::Line("451 4.3.0 try later")]);
    failed_import(&bridge);
    let mails = smtp.wait_for(3).await;

    assert_eq!(message_id(&mails[0]), message_id(&mails[1]));
    assert_eq!(message_id(&mails[0]), message_id(&mails[2]));
    let accepted: Vec<bool> = mails.iter().map(|mail| mail.accepted).collect();
    assert_eq!(accepted, [false, false, true]);
}

#[tokio::test]
async fn an_unknown_recipient_costs_the_others_nothing() {
    let smtp = SmtpSink::start().await;
    let (bridge, program) = mailing(&smtp, TO).await;

    smtp.script(Step::Rcpt, [Reply::Line("550 5.1.1 no such user")]);
    failed_import(&bridge);
    smtp.wait_for(2).await;
    program.wait_for_stderr("Gave up a message to mail").await;

    let dead = bridge.cli(&["deliveries", "list", "--state", "dead", "--json"]).await.json();
    let dead = dead["deliveries"].as_array().unwrap();
    assert_eq!(dead.len(), 1);
    assert!(dead[0]["last_error"].as_str().unwrap().contains("no such user"), "{dead:#?}");
    assert!(smtp.mails().iter().all(|mail| mail.to[0] != dead[0]["recipient"]));
}

#[tokio::test]
async fn a_mail_server_that_wants_a_password_gets_it() {
    let smtp = SmtpSink::with_account("notify", "pass word").await;
    let lines = "to = [\"ann@example.com\"]\nusername = \"notify\"\n\
        password = { env = \"MAIL_PASSWORD\" }";
    let config = email("mail", &smtp, lines) + &rule("all", &["finished"], &["mail"]);
    let setup = Setup::new(config).var("MAIL_PASSWORD", "pass word");
    let (bridge, _program) = setup.start().await;

    failed_import(&bridge);
    let mails = smtp.wait_for(1).await;

    assert!(mails[0].accepted);
}

#[tokio::test]
async fn a_wrong_password_holds_the_mail_and_loses_none() {
    let smtp = SmtpSink::with_account("notify", "right").await;
    let lines = "to = [\"ann@example.com\"]\nusername = \"notify\"\npassword = \"wrong\"";
    let (bridge, program) = mailing(&smtp, lines).await;

    failed_import(&bridge);
    program.wait_for_stderr("mail refuses us").await;
    bridge.looked().await;

    let owed = bridge.deliveries().await;
    assert_eq!(owed.len(), 1);
    assert!(owed[0]["state"] == "pending" || owed[0]["state"] == "held", "{owed:#?}");
}

#[tokio::test]
async fn a_server_without_starttls_learns_neither_the_password_nor_the_mail() {
    let smtp = SmtpSink::with_account("notify", "right").await;
    let lines = "to = [\"ann@example.com\"]\nusername = \"notify\"\npassword = \"right\"";
    let config = email("mail", &smtp, lines).replace("\"none\"", "\"starttls\"");
    let setup = Setup::new(config + &rule("all", &["finished"], &["mail"]));
    let (bridge, program) = setup.start().await;

    failed_import(&bridge);
    program.wait_for_stderr("STARTTLS").await;
    bridge.looked().await;

    assert_eq!([smtp.logins(), smtp.mails().len()], [0, 0]);
    assert_eq!(bridge.deliveries().await.len(), 1);
}

async fn mailing(smtp: &SmtpSink, lines: &str) -> (Bridge, Program) {
    let config = email("mail", smtp, lines) + &rule("all", &["finished"], &["mail"]);
    Setup::new(config).start().await
}

fn failed_import(bridge: &Bridge) {
    bridge.world.project("p-1", "Spring <launch>");
    let job = json!({"job_type": "import/project_media", "job_state": "stopped",
        "project_id": "p-1", "result": {"status": "error", "error_code": "import_failed",
        "error_message": "none of the files could be read"}});
    bridge.world.put_job(job);
}

fn message_id(mail: &Mail) -> String {
    mail.header("Message-ID").unwrap()
}
