//! Says a statement to PostgreSQL: the little that it wants said differently.
//!
//! The statements are written so that both databases take them. What is left: hints to SQLite's
//! planner are cut out, words for PostgreSQL alone stand in comments like `/*pg FOR UPDATE */`,
//! and a JSON list of texts is taken apart by a function of its own, since SQLite's serves both.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// What SQLite's planner is told, before the name of an index.
const HINT: &str = "INDEXED BY ";

/// What only PostgreSQL is told stands between these.
const ASIDE: (&str, &str) = ("/*pg ", "*/");

/// A list of texts, which are wanted without their quotes.
const TEXTS: (&str, &str) = ("SELECT value FROM json_each(", "SELECT value FROM json_texts(");

/// A list of lists.
const ROWS: (&str, &str) = ("FROM json_each(", "FROM json_rows(");

/// A statement as PostgreSQL takes it; translated once.
pub(in crate::store) fn for_postgres(text: &'static str) -> Arc<str> {
    static KNOWN: OnceLock<RwLock<HashMap<&'static str, Arc<str>>>> = OnceLock::new();
    let known = KNOWN.get_or_init(RwLock::default);
    if let Some(said) = known.read().unwrap_or_else(PoisonError::into_inner).get(text) {
        return Arc::clone(said);
    }
    let said: Arc<str> = translated(text).into();
    known.write().unwrap_or_else(PoisonError::into_inner).insert(text, Arc::clone(&said));
    said
}

fn translated(text: &str) -> String {
    let said = without_hints(text).replace(TEXTS.0, TEXTS.1).replace(ROWS.0, ROWS.1);
    let mut parts = said.split(ASIDE.0);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        whole.push_str(&part.replacen(ASIDE.1, "", 1));
    }
    whole
}

fn without_hints(text: &str) -> String {
    let mut parts = text.split(HINT);
    let mut whole = parts.next().unwrap_or_default().to_owned();
    let is_of_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    for part in parts {
        whole.push_str(part.trim_start_matches(is_of_name));
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_go_asides_come_and_lists_are_taken_apart_by_what_they_hold() {
        let said = translated(
            "SELECT seq FROM event e INDEXED BY event_job WHERE id IN (SELECT value FROM \
             json_each($1)) LIMIT 1 /*pg FOR UPDATE */; SELECT value->>0 FROM json_each($1)",
        );

        insta::assert_snapshot!(said, @"SELECT seq FROM event e  WHERE id IN (SELECT value FROM json_texts($1)) LIMIT 1 FOR UPDATE ; SELECT value->>0 FROM json_rows($1)");
    }

    #[test]
    fn a_text_is_translated_once() {
        let text = "SELECT 1 FROM job INDEXED BY job_open";

        assert!(Arc::ptr_eq(&for_postgres(text), &for_postgres(text)));
    }
}
