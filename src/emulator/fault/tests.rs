//! How faults are written, and how a mistake in one is told.

use super::*;

fn fault(text: &str) -> Fault {
    text.parse().unwrap()
}

#[test]
fn a_fault_says_what_where_and_how_often() {
    let read = fault("429:retry-after=1500ms:on=list:from=3:times=2:after=10s:for=1m");

    assert_eq!(
        read,
        Fault {
            kind: FaultKind::Status { status: 429, retry_after: Some(RetryAfter::Seconds(2)) },
            on: Endpoint::List,
            from: 3,
            times: Some(2),
            after: Duration::from_secs(10),
            lasting: Some(Duration::from_secs(60)),
        }
    );
}

#[test]
fn a_spoilt_answer_happens_once_and_a_bent_one_always() {
    assert_eq!(fault("cut").times, Some(1));
    assert_eq!(fault("repeat-cursor").times, None);
    assert_eq!(fault("429:times=always").times, None);
}

#[test]
fn every_word_of_the_list_is_a_fault() {
    for word in WORDS {
        let needs = ["slow", "wait", "skew"].contains(&word);
        let text = match word {
            "content-type" => "content-type=text/html".into(),
            _ if needs => format!("{word}=1s"),
            _ => word.to_owned(),
        };

        assert!(text.parse::<Fault>().is_ok(), "{text}");
    }
}

#[test]
fn the_forms_of_a_value_are_read() {
    assert_eq!(fault("html=200").kind, FaultKind::Html { status: 200 });
    assert_eq!(fault("shift=-2").kind, FaultKind::Shift { rows: -2 });
    assert_eq!(fault("bomb").kind, FaultKind::Bomb { mib: 64 });
    assert_eq!(fault("skew=-1h").kind, FaultKind::Skew { by: SignedDuration::from_hours(-1) });
    let waits = |text| match fault(text).kind {
        FaultKind::Status { retry_after, .. } => retry_after,
        _ => None,
    };
    assert_eq!(waits("503:retry-after-text=soon"), Some(RetryAfter::Text("soon".into())));
    let date = RetryAfter::Date(Duration::from_secs(2));
    assert_eq!(waits("429:retry-after-date=2s"), Some(date));
    assert_eq!(waits("429"), None);
}

#[test]
fn a_mistake_is_told_with_what_to_write() {
    let why = |text: &str| text.parse::<Fault>().unwrap_err().to_string();

    insta::assert_snapshot!(why("repeat-curser"), @"no fault is called `repeat-curser`: did you mean `repeat-cursor`?");
    insta::assert_snapshot!(why("299"), @"`299` is not an error status: use 400 to 599");
    insta::assert_snapshot!(why("slow"), @"`slow` needs a value, like `slow=100ms`");
    insta::assert_snapshot!(why("slow=5"), @"`5` is not a length of time: write a number and a unit, like `200ms`, `2s` or `1h30m`");
    insta::assert_snapshot!(why("cut=1"), @"`cut` takes no value, only keys after a colon");
    insta::assert_snapshot!(why("cut:on=lists"), @"no requests are called `lists`: did you mean `list`?");
    insta::assert_snapshot!(why("cut:time=3"), @"a fault has no key `time`: did you mean `times`?");
    insta::assert_snapshot!(why("cut:often"), @"`often` should be a key and a value, like `times=3`");
    insta::assert_snapshot!(why("cut:retry-after=1s"), @"`retry-after` goes with a status, like `429:retry-after=1s`");
    insta::assert_snapshot!(why("cut:times=many"), @"`times` is a whole number, not `many`");
    insta::assert_snapshot!(why("huge=0"), @"`0` is not a size in MiB: use a whole number from 1 to 4096");
}
