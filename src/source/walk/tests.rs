//! Walks over scripted lists: whole ones, broken ones, endless ones.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::model::JobState;
use crate::source::client::Limits;
use crate::source::scripted::{Asked, Reply, Scripted, answer, ok};

fn page(jobs: &[&str], next: Option<&str>) -> Vec<u8> {
    let jobs = jobs.join(",");
    ok(match next {
        Some(next) => format!(r#"{{"data":[{jobs}],"pagination":{{"next_cursor":"{next}"}}}}"#),
        None => format!(r#"{{"data":[{jobs}],"pagination":{{}}}}"#),
    })
}

fn running(id: &str) -> String {
    format!(r#"{{"job_id":"{id}","job_state":"running"}}"#)
}

/// Answers the requests in turn; what comes after the last is a fault of the test's.
fn in_turn(answers: Vec<Vec<u8>>) -> Scripted {
    Scripted::start(move |number, _| Reply::Raw(answers[number].clone()))
}

fn noon() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

async fn walk_over(server: &Scripted) -> Walk {
    walk(&server.client(), Some(noon()), &Clock::fixed(noon()), &|_| false).await
}

fn ids(walk: &Walk) -> Vec<&str> {
    walk.seen.iter().map(|seen| seen.id.as_str()).collect()
}

fn reason(walk: &Walk) -> String {
    walk.end.clone().unwrap_err().to_string()
}

#[tokio::test]
async fn every_page_is_fetched_and_the_first_one_s_date_is_the_start() {
    let dated = |date: &str, body: &str| answer("200 OK", &[&format!("date: {date}")], body);
    let first = format!(r#"{{"data":[{}],"pagination":{{"next_cursor":"c&1"}}}}"#, running("a"));
    let server = in_turn(vec![
        dated("Fri, 20 Nov 2026 11:59:00 GMT", &first),
        dated(
            "Fri, 20 Nov 2026 11:59:30 GMT",
            &format!(r#"{{"data":[{}],"pagination":{{}}}}"#, running("b")),
        ),
    ]);

    let walk = walk_over(&server).await;

    assert_eq!(walk.end, Ok(()));
    assert_eq!(ids(&walk), ["a", "b"]);
    assert_eq!((walk.pages, walk.narrowed), (2, false));
    assert_eq!(walk.started_at.to_string(), "2026-11-20T11:59:00Z");
    assert_eq!(walk.asked_at, noon());
    assert_eq!(
        server.targets(),
        [
            "/v1/jobs?limit=100&created_after=2026-11-20T12%3A00%3A00Z",
            "/v1/jobs?limit=100&created_after=2026-11-20T12%3A00%3A00Z&cursor=c%261",
        ]
    );
}

#[tokio::test]
async fn a_cursor_that_comes_again_ends_the_walk_as_incomplete() {
    let server = Scripted::always(page(&[&running("a")], Some("same")));
    let circle = Scripted::start(|number, _| {
        Reply::Raw(page(&[&running(&number.to_string())], Some(["x", "y"][number % 2])))
    });

    let walk = walk_over(&server).await;
    let round = walk_over(&circle).await;

    assert_eq!(reason(&walk), "the job list goes in circles: a cursor came twice");
    assert_eq!((ids(&walk), walk.pages), (vec!["a"], 2));
    assert_eq!((ids(&round), round.end.is_err()), (vec!["0", "1", "2"], true));
}

#[tokio::test]
async fn a_list_without_an_end_is_given_up_after_a_thousand_pages() {
    let server = Scripted::start(|number, _| Reply::Raw(page(&[], Some(&number.to_string()))));

    let walk = walk_over(&server).await;

    assert_eq!(reason(&walk), "the job list has more than 1000 pages");
    assert_eq!((walk.pages, server.targets().len()), (1_000, 1_000));
}

#[tokio::test]
async fn a_cursor_that_fits_into_no_address_ends_the_walk_as_incomplete() {
    let server = Scripted::always(page(&[&running("a")], Some(&"c".repeat(70_000))));

    let walk = walk_over(&server).await;

    assert!(matches!(walk.end, Err(ApiError::Trouble { .. })), "{:?}", walk.end);
    assert!(!reason(&walk).contains("ccc"), "{}", reason(&walk));
    assert_eq!((ids(&walk), server.targets().len()), (vec!["a"], 1));
}

#[tokio::test]
async fn what_was_seen_before_a_page_failed_is_kept() {
    let broken = |last: Vec<u8>| in_turn(vec![page(&[&running("a")], Some("c")), last]);
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\nconnection: close\r\n\r\n{\"da".to_vec();

    for last in [
        answer("500 Internal Server Error", &[], ""),
        ok("<html>Bad gateway</html>"),
        ok(r#"{"data":[{"job_id":"b"}"#),
        ok(r#"{"data":[],"pagination":{"next_cursor":[]}}"#),
        cut,
    ] {
        let walk = walk_over(&broken(last)).await;

        assert_eq!(ids(&walk), ["a"]);
        assert!(matches!(walk.end, Err(ApiError::Trouble { .. })), "{:?}", walk.end);
    }
    let limited = answer("429 Too Many Requests", &["retry-after: 3"], "");
    assert!(matches!(walk_over(&broken(limited)).await.end, Err(ApiError::Limited { .. })));
}

#[tokio::test]
async fn odd_elements_are_set_aside_and_the_walk_is_still_complete() {
    let deep = format!(r#"{{"job_id":"deep","x":{}{}}}"#, "[".repeat(500), "]".repeat(500));
    let server = in_turn(vec![page(
        &[&running("a"), r#"{"job_id":"odd","x":"\ud800"}"#, &deep, "null", &running("z")],
        None,
    )]);

    let walk = walk_over(&server).await;

    assert_eq!(walk.end, Ok(()));
    assert_eq!(ids(&walk), ["a", "z"]);
    let rejected: Vec<_> = walk.rejected.iter().map(|rejected| rejected.id.as_deref()).collect();
    assert_eq!(rejected, [Some("odd"), Some("deep"), None]);
}

#[tokio::test]
async fn of_a_job_that_comes_twice_the_further_along_look_counts() {
    let stopped = r#"{"job_id":"a","job_state":"stopped","result":{"status":"success"}}"#;
    let newer = r#"{"job_id":"b","job_state":"running","progress":{"label":"2"}}"#;
    let server = in_turn(vec![
        page(&[stopped, &running("b"), &running("c")], Some("1")),
        page(&[&running("a"), newer, &running("c")], None),
    ]);

    let walk = walk_over(&server).await;

    assert_eq!(ids(&walk), ["a", "b", "c"]);
    assert_eq!(walk.seen[0].read().unwrap().state, JobState::Stopped);
    assert_eq!(walk.seen[1].read().unwrap().document["progress"]["label"], "2");
}

#[tokio::test]
async fn known_elements_are_only_counted() {
    let (old, new) = (running("old"), running("new"));
    let known = Fingerprint::of(old.as_bytes());
    let server = in_turn(vec![page(&[&old, &new], Some("1")), page(&[&old], None)]);
    let asked = Mutex::new(0);

    let walk = walk(&server.client(), None, &Clock::fixed(noon()), &|fingerprint| {
        *asked.lock().unwrap() += 1;
        fingerprint == known
    })
    .await;

    assert_eq!((ids(&walk), &walk.unchanged), (vec!["new"], &vec![known]));
    assert_eq!(*asked.lock().unwrap(), 3);
    assert_eq!(walk.started_at, noon());
}

#[tokio::test]
async fn a_cursor_that_is_no_longer_taken_starts_the_walk_over_once() {
    let bad = || answer("400 Bad Request", &[], r#"{"message":"cursor expired"}"#);
    let first = || page(&[&running("a"), "7"], Some("c"));
    let healed = in_turn(vec![first(), bad(), first(), page(&[&running("b")], None)]);
    let broken = in_turn(vec![first(), bad(), first(), bad()]);

    let whole = walk_over(&healed).await;
    let fallen = walk_over(&broken).await;

    assert_eq!((whole.end.is_ok(), ids(&whole)), (true, vec!["a", "b"]));
    assert_eq!((whole.rejected.len(), whole.narrowed), (1, false));
    assert_eq!(fallen.end, Err(ApiError::Invalid { message: "cursor expired".into() }));
    assert_eq!(ids(&fallen), ["a"]);
}

#[tokio::test]
async fn a_created_after_that_is_not_taken_is_left_out_once() {
    let bad = || answer("400 Bad Request", &[], r#"{"message":"created_after is too old"}"#);
    let healed = in_turn(vec![bad(), page(&[&running("a")], None)]);
    let broken = in_turn(vec![bad(), bad()]);

    let whole = walk_over(&healed).await;
    let fallen = walk_over(&broken).await;

    assert_eq!((whole.end.is_ok(), whole.narrowed, ids(&whole)), (true, true, vec!["a"]));
    assert_eq!(healed.targets()[1], "/v1/jobs?limit=100");
    assert!(matches!(fallen.end, Err(ApiError::Invalid { .. })));
}

/// A list of jobs of these sizes in bytes, in pages as asked for. A cursor is the next job's
/// place. What is over a KiB is more than the client reads.
fn list_of(sizes: Vec<usize>) -> Scripted {
    Scripted::start(move |_, asked: &Asked| {
        let asked_for = |name: &str| -> Option<usize> {
            let (_, rest) = asked.target.split_once(&format!("{name}="))?;
            rest.split('&').next()?.parse().ok()
        };
        let from = asked_for("cursor").unwrap_or(0);
        let until = (from + asked_for("limit").unwrap()).min(sizes.len());
        let job = |place: usize| {
            let filler = "x".repeat(sizes[place]);
            format!(r#"{{"job_id":"{place}","job_state":"running","filler":"{filler}"}}"#)
        };
        let jobs: Vec<String> = (from..until).map(job).collect();
        let jobs: Vec<&str> = jobs.iter().map(String::as_str).collect();
        let next = (until < sizes.len()).then(|| until.to_string());
        Reply::Raw(page(&jobs, next.as_deref()))
    })
}

async fn walk_over_small(server: &Scripted) -> Walk {
    let limits = Limits { body_bytes: 1_024, ..Limits::STANDARD };
    walk(&server.client_within(limits), None, &Clock::fixed(noon()), &|_| false).await
}

/// The limits that were asked for, in turn.
fn limits(server: &Scripted) -> Vec<String> {
    let limit = |target: String| target.split(['=', '&']).nth(1).unwrap().to_owned();
    server.targets().into_iter().map(limit).collect()
}

#[tokio::test]
async fn a_page_that_is_too_large_is_asked_for_with_fewer_jobs_on_it() {
    let large = list_of([vec![250; 3], vec![0; 7]].concat());
    let huge = list_of(vec![900; 3]);

    let first = walk_over_small(&large).await;
    let second = walk_over_small(&huge).await;

    assert_eq!((first.end, first.seen.len()), (Ok(()), 10));
    assert_eq!(limits(&large), ["100", "50", "25", "12", "6", "3", "100"]);
    assert_eq!((second.end, second.seen.len()), (Ok(()), 3));
    assert_eq!(limits(&huge).iter().filter(|limit| *limit == "1").count(), 2);
}

#[tokio::test]
async fn one_job_that_is_too_large_by_itself_ends_the_walk_with_the_remedy() {
    let server = list_of(vec![100, 2_000, 100]);

    let walk = walk_over_small(&server).await;

    insta::assert_snapshot!(reason(&walk), @"one job of the list is larger than 1 KiB, and what the list holds behind it cannot be reached: set the source's `project_id` to a project without that job, or wait until it leaves the list, 30 days after it was made");
    assert_eq!(ids(&walk), ["0"]);
}

#[tokio::test]
async fn a_walk_can_run_on_any_thread() {
    fn assert_send<T: Send>(value: T) -> T {
        value
    }
    let server = Scripted::always(page(&[&running("a")], None));
    let (client, clock, asked) = (server.client(), Clock::fixed(noon()), AtomicUsize::new(0));
    let is_known = |_| asked.fetch_add(1, Ordering::SeqCst) > 100;

    let walk = assert_send(walk(&client, None, &clock, &is_known)).await;

    assert_eq!((walk.pages, asked.load(Ordering::SeqCst)), (1, 1));
}
