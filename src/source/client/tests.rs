//! What the client asks for, and how it sorts whatever is answered.

use super::*;
use crate::secret::{Secret, SecretSource};
use crate::source::scripted::{Reply, Scripted, TOKEN, answer, build, ok};

const EMPTY_PAGE: &str = r#"{"data":[],"pagination":{}}"#;

fn id(text: &str) -> JobId {
    JobId::parse(text).unwrap()
}

async fn list_of(bytes: impl Into<Vec<u8>>) -> Result<PageText, ApiError> {
    let server = Scripted::always(bytes);
    server.client().list(&ListQuery::default()).await
}

async fn error_of(bytes: impl Into<Vec<u8>>) -> String {
    list_of(bytes).await.unwrap_err().to_string()
}

fn short() -> Limits {
    Limits { whole: Duration::from_millis(100), ..Limits::STANDARD }
}

#[tokio::test]
async fn a_list_is_asked_for_in_full_pages_with_the_token_and_our_name() {
    let server = Scripted::always(ok(EMPTY_PAGE));
    let mut settings = server.settings();
    settings.project_id = Some("p 1".into());
    let client = build(Limits::STANDARD, &settings).unwrap();

    let query = ListQuery {
        created_after: Some("2026-11-20T08:00:00Z".parse().unwrap()),
        cursor: Some("a+b/c=&d"),
        ..ListQuery::default()
    };
    client.list(&query).await.unwrap();

    let asked = server.asked().remove(0);
    assert_eq!(
        asked.target,
        "/v1/jobs?limit=100&created_after=2026-11-20T08%3A00%3A00Z&project_id=p+1&cursor=a%2Bb%2Fc%3D%26d"
    );
    assert!(asked.headers.contains(&format!("authorization: bearer {TOKEN}")));
    assert!(asked.headers.iter().any(|header| header.starts_with("user-agent: descript-notify/")));
    assert!(asked.headers.iter().any(|h| h.starts_with("accept-encoding:") && h.contains("gzip")));
}

#[tokio::test]
async fn a_page_comes_with_the_server_s_time() {
    let dated = answer("200 OK", &["date: Fri, 20 Nov 2026 08:00:00 GMT"], EMPTY_PAGE);

    let page = list_of(dated).await.unwrap();
    let timeless = list_of(ok(EMPTY_PAGE)).await.unwrap();

    assert_eq!(page.date.unwrap().to_string(), "2026-11-20T08:00:00Z");
    assert_eq!(timeless, PageText { text: EMPTY_PAGE.into(), date: None });
}

#[tokio::test]
async fn a_429_carries_the_wait_that_the_api_named() {
    let limited = |headers: &[&str]| answer("429 Too Many Requests", headers, "{}");

    let named = list_of(limited(&["retry-after: 7"])).await;
    let dated = list_of(limited(&[
        "date: Fri, 20 Nov 2026 08:00:00 GMT",
        "retry-after: Fri, 20 Nov 2026 08:01:30 GMT",
    ]))
    .await;
    let silent = list_of(limited(&["retry-after: soon"])).await;

    assert_eq!(named, Err(ApiError::Limited { wait: Some(Duration::from_secs(7)) }));
    assert_eq!(dated, Err(ApiError::Limited { wait: Some(Duration::from_secs(90)) }));
    assert_eq!(silent, Err(ApiError::Limited { wait: None }));
}

