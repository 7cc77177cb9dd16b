//! Questions are answered at once, however much there is to look through.

use std::path::Path;
use std::time::{Duration, Instant};

use descript_notify::model::Verdict;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use super::stored::{self, CONFIG, Past};
use super::{folder_with, in_folder};

/// Of the whole program, from its start to its end. The aim is 100 ms; this is a debug build
/// that runs among other tests.
const MOST: Duration = Duration::from_secs(1);

/// A hundred thousand events about as many jobs, with two verdicts and a delivery each.
const MANY: &str = "
CREATE TEMP TABLE number AS
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
    SELECT n, printf('project-media-import-%06d', n) AS job, printf('%024x', n) AS event,
        1795160000000 + n * 1000 AS ms,
        json_object('job_id', printf('project-media-import-%06d', n), 'job_state', 'stopped',
            'job_type', 'import/project_media', 'project_id', 'p', 'created_at',
            '2026-11-20T08:00:00Z', 'stopped_at', '2026-11-20T08:01:00Z', 'result',
            json_object('status', 'success', 'media_seconds_used', n % 100,
                'media_status', json_object('a.wav', json_object('status', 'success'))),
            'text', printf('%.*c', 500, 'x')) AS document
    FROM n;
INSERT INTO job (source, job_id, job_type, state, phase, fingerprint, progress_since_ms, changes,
    created_ms, stopped_ms, first_seen_ms, ended_ms, project_id, document, outcome, media_seconds)
    SELECT 'main', job, 'import/project_media', 'stopped', 'ended', n, ms, 1, ms, ms, ms, ms, 'p',
        document, 'succeeded', n % 100 FROM number;
INSERT INTO event (id, source, subject, slot, occurrence, kind, from_state, to_state, detected_ms,
    late, job_id, project_name, document)
    SELECT event, 'main', job, 'ended', '', iif(n % 3, 'succeeded', 'partial'), 'running',
        'stopped', ms, 0, job, 'Client ' || n % 100, document FROM number;
INSERT INTO verdict (event_id, position, rule, verdict)
    SELECT event, 0, 'here', '{\"verdict\":\"send\"}' FROM number
    UNION ALL SELECT event, 1, 'failures', '{\"verdict\":\"not_this_event\"}' FROM number;
INSERT INTO delivery (id, about, event_id, rule, notifier, recipient, template,
    include_download_url, source, job_id, kind, terminal, rank, state, created_ms, due_ms, ended_ms)
    SELECT printf('d%023x', n), event, event, 'here', 'screen', '', 'default', 0, 'main', job,
        'succeeded', 1, 0, 'sent', ms, ms, ms FROM number;
";

async fn fill(path: &Path) {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN").execute(&mut connection).await.unwrap();
    sqlx::raw_sql(MANY).execute(&mut connection).await.unwrap();
    sqlx::raw_sql("COMMIT").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_hundred_thousand_events_are_looked_through_at_once() {
    let folder = folder_with(CONFIG);
    let past = [Past::failed("project-agent-edit-1", "Client A/Spring")];
    let verdicts = [("failures", Verdict::Send), ("here", Verdict::Send)];
    stored::write(folder.path(), &past, &verdicts, &[]).await.close().await;
    fill(&folder.path().join("state.db")).await;

    for question in [
        &["explain", "project-media-import-054321"][..],
        &["explain", "project-a"],
        &["preview"],
        &["preview", "--job", "project-media-import-054321", "--rule", "here"],
        &["preview", "--kind", "partial"],
        &["usage", "--since", "3650d"],
    ] {
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let begun = Instant::now();
            let output = in_folder(folder.path(), question).run_to_end().await;
            best = best.min(begun.elapsed());
            output.succeeded();
        }
        assert!(best < MOST, "{question:?} took {best:?}");
    }
}
