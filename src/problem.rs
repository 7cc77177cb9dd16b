//! Mistakes in what a person wrote: what, where, and the remedy.
//!
//! Rooms that read config, rules or templates collect [`Problem`]s and keep going; [`report`]
//! shows them all at once, each with its line underlined.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    Warning,
    /// The file is refused.
    Error,
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub severity: Severity,
    /// Lower case, no period: "no event is called `finnished`".
    pub message: String,
    /// The bytes of the file it is about, where there are such.
    pub span: Option<Range<usize>>,
    /// Names the thing for people: "rule `nightly`, key `on`".
    pub thing: Option<String>,
    /// What to do: "use one of queued, started, …".
    pub help: Option<String>,
}

impl Problem {
    /// An error without a place.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            span: None,
            thing: None,
            help: None,
        }
    }

    /// A warning without a place.
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// Says where it stands.
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Self {
        self.span = Some(span);
        self
    }

    /// Says which thing it is about.
    #[must_use]
    pub fn about(mut self, thing: impl Into<String>) -> Self {
        self.thing = Some(thing.into());
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    fn title(&self) -> String {
        match &self.thing {
            Some(thing) => format!("{thing}: {}", self.message),
            None => self.message.clone(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title())
    }
}

/// Whether the report may use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Always,
    Never,
}

/// Shows every problem with the line it is about, in the file's order, then how many there
/// are. `source` must already be free of secrets, with every byte at its place.
pub fn report(file: &str, source: &str, problems: &[Problem], colour: Colour) -> String {
    let renderer = match colour {
        Colour::Always => Renderer::styled(),
        Colour::Never => Renderer::plain(),
    };
    let mut ordered: Vec<&Problem> = problems.iter().collect();
    ordered.sort_by_key(|problem| problem.span.as_ref().map_or(usize::MAX, |span| span.start));
    let mut text = String::new();
    for problem in ordered {
        text.push_str(&renderer.render(&[group(file, source, problem)]));
        text.push_str("\n\n");
    }
    text
}

fn group<'a>(file: &'a str, source: &'a str, problem: &'a Problem) -> Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(problem.title());
    let mut group = match &problem.span {
        Some(span) => {
            // A place within a letter, or beyond the text, would be a fault of the reader's; the
            // report must come all the same.
            let end = source.ceil_char_boundary(span.end.min(source.len()));
            let span = source.floor_char_boundary(span.start.min(end))..end;
            Group::with_title(title).element(
                Snippet::source(source)
                    .path(file)
                    .fold(true)
                    .annotation(AnnotationKind::Primary.span(span)),
            )
        }
        None => Group::with_title(title).element(Origin::path(file)),
    };
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.clone()));
    }
    group
}

/// The candidate nearest to `word`, if it is near enough to be what was meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let allowed = (length / 3).max(1);
    candidates
        .into_iter()
        // Each letter too many is a step: a word of thousands is compared with nothing.
        .filter(|candidate| candidate.chars().count().abs_diff(length) <= allowed)
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// "did you mean `x`?", or the whole list where nothing is near.
pub fn suggestion(word: &str, candidates: &[&str]) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if candidates.is_empty() => "there are none".into(),
        None => format!("use one of {}", candidates.join(", ")),
    }
}

/// How many letters must be added, dropped, changed or swapped with a neighbour
/// (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.to_lowercase().chars().collect();
    let right: Vec<char> = right.to_lowercase().chars().collect();
    let mut rows = vec![vec![0; right.len() + 1]; left.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=left.len() {
        for j in 1..=right.len() {
            let change = usize::from(left[i - 1] != right[j - 1]);
            let mut best =
                (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[left.len()][right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood_and_another_word_is_not() {
        let keys = ["notify", "name", "on", "template"];

        assert_eq!(nearest("notfiy", keys), Some("notify"));
        assert_eq!(nearest("Name", keys), Some("name"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("o", keys), Some("on"));
        assert_eq!(nearest(&"name".repeat(100_000), keys), None);
        assert_eq!(suggestion("x", &["a", "b"]), "did you mean `a`?");
        assert_eq!(suggestion("colour", &["a", "b"]), "use one of a, b");
    }

    #[test]
    fn a_place_that_is_none_costs_no_report() {
        for span in [1..2, 2..3, 0..99, 50..60, 3..3] {
            let problem = Problem::error("odd").at(span.clone());

            let shown = report("x", "äöü", &[problem], Colour::Never);

            assert!(shown.contains("äöü"), "{span:?}: {shown}");
        }
    }

    #[test]
    fn a_report_underlines_the_piece_and_names_the_remedy() {
        let source = "[[rules]]\non = [\"finnished\"]\n";
        let problem = Problem::error("no event is called `finnished`")
            .at(16..27)
            .about("rule `a`, key `on`")
            .help("did you mean `finished`?");

        let shown = report("rules.toml", source, &[problem], Colour::Never);

        insta::assert_snapshot!(shown, @r#"
        error: rule `a`, key `on`: no event is called `finnished`
         --> rules.toml:2:7
          |
        2 | on = ["finnished"]
          |       ^^^^^^^^^^^
          |
          = help: did you mean `finished`?
        "#);
    }
}
