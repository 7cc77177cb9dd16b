//! What a source's task remembers between two walks: how far it has read, which texts it
//! knows, which jobs are open, what projects are called.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;

use super::rows::{maybe_time, ms, time};
use super::sql::{query, query_as, query_scalar};
use super::{Store, StoreError, WalkCommit};
use crate::model::{EmptyId, Fingerprint, JobId, JobState, KnownJob, Phase};

/// In bytes; live ids have 36.
const LONGEST_PROJECT: usize = 1_000;

/// How far a source has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// When the first complete walk ended; `None`: there was none yet.
    pub baseline_at: Option<Timestamp>,
    /// The start of the complete walk before the last one, in the server's time: the next
    /// list begins here.
    pub watermark: Option<Timestamp>,
    /// The start of the last complete walk, in the server's time.
    pub last_walk: Option<Timestamp>,
    /// When the last complete walk ended, by our clock.
    pub last_complete_at: Option<Timestamp>,
    /// The project that those walks were restricted to; `None`: to none.
    pub project: Option<Fingerprint>,
}

/// A job that has not ended, as far as the plan of the next walk needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenJob {
    pub id: JobId,
    pub fingerprint: Fingerprint,
    pub created_at: Option<Timestamp>,
    pub last_read_at: Option<Timestamp>,
    pub forbidden: bool,
    pub resultless_since: Option<Timestamp>,
    pub running: bool,
    /// When it was made, or else first seen.
    pub since: Timestamp,
    pub progress: Option<Fingerprint>,
    pub progress_since: Timestamp,
    pub job_type: String,
    pub project_id: Option<String>,
}

impl OpenJob {
    /// Nothing is known of when it was read.
    fn of(job: &KnownJob) -> Self {
        Self {
            id: job.id.clone(),
            fingerprint: job.fingerprint,
            created_at: job.created_at,
            last_read_at: None,
            forbidden: false,
            resultless_since: job.resultless_since,
            running: job.state == JobState::Running,
            since: job.created_at.unwrap_or(job.first_seen_at),
            progress: job.progress,
            progress_since: job.progress_since,
            job_type: job.job_type.clone(),
            project_id: job.project_id.clone(),
        }
    }
}

/// What a source's task keeps in memory between two walks.
#[derive(Debug, Clone, Default)]
pub struct SourceMemory {
    pub marks: Marks,
    /// Of every ended job: an element with one of these need not be parsed.
    pub ended: HashSet<Fingerprint>,
    pub open: Vec<OpenJob>,
}

impl Store {
    /// Reads what is known of a source, at its task's start.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn remember(&self, source: &str) -> Result<SourceMemory, StoreError> {
        let mut memory = SourceMemory::default();
        let marks = query(
            "SELECT baseline_ms, watermark_ms, last_walk_ms, last_complete_ms, project
             FROM source WHERE name = $1",
        )
        .bind(source)
        .fetch_optional(&self.readers)
        .await?;
        if let Some(row) = marks {
            memory.marks = Marks {
                baseline_at: maybe_time(row.try_get("baseline_ms")?)?,
                watermark: maybe_time(row.try_get("watermark_ms")?)?,
                last_walk: maybe_time(row.try_get("last_walk_ms")?)?,
                last_complete_at: maybe_time(row.try_get("last_complete_ms")?)?,
                project: row.try_get::<Option<i64>>("project")?.map(Fingerprint),
            };
        }
        // As one text: a row of its own for each costs far more memory and time.
        let ended: String = query_scalar(
            "SELECT '[' || coalesce(string_agg(CAST(fingerprint AS text), ','), '') || ']'
             FROM job INDEXED BY job_ended
             WHERE source = $1 AND phase = 'ended'",
        )
        .bind(source)
        .fetch_one(&self.readers)
        .await?;
        let ended: Vec<i64> =
            serde_json::from_str(&ended).map_err(|cause| StoreError::Odd(cause.to_string()))?;
        memory.ended = ended.into_iter().map(Fingerprint).collect();
        let open = query(
            "SELECT job_id, fingerprint, created_ms, read_ms, forbidden, resultless_since_ms,
                 state = 'running' AS running, coalesce(created_ms, first_seen_ms) AS since_ms,
                 progress, progress_since_ms, job_type, project_id
             FROM job INDEXED BY job_open WHERE source = $1 AND phase = 'open'",
        )
        .bind(source)
        .fetch_all(&self.readers)
        .await?;
        for row in open {
            memory.open.push(OpenJob {
                id: JobId::parse(row.try_get("job_id")?)
                    .map_err(|cause| StoreError::Odd(cause.to_string()))?,
                fingerprint: Fingerprint(row.try_get("fingerprint")?),
                created_at: maybe_time(row.try_get("created_ms")?)?,
                last_read_at: maybe_time(row.try_get("read_ms")?)?,
                forbidden: row.try_get("forbidden")?,
                resultless_since: maybe_time(row.try_get("resultless_since_ms")?)?,
                running: row.try_get("running")?,
                since: time(row.try_get("since_ms")?)?,
                progress: row.try_get::<Option<i64>>("progress")?.map(Fingerprint),
                progress_since: time(row.try_get("progress_since_ms")?)?,
                job_type: row.try_get("job_type")?,
                project_id: row.try_get("project_id")?,
            });
        }
        Ok(memory)
    }

    /// How many known jobs of a source are newer than each of its open ones, or just as old.
    /// Open jobs created before `oldest` are left out.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn newer_than_open(
        &self,
        source: &str,
        oldest: Timestamp,
    ) -> Result<HashMap<JobId, u64>, StoreError> {
        let rows: Vec<(String, i64)> = query_as(
            "SELECT job_id, newer FROM (
                 SELECT job_id, phase, count(*) OVER (ORDER BY created_ms DESC) - 1 AS newer
                 FROM job WHERE source = $1 AND created_ms >= $2) AS job
             WHERE phase = 'open'",
        )
        .bind(source)
        .bind(ms(oldest))
        .fetch_all(&self.readers)
        .await?;
        let odd = |cause: EmptyId| StoreError::Odd(cause.to_string());
        rows.into_iter()
            .map(|(id, newer)| Ok((JobId::parse(&id).map_err(odd)?, newer.unsigned_abs())))
            .collect()
    }

    /// The last known name of a project and when it was asked for; the name is `None` where
    /// the project has none.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn project_name(
        &self,
        source: &str,
        project: &str,
    ) -> Result<Option<(Option<String>, Timestamp)>, StoreError> {
        let row = query("SELECT name, asked_ms FROM project WHERE source = $1 AND project_id = $2")
            .bind(source)
            .bind(project)
            .fetch_optional(&self.readers)
            .await?;
        row.map(|row| Ok((row.try_get("name")?, time(row.try_get("asked_ms")?)?))).transpose()
    }

    /// Keeps a project's name. A name that is known stays when the project is gone (`None`). Of an
    /// id that no index would take nothing is kept.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be written.
    pub async fn keep_project_name(
        &self,
        source: &str,
        project: &str,
        name: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if project.len() > LONGEST_PROJECT {
            return Ok(());
        }
        query(
            "INSERT INTO project (source, project_id, name, asked_ms) VALUES ($1, $2, $3, $4)
             ON CONFLICT (source, project_id) DO UPDATE
             SET name = coalesce(excluded.name, project.name), asked_ms = excluded.asked_ms",
        )
        .bind(source)
        .bind(project)
        .bind(name)
        .bind(ms(now))
        .execute(&self.writer)
        .await?;
        Ok(())
    }
}

