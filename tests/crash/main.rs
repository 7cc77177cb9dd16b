//! Faults, by chance and in numbers: kills, pauses, stops, bad services, a bad API.
//!
//! [`kills`] ends the real process again and again over a long scenario, [`births`] while it
//! makes its store, [`storm`] lets everything around it fail and leaves it alive. [`story`] is
//! the judge: it knows every job that ended and every message that arrived; [`gathered`] judges
//! those that tell several events. Seeds are printed, and `CRASH_SEED` sets one; `CRASH_KILLS`
//! says how many kills.
//!
//! With each of these mistakes in the program it has been seen to fail: claims that a start does
//! not take back, or takes back without the mark of a repeat; messages settled before they are
//! sent; jobs committed before their events. Marks committed before the jobs it cannot see, since
//! every window is walked twice: that a walk is written whole is a promise in `tests/store`.

#![expect(
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on fails"
)]

#[path = "../support/mod.rs"]
#[allow(dead_code, reason = "each test binary uses its part of the stage")]
mod support;

mod births;
mod busy;
mod gathered;
mod kills;
mod storm;
mod story;

/// The seed of this run.
#[expect(clippy::disallowed_methods, reason = "a test has no other way to be told")]
fn seed() -> u64 {
    let seed = std::env::var("CRASH_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    eprintln!("CRASH_SEED={seed}");
    seed
}
