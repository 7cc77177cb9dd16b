//! What was measured, and the floors of it for `--check`.

use std::time::Duration;

use crate::service::Memory;

/// Several measurements of one thing.
#[derive(Debug, Clone, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    pub fn take(&mut self, value: f64) {
        self.0.push(value);
        self.0.sort_by(f64::total_cmp);
    }

    pub fn take_ms(&mut self, time: Duration) {
        self.take(time.as_secs_f64() * 1e3);
    }

    pub fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The nearest measurement.
    pub fn quantile(&self, share: f64) -> f64 {
        let last = self.0.len().checked_sub(1).expect("a measurement");
        self.0[(share * last as f64).round() as usize]
    }

    /// The lowest and the highest.
    pub fn range(&self) -> String {
        format!("{:.0} to {:.0}", self.quantile(0.0), self.quantile(1.0))
    }
}

/// What a run has measured, as far as it was asked to. Times are in milliseconds.
#[derive(Debug, Clone, Default)]
pub struct Figures {
    pub rest: Option<Rest>,
    pub latency: Option<Latency>,
    pub burst: Option<Burst>,
    pub jobs: Vec<Grown>,
    pub rules: Vec<GrownRules>,
    pub sources: Vec<Grown>,
}

#[derive(Debug, Clone, Default)]
pub struct Burst {
    pub messages: usize,
    /// Messages a second, from the first request that could show the burst to the last message.
    pub whole: Sample,
    /// The same from the first message on.
    pub sending: Sample,
    /// Of the plain loop.
    pub limit: Sample,
    /// `whole` as a share of the loop that ran after it.
    pub ratio: Sample,
    pub sending_ratio: Sample,
    /// Seconds of processor time for 1,000 messages, all in.
    pub cpu_s: Sample,
    pub memory: Option<Memory>,
}

#[derive(Debug, Clone, Default)]
pub struct Latency {
    pub interval_ms: f64,
    /// From the job's end to the message.
    pub whole: Sample,
    /// From the first request that could show it to the message.
    pub own: Sample,
    pub memory: Option<Memory>,
}

/// A service that has nothing to say.
#[derive(Debug, Clone)]
pub struct Rest {
    pub known_jobs: usize,
    pub memory: Memory,
    /// Of a service that was started again on the same store.
    pub restarted: Memory,
    pub polls: usize,
    pub requests: usize,
    /// Milliseconds of processor time for one poll.
    pub cpu_ms: f64,
    pub start_ms: Sample,
    pub stop_ms: Sample,
    pub binary_bytes: u64,
}

impl Rest {
    pub fn requests_per_poll(&self) -> f64 {
        self.requests as f64 / self.polls as f64
    }
}

/// A service at rest that knows, or polls, so many.
#[derive(Debug, Clone, Copy)]
pub struct Grown {
    pub count: usize,
    /// From the start to the first poll of each source.
    pub start_ms: f64,
    /// Of one poll of 100 jobs, none of which has changed.
    pub poll_cpu_ms: f64,
    pub requests_per_poll: f64,
    pub memory: Memory,
}

/// A service with so many rules.
#[derive(Debug, Clone, Copy)]
pub struct GrownRules {
    pub count: usize,
    pub start_ms: f64,
    pub memory: Memory,
    /// Seconds of processor time for 1,000 messages of a burst.
    pub cpu_s: f64,
}

impl Figures {
    /// What is worse than the floor that the project has set itself.
    pub fn misses(&self) -> Vec<String> {
        let mut most = Vec::new();
        if let Some(rest) = &self.rest {
            most.push(("idle memory, MiB", rest.memory.resident as f64 / MIB, 20.0));
            most.push(("start to first poll, ms", rest.start_ms.median(), 100.0));
            most.push(("SIGTERM to exit, ms", rest.stop_ms.median(), 1_000.0));
            most.push(("requests for a steady poll", rest.requests_per_poll(), 1.0));
        }
        if let Some(Latency { whole, interval_ms, .. }) = &self.latency {
            most.push(("latency median, ms", whole.median(), interval_ms + 50.0));
        }
        for grown in self.jobs.iter().filter(|grown| grown.count >= 1_000_000) {
            most.push(("memory, MiB", grown.memory.resident as f64 / MIB, 150.0));
            most.push(("start, ms", grown.start_ms, 2_000.0));
        }
        let missed = most.into_iter().filter(|(_, value, most)| value > most);
        missed
            .map(|(what, value, most)| format!("{what}: {value:.1}, at most {most:.1} is allowed"))
            .collect()
    }
}

pub const MIB: f64 = 1024.0 * 1024.0;