impl SourceMemory {
    /// Takes in what was committed, so that the next walk starts from it.
    pub fn learn(&mut self, walk: &WalkCommit) {
        if let Some(marks) = walk.marks {
            self.marks = marks;
        }
        // A text that changes at each look, as a signed link does, must not pile up.
        for text in &walk.outdated {
            self.ended.remove(text);
        }
        let changed: HashSet<&JobId> = walk.jobs.iter().map(|job| &job.id).collect();
        let mut read_at: HashMap<JobId, Timestamp> = HashMap::new();
        self.open.retain(|open| {
            let stays = !changed.contains(&open.id);
            if let (false, Some(at)) = (stays, open.last_read_at) {
                read_at.insert(open.id.clone(), at);
            }
            stays
        });
        for job in &walk.jobs {
            match job.phase {
                Phase::Ended => {
                    self.ended.insert(job.fingerprint);
                }
                Phase::Vanished => {}
                Phase::Open => {
                    let last_read_at = read_at.get(&job.id).copied();
                    self.open.push(OpenJob { last_read_at, ..OpenJob::of(job) });
                }
            }
        }
        self.open.sort_by(|one, other| one.id.cmp(&other.id));
        for (id, at, forbidden) in &walk.reads {
            if let Ok(place) = self.open.binary_search_by(|open| open.id.cmp(id)) {
                self.open[place].last_read_at = Some(*at);
                self.open[place].forbidden = *forbidden;
            }
        }
    }

    /// Takes note of the open jobs that a list returned just now: those may be read.
    pub fn listed(&mut self, returned: &HashSet<Fingerprint>, now: Timestamp) {
        for open in self.open.iter_mut().filter(|open| returned.contains(&open.fingerprint)) {
            open.last_read_at = Some(now);
            open.forbidden = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(id: &str) -> OpenJob {
        OpenJob {
            id: JobId::parse(id).unwrap(),
            fingerprint: Fingerprint::of(id.as_bytes()),
            created_at: None,
            last_read_at: None,
            forbidden: true,
            resultless_since: None,
            running: true,
            since: Timestamp::UNIX_EPOCH,
            progress: None,
            progress_since: Timestamp::UNIX_EPOCH,
            job_type: "agent".into(),
            project_id: None,
        }
    }

    #[test]
    fn the_texts_of_a_job_that_looks_different_each_time_do_not_pile_up() {
        let mut memory =
            SourceMemory { ended: HashSet::from([Fingerprint(1)]), ..Default::default() };

        memory.learn(&WalkCommit { outdated: vec![Fingerprint(1)], ..WalkCommit::default() });

        assert_eq!(memory.ended, HashSet::new());
    }

    #[test]
    fn a_job_that_the_list_returns_is_not_forbidden() {
        let mut memory = SourceMemory { open: vec![open("a"), open("b")], ..Default::default() };
        let now = Timestamp::UNIX_EPOCH;

        memory.listed(&HashSet::from([Fingerprint::of(b"a")]), now);

        let told: Vec<_> =
            memory.open.iter().map(|job| (job.forbidden, job.last_read_at)).collect();
        assert_eq!(told, [(false, Some(now)), (true, None)]);
    }
}
