//! Stage 3: event → verdicts. Pure.
//!
//! [`written`] is a rule's `match` table as the config has it; [`Condition`] is the same,
//! checked; [`Expression`] is `when`. A [`RuleSet`] holds the rules in the file's order and
//! says what each of them thinks of an [`Event`](crate::model::Event), as a
//! [`Verdict`](crate::model::Verdict) with its reason. [`Facts`] is what they look at: the
//! event's document.
//!
//! What a rule does with a match is decided by values too: [`Throttle`] and [`Group`] against
//! floods, [`Active`] for its hours, [`Spend`] for budgets, and [`Rule::timers`] for jobs that
//! take long. What they need to know of earlier messages is remembered elsewhere.
//!
//! Parsing collects [`Problem`](crate::problem::Problem)s for the config room.

mod active;
mod condition;
mod expression;
mod facts;
mod fields;
mod flood;
mod met;
mod on;
mod path;
mod pattern;
mod rule;
mod set;
mod silence;
mod spend;
mod timer;
pub mod written;

pub use active::{Active, Clock, DAY_NAMES, Opening, Otherwise};
pub use condition::{Condition, Finding};
pub use expression::{Answer, Expression, ExpressionProblem};
pub use facts::Facts;
pub use flood::{By, Group, Throttle, parse_by};
pub use on::parse_on;
pub use rule::Rule;
pub use set::RuleSet;
pub use silence::{Matcher, Wish, exactly};
pub use spend::{Period, Spend, SpendUnit};
pub use timer::{After, Due, Repeat, Watched, usual};
