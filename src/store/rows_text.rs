//! Many rows as one value for a statement: a JSON list of lists, written as it grows.
//!
//! A statement takes it apart with `json_each`, so that a thousand rows cost one round to the
//! database.

use serde::Serialize;

/// The rows so far.
#[derive(Debug)]
pub(super) struct RowsText(Vec<u8>);

/// One row that is being written.
#[derive(Debug)]
pub(super) struct RowText<'a> {
    text: &'a mut Vec<u8>,
    is_first: bool,
}

impl Default for RowsText {
    fn default() -> Self {
        Self(vec![b'['])
    }
}

impl RowsText {
    /// The rows that `write` makes of each item.
    pub(super) fn of<T>(
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut RowText<'_>, T),
    ) -> Self {
        let mut rows = Self::default();
        items.into_iter().for_each(|item| rows.add(|row| write(row, item)));
        rows
    }

    /// Adds a row.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut RowText<'_>)) {
        if !self.is_empty() {
            self.0.push(b',');
        }
        self.0.push(b'[');
        write(&mut RowText { text: &mut self.0, is_first: true });
        self.0.push(b']');
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 1
    }

    /// The whole list.
    pub(super) fn into_text(mut self) -> String {
        self.0.push(b']');
        String::from_utf8(self.0).unwrap_or_default()
    }
}

impl RowText<'_> {
    /// Adds the row's next value.
    pub(super) fn put(&mut self, value: impl Serialize) -> &mut Self {
        if !std::mem::take(&mut self.is_first) {
            self.text.push(b',');
        }
        let before = self.text.len();
        // Memory takes all that can be written as JSON.
        if serde_json::to_writer(&mut *self.text, &value).is_err() {
            self.text.truncate(before);
            self.text.extend_from_slice(b"null");
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_a_list_of_lists() {
        let rows = RowsText::of([("a\"b", Some(1)), ("é", None)], |row, (text, number)| {
            row.put(text).put(number).put(true);
        });

        assert!(!rows.is_empty());
        assert_eq!(rows.into_text(), r#"[["a\"b",1,true],["é",null,true]]"#);
        assert_eq!(RowsText::default().into_text(), "[]");
    }
}
