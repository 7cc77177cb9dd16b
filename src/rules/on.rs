//! A rule's `on`: which events it is about.

use std::collections::BTreeSet;

use toml::Spanned;

use crate::model::{EventKind, KIND_NAMES};
use crate::problem::{Problem, nearest};

/// Stands for [`EventKind::FINISHED`].
const FINISHED: &str = "finished";

/// Stands for all events about a job, save those that need the rule's `after`.
const ANY: &str = "any";

/// Reads `on`: the contract's names, `finished` and `any`.
///
/// Reports every word that is not one; `thing` names the place for people, like "rule `a`,
/// key `on`". An empty list is a mistake too.
pub fn parse_on(
    words: &[Spanned<String>],
    thing: &str,
    problems: &mut Vec<Problem>,
) -> BTreeSet<EventKind> {
    if words.is_empty() {
        let problem = Problem::error("no event is named, so the rule would never match")
            .about(thing)
            .help(format!("use one of {}", names().join(", ")));
        problems.push(problem);
    }
    let mut kinds = BTreeSet::new();
    for word in words {
        match kinds_of(word.get_ref()) {
            Ok(named) => kinds.extend(named),
            Err(problem) => problems.push(problem.at(word.span()).about(thing)),
        }
    }
    kinds
}

fn kinds_of(word: &str) -> Result<Vec<EventKind>, Problem> {
    match word {
        FINISHED => return Ok(EventKind::FINISHED.to_vec()),
        ANY => return Ok(EventKind::OF_JOBS.to_vec()),
        _ => {}
    }
    match word.parse::<EventKind>() {
        Ok(kind) => Ok(vec![kind]),
        Err(message) => Err(Problem::error(message).help(match nearest(word, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("use one of {}", names().join(", ")),
        })),
    }
}

/// What may be written.
fn names() -> Vec<&'static str> {
    KIND_NAMES.iter().map(|(_, name)| *name).chain([FINISHED, ANY]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> (BTreeSet<EventKind>, String) {
        let words: Vec<Spanned<String>> = words
            .iter()
            .scan(0, |end, word| {
                let start = *end;
                *end += word.len();
                Some(Spanned::new(start..*end, (*word).to_owned()))
            })
            .collect();
        let mut problems = Vec::new();
        let kinds = parse_on(&words, "rule `a`, key `on`", &mut problems);
        let lines: Vec<String> = problems
            .iter()
            .map(|problem| {
                let help = problem.help.as_deref().unwrap_or_default();
                format!("{:?} {problem}; {help}", problem.span)
            })
            .collect();
        (kinds, lines.join("\n"))
    }

    #[test]
    fn the_collective_words_stand_for_their_kinds() {
        let finished = parse(&["finished", "failed"]);
        let any = parse(&["any"]);

        assert_eq!(finished, (EventKind::FINISHED.into(), String::new()));
        assert_eq!(any, (EventKind::OF_JOBS.into(), String::new()));
    }

    #[test]
    fn every_wrong_word_is_reported_and_the_right_ones_are_kept() {
        let (kinds, problems) = parse(&["finnished", "failed", "stalled", "overdeu", "lunch"]);

        assert_eq!(kinds, [EventKind::Failed, EventKind::Stalled].into());
        insta::assert_snapshot!(problems, @r#"
        Some(0..9) rule `a`, key `on`: no event is called `finnished`; did you mean `finished`?
        Some(22..29) rule `a`, key `on`: no event is called `overdeu`; did you mean `overdue`?
        Some(29..34) rule `a`, key `on`: no event is called `lunch`; use one of queued, started, progress, succeeded, partial, failed, cancelled, stopped, changed, overdue, stalled, vanished, project_idle, notifier_down, notifier_up, spend_crossed, source_down, source_up, finished, any
        "#);
    }

    #[test]
    fn an_empty_list_is_a_mistake() {
        let (_, problems) = parse(&[]);

        insta::assert_snapshot!(problems, @"None rule `a`, key `on`: no event is named, so the rule would never match; use one of queued, started, progress, succeeded, partial, failed, cancelled, stopped, changed, overdue, stalled, vanished, project_idle, notifier_down, notifier_up, spend_crossed, source_down, source_up, finished, any");
    }
}
