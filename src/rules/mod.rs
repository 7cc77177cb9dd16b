//! Stage 3: event → verdicts. Pure.
//!
//! [`written`] is a rule's `match` table as the config has it; [`Condition`] is the same,
//! checked; [`Expression`] is `when`. A [`RuleSet`] holds the rules in the file's order and
//! says what each of them thinks of an [`Event`](crate::model::Event), as a
//! [`Verdict`](crate::model::Verdict) with its reason. [`Facts`] is what they look at: the
//! event's document.
//!
//! Parsing collects [`Problem`](crate::problem::Problem)s for the config room. What a rule's
//! message says, and when it is sent, is decided elsewhere.

mod condition;
mod expression;
mod facts;
mod fields;
mod met;
mod on;
mod path;
mod pattern;
mod rule;
mod set;
mod silence;
pub mod written;

pub use condition::{Condition, Finding};
pub use expression::{Answer, Expression, ExpressionProblem};
pub use facts::Facts;
pub use on::parse_on;
pub use rule::Rule;
pub use set::RuleSet;
pub use silence::Matcher;
