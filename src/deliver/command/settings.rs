//! What a command notifier is told by the config.

/// A program that gets the event as JSON on its standard input.
#[derive(Debug, Clone)]
pub struct CommandSettings {
    /// The program and its arguments; never empty.
    pub program: Vec<String>,
}
