//! What rules look at: one event's document, and the CEL variables made from it.
//!
//! Made once per event, whatever the number of rules; the CEL variables only when an
//! expression is evaluated.

use std::cell::OnceCell;

use serde_json::Value;

use crate::model::{Event, ProjectName, usage_of};

use super::expression::Bindings;

/// The path that cannot be decided when the project's name could not be asked for.
pub(super) const NAME_PATH: [&str; 2] = ["job", "project_name"];

/// Why a condition on the project's name cannot be decided.
pub(super) const NAME_UNAVAILABLE: &str = "the project's name could not be fetched";

/// One event as the rules see it.
#[derive(Debug)]
pub struct Facts {
    document: Value,
    name_is_unavailable: bool,
    bindings: OnceCell<Bindings>,
}

impl Facts {
    /// The facts of an event.
    pub fn of(event: &Event) -> Self {
        let mut facts = Self::of_document(event.document(None, false));
        if event.project_name == ProjectName::Unavailable {
            let [job, name] = NAME_PATH;
            facts.name_is_unavailable =
                facts.document[job].is_object() && facts.document[job][name].is_null();
        }
        facts
    }

    /// The facts of a document in the form of [`Event::document`], as a file may hold it.
    ///
    /// `job.usage` is added for conditions; messages have the API's own fields.
    pub fn of_document(mut document: Value) -> Self {
        if let Some(Value::Object(job)) = document.get_mut("job") {
            let usage = usage_of(job).view();
            // A field that the API gives under this name is the API's.
            job.entry("usage").or_insert(usage);
        }
        Self { document, name_is_unavailable: false, bindings: OnceCell::new() }
    }

    /// The event's document, with `job.usage`.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Whether the project's name is needed but could not be asked for.
    pub(super) fn name_is_unavailable(&self) -> bool {
        self.name_is_unavailable
    }

    pub(super) fn bindings(&self) -> &Bindings {
        self.bindings.get_or_init(|| Bindings::of(&self.document, self.name_is_unavailable))
    }
}
