//! The fields of documents by their dotted names, for saying which one was meant.

use serde_json::Value;

use crate::problem::nearest;

/// Fields of lists and of maps keyed by data (media files) have no name of their own.
const NAMELESS: [&str; 1] = ["media_status"];

/// Every field of a document: `job`, `job.result`, `job.result.status`, …
pub fn fields_of(document: &Value) -> Vec<String> {
    let mut fields = Vec::new();
    collect(document, "", &mut fields);
    fields
}

fn collect(value: &Value, above: &str, fields: &mut Vec<String>) {
    /// Enough for every documented field, whatever a document holds.
    const FIELDS_MAX: usize = 500;

    let Value::Object(map) = value else { return };
    for (key, field) in map {
        if fields.len() >= FIELDS_MAX {
            return;
        }
        let name = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
        fields.push(name.clone());
        if !NAMELESS.contains(&key.as_str()) {
            collect(field, &name, fields);
        }
    }
}

/// The field that a dotted name nearly is: the first piece of it that does not exist is
/// compared with what stands beside it.
pub fn nearest_field(path: &str, fields: &[String]) -> Option<String> {
    let mut above = String::new();
    for (index, piece) in path.split('.').enumerate() {
        let name = if above.is_empty() { piece.to_owned() } else { format!("{above}.{piece}") };
        if fields.contains(&name) {
            above = name;
            continue;
        }
        let near = nearest(piece, beside(&above, fields))?;
        let rest: Vec<&str> = path.split('.').skip(index + 1).collect();
        let start = if above.is_empty() { near.to_owned() } else { format!("{above}.{near}") };
        return Some(std::iter::once(start.as_str()).chain(rest).collect::<Vec<_>>().join("."));
    }
    None
}

/// The longest part of a dotted name that exists, and what is in it.
pub fn known_part<'a>(path: &'a str, fields: &'a [String]) -> (&'a str, Vec<&'a str>) {
    let mut end = path.len();
    while let Some(dot) = path[..end].rfind('.') {
        end = dot;
        if fields.iter().any(|field| *field == path[..end]) {
            return (&path[..end], beside(&path[..end], fields).collect());
        }
    }
    ("", beside("", fields).collect())
}

/// The last pieces of the fields directly below a name.
fn beside<'a>(above: &str, fields: &'a [String]) -> impl Iterator<Item = &'a str> {
    fields.iter().filter_map(move |field| {
        let rest = match above {
            "" => Some(field.as_str()),
            above => field.strip_prefix(above).and_then(|rest| rest.strip_prefix('.')),
        }?;
        (!rest.contains('.')).then_some(rest)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_misspelt_piece_is_found_wherever_it_stands() {
        let fields = fields_of(&json!({"job": {"project_name": "a", "result": {"status": 1,
            "media_status": {"a.wav": {"status": 1}}}}, "rule": {"name": ""}}));

        let near = |path: &str| nearest_field(path, &fields);

        assert_eq!(near("job.projct_name").as_deref(), Some("job.project_name"));
        assert_eq!(near("job.reslut.status").as_deref(), Some("job.result.status"));
        assert_eq!(near("jbo.result").as_deref(), Some("job.result"));
        assert_eq!(near("job.colour"), None);
        assert_eq!(near("job.result.status"), None);
        assert!(!fields.iter().any(|field| field.contains("wav")));
        assert_eq!(known_part("job.colour", &fields).1, ["project_name", "result"]);
    }
}
