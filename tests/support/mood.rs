//! Faults by chance, from a seed: what a sink, a mail server and the emulated API do wrong.
//!
//! A [`Mood`] gives one answer after another, most of them good. A test prints its seed, so
//! that a run that failed can be had again, as far as time and threads allow.

use std::time::Duration;

use fastrand::Rng;

use super::sink::{Answer, Close};
use super::smtp::{Reply, Step};

/// How a service answers when nothing is scripted.
#[derive(Debug)]
pub struct Mood {
    random: Rng,
    /// Out of a hundred answers so many are bad.
    bad: u32,
    /// The longest that a good answer takes.
    slowest: Duration,
}

/// What the emulated API can do wrong with a list so that the walk fails.
const FAILING: [&str; 11] = [
    "429:on=list:retry-after=1s",
    "429:on=list:retry-after-date=2s",
    "500:on=list",
    "503:on=list:retry-after-text=soon",
    "html:on=list",
    "html=200:on=list",
    "cut:on=list",
    "not-json:on=list",
    "not-object:on=list",
    "huge=17:on=list:times=7",
    "bomb=64:on=list:times=7",
];

/// What it can do wrong so that the walk goes on, or finds less than there is.
const BENDING: [&str; 12] = [
    "huge=17:on=list",
    "bomb=64:on=list:times=2",
    "slow=5ms:on=list:times=3",
    "wait=200ms:on=list:times=3",
    "gzip:on=list:times=20",
    "content-type=text/html:on=list:times=3",
    "odd-element:on=list:times=20",
    "shift=2:on=list:times=10",
    "shift=-2:on=list:times=10",
    "skew=-1h:on=list:times=20",
    "skew=1h:on=list:times=20",
    "500:on=get:times=3",
];

/// What makes a walk go in circles, which is a failure too.
const CIRCLING: &str = "repeat-cursor:on=list:times=2";

impl Mood {
    /// One bad answer in five, and good ones within a fifth of a second.
    pub fn of(seed: u64) -> Self {
        Self { random: Rng::with_seed(seed), bad: 20, slowest: Duration::from_millis(200) }
    }

    /// The next answer.
    pub fn answer(&mut self) -> Answer {
        if self.random.u32(0..100) < self.bad {
            return self.fault();
        }
        // Most answers are quick.
        let share = self.random.f64().powi(4);
        Answer::ok().after(self.slowest.mul_f64(share))
    }

    fn fault(&mut self) -> Answer {
        match self.random.u32(0..10) {
            0..3 => Answer::status(500).body("not today"),
            3 => Answer::status(503).body("<html>the proxy has no better answer</html>"),
            4 => Answer::status(429),
            5 => Answer::status(429).header("retry-after", "1"),
            6 => Answer::ok().closing(Close::Before),
            7..9 => Answer::ok().closing(Close::AfterReading),
            _ => Answer::ok().closing(Close::MidBody),
        }
    }
}

/// Every fault of the emulated API, those that fail a walk first, and how many those are.
pub fn api_faults() -> (Vec<&'static str>, usize) {
    let failing: Vec<&str> = FAILING.into_iter().chain([CIRCLING]).collect();
    let count = failing.len();
    (failing.into_iter().chain(BENDING).collect(), count)
}

/// Something that a mail server does wrong with its next mail.
pub fn mail_fault(random: &mut Rng) -> (Step, Reply) {
    match random.u32(0..5) {
        0 => (Step::Greeting, Reply::HangUp),
        1 => (Step::Mail, Reply::Line("451 4.3.0 try again later")),
        2 => (Step::Rcpt, Reply::Line("450 4.2.1 the mailbox is busy")),
        3 => (Step::Data, Reply::HangUp),
        _ => (Step::Body, Reply::HangUp),
    }
}
