//! What can be seen to be wrong with an expression before there is an event.
//!
//! Names must be `event`, `job`, what else an event can be about, or a loop's own; functions must exist and take what they are
//! given; operators must suit their operands; the outcome must be able to be true or false.
//! What comes out of a job may be anything, so nothing is said about it.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr, SourceInfo, operators,
};
use cel::{Context, IdedExpr, Value};

use crate::model::TimerFacts;
use crate::problem::nearest;
use crate::rules::fields::{EVENT_FIELDS, JOB_FIELDS, OTHER_SUBJECTS, event_help};

use crate::rules::pattern;

use super::ExpressionProblem;
use super::bindings;
use super::functions::{self, Function};
use super::kind::{Kind, literal, of_operator};
use super::outcome::operator;

/// How deep the parsed expression may be: a step of evaluating takes about 37 KiB of stack
/// in a debug build, so this keeps it within 1 MiB.
const MAX_DEPTH: usize = 24;

/// How deep `all`, `exists`, `map` and `filter` may nest: each level multiplies the work.
const MAX_LOOPS: usize = 2;

/// Names of types, which CEL lets stand as values.
const TYPES: [&str; 10] =
    ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"];

/// What the check found out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Checked {
    /// It may turn a failure into "nothing", with `.?` or `[?…]`.
    pub(super) may_swallow_failures: bool,
}

/// Checks a parsed expression.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn check(
    text: &str,
    source: &SourceInfo,
    root: &IdedExpr,
) -> Result<Checked, ExpressionProblem> {
    let mut checker =
        Checker { text, source, names: Vec::new(), depth: 0, loops: 0, swallows: false };
    let kind = checker.kind(root)?;
    if !kind.may_be(&[Kind::Bool]) {
        let message = format!("it comes to {}, not to true or false", kind.words());
        return Err(checker.problem(root, message, "compare it with something, like … > 100"));
    }
    Ok(Checked { may_swallow_failures: checker.swallows })
}

/// Says that an expression is too deep.
pub(super) fn too_deep(offset: usize) -> ExpressionProblem {
    ExpressionProblem {
        message: format!("the expression nests deeper than {MAX_DEPTH}"),
        offset,
        help: Some("join steps by && and ||, which do not nest, or split the rule".into()),
    }
}

struct Checker<'a> {
    text: &'a str,
    source: &'a SourceInfo,
    /// The names of the loops around, innermost last.
    names: Vec<(&'a str, Kind)>,
    depth: usize,
    loops: usize,
    swallows: bool,
}

type Checks<T> = Result<T, ExpressionProblem>;

impl<'a> Checker<'a> {
    fn problem(
        &self,
        at: &IdedExpr,
        message: String,
        help: impl Into<String>,
    ) -> ExpressionProblem {
        ExpressionProblem { message, offset: self.offset(at), help: Some(help.into()) }
    }

    fn offset(&self, at: &IdedExpr) -> usize {
        let start = self.source.offset_for(at.id).map_or(0, |(start, _)| start as usize);
        start.min(self.text.len())
    }

