//! Which partial uses which: circles, and how long a rendering could take.
//!
//! A circle of partials would overflow the stack and end the process, so a set of templates
//! with one is never rendered. A template whose loops multiply could run for minutes
//! without writing a byte, so the number of its steps is bounded before.

use std::collections::BTreeMap;

use super::tags::{Kind, scan};
use crate::render::context::LIST_MAX;

/// About a quarter of a second.
const STEPS_MAX: u64 = 2_000_000;

/// The templates of one slot: a name and the text; partials by the name they are used by.
pub type Sources<'a> = BTreeMap<&'a str, &'a str>;

/// The first circle of partials: `a`, `b`, … back to `a`.
pub fn circle(partials: &Sources<'_>) -> Option<Vec<String>> {
    let mut done = Vec::new();
    partials.keys().find_map(|name| visit(name, partials, &mut Vec::new(), &mut done))
}

fn visit(
    name: &str,
    partials: &Sources<'_>,
    above: &mut Vec<String>,
    done: &mut Vec<String>,
) -> Option<Vec<String>> {
    if let Some(start) = above.iter().position(|earlier| earlier == name) {
        let mut circle = above.split_off(start);
        circle.push(name.to_owned());
        return Some(circle);
    }
    if done.iter().any(|known| known == name) {
        return None;
    }
    let source = partials.get(name)?;
    above.push(name.to_owned());
    for used in super::check::partials_of(source) {
        if let Some(circle) = visit(&used, partials, above, done) {
            return Some(circle);
        }
    }
    above.pop();
    done.push(name.to_owned());
    None
}

/// How many steps a rendering may take at most, if that is too many. The partials must be
/// free of circles.
pub fn too_many_steps(source: &str, partials: &Sources<'_>) -> Option<u64> {
    let steps = steps_of(source, partials, &mut BTreeMap::new());
    (steps > STEPS_MAX).then_some(steps)
}

fn steps_of(source: &str, partials: &Sources<'_>, known: &mut BTreeMap<String, u64>) -> u64 {
    let mut steps: u64 = 1;
    let mut times: Vec<u64> = Vec::new();
    for tag in scan(source).unwrap_or_default() {
        let weight = times.iter().fold(1, |product: u64, factor| product.saturating_mul(*factor));
        let cost = match &tag.kind {
            Kind::Open(name) => {
                times.push(if name == "each" { LIST_MAX as u64 } else { 1 });
                1
            }
            Kind::Close(_) => {
                times.pop();
                0
            }
            Kind::Partial => super::check::partials_of(&source[tag.span.clone()])
                .first()
                .map_or(0, |used| steps_of_partial(used, partials, known)),
            _ => 1,
        };
        steps = steps.saturating_add(weight.saturating_mul(cost));
    }
    steps
}

fn steps_of_partial(name: &str, partials: &Sources<'_>, known: &mut BTreeMap<String, u64>) -> u64 {
    if let Some(steps) = known.get(name) {
        return *steps;
    }
    let steps = partials.get(name).map_or(0, |source| steps_of(source, partials, known));
    known.insert(name.to_owned(), steps);
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn circles_are_found_however_long() {
        let circle_of = |partials: &[(&'static str, &'static str)]| {
            circle(&partials.iter().copied().collect::<Sources<'_>>())
        };

        assert_eq!(circle_of(&[("a", "{{> b}}{{> c}}"), ("b", "{{> c}}"), ("c", "")]), None);
        assert_eq!(circle_of(&[("a", "x {{> a}}")]), Some(vec!["a".into(), "a".into()]));
        assert_eq!(
            circle_of(&[("a", "{{> b}}"), ("b", "{{#if x}}{{> c}}{{/if}}"), ("c", "{{>b}}")]),
            Some(vec!["b".into(), "c".into(), "b".into()])
        );
    }

    #[test]
    fn loops_within_loops_are_bounded_also_through_partials() {
        let row = "{{#each this}}{{this}}{{/each}}";
        let partials: Sources<'_> = [("row", row)].into();

        assert_eq!(too_many_steps("{{#each a}}{{> row}}{{/each}}", &partials), None);
        assert!(
            too_many_steps("{{#each a}}{{#each b}}{{> row}}{{/each}}{{/each}}", &partials)
                .is_some()
        );
        let doubling: Vec<(String, String)> = (0..64)
            .map(|n| (format!("p{n}"), format!("{{{{> p{0}}}}}{{{{> p{0}}}}}", n + 1)))
            .collect();
        let doubling = doubling.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert!(too_many_steps("{{> p0}}{{x}}", &doubling).is_none());
    }
}
