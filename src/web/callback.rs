//! The door for Descript's `callback_url`: a key, a body to a limit, and one id out of it.
//!
//! Nothing of the body is believed but the job's id, which is handed to the source's task; that
//! one reads the job itself. A wrong key and a source that takes no callbacks look alike, and so
//! do a job that is known and one that is not. What is lost here is found by the next poll.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_ENCODING;
use axum::http::request::Parts;
use serde::Deserialize;
use tokio::sync::mpsc;
use url::form_urlencoded;

use super::access::same;
use super::answer::Refusal;
use super::limits;
use crate::model::JobId;
use crate::secret::Secret;
use crate::telemetry;

/// A job's whole document is far smaller.
const BODY_MOST_BYTES: usize = 64 * 1024;

const ID_MOST_BYTES: usize = 128;

/// A source's door.
#[derive(Debug)]
pub struct Door {
    pub key: Secret,
    /// To the source's task. A full one is no harm: the next poll finds what was dropped.
    pub calls: mpsc::Sender<JobId>,
}

/// What is read of a body.
#[derive(Deserialize)]
struct Told {
    job_id: String,
}

/// Lets one callback in.
pub(super) async fn call(
    doors: &BTreeMap<String, Door>,
    source: &str,
    head: &Parts,
    body: Body,
) -> Result<(), Refusal> {
    let query = head.uri.query().unwrap_or("").as_bytes();
    let given = form_urlencoded::parse(query).find(|(name, _)| name == "key");
    let given = given.map_or(String::new(), |(_, key)| key.into_owned());
    let door = doors.get(source);
    // The same work whether there is such a door or not.
    let fits = same(door.map_or("", |door| door.key.expose()), &given);
    let Some(door) = door.filter(|_| fits) else {
        let detail = "the key is wrong, or the source takes no callbacks";
        return Err(Refusal::new(StatusCode::UNAUTHORIZED, detail));
    };
    if head.headers.contains_key(CONTENT_ENCODING) {
        let detail = "a callback's body is sent as it is";
        return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let body = limits::body(&head.headers, body, BODY_MOST_BYTES).await?;
    let job = job_of(&body).ok_or_else(|| Refusal::bad("the body names no job"))?;
    telemetry::called(source, job.as_str());
    let _ = door.calls.try_send(job);
    Ok(())
}

/// The job's id, if it can be one.
fn job_of(body: &[u8]) -> Option<JobId> {
    let told: Told = serde_json::from_slice(body).ok()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let id = told.job_id;
    (id.len() <= ID_MOST_BYTES && id.bytes().all(fits)).then(|| JobId::parse(&id).ok())?
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn doors() -> (BTreeMap<String, Door>, mpsc::Receiver<JobId>) {
        let (calls, called) = mpsc::channel(1);
        let door = Door { key: Secret::new("right-key"), calls };
        (BTreeMap::from([("main".to_owned(), door)]), called)
    }

    async fn status(doors: &BTreeMap<String, Door>, source: &str, query: &str, body: &str) -> u16 {
        let request = Request::builder().uri(format!("/callback/{source}?{query}"));
        let head = request.body(()).unwrap().into_parts().0;
        match call(doors, source, &head, Body::from(body.to_owned())).await {
            Ok(()) => 202,
            Err(refusal) => refusal.status.as_u16(),
        }
    }

    #[tokio::test]
    async fn only_the_right_key_opens_the_door_and_only_an_id_gets_through() {
        let (doors, mut called) = doors();
        let body = r#"{"job_id":"j-1","job_state":"stopped","result":{"status":"success"}}"#;

        for (source, query) in
            [("main", "key=wrong"), ("main", ""), ("other", "key=right-key"), ("other", "")]
        {
            assert_eq!(status(&doors, source, query, body).await, 401, "{source}?{query}");
        }
        assert!(called.try_recv().is_err());
        assert_eq!(status(&doors, "main", "key=right-key", body).await, 202);
        assert_eq!(called.try_recv().unwrap().as_str(), "j-1");
    }

    #[tokio::test]
    async fn a_body_without_an_id_is_refused_and_a_full_channel_is_no_failure() {
        let (doors, _called) = doors();
        let send = async |body: &str| status(&doors, "main", "key=right-key", body).await;

        for body in [
            "",
            "[]",
            "{}",
            r#"{"job_id":5}"#,
            r#"{"job_id":""}"#,
            r#"{"job_id":"../x"}"#,
            r#"{"job_id":"a b"}"#,
        ] {
            assert_eq!(send(body).await, 400, "{body}");
        }
        assert_eq!(send(&format!(r#"{{"job_id":"{}"}}"#, "x".repeat(129))).await, 400);
        assert_eq!(send(&"x".repeat(BODY_MOST_BYTES + 1)).await, 413);
        for _ in 0..3 {
            assert_eq!(send(r#"{"job_id":"j-1"}"#).await, 202);
        }
    }
}
