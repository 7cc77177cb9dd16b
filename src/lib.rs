//! descript-notify: tells people what happened to their Descript jobs.
//!
//! # The tour
//!
//! A job at Descript ends once, so a lost end is lost for ever. Hence a ledger in the middle:
//! what was seen, decided and owed is written in one transaction, and what is owed stays owed
//! until the other side has taken it or a person has discarded it.
//!
//! Two loops are joined by that ledger and never call each other. *Ingest*, one for each
//! source: walk through the job list, compare it with what is known, ask the rules what each
//! difference is worth, commit. *Dispatch*, one for each notifier: claim what is due, make a
//! message of it, send it, record what the service said. A ring of a bell after a commit saves
//! the wait, and nothing depends on it. Everything between the two ends is a pure function of
//! values, the time among them.
//!
//! # The rooms, in the order of the pipeline
//!
//! 1. [`source`]: where jobs come from: the API's client, its JSON, the walk
//! 2. [`diff`]: what is known and what was seen → events (pure)
//! 3. [`rules`]: an event → a verdict of each rule, with its reason (pure)
//! 4. [`store`]: memory and ledger, in SQLite
//! 5. [`render`]: a delivery and a template → a message (pure)
//! 6. [`deliver`]: a message → the world, one folder for each type of notifier
//!
//! Around them:
//!
//! - [`model`]: the words that all of them speak: job, event, verdict, delivery, message
//! - [`secret`], [`problem`], [`clock`], [`telemetry`], [`exit`]: small things with one name each
//! - [`config`]: the whole TOML file, as written → as meant, every mistake at once
//! - [`pipeline`]: ingest and dispatch, the only room that joins the stages
//! - [`trial`]: what a config would say: its own tests, previews, comparisons (pure)
//! - [`web`]: health, metrics, a JSON API, callbacks, over HTTP
//! - [`app`]: the running process: built, run and stopped together
//! - [`cli`]: one file for each command
//! - [`emulator`]: a Descript API for the demo and the tests
//!
//! Which room may import which is a table in `tests/architecture.rs`.
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod deliver;
pub mod diff;
pub mod emulator;
pub mod exit;
pub mod model;
pub mod pipeline;
pub mod problem;
pub mod render;
pub mod rules;
pub mod secret;
pub mod source;
pub mod store;
pub mod telemetry;
pub mod trial;
pub mod web;
