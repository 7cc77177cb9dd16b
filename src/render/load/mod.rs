//! Templates from texts: built-in ones, overridden by files, checked before any is rendered.
//!
//! Every problem of every file is told at once. What has an error is left out, and the
//! built-in template of that name stands in for it, so that the result can always be used.

mod check;
mod graph;
mod path;
mod tags;

use std::collections::{BTreeMap, BTreeSet};

use handlebars::{Handlebars, Template};

pub use check::offset_of;
pub use path::{Place, SLOTS, Slot};

use super::fields::fields_of;
use super::{TemplateFile, builtin, samples, vocabulary};
use crate::model::NotifierKind;
use crate::problem::{Problem, Severity};
use check::Known;

/// A file's path, its text and what is wrong with it.
pub type FileProblems = (String, String, Vec<Problem>);

/// The compiled templates of one slot.
#[derive(Debug)]
pub struct Shelf {
    pub slot: Slot,
    pub registry: Handlebars<'static>,
    names: BTreeSet<String>,
    /// Those of the names whose template mentions `events`.
    of_groups: BTreeSet<String>,
}

/// The compiled templates of every slot.
#[derive(Debug)]
pub struct Shelves {
    shelves: Vec<Shelf>,
    /// The text of each template by its path.
    sources: BTreeMap<String, String>,
}

impl Shelves {
    /// The slots of a type, in the order of its parts.
    pub fn of(&self, kind: NotifierKind) -> impl Iterator<Item = &Shelf> {
        self.shelves.iter().filter(move |shelf| shelf.slot.kind == kind)
    }

    /// The text of the template at that path.
    pub fn source(&self, path: &str) -> Option<&str> {
        self.sources.get(path).map(String::as_str)
    }
}

impl Shelf {
    /// The names of its templates, partials not among them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The path of the template of that name, or else of `default`.
    pub fn path_of(&self, name: &str) -> Option<String> {
        let name = self.used(name)?;
        Some(format!("{}/{name}.{}.hbs", self.slot.kind, self.slot.part))
    }

    /// Whether the template of that name, or else `default`, mentions the events of a group.
    pub fn tells_of_groups(&self, name: &str) -> bool {
        self.used(name).is_some_and(|name| self.of_groups.contains(name))
    }

    fn used<'a>(&self, name: &'a str) -> Option<&'a str> {
        [name, "default"].into_iter().find(|name| self.names.contains(*name))
    }

    /// The path of what the registry knows under a name: a path itself, or a partial.
    pub fn path_of_registered(&self, name: &str) -> String {
        if name.contains('/') {
            return name.to_owned();
        }
        format!("{}/_{name}.{}.hbs", self.slot.kind, self.slot.part)
    }
}

/// Compiles the built-in templates and the files that override them or add to them.
pub fn load(files: Vec<TemplateFile>) -> (Shelves, Vec<FileProblems>) {
    let mut told: Vec<FileProblems> = Vec::new();
    let mut written: Vec<Written> = Vec::new();
    for (path, text) in builtin::FILES {
        if let Ok(place) = path::place_of(path) {
            written.push(Written { place, text: (*text).to_owned(), origin: Origin::BuiltIn });
        }
    }
    for file in files {
        match path::place_of(&file.path) {
            Ok(place) => {
                written.push(Written { place, text: file.text, origin: Origin::File });
            }
            Err(problem) => told.push((file.path, file.text, vec![problem])),
        }
    }
    let fields = known_fields();
    let mut shelves = Vec::with_capacity(SLOTS.len());
    let mut sources = BTreeMap::new();
    for (index, slot) in SLOTS.into_iter().enumerate() {
        let of_slot: Vec<&Written> =
            written.iter().filter(|written| written.place.slot == index).collect();
        let chosen = choose(&of_slot, &fields, &mut told);
        let mut shelf = Shelf {
            slot,
            registry: registry_of(slot),
            names: BTreeSet::new(),
            of_groups: BTreeSet::new(),
        };
        let partials = partials_among(&chosen);
        for Compiled { from, .. } in chosen.values().filter(|chosen| !chosen.from.place.partial) {
            let name = from.place.name.clone();
            if graph::mentions(&from.text, "events", &partials) {
                shelf.of_groups.insert(name.clone());
            }
            shelf.names.insert(name);
        }
        for (_, Compiled { from, template }) in chosen {
            sources.insert(from.place.path(), from.text.clone());
            shelf.registry.register_template(&from.registered_name(), template);
        }
        shelves.push(shelf);
    }
    (Shelves { shelves, sources }, merged(told))
}

/// The problems of one file together.
fn merged(told: Vec<FileProblems>) -> Vec<FileProblems> {
    let mut files: Vec<FileProblems> = Vec::new();
    for (path, text, mut problems) in told {
        // Without a line to show, the report would not name the file.
        for problem in &mut problems {
            if problem.span.is_none() && !problem.message.contains(&path) {
                problem.thing = Some(path.clone());
            }
        }
        match files.iter_mut().find(|(known, ..)| *known == path) {
            Some((_, _, known)) => known.extend(problems),
            None => files.push((path, text, problems)),
        }
    }
    files
}

