//! Which partial uses which: circles, how deep a rendering goes, and how long it could take.
//!
//! A circle of partials, or a very long chain of them, would overflow the stack and end the
//! process, so a set of templates with one is never rendered. A template whose loops multiply
//! could run for minutes without writing a byte, so the number of its steps is bounded too.

use std::collections::BTreeMap;

use super::check::partials_of;
use super::tags::{BLOCK_DEPTH_MAX, Kind, scan};
use crate::render::context::LIST_MAX;

/// About a quarter of a second.
const STEPS_MAX: u64 = 2_000_000;

/// The templates of one slot: a name and the text; partials by the name they are used by.
pub type Sources<'a> = BTreeMap<&'a str, &'a str>;

/// What is wrong with partials together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// `a`, `b`, … back to `a`.
    Circle(Vec<String>),
    /// A chain longer than anybody needs.
    Chain(Vec<String>),
}

/// What one rendering costs at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    pub steps: u64,
    /// Of blocks and partials within each other.
    pub depth: usize,
}

impl Cost {
    /// Whether it is more than is allowed, and of what.
    pub fn excess(self) -> Option<String> {
        if self.depth > BLOCK_DEPTH_MAX {
            return Some(format!(
                "blocks and partials are nested more than {BLOCK_DEPTH_MAX} deep"
            ));
        }
        (self.steps > STEPS_MAX)
            .then(|| format!("loops within loops could take {} steps", self.steps))
    }
}

/// The first circle or overlong chain of partials.
pub fn fault(partials: &Sources<'_>) -> Option<Fault> {
    let mut done = Vec::new();
    partials.keys().find_map(|name| visit(name, partials, &mut Vec::new(), &mut done))
}

fn visit(
    name: &str,
    partials: &Sources<'_>,
    above: &mut Vec<String>,
    done: &mut Vec<String>,
) -> Option<Fault> {
    if let Some(start) = above.iter().position(|earlier| earlier == name) {
        let mut circle = above.split_off(start);
        circle.push(name.to_owned());
        return Some(Fault::Circle(circle));
    }
    if done.iter().any(|known| known == name) {
        return None;
    }
    let source = partials.get(name)?;
    above.push(name.to_owned());
    if above.len() > BLOCK_DEPTH_MAX {
        return Some(Fault::Chain(above.clone()));
    }
    for used in partials_of(source) {
        if let Some(fault) = visit(&used, partials, above, done) {
            return Some(fault);
        }
    }
    above.pop();
    done.push(name.to_owned());
    None
}

/// What a template costs. The partials must be free of faults.
pub fn cost_of(source: &str, partials: &Sources<'_>) -> Cost {
    cost(source, partials, &mut BTreeMap::new())
}

/// Whether a template, or a partial that it uses, mentions a field in any of its tags. The
/// partials must be free of faults.
pub fn mentions(source: &str, field: &str, partials: &Sources<'_>) -> bool {
    let is_mentioned = |tag: &str| {
        tag.split(|char: char| !char.is_alphanumeric() && char != '_').any(|word| word == field)
    };
    let tags = scan(source).unwrap_or_default();
    let mut tags = tags.iter().filter(|tag| tag.kind != Kind::Comment);
    tags.any(|tag| {
        let text = &source[tag.span.clone()];
        let used = match tag.kind {
            Kind::Partial => partials_of(text),
            _ => Vec::new(),
        };
        // A partial of that name is only a name.
        is_mentioned(
            used.iter().fold(text.to_owned(), |text, name| text.replacen(name, "", 1)).as_str(),
        ) || used.iter().any(|name| {
            partials.get(name.as_str()).is_some_and(|used| mentions(used, field, partials))
        })
    })
}

fn cost(source: &str, partials: &Sources<'_>, known: &mut BTreeMap<String, Cost>) -> Cost {
    let mut whole = Cost { steps: 1, depth: 0 };
    let mut times: Vec<u64> = Vec::new();
    // Which of them end with each open block: its own and its `{{else if}}`s'.
    let mut open: Vec<usize> = Vec::new();
    let factor = |name: &str| if name == "each" { LIST_MAX as u64 } else { 1 };
    for tag in scan(source).unwrap_or_default() {
        let weight = times.iter().fold(1, |product: u64, factor| product.saturating_mul(*factor));
        let mut piece = Cost { steps: 1, depth: 0 };
        match &tag.kind {
            Kind::Open(name) => {
                open.push(times.len());
                times.push(factor(name));
            }
            Kind::ElseOpen(name) => times.push(factor(name)),
            Kind::Close(_) => times.truncate(open.pop().unwrap_or(0)),
            Kind::Partial => {
                if let Some(used) = partials_of(&source[tag.span.clone()]).first() {
                    piece = cost_of_partial(used, partials, known);
                    piece.depth += 1;
                }
            }
            _ => {}
        }
        whole.steps = whole.steps.saturating_add(weight.saturating_mul(piece.steps));
        whole.depth = whole.depth.max(times.len() + piece.depth);
    }
    whole
}

