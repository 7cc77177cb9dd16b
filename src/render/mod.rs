//! 5. Saying: a delivery's document and a template make a message.
//!
//! [`Templates`] holds the built-in templates and the files that override them; [`load`]
//! checks them before any is rendered. A rendering bounds the document ([`context`]), lets
//! the template write through the escape of its syntax ([`escape`]) with the words of
//! [`vocabulary`], and checks what came out ([`fill`]). What fails goes out in the built-in
//! form, saying so, and if that fails too as a [`last_resort`]: never is a message lost here.
//!
//! Files are called `<notifier type>/<name>.<part>.hbs`; one whose name begins with `_` is a
//! partial, used as `{{> name}}` by the templates of the same type and part. Pure: who calls
//! reads the files and brings the time.
//!
//! A grouped document has `events`. A template that does not mention them would tell of the
//! newest alone, so such a document goes to the built-in template of that name instead. People
//! are not told of progress that the same group has overtaken.
//! Not here: the services' size limits and forced keys,
//! which `deliver` applies afterwards.

mod builtin;
mod context;
mod escape;
mod failure;
mod fields;
mod fill;
mod last_resort;
mod load;
pub mod samples;
mod vocabulary;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::model::{EventKind, Message, NotifierKind, without_overtaken};
pub use failure::TemplateFailure;
use load::Shelves;
pub use load::{FileProblems, has_errors};
pub use vocabulary::{Does, WORDS, Word, about};

/// What messages say in words, for pages that say the same.
pub mod words {
    pub use super::escape::{Breaks, clean, cut, https_link, one_line};
    pub use super::vocabulary::{cause, headline, type_in_words};
}

/// A file below the folder of templates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateFile {
    /// Relative to the folder, with slashes: `slack/failure.json.hbs`.
    pub path: String,
    pub text: String,
}

/// Every template, ready to be rendered. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Templates {
    shelves: Arc<Shelves>,
}

/// What is to be rendered.
#[derive(Debug, Clone, Copy)]
pub struct RenderRequest<'a> {
    pub kind: NotifierKind,
    /// A template's name: `default`, `failure`, …
    pub template: &'a str,
    /// What [`Event::document`](crate::model::Event::document) or
    /// [`grouped_document`](crate::model::grouped_document) gives.
    pub document: &'a Value,
    pub now: Timestamp,
    /// For the times in the message.
    pub zone: &'a TimeZone,
}

/// A message, and whether it is the one that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub message: Message,
    /// Why the template failed, so that the built-in one stands in for it: for the log. Holds
    /// nothing from the document.
    pub fell_back: Option<String>,
}

/// The built-in templates: what stands in for a template that fails.
static BUILT_IN: LazyLock<Templates> =
    LazyLock::new(|| Templates { shelves: Arc::new(load::load(Vec::new()).0) });

impl Templates {
    /// The built-in templates.
    pub fn builtin() -> Self {
        BUILT_IN.clone()
    }

    /// The built-in templates with files that override them or add to them, and what is wrong
    /// with the files: their paths, their texts, every problem of each. A file with an error
    /// is left out; [`has_errors`] tells whether there is one.
    pub fn with_overrides(files: Vec<TemplateFile>) -> (Self, Vec<FileProblems>) {
        let (shelves, problems) = load::load(files);
        (Self { shelves: Arc::new(shelves) }, problems)
    }

    /// Whether the type has a template of that name, a part of one at least. Every type has
    /// `default`; a command has nothing else.
    pub fn has(&self, kind: NotifierKind, name: &str) -> bool {
        name == "default"
            || self.shelves.of(kind).any(|shelf| shelf.names().any(|known| known == name))
    }

    /// The names that a rule's `template` can have, of all types.
    pub fn names(&self) -> Vec<&str> {
        let kinds = NotifierKind::ALL.into_iter();
        let names: BTreeSet<&str> =
            kinds.flat_map(|kind| self.shelves.of(kind)).flat_map(|shelf| shelf.names()).collect();
        names.into_iter().collect()
    }

    /// The text of the template at a path, for showing where it failed.
    pub fn source(&self, path: &str) -> Option<&str> {
        self.shelves.source(path)
    }

    /// Renders a message, whatever happens. A name that the type does not have means its
    /// `default`; of a grouped document, a template that does not mention `events` gives way
    /// to the built-in one; a template that fails is replaced by the built-in one, which says so.
    pub fn render(&self, request: &RenderRequest<'_>) -> Rendered {
        let told = told(request);
        let request = &RenderRequest { document: &told, ..*request };
        let failure = match self.rendered(request) {
            Ok(message) => return Rendered { message, fell_back: None },
            Err(failure) => failure,
        };
        let notice =
            format!("The template {} failed, so this is the built-in message.", failure.path);
        let default = RenderRequest { template: "default", ..*request };
        let message =
            match fill::fill(&BUILT_IN.shelves, &BUILT_IN.shelves, &default, Some(&notice)) {
                Ok(Some(message)) => message,
                Ok(None) => document_message(request.document, Some(&notice)),
                Err(_) => last_resort::last_resort(request, &notice),
            };
        Rendered { message, fell_back: Some(failure.to_string()) }
    }

    /// Renders a message or says why that is not possible: for checking templates.
    ///
    /// # Errors
    /// [`TemplateFailure`] with the place in the template, and a suggestion where there is one.
    pub fn render_strict(&self, request: &RenderRequest<'_>) -> Result<Message, TemplateFailure> {
        let told = told(request);
        self.rendered(&RenderRequest { document: &told, ..*request })
    }

    fn rendered(&self, request: &RenderRequest<'_>) -> Result<Message, TemplateFailure> {
        if request.kind == NotifierKind::Command {
            return Ok(document_message(request.document, None));
        }
        let filled = fill::fill(&self.shelves, &BUILT_IN.shelves, request, None)?;
        Ok(filled.unwrap_or_else(|| document_message(request.document, None)))
    }
}

/// The document as the type's receivers are told it: programs get every event of a group.
fn told<'d>(request: &RenderRequest<'d>) -> Cow<'d, Value> {
    match request.kind {
        NotifierKind::Webhook | NotifierKind::Command => Cow::Borrowed(request.document),
        _ => without_overtaken(request.document),
    }
}

/// The document itself with `type` and `timestamp`: what a command and a webhook without a
/// template get.
fn document_message(document: &Value, notice: Option<&str>) -> Message {
    let mut body = document.clone();
    if let Value::Object(fields) = &mut body {
        let kind = document.pointer("/event/kind").and_then(Value::as_str).unwrap_or_default();
        let document_type = match kind.parse::<EventKind>() {
            Ok(kind) => kind.document_type(),
            Err(_) => format!("job.{kind}"),
        };
        let detected_at = document.pointer("/event/detected_at").cloned().unwrap_or_default();
        fields.insert("type".into(), document_type.into());
        fields.insert("timestamp".into(), detected_at);
        if let Some(notice) = notice {
            fields.insert("notice".into(), notice.into());
        }
    }
    Message::Json(body.to_string())
}

#[cfg(test)]
mod tests;
