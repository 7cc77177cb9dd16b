//! Which call a method and a path mean.
//!
//! Pure. The API lives under `/v1`; uploads go to a place of their own, as the live service's go
//! to a storage host.

use super::fault::Endpoint;

/// A call of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    List,
    Get(String),
    Cancel(String),
    Projects,
    Project(String),
    Import,
    Agent,
    Publish,
    /// The bytes of a file that an import waits for.
    Upload {
        job_id: String,
        media: String,
    },
    /// The path is known, the method is not.
    WrongMethod,
    Unknown,
}

impl Route {
    /// Reads a method and a path as they stand in the request line.
    pub(super) fn parse(method: &str, path: &str) -> Self {
        let parts: Option<Vec<String>> =
            path.trim_matches('/').split('/').map(percent_decoded).collect();
        let Some(parts) = parts else { return Self::Unknown };
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        match (method, parts.as_slice()) {
            ("GET", ["v1", "jobs"]) => Self::List,
            ("GET", ["v1", "jobs", id]) => Self::Get((*id).into()),
            ("DELETE", ["v1", "jobs", id]) => Self::Cancel((*id).into()),
            ("GET", ["v1", "projects"]) => Self::Projects,
            ("GET", ["v1", "projects", id]) => Self::Project((*id).into()),
            ("POST", ["v1", "jobs", "import", "project_media"]) => Self::Import,
            ("POST", ["v1", "jobs", "agent"]) => Self::Agent,
            ("POST", ["v1", "jobs", "publish"]) => Self::Publish,
            ("PUT", ["uploads", job_id, media]) => {
                Self::Upload { job_id: (*job_id).into(), media: (*media).into() }
            }
            (
                _,
                ["v1", "jobs" | "projects"]
                | ["v1", "jobs" | "projects", _]
                | ["v1", "jobs", "import", "project_media"]
                | ["uploads", _, _],
            ) => Self::WrongMethod,
            _ => Self::Unknown,
        }
    }

    /// What a fault calls it.
    pub(super) fn endpoint(&self) -> Endpoint {
        match self {
            Self::List => Endpoint::List,
            Self::Get(_) => Endpoint::Get,
            Self::Cancel(_) => Endpoint::Cancel,
            Self::Projects => Endpoint::Projects,
            Self::Project(_) => Endpoint::Project,
            Self::Import | Self::Agent | Self::Publish => Endpoint::Start,
            Self::Upload { .. } | Self::WrongMethod | Self::Unknown => Endpoint::Any,
        }
    }
}

/// The text with `%xx` replaced; `None` where that is not UTF-8.
fn percent_decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = if first == b'%' { after.get(..2).and_then(hex_byte) } else { None };
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex_byte(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (high, low) = (digit(*digits.first()?)?, digit(*digits.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_known_by_method_and_path() {
        assert_eq!(Route::parse("GET", "/v1/jobs"), Route::List);
        assert_eq!(Route::parse("GET", "/v1/jobs/"), Route::List);
        assert_eq!(Route::parse("GET", "/v1/jobs/a-1"), Route::Get("a-1".into()));
        assert_eq!(Route::parse("DELETE", "/v1/jobs/a-1"), Route::Cancel("a-1".into()));
        assert_eq!(Route::parse("GET", "/v1/projects/p"), Route::Project("p".into()));
        assert_eq!(Route::parse("POST", "/v1/jobs/import/project_media"), Route::Import);
        assert_eq!(Route::parse("POST", "/v1/jobs/agent"), Route::Agent);
        assert_eq!(Route::parse("PUT", "/v1/jobs"), Route::WrongMethod);
        assert_eq!(Route::parse("GET", "/v2/jobs"), Route::Unknown);
    }

    #[test]
    fn an_escaped_id_is_one_part_of_the_path() {
        assert_eq!(Route::parse("GET", "/v1/jobs/a%2Fb%20%C3%BC"), Route::Get("a/b ü".into()));
        assert_eq!(Route::parse("GET", "/v1/jobs/100%"), Route::Get("100%".into()));
        assert_eq!(Route::parse("GET", "/v1/jobs/%ff"), Route::Unknown);
    }
}
