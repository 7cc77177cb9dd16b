//! A store that has grown large, filled past the program: what it holds must not make it slow.

use std::path::Path;

use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

/// A hundred thousand events about as many jobs, with two verdicts and a delivery each.
const MANY: &str = "
CREATE TEMP TABLE number AS
    WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 100000)
    SELECT n, printf('project-media-import-%06d', n) AS job, printf('%024x', n) AS event,
        {last} - (100000 - n) * {step} AS ms,
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

/// Of the messages, so many of each state that every list of a page is full, with long names and
/// reasons.
const UNSENT: &str = "
UPDATE delivery SET ended_ms = NULL, last_error = printf('%.*c', 400, 'w'), rule = printf('%.*c', 100, 'r'),
    due_ms = due_ms + 8640000000,
    state = CASE seq % 3 WHEN 0 THEN 'dead' WHEN 1 THEN 'held' ELSE 'pending' END,
    hold = iif(seq % 3 = 1, 'window', NULL)
    WHERE seq > (SELECT max(seq) FROM delivery) - 100;
UPDATE event SET project_name = printf('%.*c', 100, 'p')
    WHERE seq > (SELECT max(seq) FROM event) - 100;
";

/// Puts them into a store that nobody uses; the last one has ended at `last_ms`, each `step_ms`
/// after the one before.
pub async fn fill(path: &Path, last_ms: i64, step_ms: i64) {
    let options = SqliteConnectOptions::new().filename(path);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let many = MANY.replace("{last}", &last_ms.to_string());
    let many = many.replace("{step}", &step_ms.to_string());
    sqlx::raw_sql("BEGIN").execute(&mut connection).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(many)).execute(&mut connection).await.unwrap();
    sqlx::raw_sql(UNSENT).execute(&mut connection).await.unwrap();
    sqlx::raw_sql("COMMIT").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
