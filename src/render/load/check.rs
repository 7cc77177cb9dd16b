//! What is wrong with one template, before it is ever rendered.
//!
//! Gets the compiled template and the tags' places; gives problems with the bytes they are
//! about. What only data can show (a field that is missing) is found by rendering samples.

use std::ops::Range;

use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use handlebars::{Handlebars, Template};

use super::tags::{Kind, Tag, inner, scan};
use crate::problem::{Problem, Severity, nearest};
use crate::render::fields::nearest_field;
use crate::render::vocabulary::{Does, WORDS, Word, word};

/// Larger templates are mistakes.
pub const TEMPLATE_MAX_BYTES: usize = 64 * 1024;

/// What a template may refer to.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The partials of its slot.
    pub partials: &'a [&'a str],
    /// The fields of the sample documents, dotted.
    pub fields: &'a [String],
}

/// Compiles a template under a name and lists what is wrong with it: with errors among that
/// there is no template, with warnings there is.
pub fn compile(name: &str, source: &str, known: Known<'_>) -> (Option<Template>, Vec<Problem>) {
    if source.len() > TEMPLATE_MAX_BYTES {
        let problem =
            Problem::error(format!("the template has {} bytes, more than 64 KiB", source.len()))
                .help("put parts into partials, or leave data out of it");
        return (None, vec![problem]);
    }
    let tags = match scan(source) {
        Ok(tags) => tags,
        Err(problems) => return (None, problems),
    };
    let mut registry = Handlebars::new();
    registry.set_prevent_indent(true);
    if let Err(error) = registry.register_template_string(name, source) {
        let at = error.pos().map_or(0, |(line, column)| offset_of(source, line, column));
        return (None, vec![unreadable(source, &tags, at)]);
    }
    let Some(template) = registry.get_template(name) else { return (None, Vec::new()) };
    let mut check = Check { source, tags: &tags, known, problems: Vec::new() };
    check.template(template);
    let mut problems = check.problems;
    for tag in tags.iter().filter(|tag| tag.kind == Kind::Partial) {
        problems.extend(partial_problem(source, tag, known.partials));
    }
    let usable = problems.iter().all(|problem| problem.severity < Severity::Error);
    (usable.then(|| template.clone()), problems)
}

/// The byte of a line and column, both counted from 1, the column in characters.
pub fn offset_of(source: &str, line: usize, column: usize) -> usize {
    let start: usize =
        source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    source[start..]
        .char_indices()
        .nth(column.saturating_sub(1))
        .map_or(source.len(), |(offset, _)| start + offset)
}

/// The partials that a template uses.
pub fn partials_of(source: &str) -> Vec<String> {
    let tags = scan(source).unwrap_or_default();
    tags.iter()
        .filter(|tag| tag.kind == Kind::Partial)
        .map(|tag| partial_name(&source[tag.span.clone()]).to_owned())
        .collect()
}

/// Where a template uses that partial.
pub fn partial_span(source: &str, name: &str) -> Option<Range<usize>> {
    let tags = scan(source).ok()?;
    tags.into_iter()
        .map(|tag| tag.span)
        .find(|span| partials_of(&source[span.clone()]).iter().any(|used| used == name))
}

fn partial_name(tag: &str) -> &str {
    let inner = inner(tag).trim_start_matches('>').trim_start();
    inner.split(char::is_whitespace).next().unwrap_or_default()
}

fn partial_problem(source: &str, tag: &Tag, partials: &[&str]) -> Option<Problem> {
    let name = partial_name(&source[tag.span.clone()]);
    if name.starts_with(['(', '[', '\'', '"', '@']) {
        // A computed name would slip past the check for circles.
        return Some(
            Problem::error("the name of a partial must be written out")
                .at(tag.span.clone())
                .help("write {{> name}}, and choose between several with {{#if}}"),
        );
    }
    if partials.contains(&name) {
        return None;
    }
    let help = match nearest(name, partials.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("a partial is a file called _{name}.<part>.hbs in the same folder"),
    };
    let problem = Problem::error(format!("no partial is called `{name}`"));
    Some(problem.at(word_span(source, tag, name)).help(help))
}

fn unreadable(source: &str, tags: &[Tag], at: usize) -> Problem {
    let tag = tags
        .iter()
        .find(|tag| tag.span.contains(&at))
        .or_else(|| tags.iter().rev().find(|tag| tag.span.start <= at));
    let problem = Problem::error("this tag cannot be read")
        .help("a tag is {{field}}, {{word value …}}, {{#block value}} or {{> partial}}; texts stand in quotes");
    match tag {
        Some(tag) => problem.at(tag.span.clone()),
        None => problem.at(at..source.len().min(at + 1)),
    }
}

/// The first place of a word within a tag, or the whole tag.
fn word_span(source: &str, tag: &Tag, word: &str) -> Range<usize> {
    match source[tag.span.clone()].find(word).filter(|_| !word.is_empty()) {
        Some(offset) => tag.span.start + offset..tag.span.start + offset + word.len(),
        None => tag.span.clone(),
    }
}

