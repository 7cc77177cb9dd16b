//! The service over HTTP, by the built program: what it answers, to whom, and how long it waits.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

mod access;
mod api;
mod asking;
mod callbacks;
mod health;
mod limits;
mod many;
mod openapi;
mod pages;
mod previews;
mod silences;
mod stream;
mod used;

use support::stage::{Stage, address_of, with_one_dead_delivery};
