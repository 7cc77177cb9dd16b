//! Where jobs come from: the Descript API, asked over and over.
//!
//! The pipeline's ingest drives this room, one source at a time:
//! [`window`] says how far back to ask, [`walk`](walk::walk) fetches every page through the
//! [`Client`] and reads it by [`wire`], [`window`] names the open jobs to read singly, and
//! [`schedule`] says when to come again. `wire`, `window`, `schedule`, `headers` and the errors'
//! words are pure. What changed is not decided here but in `diff`.

mod budget;
mod client;
mod error;
mod headers;
pub mod schedule;
pub mod settings;
pub mod walk;
pub mod window;
pub mod wire;

pub use client::{BuildError, Client, ListQuery, PageText, Single};
pub use error::ApiError;

#[cfg(test)]
mod scripted;
