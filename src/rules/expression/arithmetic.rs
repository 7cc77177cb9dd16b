//! `+ - * / %` over numbers of any make.
//!
//! CEL refuses to reckon with a whole number and one that is not. JSON does not tell them
//! apart: the same field is 9.5 in one job and 600 in the next. So the expression's own
//! arithmetic is sent to the functions here, which turn both numbers into doubles where they
//! differ. What macros like `map` and `exists_one` reckon with is left alone.

use cel::common::ast::{CallExpr, EntryExpr, Expr, operators};
use cel::common::functions::Function;
use cel::common::types::{CelDouble, CelInt, CelUInt, DYN_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError, IdedExpr};

/// CEL's operators with the functions that stand in for them.
const STAND_INS: [(&str, &str, Function); 5] = [
    (operators::ADD, "@add", add),
    (operators::SUBSTRACT, "@subtract", subtract),
    (operators::MULTIPLY, "@multiply", multiply),
    (operators::DIVIDE, "@divide", divide),
    (operators::MODULO, "@remainder", remainder),
];

/// Adds the functions to an environment.
///
/// # Errors
/// When one is declared already.
pub(super) fn declare(env: &mut Env) -> Result<(), DeclarationError> {
    STAND_INS.iter().try_for_each(|(_, name, make)| {
        env.add_overload(name, name, vec![DYN_TYPE, DYN_TYPE], *make)
    })
}

/// Sends an expression's own arithmetic to the stand-ins.
pub(super) fn redirect(expr: &mut IdedExpr) {
    match &mut expr.expr {
        Expr::Call(call) => {
            call.target.iter_mut().for_each(|target| redirect(target));
            call.args.iter_mut().for_each(redirect);
            redirect_call(call);
        }
        Expr::Comprehension(comprehension) => {
            redirect(&mut comprehension.iter_range);
            redirect(&mut comprehension.accu_init);
            redirect(&mut comprehension.loop_cond);
            redirect(&mut comprehension.loop_step);
            redirect(&mut comprehension.result);
        }
        Expr::Select(select) => redirect(&mut select.operand),
        Expr::List(list) => list.elements.iter_mut().for_each(redirect),
        Expr::Map(map) => {
            for entry in &mut map.entries {
                if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                    redirect(&mut entry.key);
                    redirect(&mut entry.value);
                }
            }
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Struct(_) | Expr::Unspecified => {}
    }
}

fn redirect_call(call: &mut CallExpr) {
    let of_a_macro =
        call.args.iter().any(|arg| matches!(&arg.expr, Expr::Ident(name) if name.starts_with('@')));
    if of_a_macro || call.target.is_some() || call.args.len() != 2 {
        return;
    }
    let stand_in = STAND_INS.iter().find(|(operator, ..)| *operator == call.func_name);
    if let Some((_, name, _)) = stand_in {
        call.func_name = (*name).to_owned();
    }
}

macro_rules! stand_in {
    ($name:ident, $operator:expr, $capability:ident, $method:ident) => {
        fn $name<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
            let [left, right] = same_make(args)?;
            let refused = || {
                let kinds = [&left, &right].map(|value| value.get_type().name().to_owned());
                ExecutionError::no_such_overload($operator, kinds.to_vec())
            };
            let result = left.$capability().ok_or_else(refused)?.$method(right.as_ref());
            match result {
                Ok(value) => Ok(CowVal::Owned(value.into_owned())),
                Err(ExecutionError::UnsupportedBinaryOperator(..)) => Err(refused()),
                Err(ExecutionError::UnexpectedType { .. }) => Err(refused()),
                Err(error) => Err(error),
            }
        }
    };
}

stand_in!(add, operators::ADD, as_adder, add);
stand_in!(subtract, operators::SUBSTRACT, as_subtractor, sub);
stand_in!(multiply, operators::MULTIPLY, as_multiplier, mul);
stand_in!(divide, operators::DIVIDE, as_divider, div);
stand_in!(remainder, operators::MODULO, as_modder, modulo);

/// Both operands, as doubles where they are numbers of different makes.
fn same_make<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<[CowVal<'b, 'v>; 2], ExecutionError> {
    let [left, right] = <[CowVal<'b, 'v>; 2]>::try_from(args)
        .map_err(|args| ExecutionError::invalid_argument_count(2, args.len()))?;
    if left.get_type() == right.get_type() {
        return Ok([left, right]);
    }
    Ok(match (double(left.as_ref()), double(right.as_ref())) {
        (Some(left), Some(right)) => {
            [left, right].map(|number| CowVal::owned(CelDouble::from(number)))
        }
        _ => [left, right],
    })
}

fn double(value: &dyn Val) -> Option<f64> {
    let whole = value.downcast_ref::<CelInt>().map(|number| *number.inner() as f64);
    let unsigned = || value.downcast_ref::<CelUInt>().map(|number| *number.inner() as f64);
    let double = || value.downcast_ref::<CelDouble>().map(|number| *number.inner());
    whole.or_else(unsigned).or_else(double)
}
