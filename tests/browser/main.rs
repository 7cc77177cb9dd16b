//! The pages as people meet them: in a real browser, against the built program.
//!
//! They need Chromium and its driver, and axe-core for what they say about accessibility; a
//! test that misses one of them says so on standard error, and passes. `.ci/run` sees to it
//! that nothing is missing.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

mod access;
mod browser;
mod deciding;
mod driver;
mod live;
mod looks;
mod names;
mod prefix;
mod silences;
mod times;

use support::stage::Stage;

/// Where a stage's pages are.
fn home(stage: &Stage) -> String {
    format!("http://{}", stage.address)
}