#[tokio::test]
async fn a_refusal_is_told_in_the_api_s_words_but_without_the_token() {
    let body = format!(r#"{{"error":"unauthorized","message":"no token {TOKEN}\u001b[31m"}}"#);

    let error = list_of(answer("401 Unauthorized", &[], body)).await.unwrap_err();
    let forbidden = list_of(answer("403 Forbidden", &[], "<html>")).await.unwrap_err();

    let message = "no token ***\\u{1b}[31m".to_owned();
    assert_eq!(error, ApiError::Refused { status: 401, message });
    assert_eq!(forbidden, ApiError::Refused { status: 403, message: String::new() });
}

#[tokio::test]
async fn other_answers_are_trouble_and_say_what_it_is() {
    let redirect = answer("302 Found", &["location: http://127.0.0.1:1/"], "");
    let busy = answer("503 Service Unavailable", &["retry-after: 9"], r#"{"message":"busy"}"#);

    assert_eq!(
        error_of(answer("500 Internal Server Error", &[], "<html>x</html>")).await,
        "the API answered 500 Internal Server Error"
    );
    assert_eq!(
        error_of(redirect).await,
        "the API answered 302 Found, a redirect, which is not followed: check `base_url`"
    );
    let reason = "the API answered 503 Service Unavailable, \"busy\"".to_owned();
    let wait = Some(Duration::from_secs(9));
    assert_eq!(list_of(busy).await, Err(ApiError::Trouble { reason, wait }));
    assert_eq!(
        list_of(answer("400 Bad Request", &[], r#"{"message":"bad cursor"}"#)).await,
        Err(ApiError::Invalid { message: "bad cursor".into() })
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_is_trouble() {
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 500\r\nconnection: close\r\n\r\n{\"data\":[";

    assert!(error_of(cut).await.starts_with("the answer broke off"), "{}", error_of(cut).await);
    assert!(error_of("").await.starts_with("the request failed"), "{}", error_of("").await);
    assert!(error_of("SSH-2.0\r\n").await.starts_with("the request failed"));
}

#[tokio::test]
async fn an_api_that_does_not_answer_or_cannot_be_reached_is_trouble() {
    let silent = Scripted::start(|_, _| Reply::Stalled(Vec::new()));
    let slow = silent.client_within(short()).list(&ListQuery::default()).await.unwrap_err();
    let stalled = Scripted::start(|_, _| {
        Reply::Stalled(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"data\":[".to_vec())
    });
    let half = stalled.client_within(short()).list(&ListQuery::default()).await.unwrap_err();
    let client = silent.client();
    drop(silent);

    let gone = client.list(&ListQuery::default()).await.unwrap_err().to_string();

    assert_eq!(slow.to_string(), "the API took longer than 0.1 s to answer");
    assert_eq!(half, slow);
    assert!(gone.starts_with("the API cannot be reached: "), "{gone}");
    assert!(!gone.contains("limit=100"), "{gone}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read_whole_whether_its_length_is_told_or_not() {
    let limits = Limits { body_bytes: 1_024, ..Limits::STANDARD };
    let unsaid = |length: usize| {
        let mut bytes = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
        bytes.resize(bytes.len() + length, b' ');
        Scripted::always(bytes)
    };
    let lying = Scripted::always("HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n");

    let within = unsaid(1_024).client_within(limits).list(&ListQuery::default()).await;
    let over = unsaid(1_025).client_within(limits).list(&ListQuery::default()).await;
    let announced = lying.client_within(limits).list(&ListQuery::default()).await;

    assert_eq!(within.unwrap().text.len(), 1_024);
    assert_eq!(over.unwrap_err().to_string(), "the answer is larger than 1 KiB");
    assert_eq!(announced.unwrap_err().to_string(), "the answer is larger than 1 KiB");
}

#[tokio::test]
async fn a_small_body_that_unpacks_beyond_the_limit_is_given_up() {
    let gzip = |length| answer("200 OK", &["content-encoding: gzip"], gzip_of_spaces(length));
    let bomb = gzip(17 * 1024 * 1024);
    assert!(bomb.len() < 200_000);

    assert_eq!(error_of(bomb).await, "the answer is larger than 16384 KiB");
}

#[tokio::test]
async fn a_job_s_id_is_one_segment_of_the_path_whatever_is_in_it() {
    let asked = "a/b?c#d%2F\t\n\\é ..";
    let text = serde_json::json!({"job_id": asked, "job_state": "running"}).to_string();
    let server = Scripted::always(ok(text));

    let single = server.client().job(&id(asked)).await.unwrap();

    assert!(matches!(single, Single::Seen(seen) if seen.id.as_str() == asked));
    assert_eq!(server.targets(), ["/v1/jobs/a%2Fb%3Fc%23d%252F%09%0A%5C%C3%A9%20.."]);
}

#[tokio::test]
async fn an_id_that_would_be_a_step_in_the_path_is_not_asked_for() {
    let server = Scripted::always(ok("{}"));
    let client = server.client();

    assert_eq!(client.job(&id(".")).await, Ok(Single::Forbidden));
    assert_eq!(client.job(&id("..")).await, Ok(Single::Forbidden));
    assert_eq!(client.project_name("..").await, Ok(None));
    assert_eq!(server.targets().len(), 0);
}

#[tokio::test]
async fn a_single_read_tells_gone_from_forbidden_from_trouble() {
    let single = async |status: &str, body: &str| {
        Scripted::always(answer(status, &[], body)).client().job(&id("a")).await
    };

    assert_eq!(single("404 Not Found", "{}").await, Ok(Single::Gone));
    assert_eq!(single("403 Forbidden", "{}").await, Ok(Single::Forbidden));
    assert!(matches!(single("401 Unauthorized", "").await, Err(ApiError::Refused { .. })));
    assert_eq!(
        single("200 OK", r#"{"job_id":"b"}"#).await.unwrap_err().to_string(),
        "the answer about one job is about another"
    );
    let odd = single("200 OK", r#"{"job_id":"a","x":"\ud800"}"#).await.unwrap_err().to_string();
    assert!(odd.starts_with("the answer about one job cannot be read: "), "{odd}");
}

#[tokio::test]
async fn a_project_has_its_name_or_none_or_cannot_be_asked_for() {
    let name = async |status: &str, body: &str| {
        Scripted::always(answer(status, &[], body)).client().project_name("p/1").await
    };

    assert_eq!(name("200 OK", r#"{"name":"Client A"}"#).await, Ok(Some("Client A".into())));
    assert_eq!(name("404 Not Found", "").await, Ok(None));
    assert!(name("403 Forbidden", "").await.is_err());
    assert!(name("200 OK", "<html>").await.is_err());
}

#[tokio::test]
async fn a_ping_finds_out_whether_the_api_answers() {
    let server = Scripted::always(ok(EMPTY_PAGE));

    assert_eq!(server.client().ping().await, Ok(()));
    assert_eq!(server.targets(), ["/v1/jobs?limit=1"]);
    assert!(Scripted::always(ok("<html>")).client().ping().await.is_err());
}

#[tokio::test]
async fn a_client_is_not_made_from_what_cannot_work_and_never_shows_its_token() {
    let server = Scripted::always(ok(EMPTY_PAGE));
    let why = |change: &dyn Fn(&mut SourceSettings)| {
        let mut settings = server.settings();
        change(&mut settings);
        build(Limits::STANDARD, &settings).unwrap_err().to_string()
    };

    let insecure = why(&|settings| settings.base_url = "http://example.com/v1".parse().unwrap());
    let unset = why(&|settings| settings.token = SecretSource::Env("NOPE".into()));
    let broken =
        why(&|settings| settings.token = SecretSource::Inline(Secret::new("hunter2\nhunter2")));
    let shown = format!("{:?}", server.client());

    insta::assert_snapshot!(insecure, @"the base_url of source `main` must start with https:// unless it is a loopback address");
    insta::assert_snapshot!(unset, @"the token of source `main` cannot be read: the environment variable `NOPE` is not set");
    insta::assert_snapshot!(broken, @"the token of source `main` holds characters that no token has: is there a line break in it?");
    assert!(!shown.contains(TOKEN), "{shown}");
}

/// A gzip stream of that many spaces, near enough: one literal, then copies of 258, as deflate's
/// fixed codes write them.
fn gzip_of_spaces(length: usize) -> Vec<u8> {
    let mut stream = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut byte, mut filled) = (0u8, 0);
    let mut put = |bits: &str| {
        for bit in bits.bytes() {
            byte |= (bit - b'0') << filled;
            filled += 1;
            if filled == 8 {
                stream.push(byte);
                (byte, filled) = (0, 0);
            }
        }
    };
    put("110");
    put("01010000");
    for _ in 0..length / 258 {
        put("1100010100000");
    }
    put("00000000000000");
    stream
}