struct Check<'a> {
    source: &'a str,
    tags: &'a [Tag],
    known: Known<'a>,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn template(&mut self, template: &Template) {
        for (index, element) in template.elements.iter().enumerate() {
            let at = template
                .mapping
                .get(index)
                .map_or(0, |mapping| offset_of(self.source, mapping.0, mapping.1));
            self.element(element, at);
        }
    }

    fn element(&mut self, element: &TemplateElement, at: usize) {
        match element {
            TemplateElement::Expression(call) | TemplateElement::HtmlExpression(call) => {
                self.call(call, at, Place::Tag);
            }
            TemplateElement::HelperBlock(call) => {
                self.call(call, at, Place::Block);
                for inner in [&call.template, &call.inverse].into_iter().flatten() {
                    self.template(inner);
                }
            }
            TemplateElement::PartialExpression(partial) => {
                partial.params.iter().chain(partial.hash.values()).for_each(|x| self.value(x, at));
            }
            _ => {}
        }
    }

    fn call(&mut self, call: &HelperTemplate, at: usize, place: Place) {
        call.params.iter().chain(call.hash.values()).for_each(|param| self.value(param, at));
        let Some(name) = call.name.as_name() else { return };
        let bare = call.params.is_empty() && call.hash.is_empty();
        match (word(name), place) {
            (Some(word), place) => self.word(word, call, at, place),
            (None, Place::Tag) if bare => self.field(name, at),
            (None, Place::Block) if bare => self.problem(
                at,
                name,
                format!("no block is called `{name}`"),
                format!("write {{{{#if {name}}}}}, {{{{#each {name}}}}} or {{{{#with {name}}}}}"),
            ),
            (None, _) => {
                let names: Vec<&str> = WORDS.iter().map(|word| word.name).collect();
                let help = nearest(name, names.iter().copied()).map_or_else(
                    || format!("the words are {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.problem(at, name, format!("no word is called `{name}`"), help);
            }
        }
    }

    fn word(&mut self, word: &Word, call: &HelperTemplate, at: usize, place: Place) {
        let usage = match word.usage.strip_prefix('#') {
            Some(usage) => format!("write {{{{#{usage}}}}} … {{{{/{}}}}}", word.name),
            None => format!("write `{}`", word.usage),
        };
        let given = call.params.len();
        let is_block = matches!(word.does, Does::Block);
        if is_block != (place == Place::Block) {
            let message = match is_block {
                true => format!("`{}` is a block", word.name),
                false => format!("`{}` is not a block", word.name),
            };
            let help = match (is_block, place) {
                (false, _) if word.name.len() <= 3 => format!("write {{{{#if ({})}}}}", word.usage),
                _ => usage,
            };
            self.problem(at, word.name, message, help);
        } else if !word.args.contains(&given) {
            let wanted = match (word.args.start(), word.args.end()) {
                (0, 0) => "no value".into(),
                (1, 1) => "one value".into(),
                (least, most) if least == most => format!("{least} values"),
                (least, most) => format!("{least} to {most} values"),
            };
            let help = match (given, place) {
                (0, Place::Tag) => {
                    format!("{usage}; for a field of that name write {{{{this.{}}}}}", word.name)
                }
                _ => usage,
            };
            self.problem(
                at,
                word.name,
                format!("`{}` takes {wanted}, not {given}", word.name),
                help,
            );
        } else if let Some(named) = call.hash.keys().next().filter(|_| !is_block) {
            self.problem(at, named, format!("`{}` takes no named values", word.name), usage);
        }
    }

    fn value(&mut self, value: &Parameter, at: usize) {
        match value {
            Parameter::Path(_) => {
                if let Some(path) = value.as_name() {
                    self.field(path, at);
                }
            }
            Parameter::Subexpression(inner) => {
                if let TemplateElement::Expression(call) = inner.as_element() {
                    self.call(call, at, Place::Brackets);
                }
            }
            _ => {}
        }
    }

    /// A field that no sample has, but that is nearly one: `#if` and `default` would never
    /// show the mistake.
    fn field(&mut self, path: &str, at: usize) {
        let whole = path.strip_prefix("@root.").unwrap_or(path);
        let first = whole.split('.').next().unwrap_or_default();
        if !matches!(first, "event" | "job" | "rule" | "source" | "notifier") {
            return;
        }
        if let Some(near) = nearest_field(whole, self.known.fields) {
            let span = self.tag(at).map_or(at..at, |tag| word_span(self.source, tag, path));
            self.problems.push(
                Problem::warning(format!("no field is known by the name `{path}`"))
                    .at(span)
                    .help(format!("did you mean `{near}`?")),
            );
        }
    }

    fn tag(&self, at: usize) -> Option<&Tag> {
        self.tags.iter().find(|tag| tag.span.contains(&at))
    }

    fn problem(&mut self, at: usize, name: &str, message: String, help: String) {
        let span = self.tag(at).map_or(at..at, |tag| word_span(self.source, tag, name));
        self.problems.push(Problem::error(message).at(span).help(help));
    }
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Tag,
    Block,
    Brackets,
}
