//! The words that templates can use beside fields: what handlebars brings and what we add.
//!
//! [`WORDS`] is the one list: registration, the checks at load and the reference in the
//! README read it. Every word is total: whatever the values, it answers with a value. A
//! value that is missing is an error, as for fields, unless the word is made for that. What
//! a word answers goes through the escape like any field; `url`, `plain`, `json` and
//! `lines` have their own way through [`Syntax`].

mod event;
mod group;
mod lines;
mod list;
mod logic;
mod look;
mod media;
mod sums;
mod text;
mod time;

use std::ops::RangeInclusive;

use handlebars::{
    Context, Handlebars, Helper, HelperDef, HelperResult, Output, RenderContext, RenderError,
    RenderErrorReason, ScopedJson,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::escape::Syntax;
pub use event::{about, cause, headline, title, type_in_words};
pub use group::{counts_of, events_of, kind_counts, worst_first};
pub use lines::{Place, lines_of};
pub use list::WORDS;
pub use media::is_failed;
#[cfg(test)]
pub use sums::held_back;

/// One word.
#[derive(Debug)]
pub struct Word {
    pub name: &'static str,
    /// How it is written, without the braces: `truncate x 80`.
    pub usage: &'static str,
    /// What it answers, for the reference.
    pub about: &'static str,
    pub args: RangeInclusive<usize>,
    /// Whether an argument may be a field that is missing.
    pub missing: Missing,
    pub does: Does,
}

/// What a missing argument means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// A mistake, as for a field.
    Refused,
    /// The same as null.
    Null,
}

/// How a word works.
#[derive(Debug, Clone, Copy)]
pub enum Does {
    /// A block of handlebars' own: `{{#each …}}…{{/each}}`.
    Block,
    /// A value of handlebars' own.
    Own,
    /// Answers with a value.
    Value(fn(&Call<'_>) -> Value),
    /// Answers with a value that depends on when and where the message is made.
    Moment(fn(&Call<'_>, &Moment) -> Value),
    /// Writes by a door of its own in the escape; within brackets it answers with a value.
    Writes(fn(Syntax, &Value) -> String, fn(&Value) -> Value),
    /// The same, depending on when and where the message is made.
    WritesMoment(fn(Syntax, &Call<'_>, &Moment) -> String, fn(&Call<'_>, &Moment) -> Value),
}

/// When and where a message is made.
#[derive(Debug, Clone)]
pub struct Moment {
    pub now: Timestamp,
    pub zone: TimeZone,
}

/// The arguments of a word, and the whole document.
#[derive(Debug)]
pub struct Call<'a> {
    args: Vec<Option<&'a Value>>,
    root: &'a Value,
}

impl<'a> Call<'a> {
    /// The argument, null where it is missing.
    fn arg(&self, index: usize) -> &'a Value {
        self.args.get(index).copied().flatten().unwrap_or(&Value::Null)
    }

    fn text(&self, index: usize) -> String {
        as_text(self.arg(index))
    }

    /// The number, also where it is written as a string.
    fn number(&self, index: usize) -> Option<f64> {
        match self.arg(index) {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => {
                text.trim().parse().ok().filter(|number: &f64| number.is_finite())
            }
            _ => None,
        }
    }

    /// The number as a length, `otherwise` where it is none.
    fn length(&self, index: usize, otherwise: usize) -> usize {
        self.number(index)
            .filter(|number| *number >= 0.0)
            .map_or(otherwise, |number| number as usize)
    }

    /// The document that is spoken about: the first argument, or the whole.
    fn document(&self) -> &'a Value {
        match self.arg(0) {
            given @ Value::Object(_) => given,
            _ => self.root,
        }
    }
}

/// A value as `{{x}}` shows it before the escape.
fn as_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The word of that name.
pub fn word(name: &str) -> Option<&'static Word> {
    WORDS.iter().find(|word| word.name == name)
}

