//! The generic webhook against a server of our own; the ways in which any HTTP exchange can go
//! wrong are tried here, once for all that use it.

use std::time::Duration;

use super::settings::{Success, WaitFrom, WebhookSettings};
use super::signature::{Key, signatures};
use crate::deliver::far_side::{FarSide, Reply, built, envelope, inline, settings};
use crate::deliver::settings::{NotifierSettings, TypeSettings};
use crate::deliver::{Failure, FailureKind, Notifier, Receipt};
use crate::model::Message;
use crate::secret::{Redactor, Resolver, Secret, SecretSource};

const COUNTING: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

fn hook(url: impl Into<String>) -> WebhookSettings {
    WebhookSettings {
        url: inline(url),
        method: "POST".into(),
        headers: vec![],
        secrets: vec![],
        ok: Success::default(),
        retry_after: WaitFrom::default(),
    }
}

fn notifier(hook: WebhookSettings) -> Notifier {
    built(&settings(TypeSettings::Webhook(hook)))
}

fn document() -> Message {
    Message::Json(r#"{"type":"job.failed","name":"café"}"#.into())
}

async fn sent_to(far_side: &FarSide) -> Result<Receipt, Failure> {
    notifier(hook(far_side.url("/hook"))).send(&envelope(), &document()).await
}

/// One attempt against a server that does this.
async fn attempt(reply: Reply) -> Result<Receipt, Failure> {
    sent_to(&FarSide::start(vec![reply]).await).await
}

/// The same with little patience, for a server that goes quiet after these bytes.
async fn hasty_attempt(beginning: &str) -> Result<Receipt, Failure> {
    let far_side = FarSide::start(vec![Reply::Stall(beginning.into())]).await;
    let hook = TypeSettings::Webhook(hook(far_side.url("/hook")));
    let hasty = NotifierSettings { timeout: Duration::from_secs(1), ..settings(hook) };
    built(&hasty).send(&envelope(), &document()).await
}

#[tokio::test]
async fn the_message_goes_out_with_its_id_time_and_signatures() {
    let far_side = FarSide::answering(202, "").await;
    let signed = WebhookSettings {
        method: "PUT".into(),
        headers: vec![("x-extra".into(), inline("1")), ("content-type".into(), inline("text/x"))],
        secrets: vec![inline(COUNTING), inline(OTHER)],
        ..hook(far_side.url("/send/{{delivery.id}}?k=v"))
    };

    let receipt = notifier(signed).send(&envelope(), &document()).await.unwrap();

    assert_eq!(receipt.status, Some(202));
    let [seen] = far_side.seen().try_into().unwrap();
    assert_eq!(seen.line, "PUT /send/0123456789abcdef01234567?k=v");
    assert_eq!(seen.header("webhook-id"), Some("0123456789abcdef01234567"));
    assert_eq!(seen.header("webhook-timestamp"), Some("1795446780"));
    assert_eq!((seen.header("x-extra"), seen.header("content-type")), (Some("1"), Some("text/x")));
    let keys = [COUNTING, OTHER].map(|secret| Key::parse(&Secret::new(secret)).unwrap());
    let expected =
        signatures(&keys, "0123456789abcdef01234567", 1_795_446_780, seen.body.as_bytes());
    assert_eq!(seen.header("webhook-signature"), Some(expected.as_str()));
}

#[tokio::test]
async fn without_a_secret_nothing_is_signed() {
    let far_side = FarSide::answering(200, "").await;

    sent_to(&far_side).await.unwrap();

    let [seen] = far_side.seen().try_into().unwrap();
    assert_eq!(seen.header("webhook-signature"), None);
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.body, r#"{"type":"job.failed","name":"café"}"#);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = FarSide::answering(200, "").await;
    let location = elsewhere.url("/caught");
    let moved = Reply::with_headers(307, &[("location", &location)], b"");
    let far_side = FarSide::start(vec![moved]).await;

    let failure = sent_to(&far_side).await.unwrap_err();

    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(elsewhere.seen().is_empty());
    insta::assert_snapshot!(failure, @"the webhook answered 307: a redirect, which is not followed: put the final URL into the config");
}

#[tokio::test]
async fn nobody_at_the_door_is_later_and_a_line_cut_in_the_middle_is_unsure() {
    let closed = FarSide::answering(200, "").await.url("/gone-now");

    let refused = notifier(hook(closed)).send(&envelope(), &document()).await.unwrap_err();
    let cut_at_once = attempt(Reply::CutAtOnce).await.unwrap_err();
    let cut_later = attempt(Reply::CutAfterReading).await.unwrap_err();

    assert_eq!(refused.kind, FailureKind::LATER, "{refused}");
    assert_eq!(cut_at_once.kind, FailureKind::Unsure, "{cut_at_once}");
    assert_eq!(cut_later.kind, FailureKind::Unsure, "{cut_later}");
}

#[tokio::test]
async fn silence_after_the_request_is_unsure() {
    let failure = hasty_attempt("").await.unwrap_err();

    assert_eq!(failure.kind, FailureKind::Unsure);
    insta::assert_snapshot!(failure, @"the webhook may or may not have taken the message: no answer within 1s");
}

#[tokio::test]
async fn a_status_counts_even_when_its_body_never_ends() {
    let stalled = async |status| {
        let head = format!("HTTP/1.1 {status} X\r\ncontent-length: 100\r\n\r\nbeginning");
        hasty_attempt(&head).await
    };

    assert_eq!(stalled(200).await.unwrap().answer, "beginning");
    assert_eq!(stalled(503).await.unwrap_err().kind, FailureKind::LATER);
}

#[tokio::test]
async fn of_a_huge_answer_only_the_beginning_is_kept() {
    let huge = vec![b'x'; 8 * 1024 * 1024];

    let receipt = attempt(Reply::with_headers(200, &[], &huge)).await.unwrap();

    assert!(receipt.answer.len() <= 1024 && receipt.answer.ends_with('…'));
}

#[tokio::test]
async fn a_compressed_bomb_is_not_unpacked() {
    let bomb = gzip_of_zeros(64 * 1024 * 1024);
    assert!(bomb.len() < 1024 * 1024);

    let reply = Reply::with_headers(200, &[("content-encoding", "gzip")], &bomb);
    let receipt = attempt(reply).await.unwrap();

    assert!(receipt.answer.len() <= 1024 && receipt.answer.starts_with(r"\u{0}\u{0}"));
}

/// A gzip stream of about that many zeros, written by hand: one literal, and then again and
/// again "258 times the same" in deflate's fixed code (RFC 1951, section 3.2.6).
fn gzip_of_zeros(bytes: usize) -> Vec<u8> {
    let literal_zero = "00110000";
    let repeat_258 = "1100010100000";
    let mut bits = format!("110{literal_zero}");
    bits.push_str(&repeat_258.repeat(bytes / 258));
    bits.push_str("0000000");
    let mut stream = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    stream.extend(
        bits.as_bytes().chunks(8).map(|byte| {
            byte.iter().rev().fold(0, |value, bit| value << 1 | u8::from(*bit == b'1'))
        }),
    );
    // Nobody gets to the checksum.
    stream.extend([0; 8]);
    stream
}

#[tokio::test]
async fn an_answer_that_repeats_our_secrets_is_cleaned() {
    let far_side =
        FarSide::answering(400, "bad token s3cr3ts3cr3t for /hook/abcdefghijklmnop").await;
    let hook = WebhookSettings {
        headers: vec![("authorization".into(), inline("Bearer s3cr3ts3cr3t"))],
        ..hook(far_side.url("/hook/abcdefghijklmnop"))
    };

    let failure = notifier(hook).send(&envelope(), &document()).await.unwrap_err();

    insta::assert_snapshot!(failure, @"the webhook answered 400: it does not take this message: bad token *** for /***");
}

#[test]
fn what_is_wrong_with_a_table_is_said_with_its_key_and_its_remedy() {
    let why = |change: fn(&mut WebhookSettings)| {
        let mut hook = hook("https://example.com/s3cr3t");
        change(&mut hook);
        let settings = settings(TypeSettings::Webhook(hook));
        let built = Notifier::build(&settings, &Resolver::default(), &mut Redactor::default());
        built.unwrap_err().to_string()
    };

    insta::assert_snapshot!(why(|hook| hook.url = SecretSource::Env("HOOK_URL".into())), @"notifier `it`, key `url`: the environment variable `HOOK_URL` is not set; it is where messages are sent");
    insta::assert_snapshot!(why(|hook| hook.url = inline("http://example.com/s3cr3t")), @"notifier `it`, key `url`: it is not https, and its host is not this machine; write a whole https URL, like https://example.com/hook");
    insta::assert_snapshot!(why(|hook| hook.secrets = vec![inline("whsec_AAAA")]), @"notifier `it`, key `secret`: it holds 3 bytes, and 24 to 64 are needed; write `whsec_` and the base64 of 24 to 64 random bytes: echo whsec_$(openssl rand -base64 32)");
    insta::assert_snapshot!(
        why(|hook| hook.headers = vec![("webhook-id".into(), inline("1"))]), @"notifier `it`, key `headers.webhook-id`: this header is set by us; leave it out"
    );
    insta::assert_snapshot!(
        why(|hook| hook.headers = vec![("x".into(), inline("two\nlines"))]), @"notifier `it`, key `headers.x`: its value cannot be sent; it must be one line of plain ASCII"
    );
}
