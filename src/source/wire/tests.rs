//! What is read from the API's texts, the odd ones among them.

use super::*;

const NONE_KNOWN: &dyn Fn(Fingerprint) -> bool = &|_| false;

fn job(text: &str) -> Observation {
    read_job(text).expect("a readable job")
}

fn elements(page: &str) -> Vec<Element> {
    let page = read_page(page).expect("a readable page");
    page.elements.iter().map(|raw| read_element(raw, NONE_KNOWN)).collect()
}

fn rejected(text: &str) -> (Option<String>, String) {
    let rejected = read_job(text).expect_err("an odd element");
    (rejected.id, rejected.cause)
}

#[test]
fn a_missing_null_or_empty_cursor_ends_the_list() {
    let next = |pagination: &str| {
        read_page(&format!(r#"{{"data":[],"pagination":{pagination}}}"#)).unwrap().next
    };

    assert_eq!(next("{}"), Next::End);
    assert_eq!(next("null"), Next::End);
    assert_eq!(next(r#"{"next_cursor":null}"#), Next::End);
    assert_eq!(next(r#"{"next_cursor":""}"#), Next::End);
    assert_eq!(next(r#"{"next_cursor":"a+b/c=","total":3}"#), Next::Cursor("a+b/c=".into()));
    assert_eq!(next(r#"{"next_cursor":7}"#), Next::Odd);
    assert_eq!(next("[1]"), Next::Odd);
    assert_eq!(read_page(r#"{"data":[]}"#).unwrap().next, Next::End);
}

#[test]
fn what_is_no_page_is_named_without_quoting_it() {
    let why = |text: &str| read_page(text).unwrap_err().to_string();

    assert_eq!(why("<html>secret</html>"), "the answer is not JSON (line 1, column 1)");
    assert_eq!(why(r#"{"data":[{"job_id":"a"}"#), "the answer is cut short");
    assert_eq!(why(""), "the answer is cut short");
    assert_eq!(why(r#"{"data":"secret"}"#), "the answer is JSON, but not a list of jobs");
    assert_eq!(why(r#"{"error":"x"}"#), "the answer is JSON, but not a list of jobs");
}

#[test]
fn a_whole_job_is_read_and_every_field_is_kept() {
    let seen = job(r#"{"job_id":"project-agent-edit-1","job_type":"agent","job_state":"running",
        "created_at":"2026-11-20T08:00:00Z","drive_id":"d","project_id":"p","new_field":[1],
        "progress":{"label":"Reading","percent":15,"last_update_at":"2026-11-20T08:00:09.5Z"}}"#);

    assert_eq!(seen.id.as_str(), "project-agent-edit-1");
    assert_eq!((seen.job_type.as_str(), seen.state), ("agent", JobState::Running));
    assert_eq!(seen.created_at.unwrap().to_string(), "2026-11-20T08:00:00Z");
    assert_eq!(seen.progress_at.unwrap().to_string(), "2026-11-20T08:00:09.5Z");
    assert!(seen.progress.is_some());
    assert_eq!((seen.stopped_at, seen.result_status), (None, None));
    assert_eq!(seen.project_id.as_deref(), Some("p"));
    assert_eq!(seen.document["new_field"], serde_json::json!([1]));
    assert_eq!(seen.document.len(), 8);
}

#[test]
fn whatever_is_missing_or_odd_counts_as_not_given() {
    let seen = job(r#"{"job_id":"a","job_type":7,"job_state":"archived","created_at":12,
        "stopped_at":"yesterday","project_id":5,"progress":null,"result":null}"#);

    assert_eq!(seen.job_type, "7");
    assert_eq!(seen.state, JobState::Other("archived".into()));
    assert_eq!((seen.created_at, seen.stopped_at, seen.project_id), (None, None, None));
    assert_eq!((seen.progress, seen.result_status), (None, None));
    let bare = job(r#"{"job_id":"a"}"#);
    assert_eq!((bare.job_type.as_str(), bare.state.as_str()), ("unknown", "unknown"));
}

#[test]
fn a_result_without_a_usable_status_is_still_a_result() {
    let status = |result: &str| {
        job(&format!(r#"{{"job_id":"a","job_state":"stopped","result":{result}}}"#)).result_status
    };

    assert_eq!(status(r#"{"status":"partial"}"#).as_deref(), Some("partial"));
    assert_eq!(status(r#"{"status":3}"#).as_deref(), Some(""));
    assert_eq!(status("{}").as_deref(), Some(""));
    assert_eq!(status(r#""done""#).as_deref(), Some(""));
    assert_eq!(status("null"), None);
}

#[test]
fn an_odd_element_costs_only_itself() {
    let page = r#"{"data":[{"job_id":"a"},{"job_id":"b","error":"\ud800"},7,{"job_id":""},
        {"job_id":9},{"job_id":"n","percent":1e400},{"job_state":"queued"},{"job_id":"z"}]}"#;

    let read = elements(page);

    let ids: Vec<_> = read
        .iter()
        .filter_map(|element| match element {
            Element::Seen(seen) => Some(seen.id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(ids, ["a", "z"]);
    assert_eq!(read.iter().filter(|e| matches!(e, Element::Rejected(_))).count(), 6);
}

#[test]
fn an_odd_element_is_named_by_the_id_that_could_be_made_out() {
    let deep = format!(r#"{{"job_id":"deep","x":{}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000));

    assert_eq!(rejected(r#"{"job_id":"b","e":"\ud800"}"#).0.as_deref(), Some("b"));
    assert_eq!(rejected(&deep).0.as_deref(), Some("deep"));
    assert!(rejected(&deep).1.starts_with("recursion limit exceeded"));
    assert_eq!(
        rejected(r#"{"job_id":9}"#),
        (Some("9".into()), "its `job_id` is not a string".into())
    );
    assert_eq!(rejected(r#""a secret""#), (None, "it is not an object".into()));
    assert_eq!(rejected("{}"), (None, "it has no `job_id`".into()));
    let long = format!(r#"{{"job_id":"\n{}"}}"#, "x".repeat(600));
    assert_eq!(rejected(&long).0.unwrap(), format!("\\n{}", "x".repeat(127)));
}

#[test]
fn a_known_element_is_not_parsed_at_all() {
    let page = read_page(r#"{"data":[{not json but balanced}]}"#);
    assert!(page.is_err());
    let page = read_page(r#"{"data":[{"job_id":"\ud800"}]}"#).unwrap();
    let fingerprint = Fingerprint::of(br#"{"job_id":"\ud800"}"#);

    let read = read_element(page.elements[0], &|asked| asked == fingerprint);

    assert!(matches!(read, Element::Unchanged(known) if known == fingerprint));
}

#[test]
fn progress_is_told_by_its_content_not_by_the_order_of_its_keys() {
    let progress =
        |text: &str| job(&format!(r#"{{"job_id":"a","progress":{text}}}"#)).progress.unwrap();

    assert_eq!(
        progress(r#"{"label":"x","percent":1}"#),
        progress(r#"{ "percent":1, "label":"x" }"#)
    );
    assert_ne!(progress(r#"{"label":"x","percent":1}"#), progress(r#"{"label":"x","percent":2}"#));
}

#[test]
fn a_project_has_a_name_or_none() {
    assert_eq!(read_project_name(r#"{"id":"p","name":"Client A"}"#), Ok(Some("Client A".into())));
    assert_eq!(read_project_name(r#"{"name":null}"#), Ok(None));
    assert_eq!(read_project_name(r#"{"name":"  "}"#), Ok(None));
    assert!(read_project_name("[]").is_err());
}

#[test]
fn of_two_looks_the_one_further_along_is_greater() {
    let ladder = [
        r#"{"job_id":"a","job_state":"queued"}"#,
        r#"{"job_id":"a","job_state":"running"}"#,
        r#"{"job_id":"a","job_state":"running","progress":{"last_update_at":"2026-11-20T08:00:00Z"}}"#,
        r#"{"job_id":"a","job_state":"running","progress":{"last_update_at":"2026-11-20T08:00:01Z"}}"#,
        r#"{"job_id":"a","job_state":"stopped","stopped_at":"2026-11-20T08:00:09Z"}"#,
        r#"{"job_id":"a","job_state":"stopped","stopped_at":"2026-11-20T08:00:08Z","result":{}}"#,
        r#"{"job_id":"a","job_state":"cancelled","stopped_at":"2026-11-20T08:00:09Z"}"#,
    ]
    .map(job);

    for (index, one) in ladder.iter().enumerate() {
        for (rank, other) in ladder.iter().enumerate() {
            assert_eq!(compare_progress(one, other), index.cmp(&rank), "{index} and {rank}");
        }
    }
}
