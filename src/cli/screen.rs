//! Standard output and error, as a person or a pipe sees them.

use std::io::{IsTerminal, Write};

use serde_json::Value;

/// Where a command speaks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Screen {
    /// Columns, where standard output is a terminal.
    width: Option<usize>,
    colour: bool,
    no_colour: bool,
}

impl Screen {
    /// Looks at the process's own streams and at `NO_COLOR`.
    pub(super) fn of_process() -> Self {
        let terminal = std::io::stdout().is_terminal();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Self { width: width.filter(|_| terminal), colour: terminal && !no_colour, no_colour }
    }

    /// Columns, or `None` where there is no terminal and nothing need be cut.
    pub(super) fn width(&self) -> Option<usize> {
        self.width
    }

    /// Whether standard output may be coloured.
    pub(super) fn colour(&self) -> bool {
        self.colour
    }

    /// Whether `NO_COLOR` leaves colours to be used at all.
    pub(super) fn colour_allowed(&self) -> bool {
        !self.no_colour
    }

    /// Whether standard error may be coloured.
    pub(super) fn error_colour(&self) -> bool {
        !self.no_colour && std::io::stderr().is_terminal()
    }

    /// Says something on standard output. A reader that has gone away is no error.
    pub(super) fn say(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = out.write_all(b"\n");
        }
        let _ = out.flush();
    }

    /// One JSON document on standard output.
    pub(super) fn say_json(&self, document: &Value) {
        self.say(&format!("{document:#}"));
    }

    /// A complaint on standard error.
    pub(super) fn complain(&self, message: &str) {
        let start = if self.error_colour() { "\u{1b}[1;31merror\u{1b}[0m:" } else { "error:" };
        self.murmur(&format!("{start} {message}"));
    }

    /// Something on standard error that is not a complaint.
    pub(super) fn murmur(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(text.as_bytes());
        if !text.ends_with('\n') {
            let _ = err.write_all(b"\n");
        }
    }
}
