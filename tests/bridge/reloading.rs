//! The config read again while the service runs: in force at once where it is good, refused as a
//! whole where it is not, and nothing is lost or cut off on the way.

use std::time::Duration;

use crate::support::bridge::{Bridge, Setup, rule, webhook};
use crate::support::program::{Program, Signal};
use crate::support::sink::{Answer, Sink};

/// Changes the config's text.
fn edit(bridge: &Bridge, change: impl FnOnce(String) -> String) {
    let file = bridge.config();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, change(text)).unwrap();
}

async fn reload(program: &Program) {
    program.signal(Signal::Hup).await;
    program.wait_for_stderr("read again and is in force").await;
}

#[tokio::test]
async fn new_rules_and_notifiers_are_in_force_after_a_hang_up() {
    let (one, other) = (Sink::start().await, Sink::start().await);
    let (bridge, program) = Setup::everything_to(&one).start().await;
    bridge.run("agent");
    one.wait_for(1).await;

    let more = format!("{}{}", webhook("other", &other), rule("more", &["any"], &["other"]));
    edit(&bridge, |text| format!("{text}\n{more}"));
    reload(&program).await;
    bridge.run("publish");

    assert_eq!(other.wait_for(1).await[0].json()["rule"]["name"], "more");
    // The first one goes on as if nothing had happened.
    one.wait_for(2).await;
    let late = one.received().iter().filter(|told| told.json()["event"]["late"] == true).count();
    assert_eq!(late, 0);
}

#[tokio::test]
async fn a_config_with_a_mistake_or_a_failing_test_is_refused_and_the_old_one_stays() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).start().await;

    edit(&bridge, |text| text.replace("name = \"all\"", "name = \"new\"\ncolour = 5"));
    program.signal(Signal::Hup).await;
    program.wait_for_stderr("The old config stays in force").await;
    let failing =
        "[[test]]\nname = \"nothing is said\"\nexpect = []\nevents = [{ kind = \"failed\" }]\n";
    edit(&bridge, |text| format!("{}\n{failing}", text.replace("colour = 5", "")));
    program.signal(Signal::Hup).await;
    program.wait_for_stderr("its test `nothing is said` fails").await;
    bridge.run("agent");

    assert_eq!(sink.wait_for(1).await[0].json()["rule"]["name"], "all");
    assert!(program.stderr().contains("unknown key `colour`"), "{}", program.stderr());
}

#[tokio::test]
async fn a_changed_file_is_noticed_where_that_is_asked_for() {
    let sink = Sink::start().await;
    let (bridge, program) = Setup::everything_to(&sink).service("watch = true").start().await;

    edit(&bridge, |text| text.replace("name = \"all\"", "name = \"noticed\""));
    program.wait_for_stderr("read again and is in force").await;
    bridge.run("agent");

    assert_eq!(sink.wait_for(1).await[0].json()["rule"]["name"], "noticed");
}

#[tokio::test]
async fn what_is_under_way_through_a_notifier_that_changes_is_not_cut_off_nor_repeated() {
    let sink = Sink::start().await;
    sink.always(Answer::ok().after(Duration::from_millis(700)));
    let (bridge, program) = Setup::everything_to(&sink).start().await;
    bridge.run("agent");
    sink.wait_for(1).await;

    edit(&bridge, |text| {
        text.replace("type = \"webhook\"", "type = \"webhook\"\ntimeout = \"9s\"")
    });
    reload(&program).await;
    bridge.run("agent");
    let told = sink.wait_for(2).await;

    assert_ne!(told[0].header("webhook-id"), told[1].header("webhook-id"));
    assert!(told.iter().all(|told| told.json()["event"]["repeat"] == false));
}

#[tokio::test]
async fn what_is_owed_to_a_notifier_that_is_taken_out_is_told_and_kept() {
    let (gone, other) = (Sink::start().await, Sink::start().await);
    gone.always(Answer::status(503));
    let (bridge, program) = Setup::new(format!(
        "{}{}{}",
        webhook("gone", &gone),
        webhook("other", &other),
        rule("all", &["any"], &["gone"])
    ))
    .start()
    .await;
    bridge.run("agent");
    program.wait_for_stderr("Not sent to gone yet").await;

    edit(&bridge, |text| {
        let without = text.replace(&webhook("gone", &gone), "");
        without.replace("notify = [\"gone\"]", "notify = [\"other\"]")
    });
    reload(&program).await;
    program.wait_for_stderr("`gone`, which is not in the config").await;
    bridge.run("agent");

    other.wait_for(1).await;
    let owed = bridge.deliveries().await;
    assert_eq!((&owed[0]["notifier"], &owed[0]["state"]), (&"gone".into(), &"pending".into()));
}