fn cost_of_partial(name: &str, partials: &Sources<'_>, known: &mut BTreeMap<String, Cost>) -> Cost {
    if let Some(cost) = known.get(name) {
        return *cost;
    }
    let none = Cost { steps: 0, depth: 0 };
    let cost = partials.get(name).map_or(none, |source| cost(source, partials, known));
    known.insert(name.to_owned(), cost);
    cost
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(length: usize, uses: usize) -> Vec<(String, String)> {
        (0..length)
            .map(|n| (format!("p{n:03}"), format!("{{{{> p{:03}}}}}", n + 1).repeat(uses)))
            .collect()
    }

    fn sources(texts: &[(String, String)]) -> Sources<'_> {
        texts.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
    }

    #[test]
    fn circles_are_found_however_long() {
        let fault_of = |partials: &[(&'static str, &'static str)]| {
            fault(&partials.iter().copied().collect::<Sources<'_>>())
        };
        let circle = |names: &[&str]| {
            Some(Fault::Circle(names.iter().map(|name| (*name).to_owned()).collect()))
        };

        assert_eq!(fault_of(&[("a", "{{> b}}{{> c}}"), ("b", "{{> c}}"), ("c", "")]), None);
        assert_eq!(fault_of(&[("a", "x {{> a}}")]), circle(&["a", "a"]));
        assert_eq!(
            fault_of(&[("a", "{{> b}}"), ("b", "{{#if x}}{{> c}}{{/if}}"), ("c", "{{>b}}")]),
            circle(&["b", "c", "b"])
        );
        assert!(matches!(fault(&sources(&chain(10_000, 1))), Some(Fault::Chain(_))));
    }

    #[test]
    fn loops_within_loops_are_bounded_also_through_partials() {
        let row = "{{#each this}}{{this}}{{/each}}";
        let partials: Sources<'_> = [("row", row)].into();
        let excess = |source: &str| cost_of(source, &partials).excess();

        assert_eq!(excess("{{#each a}}{{> row}}{{/each}}"), None);
        assert!(excess("{{#each a}}{{#each b}}{{> row}}{{/each}}{{/each}}").is_some());
        assert!(cost_of("{{> p000}}", &sources(&chain(40, 2))).excess().is_some());
        assert!(cost_of("{{> p000}}", &sources(&chain(40, 1))).excess().is_none());
    }

    #[test]
    fn a_field_is_mentioned_in_a_tag_or_a_partial_and_not_in_text() {
        let partials: Sources<'_> =
            [("rows", "{{#each events}}x{{/each}}"), ("events", "x"), ("on", "{{> rows}}")].into();
        let mentions = |source: &str| mentions(source, "events", &partials);

        assert!(mentions("{{#if (len @root.events)}}x{{/if}}"));
        assert!(mentions("{{#if x}}{{else if events}}{{/if}}"));
        assert!(mentions("{{> on}}") && mentions("{{> events rows=events}}"));
        assert!(!mentions("events {{!-- events --}}{{event.kind}}{{events_left 4}}{{> events}}"));
    }

    #[test]
    fn what_stands_after_an_else_stands_deeper() {
        let cost = |source| cost_of(source, &Sources::new());

        let chained = cost("{{#if a}}{{else each b}}{{else each c}}x{{/if}}{{y}}");
        let nested =
            cost("{{#if a}}{{else}}{{#each b}}{{else}}{{#each c}}{{/each}}{{/each}}{{/if}}");

        assert_eq!((chained.depth, nested.depth), (3, 3));
        assert!(chained.steps > LIST_MAX as u64);
    }

    #[test]
    fn depth_counts_blocks_and_partials_together() {
        let deep =
            |inner: &str| format!("{}{inner}{}", "{{#if a}}".repeat(40), "{{/if}}".repeat(40));
        let inner = deep("");
        let partials: Sources<'_> = [("inner", inner.as_str())].into();

        assert_eq!(cost_of(&deep("{{> inner}}"), &partials).depth, 81);
        assert!(cost_of(&deep("{{> inner}}"), &partials).excess().is_some());
        assert_eq!(cost_of("{{> inner}}", &partials).excess(), None);
    }
}
