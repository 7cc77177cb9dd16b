//! What was measured, as lines for people and as floors for `--check`.

use std::fmt::Write as _;
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

    fn range(&self) -> String {
        format!("{:.0} to {:.0}", self.quantile(0.0), self.quantile(1.0))
    }
}

/// Everything that one run measures. Times are in milliseconds.
#[derive(Debug, Clone)]
pub struct Figures {
    pub burst: Burst,
    pub latency: Latency,
    pub idle: Idle,
    pub start_ms: Sample,
    pub stop_ms: Sample,
    pub binary_bytes: u64,
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

#[derive(Debug, Clone)]
pub struct Idle {
    pub known_jobs: usize,
    pub memory: Memory,
    /// Of a service that was started again on the same store.
    pub restarted: Memory,
    pub polls: usize,
    pub requests: usize,
    /// Milliseconds of processor time for one poll.
    pub cpu_ms: f64,
}

impl Idle {
    fn requests_per_poll(&self) -> f64 {
        self.requests as f64 / self.polls as f64
    }
}

impl Figures {
    /// The table, ratios first.
    pub fn shown(&self) -> String {
        let Self { burst, latency, idle, start_ms, stop_ms, binary_bytes } = self;
        let mut lines = String::new();
        let mut line = |what: &str, value: String, note: String| {
            writeln!(lines, "{what:<44} {value:>9}  {note}").expect("memory");
        };
        let sent = burst.messages;
        line(
            "burst, share of the plain loop",
            format!("{:.3}", burst.ratio.median()),
            format!("{:.3} from the first message on", burst.sending_ratio.median()),
        );
        line(
            "burst, messages/s",
            format!("{:.0}", burst.whole.median()),
            format!("{sent} at once, {}; first to last", burst.whole.range()),
        );
        line(
            "  from the first message on",
            format!("{:.0}", burst.sending.median()),
            String::new(),
        );
        line(
            "plain loop, POSTs/s",
            format!("{:.0}", burst.limit.median()),
            format!("{}, 8 kept connections", burst.limit.range()),
        );
        line("CPU s for 1,000 messages", format!("{:.3}", burst.cpu_s.median()), String::new());
        line(
            "latency beyond one interval, median, ms",
            format!("{:.1}", latency.whole.median() - latency.interval_ms),
            format!("job ends to message, interval {:.0} ms", latency.interval_ms),
        );
        line(
            "latency beyond one interval, p99, ms",
            format!("{:.1}", latency.whole.quantile(0.99) - latency.interval_ms),
            String::new(),
        );
        line(
            "request to message, median, ms",
            format!("{:.1}", latency.own.median()),
            format!("p99 {:.1}", latency.own.quantile(0.99)),
        );
        line(
            "requests for a steady poll",
            format!("{:.2}", idle.requests_per_poll()),
            format!("{} of history known", idle.known_jobs),
        );
        line("CPU ms for a steady poll", format!("{:.2}", idle.cpu_ms), String::new());
        let memories = [
            ("idle memory, MiB", Some(idle.memory)),
            ("  after a restart", Some(idle.restarted)),
            ("  after the paced messages", latency.memory),
            ("  after a burst", burst.memory),
        ];
        for (what, memory) in memories {
            if let Some(memory) = memory {
                let note = format!("{} of it private", mib(memory.private));
                line(what, mib(memory.resident), note);
            }
        }
        line("start to first poll, ms", format!("{:.0}", start_ms.median()), start_ms.range());
        line("SIGTERM to exit, ms", format!("{:.0}", stop_ms.median()), stop_ms.range());
        line("binary, MiB", mib(*binary_bytes), String::new());
        lines
    }

    /// What is worse than the floor that the project has set itself.
    pub fn misses(&self) -> Vec<String> {
        let Self { latency, idle, start_ms, stop_ms, .. } = self;
        let floors = [
            ("idle memory, MiB", idle.memory.resident as f64 / MIB, 20.0),
            ("start to first poll, ms", start_ms.median(), 100.0),
            ("latency median, ms", latency.whole.median(), latency.interval_ms + 50.0),
            ("SIGTERM to exit, ms", stop_ms.median(), 1_000.0),
            ("requests for a steady poll", idle.requests_per_poll(), 1.0),
        ];
        floors
            .into_iter()
            .filter(|(_, value, most)| value > most)
            .map(|(what, value, most)| format!("{what}: {value:.1}, at most {most:.1} is allowed"))
            .collect()
    }
}

const MIB: f64 = 1024.0 * 1024.0;

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / MIB)
}
