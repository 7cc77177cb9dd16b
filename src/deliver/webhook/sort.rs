//! What an answer of any HTTP endpoint means. Pure.
//!
//! Standard Webhooks asks receivers for 2xx, and for 410 where nothing more should come; a
//! config may name other statuses, and a value that the body must hold. The rest is common
//! sense: an answer about us holds the notifier, one about the message does not.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::settings::{Success, WaitFrom, WaitUnit, Wanted};
use crate::deliver::answer::{Answer, sort_common};
use crate::deliver::outcome::{FailureKind, Sorted};
use crate::deliver::retry::{parse_retry_after, seconds};

/// Sorts the answer to a message; `wait` is what [`named_wait`] found in it.
///
/// # Errors
/// What to do next.
pub fn sort(answer: &Answer, ok: &Success, wait: Option<Duration>) -> Result<(), Sorted> {
    let is_success = (200..300).contains(&answer.status);
    let named =
        if ok.statuses.is_empty() { is_success } else { ok.statuses.contains(&answer.status) };
    if named {
        return ok.json.as_ref().map_or(Ok(()), |wanted| weigh(answer, wanted, wait));
    }
    if is_success {
        return Err(Sorted::new(FailureKind::Unsure, "a status that `ok` does not name"));
    }
    if let Some(sorted) = sort_common(answer, wait) {
        return Err(sorted);
    }
    Err(match answer.status {
        401 | 403 | 407 => Sorted::new(
            FailureKind::Broken,
            "it does not let us in: check the headers, the secrets and the URL",
        ),
        404 => Sorted::new(FailureKind::Broken, "nothing is there: check the URL"),
        410 => Sorted::new(FailureKind::Broken, "it wants no more messages: take it out"),
        _ => Sorted::new(FailureKind::Refused, "it does not take this message"),
    })
}

/// The wait that the answer names, if it does.
pub fn named_wait(answer: &Answer, from: &WaitFrom, now: Timestamp) -> Option<Duration> {
    let own = match from {
        WaitFrom::RetryAfter => None,
        WaitFrom::Header { name, unit: WaitUnit::Seconds } => {
            answer.header(name).and_then(|text| parse_retry_after(text, now))
        }
        WaitFrom::Header { name, unit } => {
            answer.header(name).and_then(|text| length(text.trim().parse().ok()?, *unit))
        }
        WaitFrom::Json { pointer, unit } => {
            let body: Option<Value> = serde_json::from_str(&answer.body).ok();
            let found = body.as_ref().and_then(|body| body.pointer(pointer));
            found.and_then(number).and_then(|number| length(number, *unit))
        }
    };
    own.or_else(|| answer.retry_after(now))
}

/// An answer with the right status: whether its body says so too. A body that says another
/// thing was not taken and may be later: what it says is not known here. One that cannot be
/// read leaves us unsure.
fn weigh(answer: &Answer, wanted: &Wanted, wait: Option<Duration>) -> Result<(), Sorted> {
    let body = answer.complete.then(|| serde_json::from_str::<Value>(&answer.body));
    let body = match body {
        Some(Ok(body)) => body,
        Some(Err(_)) => {
            let hint = "its body is not JSON, so `ok` cannot be told";
            return Err(Sorted::new(FailureKind::Unsure, hint));
        }
        None => {
            let hint = "its body did not come whole or is too long, so `ok` cannot be told";
            return Err(Sorted::new(FailureKind::Unsure, hint));
        }
    };
    if body.pointer(&wanted.pointer).is_some_and(|found| is_equal(found, &wanted.equals)) {
        return Ok(());
    }
    Err(Sorted::new(FailureKind::after(wait), "its body is not as `ok` wants it"))
}

/// Numbers are equal by what they count: `1` and `1.0`.
fn is_equal(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => {
            one.as_f64() == other.as_f64()
        }
        _ => found == wanted,
    }
}

/// A number, also one that was written as a string.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

