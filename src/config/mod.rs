//! The whole TOML file: found, read, and turned from what is written into what is meant.
//!
//! [`parse()`] is pure: a text in, a [`Config`] and every [`Problem`] of the text out. The file
//! is parsed once into values with their places; then each table is deserialized into the
//! type that mirrors it and checked by the file named after it. [`load()`] adds the disk,
//! [`masked`] makes the text fit to be quoted, [`schema()`] describes the same types to editors.
//! Whether templates exist and whether secrets can be read is not asked here.

mod active;
mod address;
mod case;
mod command;
mod discord;
mod elsewhere;
mod email;
mod flood;
mod length;
mod listen;
mod live;
mod load;
mod mask;
mod notes;
mod notifier;
mod on;
mod pace;
mod parse;
mod places;
mod postgres;
mod rule;
mod scan;
mod schema;
mod secrecy;
mod service;
mod slack;
mod source;
mod spend;
mod syntax;
mod table;
mod taken;
#[cfg(test)]
mod tests;
mod webhook;

use std::path::PathBuf;

pub use case::{Case, CaseEvent, Expected};
pub use listen::Listen;
pub use load::{LoadError, Loaded, LoadedCases, load, load_cases};
pub use mask::masked;
pub use parse::{parse, parse_cases};
pub use places::{NotFound, Surroundings, find};
pub use postgres::PostgresUrl;
pub use schema::schema;
pub use service::{Service, StorePlace};

use crate::deliver::settings::NotifierSettings;
use crate::problem::Problem;
use crate::rules::Rule;
use crate::source::settings::SourceSettings;

/// The file as it is meant: nothing is left to check but what needs the disk or the network.
#[derive(Debug)]
pub struct Config {
    pub service: Service,
    /// In the file's order, as are the next three.
    pub sources: Vec<SourceSettings>,
    pub notifiers: Vec<NotifierSettings>,
    pub rules: Vec<Rule>,
    /// The cases of `[[test]]`.
    pub tests: Vec<Case>,
}

/// What a text says.
#[derive(Debug)]
pub struct Parsed {
    /// `None` where any problem is an error.
    pub config: Option<Config>,
    pub problems: Vec<Problem>,
    /// Whether a secret stands in the text itself.
    pub has_inline_secrets: bool,
}

/// What a file of cases says.
#[derive(Debug)]
pub struct ParsedCases {
    /// `None` where any problem is an error.
    pub cases: Option<Vec<Case>>,
    pub problems: Vec<Problem>,
}

/// What the text leaves to its surroundings.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// Where the store goes if the text does not say.
    pub state_folder: Option<PathBuf>,
}
