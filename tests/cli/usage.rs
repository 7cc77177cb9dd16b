//! `usage`: every ended job once, by project, by day and by type.

use descript_notify::clock::Clock;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::stored::{self, CONFIG, Past};
use super::{folder_with, in_folder};

/// An hour before the start of a day in Berlin that lies at least a day back.
fn late_in_the_day() -> Timestamp {
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let today = zone.to_datetime(Clock::System.now()).date();
    let midnight = today.yesterday().unwrap().at(0, 0, 0, 0);
    zone.to_ambiguous_timestamp(midnight).compatible().unwrap() - SignedDuration::from_hours(1)
}

async fn with_jobs() -> tempfile::TempDir {
    let folder = folder_with(CONFIG);
    let evening = late_in_the_day();
    let night = evening + SignedDuration::from_hours(2);
    let import = json!({"media_seconds_used": 90});
    let edit = json!({"media_seconds_used": 30.5, "ai_credits_used": 9});
    let past = [
        Past::succeeded("a", "Spring", import).of_type("import/project_media").ending(evening),
        Past::succeeded("b", "Spring", edit).ending(night),
        Past::failed("c", "Au\u{1b}[31mtumn").ending(night),
        Past::succeeded("d", "Spring", json!({"ai_credits_used": 1000}))
            .ending(evening - SignedDuration::from_hours(24 * 10)),
    ];
    stored::write(folder.path(), &past, &[], &[]).await.close().await;
    folder
}

async fn usage(folder: &tempfile::TempDir, args: &[&str]) -> Value {
    let args = [&["usage", "--since", "7d", "--json"], args].concat();
    in_folder(folder.path(), &args).run_to_end().await.succeeded().json()
}

#[tokio::test]
async fn projects_are_listed_with_what_they_have_used() {
    let folder = with_jobs().await;

    let table = in_folder(folder.path(), &["usage", "--since", "7d"]).run_to_end().await;
    let document = usage(&folder, &[]).await;

    insta::assert_snapshot!(table.succeeded().stdout, @r"
    PROJECT           JOBS  FAILED  MEDIA MIN  AI CREDITS
    Spring            2     0       2          9
    Au\u{1b}[31mtumn  1     1       0          0
    total             3     1       2          9
    ");
    let spring = &document["usage"][0];
    assert_eq!(spring["project_name"], "Spring");
    assert_eq!([&spring["media_seconds"], &spring["ai_credits"]], [&json!(120.5), &json!(9.0)]);
    assert_eq!(document["total"]["jobs"], 3);
}

#[tokio::test]
async fn a_job_counts_on_the_day_of_the_zone_on_which_it_ended() {
    let folder = with_jobs().await;

    let document = usage(&folder, &["--by", "day"]).await;

    let days = document["usage"].as_array().unwrap();
    let jobs: Vec<&Value> = days.iter().map(|day| &day["jobs"]).collect();
    assert_eq!(jobs, [&json!(1), &json!(2)], "{document:#}");
    assert_eq!(days[0]["media_seconds"], 90.0);
    let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let day = zone.to_datetime(late_in_the_day()).date();
    assert_eq!(days[0]["day"], day.to_string());
    assert_eq!(days[1]["day"], day.tomorrow().unwrap().to_string());
}

#[tokio::test]
async fn types_are_the_apis_own_and_failures_are_counted() {
    let folder = with_jobs().await;

    let document = usage(&folder, &["--by", "type"]).await;

    let told: Vec<String> = document["usage"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            format!(
                "{} {} {} {}",
                row["job_type"], row["jobs"], row["failed"], row["media_seconds"]
            )
        })
        .collect();
    assert_eq!(told, ["\"import/project_media\" 1 0 90.0", "\"agent\" 2 1 30.5"]);
}

#[tokio::test]
async fn nothing_used_is_said_and_a_long_time_is_explained() {
    let folder = folder_with(CONFIG);
    stored::write(folder.path(), &[], &[], &[]).await.close().await;

    let told =
        in_folder(folder.path(), &["usage", "--since", "60d"]).run_to_end().await.succeeded();
    let wrong = in_folder(folder.path(), &["usage", "--by", "week"]).run_to_end().await;

    assert_eq!(told.stdout, "");
    insta::assert_snapshot!(told.stderr, @"
    No job has ended in this time.
    Ended jobs are remembered for 31 days; those that ended before are not counted.
    ");
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
}

#[tokio::test]
async fn what_a_job_has_used_outlives_its_document() {
    let folder = folder_with(CONFIG);
    let past =
        [Past::succeeded("a", "Spring", json!({"media_seconds_used": 90, "ai_credits_used": 2.5}))
            .ending(late_in_the_day())];
    let store = stored::write(folder.path(), &past, &[], &[]).await;
    let now = Clock::System.now();
    store.prune("main", std::time::Duration::from_secs(1), &Default::default(), now).await.unwrap();
    store.close().await;

    let jobs = in_folder(folder.path(), &["jobs", "--json"]).run_to_end().await.json();
    let document = usage(&folder, &[]).await;

    assert_eq!(jobs["jobs"][0].get("result"), None, "{jobs:#}");
    assert_eq!(document["total"]["media_seconds"], 90.0);
    assert_eq!(document["total"]["ai_credits"], 2.5);
}