fn length(number: f64, unit: WaitUnit) -> Option<Duration> {
    seconds(match unit {
        WaitUnit::Seconds => number,
        WaitUnit::Milliseconds => number / 1000.0,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, body: body.into(), complete: true, ..Answer::default() }
    }

    fn sorted(answer: &Answer, ok: &Success) -> Option<FailureKind> {
        sort(answer, ok, None).err().map(|sorted| sorted.kind)
    }

    #[test]
    fn every_status_has_its_place() {
        use FailureKind::{Broken, Refused};
        let table: &[(&[u16], Option<FailureKind>)] = &[
            (&[200, 201, 202, 204, 299], None),
            (&[301, 302, 304, 307, 308], Some(Refused)),
            (&[400, 402, 405, 406, 409, 413, 415, 422, 451], Some(Refused)),
            (&[401, 403, 404, 407, 410], Some(Broken)),
            (&[408, 425, 429, 500, 502, 503, 504, 599], Some(FailureKind::LATER)),
        ];

        for (statuses, expected) in table {
            for status in *statuses {
                assert_eq!(
                    sorted(&answer(*status, ""), &Success::default()),
                    *expected,
                    "{status}"
                );
            }
        }
    }

    #[test]
    fn the_statuses_that_are_named_count_and_no_others() {
        let ok = Success { statuses: vec![200, 409], json: None };

        assert_eq!(sorted(&answer(200, ""), &ok), None);
        assert_eq!(sorted(&answer(409, ""), &ok), None);
        assert_eq!(sorted(&answer(202, ""), &ok), Some(FailureKind::Unsure));
        assert_eq!(sorted(&answer(400, ""), &ok), Some(FailureKind::Refused));
    }

    #[test]
    fn the_body_must_hold_the_value_that_is_named() {
        use FailureKind::Unsure;
        let is = |equals: Value, body: &str| {
            let json = Some(Wanted { pointer: "/a/ok".into(), equals });
            sorted(&answer(200, body), &Success { statuses: vec![], json })
        };

        assert_eq!(is(json!(true), r#"{"a":{"ok":true}}"#), None);
        assert_eq!(is(json!(0), r#"{"a":{"ok":0.0}}"#), None);
        assert_eq!(is(json!("done"), r#"{"a":{"ok":"done"}}"#), None);
        for other in [r#"{"a":{"ok":false}}"#, r#"{"a":{"ok":"true"}}"#, r#"{"a":{}}"#, "[]", "1"] {
            assert_eq!(is(json!(true), other), Some(FailureKind::LATER), "{other}");
        }
        // Neighbours that one floating point number stands for.
        let beyond = r#"{"a":{"ok":9007199254740993}}"#;
        assert_eq!(is(json!(9_007_199_254_740_992_i64), beyond), Some(FailureKind::LATER));
        assert_eq!(is(json!(true), "<html>please log in"), Some(Unsure));
        assert_eq!(is(json!(true), ""), Some(Unsure));
        let wanted = Wanted { pointer: "/ok".into(), equals: json!(true) };
        let cut = Answer { complete: false, ..answer(200, r#"{"ok":true}"#) };
        let ok = Success { statuses: vec![], json: Some(wanted) };
        assert_eq!(sorted(&cut, &ok), Some(Unsure));
    }

    #[test]
    fn the_wait_is_found_where_the_config_says_and_else_in_retry_after() {
        let json = |unit| WaitFrom::Json { pointer: "/p/retry_after".into(), unit };
        let header = |unit| WaitFrom::Header { name: "x-wait".into(), unit };
        let wait = |headers: &[(&str, &str)], body: &str, from: &WaitFrom| {
            let headers = headers.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
            let answer = Answer { headers, ..answer(429, body) };
            named_wait(&answer, from, Timestamp::UNIX_EPOCH).map(|wait| wait.as_millis())
        };
        let (s, ms) = (WaitUnit::Seconds, WaitUnit::Milliseconds);
        let both = [("retry-after", "9"), ("x-wait", "1500")];
        let body = r#"{"p":{"retry_after":1.5}}"#;

        assert_eq!(wait(&both, body, &WaitFrom::RetryAfter), Some(9_000));
        assert_eq!(wait(&both, body, &json(s)), Some(1_500));
        assert_eq!(wait(&both, r#"{"p":{"retry_after":"2500"}}"#, &json(ms)), Some(2_500));
        assert_eq!(wait(&both, body, &header(ms)), Some(1_500));
        assert_eq!(wait(&[("x-wait", "2")], "", &header(s)), Some(2_000));
        for junk in ["", "{}", r#"{"p":{"retry_after":-1}}"#, r#"{"p":{"retry_after":[]}}"#] {
            assert_eq!(wait(&both, junk, &json(s)), Some(9_000), "{junk}");
            assert_eq!(wait(&[], junk, &json(s)), None, "{junk}");
        }
        assert_eq!(wait(&[("x-wait", "soon")], "", &header(ms)), None);
        // No service is obeyed for longer than an hour.
        assert_eq!(wait(&[], r#"{"p":{"retry_after":1e300}}"#, &json(ms)), Some(3_600_000));
    }
}
