//! Joins the stages: the only room that knows more than one of them.
//!
//! *Dramatis personae.* [`Ingest`], one for each source, walks the job list, has `diff` tell
//! what happened and `rules` what to say about it, and writes all of that into the store in
//! one transaction. [`Dispatch`], one for each notifier, claims what is due, has it rendered,
//! sends it and records the answer. Neither calls the other: the store stands between them,
//! and a nudge after a commit only saves the wait. Both have one step that a test can turn by
//! hand, and a loop that turns it until told to stop.

mod attempt;
mod decide;
mod dispatch;
mod ingest;
mod keeper;
mod names;
mod policy;
mod route;
mod settle;
mod steps;

pub use dispatch::{Dispatch, DispatchParts, Drained};
pub use ingest::{Ingest, IngestParts, Mode, Polled};
pub use keeper::Keeper;
pub use policy::{Current, Policy};
pub use route::{Nudges, Route, Routes};
