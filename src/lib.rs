//! descript-notify: tells people what happened to their Descript jobs.
pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod deliver;
pub mod diff;
pub mod emulator;
pub mod exit;
pub mod model;
pub mod pipeline;
pub mod problem;
pub mod render;
pub mod rules;
pub mod secret;
pub mod source;
pub mod store;
pub mod telemetry;