/// A template as it was written.
struct Written {
    place: Place,
    text: String,
    origin: Origin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    BuiltIn,
    File,
}

impl Written {
    /// Partials by the name that `{{> name}}` uses, others by their path.
    fn registered_name(&self) -> String {
        if self.place.partial { self.place.name.clone() } else { self.place.path() }
    }
}

struct Compiled<'a> {
    from: &'a Written,
    template: Template,
}

/// Of each name in a slot the last that has no error: files come after what is built in.
fn choose<'a>(
    written: &[&'a Written],
    fields: &[String],
    told: &mut Vec<FileProblems>,
) -> BTreeMap<String, Compiled<'a>> {
    let partials: Vec<&str> = written
        .iter()
        .filter(|written| written.place.partial)
        .map(|written| written.place.name.as_str())
        .collect();
    let mut refused: BTreeSet<String> = BTreeSet::new();
    let mut compiled: Vec<Compiled<'a>> = Vec::new();
    for from in written {
        let name = from.registered_name();
        let known = Known { partials: &partials, fields };
        let (template, problems) = check::compile(&name, &from.text, known);
        if from.origin == Origin::File && !problems.is_empty() {
            told.push((from.place.path(), from.text.clone(), problems));
        }
        compiled.extend(template.map(|template| Compiled { from, template }));
    }
    // Each round refuses one file for a circle or for its length, until none is left.
    loop {
        let mut chosen: BTreeMap<String, Compiled<'a>> = BTreeMap::new();
        for Compiled { from, template } in &compiled {
            let name = from.registered_name();
            if from.origin == Origin::BuiltIn || !refused.contains(&name) {
                chosen.insert(name, Compiled { from, template: template.clone() });
            }
        }
        let Some((name, problem)) = joint_problem(&chosen) else { return chosen };
        if let Some(bad) = chosen.get(&name) {
            told.push((bad.from.place.path(), bad.from.text.clone(), vec![problem]));
        }
        refused.insert(name);
    }
}

/// The texts of the partials by their names.
fn partials_among<'a>(chosen: &BTreeMap<String, Compiled<'a>>) -> graph::Sources<'a> {
    chosen
        .values()
        .filter(|compiled| compiled.from.place.partial)
        .map(|compiled| (compiled.from.place.name.as_str(), compiled.from.text.as_str()))
        .collect()
}

/// What is wrong with templates together: the file to refuse, and why.
fn joint_problem(chosen: &BTreeMap<String, Compiled<'_>>) -> Option<(String, Problem)> {
    let partials = partials_among(chosen);
    let is_file =
        |name: &str| chosen.get(name).is_some_and(|compiled| compiled.from.origin == Origin::File);
    if let Some(fault) = graph::fault(&partials) {
        let (message, chain) = match fault {
            graph::Fault::Circle(chain) => ("partials use each other in a circle", chain),
            graph::Fault::Chain(chain) => ("partials use each other in too long a chain", chain),
        };
        let at = chain.iter().position(|name| is_file(name))?;
        let culprit = chain[at].clone();
        let shown = chain.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" → ");
        let mut problem =
            Problem::error(format!("{message}: {shown}")).help("take one of the {{> …}} out");
        let text = partials.get(culprit.as_str()).copied().unwrap_or_default();
        problem.span = chain.get(at + 1).and_then(|used| check::partial_span(text, used));
        return Some((culprit, problem));
    }
    chosen.iter().find_map(|(name, compiled)| {
        let excess = graph::cost_of(&compiled.from.text, &partials).excess()?;
        let problem =
            Problem::error(excess).help("take blocks out of blocks, or loops out of loops");
        // A built-in template is too much only by a partial that a file has replaced.
        let culprit =
            if is_file(name) { Some(name) } else { chosen.keys().find(|name| is_file(name)) };
        Some((culprit?.clone(), problem))
    })
}

fn registry_of(slot: Slot) -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry.set_prevent_indent(true);
    registry.register_escape_fn(move |text| slot.syntax.escape(text));
    vocabulary::register(&mut registry, slot.syntax);
    registry
}

/// The fields of all sample documents.
pub fn known_fields() -> Vec<String> {
    let documents = samples::documents().into_iter().chain(samples::grouped());
    let fields: BTreeSet<String> =
        documents.flat_map(|(_, document)| fields_of(&document)).collect();
    fields.into_iter().collect()
}

/// Whether any of the problems forbids to use the files.
pub fn has_errors(told: &[FileProblems]) -> bool {
    told.iter()
        .flat_map(|(_, _, problems)| problems)
        .any(|problem| problem.severity == Severity::Error)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_together;
