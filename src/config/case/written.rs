//! `[[test]]`, `[[test.events]]` and `[[test.expect]]` as they are written.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use crate::model::KIND_NAMES;

/// `[[test]]` as it is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(in crate::config) struct TestWritten {
    /// Says what is tested.
    #[schemars(with = "String", length(min = 1, max = 200), extend("examples" = ["a failed import goes to the mail"]))]
    pub(super) name: Option<Spanned<String>>,
    /// What happens; each event is judged by itself.
    #[serde(rename = "events")]
    #[schemars(with = "Vec<EventWritten>", length(min = 1), extend("examples" = [[{ "kind": "failed" }]]))]
    _events: Option<IgnoredAny>,
    /// Every message that is sent for it, and no other; an empty list for none.
    #[serde(rename = "expect")]
    #[schemars(with = "Vec<ExpectWritten>", extend("examples" = [[{ "rule": "failures" }]]))]
    _expect: Option<IgnoredAny>,
    /// Looks at the messages of these rules alone.
    #[schemars(with = "Option<Vec<String>>", length(min = 1), extend("examples" = [["failures"]]))]
    pub(super) only: Option<Spanned<Vec<Spanned<String>>>>,
}

/// `[[test.events]]` as it is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub(super) struct EventWritten {
    /// What happened, like "failed".
    #[schemars(with = "KindWord", extend("examples" = ["failed"]))]
    pub(super) kind: Option<Spanned<String>>,
    /// The source's name.
    #[schemars(extend("examples" = ["main"]))]
    pub(super) source: Option<String>,
    /// The job's state before.
    #[schemars(extend("examples" = ["running"]))]
    pub(super) from: Option<String>,
    /// The job's state since.
    #[schemars(extend("examples" = ["stopped"]))]
    pub(super) to: Option<String>,
    /// Whether it happened while the bridge was not watching.
    #[schemars(extend("examples" = [false]))]
    pub(super) late: Option<bool>,
    /// When it was detected, as a string.
    #[schemars(with = "Option<String>", extend("examples" = ["2026-11-20T08:00:00Z"]))]
    pub(super) at: Option<Spanned<String>>,
    /// Fields of the job, `project_name` among them.
    #[serde(rename = "job")]
    #[schemars(with = "Option<Free>", extend("examples" = [{ "job_type": "agent" }]))]
    _job: Option<IgnoredAny>,
    /// What an event about no job tells, like the `name` of a source.
    #[serde(rename = "facts")]
    #[schemars(with = "Option<Free>", extend("examples" = [{ "name": "main" }]))]
    _facts: Option<IgnoredAny>,
    /// Fields that the job does not have, like "result.error_code".
    #[schemars(with = "Option<Vec<String>>", extend("examples" = [["result.error_code"]]))]
    pub(super) without: Option<Vec<String>>,
}

/// `[[test.expect]]` as it is written.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
pub(super) struct ExpectWritten {
    /// The rule that speaks.
    #[schemars(with = "String", extend("examples" = ["failures"]))]
    pub(super) rule: Option<Spanned<String>>,
    /// Whom it tells; left out: each of its notifiers.
    #[schemars(with = "Option<String>", extend("examples" = ["mail"]))]
    pub(super) notifier: Option<Spanned<String>>,
    /// Pieces of text that the message holds.
    #[schemars(extend("examples" = [["Client A/Spring"]]))]
    pub(super) text: Option<Vec<String>>,
}

/// Stands for a kind of event in the schema.
struct KindWord;

/// Stands for a table whose keys are free.
struct Free;

impl JsonSchema for KindWord {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Kind".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "enum": KIND_NAMES.map(|(_, name)| name) })
    }
}

impl JsonSchema for Free {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Fields".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}
