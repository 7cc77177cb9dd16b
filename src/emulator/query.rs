//! The query of `GET /v1/jobs`, read and checked.
//!
//! Pure. Bounds and defaults are the published ones; where the description is silent (a
//! `created_after` beyond the oldest allowed) the `spec` profile refuses and `live` clamps.
//! Both dates are inclusive. A filter counts for the request it stands in: it is not part of a
//! cursor.

use jiff::{SignedDuration, Timestamp};
use url::form_urlencoded;

use super::Profile;
use super::ids::is_uuid;
use super::page::Cursor;

/// How far back the list reaches when nothing is said.
const DEFAULT_WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How long the service keeps jobs, and the furthest that the list can reach.
pub(super) const OLDEST: SignedDuration = SignedDuration::from_hours(30 * 24);

const DEFAULT_LIMIT: usize = 20;
const LIMITS: std::ops::RangeInclusive<usize> = 1..=100;

/// What `type` may be: the published values, and what the live service takes.
const SPEC_TYPES: [&str; 2] = ["import/project_media", "agent"];
const LIVE_TYPES: [&str; 5] =
    ["import/project_media", "agent", "publish", "export/timeline", "import/drive_media"];

/// What the list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListQuery {
    pub(super) limit: usize,
    pub(super) cursor: Option<Cursor>,
    pub(super) created_after: Timestamp,
    pub(super) created_before: Timestamp,
    pub(super) project_id: Option<String>,
    pub(super) job_type: Option<String>,
}

impl ListQuery {
    /// Reads the query string.
    ///
    /// # Errors
    /// The message of the 400, naming the parameter.
    pub(super) fn parse(raw: &str, now: Timestamp, profile: Profile) -> Result<Self, String> {
        let mut query = Self {
            limit: DEFAULT_LIMIT,
            cursor: None,
            created_after: back(now, DEFAULT_WINDOW),
            created_before: now,
            project_id: None,
            job_type: None,
        };
        for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
            match name.as_ref() {
                "limit" => query.limit = limit(&value)?,
                "cursor" => query.cursor = Some(cursor(&value)?),
                "created_after" => {
                    query.created_after = oldest(time(&name, &value)?, now, profile)?
                }
                "created_before" => query.created_before = time(&name, &value)?,
                "project_id" if is_uuid(&value) => query.project_id = Some(value.into_owned()),
                "project_id" => return Err("\"project_id\" must be a valid GUID".into()),
                "type" => query.job_type = Some(job_type(&value, profile)?),
                other if profile == Profile::Live => {
                    return Err(format!("\"{other}\" is not allowed"));
                }
                _ => {}
            }
        }
        Ok(query)
    }
}

/// Reads `limit`, of any list.
///
/// # Errors
/// The message of the 400.
pub(super) fn limit(value: &str) -> Result<usize, String> {
    value
        .parse()
        .ok()
        .filter(|limit| LIMITS.contains(limit))
        .ok_or_else(|| "\"limit\" must be an integer from 1 to 100".into())
}

/// Reads `cursor`, of any list.
///
/// # Errors
/// The message of the 400.
pub(super) fn cursor(value: &str) -> Result<Cursor, String> {
    Cursor::decode(value).ok_or_else(|| "\"cursor\" is not one that was given out".into())
}

/// The time that lies `by` before `now`.
pub(super) fn back(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_sub(by).unwrap_or(Timestamp::MIN)
}

fn time(name: &str, value: &str) -> Result<Timestamp, String> {
    value.parse().map_err(|_| format!("\"{name}\" must be in ISO 8601 date format"))
}

fn oldest(asked: Timestamp, now: Timestamp, profile: Profile) -> Result<Timestamp, String> {
    let oldest = back(now, OLDEST);
    match profile {
        Profile::Spec if asked < oldest => {
            Err("\"created_after\" must not be more than 30 days ago".into())
        }
        _ => Ok(asked.max(oldest)),
    }
}

fn job_type(value: &str, profile: Profile) -> Result<String, String> {
    let known: &[&str] = match profile {
        Profile::Spec => &SPEC_TYPES,
        Profile::Live => &LIVE_TYPES,
    };
    if known.contains(&value) {
        Ok(value.to_owned())
    } else {
        Err(format!("\"type\" must be one of [{}]", known.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &str, profile: Profile) -> Result<ListQuery, String> {
        ListQuery::parse(raw, "2026-11-20T08:00:00Z".parse().unwrap(), profile)
    }

    #[test]
    fn without_parameters_it_is_twenty_jobs_of_the_last_seven_days() {
        let query = parse("", Profile::Spec).unwrap();

        assert_eq!(query.limit, 20);
        assert_eq!(query.created_after, "2026-11-13T08:00:00Z".parse().unwrap());
        assert_eq!(query.created_before, "2026-11-20T08:00:00Z".parse().unwrap());
        assert_eq!((query.cursor, query.project_id, query.job_type), (None, None, None));
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_by_name() {
        let why = |raw| parse(raw, Profile::Spec).unwrap_err();

        assert!(why("limit=0").contains("limit"));
        assert!(why("limit=101").contains("1 to 100"));
        assert!(why("limit=ten").contains("integer"));
        assert!(why("created_before=yesterday").contains("created_before"));
        assert!(why("created_after=2026-10-20T00:00:00Z").contains("30 days"));
        assert!(why("project_id=p1").contains("GUID"));
        assert!(why("type=publish").contains("[import/project_media, agent]"));
        assert!(why("cursor=abc").contains("cursor"));
    }

    #[test]
    fn the_live_service_clamps_the_window_takes_more_types_and_no_strangers() {
        let clamped = parse("created_after=2020-01-01T00:00:00Z", Profile::Live).unwrap();

        assert_eq!(clamped.created_after, "2026-10-21T08:00:00Z".parse().unwrap());
        assert!(parse("type=publish", Profile::Live).is_ok());
        assert!(parse("sort=asc", Profile::Live).unwrap_err().contains("not allowed"));
        assert!(parse("sort=asc", Profile::Spec).is_ok());
    }

    #[test]
    fn a_percent_encoded_time_is_read() {
        let query =
            parse("created_after=2026-11-19T10%3A00%3A00%2B02%3A00", Profile::Spec).unwrap();

        assert_eq!(query.created_after, "2026-11-19T08:00:00Z".parse().unwrap());
    }
}