    fn kind(&mut self, expr: &'a IdedExpr) -> Checks<Kind> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_deep(self.offset(expr)));
        }
        let kind = match &expr.expr {
            Expr::Literal(value) => literal(value),
            Expr::Ident(name) => self.name(expr, name)?,
            Expr::Select(select) => self.field(expr, select)?,
            Expr::Call(call) => self.call(expr, call)?,
            Expr::Comprehension(comprehension) => self.comprehension(expr, comprehension)?,
            Expr::List(list) => {
                list.elements.iter().try_for_each(|element| self.kind(element).map(drop))?;
                Kind::List
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    let EntryExpr::MapEntry(entry) = &entry.expr else {
                        return Err(self.problem(
                            expr,
                            "a map has keys".into(),
                            "write {\"a\": 1}",
                        ));
                    };
                    self.kind(&entry.key)?;
                    self.kind(&entry.value)?;
                }
                Kind::Map
            }
            Expr::Struct(_) | Expr::Unspecified => {
                let help = "maps are written {\"key\": value}";
                return Err(self.problem(expr, "there are no messages to make here".into(), help));
            }
        };
        self.depth -= 1;
        Ok(kind)
    }

    fn local(&self, name: &str) -> Option<Kind> {
        self.names.iter().rev().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }

    fn name(&self, expr: &IdedExpr, name: &str) -> Checks<Kind> {
        if let Some(kind) = self.local(name) {
            return Ok(kind);
        }
        match name {
            "event" => Ok(Kind::Map),
            "job" => Ok(Kind::Any),
            other if OTHER_SUBJECTS.contains(&other) => Ok(Kind::Any),
            name if TYPES.contains(&name) => Ok(Kind::Type),
            name => {
                let help = match name {
                    field if JOB_FIELDS.contains(&field) => format!("did you mean `job.{field}`?"),
                    field if EVENT_FIELDS.contains(&field) => {
                        format!("did you mean `event.{field}`?")
                    }
                    other => match nearest(other, ["event", "job"]) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "use `event` and `job`; a text stands in quotes".into(),
                    },
                };
                Err(self.problem(expr, format!("nothing is called `{name}`"), help))
            }
        }
    }

    /// Fields of fields of a name are not evaluated one by one, so they are not deep.
    fn field(&mut self, expr: &'a IdedExpr, select: &'a SelectExpr) -> Checks<Kind> {
        let mut operand = select.operand.as_ref();
        let mut first_field = select.field.as_str();
        while let Expr::Select(inner) = &operand.expr {
            if inner.test {
                break;
            }
            first_field = &inner.field;
            operand = &inner.operand;
        }
        let direct = std::ptr::eq(operand, select.operand.as_ref());
        let kind = match &operand.expr {
            Expr::Ident(name) => {
                let kind = self.name(operand, name)?;
                if name == "event" && self.local(name).is_none() {
                    let kind = self.event_field(expr, first_field)?;
                    self.holds_fields(expr, if direct { Kind::Map } else { kind })?;
                    return Ok(if select.test { Kind::Bool } else { kind });
                }
                kind
            }
            _ => self.kind(&select.operand)?,
        };
        self.holds_fields(expr, kind)?;
        Ok(match (select.test, kind) {
            (true, _) => Kind::Bool,
            (false, Kind::Optional) => Kind::Optional,
            (false, _) => Kind::Any,
        })
    }

    fn holds_fields(&self, expr: &IdedExpr, kind: Kind) -> Checks<()> {
        if kind.may_be(&[Kind::Map, Kind::Optional]) {
            return Ok(());
        }
        let message = format!("{} has no fields", kind.words());
        Err(self.problem(expr, message, "leave out what follows the dot"))
    }

    fn event_field(&self, expr: &IdedExpr, field: &str) -> Checks<Kind> {
        match field {
            "late" | "repeat" => Ok(Kind::Bool),
            "from" | "to" => Ok(Kind::Any),
            field if TimerFacts::FIELDS.contains(&field) => Ok(Kind::Reckoned),
            field if EVENT_FIELDS.contains(&field) => Ok(Kind::Text),
            field => {
                let message = format!("an event has no field `{field}`");
                let mut problem = self.problem(expr, message, event_help(field));
                let start = self.text.get(problem.offset..).and_then(|rest| rest.find(field));
                problem.offset += start.unwrap_or_default();
                Err(problem)
            }
        }
    }

    fn comprehension(
        &mut self,
        expr: &'a IdedExpr,
        comprehension: &'a ComprehensionExpr,
    ) -> Checks<Kind> {
        let range = self.kind(&comprehension.iter_range)?;
        if !range.may_be(&[Kind::List, Kind::Map]) {
            let message = format!("a loop goes over a list or a map, not over {}", range.words());
            return Err(self.problem(expr, message, "put the list before the dot"));
        }
        // `optMap` only names a value: it loops over nothing.
        let loops = !matches!(&comprehension.iter_range.expr,
            Expr::List(list) if list.elements.is_empty());
        self.loops += usize::from(loops);
        if self.loops > MAX_LOOPS {
            let message = format!("loops nest at most {MAX_LOOPS} deep");
            return Err(self.problem(expr, message, "the work would grow with each level"));
        }
        let result = self.kind(&comprehension.accu_init)?;
        let outside = self.names.len();
        self.names.push((&comprehension.accu_var, result));
        self.names.push((&comprehension.iter_var, Kind::Any));
        self.kind(&comprehension.loop_cond)?;
        self.kind(&comprehension.loop_step)?;
        let kind = self.kind(&comprehension.result)?;
        self.names.truncate(outside);
        self.loops -= usize::from(loops);
        Ok(kind)
    }

    fn call(&mut self, expr: &'a IdedExpr, call: &'a CallExpr) -> Checks<Kind> {
        let name = call.func_name.as_str();
        self.swallows |= matches!(name, operators::OPT_INDEX | operators::OPT_SELECT);
        if let Some(help) = functions::unread_macro(name) {
            return Err(self.misused(expr, name, format!("`{name}` is not used like this"), help));
        }
        let (target, called) = match call.target.as_deref() {
            Some(IdedExpr { expr: Expr::Ident(space), .. })
                if space == "optional" && self.local(space).is_none() =>
            {
                (None, format!("optional.{name}"))
            }
            Some(target) => (Some(self.kind(target)?), name.to_owned()),
            None => (None, name.to_owned()),
        };
        let given: Vec<Kind> = call.args.iter().map(|arg| self.kind(arg)).collect::<Checks<_>>()?;
        if target.is_none()
            && let Some(kind) = of_operator(name, &given)
        {
            if let (operators::INDEX, [of, at]) = (name, &call.args[..])
                && let (Expr::Ident(of), Expr::Literal(LiteralValue::String(field))) =
                    (&of.expr, &at.expr)
                && of == "event"
                && self.local(of).is_none()
            {
                return self.event_field(expr, field.inner());
            }
            return kind.map_err(|()| self.unsuited(expr, name, &given));
        }
        let form = self.form(expr, &called, target.is_some(), given.len())?;
        self.suits(expr, form, target, &given)?;
        self.literals(expr, call)?;
        Ok(form.gives)
    }

    fn unsuited(&self, expr: &IdedExpr, name: &str, given: &[Kind]) -> ExpressionProblem {
        let known = given.iter().filter(|kind| **kind != Kind::Any);
        let kinds: Vec<&str> = known.map(|kind| kind.words()).collect();
        let message = format!("{} cannot be used with {}", operator(name), kinds.join(" and "));
        let help = match name {
            operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT => {
                "both sides must be true or false: compare them with something"
            }
            _ => {
                "compare and reckon with values of one kind; int(…), string(…) and timestamp(…) convert"
            }
        };
        self.problem(expr, message, help)
    }

    /// The form of a function that fits the call.
    fn form(
        &self,
        expr: &IdedExpr,
        name: &str,
        on_target: bool,
        arguments: usize,
    ) -> Checks<&'static Function> {
        let wrong = |message, help| Err(self.misused(expr, name, message, help));
        let style = |form: &&Function| form.target.is_some() == on_target;
        let fits = |form: &&Function| {
            arguments <= form.takes.len() && arguments + form.optional >= form.takes.len()
        };
        if let Some(form) = functions::forms(name).filter(style).find(fits) {
            return Ok(form);
        }
        if functions::forms(name).any(|form| style(&form)) {
            let message = format!("`{name}` does not take {arguments} arguments");
            return wrong(message, functions::usage(name));
        }
        if functions::forms(name).next().is_some() {
            return wrong(format!("`{name}` is not called like this"), functions::usage(name));
        }
        wrong(format!("no function is called `{name}`"), functions::suggestion(name))
    }

    /// A problem at the name of a function: the parser only knows where its bracket is.
    fn misused(
        &self,
        expr: &IdedExpr,
        name: &str,
        message: String,
        help: String,
    ) -> ExpressionProblem {
        let bracket = self.offset(expr);
        let last = name.rsplit('.').next().unwrap_or(name);
        let offset = self.text.get(..bracket).and_then(|before| before.rfind(last));
        ExpressionProblem { message, offset: offset.unwrap_or(bracket), help: Some(help) }
    }

    fn suits(
        &self,
        expr: &IdedExpr,
        form: &Function,
        target: Option<Kind>,
        given: &[Kind],
    ) -> Checks<()> {
        let wanted = form.target.into_iter().chain(form.takes.iter().copied());
        let wrong =
            wanted.zip(target.iter().chain(given)).find(|(wanted, kind)| !kind.may_be(wanted));
        let Some((wanted, kind)) = wrong else { return Ok(()) };
        let mut names: Vec<&str> = wanted.iter().map(|kind| kind.words()).collect();
        names.dedup();
        let name = operator(form.name);
        let message = format!("{name} takes {}, not {}", names.join(" or "), kind.words());
        let help = match (form.name, kind) {
            ("contains", Kind::List | Kind::Map) => "write x in list".into(),
            ("@in", Kind::Text) => "write text.contains(x)".into(),
            _ => functions::usage(form.name),
        };
        Err(self.problem(expr, message, help))
    }

    /// Patterns, times and lengths of time that are written out can be tried at once.
    fn literals(&self, expr: &IdedExpr, call: &CallExpr) -> Checks<()> {
        let Some(IdedExpr { expr: Expr::Literal(LiteralValue::String(text)), .. }) =
            call.args.last()
        else {
            return Ok(());
        };
        let text = text.inner();
        match call.func_name.as_str() {
            "matches" => pattern::regex(text).map(drop).map_err(|cause| {
                let help = "backslashes stand twice in CEL, or write r'…'";
                let message = format!("`{text}` is not a regular expression: {cause}");
                self.problem(expr, message, help)
            }),
            name @ ("timestamp" | "duration") if call.target.is_none() => {
                let context = Context::with_env(bindings::shared_env());
                Value::resolve_val(expr, &context).map(drop).map_err(|_| {
                    let message = format!("`{text}` is not a {name}");
                    self.problem(expr, message, functions::usage(name))
                })
            }
            _ => Ok(()),
        }
    }
}
