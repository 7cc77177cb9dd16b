//! The variables `event`, `job` and what else an event can be about, made from its document.
//!
//! Whole numbers of JSON become CEL's `int`, all others `double`. Where the project's name
//! could not be asked for, `job` takes note of it when an expression needs the name.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use cel::common::traits::{Container, Indexer, Iterable, Sizer};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt, MAP_TYPE,
    Type,
};
use cel::common::value::{CowVal, Val};
use cel::{Context, Env, ExecutionError};
use serde_json::Value;

use crate::rules::facts::NAME_PATH;
use crate::rules::fields::OTHER_SUBJECTS;

use super::arithmetic;

/// What every expression may use.
static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    // The names cannot be taken: no name of CEL starts with an `@`. A test holds this.
    let declared = arithmetic::declare(&mut env);
    debug_assert!(declared.is_ok(), "the arithmetic is declared once");
    Arc::new(env)
});

/// What expressions are parsed for.
pub(super) fn shared_env() -> Arc<Env> {
    Arc::clone(&ENV)
}

/// The variables of one event.
pub(in crate::rules) struct Bindings {
    context: Context<'static, 'static>,
    name_was_needed: Arc<AtomicBool>,
}

impl fmt::Debug for Bindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bindings").finish_non_exhaustive()
    }
}

impl Bindings {
    /// Makes the variables of a document.
    pub(in crate::rules) fn of(document: &Value, name_is_unavailable: bool) -> Self {
        let mut context = Context::with_env(shared_env());
        let name_was_needed = Arc::new(AtomicBool::new(false));
        context.add_variable_as_val("event", val(&document["event"]));
        let job = match &document["job"] {
            Value::Object(fields) if name_is_unavailable => Box::new(NamelessJob {
                fields: map(fields),
                name_was_needed: Arc::clone(&name_was_needed),
            }),
            job => val(job),
        };
        context.add_variable_as_val("job", job);
        // Null where the event is about something else: then nothing about it holds.
        for subject in OTHER_SUBJECTS {
            context.add_variable_as_val(subject, val(&document[subject]));
        }
        Self { context, name_was_needed }
    }

    pub(super) fn context(&self) -> &Context<'static, 'static> {
        &self.context
    }

    /// Forgets what the expression before needed.
    pub(super) fn forget(&self) {
        self.name_was_needed.store(false, Ordering::Relaxed);
    }

    /// Whether the project's name was asked for in vain.
    pub(super) fn name_was_needed(&self) -> bool {
        self.name_was_needed.load(Ordering::Relaxed)
    }
}

fn val(json: &Value) -> Box<dyn Val> {
    match json {
        Value::Null => Box::new(CelNull),
        Value::Bool(truth) => Box::new(CelBool::from(*truth)),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Box::new(CelInt::from(whole)),
            (None, Some(whole)) => Box::new(CelUInt::from(whole)),
            _ => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => Box::new(CelString::from(text.clone())),
        Value::Array(items) => {
            Box::new(CelList::from(items.iter().map(val).collect::<Vec<Box<dyn Val>>>()))
        }
        Value::Object(fields) => Box::new(map(fields)),
    }
}

fn map(fields: &serde_json::Map<String, Value>) -> CelMap<'static> {
    let entries = fields.iter().map(|(key, value)| (CelMapKey::from(key.clone()), val(value)));
    CelMap::from(entries.collect::<HashMap<CelMapKey<'static>, Box<dyn Val>>>())
}

/// A job whose `project_name` cannot be told: asking for it fails, and is noted.
#[derive(Debug, Clone)]
struct NamelessJob {
    fields: CelMap<'static>,
    name_was_needed: Arc<AtomicBool>,
}

impl Val for NamelessJob {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        self.fields.as_container()
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        self.fields.as_iterable()
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        self.fields.as_sizer()
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Indexer for NamelessJob {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let [_, name] = NAME_PATH;
        if key.downcast_ref::<CelString>().is_some_and(|key| key.inner() == name) {
            self.name_was_needed.store(true, Ordering::Relaxed);
            return Err(ExecutionError::function_error(name, "unavailable"));
        }
        self.fields.get(key)
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}
