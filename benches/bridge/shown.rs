//! The figures as lines for people, ratios first.

use std::fmt::Write as _;

use crate::figures::{Burst, Figures, Grown, GrownRules, Latency, MIB, Rest};
use crate::service::Memory;

/// The table of what was measured.
pub fn table(figures: &Figures) -> String {
    let mut lines = Lines::default();
    if let Some(burst) = &figures.burst {
        lines.burst(burst);
    }
    if let Some(latency) = &figures.latency {
        lines.latency(latency);
    }
    if let Some(rest) = &figures.rest {
        lines.rest(rest);
    }
    lines.grown("known jobs", &figures.jobs);
    lines.grown_rules(&figures.rules);
    lines.grown("sources", &figures.sources);
    lines.0
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, what: &str, value: String, note: impl AsRef<str>) {
        writeln!(self.0, "{what:<44} {value:>9}  {}", note.as_ref()).expect("memory");
    }

    fn memory(&mut self, what: &str, memory: Memory) {
        let note = format!("{} of it private", mib(memory.private));
        self.line(what, mib(memory.resident), note);
    }

    fn burst(&mut self, burst: &Burst) {
        self.line(
            "burst, share of the plain loop",
            format!("{:.3}", burst.ratio.median()),
            format!(
                "{:.3} to {:.3}; {:.3} from the first message on",
                burst.ratio.quantile(0.0),
                burst.ratio.quantile(1.0),
                burst.sending_ratio.median()
            ),
        );
        self.line(
            "burst, messages/s",
            format!("{:.0}", burst.whole.median()),
            format!("{} at once, {}; first to last", burst.messages, burst.whole.range()),
        );
        self.line("  from the first message on", format!("{:.0}", burst.sending.median()), "");
        self.line(
            "plain loop, POSTs/s",
            format!("{:.0}", burst.limit.median()),
            format!("{}, 8 kept connections", burst.limit.range()),
        );
        self.line("CPU s for 1,000 messages", format!("{:.3}", burst.cpu_s.median()), "");
        if let Some(memory) = burst.memory {
            self.memory("memory after a burst, MiB", memory);
        }
    }

    fn latency(&mut self, latency: &Latency) {
        self.line(
            "latency beyond one interval, median, ms",
            format!("{:.1}", latency.whole.median() - latency.interval_ms),
            format!("job ends to message, interval {:.0} ms", latency.interval_ms),
        );
        self.line(
            "latency beyond one interval, p99, ms",
            format!("{:.1}", latency.whole.quantile(0.99) - latency.interval_ms),
            "",
        );
        self.line(
            "request to message, median, ms",
            format!("{:.1}", latency.own.median()),
            format!("p99 {:.1}", latency.own.quantile(0.99)),
        );
        if let Some(memory) = latency.memory {
            self.memory("memory after the paced messages, MiB", memory);
        }
    }

    fn rest(&mut self, rest: &Rest) {
        self.line(
            "requests for a steady poll",
            format!("{:.2}", rest.requests_per_poll()),
            format!("{} of history known", rest.known_jobs),
        );
        self.line("CPU ms for a steady poll", format!("{:.2}", rest.cpu_ms), "");
        self.memory("idle memory, MiB", rest.memory);
        self.memory("  after a restart", rest.restarted);
        let (start, stop) = (&rest.start_ms, &rest.stop_ms);
        self.line("start to first poll, ms", format!("{:.0}", start.median()), start.range());
        self.line("SIGTERM to exit, ms", format!("{:.0}", stop.median()), stop.range());
        self.line("binary, MiB", mib(rest.binary_bytes), "");
    }

    fn grown(&mut self, what: &str, grown: &[Grown]) {
        for Grown { count, start_ms, poll_cpu_ms, requests_per_poll, memory } in grown {
            let words = format!(
                "{} MiB resident, {} private; start {start_ms:.0} ms; a poll: {poll_cpu_ms:.2} ms of CPU, {requests_per_poll:.2} requests",
                mib(memory.resident),
                mib(memory.private),
            );
            self.line(what, count.to_string(), words);
        }
    }

    fn grown_rules(&mut self, grown: &[GrownRules]) {
        for GrownRules { count, start_ms, memory, cpu_s } in grown {
            let words = format!(
                "{cpu_s:.3} CPU s for 1,000 messages; {} MiB resident; start {start_ms:.0} ms",
                mib(memory.resident),
            );
            self.line("rules", count.to_string(), words);
        }
    }
}

fn mib(bytes: u64) -> String {
    format!("{:.1}", bytes as f64 / MIB)
}