/// Teaches a registry every word that does not depend on the moment.
pub fn register(registry: &mut Handlebars<'static>, syntax: Syntax) {
    for word in WORDS {
        match word.does {
            Does::Block | Does::Own | Does::Moment(_) | Does::WritesMoment(..) => {}
            Does::Value(answer) => {
                registry.register_helper(word.name, Box::new(Answer { word, answer }));
            }
            Does::Writes(write, answer) => {
                registry
                    .register_helper(word.name, Box::new(Write { word, syntax, write, answer }));
            }
        }
    }
}

/// Teaches one rendering the words that depend on the moment.
pub fn register_moment<'rc>(context: &mut RenderContext<'_, 'rc>, moment: &Moment, syntax: Syntax) {
    for word in WORDS {
        let moment = moment.clone();
        match word.does {
            Does::Block | Does::Own | Does::Value(_) | Does::Writes(..) => {}
            Does::Moment(answer) => {
                let helper = AnswerNow { word, moment, answer };
                context.register_local_helper(word.name, Box::new(helper));
            }
            Does::WritesMoment(write, answer) => {
                let answer = AnswerNow { word, moment, answer };
                context
                    .register_local_helper(word.name, Box::new(WriteNow { answer, syntax, write }));
            }
        }
    }
}

struct Answer {
    word: &'static Word,
    answer: fn(&Call<'_>) -> Value,
}

struct AnswerNow {
    word: &'static Word,
    moment: Moment,
    answer: fn(&Call<'_>, &Moment) -> Value,
}

struct Write {
    word: &'static Word,
    syntax: Syntax,
    write: fn(Syntax, &Value) -> String,
    answer: fn(&Value) -> Value,
}

struct WriteNow {
    answer: AnswerNow,
    syntax: Syntax,
    write: fn(Syntax, &Call<'_>, &Moment) -> String,
}

/// Gathers the arguments, or names the one that is missing.
fn call_of<'a>(
    word: &Word,
    helper: &'a Helper<'_>,
    context: &'a Context,
) -> Result<Call<'a>, RenderError> {
    let mut args = Vec::with_capacity(helper.params().len());
    for param in helper.params() {
        let missing = param.is_value_missing();
        if missing && word.missing == Missing::Refused {
            return Err(RenderErrorReason::MissingVariable(param.relative_path().cloned()).into());
        }
        args.push((!missing).then(|| param.value()));
    }
    Ok(Call { args, root: context.data() })
}

impl HelperDef for Answer {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let call = call_of(self.word, helper, context)?;
        Ok(ScopedJson::Derived((self.answer)(&call)))
    }
}

impl HelperDef for AnswerNow {
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let call = call_of(self.word, helper, context)?;
        Ok(ScopedJson::Derived((self.answer)(&call, &self.moment)))
    }
}

impl HelperDef for Write {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let call = call_of(self.word, helper, context)?;
        out.write(&(self.write)(self.syntax, call.arg(0)))?;
        Ok(())
    }

    // Within brackets: what is answered here meets the escape later.
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        let call = call_of(self.word, helper, context)?;
        Ok(ScopedJson::Derived((self.answer)(call.arg(0))))
    }
}

impl HelperDef for WriteNow {
    fn call<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        _: &'reg Handlebars<'reg>,
        context: &'rc Context,
        _: &mut RenderContext<'reg, 'rc>,
        out: &mut dyn Output,
    ) -> HelperResult {
        let call = call_of(self.answer.word, helper, context)?;
        out.write(&(self.write)(self.syntax, &call, &self.answer.moment))?;
        Ok(())
    }

    // Within brackets: what is answered here meets the escape later.
    fn call_inner<'reg: 'rc, 'rc>(
        &self,
        helper: &Helper<'rc>,
        registry: &'reg Handlebars<'reg>,
        context: &'rc Context,
        render_context: &mut RenderContext<'reg, 'rc>,
    ) -> Result<ScopedJson<'rc>, RenderError> {
        self.answer.call_inner(helper, registry, context, render_context)
    }
}

#[cfg(test)]
mod tests;
