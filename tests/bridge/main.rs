//! The bridge, end to end: the built program between an emulated Descript and real sinks.
//!
//! Each module is a stage of the way: what is seen, what is owed, what is said, what lasts
//! over restarts and kills, and what is never shown.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

mod catching_up;
mod health;
mod lasting;
mod live;
mod mail;
mod outcomes;
mod owing;
mod pacing;
mod reloading;
mod saying;
mod secrets;
mod seeing;
mod trouble;
