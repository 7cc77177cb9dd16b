//! Tables that fit the terminal. Pure.
//!
//! Cells hold text from outside: control characters are shown escaped, and width is counted
//! in columns, not in characters. Where there is no terminal nothing is cut.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Between two columns.
const GAP: usize = 2;

/// A column is not made narrower than this.
const NARROWEST: usize = 6;

/// A table under construction.
#[derive(Debug, Clone)]
pub(super) struct Table {
    titles: Vec<&'static str>,
    /// Columns that are cut first where the terminal is narrow: names and sentences, which
    /// still tell something when they are cut.
    flexible: Vec<usize>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A title that ends in `~` is of a column that may be cut.
    pub(super) fn new(titles: &[&'static str]) -> Self {
        let flexible = (0..titles.len()).filter(|column| titles[*column].ends_with('~')).collect();
        let titles = titles.iter().map(|title| title.trim_end_matches('~')).collect();
        Self { titles, flexible, rows: Vec::new() }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| shown(&cell).into_owned()).collect());
    }

    /// The table as text, at most `width` columns wide.
    pub(super) fn render(&self, width: Option<usize>, colour: bool) -> String {
        let mut widths: Vec<usize> = self.titles.iter().map(|title| title.width()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        if let Some(width) = width {
            shrink(&mut widths, &self.flexible, width);
            // A terminal narrower still: everything is cut.
            let all: Vec<usize> = (0..widths.len()).collect();
            shrink(&mut widths, &all, width);
        }
        let titles: Vec<String> = self.titles.iter().map(ToString::to_string).collect();
        let mut text = String::new();
        let heading = line(&titles, &widths);
        match colour {
            true => text.push_str(&format!("\u{1b}[1m{heading}\u{1b}[0m\n")),
            false => text.push_str(&format!("{heading}\n")),
        }
        for row in &self.rows {
            text.push_str(&line(row, &widths));
            text.push('\n');
        }
        text
    }
}

/// Takes from the widest of these columns until the line fits.
fn shrink(widths: &mut [usize], columns: &[usize], available: usize) {
    let gaps = GAP * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > available {
        match columns.iter().copied().max_by_key(|column| widths[*column]) {
            Some(widest) if widths[widest] > NARROWEST => widths[widest] -= 1,
            _ => return,
        }
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (index, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let cell = cut(cell, *width);
        line.push_str(&cell);
        if index + 1 < cells.len() {
            line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + GAP));
        }
    }
    line.trim_end().to_owned()
}

/// The text in at most `width` columns, with `…` where something was cut off.
fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.width() <= width {
        return text.into();
    }
    let mut kept = String::new();
    let mut used = 0;
    for letter in text.chars() {
        let wide = letter.width().unwrap_or(0);
        if used + wide + 1 > width {
            break;
        }
        used += wide;
        kept.push(letter);
    }
    kept.push('…');
    kept.into()
}

/// A text that cannot move the cursor, change colours or turn the writing direction.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    let hostile = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
    };
    if !text.contains(hostile) {
        return text.into();
    }
    text.chars()
        .map(|letter| match hostile(letter) {
            true => letter.escape_default().to_string(),
            false => letter.to_string(),
        })
        .collect::<String>()
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["ID", "PROJECT~", "STATE"]);
        table.row(["1".into(), "Ein sehr langer Name 日本語".into(), "sent".into()]);
        table.row(["2".into(), "\u{1b}[31mred\u{202e}".into(), "dead".into()]);
        table
    }

    #[test]
    fn a_table_is_as_wide_as_it_needs_to_be() {
        insta::assert_snapshot!(table().render(None, false), @r"
        ID  PROJECT                      STATE
        1   Ein sehr langer Name 日本語  sent
        2   \u{1b}[31mred\u{202e}        dead
        ");
    }

    #[test]
    fn a_narrow_terminal_cuts_the_widest_column() {
        insta::assert_snapshot!(table().render(Some(24), false), @r"
        ID  PROJECT        STATE
        1   Ein sehr lan…  sent
        2   \u{1b}[31mre…  dead
        ");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 22..60 {
            for line in table().render(Some(width), false).lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
    }
}
