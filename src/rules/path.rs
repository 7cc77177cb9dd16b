//! Paths into the event's document, as the keys of a `match` table write them.
//!
//! `job.result.status`: segments joined by dots. A key that itself holds a dot stands in
//! quotes: `job.result.media_status."Misc/intro.mp4".status` (so in TOML the whole key takes
//! single quotes). `*` stands for each entry of a table or list, a number for an element of a
//! list, counted from 0.

use serde_json::Value;

/// Longer paths are a mistake.
const MAX_SEGMENTS: usize = 32;

/// Values under these names are never shown: whoever has the link can fetch the file.
pub(super) const NEVER_SHOWN: [&str; 2] = ["download_url", "download_url_expires_at"];

/// A parsed path. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Path(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Segment {
    Key(String),
    /// `*`
    Each,
}

/// A value at a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) value: &'a Value,
    pub(super) may_be_shown: bool,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut rest = text;
        loop {
            let (segment, after) = segment(rest)?;
            segments.push(segment);
            if segments.len() > MAX_SEGMENTS {
                return Err(format!("a path has at most {MAX_SEGMENTS} parts"));
            }
            match after.strip_prefix('.') {
                Some(after) => rest = after,
                None if after.is_empty() => return Ok(Self(segments)),
                None => return Err("after a closing quote comes a dot or the end".into()),
            }
        }
    }

    /// The keys, where no segment is `*`.
    pub(super) fn keys(&self) -> Option<Vec<&str>> {
        self.0
            .iter()
            .map(|segment| match segment {
                Segment::Key(key) => Some(key.as_str()),
                Segment::Each => None,
            })
            .collect()
    }

    /// The segments; at least one.
    pub(super) fn segments(&self) -> &[Segment] {
        &self.0
    }

    /// Every value at the path, null ones too: at most one where no segment is `*`.
    pub(super) fn find<'a>(&self, document: &'a Value) -> Vec<Found<'a>> {
        let mut found = Vec::new();
        walk(&self.0, Found { value: document, may_be_shown: true }, &mut found);
        found
    }

    /// The one value at a path without `*`.
    pub(super) fn find_one<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(document, |value, segment| match segment {
            Segment::Key(key) => entry(value, key),
            Segment::Each => None,
        })
    }
}

fn segment(text: &str) -> Result<(Segment, &str), String> {
    if let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) {
        let inner = &text[1..];
        let Some(end) = inner.find(quote) else {
            return Err(format!("the quote {quote} is not closed"));
        };
        return Ok((Segment::Key(inner[..end].into()), &inner[end + 1..]));
    }
    let end = text.find('.').unwrap_or(text.len());
    match &text[..end] {
        "" => Err("a part between two dots is empty".into()),
        "*" => Ok((Segment::Each, &text[end..])),
        key if key.contains(['"', '\'']) => {
            Err(format!("`{key}` has a quote within: a quoted part is quoted as a whole"))
        }
        key => Ok((Segment::Key(key.into()), &text[end..])),
    }
}

fn walk<'a>(segments: &[Segment], at: Found<'a>, found: &mut Vec<Found<'a>>) {
    let Some((first, rest)) = segments.split_first() else {
        found.push(at);
        return;
    };
    match (first, at.value) {
        (Segment::Key(key), value) => {
            if let Some(value) = entry(value, key) {
                walk(rest, Found { value, may_be_shown: shows(key) }, found);
            }
        }
        (Segment::Each, Value::Object(fields)) => {
            for (key, value) in fields {
                walk(rest, Found { value, may_be_shown: shows(key) }, found);
            }
        }
        (Segment::Each, Value::Array(items)) => {
            for value in items {
                walk(rest, Found { value, may_be_shown: at.may_be_shown }, found);
            }
        }
        (Segment::Each, _) => {}
    }
}

fn entry<'a>(value: &'a Value, key: &str) -> Option<&'a Value> {
    match value {
        Value::Object(fields) => fields.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    }
}

fn shows(key: &str) -> bool {
    !NEVER_SHOWN.contains(&key)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn found(path: &str, document: &Value) -> Vec<Value> {
        let path = Path::parse(path).unwrap();
        path.find(document).into_iter().map(|found| found.value.clone()).collect()
    }

    #[test]
    fn a_quoted_part_reaches_a_key_with_dots_and_slashes() {
        let document = json!({"m": {"Misc/intro.mp4": {"s": "failed"}, "*": 1, "a b": 2}});

        assert_eq!(found("m.\"Misc/intro.mp4\".s", &document), [json!("failed")]);
        assert_eq!(found("m.'Misc/intro.mp4'.s", &document), [json!("failed")]);
        assert_eq!(found("m.\"*\"", &document), [json!(1)]);
        assert_eq!(found("m.a b", &document), [json!(2)]);
    }

    #[test]
    fn a_star_stands_for_each_entry_and_a_number_for_an_element() {
        let document = json!({"l": [{"n": 1}, {"n": 2}, {}], "m": {"x": {"n": 3}, "y": 4}});

        assert_eq!(found("l.*.n", &document), [json!(1), json!(2)]);
        assert_eq!(found("m.*.n", &document), [json!(3)]);
        assert_eq!(found("l.1.n", &document), [json!(2)]);
        assert_eq!(found("l.9", &document), Vec::<Value>::new());
        assert_eq!(found("m.y.n", &document), Vec::<Value>::new());
    }

    #[test]
    fn a_broken_path_says_where_it_breaks() {
        let problem = |text| Path::parse(text).unwrap_err();

        assert_eq!(problem(""), "a part between two dots is empty");
        assert_eq!(problem("job..x"), "a part between two dots is empty");
        assert_eq!(problem("job.x."), "a part between two dots is empty");
        assert_eq!(problem("job.\"x"), "the quote \" is not closed");
        assert_eq!(problem("job.\"x\"y"), "after a closing quote comes a dot or the end");
        assert_eq!(
            problem("job.x\"y\""),
            "`x\"y\"` has a quote within: a quoted part is quoted as a whole"
        );
        assert_eq!(problem(&"a.".repeat(40)), "a path has at most 32 parts");
    }

    proptest! {
        #[test]
        fn any_key_can_be_reached_in_quotes(key in "[^\"]{0,20}") {
            let document = json!({"a": {key.clone(): {"b": 1}}});

            prop_assert_eq!(found(&format!("a.\"{key}\".b"), &document), vec![json!(1)]);
        }

        #[test]
        fn no_text_makes_parsing_panic(text in "\\PC{0,40}") {
            let _ = Path::parse(&text);
        }
    }
}
