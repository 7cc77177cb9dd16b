//! The projects that the emulator knows, and the two calls that show them.
//!
//! Pure. A project is born when a scenario or a request names it; imports add media and
//! compositions to it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::answer::Answer;
use super::page::{Bend, Cursor, Order, page};
use super::{Profile, query};

/// A project.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Project {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created_at: Timestamp,
    pub(super) media: BTreeMap<String, MediaType>,
    /// As the API shows them: objects with `id` and `name`.
    pub(super) compositions: Vec<Value>,
}

/// What kind of file a medium is, by its name's ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MediaType {
    Audio,
    Video,
    Other,
}

impl MediaType {
    /// Guesses from the name.
    pub(super) fn of(name: &str) -> Self {
        match name.rsplit_once('.').map(|(_, ending)| ending.to_lowercase()).as_deref() {
            Some("wav" | "mp3" | "m4a" | "flac" | "aac" | "ogg") => Self::Audio,
            Some("mp4" | "mov" | "mkv" | "webm" | "avi") => Self::Video,
            _ => Self::Other,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Other => "other",
        }
    }
}

impl Project {
    /// A project without content.
    pub(super) fn new(id: String, name: &str, created_at: Timestamp) -> Self {
        let (media, compositions) = (BTreeMap::new(), Vec::new());
        Self { id, name: name.to_owned(), created_at, media, compositions }
    }

    /// Whether there is sound and nothing to see.
    pub(super) fn is_audio_only(&self) -> bool {
        !self.media.is_empty() && self.media.values().all(|kind| *kind == MediaType::Audio)
    }

    fn summary(&self) -> Value {
        let created_at = self.created_at.to_string();
        json!({"id": self.id, "name": self.name, "created_at": created_at,
            "updated_at": created_at})
    }

    /// The document of `GET /projects/{id}`.
    pub(super) fn document(&self, drive_id: &str) -> Value {
        let mut document = self.summary();
        let media = self.media.iter();
        let media: BTreeMap<&String, Value> =
            media.map(|(name, kind)| (name, json!({"type": kind.as_str()}))).collect();
        document["drive_id"] = json!(drive_id);
        document["media_files"] = json!(media);
        document["compositions"] = json!(self.compositions);
        document["publishes"] = json!([]);
        document
    }
}

/// Answers `GET /projects`.
pub(super) fn list(
    projects: &BTreeMap<String, Project>,
    raw_query: &str,
    profile: Profile,
) -> Answer {
    match read_query(raw_query) {
        Ok(asked) => asked.answer(projects),
        Err(message) => Answer::invalid(profile, &message),
    }
}

struct ProjectsQuery {
    limit: usize,
    cursor: Option<Cursor>,
    name: String,
    by_name: bool,
    ascending: bool,
}

impl ProjectsQuery {
    fn answer(&self, projects: &BTreeMap<String, Project>) -> Answer {
        let mut found: Vec<&Project> = projects
            .values()
            .filter(|project| project.name.to_lowercase().contains(&self.name))
            .collect();
        found.sort_by(|left, right| {
            let ascending = if self.by_name {
                left.name.cmp(&right.name)
            } else {
                left.created_at.cmp(&right.created_at)
            };
            let ascending = ascending.then_with(|| left.id.cmp(&right.id));
            if self.ascending { ascending } else { ascending.reverse() }
        });
        // Sorted by any field, so its cursors are row numbers.
        let start = self.cursor.clone().unwrap_or(Cursor::Row(0));
        let page = page(
            found.into_iter(),
            |project| (project.created_at, project.id.as_str()),
            Order::NewestFirst,
            Some(&start),
            self.limit,
            Bend::default(),
        );
        let rows: Vec<String> =
            page.rows.iter().map(|project| project.summary().to_string()).collect();
        Answer::page(&rows, page.next.as_deref())
    }
}

fn read_query(raw: &str) -> Result<ProjectsQuery, String> {
    let mut asked = ProjectsQuery {
        limit: 20,
        cursor: None,
        name: String::new(),
        by_name: false,
        ascending: false,
    };
    for (name, value) in form_urlencoded::parse(raw.as_bytes()) {
        match (name.as_ref(), value.as_ref()) {
            ("limit", value) => asked.limit = query::limit(value)?,
            ("cursor", value) => asked.cursor = Some(query::cursor(value)?),
            ("name", value) => asked.name = value.to_lowercase(),
            ("sort", "name") => asked.by_name = true,
            ("sort", "created_at" | "updated_at" | "last_viewed_at") => asked.by_name = false,
            ("sort", _) => {
                return Err(
                    "\"sort\" must be one of [name, created_at, updated_at, last_viewed_at]".into(),
                );
            }
            ("direction", "asc") => asked.ascending = true,
            ("direction", "desc") => asked.ascending = false,
            ("direction", _) => return Err("\"direction\" must be one of [asc, desc]".into()),
            _ => {}
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn projects() -> BTreeMap<String, Project> {
        [("a", "Zebra", "2026-11-01T00:00:00Z"), ("b", "Apple", "2026-11-02T00:00:00Z")]
            .into_iter()
            .map(|(id, name, at)| (id.into(), Project::new(id.into(), name, at.parse().unwrap())))
            .collect()
    }

    fn ask(query: &str) -> Value {
        serde_json::from_str(list(&projects(), query, Profile::Spec).body()).unwrap()
    }

    fn names(page: &Value) -> Vec<&str> {
        page["data"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn projects_come_newest_first_and_page_by_page() {
        let first = ask("limit=1");
        let cursor = first["pagination"]["next_cursor"].as_str().unwrap();
        let second = ask(&format!("limit=1&cursor={cursor}"));

        assert_eq!(names(&first), ["Apple"]);
        assert_eq!(names(&second), ["Zebra"]);
        assert_eq!(second["pagination"], json!({}));
    }

    #[test]
    fn projects_are_sorted_and_filtered_by_name() {
        assert_eq!(names(&ask("sort=name&direction=desc")), ["Zebra", "Apple"]);
        assert_eq!(names(&ask("name=ZEB")), ["Zebra"]);
        assert_eq!(ask("sort=size")["error"], "invalid_input");
    }

    #[test]
    fn a_project_of_sound_alone_is_known() {
        let mut project = Project::new("a".into(), "x", Timestamp::UNIX_EPOCH);
        assert!(!project.is_audio_only());

        project.media.insert("talk.WAV".into(), MediaType::of("talk.WAV"));
        assert!(project.is_audio_only());

        project.media.insert("talk.mp4".into(), MediaType::of("talk.mp4"));
        assert!(!project.is_audio_only());
    }
}
