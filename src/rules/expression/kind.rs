//! Kinds of values, as far as they can be told without an event, and what operators make of
//! them.

use cel::common::ast::{LiteralValue, operators};

/// What a part of an expression comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It hangs on the event.
    Any,
    /// A sum or the like: it hangs on the event, but is never true or false.
    Reckoned,
    Bool,
    Int,
    Uint,
    Double,
    Text,
    Bytes,
    List,
    Map,
    Null,
    Timestamp,
    Duration,
    Type,
    Optional,
}

impl Kind {
    /// Whether a value of this kind may be of one of these; an empty list stands for all.
    pub(super) fn may_be(self, wanted: &[Self]) -> bool {
        match self {
            Self::Any => true,
            _ if wanted.is_empty() => true,
            Self::Reckoned => wanted.iter().any(|kind| kind.adds_up()),
            kind => wanted.contains(&kind),
        }
    }

    /// How messages name it.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Any => "anything",
            Self::Reckoned => "a sum or the like",
            Self::Bool => "true or false",
            Self::Int | Self::Uint | Self::Double => "a number",
            Self::Text => "a string",
            Self::Bytes => "bytes",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Null => "null",
            Self::Timestamp => "a timestamp",
            Self::Duration => "a duration",
            Self::Type => "a type",
            Self::Optional => "an optional value",
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    fn adds_up(self) -> bool {
        self.is_number() || matches!(self, Self::Text | Self::Bytes | Self::List) || self.is_time()
    }

    fn is_time(self) -> bool {
        matches!(self, Self::Timestamp | Self::Duration)
    }

    fn is_open(self) -> bool {
        matches!(self, Self::Any | Self::Reckoned)
    }

    fn is_ordered(self) -> bool {
        self.is_open() || (self.adds_up() && self != Self::List) || self == Self::Bool
    }
}

/// The kind of a literal.
pub(super) fn literal(value: &LiteralValue) -> Kind {
    match value {
        LiteralValue::Boolean(_) => Kind::Bool,
        LiteralValue::Bytes(_) => Kind::Bytes,
        LiteralValue::Double(_) => Kind::Double,
        LiteralValue::Int(_) => Kind::Int,
        LiteralValue::Null => Kind::Null,
        LiteralValue::String(_) => Kind::Text,
        LiteralValue::UInt(_) => Kind::Uint,
    }
}

/// What an operator makes of its operands: `None` where there is no such operator, `Err`
/// where it cannot take them.
pub(super) fn of_operator(name: &str, operands: &[Kind]) -> Option<Result<Kind, ()>> {
    let all = |wanted: &[Kind]| operands.iter().all(|kind| kind.may_be(wanted));
    let given = |good: bool, kind: Kind| if good { Ok(kind) } else { Err(()) };
    Some(match (name, operands) {
        (operators::LOGICAL_AND | operators::LOGICAL_OR | operators::LOGICAL_NOT, _) => {
            given(all(&[Kind::Bool]), Kind::Bool)
        }
        (operators::EQUALS | operators::NOT_EQUALS, _) => Ok(Kind::Bool),
        (
            operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS,
            [left, right],
        ) => given(are_comparable(*left, *right), Kind::Bool),
        (operators::ADD, [left, right]) => sum(*left, *right).ok_or(()),
        (operators::SUBSTRACT, [left, right]) => difference(*left, *right).ok_or(()),
        (operators::MULTIPLY | operators::DIVIDE, [left, right]) => {
            let numbers = [Kind::Int, Kind::Uint, Kind::Double];
            given(all(&numbers), number(*left, *right))
        }
        (operators::MODULO, [left, right]) => {
            given(all(&[Kind::Int, Kind::Uint]), number(*left, *right))
        }
        (operators::NEGATE, [kind]) => given(all(&[Kind::Int, Kind::Double]), number(*kind, *kind)),
        (operators::INDEX, [target, _]) => {
            given(target.may_be(&[Kind::List, Kind::Map, Kind::Optional]), Kind::Any)
        }
        (operators::OPT_INDEX | operators::OPT_SELECT, [target, _]) => {
            given(target.may_be(&[Kind::List, Kind::Map, Kind::Optional]), Kind::Optional)
        }
        (operators::CONDITIONAL, [condition, left, right]) => {
            let kind = if left == right { *left } else { Kind::Any };
            given(condition.may_be(&[Kind::Bool]), kind)
        }
        _ => return None,
    })
}

fn are_comparable(left: Kind, right: Kind) -> bool {
    let alike = left == right || left.is_open() || right.is_open();
    left.is_ordered() && right.is_ordered() && (alike || (left.is_number() && right.is_number()))
}

fn number(left: Kind, right: Kind) -> Kind {
    match (left, right) {
        (Kind::Double, _) | (_, Kind::Double) => Kind::Double,
        (left, right) if left == right && left.is_number() => left,
        _ => Kind::Reckoned,
    }
}

fn sum(left: Kind, right: Kind) -> Option<Kind> {
    let good = |kind: Kind| kind.is_open() || kind.adds_up();
    match (left, right) {
        (left, right) if left.is_number() && right.is_number() => Some(number(left, right)),
        (left, right) if left.is_open() || right.is_open() => {
            (good(left) && good(right)).then_some(Kind::Reckoned)
        }
        (left, right) if left.is_time() && right.is_time() => {
            (left != Kind::Timestamp || right != Kind::Timestamp).then_some(Kind::Reckoned)
        }
        (left, right) => (left == right && left.adds_up()).then_some(left),
    }
}

fn difference(left: Kind, right: Kind) -> Option<Kind> {
    let good = |kind: Kind| kind.is_open() || kind.is_number() || kind.is_time();
    match (left, right) {
        (left, right) if left.is_number() && right.is_number() => Some(number(left, right)),
        (left, right) if left.is_open() || right.is_open() => {
            (good(left) && good(right)).then_some(Kind::Reckoned)
        }
        (left, right) => (left.is_time() && right.is_time()).then_some(Kind::Reckoned),
    }
}
